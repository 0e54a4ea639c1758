"""ConformalMDNRegressor as an estimator: outputs, weights, splits, bad input."""

import pickle
import pickletools

import numpy as np
import pandas as pd
import pytest
import sklearn
from cases.conformal import HALF, TwoPeaks, two_peak_data
from cases.linear_gaussian import LinearGaussian, linear_data
from cases.regressor import short
from joblib import parallel_config
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, LeaveOneOut
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmdn import MDNRegressor
from skmdn._estimators.fit_warnings import warn_of_fit
from skmdn.conformal import ConformalMDNRegressor
from skmdn.metrics import log_likelihood_scorer

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
    for method, shape in [("predict_interval", (60, 2, 1)), ("predict_region", (60, 1, 2, 1))]:
        answer = getattr(column, method)(X, 0.8)
        assert answer.shape == shape
        np.testing.assert_allclose(answer[..., 0], getattr(flat, method)(X, 0.8), rtol=1e-9)
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


@pytest.mark.parametrize("column", [False, True])
def test_a_fold_without_weight_excludes_nothing(column):
    X, y = linear_data(12)
    y = y[:, None] if column else y
    weights = np.ones(12)
    weights[3] = 0
    model = ConformalMDNRegressor(LinearGaussian(), cv=LeaveOneOut()).fit(X, y, weights)
    assert sorted(map(len, model.hdr_masses_)) == [0, *[1] * 11]
    assert model.predict_interval(X, 0.3).shape == ((12, 2, 1) if column else (12, 2))
    alone = ConformalMDNRegressor(LinearGaussian(), cv=[(np.arange(4, 12), [3])])
    alone.fit(X, y, weights)
    with pytest.warns(UserWarning, match=r"level=0\.3 needs at least 1, got 0"):
        interval = alone.predict_interval(X, 0.3)
    with pytest.warns(UserWarning, match=r"level=0\.3 needs at least 1, got 0"):
        inside = alone.contains(X, 1e9 + y, 0.3)
    assert np.isinf(interval).all()
    assert inside.all()


@pytest.mark.parametrize("searched", [LinearGaussian(), make_pipeline(LinearGaussian())])
def test_weights_reach_the_estimator_in_a_search(searched):
    X, y = linear_data(60)
    weights = np.linspace(0.1, 2, 60)
    search = GridSearchCV(searched, {}, cv=2, scoring="r2")
    model = ConformalMDNRegressor(search, cv=HALF).fit(X, y, weights)
    direct = ConformalMDNRegressor(LinearGaussian(), cv=HALF).fit(X, y, weights)
    np.testing.assert_array_equal(model.predict(X), direct.predict(X))


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


@pytest.mark.parametrize("n_parts", [2, 3])
def test_several_models_calibrate_on_every_row_once(n_parts):
    X, y = linear_data(12)
    rows = np.arange(12)
    cv = [(rows[:6], rows[6:])] * n_parts
    with pytest.raises(
        ValueError, match="cv: expected test parts that hold each of 12 rows exactly once"
    ):
        ConformalMDNRegressor(LinearGaussian(), cv=cv).fit(X, y)
    assert ConformalMDNRegressor(LinearGaussian(), cv=cv[:1]).fit(X, y).predict(X).shape == (12,)


def test_a_split_without_training_rows_is_named():
    X, y = linear_data(12)
    cv = [(np.arange(6), np.arange(6, 12)), ([], np.arange(6))]
    with pytest.raises(ValueError, match=r"training rows in every split, got none in split 1 of 2"):
        ConformalMDNRegressor(LinearGaussian(), cv=cv).fit(X, y)


def test_gaps_are_for_those_who_take_them():
    for estimator, takes in ((None, True), (MDNRegressor(), True), (LinearGaussian(), False)):
        assert get_tags(ConformalMDNRegressor(estimator)).input_tags.allow_nan == takes


def test_groups_stay_together():
    X, y = linear_data(40)
    groups = np.repeat(np.arange(8), 5)
    model = ConformalMDNRegressor(LinearGaussian(), cv=4).fit(X, y, groups=groups)
    expected = ConformalMDNRegressor(LinearGaussian(), cv=list(GroupKFold(4).split(X, y, groups)))
    np.testing.assert_array_equal(model.predict_interval(X), expected.fit(X, y).predict_interval(X))


@pytest.mark.parametrize(("n_groups", "cv"), [(2, 5), (3, 2), (3, 5)])
def test_a_model_may_train_on_a_single_group(n_groups, cv):
    """Which cannot be divided for validation: its rows are, as without groups."""
    X, y = linear_data(60)
    groups, network = np.arange(60) % n_groups, MDNRegressor(max_iter=2, random_state=0)
    pipeline = make_pipeline(StandardScaler(), network)
    for estimator in (network, pipeline):
        model = ConformalMDNRegressor(estimator, cv=cv, random_state=0).fit(X, y, groups=groups)
        assert model.folds_ == "groups"
        assert model.predict_interval(X, 0.5).shape == (60, 2)
    with sklearn.config_context(enable_metadata_routing=True):
        network.set_fit_request(groups=True, sample_weight=False)
        ConformalMDNRegressor(pipeline, cv=cv, random_state=0).fit(X, y, groups=groups)


def test_frames_and_searches_inside():
    X, y = linear_data(60)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    search = GridSearchCV(
        LinearGaussian(), {"alpha": [1e-6, 1.0]}, scoring=log_likelihood_scorer, cv=2
    )
    model = ConformalMDNRegressor(search, cv=2, random_state=0).fit(frame, pd.Series(y))
    np.testing.assert_array_equal(model.feature_names_in_, ["a", "b", "c"])
    interval = model.predict_interval(frame, 0.8)
    assert interval.shape == (60, 2)
    np.testing.assert_array_equal(model.predict_interval(frame[["b", "a", "c"]], 0.8), interval)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict_interval(frame[["b", "a"]])


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


