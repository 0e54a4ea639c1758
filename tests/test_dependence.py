"""Whether consecutive rows are alike: the test, its errors, and orders that are no dependence."""

import math

import numpy as np
import pytest
from cases.series import series
from scipy import stats

from skmdn._estimators import dependence as module
from skmdn._estimators.dependence import ERROR_RATE, dependence
from skmdn._estimators.runs import folds_of_runs, run_length, spread_runs, wants_runs

# The test ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [10, 25, 400])
def test_the_p_value_is_that_of_a_beta_with_the_moments_of_random_permutations(n):
    """The moments follow from those of pairs and triples of distinct ranks."""
    y = np.random.default_rng(n).normal(size=n)
    ranks = stats.rankdata(y) - (n + 1) / 2
    total, fourth = np.sum(ranks**2), np.sum(ranks**4)
    mean = 2 * total
    variance = total**2 * (4 * n - 6) / (n * (n - 1)) - 2 * fourth / (n - 1)
    end = 2 * mean  # of the beta distribution, which is symmetric
    shape = (end**2 / (4 * variance) - 1) / 2
    expected = stats.beta(shape, shape, scale=end).cdf(np.sum(np.diff(ranks) ** 2))
    assert dependence(y).p_value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    "values",
    [
        np.arange(12.0),
        np.repeat([0.0, 1.0], [98, 2]),  # neighbours by chance in one of 50 orders
        np.repeat([0.0, 1.0, 2.0], [15, 10, 5]),
        np.exp(np.arange(40.0)),
    ],
    ids=["few", "two rare", "ties", "outliers"],
)
def test_random_orders_are_rejected_at_the_stated_rates(values):
    rng, n_orders = np.random.default_rng(0), 2000
    p = np.array([dependence(rng.permutation(values)).p_value for _ in range(n_orders)])
    for rate in (0.5, 0.1, 0.01):
        allowed = 4 * math.sqrt(rate * (1 - rate) / n_orders)
        assert np.mean(p < rate) == pytest.approx(rate, abs=allowed + 0.1 * rate)


def test_outputs_share_the_error_rate():
    rng, n_orders = np.random.default_rng(0), 2000
    p = np.array([dependence(rng.normal(size=(30, 4))).p_value for _ in range(n_orders)])
    assert np.mean(p < 0.05) == pytest.approx(0.05, abs=0.02)
    Y = np.column_stack([rng.normal(size=300), series(300)])
    assert dependence(Y).p_value == 2 * dependence(Y[:, 1]).p_value
    assert dependence(Y).lag == dependence(Y[:, 1]).lag


def test_the_value_does_not_depend_on_units_or_scale():
    y = series(300, phi=0.2)
    assert dependence(y) == dependence(np.exp(5 * y)) == dependence(y[:, None])
    assert dependence(y) == dependence(y / np.abs(y).max() * np.finfo(float).max)
    assert dependence(y) == dependence(y * 1e-300)


@pytest.mark.parametrize("n", range(10))
def test_few_rows_tell_nothing(n):
    assert dependence(np.arange(float(n))).p_value == 1
    assert not dependence(np.arange(float(n))).are_alike


def test_constant_targets_tell_nothing():
    assert dependence(np.ones(100)) == dependence(np.ones((100, 2))) == (1.0, 1, False)
    Y = np.column_stack([np.ones(300), series(300)])
    assert dependence(Y) == dependence(Y[:, 1])


# What counts ------------------------------------------------------------------------------------


def test_a_series_is_alike_until_its_autocorrelation_has_faded():
    for phi in (0.5, 0.9, 0.98):
        found = dependence(series(60_000, phi))
        assert found.are_alike
        lags = np.arange(1, 200)
        faded = 6 / math.pi * np.arcsin(phi**lags / 2) < 0.2  # of the ranks of a normal pair
        assert found.lag == pytest.approx(lags[faded][0], rel=0.15)


def test_equal_rows_next_to_each_other_are_evidence_but_weights_are_not():
    y = np.random.default_rng(0).normal(size=200)
    doubled = dependence(np.repeat(y, 2))
    assert doubled.are_alike
    assert doubled.lag == 2
    once = dependence(y, np.full(200, 2.0))
    assert once == dependence(y)
    assert not once.are_alike


def test_rows_of_weight_zero_are_left_out():
    y, weights = series(400), np.resize([1.0, 0.0, 3.0], 400)
    present = y[weights > 0]
    y[weights == 0] = np.random.default_rng(1).normal(size=np.sum(weights == 0)) * 100
    assert dependence(y, weights) == dependence(present)
    assert dependence(y, weights).are_alike
    assert not dependence(present[:, None] * [1.0], np.eye(len(present))[0]).are_alike


