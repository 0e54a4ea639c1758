"""Which rows fit the models and which calibrate them."""

from typing import Any

import numpy as np

from skmdn._estimators.folds import Folds, order_of, splits
from skmdn._estimators.groups import group_numbers, last_groups
from skmdn._estimators.rows import Rows

_LAST_FRACTION = 5  # "last" calibrates on one row in so many, as does each of five folds
_ONE_SPLIT = " Or pass a single split, such as cv='last', ShuffleSplit(1) or [(train, test)]."


def calibration_splits(cv: Any, rows: Rows, rng: np.random.Generator) -> Folds:
    """Rows to fit on and rows to calibrate on, for every model.

    Several models vote as equals, so each row must calibrate exactly one of them. Otherwise a model
    of the first few rows of a series would count as much as the last one.
    """
    n = len(rows.y)
    if isinstance(cv, str):
        return splits(_last_rows(n, rows.groups), *rows, rng)._replace(kind=cv)
    folds = splits(cv, *rows, rng)
    if len(folds.parts) > 1:
        order_of([calibrating for _, calibrating in folds.parts], n, _ONE_SPLIT)
    return folds


def _last_rows(n: int, labels: np.ndarray | None) -> list[tuple[np.ndarray, np.ndarray]]:
    """One split, whose last fifth calibrates: rows, or whole groups of about so many."""
    n_last = -(-n // _LAST_FRACTION)
    calibrates = np.arange(n) >= n - n_last
    if labels is not None:
        groups = group_numbers(labels)
        sizes = np.bincount(groups)
        if len(sizes) < 2:
            raise ValueError("groups: expected at least two groups for cv='last', got one.")
        calibrates = last_groups(sizes, n_last)[groups]
    return [(np.flatnonzero(~calibrates), np.flatnonzero(calibrates))]
