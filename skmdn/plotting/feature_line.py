"""Rows that differ in one feature only, over which a density is drawn."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from skmdn.plotting.names import feature_name
from skmdn.plotting.table import Table, as_table


class FeatureLine(NamedTuple):
    """G rows along one feature, and the values of the data there."""

    values: np.ndarray  # (G,)
    rows: Any  # G rows, in the container of X
    observed: np.ndarray  # (n,)
    label: str  # name of the feature, and in a second line what the others are


def feature_line(
    estimator: Any, X: Any, feature: int | str, resolution: int, reference: int | None
) -> FeatureLine:
    """Rows over the range of one feature; the other features have the values of the reference row.

    Without a reference these are medians, or the most frequent value of a feature without numbers.
    A boolean feature has two rows, and one of codes of categories a row for each of them.
    """
    table = as_table(X)
    j = _position(estimator, table, feature)
    observed = _numbers(table, j, feature)
    is_boolean, has_codes = table.is_boolean(j), _have_codes(estimator, table)
    if has_codes[j]:
        values = np.unique(observed[~np.isnan(observed)])
    else:
        ends = np.nanmin(observed), np.nanmax(observed)
        values = np.linspace(*ends, 2 if is_boolean else resolution)
    if values[0] == values[-1]:
        raise ValueError(f"feature: expected one that varies, got {feature!r}, which does not.")
    rows = _held(table, reference, len(values), has_codes)
    rows = rows.replace(j, values > 0 if is_boolean else values)
    name = feature_name(estimator, X, j) + (" (0: False, 1: True)" if is_boolean else "")
    return FeatureLine(values, rows.data, observed, name + _note(table, j, reference, has_codes))


def _position(estimator: Any, table: Table, feature: int | str) -> int:
    """Position of the feature."""
    p = table.data.shape[1]
    known = table.names() or [str(name) for name in getattr(estimator, "feature_names_in_", ())]
    if isinstance(feature, str) and feature in known:
        return known.index(feature)
    if isinstance(feature, bool):
        raise ValueError(f"feature: expected a name or a number, got {feature!r}.")
    if isinstance(feature, int | np.integer) and 0 <= feature < p:
        return int(feature)
    expected = f"below {p}" + (f" or one of {known}" if known else "")
    raise ValueError(f"feature: expected a number {expected}, got {feature!r}.")


def _numbers(table: Table, j: int, feature: int | str) -> np.ndarray:
    """Numbers of a column; missing and infinite ones are NaN."""
    numbers = table.numbers(j)
    if numbers is None:
        column = table.column(j)
        raise ValueError(
            f"feature: expected a numeric or boolean one, got {feature!r} of {column.dtype}. Pass "
            "feature=, the name or the number of another column."
        )
    if not np.isfinite(numbers).any():
        raise ValueError(
            f"feature: expected one with finite numbers, got {feature!r}, without any."
        )
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _have_codes(estimator: Any, table: Table) -> list[bool]:
    """Which features are numbers that the estimator takes for categories."""
    categories = getattr(estimator, "categories_", None)
    if categories is None:
        return [False] * table.data.shape[1]
    return [one is not None for one in categories]


def _held(table: Table, reference: int | None, times: int, has_codes: list[bool]) -> Table:
    """A chosen row, or a typical one, repeated."""
    n, p = table.data.shape
    if reference is not None:
        if not -n <= reference < n:
            raise ValueError(
                f"reference: expected the number of one of {n} rows of X, got {reference}."
            )
        return table.take(np.full(times, reference % n))
    rows = table.take(np.zeros(times, dtype=int))
    for j in range(p):
        numbers = None if table.is_boolean(j) or has_codes[j] else table.numbers(j)
        if numbers is not None:
            rows = rows.replace(j, np.full(times, _median(numbers)))
        elif table.is_present(j).any():
            typical = table.take(np.full(times, _most_frequent(table, j)))
            rows = rows.replace(j, typical.column(j))
    return rows


def _median(numbers: np.ndarray) -> float:
    """Median of the numbers that are not NaN; NaN if there are none."""
    present = numbers[~np.isnan(numbers)]
    return float(np.median(present)) if present.size else np.nan


def _most_frequent(table: Table, j: int) -> int:
    """Number of the first row with the most frequent value of a column."""
    present = np.flatnonzero(table.is_present(j))
    values = list(table.take(present).column(j))
    return int(present[values.index(Counter(values).most_common(1)[0][0])])


def _note(table: Table, j: int, reference: int | None, has_codes: list[bool]) -> str:
    """What the other features are, as a second line of the label."""
    others = [other for other in range(table.data.shape[1]) if other != j]
    if not others:
        return ""
    if reference is not None:
        return f"\nother features as in row {reference}"
    numeric = all(
        table.numbers(i) is not None and not table.is_boolean(i) and not has_codes[i]
        for i in others
    )
    return "\nother features at their medians" + ("" if numeric else " or most frequent values")
