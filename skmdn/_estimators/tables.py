"""Frames of pandas, polars and pyarrow, by way of narwhals: their columns, types and order."""

from collections.abc import Sequence
from contextlib import suppress
from numbers import Real
from typing import Any, TypeAlias

import narwhals.stable.v2 as nw
import numpy as np

from skmdn._arrays import AnyArray, FloatArray

TEXT_ADVICE = (
    "Columns of a DataFrame that hold text in fit go in as they are with categorical_features="
    "'from_dtype', where an estimator has it; a list of features must name them too. What was a "
    "number in fit must be one later. For other estimators encode text first, for instance by "
    "OneHotEncoder in a ColumnTransformer."
)

Frame: TypeAlias = nw.DataFrame[Any]
Column: TypeAlias = nw.Series[Any]


def frame_of(X: Any) -> Frame | None:
    """X if it is a frame, and None if it is an array or a list.

    Raises
    ------
    ValueError
        If columns share a name.
    """
    if isinstance(X, np.ndarray | list | tuple):
        return None
    names = _names(X)
    if len(set(names)) < len(names):
        name = next(name for name in names if names.count(name) > 1)
        raise ValueError(
            f"X: expected columns of different names, got {name!r} {names.count(name)} times; "
            "rename them."
        )
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    return frame if isinstance(frame, nw.DataFrame) else None


def columns_of(frame: Frame) -> list[Column]:
    """Columns in their order."""
    return [frame[:, j] for j in range(frame.shape[1])]


def _names(X: Any) -> list[Any]:
    """Names of the columns of pandas and pyarrow, which may not be unique."""
    if hasattr(X, "iloc") and hasattr(X, "columns"):
        return list(X.columns)
    return list(X.column_names) if hasattr(X, "schema") and hasattr(X, "column_names") else []


def in_order(X: Any, names: Sequence[Any]) -> Any:
    """A frame with its columns in the given order, if it has these columns and no others.

    Anything else comes back as it is, for later checks to refuse.
    """
    frame = frame_of(X)
    if frame is None or list(frame.columns) == list(names):
        return X
    return frame.select(list(names)).to_native() if set(frame.columns) == set(names) else X


def with_columns(X: Any, names: Sequence[str], columns: FloatArray) -> Any:
    """A frame with further columns ``(n, q)``, in the library of X."""
    frame = nw.from_native(X, eager_only=True)
    new = [
        nw.new_series(name, column, backend=frame.implementation)
        for name, column in zip(names, columns.T, strict=True)
    ]
    return frame.with_columns(*new).to_native()


def holds_text_or_booleans(column: Column) -> bool:
    """Whether a column's type, or its entries where these are objects, are such."""
    if column.dtype == nw.Object:
        return any(isinstance(entry, str | bool | np.bool_) for entry in column.to_list())
    return any(column.dtype == kind for kind in (nw.Categorical, nw.Enum, nw.String, nw.Boolean))


def is_plain_text(column: Column) -> bool:
    """Whether a column is of text, or of objects, and of no type of categories."""
    return bool(column.dtype == nw.String or column.dtype == nw.Object)


def entries(column: Column) -> list[Any]:
    """Distinct entries of a column, gaps aside; all of them where these have no hash."""
    there = _hashable(column).drop_nulls()
    if column.dtype != nw.Object:
        return list(there.unique().to_list())
    objects = [entry for entry in there.to_list() if not is_gap(entry)]
    try:
        return list(dict.fromkeys(objects))
    except TypeError:
        return objects


def _hashable(column: Column) -> Column:
    """A column of a type of text in which pyarrow can look entries up."""
    is_text = column.implementation.is_pyarrow() and column.dtype == nw.String
    return column.cast(nw.String) if is_text else column


def first_entry(column: Column) -> list[Any]:
    """The first entry that is no gap, if there is one."""
    return list(column.drop_nulls().head(1).to_list())


def replaced(column: Column, old: list[Any], new: list[float]) -> FloatArray:
    """A number in place of every entry; gaps are NaN."""
    if not old:
        return np.full(len(column), np.nan)
    if column.dtype == nw.Object:
        place = dict(zip(old, new, strict=True))
        return np.array([place.get(entry, np.nan) for entry in column.to_list()])
    numbers = _hashable(column).replace_strict(old, new, return_dtype=nw.Float64)
    return np.array(numbers.to_numpy(), dtype=np.float64)


def numbers_of(column: Column, label: str) -> FloatArray:
    """Entries ``(n,)`` of a column of numbers or booleans, gaps as NaN."""
    if column.dtype.is_numeric() or column.dtype == nw.Boolean:
        return np.array(column.cast(nw.Float64).to_numpy(), dtype=np.float64)
    objects = _objects(column.to_list())
    if not any(isinstance(entry, str) for entry in objects):  # "01067" is a code, and no number
        with suppress(TypeError, ValueError, OverflowError):
            return objects_as_numbers(objects)
    raise ValueError(f"{label}: expected numbers, got {_no_number(column)}.")


def matrix_of(X: Any) -> FloatArray | None:
    """The rows ``(n, p)`` of an array of numbers, or of a frame with codes in place of text.

    There is None for anything else, as for objects without a hash.
    """
    if isinstance(X, np.ndarray):
        return X.astype(np.float64) if X.ndim == 2 and X.dtype.kind in "biuf" else None
    frame = frame_of(X) if hasattr(X, "shape") else None
    if frame is None or frame.shape[1] == 0:
        return None
    try:
        return np.column_stack([_codes(column) for column in columns_of(frame)])
    except (TypeError, ValueError):
        return None


def _codes(column: Column) -> FloatArray:
    """The numbers of a column, or one for each of its entries."""
    if column.dtype.is_numeric():
        return numbers_of(column, "X")
    found = entries(column)
    return replaced(column, found, [*map(float, range(len(found)))])


def objects_as_numbers(values: AnyArray) -> FloatArray:
    """Numbers of an array of objects, in which None and pandas' NA are gaps."""
    found = (value is None or type(value).__name__ == "NAType" for value in values.flat)
    is_gap = np.fromiter(found, bool, values.size).reshape(values.shape)
    return np.where(is_gap, np.nan, values).astype(np.float64)


def is_gap(entry: Any) -> bool:
    """Whether an object is None, pandas' NA or NaN."""
    is_nan = isinstance(entry, float | np.floating) and bool(np.isnan(entry))
    return entry is None or type(entry).__name__ == "NAType" or is_nan


def _objects(entries: list[Any]) -> AnyArray:
    """An array of one axis, also of entries that are sequences."""
    objects = np.empty(len(entries), dtype=object)
    objects[:] = entries
    return objects


def _no_number(column: Column) -> str:
    """An example of text in a column and what to do, or the type of what it holds."""
    there = [entry for entry in column.to_list() if not is_gap(entry)]
    text = next((entry for entry in there if isinstance(entry, str)), None)
    if text is not None:
        return f"text such as {text!r}. {TEXT_ADVICE.rstrip('.')}"
    others = [entry for entry in there if not isinstance(entry, Real)]
    return type(others[0]).__name__ if others else "a number beyond float64; use a larger unit"
