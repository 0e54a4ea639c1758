"""Rows that several members set aside together, so that their pool can be calibrated on them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from skmdn._estimators.dependence import Dependence, dependence
from skmdn._estimators.runs import run_length, spread_runs, wants_runs
from skmdn.dask.draw import by_partition, rows_per_partition

# More rows tell no better which checkpoint is the best, and every member gets all of them.
MOST_ROWS = 200_000
# Rows of one stretch, and stretches, by which the order of the rows is judged.
_STRETCH, _N_STRETCHES = 1000, 100


class Order(NamedTuple):
    """The rows with weight of all partitions, one after the other."""

    counts: np.ndarray  # (P,)

    @property
    def n_rows(self) -> int:
        """Rows of all partitions."""
        return int(self.counts.sum())

    def stretches(self) -> list[np.ndarray]:
        """Places in each partition by which the order is judged: all, or some stretches."""
        if self.n_rows <= _STRETCH * _N_STRETCHES:
            return self.parts(np.arange(self.n_rows))
        starts = np.linspace(0, self.n_rows - _STRETCH, _N_STRETCHES).astype(np.int64)
        return self.parts((starts[:, np.newaxis] + np.arange(_STRETCH)).ravel())

    def parts(self, places: np.ndarray) -> list[np.ndarray]:
        """Ascending places among all rows as places in each partition."""
        return by_partition(places, self.counts)

    def none(self) -> list[np.ndarray]:
        """No place in any partition."""
        return self.parts(np.empty(0, dtype=np.int64))


def n_validating(n: int, fraction: float | str | None) -> int:
    """Rows that are set aside for members of n rows together with these; 0 for none."""
    from skmdn._engine import n_held_out  # imports torch

    return 0 if fraction is None or n < 2 else min(n_held_out(n, fraction), MOST_ROWS)


def dependence_of(targets: list[np.ndarray | None]) -> Dependence:
    """Whether consecutive rows are alike; runs on a worker."""
    return dependence(np.concatenate([y for y in targets if y is not None]))


def held_out_places(
    order: Order, n: int, word: str, found: Dependence | None, seed: tuple[int, ...]
) -> list[np.ndarray]:
    """Places in each partition of n rows that validate, as `validation_split` says.

    `found` is what the order of the rows says about them, where that was asked.
    """
    rng = np.random.default_rng(seed)
    if word == "last":
        return order.parts(np.arange(order.n_rows - n, order.n_rows))
    if found is not None and (word == "blocks" or wants_runs(found, n)):
        runs = spread_runs(order.n_rows, n, run_length(found, n), rng)
        return order.parts(np.concatenate(runs))
    numbers = rows_per_partition(order.counts, n, rng)
    return [
        np.sort(rng.choice(size, number, replace=False))
        for size, number in zip(order.counts.tolist(), numbers.tolist(), strict=True)
    ]


def sample_of(places: list[np.ndarray], n: int) -> list[np.ndarray]:
    """About n of the places, evenly spread over all of them."""
    step = max(1, math.ceil(sum(map(len, places)) / n))
    return [part[::step] for part in places]


def check_word(word: Any) -> None:
    """Refuse a splitter where several members share their validation rows."""
    if not isinstance(word, str):
        raise ValueError(
            "validation_split: with n_members > 1 expected 'auto', 'shuffled', 'blocks' or "
            f"'last', got {word!r}. One member (n_members=1) takes a splitter."
        )
