"""What counts as numbers: neither dates nor text, though NumPy would convert them."""

from __future__ import annotations

import datetime

import numpy as np

from skmdn._arrays import AnyArray

DATES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)


def check_no_mask(values: object, name: str) -> None:
    """Refuse masked arrays, whose mask would be ignored."""
    if isinstance(values, np.ma.MaskedArray):
        raise ValueError(
            f"{name}: expected an array without a mask, got a masked array, whose mask would be "
            "ignored; leave out the masked rows or fill them."
        )


def check_real_numbers(array: AnyArray, name: str) -> None:
    """Refuse dates, durations and text, which NumPy would turn into numbers without a word.

    Raises
    ------
    ValueError
        That names the argument and says what to pass instead.
    """
    entries = array.ravel() if array.dtype.kind == "O" else ()
    if array.dtype.kind in "mM" or any(isinstance(entry, DATES) for entry in entries):
        raise ValueError(dates_message(name, _type_of(array)))
    if array.dtype.kind in "UST" or any(isinstance(entry, str | bytes) for entry in entries):
        raise ValueError(
            f"{name}: expected numbers, got text ({_type_of(array)}); convert it to numbers first."
        )


def dates_message(name: str, kind: str) -> str:
    """What is wrong with dates as numbers, and what to pass instead."""
    return (
        f"{name}: expected numbers, got dates or durations ({kind}); pass parts of the dates, such "
        "as the hour, or durations in a unit, such as (dates - start) / numpy.timedelta64(1, 'D')."
    )


def _type_of(array: AnyArray) -> str:
    """The type of the entries, or of the first one where the array's type says nothing."""
    if array.dtype.kind != "O":
        return str(array.dtype)
    return next(type(entry).__name__ for entry in array.ravel() if entry is not None)
