"""Modes, highest-density regions and entropy."""

from __future__ import annotations

from typing import Literal, overload

import numpy as np
from numpy.typing import ArrayLike

from skmdn._arrays import FloatArray
from skmdn.mixture.arguments import RandomState, as_count, as_generator, as_levels
from skmdn.mixture.blocks import chunks
from skmdn.mixture.sampling import Random
from skmdn.mixture.target.entropy import atoms_entropy, expected_log_stretch
from skmdn.mixture.target.line import probability_at
from skmdn.mixture.target.methods.density import (
    DensityMethods,
    log_density_beside_atoms,
    place_in_jump,
)
from skmdn.mixture.target.methods.summary import SummaryMethods
from skmdn.mixture.target.shape import line_modes, line_regions, region_masses
from skmdn.mixture.target.tilting import joint_tilted
from skmdn.mixture.target.value import Rows, TargetValue


class ShapeMethods(DensityMethods, SummaryMethods):
    """modes, mode, hdr, hdr_mass and entropy; a part of `TargetMixture`."""

    __slots__ = ()

    @overload
    def modes(self, return_density: Literal[False] = False) -> FloatArray: ...

    @overload
    def modes(self, return_density: Literal[True]) -> tuple[FloatArray, FloatArray]: ...

    @overload
    def modes(self, return_density: bool) -> FloatArray | tuple[FloatArray, FloatArray]: ...

    def modes(self, return_density: bool = False) -> FloatArray | tuple[FloatArray, FloatArray]:
        """All local maxima of the density of y, the highest first; atoms are left out.

        For one output behind the identity, log or logit the list is complete: over z the density of
        y is a Gaussian mixture again, so that the search of `Mixture.modes` finds all of them. For
        asinh the search looks at a grid of four points for each scale of each component.

        For several outputs the modes are those that ascents reach, as for `Mixture.modes`.

        Parameters
        ----------
        return_density : bool, default False
            Also return the density at each mode. Where atoms leave nothing to the density, the only
            mode is the likeliest atom, with its probability.

        Returns
        -------
        modes : ndarray (n, J) or (n, J, D)
            Padded with NaN. J is K, but 3 K for logit.
        density : ndarray (n, J), only with ``return_density``

        Raises
        ------
        ValueError
            For several outputs, if a map is `Asinh` or if more than three are `Logit`.

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> TargetMixture(Mixture([[1.0]], [[0.0]], [[1.0]]), "log").modes().round(6)
        array([[0.367879]])
        """
        modes = self._by_law(_modes_of)
        if not return_density:
            return modes
        points = self._points(np.nan_to_num(modes, nan=0.0, posinf=np.inf, neginf=-np.inf))
        with np.errstate(divide="ignore"):
            density = self._by_law(lambda part, rows: _heights(part, points.values[rows]))
        first = modes if self.univariate else modes[..., 0]
        return modes, np.where(np.isnan(first), np.nan, density)

    def mode(self) -> FloatArray:
        """The highest mode of the density, or the likeliest atom.

        A probability and a density cannot be compared, so the atom is taken where atoms together
        have at least half of the probability.

        Returns
        -------
        ndarray (n,) or (n, D)

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> base = Mixture([[1.0], [1.0]], [[0.0], [0.0]], [[1.0], [1.0]])
        >>> TargetMixture(base, "log", [0.0], [[0.4], [0.6]]).mode().round(6)
        array([0.367879, 0.      ])
        """
        modes, shares = self.modes()[:, 0], self.atom_probability()
        if shares.shape[1] == 0:
            return modes
        atoms = np.broadcast_to(self.atoms, shares.shape)
        likeliest = np.take_along_axis(atoms, shares.argmax(axis=1)[:, np.newaxis], axis=1)
        mostly_atoms = shares.sum(axis=1) >= 0.5
        return np.where(mostly_atoms, likeliest[:, 0], modes.T).T

    def hdr(self, level: ArrayLike) -> FloatArray:
        """Highest-density region of one output: the shortest set with at least that probability.

        Atoms come first, the likeliest first: an atom is in the region if the likelier ones
        together have at most the level. Then come the stretches on which the density is highest.
        An atom outside of them is an interval of length zero. For asinh see `modes`.

        Parameters
        ----------
        level : float or array_like (Q,)
            Probability within [0, 1]; 1 gives the support and the atoms, 0 the likeliest atom, or
            without atoms the highest mode.

        Returns
        -------
        ndarray (n, J, 2) or (n, Q, J, 2); with an outputs axis (n, J, 2, 1) or (n, Q, J, 2, 1)
            Lower and upper ends, from left to right, padded with NaN. J is K, for logit 3 K, plus
            the number of atoms.

        Raises
        ------
        ValueError
            If there are several outputs (take a `marginal`, or use `hdr_mass`), or if level has
            more than one axis or lies outside [0, 1].

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> base = Mixture([[1.0]], [[0.0]], [[0.1]])
        >>> TargetMixture(base, "log", [0.0], [[0.5]]).hdr(0.9).round(3)
        array([[[0.   , 0.   ],
                [0.87 , 1.126]]])
        """
        if self.n_outputs != 1:
            raise ValueError(
                f"hdr needs one output; got {self.n_outputs}: use marginal(j).hdr(level), "
                "or hdr_mass for the joint region"
            )
        levels = as_levels(level, "level")
        ends = self._each_output(lambda line, _, __: line_regions(line, levels.ravel()))
        return ends if levels.ndim else ends[:, 0]

    @overload
    def hdr_mass(
        self,
        y: ArrayLike,
        n_samples: int = ...,
        random_state: RandomState = ...,
        *,
        jump: str = ...,
        return_std_error: Literal[False] = False,
    ) -> FloatArray: ...

    @overload
    def hdr_mass(
        self,
        y: ArrayLike,
        n_samples: int = ...,
        random_state: RandomState = ...,
        *,
        jump: str = ...,
        return_std_error: Literal[True],
    ) -> tuple[FloatArray, FloatArray]: ...

    def hdr_mass(
        self,
        y: ArrayLike,
        n_samples: int = 1000,
        random_state: RandomState = 0,
        *,
        jump: str = "lower",
        return_std_error: bool = False,
    ) -> FloatArray | tuple[FloatArray, FloatArray]:
        """Probability of what is denser than y: of likelier atoms, then of a higher density.

        y lies in ``hdr(level)`` if it is at most the level. It is uniform on [0, 1] if y is a draw
        from the mixture, with ``jump="random"`` where there are atoms. For several outputs it is a
        share of draws.

        Parameters
        ----------
        y : array_like
            As for `logpdf`.
        n_samples : int, default 1000
            Number of draws for each row, if there are several outputs.
        random_state : int, numpy.random.Generator, numpy.random.RandomState or None, default 0
            Source of the draws, and of random points in jumps.
        jump : "lower", "middle", "random" or "upper", default "lower"
            What is taken of the step at an atom, as for `pit`.
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
            If y has another shape or holds NaN, or if another argument is not allowed.

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> base = Mixture([[1.0]], [[0.0]], [[0.1]])
        >>> TargetMixture(base, "log", [0.0], [[0.5]]).hdr_mass([[0.0, 1.0]]).round(3)
        array([[0.  , 0.54]])
        """
        points = self._points(y)
        n_samples, random = as_count(n_samples, "n_samples"), as_generator(random_state)
        place = place_in_jump(jump)
        if self.n_outputs == 1:

            def of_part(part: TargetValue, rows: Rows) -> FloatArray:
                line, at = part._line(0), points.values[rows][..., 0]
                own = probability_at(line, at)
                drawn = random.random(at.shape) if place is None else place
                return np.minimum(region_masses(line, at) + drawn * own, 1.0)

            mass = self._by_law(of_part)
            error = np.zeros_like(mass)
        else:
            mass = self._denser_draws(y, points.many, n_samples, random)
            error = np.sqrt(mass * (1.0 - mass) / n_samples)
        if not points.many:
            mass, error = mass[:, 0], error[:, 0]
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
        """Entropy -E log f(Y) in nats, with f the answer of `pdf`: counting at the atoms.

        It is that of the base plus the mean logarithm of dy/dz, and that of the choice between the
        atoms and the density. For one output the error is below 1e-8. For several outputs that of
        the base is a mean over draws.

        Parameters
        ----------
        n_samples : int, default 1000
            Number of draws for each row, if there are several outputs.
        random_state : int, numpy.random.Generator, numpy.random.RandomState or None, default 0
            Source of the draws.
        return_std_error : bool, default False
            Also return the standard errors, as `Mixture.entropy`.

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
        >>> from skmdn import Mixture, TargetMixture
        >>> TargetMixture(Mixture([[1.0]], [[0.5]], [[1.0]]), "log").entropy().round(6)
        array([1.918939])
        """
        own, error = self._base.entropy(n_samples, random_state, return_std_error=True)

        def of_part(part: TargetValue, rows: Rows) -> FloatArray:
            (law,) = part._laws
            entropy = own[rows]
            for j, transform in enumerate(law.transforms):
                entropy = entropy + expected_log_stretch(transform, part._line(j).base)
            return atoms_entropy(part._line(0), entropy) if law.atoms else entropy

        entropy = self._by_law(of_part)
        return (entropy, error) if return_std_error else entropy

    def _denser_draws(self, y: ArrayLike, many: bool, n_samples: int, random: Random) -> FloatArray:
        """Shares of draws with a higher density than the points, ``(n, G)``."""
        height = self.logpdf(y)
        table = height if many else height[:, np.newaxis]
        share = np.empty_like(table)
        for rows in chunks(len(self), n_samples * self.n_outputs):
            draws = np.sort(self[rows].logpdf(self._draws(rows, n_samples, random)), axis=1)
            for row, sorted_draws in zip(range(rows.start, rows.stop), draws, strict=True):
                below = np.searchsorted(sorted_draws, table[row], side="right")
                share[row] = 1.0 - below / n_samples
        return share


def _heights(part: TargetValue, modes: FloatArray) -> FloatArray:
    """Density ``(n, J)`` at modes; a mode that is at an atom all the same has the density there."""
    density = np.exp(log_density_beside_atoms(part, modes))
    if not part._laws[0].atoms:
        return density
    line = part._line(0)
    of_atoms = probability_at(line, modes[..., 0])
    return np.where(line.rest[:, np.newaxis] > 0, density, of_atoms)


def _modes_of(part: TargetValue, _: Rows) -> FloatArray:
    """Modes ``(n, J)`` or ``(n, J, D)`` of rows of one law."""
    if part.n_outputs == 1:
        modes = line_modes(part._line(0))
        return modes if part.univariate else modes[..., np.newaxis]
    (law,) = part._laws
    z = joint_tilted(part.base, law.transforms).modes()
    outputs = [transform.inverse(z[..., j]) for j, transform in enumerate(law.transforms)]
    return np.stack(outputs, axis=-1)
