"""The ensemble: members, pooling, calibration, and scikit-learn's contract."""

import pickle

import numpy as np
import pandas as pd
import pytest
from cases.ensemble import SMALL, Recording, Spy, two_views
from cases.linear_gaussian import LinearGaussian
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, ShuffleSplit
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmdn import MDNEnsembleRegressor, MDNRegressor, Mixture
from skmdn._estimators.rows import Rows
from skmdn.ensemble import ProcessDensity
from skmdn.ensemble import fitting as ensemble_fitting
from skmdn.ensemble import regressor as ensemble_regressor
from skmdn.ensemble.pool import calibrated_pool
from skmdn.ensemble.views import default_views, expected_weights, size_of
from skmdn.preprocessing import CrossFittedPredictions


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 2))
    return X, 50 + 10 * (X[:, 0] + rng.normal(size=120))


# The checks fit a few rows with few distinct targets: components may die and spreads collapse.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [MDNEnsembleRegressor(two_views(), cv=2)],
    expected_failed_checks=lambda _: {
        "check_regressors_no_decision_function": "predict_proba gives a density",
        "check_sample_weight_equivalence_on_dense_data": "folds are cut by rows, not by weight",
    },
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def test_members_are_validated_on_the_fold_they_did_not_see(data):
    X, y = data
    weights = np.random.default_rng(1).uniform(1, 2, 120)
    cv = KFold(3)
    model = MDNEnsembleRegressor([("spy", Spy())], cv=cv).fit(X, y, weights)
    for member, (train, test) in zip(model.estimators_[0], cv.split(X), strict=True):
        np.testing.assert_array_equal(member.rows_, X[train])
        np.testing.assert_array_equal(member.weights_, weights[train])
        np.testing.assert_array_equal(member.validation_[0], X[test])
        np.testing.assert_array_equal(member.validation_[1], y[test])
        np.testing.assert_array_equal(member.validation_[2], weights[test])


def test_nothing_a_member_validates_on_reaches_it_through_a_pipeline(data):
    """Transformers see the training folds only, and the validation fold as new rows."""
    X, y = data
    memory = CrossFittedPredictions([("memory", KNeighborsRegressor(1))], cv=KFold(2))
    view = Pipeline([("predictions", memory), ("nothing", "passthrough"), ("spy", Spy())])
    cv = KFold(3)
    model = MDNEnsembleRegressor([("view", view)], cv=cv).fit(X, y)
    for member, (train, test) in zip(model.estimators_[0], cv.split(X), strict=True):
        expected = clone(memory).fit(X[train], y[train])
        np.testing.assert_array_equal(
            member[-1].rows_, clone(memory).fit_transform(X[train], y[train])
        )
        np.testing.assert_array_equal(member[-1].validation_[0], expected.transform(X[test]))
    assert model.predict(X[:5]).shape == (5,)


def test_out_of_fold_densities_are_those_of_the_members(data):
    X, y = data
    cv = KFold(4, shuffle=True, random_state=0)
    model = MDNEnsembleRegressor([("line", LinearGaussian())], cv=cv, calibrate=False).fit(X, y)
    expected = np.empty(120)
    for member, (_, test) in zip(model.estimators_[0], cv.split(X), strict=True):
        expected[test] = member.predict_proba(X[test]).pdf(y[test])
    mean, scale = y.mean(), 3 * y.std()
    background = np.exp(-0.5 * ((y - mean) / scale) ** 2) / (scale * np.sqrt(2 * np.pi))
    pooled = (1 - 1e-4) * expected + 1e-4 * background
    np.testing.assert_allclose(model.oof_mixture_.pdf(y), pooled, rtol=1e-9)
    np.testing.assert_allclose(model.oof_score_, np.log(pooled).mean())


