"""Rows that differ in one feature only, over which a density is drawn."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from skmdn.plotting.names import feature_name


class FeatureLine(NamedTuple):
    """G rows along one feature, and the values of the data there."""

    values: np.ndarray  # (G,)
    rows: Any  # G rows, in the container of X
    observed: np.ndarray  # (n,)
    name: str


def feature_line(
    estimator: Any, X: Any, feature: int | str, resolution: int, reference: int | None
) -> FeatureLine:
    """Rows over the range of one feature; the other features have the values of the reference row.

    Without a reference these are medians, or the most frequent value of a feature without numbers.
    """
    if not hasattr(X, "iloc"):
        X = np.asarray(X)
    column = _column(estimator, X, feature)
    observed = _numbers(_take_column(X, column), feature)
    values = np.linspace(np.nanmin(observed), np.nanmax(observed), resolution)
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


def _numbers(values: Any, feature: int | str) -> np.ndarray:
    """Numbers of a column; missing and infinite ones are NaN."""
    if values.dtype.kind not in "iuf":
        raise ValueError(f"feature: expected a numeric one, got {feature!r} of {values.dtype}.")
    numbers = np.asarray(values, dtype=np.float64)
    if not np.isfinite(numbers).any():
        raise ValueError(
            f"feature: expected one with finite numbers, got {feature!r}, which has none."
        )
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _repeated(X: Any, reference: int | None, times: int) -> Any:
    """A typical row, or a chosen one, repeated."""
    if reference is not None:
        if not -len(X) <= reference < len(X):
            raise ValueError(
                f"reference: expected the number of one of {len(X)} rows of X, got {reference}."
            )
        return _row(X, np.full(times, reference))
    if not hasattr(X, "iloc"):
        medians = [_median(column) for column in X.T]
        return np.repeat([medians], times, axis=0)
    rows = _row(X, np.zeros(times, dtype=int))
    for column in range(X.shape[1]):
        values = X.iloc[:, column]
        if values.dtype.kind in "iuf":
            _set_column(rows, column, np.full(times, _median(values)))
        elif values.notna().any():
            frequent = int(np.argmax(np.asarray(values == values.mode().iloc[0])))
            _set_column(rows, column, values.iloc[np.full(times, frequent)].array)
    return rows


def _median(values: Any) -> float:
    """Median of the numbers that are not NaN; NaN if there are none."""
    numbers = np.asarray(values, dtype=np.float64)
    present = numbers[~np.isnan(numbers)]
    return float(np.median(present)) if present.size else np.nan


def _row(X: Any, index: np.ndarray) -> Any:
    """Rows by number, as a copy whose columns can be replaced."""
    if hasattr(X, "iloc"):
        return X.iloc[index].reset_index(drop=True)
    return X[index].astype(float)


def _set_column(rows: Any, column: int, values: Any) -> None:
    """Replace a column, which may change its type."""
    if hasattr(rows, "iloc"):
        rows.isetitem(column, values)
    else:
        rows[:, column] = values
