"""Frames of pandas, polars and pyarrow, by way of narwhals: their columns, types and order."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import narwhals.stable.v2 as nw
import numpy as np

from skmdn._arrays import AnyArray, FloatArray

TEXT_ADVICE = (
    "Estimators that have a `categorical_features` take the text columns of a DataFrame as they "
    "are; for others encode them first, for instance by OneHotEncoder in a ColumnTransformer."
)

Frame: TypeAlias = nw.DataFrame[Any]
Column: TypeAlias = nw.Series[Any]


def frame_of(X: Any) -> Frame | None:
    """X if it is a frame, and None if it is an array or a list.

    A frame of pandas in which columns share a name counts as the array that it holds.
    """
    if hasattr(X, "iloc") and hasattr(X, "columns") and not X.columns.is_unique:
        return None
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    return frame if isinstance(frame, nw.DataFrame) else None


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


def entries(column: Column) -> list[Any]:
    """Distinct entries of a column, gaps aside."""
    return list(column.drop_nulls().unique().to_list())


def first_entry(column: Column) -> list[Any]:
    """The first entry that is no gap, if there is one."""
    return list(column.drop_nulls().head(1).to_list())


def replaced(column: Column, old: list[Any], new: list[float]) -> FloatArray:
    """A number in place of every entry; gaps are NaN."""
    if not old:
        return np.full(len(column), np.nan)
    numbers = column.replace_strict(old, new, return_dtype=nw.Float64)
    return np.array(numbers.to_numpy(), dtype=np.float64)


def numbers_of(column: Column, label: str) -> FloatArray:
    """Entries ``(n,)`` of a column of numbers or booleans, gaps as NaN."""
    if column.dtype.is_numeric() or column.dtype == nw.Boolean:
        return np.array(column.cast(nw.Float64).to_numpy(), dtype=np.float64)
    try:
        return objects_as_numbers(np.asarray(column.to_numpy(), dtype=object))
    except (TypeError, ValueError) as error:
        texts = (entry for entry in column.to_list() if isinstance(entry, str))
        example = next(texts, None)
        got = f"the type {column.dtype}" if example is None else f"text such as {example!r}"
        raise ValueError(f"{label}: expected numbers, got {got}. {TEXT_ADVICE}") from error


def objects_as_numbers(values: AnyArray) -> FloatArray:
    """Numbers of an array of objects, in which None and pandas' NA are gaps."""
    return np.where(_is_gap(values), np.nan, values).astype(np.float64)


def _is_gap(values: AnyArray) -> AnyArray:
    found = (value is None or type(value).__name__ == "NAType" for value in values.flat)
    return np.fromiter(found, bool, values.size).reshape(values.shape)
