"""Conformal regions and intervals: coverage by simulation, borders against independent formulas."""

import pickle
import pickletools

import numpy as np
import pandas as pd
import pytest
import sklearn
from joblib import parallel_config
from linear_gaussian import LinearGaussian, linear_data
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmdn import MDNRegressor, Mixture
from skmdn.conformal import ConformalMDNRegressor
from skmdn.conformal.scores import hdr_limit, tail_limit
from skmdn.conformal.votes import majority_region, median_interval
from skmdn.metrics import log_likelihood_scorer

HALF = ShuffleSplit(1, test_size=0.5, random_state=0)


class TwoPeaks(RegressorMixin, BaseEstimator):
    """Predicts peaks of standard deviation `scale` at -3 and 3 around X's first column."""

    def __init__(self, scale=0.1):
        self.scale = scale

    def fit(self, X, y):
        self.n_features_in_ = np.shape(X)[1]
        return self

    def predict(self, X):
        return np.asarray(X, float)[:, 0]

    def predict_proba(self, X):
        centre = self.predict(X)[:, None]
        half = np.full((len(centre), 2), 0.5)
        return Mixture(half, centre + np.array([-3.0, 3.0]), self.scale * np.ones_like(half))


def two_peak_data(n, seed=0, scale=0.3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 1))
    return X, X[:, 0] + rng.choice([-3.0, 3.0], n) + scale * rng.normal(size=n)


def lies_in(y, region):
    return np.any((region[..., 0] <= y[:, None]) & (y[:, None] <= region[..., 1]), axis=1)


# Coverage ---------------------------------------------------------------------------------------


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
        for i, coverage in enumerate(levels):
            found[seed, i] = (
                lies_in(y, conformal.predict_interval(X, coverage)[:, None]).mean(),
                lies_in(y, conformal.predict_region(X, coverage)).mean(),
            )
    for i, coverage in enumerate(levels):
        expected = np.ceil(round((m + 1) * coverage, 9)) / (m + 1)
        # Given the calibration rows coverage is Beta distributed; then come n_test draws.
        variance = expected * (1 - expected) * (1 / (m + 2) + 1 / n_test)
        error = (variance / n_repeats) ** 0.5
        np.testing.assert_allclose(found[:, i].mean(axis=0), expected, atol=4 * error)


@pytest.mark.parametrize("cv", [2, 5])
@pytest.mark.parametrize("n", [30, 100])
def test_several_models_keep_their_guarantee(n, cv):
    n_repeats, n_test, levels = 25, 40, (0.6, 0.9)
    found = np.empty((n_repeats, len(levels), 2))
    for seed in range(n_repeats):
        X, y = linear_data(n + n_test, seed=seed)
        model = ConformalMDNRegressor(LinearGaussian(inflation=0.5), cv=cv, random_state=seed)
        model.fit(X[:n], y[:n])
        for i, coverage in enumerate(levels):
            interval = model.predict_interval(X[n:], coverage)
            found[seed, i] = (
                lies_in(y[n:], interval[:, None]).mean(),
                model.contains(X[n:], y[n:], coverage).mean(),
            )
    error = found.std(axis=0, ddof=1) / n_repeats**0.5
    for i, coverage in enumerate(levels):
        assert (found.mean(axis=0)[i] >= 1 - 2 * (1 - coverage)).all()
        # Better than guaranteed where folds give much the same model.
        assert (found.mean(axis=0)[i] >= coverage - 3 * error[i]).all()


def test_tied_outcomes_are_covered_as_often_as_asked():
    """Outcomes and inputs of few values, so that new outcomes fall exactly on the borders."""
    n_repeats, m, n_test, coverage = 50, 40, 30, 0.8
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
            lies_in(y, model.predict_interval(X, coverage)[:, None]).mean(),
            lies_in(y, model.predict_region(X, coverage)).mean(),
            model.contains(X, y, coverage).mean(),
        )
    error = found.std(axis=0, ddof=1) / n_repeats**0.5
    assert (found.mean(axis=0) >= coverage - 3 * error).all()
    np.testing.assert_array_equal(found[:, 1], found[:, 2])


@pytest.mark.parametrize("coverage", [0.1, 0.5, 0.9, 0.98])
@pytest.mark.parametrize("scale", [0.05, 0.3, 2.0, 1e6])
def test_borders_hold_the_outcomes_that_define_them(coverage, scale):
    X, y = two_peak_data(99)
    y = np.round(y, 1)
    model = ConformalMDNRegressor(TwoPeaks(scale).fit(X, y), cv="prefit").fit(X, y)
    rank = round(100 * coverage)
    assert lies_in(y, model.predict_region(X, coverage)).sum() >= rank
    assert lies_in(y, model.predict_interval(X, coverage)[:, None]).sum() >= rank
    assert model.contains(X, y, coverage).sum() >= rank


