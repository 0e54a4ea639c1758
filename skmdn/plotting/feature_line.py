"""Rows that differ in one feature only: where a density is drawn over it."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skmdn.plotting.names import feature_name

FloatArray = NDArray[np.float64]


class FeatureLine(NamedTuple):
    """G rows along one feature, and where the data lie on it."""

    values: FloatArray  # (G,)
    rows: Any  # what the estimator takes, G rows
    observed: FloatArray  # (n,)
    name: str


def feature_line(
    estimator: Any, X: Any, feature: int | str, resolution: int, reference: int | None
) -> FeatureLine:
    """Rows over the range of one feature; the other features are those of the reference row.

    Without a reference they are the medians, or the most frequent value of what is no number.
    """
    if not hasattr(X, "iloc"):
        X = np.asarray(X)
    column = _column(estimator, X, feature)
    observed = _numbers(_take_column(X, column), feature)
    values = np.linspace(observed.min(), observed.max(), resolution)
    rows = _repeated(X, reference, resolution)
    _set_column(rows, column, values)
    return FeatureLine(values, rows, observed, feature_name(estimator, X, column))


def _column(estimator: Any, X: Any, feature: int | str) -> int:
    """Position of the feature."""
    names = getattr(X, "columns", getattr(estimator, "feature_names_in_", ()))
    known = [str(name) for name in names]
    if isinstance(feature, str) and feature in known:
        return known.index(feature)
    if isinstance(feature, int | np.integer) and 0 <= feature < X.shape[1]:
        return int(feature)
    expected = f"below {X.shape[1]}" + (f" or one of {known}" if known else "")
    raise ValueError(f"feature: expected a number {expected}, got {feature!r}.")


def _take_column(X: Any, column: int) -> Any:
    return X.iloc[:, column] if hasattr(X, "iloc") else X[:, column]


def _numbers(values: Any, feature: int | str) -> FloatArray:
    """Finite numbers of a column."""
    if values.dtype.kind not in "iuf":
        raise ValueError(f"feature: expected one of numbers, got {feature!r} of {values.dtype}.")
    return np.asarray(values, dtype=np.float64)


def _repeated(X: Any, reference: int | None, times: int) -> Any:
    """A typical row, or a chosen one, many times."""
    if reference is not None:
        return _row(X, np.full(times, reference))
    if not hasattr(X, "iloc"):
        return np.repeat(np.median(X, axis=0, keepdims=True), times, axis=0).astype(float)
    rows = _row(X, np.zeros(times, dtype=int))
    for column in range(X.shape[1]):
        values = X.iloc[:, column]
        if values.dtype.kind in "iuf":
            _set_column(rows, column, np.full(times, float(values.median())))
        else:
            frequent = int(np.argmax(np.asarray(values == values.mode().iloc[0])))
            _set_column(rows, column, values.iloc[np.full(times, frequent)].array)
    return rows


def _row(X: Any, index: NDArray[np.intp]) -> Any:
    """Rows by number, as a new object whose columns may be replaced."""
    if hasattr(X, "iloc"):
        return X.iloc[index].reset_index(drop=True)
    return X[index].astype(float)


def _set_column(rows: Any, column: int, values: Any) -> None:
    """Replace a column, and its type with it."""
    if hasattr(rows, "iloc"):
        rows.isetitem(column, values)
    else:
        rows[:, column] = values
