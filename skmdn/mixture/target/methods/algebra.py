"""Methods that return new target mixtures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from skmdn._arrays import FloatArray
from skmdn.mixture.algebra import member_shares
from skmdn.mixture.arguments import as_floats, as_output, as_outputs, check_finite
from skmdn.mixture.methods.algebra import listed
from skmdn.mixture.mixture import Mixture
from skmdn.mixture.target.law import Law, remainders
from skmdn.mixture.target.value import TargetValue

Self = TypeVar("Self", bound="AlgebraMethods")


class AlgebraMethods(TargetValue):
    """affine, widen, marginal, condition, pool and concatenate; a part of `TargetMixture`."""

    __slots__ = ()

    def affine(self: Self, shift: ArrayLike, scale: ArrayLike) -> Self:
        """Target mixture of ``shift + scale * y``, exact; maps and atoms move along.

        Parameters
        ----------
        shift : float or array_like (D,)
            Finite.
        scale : float or array_like (D,)
            Finite and not zero. A negative scale mirrors the density: a logarithm from below
            becomes one from above.

        Returns
        -------
        TargetMixture

        Raises
        ------
        ValueError
            If an argument has the wrong shape or holds a number that is not allowed, or if the
            result overflows or underflows.

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> price = TargetMixture(Mixture([[1.0]], [[0.0]], [[1.0]]), "log")
        >>> price.affine(10.0, -2.0).transform
        Log(upper=10.0)
        """
        shifts, scales = self._per_output(shift, "shift"), self._per_output(scale, "scale")
        if not np.all(scales):
            raise ValueError("scale must not be zero")
        parts, weights = [], self._atom_weights
        for law in self._laws:
            moved = [
                transform.moved(float(a), float(b))
                for transform, a, b in zip(law.transforms, shifts, scales, strict=True)
            ]
            atoms = shifts[0] + scales[0] * np.array(law.atoms, dtype=np.float64)
            check_finite(atoms, "shift + scale * atoms")
            law_after = Law(tuple(m.transform for m in moved), tuple(map(float, np.sort(atoms))))
            parts.append((law_after, [m.z_shift for m in moved], [m.z_scale for m in moved]))
        laws = tuple(part[0] for part in parts)
        base = _moved_base(self._base, self._law_of_row, [part[1:] for part in parts])
        if scales[0] < 0 and weights.shape[1]:
            weights = _reversed(weights, np.array([len(law.atoms) for law in laws]))[
                self._law_of_row, np.arange(len(self))
            ]
        return self._trusted(base, laws, self._law_of_row, weights)

    def widen(self: Self, factor: float = 1.0, noise: ArrayLike = 0.0) -> Self:
        """Target mixture whose base is widened, by `Mixture.widen`; maps and atoms stay.

        Parameters
        ----------
        factor : float, default=1.0
            Finite and positive.
        noise : float or array_like (D,), default=0.0
            Standard deviation to add to each z, in the units of z.

        Returns
        -------
        TargetMixture

        Raises
        ------
        ValueError
            If an argument has the wrong shape or holds a number that is not allowed.

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> TargetMixture(Mixture([[1.0]], [[0.0]], [[3.0]]), "log").widen(noise=4.0).base.std()
        array([5.])
        """
        base = self._base.widen(factor, noise)
        return self._trusted(base, self._laws, self._law_of_row, self._atom_weights)

    def marginal(self: Self, outputs: int | Sequence[int]) -> Self:
        """Target mixture of some of the outputs, exact, with their maps.

        Parameters
        ----------
        outputs : int or sequence of int
            As for `Mixture.marginal`: an integer gives a univariate answer.

        Returns
        -------
        TargetMixture

        Raises
        ------
        ValueError
            If an output does not exist or is given twice, or if none is given.

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> base = Mixture([[1.0]], [[[0.0, 5.0]]], [[[1.0, 2.0]]])
        >>> TargetMixture(base, ["log", None]).marginal(0).median()
        array([1.])
        """
        if isinstance(outputs, Sequence | np.ndarray):
            chosen = as_outputs(list(outputs), self.n_outputs, "outputs")
        else:
            chosen = [as_output(outputs, self.n_outputs, "outputs")]
        return self._with_outputs(self._base.marginal(outputs), chosen)

    def condition(self: Self, values: Mapping[int, ArrayLike]) -> Self:
        """Target mixture of the other outputs, given the values of some; exact.

        Parameters
        ----------
        values : mapping of int to float or array_like (n,)
            Known outputs and their values, inside the support of their maps.

        Returns
        -------
        TargetMixture
            Of the remaining outputs in their order. It keeps the axis of outputs.

        Raises
        ------
        ValueError
            If no output is known or none remains, or if a value has the wrong shape or is outside
            the support.

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> tril = [[[[1.0, 0.0], [0.8, 0.6]]]]
        >>> base = Mixture([[1.0]], [[[0.0, 0.0]]], scale_tril=tril)
        >>> TargetMixture(base, "log").condition({0: 1.0}).median()
        array([[1.]])
        """
        if not isinstance(values, Mapping):
            raise ValueError(f"values must be a mapping of output to values; got {values!r}")
        known = as_outputs(list(values), self.n_outputs, "values")
        z = {
            output: self._known_z(output, as_floats(value, f"values[{output}]"))
            for output, value in zip(known, values.values(), strict=True)
        }
        rest = [j for j in range(self.n_outputs) if j not in known]
        return self._with_outputs(self._base.condition(z), rest)

    @classmethod
    def pool(cls: type[Self], mixtures: Iterable[Any], weights: ArrayLike | None = None) -> Self:
        """Weighted mixture of several target mixtures of the same rows, exact.

        Parameters
        ----------
        mixtures : iterable of TargetMixture or Mixture
            M members with the same rows, outputs, maps and atoms.
        weights : array_like (M,) or (n, M), default None
            Not negative and not all zero; they are scaled to sum to one. None: equal weights.

        Returns
        -------
        TargetMixture

        Raises
        ------
        ValueError
            If the members differ in rows, outputs, maps or atoms, or if a weight is not allowed.

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> members = [TargetMixture(Mixture([[1.0]], [[m]], [[1.0]]), "log") for m in (0.0, 1.0)]
        >>> TargetMixture.pool(members).n_components
        2
        """
        members = [cls._of(mixture) for mixture in listed(mixtures)]
        bases = [member._base for member in members]
        Mixture.pool(bases)  # for its checks
        first = members[0]
        for member in members:
            _check_same_laws(first, member)
        share = member_shares(weights, len(first), len(members))
        rest = [share[:, i] * remainders(m._atom_weights) for i, m in enumerate(members)]
        density = np.stack(rest, axis=1)
        # Where atoms leave nothing to the density, its components do not matter.
        density = np.where(density.sum(axis=1, keepdims=True) > 0, density, share)
        masses = np.zeros(first._atom_weights.shape)
        for i, member in enumerate(members):
            masses += share[:, [i]] * member._atom_weights
        return cls._trusted(Mixture.pool(bases, density), first._laws, first._law_of_row, masses)

    @classmethod
    def concatenate(cls: type[Self], mixtures: Iterable[Any]) -> Self:
        """Rows of several target mixtures, one after the other; each keeps its map and atoms.

        Parameters
        ----------
        mixtures : iterable of TargetMixture or Mixture
            With the same outputs. Components are padded as by `Mixture.concatenate`.

        Returns
        -------
        TargetMixture

        Raises
        ------
        ValueError
            If the mixtures differ in outputs.

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> base = Mixture([[1.0]], [[0.0]], [[1.0]])
        >>> both = TargetMixture.concatenate([TargetMixture(base, "log"), TargetMixture(base)])
        >>> both.median()
        array([1., 0.])
        """
        members = [cls._of(mixture) for mixture in listed(mixtures)]
        base = Mixture.concatenate([member._base for member in members])
        laws = tuple(law for member in members for law in member._laws)
        starts = np.cumsum([0, *(len(member._laws) for member in members)])
        numbers = [m._law_of_row + start for m, start in zip(members, starts, strict=False)]
        width = max(member._atom_weights.shape[1] for member in members)
        weights = [
            np.pad(m._atom_weights, ((0, 0), (0, width - m._atom_weights.shape[1])))
            for m in members
        ]
        return cls._trusted(base, laws, np.concatenate(numbers), np.concatenate(weights))

    @classmethod
    def _of(cls: type[Self], mixture: Any) -> Self:
        """A target mixture of what may be a plain mixture."""
        if isinstance(mixture, Mixture):
            return cls(mixture)
        if not isinstance(mixture, cls):
            raise ValueError(
                f"mixtures must be TargetMixture or Mixture objects; got {type(mixture).__name__}"
            )
        return mixture

    def _with_outputs(self: Self, base: Mixture, outputs: Sequence[int]) -> Self:
        """The base of these outputs, with their maps."""
        laws = tuple(
            Law(tuple(law.transforms[j] for j in outputs), law.atoms) for law in self._laws
        )
        return self._trusted(base, laws, self._law_of_row, self._atom_weights)

    def _known_z(self, output: int, value: FloatArray) -> FloatArray:
        """The z of a known output's values, ``(n,)``."""
        if value.shape not in ((), (len(self),)):
            raise ValueError(
                f"values[{output}] must be a number or have shape ({len(self)},); got {value.shape}"
            )
        y, z = np.broadcast_to(value, (len(self),)), np.empty(len(self))
        for number, law in enumerate(self._laws):
            rows = self._law_of_row == number
            transform = law.transforms[output]
            if not np.all(transform.contains(y[rows])):
                raise ValueError(
                    f"values[{output}] must be finite and inside {transform.support}, the support "
                    f"of {transform!r}"
                )
            z[rows] = transform.forward(y[rows])
        return z

    def _per_output(self, value: ArrayLike, name: str) -> FloatArray:
        """A finite number for each output, ``(D,)``."""
        array = as_floats(value, name)
        if array.shape not in ((), (self.n_outputs,)):
            raise ValueError(
                f"{name} must be a number or have shape ({self.n_outputs},); got {array.shape}"
            )
        check_finite(array, name)
        return np.full(self.n_outputs, array)


