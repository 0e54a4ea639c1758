"""Which rows fit the models and which calibrate them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from skmdn._estimators.folds import order_of, splits

_LAST_FRACTION = 5  # "last" calibrates on one row in so many, as does each of five folds


class CalibrationSplit(NamedTuple):
    """Indices of the rows that fit one model and of those that calibrate it."""

    fitting: np.ndarray
    calibrating: np.ndarray


def calibration_splits(
    cv: Any,
    X: Any,
    y: np.ndarray,
    weights: np.ndarray | None,
    groups: ArrayLike | None,
    rng: np.random.Generator,
) -> list[CalibrationSplit]:
    """Rows to fit on and rows to calibrate on, for every model.

    Several models vote as equals, so each row must calibrate exactly one of them. Otherwise a model
    of the first few rows of a series would count as much as the last one.
    """
    cv = _last_rows(len(y)) if isinstance(cv, str) else cv
    parts = splits(cv, X, y, weights, groups, rng)
    if len(parts) > 1:
        order_of([calibrating for _, calibrating in parts], len(y))
    return [CalibrationSplit(fitting, calibrating) for fitting, calibrating in parts]


def _last_rows(n_rows: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """One split, whose last fifth calibrates."""
    rows, n_last = np.arange(n_rows), -(-n_rows // _LAST_FRACTION)
    return [(rows[:-n_last], rows[-n_last:])]
