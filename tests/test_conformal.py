"""Conformal regions and intervals: coverage by simulation, borders by independent formulas."""

import itertools
import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
from cases.conformal import TwoPeaks, lies_in, two_peak_data
from cases.linear_gaussian import LinearGaussian, linear_data

from skmdn import Mixture, TargetMixture
from skmdn.conformal import ConformalMDNRegressor
from skmdn.conformal.limits import hdr_limit, rows_needed, tail_limit
from skmdn.conformal.scores import central_interval, hdr, hdr_masses
from skmdn.conformal.votes import majority_region, median_interval

# Coverage ---------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:The .*(regions|intervals).* are infinite")
@pytest.mark.parametrize("inflation", [0.4, 3.0])
@pytest.mark.parametrize("n_calibration", [19, 60])
def test_one_models_coverage_is_its_rank_whatever_the_spread(n_calibration, inflation):
    """With continuous outcomes P(y in region) is exactly ceil((m + 1) c) / (m + 1)."""
    m, n_test, n_repeats = n_calibration, 50, 60
    model = LinearGaussian(inflation=inflation).fit(*linear_data(50, seed=10_000))
    levels = (0.5, 0.8, 0.9)
    found = np.empty((n_repeats, len(levels), 2))
    for seed in range(n_repeats):
        X, y = linear_data(m + n_test, seed=seed)
        conformal = ConformalMDNRegressor(model, cv="prefit").fit(X[:m], y[:m])
        X, y = X[m:], y[m:]
        for i, level in enumerate(levels):
            found[seed, i] = (
                lies_in(y, conformal.predict_interval(X, level)[:, None]).mean(),
                lies_in(y, conformal.predict_region(X, level)).mean(),
            )
    for i, level in enumerate(levels):
        expected = np.ceil(round((m + 1) * level, 9)) / (m + 1)
        # Given the calibration rows coverage is Beta distributed; then come n_test draws.
        variance = expected * (1 - expected) * (1 / (m + 2) + 1 / n_test)
        error = (variance / n_repeats) ** 0.5
        np.testing.assert_allclose(found[:, i].mean(axis=0), expected, atol=4 * error)


@pytest.mark.filterwarnings("ignore:The .*(regions|intervals).* are infinite")  # 6 rows in a fold
@pytest.mark.parametrize("cv", [2, 5])
@pytest.mark.parametrize("n", [30, 100])
def test_several_models_keep_their_guarantee(n, cv):
    n_repeats, n_test, levels = 25, 40, (0.6, 0.9)
    found = np.empty((n_repeats, len(levels), 2))
    for seed in range(n_repeats):
        X, y = linear_data(n + n_test, seed=seed)
        model = ConformalMDNRegressor(LinearGaussian(inflation=0.5), cv=cv, random_state=seed)
        model.fit(X[:n], y[:n])
        for i, level in enumerate(levels):
            interval = model.predict_interval(X[n:], level)
            found[seed, i] = (
                lies_in(y[n:], interval[:, None]).mean(),
                model.contains(X[n:], y[n:], level).mean(),
            )
    error = found.std(axis=0, ddof=1) / n_repeats**0.5
    for i, level in enumerate(levels):
        assert (found.mean(axis=0)[i] >= 1 - 2 * (1 - level)).all()
        # Better than guaranteed where folds give much the same model.
        assert (found.mean(axis=0)[i] >= level - 3 * error[i]).all()


def test_tied_outcomes_are_covered_as_often_as_asked():
    """Outcomes and inputs of few values, so that new outcomes fall exactly on the borders."""
    n_repeats, m, n_test, level = 50, 40, 30, 0.8
    found = np.empty((n_repeats, 3))
    for seed in range(n_repeats):
        rng = np.random.default_rng(seed)
        X = rng.integers(0, 3, size=(m + n_test, 1))
        y = X[:, 0] + rng.integers(-4, 5, m + n_test) * 1.0
        model = ConformalMDNRegressor(TwoPeaks(scale=1.5), cv="prefit")
        model.estimator.fit(X, y)
        model.fit(X[:m], y[:m])
        X, y = X[m:], y[m:]
        found[seed] = (
            lies_in(y, model.predict_interval(X, level)[:, None]).mean(),
            lies_in(y, model.predict_region(X, level)).mean(),
            model.contains(X, y, level).mean(),
        )
    error = found.std(axis=0, ddof=1) / n_repeats**0.5
    assert (found.mean(axis=0) >= level - 3 * error).all()
    np.testing.assert_array_equal(found[:, 1], found[:, 2])


