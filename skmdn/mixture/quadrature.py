"""Integrals over panels of the line, by Gauss's rule with 15 nodes and halving.

Each panel is integrated once as a whole and once in two halves, and is halved until the two results
agree.

Axes: i panels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from skmdn._arrays import FloatArray, IntArray

MAX_ROUNDS = 40
"""Largest number of times that a panel is halved."""

NODES, WEIGHTS = np.polynomial.legendre.leggauss(15)

Rule: TypeAlias = Callable[[IntArray, FloatArray, FloatArray], FloatArray]
"""Integral over panels of some rows, by Gauss's rule: of row, low and high, all ``(i,)``."""


def integrate(
    rule: Rule, row: IntArray, low: FloatArray, high: FloatArray, n_rows: int, tolerance: float
) -> FloatArray:
    """Sum of the integrals over the panels of each row, ``(n_rows,)``."""
    total = np.zeros(n_rows)
    whole = rule(row, low, high)
    for _ in range(MAX_ROUNDS):
        if not len(row):
            break
        middle = low + 0.5 * (high - low)
        left, right = rule(row, low, middle), rule(row, middle, high)
        rest = np.abs(left + right - whole) > tolerance
        rest &= (low < middle) & (middle < high)
        total += np.bincount(row[~rest], (left + right)[~rest], minlength=n_rows)
        row, whole = np.tile(row[rest], 2), np.concatenate([left[rest], right[rest]])
        low, high = (
            np.concatenate([low[rest], middle[rest]]),
            np.concatenate([middle[rest], high[rest]]),
        )
    return total + np.bincount(row, whole, minlength=n_rows)


def panels_between(cuts: FloatArray) -> tuple[IntArray, FloatArray, FloatArray]:
    """Rows and ends of the panels between neighbouring cuts ``(B, c)``, which are sorted."""
    cuts.sort(axis=0)
    row = np.broadcast_to(np.arange(cuts.shape[1]), cuts[1:].shape).ravel()
    low, high = cuts[:-1].ravel(), cuts[1:].ravel()
    wide = low < high
    return row[wide], low[wide], high[wide]