def test_prediction_is_the_weighted_pool_of_widened_members(data):
    X, y = data
    views = [("line", LinearGaussian()), ("narrow", LinearGaussian(inflation=0.2))]
    model = MDNEnsembleRegressor(views, cv=3, random_state=0).fit(X, y)
    grid = np.linspace(y.min() - 200, y.max() + 200, 7)[None]
    pool = model.predict_proba(X[:6])
    share = model.background_weight_
    background = Mixture([[1.0]], [[y.mean()]], [[3 * y.std()]])
    expected = share * np.repeat(background.pdf(grid), 6, axis=0)
    for view, weight, factor in zip(
        model.estimators_, model.view_weights_, model.view_factors_, strict=True
    ):
        for member in view:
            mean = member.predict(X[:6])[:, None]
            scale = np.hypot(model.pooling_factor_ * factor * member.scale_, model.noise_)
            density = np.exp(-0.5 * ((grid - mean) / scale) ** 2) / (scale * np.sqrt(2 * np.pi))
            expected = expected + (1 - share) * weight / 3 * density
    np.testing.assert_allclose(pool.pdf(grid), expected, rtol=1e-9)
    assert pool.n_components == 2 * 3 + 1


def test_calibration_widens_and_weighs_views():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    y = 50 + 10 * (X[:, 0] + rng.normal(size=400))
    narrow = [("narrow", LinearGaussian(inflation=0.2))]
    model = MDNEnsembleRegressor(narrow, cv=3, random_state=0).fit(X, y)
    raw = MDNEnsembleRegressor(narrow, cv=3, random_state=0, calibrate=False).fit(X, y)
    assert model.oof_score_ > raw.oof_score_ + 1
    for member in model.estimators_[0]:
        spread = np.hypot(model.view_factors_[0] * member.scale_, model.noise_[0])
        np.testing.assert_allclose(spread, 10, rtol=0.2)
    np.testing.assert_array_equal(raw.view_weights_, [1.0])
    np.testing.assert_array_equal(raw.noise_, [0.0])
    assert raw.pooling_factor_ == 1


def test_no_rows_are_refused(data):
    X, y = data
    model = MDNEnsembleRegressor([("line", LinearGaussian())], cv=2).fit(X, y)
    for method in (model.predict_proba, model.predict, model.sample, model.decompose):
        with pytest.raises(ValueError, match=r"X: expected at least one row, got shape \(0, 2\)"):
            method(X[:0])


def test_no_row_can_cost_more_than_a_bounded_number_of_nats(data):
    X, y = data
    model = MDNEnsembleRegressor([("line", LinearGaussian())], cv=3).fit(X, y)
    far = model.predict_proba([[1e6, 0.0]]).logpdf(y[:1])
    lowest = np.log(1e-4) - np.log(3 * y.std()) - 0.5 * np.log(2 * np.pi) - 0.5
    assert far[0] >= lowest


def test_variance_is_the_sum_of_an_aleatoric_and_an_epistemic_part(data):
    X, y = data
    model = MDNEnsembleRegressor(two_views(), cv=2, random_state=0).fit(X, y)
    parts = model.decompose(X[:20])
    share = model.background_weight_
    pool = model.predict_proba(X[:20])
    members = Mixture(
        pool.weights[:, :-1] / (1 - share), pool.means[:, :-1, 0], pool.scales[:, :-1, 0]
    )
    np.testing.assert_allclose(parts.total, members.var(), rtol=1e-8)
    np.testing.assert_allclose(parts.aleatoric + parts.epistemic, parts.total)
    assert np.all(parts.epistemic >= 0)


@pytest.mark.parametrize(("n_rows", "decay"), [(50, 2.0), (999, 100 / 999)])
def test_few_rows_have_views_of_firm_decay_a_line_and_a_process(n_rows, decay):
    *views, (_, line), (_, process) = default_views(n_rows, 2)
    many = default_views(1000, 2)
    assert [name for name, _ in views] == [name for name, _ in many]
    (_, plain), (_, plain_of_many) = views[0], many[0]
    assert [plain.alpha, line.alpha] == pytest.approx([decay, decay])
    assert plain_of_many.alpha == 0.06
    assert (plain.encoding, line.linear_path) == (None, True)
    assert isinstance(process, ProcessDensity)


