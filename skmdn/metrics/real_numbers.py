"""Arrays of numbers, as users pass them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_array

from skmdn.mixture.real_numbers import check_no_dask, check_no_mask, check_real_numbers


def as_numbers(value: Any, name: str) -> np.ndarray:
    """Return a float64 array of finite numbers, at least one of them.

    Raises
    ------
    ValueError
        If there are dates, durations, text, a mask, NaN or infinity, or if it is a scalar or empty.
    """
    check_no_dask(value, name)
    check_no_mask(value, name)
    array = _array(value, name)
    check_real_numbers(array, name)
    if array.ndim == 0:
        raise ValueError(f"{name}: expected an array with one entry per row, got {value!r}.")
    if not array.size:
        raise ValueError(f"{name}: expected at least one row, got shape {array.shape}.")
    try:
        return check_array(value, dtype=np.float64, ensure_2d=False, allow_nd=True, input_name=name)
    except TypeError as error:  # of entries that are no numbers
        raise ValueError(f"{name}: expected numbers; {error}.") from error


def _array(value: Any, name: str) -> np.ndarray:
    """Return the value as an array of whatever type."""
    try:
        return np.asarray(value)
    except ValueError as error:  # of rows of unequal lengths
        raise ValueError(f"{name}: expected an array of numbers; {error}.") from error
