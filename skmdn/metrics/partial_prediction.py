"""Predictive distributions of another model, of which only some methods are known."""

from __future__ import annotations

from typing import ClassVar, NoReturn

import numpy as np


class PartialPrediction:
    """Predictive distributions of n rows of which only some methods are known.

    A subclass defines those methods of :class:`skmdn.Mixture` that it can compute. Every other
    method raises an error that says what is missing.
    """

    kind: ClassVar[str] = "a prediction"
    has_density: ClassVar[bool] = False

    n_rows: int
    n_outputs: int = 1
    univariate: bool = True

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.n_rows

    def logpdf(self, y: np.ndarray) -> np.ndarray:
        """Refuse: there is no density."""
        self._refuse("a density (logpdf), or a resolution")

    def log_cell_probability(self, y: np.ndarray, width: float) -> np.ndarray:
        """Refuse: there is no distribution function."""
        self._refuse("a distribution function (cdf)")

    def hdr_mass(self, y: np.ndarray) -> np.ndarray:
        """Refuse: without a density there is no highest-density region."""
        self._refuse("a density (highest-density regions)")

    def hdr_measure(self, level: float) -> np.ndarray:
        """Refuse: without a density there is no highest-density region."""
        self._refuse("a density (highest-density regions)")

    def pit(self, y: np.ndarray) -> np.ndarray:
        """Refuse: there is no distribution function."""
        self._refuse("a distribution function (cdf)")

    def energy_score(self, y: np.ndarray) -> np.ndarray:
        """Refuse: nothing can be sampled."""
        self._refuse("a distribution that can be sampled")

    def _refuse(self, missing: str) -> NoReturn:
        """Raise the error that names what the metric needs and what it got."""
        raise ValueError(f"mixture: this metric expects {missing}, got {self.kind}.")