def test_many_rows_of_a_wide_table_have_a_line_too():
    names = [name for name, _ in default_views(1500, 150)]
    *views, (name, line) = default_views(1500, 151)
    assert [each for each, _ in views] == names == ["plain", "encoded", "trees"]
    assert (name, line.linear_path, line.alpha) == ("line", True, pytest.approx(100 / 1500))
    assert expected_weights(1500, 151).tolist() == [1.0, 1.0, 1.0, 1 + 200 / 1500]
    assert default_views(10_000, 2000)[-1][1].alpha == 0.06


def test_the_score_of_rows_out_of_fold_counts_their_weights(data):
    X, y = data
    weights = np.random.default_rng(0).integers(0, 4, size=len(y)).astype(float)
    model = MDNEnsembleRegressor([("line", LinearGaussian())], cv=3, random_state=0)
    model.fit(X, y, sample_weight=weights)
    expected = np.average(model.oof_mixture_.logpdf(y), weights=weights)
    assert model.oof_score_ == pytest.approx(expected, rel=1e-9)


def test_rows_without_weight_do_not_count_for_the_views():
    weights = np.where(np.arange(1005) < 400, 1.0, 0.0)
    assert size_of(Rows(np.zeros((1005, 2)), np.zeros(1005), weights)) == (400, 2)
    assert size_of(Rows(np.zeros((1005, 2)), np.zeros(1005))) == (1005, 2)


def test_the_default_views_need_columns():
    texts = [f"flat {i}" for i in range(30)]
    with pytest.raises(
        ValueError, match=r"default views expect rows and columns, got shape \(30,\)"
    ):
        MDNEnsembleRegressor().fit(texts, np.arange(30.0))


@pytest.mark.parametrize(("n", "times"), [(20, 11.0), (100, 3.0), (500, 1.4)])
def test_of_few_rows_a_line_and_a_process_are_expected_to_weigh_more(n, times):
    names = [name for name, _ in default_views(n, 2)]
    weights = dict(zip(names, expected_weights(n, 2), strict=True))
    assert {name for name, weight in weights.items() if weight == times} == {"line", "process"}
    assert {weights[name] for name in ("plain", "encoded", "trees")} == {1.0}
    assert set(expected_weights(1000, 2)) == {1.0}


@pytest.mark.parametrize("given", [True, False])
def test_only_of_the_default_views_more_is_expected(given, monkeypatch):
    expected = []

    def spy(*arguments):
        expected.append(arguments[-1])
        return calibrated_pool(*arguments)

    views = [(name, LinearGaussian()) for name in "abcde"]
    monkeypatch.setattr(ensemble_regressor, "default_views", lambda n_rows, n_features: views)
    monkeypatch.setattr(ensemble_fitting, "calibrated_pool", spy)
    X = np.random.default_rng(0).normal(size=(30, 2))
    y = X[:, 0] + np.random.default_rng(1).normal(size=30)
    MDNEnsembleRegressor(views if given else None, cv=2, random_state=0).fit(X, y)
    [found] = expected
    assert found is None if given else np.array_equal(found, expected_weights(30, 2))


def test_default_views_leave_nothing_to_choose():
    for _, view in default_views(50, 2):
        network = view[-1] if isinstance(view, Pipeline) else view
        if isinstance(network, MDNRegressor):
            assert network.alpha != "auto"
            assert network.encoding != "auto"


def test_members_disagree_far_outside_if_they_go_on(data):
    X, y = data
    view = clone(SMALL).set_params(extrapolation="continue")
    model = MDNEnsembleRegressor([("going_on", view)], cv=2, random_state=0).fit(X, y)
    near, far = model.decompose(X[:20]), model.decompose([[30.0, -30.0]])
    assert far.epistemic[0] > np.median(near.epistemic)


def test_several_outputs(data):
    X, y = data
    Y = np.column_stack([y, y + 5 * X[:, 1]])
    view = clone(SMALL).set_params(covariance_type="full")
    views = [("full", view), ("diag", SMALL)]
    model = MDNEnsembleRegressor(views, cv=2, random_state=0).fit(X, Y)
    assert model.predict(X[:3]).shape == (3, 2)
    mean, cov = model.predict(X[:3], return_cov=True)
    assert cov.shape == (3, 2, 2)
    np.testing.assert_allclose(mean, model.predict_proba(X[:3]).mean())
    assert model.sample(X[:3], 4, random_state=0).shape == (3, 4, 2)
    assert model.decompose(X[:3]).total.shape == (3, 2)
    column = MDNEnsembleRegressor(two_views(), cv=2, random_state=0).fit(X, y[:, None])
    assert column.predict(X[:3], return_std=True)[1].shape == (3, 1)