@pytest.mark.filterwarnings("ignore:The .*(regions|intervals).* are infinite")
@pytest.mark.parametrize("level", [0.1, 0.5, 0.9, 0.98])
@pytest.mark.parametrize("scale", [0.05, 0.3, 2.0, 1e6])
def test_borders_hold_the_outcomes_that_define_them(level, scale):
    X, y = two_peak_data(99)
    y = np.round(y, 1)
    model = ConformalMDNRegressor(TwoPeaks(scale).fit(X, y), cv="prefit").fit(X, y)
    rank = round(100 * level)
    assert lies_in(y, model.predict_region(X, level)).sum() >= rank
    assert lies_in(y, model.predict_interval(X, level)[:, None]).sum() >= rank
    assert model.contains(X, y, level).sum() >= rank


def test_several_outputs_are_covered_jointly():
    n_repeats, m, n_test, level = 30, 49, 50, 0.8
    model = LinearGaussian(inflation=0.5).fit(*linear_data(60, seed=9_999, n_outputs=2))
    found = np.empty(n_repeats)
    for seed in range(n_repeats):
        X, Y = linear_data(m + n_test, seed=seed, n_outputs=2)
        conformal = ConformalMDNRegressor(model, cv="prefit").fit(X[:m], Y[:m])
        found[seed] = conformal.contains(X[m:], Y[m:], level).mean()
    variance = level * (1 - level) * (1 / (m + 2) + 1 / n_test)
    assert found.mean() == pytest.approx(level, abs=4 * (variance / n_repeats) ** 0.5)


# Borders ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("inflation", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("level", [0.3, 0.8, 0.95])
def test_with_one_gaussian_it_is_split_conformal_by_absolute_residuals(level, inflation):
    X, y = linear_data(80)
    model = LinearGaussian(inflation=inflation).fit(X[:40], y[:40])
    conformal = ConformalMDNRegressor(model, cv="prefit").fit(X[40:], y[40:])
    residuals = np.sort(np.abs(y[40:] - model.predict(X[40:])))
    half_width = residuals[int(np.ceil(41 * level)) - 1]
    expected = model.predict(X)[:, None] + [-half_width, half_width]
    np.testing.assert_allclose(conformal.predict_interval(X, level), expected, atol=1e-5)
    np.testing.assert_allclose(conformal.predict_region(X, level)[:, 0], expected, atol=1e-5)


def test_two_peaks_get_two_intervals_and_the_gap_between_them_is_left_out():
    X, y = two_peak_data(400)
    model = ConformalMDNRegressor(TwoPeaks(), cv=4, random_state=0).fit(X, y)
    region, interval = model.predict_region(X, 0.9), model.predict_interval(X, 0.9)
    assert region.shape == (400, 2, 2)
    assert (region[:, 0, 1] < X[:, 0]).all()
    assert (X[:, 0] < region[:, 1, 0]).all()
    length = (region[..., 1] - region[..., 0]).sum(axis=1)
    # The true 90 % region: 1.645 deviations of 0.3 to both sides of both peaks.
    np.testing.assert_allclose(length, 4 * 1.645 * 0.3, rtol=0.15)
    assert (length < 0.4 * (interval[:, 1] - interval[:, 0])).all()
    assert (interval[:, 0] < X[:, 0] - 3).all()
    assert (X[:, 0] + 3 < interval[:, 1]).all()


def test_too_few_rows_to_exclude_anything_give_the_whole_line_and_a_warning():
    X, y = linear_data(30)
    model = ConformalMDNRegressor(LinearGaussian().fit(X, y), cv="prefit").fit(X[:8], y[:8])
    line = np.broadcast_to([-np.inf, np.inf], (30, 2))
    message = r"infinite\. .* level=0\.9 needs at least 9, got 8\."
    with pytest.warns(UserWarning, match=message) as caught:
        interval = model.predict_interval(X, 0.9)
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match=message):
        region = model.predict_region(X, 0.9)
    with pytest.warns(UserWarning, match=message):
        inside = model.contains(X, y + 1e9, 0.9)
    np.testing.assert_array_equal(interval, line)
    np.testing.assert_array_equal(region, line[:, None])
    assert inside.all()
    for level in (0.88, 8 / 9):
        assert np.isfinite(model.predict_interval(X, level)).all()
        assert np.isfinite(model.predict_region(X, level)).all()
        assert not model.contains(X, y + 1e9, level).any()


@pytest.mark.parametrize(("n_small", "infinite"), [(0, False), (1, False), (2, True), (4, True)])
def test_the_vote_is_infinite_once_half_of_the_models_have_too_few_rows(n_small, infinite):
    sizes = [5] * n_small + [20] * (4 - n_small)
    ends = [0, *np.cumsum(sizes)]
    X, y = linear_data(ends[-1])
    rows = np.arange(ends[-1])
    folds = [(np.setdiff1d(rows, rows[i:j]), rows[i:j]) for i, j in itertools.pairwise(ends)]
    model = ConformalMDNRegressor(LinearGaussian(), cv=folds).fit(X, y)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        interval, region = model.predict_interval(X, 0.9), model.predict_region(X, 0.9)
    assert len(caught) == 2 * infinite
    assert np.isinf(interval).all() == np.isinf(region).all() == infinite


