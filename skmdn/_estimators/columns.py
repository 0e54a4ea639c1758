"""Refuse columns that hold no numbers, by name."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from skmdn._estimators.tables import TEXT_ADVICE, columns_of, first_entry, frame_of
from skmdn.mixture.real_numbers import dates_message

# How the names of types of dates and durations begin, in Python, NumPy and pandas.
_DATE_TYPES = ("date", "time", "duration", "period")


def check_no_dates(X: Any, name: str = "X") -> None:
    """Refuse dates and durations, whose unit would be lost in a conversion to numbers."""
    for column, kind in _typed_columns(X):
        if kind.lower().startswith(_DATE_TYPES):
            raise ValueError(dates_message(f"{name}, column {column!r}", kind))


@contextmanager
def text_is_named(X: Any, name: str = "X", advice: str = TEXT_ADVICE) -> Iterator[None]:
    """Say which column of an array holds the text that the block cannot convert to numbers."""
    try:
        yield
    except TypeError as error:
        if "float()" not in str(error):
            raise
        rows = X if isinstance(X, list | tuple) else [X]
        by_name = any(isinstance(row, Mapping) for row in rows)
        way = " Make a frame of rows by name, such as pandas.DataFrame([row])." if by_name else ""
        raise TypeError(f"{name}: expected numbers ({error}).{way}") from error
    except ValueError as error:
        if "could not convert" not in str(error):
            raise
        if np.ndim(X) == 1:
            raise ValueError(
                f"{name}: expected rows and columns, got one axis of {len(X)} values ({error}). A "
                "single row of a frame is frame.iloc[[0]]."
            ) from error
        found = _first_text(X)
        if found is None:
            raise
        column, text = found
        raise ValueError(
            f"{name}, column {column}: expected numbers, got text such as {text!r} ({error}). "
            f"{advice}"
        ) from error


def _typed_columns(X: Any) -> Iterator[tuple[Any, str]]:
    """Names of the columns that may hold dates, and the type of their entries."""
    if isinstance(X, list | tuple):
        X = _array_of(X)
    frame = frame_of(X)
    if frame is not None:
        for column in columns_of(frame):
            if not (column.dtype.is_numeric() or column.dtype in (nw.String, nw.Boolean)):
                first = first_entry(column)
                yield column.name, type(first[0]).__name__ if first else str(column.dtype)
    elif isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.kind in "mMO":
        for j, values in enumerate(X.T):
            yield j, _kind_of(values)


def _kind_of(values: np.ndarray) -> str:
    """The type of an array, or of its first entry where the array's type says nothing."""
    if values.dtype.kind != "O":
        return str(values.dtype)
    return type(next((value for value in values if value is not None), None)).__name__


def _array_of(rows: Any) -> Any:
    """A list as an array, if its rows are of equal lengths."""
    try:
        return np.asarray(rows)
    except ValueError:
        return rows


def _first_text(X: Any) -> tuple[int, str] | None:
    """The first column of an array or list with an entry that is no number, and that entry."""
    array = np.asarray(X)
    for j, values in enumerate(array.T if array.ndim == 2 else []):
        for value in values:
            if isinstance(value, str | bytes) and not _is_number(value):
                return j, str(value)
    return None


def _is_number(text: str | bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
