"""The rows that a picture shows, and their names."""

from __future__ import annotations

import reprlib
from typing import Any, NamedTuple

import numpy as np


class RowChoice(NamedTuple):
    """R rows."""

    numbers: np.ndarray  # (R,)
    names: list[str]


def row_choice(rows: Any, n: int, default: int) -> RowChoice:
    """The chosen rows, by number or with names of their own, or the first `default`."""
    if rows is None:
        rows = np.arange(min(n, default))
    numbers = np.atleast_1d(np.asarray(list(rows) if isinstance(rows, dict) else rows))
    if numbers.dtype.kind == "b" and numbers.shape == (n,):
        numbers = np.flatnonzero(numbers)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or not numbers.size:
        raise ValueError(
            f"rows: expected numbers of rows, or a mask of {n} rows, got {reprlib.repr(rows)}."
        )
    if numbers.min() < 0 or numbers.max() >= n:
        raise ValueError(f"rows: expected numbers from 0 to {n - 1}, got {reprlib.repr(rows)}.")
    if isinstance(rows, dict):
        return RowChoice(numbers.astype(np.intp), [str(name) for name in rows.values()])
    return RowChoice(numbers.astype(np.intp), [f"row {number}" for number in numbers])