@pytest.mark.parametrize("y", [5.0, 7.0, 7.5, 8.0, 8.1, 8.25, 9.0, 40.0])
def test_a_region_holds_the_outcome_that_defines_it_however_far_out(y):
    """Near mass 1, what is outside is smaller than the rounding of the mass."""
    for density in (
        Mixture([[1.0]], [[0.0]], [[1.0]]),
        Mixture([[0.9, 0.1]], [[0.0, 0.0]], [[1.0, 0.3]]),
    ):
        for outcome in (-y, y):
            scores = hdr_masses(density, np.array([outcome]), 0)
            low, high = hdr(density, hdr_limit(scores, 0.5))[0, 0]
            assert low <= outcome <= high


@pytest.mark.parametrize("level", [1e-9, "0.07", "0.5", "0.7", "0.9", "0.95", "0.99", "0.999"])
def test_rows_needed_are_the_fewest_with_a_finite_limit(level):
    odds = Fraction(level) / (1 - Fraction(level))
    m = rows_needed(float(level))
    assert m == max(1, math.ceil(odds))
    scores = np.linspace(0.1, 0.9, m)
    assert np.isfinite(hdr_limit(scores, float(level)))
    assert np.isinf(hdr_limit(scores[:-1], float(level)))


def test_far_outcomes_open_the_region_and_only_widen_the_interval():
    X, y = two_peak_data(50, scale=0.5)
    model = ConformalMDNRegressor(TwoPeaks(scale=0.03).fit(X, y), cv="prefit").fit(X, y)
    with pytest.warns(
        UserWarning, match="regions are infinite: .* for intervals, which stay finite"
    ):
        region = model.predict_region(X, 0.9)
    interval = model.predict_interval(X, 0.9)
    np.testing.assert_array_equal(region, np.broadcast_to([-np.inf, np.inf], (50, 1, 2)))
    assert np.isfinite(interval).all()
    assert 0.8 < lies_in(y, interval[:, None]).mean() < 1


@pytest.mark.parametrize("level", [0.05, 0.07, 0.29, 0.5, 0.7, 0.9, 0.99])
@pytest.mark.parametrize("m", [1, 9, 10, 99])
def test_limits_are_those_of_the_conformal_p_value(m, level):
    """A score is allowed exactly if more than a share 1 - c of the m + 1 scores are as far out."""
    scores = (np.arange(m) + 1) / 1024
    limit, tail = hdr_limit(scores, level), tail_limit(scores[:, None], level)[0]
    for new in [1e-4, *scores, 0.999]:
        p_value = (np.sum(scores >= new) + 1) / (m + 1)
        assert (new <= limit) == (p_value > 1 - level + 1e-12)
        p_value = (np.sum(scores <= new) + 1) / (m + 1)
        assert (new >= tail) == (p_value > 1 - level + 1e-12)


def test_an_outcome_beyond_all_draws_scores_no_less_than_they_do():
    # The medians, which far outcomes are compared with, lie in the gap between two peaks.
    means, ones = [[[-10.0, -10.0], [10.0, 10.0]]], np.ones((1, 2, 2))
    mixture = TargetMixture(Mixture([[0.5, 0.5]], means, ones), "asinh")
    outcome = np.sinh([[15.0, 15.0]])
    assert mixture.logpdf(outcome) > mixture.logpdf(mixture.median()) + 20
    assert hdr_masses(mixture, outcome, 0) >= 1


def test_the_least_coverage_still_holds_the_least_score():
    assert hdr_limit(np.array([0.25, 0.5]), 1e-12) == pytest.approx(0.25, abs=1e-5)
    assert tail_limit(np.array([[0.25], [0.5]]), 1e-12)[0] == pytest.approx(0.5, abs=1e-5)


def random_region(rng, n, n_intervals):
    """Disjoint intervals between integers, some of them absent, some touching those of others."""
    ends = np.sort(rng.permuted(np.tile(np.arange(12.0), (n, 1)), axis=1)[:, : 2 * n_intervals])
    region = ends.reshape(n, n_intervals, 2)
    region[rng.random((n, n_intervals)) < 0.3] = np.nan
    region[::7, 0] = [-np.inf, np.inf]
    region[::7, 1:] = np.nan
    return region


