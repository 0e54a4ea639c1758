"""Arrays of numbers, as users pass them."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
from sklearn.utils import check_array

from skmdn._arrays import AnyArray, FloatArray

_DATES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)


def as_numbers(value: Any, name: str) -> FloatArray:
    """Return a float64 array of finite numbers, at least one of them.

    Raises
    ------
    ValueError
        If there are dates, durations, text, a mask, NaN or infinity, or if it is a scalar or empty.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise ValueError(
            f"{name}: expected an array without a mask, got a masked array, whose mask would be "
            "ignored; leave out the masked rows or fill them."
        )
    array = _array(value, name)
    _refuse_dates_and_text(array, name)
    if array.ndim == 0:
        raise ValueError(f"{name}: expected an array with one entry per row, got {value!r}.")
    if not array.size:
        raise ValueError(f"{name}: expected at least one row, got shape {array.shape}.")
    try:
        return check_array(value, dtype=np.float64, ensure_2d=False, allow_nd=True, input_name=name)
    except TypeError as error:  # of entries that are no numbers
        raise ValueError(f"{name}: expected numbers; {error}.") from error


def _array(value: Any, name: str) -> AnyArray:
    """Return the value as an array of whatever type."""
    try:
        return np.asarray(value)
    except ValueError as error:  # of rows of unequal lengths
        raise ValueError(f"{name}: expected an array of numbers; {error}.") from error


def _refuse_dates_and_text(array: AnyArray, name: str) -> None:
    """Raise ValueError for what NumPy or scikit-learn would convert to numbers without a word."""
    entries = array.ravel() if array.dtype.kind == "O" else ()
    if array.dtype.kind in "mM" or any(isinstance(entry, _DATES) for entry in entries):
        raise ValueError(
            f"{name}: expected numbers, got dates or durations ({_type_of(array)}); pass parts of "
            "the dates, such as the hour, or durations in a unit, such as (dates - start) / "
            "numpy.timedelta64(1, 'D')."
        )
    if array.dtype.kind in "UST" or any(isinstance(entry, str | bytes) for entry in entries):
        raise ValueError(
            f"{name}: expected numbers, got text ({_type_of(array)}); convert it to numbers first."
        )


def _type_of(array: AnyArray) -> str:
    """Return the type of the entries, or of the first one where the array's type says nothing."""
    if array.dtype.kind != "O":
        return str(array.dtype)
    return next(type(entry).__name__ for entry in array.ravel() if entry is not None)
