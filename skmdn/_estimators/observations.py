"""Checked rows of X and y: the one carrier of data from the door to the batches."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from skmdn._arrays import AnyArray, Array, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Observations:
    """Arrays of equal length, and the rows of them that take part.

    All numbers are finite, but for gaps in X, which are NaN; categories are codes.
    The arrays are the user's own unless they need conversion. A part of the rows is a selection of
    row numbers, not a copy.
    """

    X: Array  # (N, p), float64 or float32
    y: FloatArray  # (N, D)
    weights: FloatArray | None  # (N,), in units of the largest
    rows: IntArray  # (n,), which of the N rows
    y_ndim: int  # 1 where the targets came without an outputs axis
    # (p,), number of categories of every feature, -1 for features of numbers; None without any.
    n_categories: IntArray | None = None
    # (N,), parts of the rows, each of which gets means of targets from the others.
    folds: IntArray | None = None
    # (N,), logarithm of the derivative of mapped targets by those of the user; None without a map.
    log_jacobian: FloatArray | None = None
    # (N,), number of the atom that a target is at, -1 for none; None without atoms. Targets at
    # atoms are stand-ins, which have the order of the user's.
    atom: IntArray | None = None
    atoms: FloatArray | None = None  # (A,), ascending, in the user's units
    # The rows are so many copies of the first ones, in the same order, with other targets.
    n_copies: int = 1

    @classmethod
    def of(
        cls,
        X: Array,
        y: FloatArray,
        weights: FloatArray | None = None,
        y_ndim: int = 2,
        n_categories: IntArray | None = None,
    ) -> "Observations":
        """All rows that have weight."""
        return cls(X, y, weights, rows_with_weight(weights, len(y)), y_ndim, n_categories)

    def __len__(self) -> int:
        return len(self.rows)

    def select(self, rows: IntArray) -> "Observations":
        """The same arrays with other rows of them."""
        return replace(self, rows=rows, n_copies=1)

    def in_folds(self, n_folds: int, rng: np.random.Generator) -> "Observations":
        """The rows in random parts, if there are categories."""
        if self.n_categories is None:
            return self
        folds = np.zeros(len(self.X), dtype=np.intp)
        folds[self.rows] = rng.integers(n_folds, size=len(self))
        return replace(self, folds=folds)

    def of_new_rows(self) -> "Observations":
        """The same, as rows of no fold, which get the means of all rows that train."""
        return self if self.folds is None else replace(self, folds=None)

    @property
    def n_atoms(self) -> int:
        """Number of atoms A."""
        return 0 if self.atoms is None else len(self.atoms)

    def off_atoms(self) -> "Observations":
        """The rows whose targets are at no atom, if there are any."""
        if self.atom is None:
            return self
        return self.select(self.rows[self.atom[self.rows] < 0])

    def of_density(self) -> "Observations":
        """The rows from which scales of y are learned: off the atoms, or all if none are off."""
        off = self.off_atoms()
        return off if len(off) > 0 else self

    def shares(self) -> FloatArray:
        """Weighted shares ``(A,)`` of the rows that are at each atom."""
        if self.atom is None:
            return np.empty(0)
        w = None if self.weights is None else self.weights[self.rows]
        counts = np.bincount(self.atom[self.rows] + 1, w, self.n_atoms + 1)
        return np.asarray(counts[1:] / counts.sum())

    def targets_off_atoms(self) -> FloatArray:
        """Targets ``(N, D)``, with gaps (NaN) at atoms."""
        if self.atom is None:
            return self.y
        return np.where(self.atom[:, np.newaxis] < 0, self.y, np.nan)

    def mean_weight(self) -> float:
        """Mean weight of the rows."""
        return 1.0 if self.weights is None else float(np.mean(self.weights[self.rows]))

    def mean_log_jacobian(self) -> float:
        """Weighted mean over the rows: by so much densities of y exceed those of mapped targets."""
        if self.log_jacobian is None:
            return 0.0
        w = None if self.weights is None else self.weights[self.rows]
        return float(np.average(self.log_jacobian[self.rows], weights=w))

    def is_constant(self) -> bool:
        """Whether no output varies over the rows."""
        return not np.ptp(self.y[self.rows], axis=0).any()


def rows_with_weight(weights: FloatArray | None, n: int) -> IntArray:
    """Which of n rows have weight: all where no weights are given."""
    return np.arange(n) if weights is None else np.flatnonzero(weights)


def concatenated(parts: Sequence[Observations]) -> Observations:
    """The rows of several data of the same kind, one after the other, in arrays of their own."""
    return replace(
        parts[0],
        X=np.concatenate([part.X[part.rows] for part in parts]),
        y=np.concatenate([part.y[part.rows] for part in parts]),
        weights=_joined([(part.weights, part.rows) for part in parts]),
        rows=np.arange(sum(map(len, parts))),
        folds=_joined([(part.folds, part.rows) for part in parts]),
        log_jacobian=_joined([(part.log_jacobian, part.rows) for part in parts]),
        atom=_joined([(part.atom, part.rows) for part in parts]),
        n_copies=1,
    )


def _joined(parts: list[tuple[AnyArray | None, IntArray]]) -> AnyArray | None:
    found = [values[rows] for values, rows in parts if values is not None]
    return np.concatenate(found) if found else None