def test_several_outputs_are_covered_jointly():
    n_repeats, m, n_test, coverage = 30, 49, 50, 0.8
    model = LinearGaussian(inflation=0.5).fit(*linear_data(60, seed=9_999, n_outputs=2))
    found = np.empty(n_repeats)
    for seed in range(n_repeats):
        X, Y = linear_data(m + n_test, seed=seed, n_outputs=2)
        conformal = ConformalMDNRegressor(model, cv="prefit").fit(X[:m], Y[:m])
        found[seed] = conformal.contains(X[m:], Y[m:], coverage).mean()
    variance = coverage * (1 - coverage) * (1 / (m + 2) + 1 / n_test)
    assert found.mean() == pytest.approx(coverage, abs=4 * (variance / n_repeats) ** 0.5)


# Borders ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("inflation", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("coverage", [0.3, 0.8, 0.95])
def test_with_one_gaussian_it_is_split_conformal_by_absolute_residuals(coverage, inflation):
    X, y = linear_data(80)
    model = LinearGaussian(inflation=inflation).fit(X[:40], y[:40])
    conformal = ConformalMDNRegressor(model, cv="prefit").fit(X[40:], y[40:])
    residuals = np.sort(np.abs(y[40:] - model.predict(X[40:])))
    half_width = residuals[int(np.ceil(41 * coverage)) - 1]
    expected = model.predict(X)[:, None] + [-half_width, half_width]
    np.testing.assert_allclose(conformal.predict_interval(X, coverage), expected, atol=1e-5)
    np.testing.assert_allclose(conformal.predict_region(X, coverage)[:, 0], expected, atol=1e-5)


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


def test_too_few_rows_to_exclude_anything_give_the_whole_line():
    X, y = linear_data(30)
    model = ConformalMDNRegressor(LinearGaussian().fit(X, y), cv="prefit").fit(X[:8], y[:8])
    line = np.broadcast_to([-np.inf, np.inf], (30, 2))
    np.testing.assert_array_equal(model.predict_interval(X, 0.9), line)
    np.testing.assert_array_equal(model.predict_region(X, 0.9), line[:, None])
    assert model.contains(X, y + 1e9, 0.9).all()
    assert np.isfinite(model.predict_interval(X, 0.88)).all()
    assert np.isfinite(model.predict_region(X, 0.88)).all()


def test_far_outcomes_open_the_region_and_only_widen_the_interval():
    X, y = two_peak_data(50, scale=0.5)
    model = ConformalMDNRegressor(TwoPeaks(scale=0.03).fit(X, y), cv="prefit").fit(X, y)
    region, interval = model.predict_region(X, 0.9), model.predict_interval(X, 0.9)
    np.testing.assert_array_equal(region, np.broadcast_to([-np.inf, np.inf], (50, 1, 2)))
    assert np.isfinite(interval).all()
    assert 0.8 < lies_in(y, interval[:, None]).mean() < 1


@pytest.mark.parametrize("coverage", [0.05, 0.29, 0.5, 0.7, 0.9, 0.99])
@pytest.mark.parametrize("m", [1, 9, 10, 99])
def test_limits_are_those_of_the_conformal_p_value(m, coverage):
    """A score is allowed exactly if more than a share 1 - c of the m + 1 scores are as far out."""
    scores = (np.arange(m) + 1) / 1024
    limit, tail = hdr_limit(scores, coverage), tail_limit(scores[:, None], coverage)[0]
    for new in [1e-4, *scores, 0.999]:
        p_value = (np.sum(scores >= new) + 1) / (m + 1)
        assert (new <= limit) == (p_value > 1 - coverage + 1e-12)
        p_value = (np.sum(scores <= new) + 1) / (m + 1)
        assert (new >= tail) == (p_value > 1 - coverage + 1e-12)


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
    for coverage in (0.3, 0.9):
        region = model.predict_region(X, coverage)
        for shift in np.linspace(-4, 4, 12):
            outcomes = X[:, 0] + shift
            found = model.contains(X, outcomes, coverage)
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


# Outputs, weights, splits -----------------------------------------------------------------------


