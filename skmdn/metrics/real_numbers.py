"""Arrays of numbers, as users pass them."""

from __future__ import annotations

from typing import Any

import numpy as np

from skmdn.mixture.real_numbers import as_array, checked_array


def as_numbers(value: Any, name: str, *, are_finite: bool = True) -> np.ndarray:
    """Return a float64 array of numbers, at least one of them; finite ones, unless said otherwise.

    Raises
    ------
    ValueError
        If there are dates, durations, text, a mask, NaN or infinity, or if it is a scalar or empty.
    """
    array = as_array(value, name)
    if array.ndim == 0:
        raise ValueError(f"{name}: expected an array with one entry per row, got {value!r}.")
    if not array.size:
        raise ValueError(f"{name}: expected at least one row, got shape {array.shape}.")
    try:
        numbers = checked_array(
            value,
            name,
            dtype=np.float64,
            ensure_2d=False,
            allow_nd=True,
            ensure_all_finite=are_finite,
        )
    except TypeError as error:  # of entries that are no numbers
        raise ValueError(f"{name}: expected numbers; {error}.") from error
    if not are_finite and np.isnan(numbers).any():
        raise ValueError(f"{name}: expected numbers, got NaN. Leave out such rows.")
    return numbers