RISING = np.sort(np.random.default_rng(0).normal(size=300))


@pytest.mark.parametrize(
    "y",
    [
        RISING,
        -RISING,
        np.round(RISING),
        np.concatenate([RISING[::3], RISING[1::3], -RISING[2::3]]),
        np.round(np.concatenate([30 * RISING, -30 * RISING])),
        np.resize(np.arange(15.0) ** 2, 300),  # sorted within many groups
    ],
    ids=["rising", "falling", "ties", "pieces", "pieces with ties", "in groups"],
)
def test_rows_sorted_by_y_are_not_alike(y):
    found = dependence(y)
    assert found.p_value < ERROR_RATE
    assert found.is_sorted
    assert not found.are_alike


@pytest.mark.parametrize(
    "y",
    [
        np.cumsum(np.random.default_rng(0).normal(size=400)),
        np.arange(400) + 5 * np.random.default_rng(0).normal(size=400),  # a trend
        np.sin(np.arange(400) / 5),
        series(400, 0.6),
    ],
    ids=["walk", "trend", "wave", "short memory"],
)
def test_series_are_not_taken_for_sorted_rows(y):
    assert dependence(y).are_alike


def test_of_many_rows_stretches_are_looked_at(monkeypatch):
    monkeypatch.setattr(module, "_MAX_ROWS", 1000)
    monkeypatch.setattr(module, "_N_STRETCHES", 10)
    y = series(5050)
    looked_at = np.concatenate([y[s : s + 100] for s in range(0, 5050, 550)])
    assert dependence(y) == dependence(looked_at)
    assert dependence(y).are_alike


# Runs -------------------------------------------------------------------------------------------


def found(lag, p_value=0.0):
    return module.Dependence(p_value, lag, is_sorted=False)


def test_a_run_has_several_lags_and_a_part_has_several_runs():
    assert run_length(found(14), 10_000) == 8 * 14
    assert run_length(found(14), 640) == 64
    assert run_length(found(14), 3) == 1
    assert wants_runs(found(14), 30)
    assert not wants_runs(found(14), 29)  # runs of two rows
    assert not wants_runs(found(14, p_value=0.1), 640)


@pytest.mark.parametrize("n", [2, 3, 10, 101, 1000])
def test_runs_of_a_part_are_spread_over_the_whole_order(n):
    rng = np.random.default_rng(n)
    for n_part in {1, 2, n // 3, n - 1} - {0, n}:
        for length in (1, 2, 7, 50):
            runs = spread_runs(n, n_part, length, rng)
            rows = np.concatenate(runs)
            assert len(rows) == n_part
            assert np.all(np.diff(rows) > 0)
            assert rows[0] >= 0
            assert rows[-1] < n
            assert all(np.all(np.diff(run) == 1) for run in runs)
            assert len(runs) == max(1, round(n_part / length))
            assert np.ptp([len(run) for run in runs]) <= 1
            for i, run in enumerate(runs):  # in its stretch, up to rounding
                assert i * n / len(runs) - 2 < run[0]
                assert run[-1] < (i + 1) * n / len(runs) + 2


def test_every_row_may_be_in_a_run():
    rng = np.random.default_rng(0)
    drawn = [np.concatenate(spread_runs(100, 20, 5, rng)) for _ in range(400)]
    assert set(np.concatenate(drawn)) == set(range(100))


@pytest.mark.parametrize(
    ("n", "n_folds", "length"), [(2, 2, 5), (17, 5, 1), (100, 5, 4), (999, 3, 20)]
)
def test_folds_of_runs_partition_the_rows_and_reach_over_the_whole_order(n, n_folds, length):
    folds = folds_of_runs(n, n_folds, length, np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(np.concatenate(folds)), np.arange(n))
    n_rounds = max(1, round(n / (n_folds * length)))
    edges = np.arange(n_rounds + 1) * n_folds * n // (n_rounds * n_folds)
    for fold in folds:
        assert len(fold) == pytest.approx(n / n_folds, abs=n_rounds)
        rounds = np.searchsorted(edges, fold, side="right") - 1
        np.testing.assert_array_equal(np.unique(rounds), np.arange(n_rounds))  # a run of each
        for i in range(n_rounds):
            assert np.all(np.diff(fold[rounds == i]) == 1)
