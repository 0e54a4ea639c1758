"""How y comes from z: a map for each output, and atoms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from skmdn._arrays import FloatArray
from skmdn.mixture.arguments import as_floats, check_finite, check_shape, row_totals
from skmdn.transforms import Identity, Transform, as_transform

SUM_TOLERANCE = 1e-6
"""Largest excess over one that is accepted of a sum of atoms' weights."""


class Law(NamedTuple):
    """How y comes from z, the same for many rows."""

    transforms: tuple[Transform, ...]  # one for each output
    atoms: tuple[float, ...] = ()  # ascending

    @property
    def plain(self) -> bool:
        """Whether y is z."""
        return not self.atoms and all(isinstance(map_, Identity) for map_ in self.transforms)

    def __str__(self) -> str:
        maps = ", ".join(map(repr, self.transforms))
        maps = maps if len(self.transforms) == 1 else f"[{maps}]"
        return f"transform={maps}" + (f", atoms={list(self.atoms)}" if self.atoms else "")


def as_transforms(value: object, n_outputs: int) -> tuple[Transform, ...]:
    """A map for each output, from one for all of them or from a sequence."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return (as_transform(value),) * n_outputs
    if len(value) != n_outputs:
        raise ValueError(
            f"transform must be one map or one for each of the {n_outputs} outputs; "
            f"got {len(value)} maps"
        )
    return tuple(as_transform(item, f"transform[{j}]") for j, item in enumerate(value))


def as_atoms(
    atoms: ArrayLike | None, weights: ArrayLike | None, n_rows: int, n_outputs: int
) -> tuple[tuple[float, ...], FloatArray]:
    """The atoms, ascending, and their weights ``(n, A)``."""
    if atoms is None and weights is None:
        return (), np.zeros((n_rows, 0))
    if atoms is None or weights is None:
        raise ValueError("atoms and atom_weights must be given together; got one of them")
    values = as_floats(atoms, "atoms")
    if values.ndim != 1 or len(np.unique(values)) < len(values):
        raise ValueError(f"atoms must be a list of distinct numbers; got {atoms!r}")
    check_finite(values, "atoms")
    if len(values) and n_outputs > 1:
        raise ValueError(f"atoms need one output; got {n_outputs} outputs: model each by itself")
    table = as_floats(weights, "atom_weights")
    check_shape(table, (n_rows, len(values)), "atom_weights")
    order = np.argsort(values)
    return tuple(float(value) + 0.0 for value in values[order]), _checked(table)[:, order]


def _checked(weights: FloatArray) -> FloatArray:
    """Weights that are not negative and do not sum to more than one."""
    check_finite(weights, "atom_weights")
    if weights.size and weights.min() < 0:
        raise ValueError(f"atom_weights must not be negative; got a minimum of {weights.min()}")
    total = totals(weights)
    if np.any(total > 1.0 + SUM_TOLERANCE):
        raise ValueError(
            "each row of atom_weights must sum to one at most; "
            f"row {int(total.argmax())} sums to {total.max()}"
        )
    return weights / np.where(total > 1.0, total, 1.0)[:, np.newaxis]


def totals(weights: FloatArray) -> FloatArray:
    """Sum of each row of atoms' weights, ``(n,)``."""
    return row_totals(weights) if weights.shape[1] else np.zeros(len(weights))


def remainders(weights: FloatArray) -> FloatArray:
    """What atoms leave to the density, ``(n,)``; zero where it is not above rounding."""
    rest = 1.0 - totals(weights)
    return np.where(rest > 4.0 * (1 + weights.shape[1]) * np.finfo(float).eps, rest, 0.0)
