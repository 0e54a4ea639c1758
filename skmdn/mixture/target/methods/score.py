"""Scores of observed y."""

from __future__ import annotations

from typing import Literal, overload

import numpy as np
from numpy.typing import ArrayLike

from skmdn._arrays import FloatArray
from skmdn.mixture.arguments import RandomState, as_count, as_generator
from skmdn.mixture.blocks import CELLS, chunks
from skmdn.mixture.points import Points
from skmdn.mixture.sampling import Random
from skmdn.mixture.scores import energy_terms
from skmdn.mixture.target.methods.summary import SummaryMethods
from skmdn.mixture.target.scores import line_crps


class ScoreMethods(SummaryMethods):
    """crps and energy_score; a part of `TargetMixture`."""

    __slots__ = ()

    def crps(self, y: ArrayLike) -> FloatArray:
        """Continuous ranked probability score of each output; atoms count as points.

        It is closed for the identity, log [1]_ and asinh, with an error of a few roundings of the
        distances from the bound, or of the scale of asinh. For logit it is an integral by adaptive
        quadrature, with an error below 1e-10 of the distance between the bounds.

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
        .. [1] Baran, Lerch (2015), Log-normal distribution based ensemble model output statistics
           models for probabilistic wind-speed forecasting.

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> TargetMixture(Mixture([[1.0]], [[0.0]], [[1.0]]), "log").crps([1.0]).round(4)
        array([0.2674])
        """
        points = self._finite_points(y)
        table = self._each_output(
            lambda line, output, rows: line_crps(line, points.values[rows][..., output])
        )
        return table if points.many else table[:, 0]

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
        """Energy score E ‖Y - y‖ - E ‖Y - Y'‖ / 2 of all outputs together.

        For one output it is `crps`. For several outputs it is an unbiased mean over ``n_samples``
        pairs of draws, which needs finite variances.

        Parameters
        ----------
        y : array_like
            As for `logpdf`, but finite.
        n_samples : int, default 1000
            Number of pairs of draws for each row.
        random_state : int, numpy.random.Generator, numpy.random.RandomState or None, default 0
            Source of the draws.
        return_std_error : bool, default False
            Also return the standard errors of the means; zero for one output.

        Returns
        -------
        score : ndarray (n,) or (n, G)
        std_error : ndarray of the same shape, only with ``return_std_error``

        Raises
        ------
        ValueError
            If y has another shape or is not finite, or if n_samples or random_state is not
            allowed.

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> target = TargetMixture(Mixture([[1.0]], [[0.0]], [[1.0]]), "log")
        >>> bool(target.energy_score([1.0]) == target.crps([1.0]))
        True
        """
        points = self._finite_points(y)
        n_samples, random = as_count(n_samples, "n_samples"), as_generator(random_state)
        if self.n_outputs == 1:
            score = self.crps(y)
            score = score if self.univariate else score[..., 0]
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
            first = self._draws(rows, n_samples, random)
            second = self._draws(rows, n_samples, random)
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
