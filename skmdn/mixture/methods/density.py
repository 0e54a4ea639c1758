"""The density and the distribution function."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from skmdn._arrays import FloatArray
from skmdn.mixture.density import log_density, responsibilities
from skmdn.mixture.tails import joint_tail, lower_tail
from skmdn.mixture.value import MixtureValue


class DensityMethods(MixtureValue):
    """pdf, logpdf, responsibilities, cdf, sf and pit; abstract, a part of `Mixture`."""

    __slots__ = ()

    def logpdf(self, y: ArrayLike) -> FloatArray:
        """Logarithm of the joint density at y, which stays finite in the far tails.

        Parameters
        ----------
        y : array_like (n,), (n, G) or (1, G); several outputs (n, D), (n, G, D) or (1, G, D)
            One point per row, many per row, or one grid for all rows; for a univariate mixture also
            a scalar, one point for all rows. Infinities are allowed.

        Returns
        -------
        ndarray (n,) or (n, G)

        Raises
        ------
        ValueError
            If y has another shape or holds NaN.

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> Mixture([[1.0]], [[0.0]], [[1.0]]).logpdf([1e6])
        array([-5.e+11])
        """
        return self._points(y).evaluate(
            lambda rows, axis, at: log_density(self._block(rows, axis), self._spread, at),
            self.n_components * self.n_outputs,
        )

    def pdf(self, y: ArrayLike) -> FloatArray:
        """Joint density at y; shapes and errors as for `logpdf`.

        Returns
        -------
        ndarray (n,) or (n, G)

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> Mixture([[1.0]], [[0.0]], [[1.0]]).pdf([[0.0, 1.0]]).round(4)
        array([[0.3989, 0.242 ]])
        """
        density = self.logpdf(y)
        with np.errstate(over="ignore"):
            return np.exp(density, out=density)

    def responsibilities(self, y: ArrayLike) -> FloatArray:
        """Probability of each component, given y.

        If y is so far out that even logarithms of densities overflow (1e154 standard deviations,
        or infinity), the answer is the weights.

        Parameters
        ----------
        y : array_like
            As for `logpdf`.

        Returns
        -------
        ndarray (n, K) or (n, G, K)

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> Mixture([[0.5, 0.5]], [[-1.0, 1.0]], [[1.0, 1.0]]).responsibilities([0.0])
        array([[0.5, 0.5]])
        """
        return self._points(y).evaluate(
            lambda rows, axis, at: responsibilities(self._block(rows, axis), self._spread, at),
            self.n_components * self.n_outputs,
            self.n_components,
        )

    def cdf(self, y: ArrayLike) -> FloatArray:
        """P(Y <= y); with several outputs P(Y_1 <= y_1, ..., Y_D <= y_D).

        For one output and for diagonal covariances the relative error is below 1e-12, also in the
        lower tail; use `sf` for the upper tail. Full covariances of two outputs use Owen's T
        function; the absolute error is 1e-14. Three or more outputs use Genz's integral over a
        fixed lattice. Its absolute error is about 1e-5, or more where outputs are nearly collinear,
        and it takes milliseconds for each row.

        Parameters
        ----------
        y : array_like
            As for `logpdf`.

        Returns
        -------
        ndarray (n,) or (n, G)

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> Mixture([[1.0]], [[0.0]], [[1.0]]).cdf([0.0])
        array([0.5])
        """
        return self._tail(y, upper=False)

    def sf(self, y: ArrayLike) -> FloatArray:
        """P(Y > y); with several outputs P(Y_1 > y_1, ..., Y_D > y_D).

        It is accurate in the upper tail. With several outputs it is the probability that every
        output exceeds its y, which is not one minus `cdf`. Shapes and accuracy are those of `cdf`.

        Returns
        -------
        ndarray (n,) or (n, G)

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> Mixture([[1.0]], [[0.0]], [[1.0]]).sf([10.0])
        array([7.61985302e-24])
        """
        return self._tail(y, upper=True)

    def pit(self, y: ArrayLike) -> FloatArray:
        """Probability integral transform P(Y_j <= y_j) of each output separately.

        It is uniform on [0, 1] if y is a draw from the mixture.

        Parameters
        ----------
        y : array_like
            As for `logpdf`.

        Returns
        -------
        ndarray (n,) or (n, G); with an outputs axis (n, D) or (n, G, D)

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> Mixture([[1.0]], [[[0.0, 1.0]]], [[[1.0, 1.0]]]).pit([[0.0, 1.0]])
        array([[0.5, 0.5]])
        """
        points = self._points(y)
        return self._each_output(lambda part, j: part._on_line(lower_tail, points.of_output(j)))

    def _tail(self, y: ArrayLike, upper: bool) -> FloatArray:
        """Probability below y, or above it, in every output."""
        return self._points(y).evaluate(
            lambda rows, axis, at: joint_tail(self._block(rows, axis), self._spread, at, upper),
            self.n_components * self.n_outputs,
        )
