"""Runs of consecutive rows: how long they are, and which of them are set aside."""

import numpy as np

from skmdn._arrays import IntArray
from skmdn._estimators.dependence import Dependence

# Length of a run in multiples of the lag at which rows are no longer alike. Most of its rows are
# then far from all rows outside: on half-hourly demand of power, runs of one lag validated hardly
# better than shuffled rows, runs of four to nine lags did.
_LAGS = 8
# A part has at least so many runs: fewer see too little of the order. Runs shorter than these are
# hardly more than single rows.
_LEAST_RUNS, _LEAST_LENGTH = 10, 3


def run_length(found: Dependence, n_part: int) -> int:
    """Rows of a run where runs of `n_part` rows together are set aside."""
    return max(1, min(_LAGS * found.lag, n_part // _LEAST_RUNS))


def wants_runs(found: Dependence, n_part: int) -> bool:
    """Whether to set runs aside, not single rows: these are alike, and enough for runs."""
    return found.are_alike and run_length(found, n_part) >= _LEAST_LENGTH


def may_be_series(word: str, found: Dependence | None) -> bool:
    """Whether the order of the rows may be that of time, given a `validation_split`.

    "auto" goes by what was `found` of the order.
    """
    return word in ("blocks", "last") or (
        word == "auto" and found is not None and found.are_in_order
    )


def spread_runs(n: int, n_part: int, length: int, rng: np.random.Generator) -> list[IntArray]:
    """Runs of about `length` rows, `n_part` of n rows together, spread over the whole order.

    The order is cut into as many equal stretches as there are runs, and each has one at random.
    """
    n_runs = max(1, round(n_part / length))
    lengths, others = (_parts(total, n_runs) for total in (n_part, n - n_part))
    ends = np.cumsum(lengths + others)
    starts = ends - lengths - rng.integers(others + 1)
    return [np.arange(start, start + m) for start, m in zip(starts, lengths, strict=True)]


def folds_of_runs(n: int, n_folds: int, length: int, rng: np.random.Generator) -> list[IntArray]:
    """Rows of folds made of runs of about `length` rows.

    The order is cut into runs. Of every `n_folds` consecutive ones each fold gets one at random, so
    that all folds have runs from the whole order.
    """
    n_rounds = max(1, round(n / (n_folds * length)))
    lengths = _parts(n, n_rounds * n_folds)
    folds = rng.permuted(np.tile(np.arange(n_folds), (n_rounds, 1)), axis=1).ravel()
    fold_of = np.repeat(folds, lengths)
    return [np.flatnonzero(fold_of == fold) for fold in range(n_folds)]


def _parts(n: int, n_parts: int) -> IntArray:
    """Sizes of parts of n rows, equal up to one row."""
    ends = np.arange(n_parts + 1) * n // n_parts
    return np.asarray(ends[1:] - ends[:-1])