def test_every_outputs_interval_is_that_of_a_model_of_it_alone():
    X, Y = linear_data(90, n_outputs=3)
    together = ConformalMDNRegressor(LinearGaussian(), cv=KFold(3)).fit(X, Y)
    intervals = together.predict_interval(X, 0.8)
    assert intervals.shape == (90, 2, 3)
    for j in range(3):
        alone = ConformalMDNRegressor(LinearGaussian(), cv=KFold(3)).fit(X, Y[:, j])
        expected = alone.predict_interval(X, 0.8)
        np.testing.assert_allclose(intervals[..., j], expected, rtol=1e-9)
    with pytest.raises(ValueError, match=r"one output, got 3.*contains"):
        together.predict_region(X)


def test_a_column_of_outcomes_keeps_its_outputs_axis():
    X, y = linear_data(60)
    flat = ConformalMDNRegressor(LinearGaussian(), cv=KFold(3)).fit(X, y)
    column = ConformalMDNRegressor(LinearGaussian(), cv=KFold(3)).fit(X, y[:, None])
    for verb, shape in [("predict_interval", (60, 2, 1)), ("predict_region", (60, 1, 2, 1))]:
        answer = getattr(column, verb)(X, 0.8)
        assert answer.shape == shape
        np.testing.assert_allclose(answer[..., 0], getattr(flat, verb)(X, 0.8), rtol=1e-9)
    assert column.predict(X).shape == (60, 1)
    np.testing.assert_array_equal(column.contains(X, y[:, None]), flat.contains(X, y))


def test_several_models_predict_their_pool():
    X, y = linear_data(60)
    model = ConformalMDNRegressor(LinearGaussian(), cv=3, random_state=0).fit(X, y)
    density = model.predict_proba(X)
    assert density.n_components == 3
    points = [part.predict(X) for part in model.estimators_]
    np.testing.assert_allclose(density.means[..., 0].T, points)
    np.testing.assert_allclose(density.mean(), model.predict(X))
    single = ConformalMDNRegressor(LinearGaussian(), cv=HALF).fit(X, y)
    assert single.predict_proba(X) == single.estimators_[0].predict_proba(X)


def test_one_split_is_a_model_calibrated_on_the_other_rows():
    X, y = linear_data(60)
    train, test = next(HALF.split(X))
    split = ConformalMDNRegressor(LinearGaussian(), cv=HALF).fit(X, y)
    fitted = LinearGaussian().fit(X[train], y[train])
    by_hand = ConformalMDNRegressor(fitted, cv="prefit").fit(X[test], y[test])
    np.testing.assert_array_equal(split.predict_interval(X), by_hand.predict_interval(X))
    np.testing.assert_array_equal(split.predict_region(X), by_hand.predict_region(X))
    np.testing.assert_array_equal(
        split.hdr_masses_[0], np.sort(fitted.predict_proba(X[test]).hdr_mass(y[test]))
    )


def test_folds_are_shuffled_so_that_sorted_rows_do_no_harm():
    X, y = linear_data(100)
    order = np.argsort(X[:, 0])
    model = ConformalMDNRegressor(LinearGaussian(), cv=5, random_state=0).fit(X[order], y[order])
    unshuffled = ConformalMDNRegressor(LinearGaussian(), cv=KFold(5)).fit(X, y)
    width, expected = (np.diff(m.predict_interval(X)).mean() for m in (model, unshuffled))
    assert width == pytest.approx(expected, rel=0.15)
    again = ConformalMDNRegressor(LinearGaussian(), cv=5, random_state=0).fit(X[order], y[order])
    other = ConformalMDNRegressor(LinearGaussian(), cv=5, random_state=1).fit(X[order], y[order])
    np.testing.assert_array_equal(again.predict_interval(X), model.predict_interval(X))
    assert (other.predict_interval(X) != model.predict_interval(X)).any()


def test_weights_reach_the_models_and_rows_without_weight_do_not_calibrate():
    X, y = linear_data(60)
    weights = np.random.default_rng(0).integers(0, 3, 60).astype(float)
    present = weights > 0
    folds = list(KFold(3).split(X))
    model = ConformalMDNRegressor(LinearGaussian(), cv=folds).fit(X, y, weights)
    number = np.cumsum(present) - 1
    kept = [tuple(number[part[present[part]]] for part in fold) for fold in folds]
    without = ConformalMDNRegressor(LinearGaussian(), cv=kept)
    without.fit(X[present], y[present], weights[present])
    np.testing.assert_allclose(model.predict_interval(X), without.predict_interval(X))
    np.testing.assert_allclose(model.predict_region(X), without.predict_region(X))
    train = folds[0][0]
    expected = LinearGaussian().fit(X[train], y[train], weights[train])
    np.testing.assert_allclose(model.estimators_[0].coef_, expected.coef_)


