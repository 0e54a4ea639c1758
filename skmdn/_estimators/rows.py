"""Rows of a table with their targets, weights and groups, as an estimator hands them on."""

from typing import Any, NamedTuple

from skmdn._arrays import AnyArray, FloatArray, IntArray
from skmdn._estimators.folds import take


class Rows(NamedTuple):
    """Checked rows; the estimators that get X check its contents."""

    X: Any  # n rows of anything that `take` can index
    y: FloatArray  # (n,) or (n, D)
    weights: FloatArray | None = None  # (n,)
    groups: AnyArray | None = None  # (n,)

    def take(self, rows: IntArray) -> "Rows":
        """Some of the rows."""
        weights = None if self.weights is None else self.weights[rows]
        groups = None if self.groups is None else self.groups[rows]
        return Rows(take(self.X, rows), self.y[rows], weights, groups)
