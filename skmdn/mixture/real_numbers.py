"""What counts as numbers: neither dates nor text, though NumPy would convert them."""

from __future__ import annotations

import datetime
import re
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array

from skmdn._arrays import AnyArray

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


def checked_array(values: Any, name: str, **options: Any) -> AnyArray:
    """What scikit-learn's `check_array` returns; its errors name the argument.

    It looks for NaN in the sum of all numbers, which may overflow in both directions.
    """
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return check_array(values, input_name=name, **options)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        if re.search(rf"\b{name}\b", str(error)):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name}: {error}") from error


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