def test_weights_reach_the_last_step_of_a_pipeline():
    X, y = linear_data(60)
    weights = np.linspace(0.1, 2, 60)
    pipeline = make_pipeline(StandardScaler(), LinearGaussian())
    model = ConformalMDNRegressor(pipeline, cv=HALF).fit(X, y, weights)
    train = next(HALF.split(X))[0]
    pipeline.fit(X[train], y[train], lineargaussian__sample_weight=weights[train])
    np.testing.assert_allclose(model.predict(X), pipeline.predict(X), rtol=1e-5)
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline[-1].set_fit_request(sample_weight=True)
        pipeline[0].set_fit_request(sample_weight=False)
        routed = ConformalMDNRegressor(pipeline, cv=HALF).fit(X, y, weights)
    np.testing.assert_array_equal(routed.predict(X), model.predict(X))


def test_weights_can_be_routed_to_it():
    X, y = linear_data(60)
    weights = np.linspace(0.1, 2, 60)
    direct = ConformalMDNRegressor(LinearGaussian(), cv=HALF).fit(X, y, weights)
    with sklearn.config_context(enable_metadata_routing=True):
        model = ConformalMDNRegressor(LinearGaussian(), cv=HALF)
        model.set_fit_request(sample_weight=True)
        routed = make_pipeline(model).fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(routed.predict(X), direct.predict(X))


def test_groups_stay_together():
    X, y = linear_data(40)
    groups = np.repeat(np.arange(8), 5)
    model = ConformalMDNRegressor(LinearGaussian(), cv=4).fit(X, y, groups=groups)
    expected = ConformalMDNRegressor(LinearGaussian(), cv=list(GroupKFold(4).split(X, y, groups)))
    np.testing.assert_array_equal(model.predict_interval(X), expected.fit(X, y).predict_interval(X))


def test_frames_and_searches_inside():
    X, y = linear_data(60)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    search = GridSearchCV(
        LinearGaussian(), {"alpha": [1e-6, 1.0]}, scoring=log_likelihood_scorer, cv=2
    )
    model = ConformalMDNRegressor(search, cv=2, random_state=0).fit(frame, pd.Series(y))
    np.testing.assert_array_equal(model.feature_names_in_, ["a", "b", "c"])
    assert model.predict_interval(frame, 0.8).shape == (60, 2)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict_interval(frame[["b", "a", "c"]])


# scikit-learn -----------------------------------------------------------------------------------

SMALL = MDNRegressor(
    n_components=1, hidden_layer_sizes=(), encoding=None, learning_rate_init=0.05, max_iter=60
)
FAILURES = {
    "check_regressors_no_decision_function": "the answer of predict_proba is a density of y",
    "check_sample_weight_equivalence_on_dense_data": (
        "rows are put into folds at random: a repeated row is two rows to that draw, a row of "
        "weight two is one"
    ),
}


# The checks fit a few rows with few distinct targets: components may die and spreads collapse.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [ConformalMDNRegressor(SMALL, cv=2)], expected_failed_checks=lambda model: FAILURES
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_default_is_an_mdn_regressor_in_five_folds():
    model = ConformalMDNRegressor()
    assert model.get_params() == {
        "estimator": None,
        "cv": 5,
        "n_jobs": None,
        "random_state": None,
    }
    X, y = linear_data(4)
    model = ConformalMDNRegressor(random_state=0, cv=HALF).fit(X, y)
    assert [type(part) for part in model.estimators_] == [MDNRegressor]
    rows = linear_data(12)
    assert len(ConformalMDNRegressor(LinearGaussian()).fit(*rows).estimators_) == 5
    assert len(ConformalMDNRegressor(LinearGaussian()).fit(X, y).estimators_) == 4  # of 4 rows


