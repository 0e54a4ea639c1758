"""The value: a mixture, maps and atoms, with indexing of rows, equality and pickling.

Rows may differ in their maps and atoms, as after `concatenate`. Methods are asked of the rows of
one law at a time.

Axes: n rows, A atoms, D outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from skmdn._arrays import AnyArray, FloatArray, IntArray
from skmdn.mixture.arguments import frozen
from skmdn.mixture.mixture import Mixture
from skmdn.mixture.points import Points
from skmdn.mixture.target.law import Law, as_atoms, as_transforms, remainders
from skmdn.mixture.target.line import TargetLine
from skmdn.mixture.target.table import parameter_table, table_width
from skmdn.mixture.value import row_index
from skmdn.transforms import Transform

Self = TypeVar("Self", bound="TargetValue")
Rows: TypeAlias = "slice | IntArray"


class TargetValue:
    """Parameters of n target mixtures; subclasses add the methods of a distribution."""

    __slots__ = ("_atom_weights", "_base", "_law_of_row", "_laws")

    _base: Mixture
    _laws: tuple[Law, ...]  # all of them in use, in order of their first rows
    _law_of_row: IntArray  # (n,)
    _atom_weights: FloatArray  # (n, A), zero beyond the row's own atoms

    def __init__(
        self,
        base: Mixture,
        transform: Transform | str | Sequence[Transform | str | None] | None = None,
        atoms: ArrayLike | None = None,
        atom_weights: ArrayLike | None = None,
    ) -> None:
        if not isinstance(base, Mixture):
            raise ValueError(f"base must be a Mixture; got {type(base).__name__}")
        maps = as_transforms(transform, base.n_outputs)
        values, weights = as_atoms(atoms, atom_weights, len(base), base.n_outputs)
        self._set(base, (Law(maps, values),), np.zeros(len(base), dtype=np.intp), weights)

    @classmethod
    def _trusted(
        cls: type[Self],
        base: Mixture,
        laws: tuple[Law, ...],
        law_of_row: IntArray,
        atom_weights: FloatArray,
    ) -> Self:
        """Target mixture of arguments that need no checks."""
        self = cls.__new__(cls)
        self._set(base, laws, law_of_row, atom_weights)
        return self

    def _set(
        self, base: Mixture, laws: tuple[Law, ...], law_of_row: IntArray, weights: FloatArray
    ) -> None:
        """Keep the laws in use, numbered in order of their first rows."""
        used: dict[Law, int] = {}
        if len(laws) > 1:
            first = np.unique(law_of_row, return_index=True)[1]
            for index in law_of_row[np.sort(first)]:
                used.setdefault(laws[index], len(used))
        used = used or {laws[0]: 0}
        number = np.array([used.get(law, 0) for law in laws], dtype=np.intp)
        self._base, self._laws = base, tuple(used)
        self._law_of_row = number[law_of_row]
        self._atom_weights = frozen(weights[:, : max(len(law.atoms) for law in used)])

    @property
    def base(self) -> Mixture:
        """The `Mixture` of z."""
        return self._base

    @property
    def transform(self) -> Transform | tuple[Transform, ...]:
        """The map from y to z; for several outputs a tuple with the map of each.

        Raises
        ------
        ValueError
            If rows have different maps, as after `concatenate`; ask some of the rows.
        """
        maps = {law.transforms for law in self._laws}
        if len(maps) > 1:
            raise ValueError("rows have different maps; ask for the transform of some of the rows")
        (found,) = maps
        return found[0] if len(found) == 1 else found

    @property
    def atoms(self) -> FloatArray:
        """The atoms in ascending order, ``(A,)``; ``(n, A)`` padded with NaN where rows differ."""
        if len(self._laws) == 1:
            return np.array(self._laws[0].atoms, dtype=np.float64)
        width = self._atom_weights.shape[1]
        table = [[*law.atoms, *[np.nan] * (width - len(law.atoms))] for law in self._laws]
        return np.array(table, dtype=np.float64).reshape(-1, width)[self._law_of_row]

    @property
    def atom_weights(self) -> FloatArray:
        """Probabilities of the atoms, ``(n, A)``, read-only."""
        return self._atom_weights

    @property
    def n_components(self) -> int:
        """Number of components K of the base."""
        return self._base.n_components

    @property
    def n_outputs(self) -> int:
        """Number of outputs D."""
        return self._base.n_outputs

    @property
    def covariance_type(self) -> str:
        """That of the base, "diag" or "full"."""
        return self._base.covariance_type

    @property
    def univariate(self) -> bool:
        """Whether answers have no axis of outputs."""
        return self._base.univariate

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of ``numpy.asarray(mixture)``: the number of rows and of parameters per row."""
        width = table_width(self._atom_weights.shape[1], self.n_outputs)
        return len(self), self._base.shape[1] + width

    def __len__(self) -> int:
        return len(self._base)

    def __getitem__(self: Self, index: Any) -> Self:
        rows = row_index(index, len(self))
        return self._trusted(
            self._base[rows], self._laws, self._law_of_row[rows], self._atom_weights[rows]
        )

    def __iter__(self: Self) -> Iterator[Self]:
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> AnyArray:
        if copy is False:
            raise ValueError("the array form of a mixture is always a new array; got copy=False")
        atoms = np.broadcast_to(self.atoms, self._atom_weights.shape)
        maps = parameter_table([law.transforms for law in self._laws])[self._law_of_row]
        parts = (np.asarray(self._base), self._atom_weights, atoms, maps)
        return np.concatenate(parts, axis=1, dtype=dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if ufunc in (np.equal, np.not_equal) and method == "__call__":
            return ufunc is np.not_equal  # no array is equal to a mixture
        raise TypeError(
            f"numpy.{ufunc.__name__} of a TargetMixture is not defined: it is a distribution, not "
            "an array. Ask it for numbers, such as pdf(y), logpdf(y) or ppf(q); affine(shift, "
            "scale) gives the distribution of shift + scale * y, and numpy.asarray(mixture) the "
            "table of parameters."
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TargetValue):
            return NotImplemented
        return (
            self._base == other._base
            and self._laws == other._laws
            and np.array_equal(self._law_of_row, other._law_of_row)
            and np.array_equal(self._atom_weights, other._atom_weights)
        )

    def __getstate__(self) -> dict[str, Any]:
        """State of a pickle: a mixture, arrays and maps, under public names."""
        return {
            "base": self._base,
            "transforms": [law.transforms for law in self._laws],
            "atoms": [law.atoms for law in self._laws],
            "law_of_row": self._law_of_row,
            "atom_weights": self._atom_weights,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        laws = tuple(map(Law, state["transforms"], state["atoms"]))
        self._set(state["base"], laws, state["law_of_row"], np.asarray(state["atom_weights"]))

    def _by_law(self: Self, answer: Callable[[Self, Rows], FloatArray]) -> FloatArray:
        """``answer(part, rows)`` of the rows of each law; shorter answers are padded with NaN."""
        if len(self._laws) == 1:
            return answer(self, slice(None))
        pieces = []
        for number in range(len(self._laws)):
            rows = np.flatnonzero(self._law_of_row == number)
            pieces.append((rows, answer(self[rows], rows)))
        trailing = np.max([piece.shape[1:] for _, piece in pieces], axis=0).astype(int)
        joined = np.full((len(self), *trailing), np.nan)
        for rows, piece in pieces:
            place: tuple[Any, ...] = (rows, *map(slice, piece.shape[1:]))
            joined[place] = piece
        return joined

    def _each_output(self, answer: Callable[[TargetLine, int, Rows], FloatArray]) -> FloatArray:
        """``answer(line, output, rows)`` of each output and law; on a last axis of outputs."""

        def of_part(part: TargetValue, rows: Rows) -> FloatArray:
            if part.univariate:
                return answer(part._line(0), 0, rows)
            lines = [answer(part._line(j), j, rows) for j in range(part.n_outputs)]
            return np.stack(lines, axis=-1)

        return self._by_law(of_part)

    def _line(self, output: int) -> TargetLine:
        """One output of rows of one law."""
        (law,) = self._laws
        base = self._base if self._base.univariate else self._base.marginal(output)
        weights = self._atom_weights
        atoms = np.array(law.atoms, dtype=np.float64)
        return TargetLine(base, law.transforms[output], atoms, weights, remainders(weights))

    def _points(self, y: ArrayLike) -> Points:
        """The points of y, after checks."""
        return Points(y, len(self), self.n_outputs, self.univariate)
