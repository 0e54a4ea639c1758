"""Moments, quantiles and draws."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from skmdn._arrays import FloatArray
from skmdn.mixture.arguments import RandomState, as_count, as_generator, as_levels
from skmdn.mixture.blocks import chunks, components_first
from skmdn.mixture.moments import covariance, mean, variance
from skmdn.mixture.quantiles import central_intervals, quantiles
from skmdn.mixture.sampling import draw, rows_together
from skmdn.mixture.value import MixtureValue


class SummaryMethods(MixtureValue):
    """mean, var, std, cov, ppf, median, interval and sample; abstract, a part of `Mixture`."""

    __slots__ = ()

    def mean(self) -> FloatArray:
        """Mean of each output.

        Returns
        -------
        ndarray (n,) or (n, D)

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> Mixture([[0.25, 0.75]], [[0.0, 4.0]], [[1.0, 1.0]]).mean()
        array([3.])
        """
        answer = np.empty((len(self), self.n_outputs))
        for rows in self._row_chunks():
            weights = components_first(self._weights, rows)
            answer[rows] = mean(weights, components_first(self._means, rows)).T
        return answer[:, 0] if self._univariate else answer

    def var(self) -> FloatArray:
        """Variance of each output, by the law of total variance.

        It does not lose digits where the means are large beside their distances.

        Returns
        -------
        ndarray (n,) or (n, D)

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> Mixture([[0.5, 0.5]], [[1e8, 1e8 + 2]], [[1.0, 1.0]]).var()
        array([2.])
        """
        answer = np.empty((len(self), self.n_outputs))
        for rows in self._row_chunks():
            answer[rows] = variance(self._block(rows), self._spread).T
        return answer[:, 0] if self._univariate else answer

    def std(self) -> FloatArray:
        """Standard deviation of each output.

        Returns
        -------
        ndarray (n,) or (n, D)

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> Mixture([[1.0]], [[0.0]], [[2.0]]).std()
        array([2.])
        """
        variance = self.var()
        return np.sqrt(variance, out=variance)

    def cov(self) -> FloatArray:
        """Covariance between the outputs; for a univariate mixture the variance.

        Outputs can be correlated even if the covariances of the components are diagonal, because
        the means of the components differ.

        Returns
        -------
        ndarray (n,) or (n, D, D)

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> Mixture([[0.5, 0.5]], [[[-1.0, -1.0], [1.0, 1.0]]], [[[1.0, 1.0]] * 2]).cov()
        array([[[2., 1.],
                [1., 2.]]])
        """
        if self._univariate:
            return self.var()
        answer = np.empty((len(self), self.n_outputs, self.n_outputs))
        for rows in self._row_chunks(self.n_outputs):
            answer[rows] = covariance(self._block(rows), self._spread).T
        return answer

    def ppf(self, q: ArrayLike) -> FloatArray:
        """Quantiles of each output: the y with P(Y_j <= y) = q.

        The error ``abs(cdf(ppf(q)) - q)`` is at most 1e-12 times the smaller tail,
        ``min(q, 1 - q)``. Where doubles are too coarse for that, the answer is one of the two
        doubles around the quantile. Quantiles do not decrease in q.

        Parameters
        ----------
        q : float, array_like (Q,) or array_like (n, Q)
            Levels within [0, 1]; 0 and 1 give infinities. ``(Q,)`` are the levels of all rows,
            ``(n, Q)`` those of each row: ``q[:, np.newaxis]`` asks for one level per row.

        Returns
        -------
        ndarray (n,) or (n, Q); with an outputs axis (n, D) or (n, Q, D)

        Raises
        ------
        ValueError
            If q has a wrong shape or lies outside [0, 1].

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> mixture = Mixture([[0.5, 0.5]], [[-10.0, 10.0]], [[1.0, 1.0]])
        >>> mixture.ppf([0.25, 0.5, 0.75])
        array([[-10.,   0.,  10.]])
        """
        levels = as_levels(q, "q", len(self))
        at = np.atleast_1d(levels)
        answer = self._each_output(lambda part, _: part._at_levels(quantiles, at))
        return answer if levels.ndim else answer[:, 0]

    def median(self) -> FloatArray:
        """Median of each output; accuracy as for `ppf`.

        Returns
        -------
        ndarray (n,) or (n, D)

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> Mixture([[1.0]], [[3.0]], [[1.0]]).median()
        array([3.])
        """
        return self.ppf(0.5)

    def interval(self, level: ArrayLike) -> FloatArray:
        """Central interval of each output, with equal tails of (1 - level) / 2 on either side.

        Parameters
        ----------
        level : float, array_like (Q,) or array_like (n, Q)
            Probability within [0, 1]; 1 gives infinite ends, 0 the median twice. ``(n, Q)`` are
            levels of each row, as for `ppf`.

        Returns
        -------
        ndarray (n, 2) or (n, Q, 2); with an outputs axis (n, 2, D) or (n, Q, 2, D)
            Lower and upper end; accuracy as for `ppf`.

        Raises
        ------
        ValueError
            If level has a wrong shape or lies outside [0, 1].

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> Mixture([[1.0]], [[0.0]], [[1.0]]).interval(0.95).round(3)
        array([[-1.96,  1.96]])
        """
        levels = as_levels(level, "level", len(self))
        at = np.atleast_1d(levels)
        ends = self._each_output(lambda part, _: part._at_levels(central_intervals, at, 2))
        return ends if levels.ndim else ends[:, 0]

    def sample(self, n_samples: int = 1, random_state: RandomState = None) -> FloatArray:
        """Independent draws.

        Parameters
        ----------
        n_samples : int, default 1
            Number S of draws for each row.
        random_state : int, numpy.random.Generator, numpy.random.RandomState or None
            None takes fresh entropy. The global random state is neither read nor changed.

        Returns
        -------
        ndarray (n, S) or (n, S, D)

        Raises
        ------
        ValueError
            If n_samples or random_state is not allowed.

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> Mixture([[1.0]], [[0.0]], [[1.0]]).sample(3, random_state=0).shape
        (1, 3)
        """
        n_samples, random = as_count(n_samples, "n_samples"), as_generator(random_state)
        answer = np.empty((len(self), n_samples, self.n_outputs))
        for rows in chunks(len(self), 1, rows_together(n_samples * self.n_outputs)):
            answer[rows] = draw(self._block(rows), self._spread, n_samples, random)
        return answer[:, :, 0] if self._univariate else answer
