"""Which rows members get: the draw, the rows that validate, and how many fit."""

from collections import Counter

import numpy as np
import pytest
from scipy import stats

pytest.importorskip("distributed")
import dask.array as da
import dask.dataframe as dd
import pandas as pd

from skmdn._engine.budget import auto_batch_size, auto_steps
from skmdn._estimators.dependence import Dependence
from skmdn.dask import budget, draw
from skmdn.dask.budget import Worker, check_memory, n_visited
from skmdn.dask.draw import by_partition, draws, rows_per_partition
from skmdn.dask.validation_rows import (
    MOST_ROWS,
    Order,
    held_out_places,
    n_validating,
    sample_of,
)

COUNTS = np.array([5, 0, 1, 8, 3])
NONE = [np.empty(0, dtype=np.int64)] * len(COUNTS)


def test_numbers_of_rows_are_multivariate_hypergeometric():
    rng = np.random.default_rng(0)
    drawn = [rows_per_partition(COUNTS, 6, rng) for _ in range(4000)]
    exact = stats.multivariate_hypergeom(COUNTS, 6)
    found = Counter(map(tuple, drawn))
    expected = {numbers: 4000 * exact.pmf(numbers) for numbers in found}
    many = [numbers for numbers in found if expected[numbers] >= 20]
    statistic = sum((found[k] - expected[k]) ** 2 / expected[k] for k in many)
    assert stats.chi2.sf(statistic, len(many)) > 1e-6
    assert np.sum(drawn, axis=1).tolist() == [6] * 4000


@pytest.mark.parametrize("n", [0, 1, 16, 17])
def test_all_and_none_can_be_drawn(n):
    drawn = rows_per_partition(COUNTS, n, np.random.default_rng(0))
    assert drawn.sum() == n
    assert np.all((drawn >= 0) & (drawn <= COUNTS))


def test_a_billion_rows_and_more(monkeypatch):
    counts = np.array([4 * 10**8, 3, 9 * 10**8, 0, 7 * 10**8])
    drawn = rows_per_partition(counts, 10**6, np.random.default_rng(0))
    assert drawn.sum() == 10**6
    shares = counts / counts.sum()
    np.testing.assert_allclose(drawn / 10**6, shares, atol=6 * np.sqrt(0.25 / 10**6))
    # Where all rows are drawn, no approximation may lose one.
    assert rows_per_partition(counts, counts.sum(), np.random.default_rng(0)).tolist() == (
        counts.tolist()
    )
    monkeypatch.setattr(draw, "_MOST_ROWS", 10)  # the binomial numbers, on few rows
    for n in range(18):
        drawn = rows_per_partition(COUNTS, n, np.random.default_rng(n))
        assert drawn.sum() == n
        assert np.all((drawn >= 0) & (drawn <= COUNTS))


def test_every_row_is_as_likely():
    hits = np.zeros(17)
    for seed in range(3000):
        parts = draws(COUNTS, 4, (seed,), NONE)
        places = [one.places(n) for one, n in zip(parts, COUNTS, strict=True)]
        starts = np.cumsum(COUNTS) - COUNTS
        hits[np.concatenate([p + s for p, s in zip(places, starts, strict=True)])] += 1
    expected = 3000 * 4 / 17
    # Counts of a draw without replacement vary less than independent ones.
    assert stats.chi2.sf(np.sum((hits - expected) ** 2) / expected, 16) > 1e-6


def test_excluded_rows_are_never_drawn_and_places_ascend():
    excluded = by_partition(np.array([0, 4, 5, 16]), COUNTS)
    for n in (3, 13):
        for one, size in zip(draws(COUNTS, n, (1, 2), excluded), COUNTS, strict=True):
            places = one.places(size)
            assert len(places) == one.n_rows
            assert not set(places) & set(one.excluded)
            assert np.all(np.diff(places) > 0)
    everything = draws(COUNTS, 13, (0,), excluded)
    assert sum(len(one.places(size)) for one, size in zip(everything, COUNTS, strict=True)) == 13


def test_places_belong_to_their_partitions():
    parts = by_partition(np.arange(17), COUNTS)
    assert [part.tolist() for part in parts] == [list(range(n)) for n in COUNTS]


