"""What ``target_atoms="auto"`` takes for atoms; no model is fitted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skmdn._estimators.distinct_rows import first_copies
from skmdn._estimators.observations import Observations
from skmdn._estimators.target_atoms import found_atoms

N = 1000
CONTINUOUS = {
    "normal": lambda rng: rng.normal(size=N),
    "log-normal": lambda rng: rng.lognormal(size=N),
    "exponential": lambda rng: rng.exponential(size=N),
    "uniform": lambda rng: rng.random(N),
    "gamma": lambda rng: rng.gamma(0.7, size=N),
    "Poisson": lambda rng: rng.poisson(15, N).astype(float),
}


def atoms(y, X=None, weights=None):
    """Those found, as a list."""
    if X is None:
        X = np.random.default_rng(0).normal(size=(len(y), 2))
    found = found_atoms(Observations.of(X, np.asarray(y, float)[:, None], weights, 1))
    return [] if found is None else found.tolist()


@pytest.mark.parametrize("rounded", [np.round, np.floor, np.ceil])
@pytest.mark.parametrize("resolution", [0.5, 0.25, 0.1, 0.05, 0.01])
@pytest.mark.parametrize("kind", CONTINUOUS)
def test_rounded_measurements_have_none(kind, resolution, rounded):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        y, X = CONTINUOUS[kind](rng), rng.normal(size=(N, 2))
        y = rounded(y / resolution) * resolution
        rows = rng.integers(0, N, N)  # a bootstrap
        for part in (np.arange(N), rows):
            if len(np.unique(y[part])) > 12:
                assert atoms(y[part], X[part]) == []


@pytest.mark.parametrize("seed", range(5))
def test_a_density_that_falls_steeply_on_a_coarse_grid_has_none(seed):
    """The values next to the most frequent one say that the density grows towards it."""
    rng = np.random.default_rng(seed)
    assert atoms(2 * np.floor(rng.standard_t(2, 3000) / 2)) == []
    assert atoms(2 * np.floor(rng.lognormal(0, 2, 3000) / 2)) == []


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("heap", [50, 100])
def test_prices_heaped_at_round_numbers_have_none(heap, share):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        price = rng.lognormal(5.5, 0.6, N)
        heaped = np.maximum(heap, np.round(price / heap) * heap)
        for resolution in (1, 5, 0.01):
            others = np.round(price / resolution) * resolution
            assert atoms(np.where(rng.random(N) < share, heaped, others)) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda y, rng: np.where(rng.random(N) < 0.24, 0, np.exp(y)), [0]),
        (lambda y, rng: np.where(rng.random(N) < 0.24, 0, np.ceil(100 * np.exp(y))), [0]),
        (lambda y, rng: np.clip(y, -1, 1.2), [-1, 1.2]),
        (lambda y, rng: np.minimum(y, 1.7), [1.7]),
        (lambda y, rng: np.where(rng.random(N) < 0.1, 0.5, y), [0.5]),
        (lambda y, rng: np.where(rng.random(N) < 0.1, -1, np.where(y > 0, y, 0)), [-1, 0]),
        (lambda y, rng: np.where(rng.random(N) < 0.6, 0, 1 + rng.poisson(9, N)), [0]),
        (lambda y, rng: rng.binomial(5, 0.5, N), [0, 1, 2, 3, 4, 5]),
        (lambda y, rng: np.where(y > 0, 7, 7), [7]),
    ],
    ids=[
        "zeros",
        "zeros and whole",
        "two caps",
        "a cap",
        "inside",
        "a code",
        "counts",
        "grades",
        "one",
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_zeros_caps_codes_and_grades_are_found(change, expected, seed):
    rng = np.random.default_rng(seed)
    y, X = change(rng.normal(size=N), rng), rng.normal(size=(N, 2))
    assert atoms(y, X) == expected
    rows = rng.integers(0, N, N)
    assert atoms(y[rows], X[rows]) == expected


def test_copies_of_a_row_and_rows_without_weight_do_not_count():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(N, 2)), rng.normal(size=N)
    copied = np.concatenate([np.arange(N), np.full(N, 5)])
    assert atoms(y[copied], X[copied]) == []
    copied = np.concatenate([np.arange(100), np.full(30, 5)])
    assert atoms(y[copied], X[copied]) == []
    zeros = np.where(np.arange(N) < 200, 0.0, y)
    copied = np.concatenate([np.arange(N), np.full(N, 500)])
    assert atoms(zeros[copied], X[copied]) == [0]  # nor are they evidence against others
    few = np.repeat(np.arange(9), 100)  # nine values, each in one row
    assert atoms(y[few], X[few]) == []
    y[:200] = 0.0
    weights = np.ones(N)
    weights[:195] = 0.0
    assert atoms(y, X, weights) == []
    assert atoms(y, X, np.where(weights > 0, 1.0, 0.1)) == [0]


def test_few_rows_or_few_of_them_make_none():
    rng = np.random.default_rng(0)
    assert atoms(rng.binomial(3, 0.5, 39)) == []
    y = rng.normal(size=3000)
    y[:29] = y.min() - 1
    assert atoms(y) == []  # less than 1 %
    y[:31] = y[0]
    assert atoms(y) == [y[0]]
    y = rng.normal(size=100)
    y[:9] = 5.0
    assert atoms(y) == []
    y[:10] = 5.0
    assert atoms(y) == [5.0]


def test_there_are_at_most_three():
    rng = np.random.default_rng(0)
    y = rng.normal(size=4000)
    y[:1200] = np.repeat([-0.5, 0.0, 0.5], 400)
    assert atoms(y) == [-0.5, 0.0, 0.5]
    y[1200:1600] = 1.0
    assert atoms(y) == []  # none stands out from all the others


@settings(derandomize=True, database=None, max_examples=50, deadline=None)
@given(seed=st.integers(0, 1000), dtype=st.sampled_from([np.float32, np.float64]))
def test_first_copies_are_the_distinct_rows(seed, dtype):
    rng = np.random.default_rng(seed)
    X = rng.choice([0.0, -0.0, 1.5, np.nan], (60, 3)).astype(dtype)
    y = rng.choice([-0.0, 0.0, 2.0], 60)
    rows = np.column_stack([np.nan_to_num(X, nan=9.0) + 0.0, y + 0.0])
    found = first_copies(X, y)
    assert len(found) == len(np.unique(rows, axis=0))
    assert len(np.unique(rows[found], axis=0)) == len(found)
