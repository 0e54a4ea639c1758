"""A table of features in the container it came in: a NumPy array, a pandas or a polars frame."""

from __future__ import annotations

from numbers import Real
from typing import Any, Protocol

import numpy as np


class Table(Protocol):
    """Columns are given by their position j, rows by an array of numbers."""

    data: Any

    def names(self) -> list[str] | None:
        """Names of the columns, if they have any."""

    def column(self, j: int) -> Any:
        """A column, as an array or series."""

    def numbers(self, j: int) -> np.ndarray | None:
        """A numeric or boolean column as floats, NaN where missing; None for other columns."""

    def is_boolean(self, j: int) -> bool:
        """Whether a column holds truth values."""

    def is_present(self, j: int) -> np.ndarray:
        """Which entries of a column are not missing."""

    def take(self, rows: np.ndarray) -> Table:
        """Rows, as a new table."""

    def replace(self, j: int, values: Any) -> Table:
        """A new table with another column, whose type may differ."""


def as_table(X: Any) -> Table:
    """X with the operations of a table."""
    if hasattr(X, "collect") and not hasattr(X, "shape"):
        raise ValueError(f"X: expected a table, got a {type(X).__name__}; call X.collect() first.")
    if hasattr(X, "iloc"):
        return PandasTable(X)
    return PolarsTable(X) if hasattr(X, "with_columns") else ArrayTable(np.asarray(X))


class ArrayTable:
    """A NumPy array, also of objects."""

    def __init__(self, data: np.ndarray) -> None:
        self.data = data

    def names(self) -> list[str] | None:
        """None: columns of an array have no names."""
        return None

    def column(self, j: int) -> np.ndarray:
        """A column."""
        return np.asarray(self.data[:, j])

    def numbers(self, j: int) -> np.ndarray | None:
        """A column of numbers or truth values."""
        column = self.column(j)
        if column.dtype.kind == "O" and not all(isinstance(v, Real | type(None)) for v in column):
            return None
        return column.astype(np.float64) if column.dtype.kind in "iufbO" else None

    def is_boolean(self, j: int) -> bool:
        """Also in an array of objects."""
        column = self.column(j)
        return column.dtype.kind == "b" or all(isinstance(v, bool | type(None)) for v in column)

    def is_present(self, j: int) -> np.ndarray:
        """NaN and None are missing."""
        return np.array([v is not None and v == v for v in self.column(j)])

    def take(self, rows: np.ndarray) -> ArrayTable:
        """Rows."""
        return ArrayTable(self.data[rows])

    def replace(self, j: int, values: Any) -> ArrayTable:
        """An array of numbers becomes one of floats."""
        data = self.data.copy() if self.data.dtype.kind == "O" else self.data.astype(np.float64)
        data[:, j] = values
        return ArrayTable(data)


class PandasTable:
    """A pandas DataFrame."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def names(self) -> list[str]:
        """Names of the columns."""
        return [str(name) for name in self.data.columns]

    def column(self, j: int) -> Any:
        """A column, without its index."""
        return self.data.iloc[:, j].array

    def numbers(self, j: int) -> np.ndarray | None:
        """Also of the nullable types."""
        column = self.data.iloc[:, j]
        if column.dtype.kind not in "iufb":
            return None
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))

    def is_boolean(self, j: int) -> bool:
        """Also the nullable type."""
        return bool(self.data.iloc[:, j].dtype.kind == "b")

    def is_present(self, j: int) -> np.ndarray:
        """Entries that pandas does not count as missing."""
        return np.asarray(self.data.iloc[:, j].notna())

    def take(self, rows: np.ndarray) -> PandasTable:
        """Rows, numbered anew."""
        return PandasTable(self.data.iloc[rows].reset_index(drop=True))

    def replace(self, j: int, values: Any) -> PandasTable:
        """Only the one column changes its type."""
        data = self.data.copy()
        data.isetitem(j, values)
        return PandasTable(data)


class PolarsTable:
    """A polars DataFrame."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def names(self) -> list[str]:
        """Names of the columns."""
        return list(self.data.columns)

    def column(self, j: int) -> Any:
        """A series."""
        return self.data.to_series(j)

    def numbers(self, j: int) -> np.ndarray | None:
        """A series of numbers or truth values; null becomes NaN."""
        column = self.column(j)
        if not (column.dtype.is_numeric() or self.is_boolean(j)):
            return None
        return np.asarray(column.cast(float).to_numpy())

    def is_boolean(self, j: int) -> bool:
        """By its name, as polars may not be imported."""
        return str(self.column(j).dtype) == "Boolean"

    def is_present(self, j: int) -> np.ndarray:
        """All but null."""
        return np.asarray(self.column(j).is_not_null().to_numpy())

    def take(self, rows: np.ndarray) -> PolarsTable:
        """Rows."""
        return PolarsTable(self.data[rows.tolist()])

    def replace(self, j: int, values: Any) -> PolarsTable:
        """Only the one column changes its type."""
        series = type(self.column(j))(self.data.columns[j], values)
        return PolarsTable(self.data.with_columns(series))