def _moved_base(
    base: Mixture, law_of_row: np.ndarray, moves: Sequence[Sequence[Sequence[float]]]
) -> Mixture:
    """The base with the rows of each law moved by its shifts and scales."""
    if len(moves) == 1:
        return base.affine(*moves[0])
    rows = [np.flatnonzero(law_of_row == number) for number in range(len(moves))]
    parts = [base[own].affine(*move) for own, move in zip(rows, moves, strict=True)]
    return Mixture.concatenate(parts)[np.argsort(np.concatenate(rows), kind="stable")]


def _reversed(weights: FloatArray, counts: np.ndarray) -> FloatArray:
    """Weights of atoms in the opposite order, for each number of them, ``(laws, n, A)``."""
    answer = np.zeros((len(counts), *weights.shape))
    for table, count in zip(answer, counts, strict=True):
        table[:, :count] = weights[:, :count][:, ::-1]
    return answer


def _check_same_laws(first: TargetValue, other: TargetValue) -> None:
    """Refuse members whose maps or atoms differ."""
    same_rows = np.array_equal(first._law_of_row, other._law_of_row)
    if first._laws == other._laws and same_rows:
        return
    mine, others = _laws_that_differ(first, other)
    remedies = []
    if mine.transforms != others.transforms:
        remedies.append("target_transform, an object of skmdn.transforms or None, not 'auto'")
    if mine.atoms != others.atoms:
        remedies.append("target_atoms, a list or None, not 'auto'")
    raise ValueError(
        f"mixtures must have the same maps and atoms to be pooled; got {mine} and {others}: give "
        f"all estimators the same {'; and the same '.join(remedies)}"
    )


def _laws_that_differ(first: TargetValue, other: TargetValue) -> tuple[Law, Law]:
    """The laws of the first row whose laws differ."""
    pairs = zip(first._law_of_row, other._law_of_row, strict=True)
    return next(
        (first._laws[i], other._laws[j]) for i, j in pairs if first._laws[i] != other._laws[j]
    )