@pytest.mark.parametrize("level", [0, 1, -0.1, 1.5, "0.9", None, [0.5, 0.9], np.nan])
@pytest.mark.parametrize("method", ["predict_interval", "predict_region", "contains"])
def test_level_out_of_range_is_named(method, level):
    X, y = linear_data(30)
    model = ConformalMDNRegressor(LinearGaussian(), cv=HALF).fit(X, y)
    arguments = (X, y) if method == "contains" else (X,)
    with pytest.raises(ValueError, match=r"level: expected a number strictly between 0 and 1"):
        getattr(model, method)(*arguments, level)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cv": "split"}, "'cv' parameter of ConformalMDNRegressor.*'prefit'.*'split'"),
        ({"cv": 0.5}, "'cv' parameter of ConformalMDNRegressor"),
        ({"cv": 1}, "'cv' parameter|n_splits"),
        ({"n_jobs": "two"}, "'n_jobs' parameter of ConformalMDNRegressor"),
        ({"random_state": -1}, "'random_state' parameter of ConformalMDNRegressor"),
        ({"cv": "prefit", "estimator": None}, "cv='prefit' expects a fitted estimator; got None"),
        ({"cv": [(np.arange(20), np.arange(15, 30))]}, "cv: expected test rows that are no"),
        ({"cv": []}, "cv: expected at least one split, got none"),
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
    for method in ("predict", "predict_proba", "predict_interval", "predict_region"):
        with pytest.raises(NotFittedError):
            getattr(ConformalMDNRegressor(LinearGaussian()), method)(X)


def test_an_answer_that_is_no_mixture_is_named():
    class Points(LinearGaussian):
        def predict_proba(self, X):
            return self.predict(X)

    with pytest.raises(TypeError, match=r"gives a Mixture, got Points giving ndarray"):
        ConformalMDNRegressor(Points()).fit(*linear_data(30))


def test_an_estimator_without_densities_is_named_before_it_is_fitted():
    with pytest.raises(TypeError, match=r"estimator: expected one .* Ridge without predict_proba"):
        ConformalMDNRegressor(Ridge()).fit(*linear_data(30))


@pytest.mark.parametrize("columns", [1, 2])
def test_targets_of_another_form_than_the_fitted_model_has_are_named(columns):
    X, y = linear_data(30)
    model = LinearGaussian().fit(X, y)
    with pytest.raises(
        ValueError, match=rf"y: expected shape \(30,\), .* got shape \(30, {columns}"
    ):
        ConformalMDNRegressor(model, cv="prefit").fit(X, np.tile(y[:, None], columns))


def test_weights_that_the_model_does_not_take_are_refused():
    X, y = two_peak_data(30)
    with pytest.raises(ValueError, match=r"sample_weight: expected estimators that take it"):
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


DAYS = pd.date_range("2024-01-01", periods=30)
DATES = {
    "datetime64": DAYS.to_numpy(),
    "series": pd.Series(DAYS),
    "time zone": pd.Series(DAYS.tz_localize("UTC")),
    "frame with a time zone": pd.DataFrame({"day": DAYS.tz_localize("UTC")}),
    "objects": np.array(DAYS.to_pydatetime(), dtype=object),
    "list of dates": [day.date() for day in DAYS],
    "durations": (DAYS - DAYS[0]).to_numpy(),
}


@pytest.mark.parametrize("kind", DATES)
def test_dates_are_not_taken_for_numbers(kind):
    X, y = linear_data(30)
    model = ConformalMDNRegressor(LinearGaussian(), cv=HALF)
    with pytest.raises((TypeError, ValueError), match=r"^y\b"):
        model.fit(X, DATES[kind])
    assert not hasattr(model, "estimators_")
    model.fit(X, y)
    with pytest.raises((TypeError, ValueError), match=r"^y\b"):
        model.contains(X, DATES[kind])


def test_what_models_say_of_their_fits_is_said_once_at_the_line_of_the_user():
    X, y = linear_data(90)
    for cv, begins in ((3, "Advisor, 3 members: rows"), ("last", "rows")):
        with pytest.warns(UserWarning, match=f"^{begins} are few") as caught:
            ConformalMDNRegressor(Advisor(), cv=cv).fit(X, y)
        assert len(caught) == 1
        assert caught[0].filename == __file__


class Advisor(LinearGaussian):
    def fit(self, X, y, sample_weight=None):
        warn_of_fit(f"rows are few, {len(y)}", stacklevel=1)
        return super().fit(X, y, sample_weight)


def test_an_estimator_that_declines_weights_and_groups_gets_none():
    X, y = linear_data(60)
    w, groups = np.where(y > 0, 1.0, 1e-3), np.repeat(np.arange(12), 5)
    with config_context(enable_metadata_routing=True):
        wants, declines = (
            LinearGaussian().set_fit_request(sample_weight=word) for word in (True, False)
        )
        plain, unweighted, weighted = (
            ConformalMDNRegressor(one, cv=3, random_state=0).fit(X, y, weights).predict(X)
            for one, weights in ((wants, None), (declines, w), (wants, w))
        )
        network = short().set_fit_request(groups=False)
        model = ConformalMDNRegressor(network, cv=2, random_state=0).fit(X, y, groups=groups)
    np.testing.assert_array_equal(unweighted, plain)
    assert np.abs(weighted - plain).max() > 0.01
    assert [one.validation_split_ for one in model.estimators_] == ["shuffled"] * 2