@pytest.mark.parametrize("n_models", [1, 2, 3, 4, 5])
def test_majority_region_holds_the_points_that_half_of_the_regions_hold(n_models):
    rng = np.random.default_rng(n_models)
    regions = [random_region(rng, 200, 1 + model % 3) for model in range(n_models)]
    found = majority_region(regions)
    for point in np.arange(-1, 13, 0.5):
        y = np.full(200, point)
        votes = np.sum([lies_in(y, region) for region in regions], axis=0)
        np.testing.assert_array_equal(lies_in(y, found), 2 * votes >= n_models)
    ends = found.reshape(200, -1)
    for row in ends:
        known = row[~np.isnan(row)]
        assert np.isnan(row[len(known) :]).all()
        assert (np.diff(known) >= 0).all()
        assert (np.diff(known)[1::2] > 0).all()  # gaps between intervals


@pytest.mark.parametrize("n_models", [1, 2, 3, 4, 5])
def test_median_interval_holds_the_majority(n_models):
    rng = np.random.default_rng(n_models)
    intervals = np.sort(rng.normal(size=(n_models, 300, 2)), axis=2)
    low, high = median_interval(intervals).T
    assert (low <= high).all()
    majority = majority_region([interval[:, None] for interval in intervals])
    absent = np.isnan(majority)
    assert not absent.all()
    assert (absent | (low[:, None, None] <= majority)).all()
    assert (absent | (majority <= high[:, None, None])).all()
    if n_models % 2:
        np.testing.assert_array_equal(low, np.median(intervals[..., 0], axis=0))
        np.testing.assert_array_equal(high, np.median(intervals[..., 1], axis=0))


def test_contains_agrees_with_the_region():
    X, y = two_peak_data(120)
    model = ConformalMDNRegressor(TwoPeaks(), cv=3, random_state=0).fit(X, y)
    for level in (0.3, 0.9):
        region = model.predict_region(X, level)
        for shift in np.linspace(-4, 4, 12):
            outcomes = X[:, 0] + shift
            found = model.contains(X, outcomes, level)
            np.testing.assert_array_equal(found, lies_in(outcomes, region))


def test_regions_grow_with_the_coverage():
    X, y = two_peak_data(100)
    model = ConformalMDNRegressor(TwoPeaks(), cv=5, random_state=0).fit(X, y)
    levels = np.linspace(0.05, 0.95, 10)
    intervals = np.array([model.predict_interval(X[:5], level) for level in levels])
    assert (np.diff(intervals[..., 0], axis=0) <= 0).all()
    assert (np.diff(intervals[..., 1], axis=0) >= 0).all()
    inside = np.array([model.contains(X, y, level) for level in levels])
    assert (inside[1:] >= inside[:-1]).all()


# The caller's settings --------------------------------------------------------------------------


def answers(model, X, y):
    """Scores and all answers of a model, fitted here, for rows X and outcomes y."""
    model.fit(X, y)
    together = (model.hdr_masses_, model.tail_masses_, model.predict(X), model.predict_proba(X))
    return [
        *together,
        *(model.predict_interval(X, level) for level in (0.5, 0.9)),
        *(model.contains(X, y, level) for level in (0.5, 0.9)),
        *(model.predict_region(X, level) for level in (0.5, 0.9) if y.ndim == 1),
    ]


FAR = {  # outcomes at most so many deviations out, whose tails are ordinary, subnormal, and zero
    "near": (TwoPeaks(0.3), None),
    "subnormal": (TwoPeaks(0.3 / 13), None),
    "beyond": (TwoPeaks(1e-6), None),
    "outputs": (LinearGaussian(inflation=0.05), 2),
    "outputs beyond": (LinearGaussian(inflation=1e-6), 2),
}


@pytest.mark.filterwarnings("ignore:The .*(regions|intervals).* are infinite")
@pytest.mark.parametrize("case", FAR)
def test_answers_are_the_same_where_numpy_raises_on_underflow_and_all_else(case):
    view, n_outputs = FAR[case]
    X, y = two_peak_data(90) if n_outputs is None else linear_data(90, n_outputs=n_outputs)
    model = ConformalMDNRegressor(view, cv=3, random_state=0)
    expected = answers(model, X, y)
    with np.errstate(all="raise"):
        found = answers(model, X, y)
    for before, after in zip(expected, found, strict=True):
        np.testing.assert_array_equal(np.asarray(after), np.asarray(before))


def test_limits_and_intervals_of_subnormal_tails_raise_nothing():
    tails = np.arange(1.0, 30.0)[:, None] * 5e-324
    mixture = Mixture(np.ones((2, 1)), np.zeros((2, 1)), np.ones((2, 1)))
    with np.errstate(all="raise"):
        assert tail_limit(tails, 0.5)[0] > 0
        low, high = central_interval(mixture, tails[0])[..., 0].T
    assert (low == -np.inf).all()  # half of the smallest number is zero
    assert (high == np.inf).all()
