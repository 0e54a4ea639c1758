"""What counts as numbers: neither dates nor text, though NumPy would convert them."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array

from skmdn._arrays import AnyArray

# How scikit-learn says that a number is NaN or infinite, in one line: more has its own advice.
_NOT_FINITE = re.compile(r"Input \w+ contains (?:NaN|infinity).*\.$")

_BLOCK = 4096  # rows to look through at a time

_DATES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)


def as_array(values: object, name: str) -> AnyArray:
    """An array of whatever type, but for what NumPy would take for numbers, or for none, wrongly.

    Raises
    ------
    TypeError
        If rows are sparse, or not in memory.
    ValueError
        If there are dates, durations, text or a mask, or rows of unequal lengths.
    """
    check_no_dask(values, name)
    check_no_mask(values, name)
    if issparse(values):
        raise TypeError(
            f"{name}: expected a dense array, got a sparse {type(values).__name__}; pass "
            f"{name}.toarray(), with .ravel() for a single column."
        )
    array = even_array(values, name)
    check_real_numbers(array, name)
    return array


def even_array(values: object, name: str) -> AnyArray:
    """An array of whatever type, of rows of equal lengths."""
    try:
        return np.asarray(values)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:  # the last of torch
        raise ValueError(f"{name}: expected an array of numbers; {error}") from error


def checked_array(
    values: Any, name: str, *, columns: Sequence[Any] | None = None, **options: Any
) -> AnyArray:
    """What scikit-learn's `check_array` returns; its errors name the argument.

    Where a number is not finite they say which, in which of the `columns` if these have names. It
    looks for NaN in the sum of all numbers, which may overflow in both directions.
    """
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return check_array(values, input_name=name, **options)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        if _NOT_FINITE.match(str(error)):
            gaps_may_be = options.get("ensure_all_finite", True) == "allow-nan"
            place = _first_not_finite(values, columns, gaps_may_be=gaps_may_be)
            raise ValueError(f"{error} {place}".strip()) from error
        if re.search(rf"\b{name}\b", str(error)):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name}: {error}") from error


def _first_not_finite(values: Any, columns: Sequence[Any] | None, *, gaps_may_be: bool) -> str:
    """Where the first such number is, and what to do with it; "" if it is not to be found."""
    array = np.asarray(values)
    # In blocks of rows, as an array may be a map of a file that is larger than memory.
    for start in range(0, len(array) if array.ndim else 0, _BLOCK):
        try:
            block = np.asarray(array[start : start + _BLOCK], dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            return ""  # numbers to scikit-learn, but not to NumPy, such as pandas' NA
        spoilt = np.isinf(block) if gaps_may_be else ~np.isfinite(block)
        if spoilt.any():
            break
    else:
        return ""
    place = tuple(map(int, np.argwhere(spoilt)[0]))
    row, *rest = start + place[0], *place[1:]
    where = f"at row {row}"
    if len(rest) == 1:
        where += f", column {rest[0] if columns is None else columns[rest[0]]!r}"
    elif rest:
        where = f"at {(row, *rest)}"
    advice = "If it stands for a gap, make it NaN." if gaps_may_be else "Leave out such rows."
    return f"The first is {block[place]:g} {where}. {advice}"


def check_no_mask(values: object, name: str) -> None:
    """Refuse masked arrays, whose mask would be ignored."""
    if isinstance(values, np.ma.MaskedArray):
        raise ValueError(
            f"{name}: expected an array without a mask, got a masked array, whose mask would be "
            "ignored; leave out the masked rows or fill them."
        )


def check_no_dask(values: object, name: str) -> None:
    """Refuse collections of Dask, all rows of which NumPy would fetch without a word.

    Raises
    ------
    TypeError
        That says who takes them.
    """
    if _is_of_dask(values):
        raise TypeError(
            f"{name}: expected rows in memory, got a dask {type(values).__name__}. "
            "skmdn.dask.DaskMDNRegressor fits, predicts and scores where the rows are; "
            f"{name}.compute() brings all of them here."
        )


def _is_of_dask(values: object) -> bool:
    """Whether these are a collection of Dask, or hold one, as an array of xarray may."""
    graph_of = getattr(type(values), "__dask_graph__", None)
    if graph_of is None:
        return False
    # Dask's own are not asked for their graph: to make that of a frame is work.
    is_its_own = type(values).__module__.partition(".")[0] == "dask"
    return is_its_own or graph_of(values) is not None


def check_real_numbers(array: AnyArray, name: str) -> None:
    """Refuse dates, durations and text, which NumPy would turn into numbers without a word.

    Raises
    ------
    ValueError
        That names the argument and says what to pass instead.
    """
    entries = array.ravel() if array.dtype.kind == "O" else ()
    date = next((type(entry).__name__ for entry in entries if _is_date(entry)), None)
    if array.dtype.kind in "mM" or date is not None:
        raise ValueError(dates_message(name, date or str(array.dtype)))
    text = next((type(entry).__name__ for entry in entries if isinstance(entry, str | bytes)), None)
    if array.dtype.kind in "UST" or text is not None:
        kind = text or str(array.dtype)
        raise ValueError(
            f"{name}: expected numbers, got text ({kind}); convert it to numbers first."
        )


def dates_message(name: str, kind: str) -> str:
    """What is wrong with dates as numbers, and what to pass instead."""
    return (
        f"{name}: expected numbers, got dates or durations ({kind}); pass parts of the dates, such "
        "as the hour, or durations in a unit, such as (dates - start) / numpy.timedelta64(1, 'D')."
    )


def _is_date(entry: object) -> bool:
    return isinstance(entry, _DATES) or type(entry).__name__ == "Period"  # of pandas
