"""Which rows fit the models and which calibrate them."""

from typing import Any

import numpy as np

from skmdn._estimators.folds import Folds, order_of, splits
from skmdn._estimators.rows import Rows

_LAST_FRACTION = 5  # "last" calibrates on one row in so many, as does each of five folds


def calibration_splits(cv: Any, rows: Rows, rng: np.random.Generator) -> Folds:
    """Rows to fit on and rows to calibrate on, for every model.

    Several models vote as equals, so each row must calibrate exactly one of them. Otherwise a model
    of the first few rows of a series would count as much as the last one.
    """
    n = len(rows.y)
    if isinstance(cv, str):
        return splits(_last_rows(n), *rows, rng)._replace(kind=cv)
    folds = splits(cv, *rows, rng)
    if len(folds.parts) > 1:
        order_of([calibrating for _, calibrating in folds.parts], n)
    return folds


def _last_rows(n_rows: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """One split, whose last fifth calibrates."""
    rows, n_last = np.arange(n_rows), -(-n_rows // _LAST_FRACTION)
    return [(rows[:-n_last], rows[-n_last:])]