def test_max_rows_is_what_the_training_visits():
    for n in (2, 1000, 10**6, 10**8, 10**9):
        assert n_visited(n, "auto", "auto") == min(n, auto_steps(n) * auto_batch_size(n))
    assert n_visited(10**9, "auto", "auto") == 256 * 10**6
    assert n_visited(10**7, "auto", "auto") == 10**7
    assert n_visited(10**9, 32, "auto") == 32 * 10**6
    assert n_visited(10**9, "auto", 1) == 10**9  # passes are whole


def test_memory_names_the_number_that_fits():
    workers = [Worker(16 << 30, 2), Worker(4 << 30, 4)]
    room = 0.6 * (4 << 30) / 3 - budget._IDLE_BYTES
    fits = int(room // 1000)
    check_memory(fits, 1000, 3, workers)
    with pytest.raises(ValueError, match=rf"gives a member {fits + 1} rows.*max_rows={fits}[,.]"):
        check_memory(fits + 1, 1000, 3, workers)
    check_memory(fits + 1, 1000, 2, workers)  # two of four threads are enough
    check_memory(10**12, 1000, 3, [Worker(0, 4)])  # no limit
    with pytest.raises(ValueError, match="more memory"):
        check_memory(10, 1000, 1, [Worker(100 << 20, 1)])


ORDER = Order(np.array([400, 0, 100, 500]))


def places_of(parts):
    starts = np.cumsum(ORDER.counts) - ORDER.counts
    return np.concatenate([part + start for part, start in zip(parts, starts, strict=True)])


def test_last_rows_validate_in_the_order_of_the_partitions():
    places = places_of(held_out_places(ORDER, 550, "last", None, (0,)))
    assert places.tolist() == list(range(450, 1000))


def test_rows_that_are_alike_validate_in_runs():
    alike = Dependence(1e-9, 2, is_sorted=False)
    for word in ("auto", "blocks"):
        places = places_of(held_out_places(ORDER, 200, word, alike, (0,)))
        assert len(set(places)) == 200
        runs = np.split(places, 1 + np.flatnonzero(np.diff(places) > 1))
        assert 10 <= len(runs) <= 200 // 10  # of about 16 rows


def test_other_rows_validate_at_random():
    unlike = Dependence(0.5, 1, is_sorted=False)
    shuffled = held_out_places(ORDER, 200, "shuffled", None, (0,))
    auto = held_out_places(ORDER, 200, "auto", unlike, (0,))
    places = places_of(shuffled)
    assert np.array_equal(places, places_of(auto))
    assert len(set(places)) == 200
    assert np.all(np.diff(places) > 0)
    assert not np.array_equal(places, places_of(held_out_places(ORDER, 200, "auto", unlike, (1,))))


def test_the_order_is_judged_by_stretches_from_all_over():
    assert places_of(ORDER.stretches()).tolist() == list(range(1000))
    large = Order(np.array([10**6, 0, 3 * 10**6]))
    parts = large.stretches()
    assert sum(map(len, parts)) == 100_000
    assert parts[2][-1] == 3 * 10**6 - 1
    assert np.count_nonzero(np.diff(parts[0]) > 1) == len(parts[0]) // 1000 - (
        len(parts[0]) % 1000 == 0
    )


def test_numbers_of_validating_rows():
    assert n_validating(1000, "auto") == 100
    assert n_validating(1000, 0.3) == 300
    assert n_validating(1000, None) == n_validating(1, "auto") == 0
    assert n_validating(10**8, "auto") == MOST_ROWS


def test_a_sample_is_spread_and_small_enough():
    places = held_out_places(ORDER, 500, "shuffled", None, (0,))
    sample = sample_of(places, 100)
    assert 90 <= sum(map(len, sample)) <= 103
    assert all(set(one) <= set(whole) for one, whole in zip(sample, places, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(sample_of(places, 500), places, strict=True))


def test_bytes_of_a_row():
    X = da.zeros((10, 20), dtype=np.float32)
    y = da.zeros(10)
    light = budget.row_bytes(X, y, weighted=False)
    assert light == 2 * (80 + 8) + 90
    assert budget.row_bytes(X.astype(float), da.zeros((10, 3)), weighted=True) == (
        2 * (160 + 24 + 8) + 90
    )
    frame = dd.from_pandas(
        pd.DataFrame({"a": np.zeros(3, np.float32), "b": pd.Categorical(["u", "v", "u"])}),
        npartitions=1,
    )
    assert budget.row_bytes(frame, frame["a"], weighted=False) == 2 * (4 + 8 + 8) + 16 + 90
