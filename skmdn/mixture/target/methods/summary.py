"""Moments, quantiles and draws."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from skmdn._arrays import FloatArray
from skmdn.mixture.arguments import RandomState, as_count, as_generator, as_levels
from skmdn.mixture.blocks import chunks
from skmdn.mixture.sampling import Random, choose_components, draw, rows_together
from skmdn.mixture.target.line import central_intervals, quantiles
from skmdn.mixture.target.moments import covariance, line_moments
from skmdn.mixture.target.value import Rows, TargetValue
from skmdn.transforms import Logit


class SummaryMethods(TargetValue):
    """mean, var, std, cov, ppf, median, interval and sample; a part of `TargetMixture`."""

    __slots__ = ()

    def mean(self) -> FloatArray:
        """Mean of each output.

        It is closed, but for logit, whose error is below 1e-12 of the distance between the bounds.
        Where doubles overflow it is infinite.

        Returns
        -------
        ndarray (n,) or (n, D)

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> TargetMixture(Mixture([[1.0]], [[0.0]], [[1.0]]), "log").mean().round(6)
        array([1.648721])
        """
        return self._each_output(lambda line, _, __: line_moments(line).mean)

    def var(self) -> FloatArray:
        """Variance of each output; accuracy as for `mean`.

        Returns
        -------
        ndarray (n,) or (n, D)

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> TargetMixture(Mixture([[1.0]], [[0.0]], [[1.0]]), "log").var().round(6)
        array([4.670774])
        """
        return self._each_output(lambda line, _, __: line_moments(line).variance)

    def std(self) -> FloatArray:
        """Standard deviation of each output; accuracy as for `mean`.

        Returns
        -------
        ndarray (n,) or (n, D)

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> TargetMixture(Mixture([[1.0]], [[0.0]], [[1.0]]), "log").std().round(6)
        array([2.161197])
        """
        return np.sqrt(self.var())

    def cov(self) -> FloatArray:
        """Covariance between the outputs; for a univariate mixture the variance.

        It is known for diagonal covariances of the base with any maps, and for full ones with all
        maps but logit.

        Returns
        -------
        ndarray (n,) or (n, D, D)

        Raises
        ------
        ValueError
            If the base has full covariances and a map is `Logit`: ask for ``var()``, or for
            ``numpy.cov`` of draws from ``sample``.

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> base = Mixture([[0.5, 0.5]], [[[-1.0, -1.0], [1.0, 1.0]]], [[[0.1, 0.1]] * 2])
        >>> TargetMixture(base, ["log", None]).cov().round(3)
        array([[[1.433, 1.181],
                [1.181, 1.01 ]]])
        """
        if self.univariate:
            return self.var()

        def of_part(part: TargetValue, _: Rows) -> FloatArray:
            (law,) = part._laws
            if part.n_outputs == 1:
                return line_moments(part._line(0)).variance[:, np.newaxis, np.newaxis]
            if part.covariance_type == "full" and any(isinstance(t, Logit) for t in law.transforms):
                raise ValueError(
                    "cov has no closed form for full covariances behind Logit: ask for var(), or "
                    "take the covariance of draws from sample(n_samples)"
                )
            base = part.base
            answer = np.empty((len(part), part.n_outputs, part.n_outputs))
            for rows in base._row_chunks(part.n_outputs):
                block = base._block(rows)
                answer[rows] = covariance(block, base._spread, law.transforms).T
            return answer

        return self._by_law(of_part)

    def ppf(self, q: ArrayLike) -> FloatArray:
        """Quantiles of each output: the smallest y with P(Y_j <= y) >= q.

        The levels within the jump of an atom have the atom as their quantile. The accuracy of the
        level is that of `Mixture.ppf`, plus a rounding of the atoms' probabilities.

        Parameters
        ----------
        q : float, array_like (Q,) or array_like (n, Q)
            Levels within [0, 1]; 0 and 1 give the ends of the support. As for `Mixture.ppf`.

        Returns
        -------
        ndarray (n,) or (n, Q); with an outputs axis (n, D) or (n, Q, D)

        Raises
        ------
        ValueError
            If q has a wrong shape or lies outside [0, 1].

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> base = Mixture([[1.0]], [[0.0]], [[1.0]])
        >>> TargetMixture(base, "log", [0.0], [[0.25]]).ppf([0.1, 0.25, 0.625])
        array([[0., 0., 1.]])
        """
        levels = as_levels(q, "q", len(self))
        at = np.atleast_1d(levels)
        answer = self._each_output(lambda line, _, rows: quantiles(line, _of_rows(at, rows)))
        return answer if levels.ndim else answer[:, 0]

    def median(self) -> FloatArray:
        """Median of each output; as `ppf`.

        Returns
        -------
        ndarray (n,) or (n, D)

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> TargetMixture(Mixture([[1.0]], [[0.0]], [[1.0]]), "log").median()
        array([1.])
        """
        return self.ppf(0.5)

    def interval(self, level: ArrayLike) -> FloatArray:
        """Central interval of each output, with at most (1 - level) / 2 beyond either end.

        Parameters
        ----------
        level : float, array_like (Q,) or array_like (n, Q)
            Probability within [0, 1]; 1 gives the support, 0 the median twice.

        Returns
        -------
        ndarray (n, 2) or (n, Q, 2); with an outputs axis (n, 2, D) or (n, Q, 2, D)
            Lower and upper end, which belong to the interval.

        Raises
        ------
        ValueError
            If level has a wrong shape or lies outside [0, 1].

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> TargetMixture(Mixture([[1.0]], [[0.0]], [[1.0]]), "log").interval(0.95).round(3)
        array([[0.141, 7.099]])
        """
        levels = as_levels(level, "level", len(self))
        at = np.atleast_1d(levels)
        answer = self._each_output(
            lambda line, _, rows: central_intervals(line, _of_rows(at, rows))
        )
        return answer if levels.ndim else answer[:, 0]

    def sample(self, n_samples: int = 1, random_state: RandomState = None) -> FloatArray:
        """Independent draws; behind the identity, the same as `Mixture.sample` gives.

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
        >>> from skmdn import Mixture, TargetMixture
        >>> target = TargetMixture(Mixture([[1.0]], [[0.0]], [[1.0]]), "log")
        >>> bool((target.sample(100, random_state=0) > 0).all())
        True
        """
        n_samples, random = as_count(n_samples, "n_samples"), as_generator(random_state)
        answer = np.empty((len(self), n_samples, self.n_outputs))
        for rows in chunks(len(self), 1, rows_together(n_samples * self.n_outputs)):
            answer[rows] = self._draws(rows, n_samples, random)
        return answer[:, :, 0] if self.univariate else answer

    def _draws(self, rows: slice, n_samples: int, random: Random) -> FloatArray:
        """Draws of a block of rows, ``(c, S, D)``."""
        z = draw(self._base._block(rows), self._base._spread, n_samples, random)
        uniform = random.random(z.shape[:2]) if self._atom_weights.shape[1] else None

        def of_part(part: TargetValue, chosen: Rows) -> FloatArray:
            (law,) = part._laws
            y = np.empty(z[chosen].shape)
            for j, transform in enumerate(law.transforms):
                y[..., j] = transform.inverse(z[chosen][..., j])
            if law.atoms and uniform is not None:
                line = part._line(0)
                weights = np.column_stack([line.masses, line.rest]).T
                choice = choose_components(weights, uniform[chosen])
                values = np.append(line.atoms, np.nan)[choice]
                y[..., 0] = np.where(choice < len(line.atoms), values, y[..., 0])
            return y

        return self[rows]._by_law(of_part)


def _of_rows(levels: FloatArray, rows: Rows) -> FloatArray:
    """The levels of some rows; those ``(Q,)`` are of all rows."""
    return levels[rows] if levels.ndim == 2 else levels
