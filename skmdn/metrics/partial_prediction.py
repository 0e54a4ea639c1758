"""The part of a predictive distribution that is known where another model made it."""

from __future__ import annotations

from typing import ClassVar, NoReturn

from skmdn._arrays import FloatArray


class PartialPrediction:
    """Predictive distributions of n rows of which only some methods are known.

    A subclass defines the methods of :class:`skmdn.Mixture` that make sense for what it holds; every
    other method refuses with an error that says what is missing.
    """

    kind: ClassVar[str] = "a prediction"
    has_density: ClassVar[bool] = False

    n_rows: int
    n_outputs: int = 1
    univariate: bool = True

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.n_rows

    def logpdf(self, y: FloatArray) -> FloatArray:
        """Refuse: no density."""
        self._refuse("a density (logpdf)")

    def hdr_mass(self, y: FloatArray) -> FloatArray:
        """Refuse: no density, so no highest-density region."""
        self._refuse("a density (highest-density regions)")

    def hdr_measure(self, level: float) -> FloatArray:
        """Refuse: no density, so no highest-density region."""
        self._refuse("a density (highest-density regions)")

    def pit(self, y: FloatArray) -> FloatArray:
        """Refuse: no distribution function."""
        self._refuse("a distribution function (cdf)")

    def energy_score(self, y: FloatArray) -> FloatArray:
        """Refuse: no draws."""
        self._refuse("a distribution that can be sampled")

    def _refuse(self, missing: str) -> NoReturn:
        """Say which argument lacks what."""
        raise ValueError(f"mixture: this metric expects {missing}, got {self.kind}.")