def test_same_seed_same_bits_whatever_the_number_of_jobs(data):
    X, y = data
    models = [
        MDNEnsembleRegressor(two_views(), cv=2, random_state=1, n_jobs=n_jobs).fit(X, y)
        for n_jobs in (1, 2)
    ]
    assert models[0].predict_proba(X) == models[1].predict_proba(X)
    loaded = pickle.loads(pickle.dumps(models[0]))
    assert loaded.predict_proba(X) == models[0].predict_proba(X)


class NotesColumns(LinearGaussian):
    def fit(self, X, y, sample_weight=None):
        self.columns_ = list(X.columns)
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_members_see_the_configuration_of_scikit_learn(data, n_jobs):
    view = make_pipeline(StandardScaler(), NotesColumns())
    model = MDNEnsembleRegressor([("line", view)], cv=2, n_jobs=n_jobs)
    with config_context(transform_output="pandas"):
        model.fit(*data)
    for member in model.estimators_[0]:
        assert member[-1].columns_ == ["x0", "x1"]


def test_frames_with_columns_of_mixed_kinds(data):
    X, y = data
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "kind": np.where(X[:, 1] > 0, "u", "v")})
    columns = make_column_transformer(
        (StandardScaler(), ["a", "b"]), (OneHotEncoder(sparse_output=False), ["kind"])
    )
    model = MDNEnsembleRegressor([("view", make_pipeline(columns, SMALL))], cv=2).fit(frame, y)
    assert list(model.feature_names_in_) == ["a", "b", "kind"]
    assert model.predict(frame).shape == (120,)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame.rename(columns={"a": "z"}))


def test_groups_stay_together(data):
    X, y = data
    groups = np.arange(120) // 10
    model = MDNEnsembleRegressor([("spy", Spy())], cv=GroupKFold(3)).fit(X, y, groups=groups)
    group_of = {tuple(row): group for row, group in zip(X, groups, strict=True)}
    for member in model.estimators_[0]:
        train = {group_of[tuple(row)] for row in member.rows_}
        test = {group_of[tuple(row)] for row in member.validation_[0]}
        assert not train & test


def test_nested_parameters_and_clones(data):
    model = MDNEnsembleRegressor(two_views())
    model.set_params(small__n_components=7)
    assert clone(model).get_params()["small__n_components"] == 7


def test_bad_arguments_are_named_and_leave_the_ensemble_as_it_was(data):
    X, y = data
    model = MDNEnsembleRegressor([("line", LinearGaussian())], cv=2).fit(X, y)
    before = dict(vars(model))
    with pytest.raises(ValueError, match="cv: expected test parts"):
        model.set_params(cv=ShuffleSplit(2)).fit(X, y)
    model.set_params(cv=2)
    with pytest.raises(ValueError, match="sample_weight must not be negative"):
        model.fit(X, y, -np.ones(120))
    with pytest.raises(ValueError, match="y contains NaN"):
        model.fit(X, np.where(y > 50, np.nan, y))
    with pytest.raises(ValueError, match="return_std and return_cov"):
        model.predict(X, return_std=True, return_cov=True)
    assert vars(model) == before
    with pytest.raises(ValueError, match="'calibrate' parameter"):
        MDNEnsembleRegressor(calibrate="yes").fit(X, y)
    with pytest.raises(TypeError, match=r"view 'tree'.* gives a Mixture, got NoDensity"):
        MDNEnsembleRegressor([("tree", NoDensity())], cv=2).fit(X, y)
    with pytest.raises(
        TypeError, match=r"view 'line': expected one .* LinearRegression without predict_proba"
    ):
        MDNEnsembleRegressor([("line", LinearRegression())], cv=2).fit(X, y)
    with pytest.raises(ValueError, match="groups must have one label per row"):
        model.fit(X, y, groups=np.arange(5))
    for n, view in [(1, [("line", LinearGaussian())]), (2, None)]:
        with pytest.raises(ValueError, match=f"expected at least {n + 1} rows .* n_samples = {n}"):
            MDNEnsembleRegressor(view, cv=2).fit(X[:n], y[:n])
    line = LinearGaussian()
    for name, view in [("cv", line), ("line", LinearGaussian), ("a__b", line)]:
        with pytest.raises(ValueError, match="'estimators' parameter"):
            MDNEnsembleRegressor([(name, view)], cv=2).fit(X, y)


