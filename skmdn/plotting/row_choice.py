"""The rows that a picture shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def row_choice(rows: ArrayLike | None, n: int, default: int) -> np.ndarray:
    """Numbers of the rows to draw: the chosen ones, or the first `default`."""
    if rows is None:
        return np.arange(min(n, default))
    chosen = np.atleast_1d(np.asarray(rows))
    if chosen.ndim != 1 or chosen.dtype.kind not in "iu" or not chosen.size:
        raise ValueError(f"rows: expected numbers of rows, got {rows!r}.")
    if chosen.min() < 0 or chosen.max() >= n:
        raise ValueError(f"rows: expected numbers from 0 to {n - 1}, got {rows!r}.")
    return chosen.astype(np.intp)
