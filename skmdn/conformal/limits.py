"""Limits: how far out an outcome may lie at a level, given the scores of the calibration rows.

Axes: D outputs, m calibration rows.
"""

import math
import warnings
from bisect import bisect_left
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np

# A limit is moved outwards by this fraction of the mass outside it, so that an outcome exactly on
# the limit stays inside in spite of rounding. Discrete outcomes do lie exactly on it.
_OUTWARD = 1e-6


def check_level(level: Any) -> float:
    """A number strictly between 0 and 1."""
    if not isinstance(level, Real) or not 0.0 < float(level) < 1.0:
        raise ValueError(f"level: expected a number strictly between 0 and 1, got {level!r}.")
    return float(level)


def hdr_limit(masses: np.ndarray, level: float) -> float:
    """Largest score that is allowed; infinite if all are. The masses ``(m,)`` are ascending."""
    rank = _rank(len(masses), level)
    if rank > len(masses):
        return np.inf
    return float(masses[rank - 1] + abs(1.0 - masses[rank - 1]) * _OUTWARD)


def tail_limit(tails: np.ndarray, level: float) -> np.ndarray:
    """Smallest mass outside that is allowed, ``(D,)``. The tails ``(m, D)`` are ascending."""
    rank = _rank(len(tails), level)
    if rank > len(tails):
        return np.zeros(tails.shape[1])
    with np.errstate(under="ignore"):
        return np.asarray(tails[len(tails) - rank] * (1.0 - _OUTWARD))


def rows_needed(level: float) -> int:
    """Smallest number of calibration rows with a finite limit: m >= level / (1 - level)."""
    return bisect_left(range(10**18), True, key=lambda m: _rank(m, level) <= m)


def warn_if_infinite(n_scores: Sequence[int], level: float) -> None:
    """Warn if the vote is the whole line, because half of the models have too few scores."""
    needed = rows_needed(level)
    if 2 * sum(n < needed for n in n_scores) < len(n_scores):
        return
    found = " to ".join(str(n) for n in sorted({min(n_scores), max(n_scores)}))
    warnings.warn(
        f"The intervals and regions are infinite. Calibration rows per model: level={level!r} "
        f"needs at least {needed}, got {found}. Calibrate on more rows, use fewer folds (cv), or "
        "ask for a lower level.",
        UserWarning,
        stacklevel=3,  # the caller of the public method
    )


def _rank(n_scores: int, level: float) -> int:
    """The conformal quantile's rank, ``ceil((m + 1) level)``: m + 1 stands for no limit.

    The product is rounded first, so that 100 x 0.07 = 7.000000000000001 does not give rank 8.
    """
    return max(1, math.ceil(round((n_scores + 1) * level, 9)))
