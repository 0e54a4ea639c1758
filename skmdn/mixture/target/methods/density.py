"""The density and the distribution function."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from skmdn._arrays import FloatArray
from skmdn.mixture.arguments import RandomState, as_generator
from skmdn.mixture.target.line import (
    TargetLine,
    is_atom,
    lower_tail,
    probability_at,
    upper_tail,
)
from skmdn.mixture.target.value import Rows, TargetValue


class DensityMethods(TargetValue):
    """pdf, logpdf, responsibilities, cdf, sf, pit, atom_probability; a part of `TargetMixture`."""

    __slots__ = ()

    def logpdf(self, y: ArrayLike) -> FloatArray:
        """Logarithm of the joint density at y, or of the probability where y is an atom.

        The measure counts at the atoms and is length (area, volume) elsewhere. So log-likelihoods
        compare only between densities with the same atoms. The answer is finite wherever y is
        inside the support of the maps, and -inf outside of it.

        Parameters
        ----------
        y : array_like (n,), (n, G) or (1, G); several outputs (n, D), (n, G, D) or (1, G, D)
            As for `Mixture.logpdf`.

        Returns
        -------
        ndarray (n,) or (n, G)

        Raises
        ------
        ValueError
            If y has another shape or holds NaN.

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> price = TargetMixture(Mixture([[1.0]], [[0.0]], [[1.0]]), "log")
        >>> price.logpdf([[1.0, -1.0]]).round(6)
        array([[-0.918939,      -inf]])
        """
        points = self._points(y)

        def of_part(part: TargetValue, rows: Rows) -> FloatArray:
            return _log_density(part, points.values[rows])

        table = self._by_law(of_part)
        return table if points.many else table[:, 0]

    def pdf(self, y: ArrayLike) -> FloatArray:
        """Joint density at y, or the probability where y is an atom; else as `logpdf`.

        Returns
        -------
        ndarray (n,) or (n, G)

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> base = Mixture([[1.0]], [[0.0]], [[1.0]])
        >>> TargetMixture(base, "log", [0.0], [[0.25]]).pdf([[0.0, 1.0]]).round(4)
        array([[0.25  , 0.2992]])
        """
        density = self.logpdf(y)
        return np.exp(density, out=density)

    def responsibilities(self, y: ArrayLike) -> FloatArray:
        """Probability of each component of the base, given y; zero where y is an atom.

        Parameters
        ----------
        y : array_like
            As for `logpdf`.

        Returns
        -------
        ndarray (n, K) or (n, G, K)

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> base = Mixture([[0.5, 0.5]], [[-1.0, 1.0]], [[1.0, 1.0]])
        >>> TargetMixture(base, "log").responsibilities([1.0])
        array([[0.5, 0.5]])
        """
        points = self._points(y)

        def of_part(part: TargetValue, rows: Rows) -> FloatArray:
            values = points.values[rows]
            share = part.base.responsibilities(_as_points(part, _forward(part, values)))
            at_atom = np.isin(values[..., 0], part._laws[0].atoms) & (part.n_outputs == 1)
            return np.where(at_atom[..., np.newaxis], 0.0, share)

        table = self._by_law(of_part)
        return table if points.many else table[:, 0]

    def cdf(self, y: ArrayLike) -> FloatArray:
        """P(Y <= y), which jumps at the atoms; several outputs P(Y_1 <= y_1, ..., Y_D <= y_D).

        It is exact for every map, with the accuracy of `Mixture.cdf`: 0 below the support and 1
        above it.

        Parameters
        ----------
        y : array_like
            As for `logpdf`.

        Returns
        -------
        ndarray (n,) or (n, G)

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> base = Mixture([[1.0]], [[0.0]], [[1.0]])
        >>> TargetMixture(base, "log", [0.0], [[0.25]]).cdf([[-1.0, 0.0, 1.0]])
        array([[0.   , 0.25 , 0.625]])
        """
        return self._tail(y, upper=False)

    def sf(self, y: ArrayLike) -> FloatArray:
        """P(Y > y), so that an atom at y does not count; several outputs all of them above.

        For P(Y >= y) of one output add the atom's probability: ``sf(y) + pdf(y)`` at an atom.
        Shapes and accuracy are those of `cdf`.

        Returns
        -------
        ndarray (n,) or (n, G)

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> base = Mixture([[1.0]], [[0.0]], [[1.0]])
        >>> TargetMixture(base, "log", [0.0], [[0.25]]).sf([[-1.0, 0.0, 1.0]])
        array([[1.   , 0.75 , 0.375]])
        """
        return self._tail(y, upper=True)

    def pit(
        self, y: ArrayLike, *, jump: str = "random", random_state: RandomState = 0
    ) -> FloatArray:
        """Probability integral transform of each output separately.

        At an atom the distribution function jumps. There the answer is drawn uniformly from the
        jump [1]_, so that it is uniform on [0, 1] if y is a draw from the mixture.

        Parameters
        ----------
        y : array_like
            As for `logpdf`.
        jump : "random", "middle", "lower" or "upper", default "random"
            What is taken of the jump: a random point, its middle, P(Y < y) or P(Y <= y).
        random_state : int, numpy.random.Generator, numpy.random.RandomState or None, default 0
            Source of the random points.

        Returns
        -------
        ndarray (n,) or (n, G); with an outputs axis (n, D) or (n, G, D)

        Raises
        ------
        ValueError
            If y has another shape or holds NaN, or if another argument is not allowed.

        References
        ----------
        .. [1] Czado, Gneiting, Held (2009), Predictive model assessment for count data.

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> base = Mixture([[1.0]], [[0.0]], [[1.0]])
        >>> TargetMixture(base, "log", [0.0], [[0.5]]).pit([[0.0, 1.0]], jump="middle")
        array([[0.25, 0.75]])
        """
        points, random = self._points(y), as_generator(random_state)
        place = place_in_jump(jump)

        def of_line(line: TargetLine, output: int, rows: Rows) -> FloatArray:
            values = points.values[rows][..., output]
            below, mass = lower_tail(line, values), probability_at(line, values)
            if not mass.any():
                return below
            drawn = random.random(below.shape) if place is None else place
            return np.where(mass > 0, np.maximum(below - mass, 0.0) + drawn * mass, below)

        table = self._each_output(of_line)
        return table if points.many else table[:, 0]

    def atom_probability(self) -> FloatArray:
        """Probability of each atom, in the order of ``atoms``.

        Returns
        -------
        ndarray (n, A)
            Zero where a row has fewer atoms than others.

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> base = Mixture([[1.0]], [[0.0]], [[1.0]])
        >>> TargetMixture(base, "log", [0.0], [[0.25]]).atom_probability()
        array([[0.25]])
        """
        return self._atom_weights.copy()

    def _tail(self, y: ArrayLike, upper: bool) -> FloatArray:
        """Probability below y, or above it, in every output."""
        points = self._points(y)
        one_tail = upper_tail if upper else lower_tail

        def of_part(part: TargetValue, rows: Rows) -> FloatArray:
            values = points.values[rows]
            if part.n_outputs == 1:
                return one_tail(part._line(0), values[..., 0])
            z = _forward(part, values)
            return part.base.sf(z) if upper else part.base.cdf(z)

        table = self._by_law(of_part)
        return table if points.many else table[:, 0]


def place_in_jump(jump: str) -> float | None:
    """Where in a jump the answer lies; None is at random."""
    places = {"random": None, "middle": 0.5, "lower": 0.0, "upper": 1.0}
    if not isinstance(jump, str) or jump not in places:
        raise ValueError(f"jump must be one of {', '.join(map(repr, places))}; got {jump!r}")
    return places[jump]


def _forward(part: TargetValue, y: FloatArray) -> FloatArray:
    """The z of points ``(n, G, D)`` of rows of one law."""
    (law,) = part._laws
    return np.stack(
        [transform.forward(y[..., j]) for j, transform in enumerate(law.transforms)], axis=-1
    )


def _as_points(part: TargetValue, z: FloatArray) -> FloatArray:
    """Points ``(n, G, D)`` as the base takes them."""
    return z[..., 0] if part.univariate else z


def _log_density(part: TargetValue, y: FloatArray) -> FloatArray:
    """Log density ``(n, G)`` of rows of one law at y ``(n, G, D)``."""
    answer = log_density_beside_atoms(part, y)
    if not part._laws[0].atoms:
        return answer
    line, at = part._line(0), y[..., 0]
    return np.where(is_atom(line, at), np.log(probability_at(line, at)), answer)


def log_density_beside_atoms(part: TargetValue, y: FloatArray) -> FloatArray:
    """The same, as if there were no atom at y; -inf where atoms leave nothing to the density."""
    (law,) = part._laws
    answer = part.base.logpdf(_as_points(part, _forward(part, y)))
    for j, transform in enumerate(law.transforms):
        inside = transform.contains(y[..., j])
        answer = np.where(inside, answer + transform.log_jacobian(y[..., j]), -np.inf)
    return answer + np.log(part._line(0).rest)[:, np.newaxis] if law.atoms else answer
