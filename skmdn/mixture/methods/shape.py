"""Modes, highest-density regions and entropy."""

from __future__ import annotations

from typing import Literal, overload

import numpy as np
from numpy.typing import ArrayLike

from skmdn._arrays import FloatArray
from skmdn.mixture.arguments import RandomState, as_count, as_generator, as_levels
from skmdn.mixture.blocks import CELLS, chunks
from skmdn.mixture.density import log_density
from skmdn.mixture.entropy import N_CUTS, line_entropy
from skmdn.mixture.modes import joint_modes, line_modes
from skmdn.mixture.points import Points
from skmdn.mixture.regions import region_masses, regions
from skmdn.mixture.sampling import Random, draw
from skmdn.mixture.value import MixtureValue


class ShapeMethods(MixtureValue):
    """modes, mode, hdr, hdr_mass and entropy; abstract, a part of `Mixture`."""

    __slots__ = ()

    @overload
    def modes(self, return_density: Literal[False] = False) -> FloatArray: ...

    @overload
    def modes(self, return_density: Literal[True]) -> tuple[FloatArray, FloatArray]: ...

    @overload
    def modes(self, return_density: bool) -> FloatArray | tuple[FloatArray, FloatArray]: ...

    def modes(self, return_density: bool = False) -> FloatArray | tuple[FloatArray, FloatArray]:
        """All local maxima of the joint density, the highest first.

        For one output the list is complete: a mixture of K components has at most K modes [1]_,
        and a certified search finds all of them. A plateau, on which rounding hides the slope (the
        density varies by less than about 1e-14 of itself), has one mode, in its middle.

        For several outputs the modes are the ends of ascents from the mean of every component;
        ends within 1e-6 of a scale count as one. A mode that no ascent reaches is missed. There can
        be more than K modes, of which at most K are found. A plateau has one mode, at some point of
        it.

        Parameters
        ----------
        return_density : bool, default False
            Also return the density at each mode.

        Returns
        -------
        modes : ndarray (n, K) or (n, K, D)
            Padded with NaN.
        density : ndarray (n, K), only with ``return_density``

        References
        ----------
        .. [1] Carreira-Perpinan, Williams (2003), On the number of modes of a Gaussian mixture.

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> Mixture([[0.6, 0.4]], [[2.0, 9.0]], [[1.0, 1.0]]).modes().round(6)
        array([[2., 9.]])
        """
        answer = np.empty((len(self), self.n_components, self.n_outputs + 1))
        for rows in self._row_chunks(1 if self.n_outputs == 1 else 4 * answer.shape[1]):
            answer[rows] = self._modes_of(rows).T
        modes = answer[..., 0] if self._univariate else answer[..., :-1]
        if not return_density:
            return modes
        with np.errstate(over="ignore"):
            return modes, np.exp(answer[..., -1])

    def mode(self) -> FloatArray:
        """The highest of `modes`.

        Returns
        -------
        ndarray (n,) or (n, D)

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> Mixture([[0.6, 0.4]], [[2.0, 9.0]], [[1.0, 1.0]]).mode().round(6)
        array([2.])
        """
        return self.modes()[:, 0]

    def hdr(self, level: ArrayLike) -> FloatArray:
        """Highest-density region of one output: the smallest set with a probability of ``level``.

        It is a union of at most K disjoint intervals. Its probability is ``level`` within 1e-10 and
        within 1e-7 of ``1 - level``, down to rounding (1e-15), and the density is equal at all
        ends, as far as doubles resolve the ends. Where densities are compared, a component counts
        as at least 16 steps between doubles wide. Of two points on a plateau (see `modes`), the one
        nearer to its middle counts as the denser one.

        Parameters
        ----------
        level : float or array_like (Q,)
            Probability within [0, 1]; 1 gives the whole line, 0 the highest mode.

        Returns
        -------
        ndarray (n, K, 2) or (n, Q, K, 2); with an outputs axis (n, K, 2, 1) or (n, Q, K, 2, 1)
            Lower and upper ends, from left to right, padded with NaN.

        Raises
        ------
        ValueError
            If there are several outputs (take a `marginal`, or use `hdr_mass`), or if level has
            more than one axis or lies outside [0, 1].

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> Mixture([[0.5, 0.5]], [[-9.0, 9.0]], [[1.0, 1.0]]).hdr(0.6826894921).round(6)
        array([[[-10.,  -8.],
                [  8.,  10.]]])
        """
        if self.n_outputs != 1:
            raise ValueError(
                f"hdr needs one output; got {self.n_outputs}: use marginal(j).hdr(level), "
                "or hdr_mass for the joint region"
            )
        levels = as_levels(level, "level")
        ends = self._each_output(
            lambda part, _: part._at_levels(
                regions, levels.ravel(), self.n_components, 2, cells=2 * CELLS
            )
        )
        return ends if levels.ndim else ends[:, 0]

    @overload
    def hdr_mass(
        self,
        y: ArrayLike,
        n_samples: int = ...,
        random_state: RandomState = ...,
        *,
        return_std_error: Literal[False] = False,
    ) -> FloatArray: ...

    @overload
    def hdr_mass(
        self,
        y: ArrayLike,
        n_samples: int = ...,
        random_state: RandomState = ...,
        *,
        return_std_error: Literal[True],
    ) -> tuple[FloatArray, FloatArray]: ...

    def hdr_mass(
        self,
        y: ArrayLike,
        n_samples: int = 1000,
        random_state: RandomState = 0,
        *,
        return_std_error: bool = False,
    ) -> FloatArray | tuple[FloatArray, FloatArray]:
        """Probability of a higher density than that at y, also known as the HPD-PIT value.

        It is uniform on [0, 1] if y is a draw from the mixture. y lies in ``hdr(level)`` if it is
        at most the level. It is exact for one output. For several outputs it is the share of draws
        with a higher density. On a plateau it agrees with `hdr`: points nearer to the middle count
        as denser.

        Parameters
        ----------
        y : array_like
            As for `logpdf`.
        n_samples : int, default 1000
            Number of draws for each row, if there are several outputs.
        random_state : int, numpy.random.Generator, numpy.random.RandomState or None, default 0
            Source of the draws.
        return_std_error : bool, default False
            Also return the standard errors: sqrt(p (1 - p) / n_samples) for a share of p, or zero
            for one output.

        Returns
        -------
        mass : ndarray (n,) or (n, G)
        std_error : ndarray of the same shape, only with ``return_std_error``

        Raises
        ------
        ValueError
            If y has another shape or holds NaN, or if n_samples or random_state is not allowed.

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> Mixture([[1.0]], [[0.0]], [[1.0]]).hdr_mass([1.0]).round(4)
        array([0.6827])
        """
        points = self._points(y)
        n_samples, random = as_count(n_samples, "n_samples"), as_generator(random_state)
        if self.n_outputs == 1:
            mass = points.evaluate(self._output(0)._region_masses, 4 * self.n_components)
            return (mass, np.zeros_like(mass)) if return_std_error else mass
        mass, error = self._joint_region_masses(points, n_samples, random)
        return (mass, error) if return_std_error else mass

    @overload
    def entropy(
        self,
        n_samples: int = ...,
        random_state: RandomState = ...,
        *,
        return_std_error: Literal[False] = False,
    ) -> FloatArray: ...

    @overload
    def entropy(
        self,
        n_samples: int = ...,
        random_state: RandomState = ...,
        *,
        return_std_error: Literal[True],
    ) -> tuple[FloatArray, FloatArray]: ...

    def entropy(
        self,
        n_samples: int = 1000,
        random_state: RandomState = 0,
        *,
        return_std_error: bool = False,
    ) -> FloatArray | tuple[FloatArray, FloatArray]:
        """Differential entropy of the joint density, -E log f(Y), in nats.

        For one output it is computed by adaptive quadrature, with an error below 1e-8. For several
        outputs it is a mean over draws.

        Parameters
        ----------
        n_samples : int, default 1000
            Number of draws for each row, if there are several outputs.
        random_state : int, numpy.random.Generator, numpy.random.RandomState or None, default 0
            Source of the draws.
        return_std_error : bool, default False
            Also return the standard errors: the standard deviation over draws, divided by
            sqrt(n_samples). For one output they are zero.

        Returns
        -------
        entropy : ndarray (n,)
        std_error : ndarray (n,), only with ``return_std_error``

        Raises
        ------
        ValueError
            If n_samples or random_state is not allowed.

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> Mixture([[1.0]], [[0.0]], [[1.0]]).entropy().round(6)
        array([1.418939])
        """
        n_samples, random = as_count(n_samples, "n_samples"), as_generator(random_state)
        entropy, error = np.empty(len(self)), np.zeros(len(self))
        if self.n_outputs == 1:
            line = self._output(0)
            for rows in self._row_chunks(4 * N_CUTS):
                weights, means, scales = line._block(rows)
                entropy[rows] = line_entropy(weights, means[0], scales[0])
        else:
            for rows in chunks(len(self), n_samples * self.n_outputs):
                neg_log_density = -self._log_densities_of_draws(rows, n_samples, random)
                entropy[rows] = neg_log_density.mean(axis=1)
                error[rows] = neg_log_density.std(axis=1) / np.sqrt(n_samples)
        return (entropy, error) if return_std_error else entropy

    def _modes_of(self, rows: slice) -> FloatArray:
        """Modes and log densities of some rows, ``(D + 1, K, c)``."""
        if self.n_outputs > 1:
            return joint_modes(self._block(rows), self._spread)
        weights, means, scales = self._output(0)._block(rows)
        return line_modes(weights, means[0], scales[0])

    def _region_masses(self, rows: slice, axis: int, y: FloatArray) -> FloatArray:
        """Masses of a univariate mixture at y, ``(1, c, g)`` or ``(1, g, c)``."""
        weights, means, scales = self._block(rows)
        if axis == -1:
            return region_masses(weights, means[0], scales[0], y[0])
        return region_masses(weights, means[0], scales[0], y[0].T).T

    def _joint_region_masses(
        self, points: Points, n_samples: int, random: Random
    ) -> tuple[FloatArray, FloatArray]:
        """Shares of draws with a higher density than the points, and their standard errors."""
        height = points.evaluate(
            lambda rows, axis, at: log_density(self._block(rows, axis), self._spread, at),
            self.n_components * self.n_outputs,
        )
        table = height if points.many else height[:, np.newaxis]  # (n, G)
        share = np.empty_like(table)
        for rows in chunks(len(self), n_samples * self.n_outputs):
            draws = np.sort(self._log_densities_of_draws(rows, n_samples, random), axis=1)
            for row, sorted_draws in zip(range(rows.start, rows.stop), draws, strict=True):
                below = np.searchsorted(sorted_draws, table[row], side="right")
                share[row] = 1.0 - below / n_samples
        error = np.sqrt(share * (1.0 - share) / n_samples)
        return share.reshape(height.shape), error.reshape(height.shape)

    def _log_densities_of_draws(self, rows: slice, n_samples: int, random: Random) -> FloatArray:
        """Log densities at draws from the rows, ``(c, S)``."""
        draws = draw(self._block(rows), self._spread, n_samples, random)
        part = self[rows]
        return Points(draws, len(part), self.n_outputs, False).evaluate(
            lambda at_rows, axis, at: log_density(part._block(at_rows, axis), part._spread, at),
            self.n_components * self.n_outputs,
        )
