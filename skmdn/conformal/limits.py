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
# the limit stays inside in spite of rounding. Discrete outcomes do lie exactly on it. A mass next
# to 1 is itself rounded, by a few units in its last place.
_OUTWARD, _ROUNDING = 1e-6, 8 * np.finfo(np.float64).eps
# Central intervals are by the mass outside, which is not rounded to nothing.
_OR_INTERVALS = " or for intervals, which stay finite farther out"


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
    mass = float(masses[rank - 1])
    return mass + max(abs(1.0 - mass) * _OUTWARD, _ROUNDING)


def tail_limit(tails: np.ndarray, level: float) -> np.ndarray:
    """Smallest mass outside that is allowed, ``(D,)``. The tails ``(m, D)`` are ascending."""
    rank = _rank(len(tails), level)
    if rank > len(tails):
        return np.zeros(tails.shape[1])
    with np.errstate(under="ignore"):
        return np.asarray(tails[len(tails) - rank] * (1.0 - _OUTWARD))


def hdr_limits(masses: Sequence[np.ndarray], level: float, n_outputs: int) -> list[float]:
    """Limits by model; warns if the vote is the whole line."""
    limits = [hdr_limit(one, level) for one in masses]
    whole = 1.0 if n_outputs == 1 else np.finfo(np.float64).max  # of several, scores go on
    _warn_if_infinite([limit > whole for limit in limits], masses, level, "regions", _OR_INTERVALS)
    return limits


def tail_limits(tails: Sequence[np.ndarray], level: float) -> list[np.ndarray]:
    """Limits by model; warns if the vote is the whole line, for any output."""
    limits = [tail_limit(one, level) for one in tails]
    are_infinite = [bool(np.any(limit <= 0.0)) for limit in limits]
    _warn_if_infinite(are_infinite, tails, level, "intervals")
    return limits


def rows_needed(level: float) -> int:
    """Smallest number of calibration rows with a finite limit: m >= level / (1 - level)."""
    return bisect_left(range(10**18), True, key=lambda m: _rank(m, level) <= m)


def _warn_if_infinite(
    are_infinite: Sequence[bool],
    scores: Sequence[np.ndarray],
    level: float,
    kind: str,
    advice: str = "",
) -> None:
    """Warn if half of the models have the whole line, and say why."""
    if 2 * sum(are_infinite) < len(scores):
        return
    needed, numbers = rows_needed(level), [len(one) for one in scores]
    if 2 * sum(n < needed for n in numbers) >= len(numbers):
        found = " to ".join(str(n) for n in sorted({min(numbers), max(numbers)}))
        message = (
            "The intervals and regions are infinite. Calibration rows per model: "
            f"level={level!r} needs at least {needed}, got {found}. Calibrate on more rows, use "
            "fewer folds (cv), or ask for a lower level."
        )
    else:
        message = (
            f"The {kind} are infinite: at level={level!r}, outcomes of calibration rows lie "
            "farther out than the predicted densities reach within rounding, as these are far too "
            "narrow. Calibrate the densities (in MDNRegressor, a validation_fraction and "
            f"calibrate=True), or ask for a lower level{advice}."
        )
    warnings.warn(message, UserWarning, stacklevel=4)  # the caller of the public method


def _rank(n_scores: int, level: float) -> int:
    """The conformal quantile's rank, ``ceil((m + 1) level)``: m + 1 stands for no limit.

    The product is rounded first, so that 100 x 0.07 = 7.000000000000001 does not give rank 8.
    """
    return max(1, math.ceil(round((n_scores + 1) * level, 9)))