@pytest.mark.parametrize(
    "cv",
    [
        [],
        iter([]),
        [(np.arange(120), np.arange(60)), (np.arange(60, 120), np.arange(60, 120))],
        [(np.arange(60), np.arange(60, 121)), (np.arange(60, 121), np.arange(60))],
    ],
)
def test_folds_that_do_not_fit_the_rows_are_refused(data, cv):
    with pytest.raises(ValueError, match="cv: expected"):
        MDNEnsembleRegressor([("line", LinearGaussian())], cv=cv).fit(*data)


class ShiftOnly(BaseEstimator):
    """A transformer without `fit_transform`."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X + 1.0


def test_views_with_pipelines_and_searches_of_every_kind(data):
    """Weights reach them all; what a Pipeline was made with stays with its members."""
    X, y = data
    weights = np.random.default_rng(0).uniform(0.5, 2, 120)
    line = Recording()
    views = [
        ("shifted", Pipeline([("shift", ShiftOnly()), ("line", line)], verbose=True)),
        ("nested", Pipeline([("scale", StandardScaler()), ("inner", make_pipeline(line))])),
        ("search", GridSearchCV(line, {"inflation": [1.0, 2.0]}, cv=2, scoring="r2")),
    ]
    model = MDNEnsembleRegressor(views, cv=2, random_state=0).fit(X, y, weights)
    shifted, nested, search = (members[0] for members in model.estimators_)
    assert shifted.verbose
    for member in (shifted[-1], nested[-1][-1], search.best_estimator_):
        assert member.weights_ is not None
    train = model.estimators_[0][0][-1].rows_
    assert len(train) == 60
    scaled = StandardScaler().fit_transform(train, sample_weight=shifted[-1].weights_)
    np.testing.assert_allclose(nested[-1][-1].rows_, scaled)


def test_rows_without_weight_may_hold_anything(data):
    X, y = data
    weights = np.ones(120)
    weights[[3, 50]] = 0
    hostile = y.copy()
    hostile[[3, 50]] = 1e200, -1e300
    views = [(name, clone(view).set_params(max_iter=5)) for name, view in two_views()]
    found = [
        MDNEnsembleRegressor(views, cv=4, random_state=0).fit(X, targets, weights)
        for targets in (y, hostile)
    ]
    names = ["view_weights_", "view_factors_", "pooling_factor_", "noise_", "background_weight_"]
    for name in [*names, "oof_score_"]:
        np.testing.assert_array_equal(*(getattr(model, name) for model in found))
    assert np.isfinite(found[0].oof_score_)


def test_groups_reach_the_transformers_that_take_them(data):
    """With three folds the trees are cross-fitted within a member, by groups too."""
    X, y = data
    groups = np.arange(120) // 4
    line = Pipeline(
        [
            ("predictions", CrossFittedPredictions([("near", KNeighborsRegressor(1))])),
            ("line", LinearGaussian()),
        ]
    )
    model = MDNEnsembleRegressor([("view", line)], cv=3, random_state=0)
    alone = clone(line.steps[0][1])
    for members, (train, _) in zip(
        model.fit(X, y, groups=groups).estimators_[0],
        GroupKFold(3).split(X, y, groups),
        strict=True,
    ):
        seed = members.steps[0][1].random_state
        alone.set_params(random_state=seed).fit(X[train], y[train], groups=groups[train])
        np.testing.assert_array_equal(members.steps[0][1].transform(X), alone.transform(X))


class NoDensity(LinearGaussian):
    def predict_proba(self, X):
        return self.predict(X)
