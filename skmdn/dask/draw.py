"""Which rows a member gets: a simple random sample over all partitions, without replacement.

The number of rows from each partition follows a multivariate hypergeometric distribution, and the
rows of a partition are drawn where the partition is. Seeds belong to the member and the partition,
so that the draw depends on the data and the seed alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# NumPy draws hypergeometric numbers of fewer rows than this.
_MOST_ROWS = 10**9


class Draw(NamedTuple):
    """Rows of one partition, by their places among its rows with weight."""

    n_rows: int  # drawn at random from all but the excluded
    seed: tuple[int, ...]
    excluded: np.ndarray

    def places(self, n: int) -> np.ndarray:
        """Places in ascending order, of n rows with weight."""
        left = np.delete(np.arange(n), self.excluded)
        if self.n_rows == len(left):
            return left
        rng = np.random.default_rng(self.seed)
        return np.sort(rng.choice(left, self.n_rows, replace=False))


def rows_per_partition(counts: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """How many of n rows come from each partition of ``counts (P,)`` rows.

    Partitions are gone through one after the other; each gets a hypergeometric number of what is
    left to draw. While a billion rows or more are left, this number is binomial: the variance is
    then too large by the partition's share of these rows.
    """
    drawn, left = np.zeros(len(counts), dtype=np.int64), int(counts.sum())
    for i, size in enumerate(counts.tolist()):
        others = left - size
        if n == left:
            drawn[i] = size
        elif left < _MOST_ROWS:
            drawn[i] = rng.hypergeometric(size, others, n)
        else:
            drawn[i] = np.clip(rng.binomial(size, n / left), max(0, n - others), min(size, n))
        n, left = n - int(drawn[i]), others
    return drawn


def draws(
    counts: np.ndarray, n: int, seed: tuple[int, ...], excluded: list[np.ndarray]
) -> list[Draw]:
    """Draws of n rows from partitions of ``counts (P,)`` rows, but for the excluded places."""
    left = counts - [len(places) for places in excluded]
    numbers = rows_per_partition(left, n, np.random.default_rng(seed)).tolist()
    return [
        Draw(number, (*seed, i), places)
        for i, (number, places) in enumerate(zip(numbers, excluded, strict=True))
    ]


def by_partition(places: np.ndarray, counts: np.ndarray) -> list[np.ndarray]:
    """Ascending places among all rows, as places in each partition."""
    ends = np.cumsum(counts)
    parts = np.split(places, np.searchsorted(places, ends[:-1]))
    return [part - (end - size) for part, end, size in zip(parts, ends, counts, strict=True)]