def test_random_state_seeds_folds_and_models():
    X, y = linear_data(40)
    network = clone(SMALL).set_params(max_iter=3)
    first, second, other = (
        ConformalMDNRegressor(network, cv=2, random_state=seed).fit(X, y).predict(X)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()
    assert network.random_state is None


def test_the_number_of_jobs_changes_nothing():
    X, y = linear_data(60)
    with parallel_config("threading"):
        intervals = [
            ConformalMDNRegressor(LinearGaussian(), cv=2, n_jobs=jobs, random_state=0)
            .fit(X, y)
            .predict_interval(X)
            for jobs in (1, 2)
        ]
    np.testing.assert_array_equal(*intervals)


def test_a_frozen_model_survives_cloning():
    X, y = linear_data(60)
    fitted = LinearGaussian().fit(X[:30], y[:30])
    model = ConformalMDNRegressor(FrozenEstimator(fitted), cv="prefit")
    answer = clone(model).fit(X[30:], y[30:]).predict_interval(X)
    plain = ConformalMDNRegressor(fitted, cv="prefit").fit(X[30:], y[30:]).predict_interval(X)
    np.testing.assert_array_equal(answer, plain)


def test_pickles_name_public_modules_only():
    X, y = linear_data(60)
    model = ConformalMDNRegressor(clone(SMALL).set_params(max_iter=5), cv=2).fit(X, y)
    pickled = pickle.dumps(model, protocol=2)
    loaded = pickle.loads(pickled)
    np.testing.assert_array_equal(loaded.predict_region(X), model.predict_region(X))
    modules = {
        argument.split()[0]
        for code, argument, _ in pickletools.genops(pickled)
        if code.name == "GLOBAL"
    }
    ours = {module for module in modules if module.split(".")[0] == "skmdn"}
    assert ours == {"skmdn.conformal", "skmdn.regressor"}


def test_parameters_of_the_estimator_can_be_searched():
    X, y = linear_data(60)
    search = GridSearchCV(
        ConformalMDNRegressor(LinearGaussian(), cv=2, random_state=0),
        {"estimator__inflation": [1.0, 10.0]},
        scoring=log_likelihood_scorer,
        cv=2,
    ).fit(X, y)
    assert search.best_params_ == {"estimator__inflation": 1.0}


# Bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize("coverage", [0, 1, -0.1, 1.5, "0.9", None, [0.5, 0.9], np.nan])
@pytest.mark.parametrize("verb", ["predict_interval", "predict_region", "contains"])
def test_coverage_out_of_range_is_named(verb, coverage):
    X, y = linear_data(30)
    model = ConformalMDNRegressor(LinearGaussian(), cv=HALF).fit(X, y)
    arguments = (X, y) if verb == "contains" else (X,)
    with pytest.raises(ValueError, match=r"coverage: expected a number strictly between 0 and 1"):
        getattr(model, verb)(*arguments, coverage)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cv": "split"}, "'cv' parameter of ConformalMDNRegressor.*'prefit'.*'split'"),
        ({"cv": 0.5}, "'cv' parameter of ConformalMDNRegressor"),
        ({"cv": 1}, "'cv' parameter|n_splits"),
        ({"n_jobs": "two"}, "'n_jobs' parameter of ConformalMDNRegressor"),
        ({"random_state": -1}, "'random_state' parameter of ConformalMDNRegressor"),
        ({"cv": "prefit", "estimator": None}, "cv='prefit' expects a fitted estimator; got None"),
        ({"cv": [(np.arange(20), np.arange(15, 30))]}, "cv: expected rows to calibrate on that"),
    ],
)
def test_constructor_values_out_of_range_are_named(options, message):
    X, y = linear_data(30)
    model = ConformalMDNRegressor(**{"estimator": LinearGaussian(), **options})
    before = dict(vars(model))
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    assert vars(model) == before


def test_a_model_that_is_not_fitted_cannot_be_calibrated():
    X, y = linear_data(30)
    with pytest.raises(NotFittedError):
        ConformalMDNRegressor(LinearGaussian(), cv="prefit").fit(X, y)
    for verb in ("predict", "predict_proba", "predict_interval", "predict_region"):
        with pytest.raises(NotFittedError):
            getattr(ConformalMDNRegressor(LinearGaussian()), verb)(X)


def test_an_answer_that_is_no_mixture_is_named():
    class Points(LinearGaussian):
        def predict_proba(self, X):
            return self.predict(X)

    with pytest.raises(TypeError, match=r"gives a Mixture, got Points giving ndarray"):
        ConformalMDNRegressor(Points()).fit(*linear_data(30))


def test_weights_that_the_model_does_not_take_are_refused():
    X, y = two_peak_data(30)
    with pytest.raises(ValueError, match=r"sample_weight: expected an estimator that takes it"):
        ConformalMDNRegressor(TwoPeaks()).fit(X, y, np.ones(30))


@pytest.mark.parametrize("shape", [(29,), (30, 1), (30, 2), (30, 1, 1)])
def test_outcomes_of_another_shape_are_refused(shape):
    X, y = linear_data(30)
    model = ConformalMDNRegressor(LinearGaussian(), cv=HALF).fit(X, y)
    with pytest.raises(ValueError, match=r"expected shape \(30,\), got|Found array with dim 3"):
        model.contains(X, np.zeros(shape))


def test_lengths_that_differ_are_refused():
    X, y = linear_data(30)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ConformalMDNRegressor(LinearGaussian()).fit(X, y[:-1])
