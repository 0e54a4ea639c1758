"""Scores of observed y."""

from __future__ import annotations

from typing import Literal, overload

import numpy as np
from numpy.typing import ArrayLike

from skmdn._arrays import FloatArray
from skmdn.mixture.arguments import RandomState, as_count, as_generator
from skmdn.mixture.blocks import CELLS, chunks
from skmdn.mixture.points import Points
from skmdn.mixture.sampling import Random, draw
from skmdn.mixture.scores import crps, energy_terms
from skmdn.mixture.value import MixtureValue


class ScoreMethods(MixtureValue):
    """crps and energy_score; abstract, a part of `Mixture`."""

    __slots__ = ()

    def crps(self, y: ArrayLike) -> FloatArray:
        """Continuous ranked probability score of each output, in closed form [1]_.

        Offsets and distances between components cancel exactly. The error is a few roundings of
        the scales of the components.

        Parameters
        ----------
        y : array_like
            As for `logpdf`, but finite.

        Returns
        -------
        ndarray (n,) or (n, G); with an outputs axis (n, D) or (n, G, D)
            In the unit of y; less is better.

        Raises
        ------
        ValueError
            If y has another shape or is not finite.

        References
        ----------
        .. [1] Grimit, Gneiting, Berrocal, Johnson (2006), The continuous ranked probability score
           for circular variables and its application to mesoscale forecast ensemble verification.

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> Mixture([[0.5, 0.5]], [[-5.0, 5.0]], [[1.0, 1.0]]).crps([0.0]).round(4)
        array([2.2179])
        """
        points = self._finite_points(y)
        return self._each_output(lambda part, j: part._on_line(crps, points.of_output(j)))

    @overload
    def energy_score(
        self,
        y: ArrayLike,
        n_samples: int = ...,
        random_state: RandomState = ...,
        *,
        return_std_error: Literal[False] = False,
    ) -> FloatArray: ...

    @overload
    def energy_score(
        self,
        y: ArrayLike,
        n_samples: int = ...,
        random_state: RandomState = ...,
        *,
        return_std_error: Literal[True],
    ) -> tuple[FloatArray, FloatArray]: ...

    def energy_score(
        self,
        y: ArrayLike,
        n_samples: int = 1000,
        random_state: RandomState = 0,
        *,
        return_std_error: bool = False,
    ) -> FloatArray | tuple[FloatArray, FloatArray]:
        """Energy score E ‖Y - y‖ - E ‖Y - Y'‖ / 2 of all outputs together [1]_.

        For one output it is `crps`, exact. For several outputs it is an unbiased mean over
        ``n_samples`` pairs of draws.

        Parameters
        ----------
        y : array_like
            As for `logpdf`, but finite.
        n_samples : int, default 1000
            Number of pairs of draws for each row.
        random_state : int, numpy.random.Generator, numpy.random.RandomState or None, default 0
            Source of the draws.
        return_std_error : bool, default False
            Also return the standard errors: the standard deviation over pairs, divided by
            sqrt(n_samples). For one output they are zero.

        Returns
        -------
        score : ndarray (n,) or (n, G)
        std_error : ndarray of the same shape, only with ``return_std_error``

        Raises
        ------
        ValueError
            If y has another shape or is not finite, or if n_samples or random_state is not
            allowed.

        References
        ----------
        .. [1] Gneiting, Raftery (2007), Strictly proper scoring rules, prediction, and estimation.

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> mixture = Mixture([[1.0]], [[[0.0, 0.0]]], [[[1.0, 1.0]]])
        >>> score, std_error = mixture.energy_score([[0.0, 0.0]], return_std_error=True)
        >>> bool(abs(score[0] - 0.3670) < 4 * std_error[0])
        True
        """
        points = self._finite_points(y)
        n_samples, random = as_count(n_samples, "n_samples"), as_generator(random_state)
        if self.n_outputs == 1:
            score = self._output(0)._on_line(crps, points)
            return (score, np.zeros_like(score)) if return_std_error else score
        score, error = self._energy(points, n_samples, random)
        if not points.many:
            score, error = score[:, 0], error[:, 0]
        return (score, error) if return_std_error else score

    def _energy(
        self, points: Points, n_samples: int, random: Random
    ) -> tuple[FloatArray, FloatArray]:
        """Scores and standard errors, ``(n, G)``."""
        n_points = points.values.shape[1]
        score, error = np.empty((len(self), n_points)), np.empty((len(self), n_points))
        for rows in chunks(len(self), n_samples * self.n_outputs * max(1, n_points), 4 * CELLS):
            block = self._block(rows)
            first = draw(block, self._spread, n_samples, random)
            second = draw(block, self._spread, n_samples, random)
            for part in chunks(n_points, first.size, 4 * CELLS):
                terms = energy_terms(first, second, points.values[rows, part])
                score[rows, part] = terms.mean(axis=-1)
                error[rows, part] = terms.std(axis=-1) / np.sqrt(n_samples)
        return score, error

    def _finite_points(self, y: ArrayLike) -> Points:
        """The points of y, which must be finite."""
        points = self._points(y)
        if np.isinf(points.values).any():
            raise ValueError("y must be finite; got infinity")
        return points
