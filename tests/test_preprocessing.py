"""The public transformers."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmdn.preprocessing import (
    CrossFittedPredictions,
    PiecewiseLinearEncoder,
    RepeatedValues,
    StandardizedRegressor,
)
from skmdn.preprocessing.tree_regressors import tree_regressors

TWO_ANSWERS = (
    "fit_transform gives out-of-fold values, fit().transform() the folds' mean, "
    "as with sklearn's TargetEncoder"
)


def expected_failed_checks(estimator):
    if not isinstance(estimator, CrossFittedPredictions):
        return {}
    return {
        "check_transformer_general": TWO_ANSWERS,
        "check_transformer_data_not_an_array": TWO_ANSWERS,
    }


@parametrize_with_checks(
    [
        PiecewiseLinearEncoder(),
        CrossFittedPredictions([("line", LinearRegression())], cv=2, random_state=0),
        StandardizedRegressor(LinearRegression()),
    ],
    expected_failed_checks=expected_failed_checks,
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


# PiecewiseLinearEncoder --------------------------------------------------------------------------


def test_names_and_frames():
    frame = pd.DataFrame({"a": [0.0, 1, 2, 3], "constant": 1.0, "b": [0.0, 0, 1, 1]})
    encoder = PiecewiseLinearEncoder(n_bins=2).set_output(transform="pandas").fit(frame)
    out = encoder.transform(frame)
    assert list(out.columns) == ["a_bin0", "a_bin1", "b_bin0"]
    np.testing.assert_array_equal(out["b_bin0"], frame["b"])
    assert list(encoder.get_feature_names_out()) == list(out.columns)


def test_zero_weights_are_absent_rows():
    X = np.random.default_rng(0).normal(size=(60, 2))
    weights = (np.arange(60) < 40).astype(float)
    one = PiecewiseLinearEncoder(n_bins=5).fit(X, sample_weight=weights)
    two = PiecewiseLinearEncoder(n_bins=5).fit(X[:40])
    np.testing.assert_array_equal(one.bin_edges_, two.bin_edges_)


@pytest.mark.parametrize("values", [{"n_bins": 0}, {"n_bins": 2.5}, {"subsample": 0}])
def test_bad_values_are_named(values):
    (name,) = values
    with pytest.raises(ValueError, match=f"'{name}' parameter of PiecewiseLinearEncoder"):
        PiecewiseLinearEncoder(**values).fit([[0.0], [1.0]])


def test_bad_data_leaves_the_encoder_as_it_was():
    encoder = PiecewiseLinearEncoder().fit([[0.0], [1.0]])
    before = dict(vars(encoder))
    with pytest.raises(ValueError, match="Input X contains infinity"):
        encoder.fit([[0.0, 1.0], [np.inf, np.nan]])
    with pytest.raises(ValueError, match="sample_weight must not be negative"):
        encoder.fit([[0.0, 1.0], [1.0, 1.0]], sample_weight=[-1, 1])
    assert vars(encoder) == before


NAN = np.nan


@pytest.fixture
def gappy():
    """Features with gaps, without, with gaps only, and constant with gaps."""
    return np.array(
        [
            [0.0, 1.0, NAN, 5.0],
            [NAN, 2.0, NAN, NAN],
            [1.0, 3.0, NAN, 5.0],
            [3.0, 4.0, NAN, NAN],
        ]
    )


def test_a_gap_fills_no_bin_and_has_an_indicator(gappy):
    encoder = PiecewiseLinearEncoder(n_bins=2).fit(gappy)
    assert [list(edges) for edges in encoder.bin_edges_] == [[0, 1, 3], [1, 2, 4], [], [5]]
    np.testing.assert_allclose(encoder.center_, [4 / 3, 2.5, 0.0, 5.0])
    np.testing.assert_array_equal(encoder.gap_features_, [0, 3])
    expected = [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 1.0, 0.0, 1.0, 1.0],
        [1.0, 0.0, 1.0, 0.5, 0.0, 0.0],
        [1.0, 1.0, 1.0, 1.0, 0.0, 1.0],
    ]
    np.testing.assert_array_equal(encoder.transform(gappy), expected)


def test_a_later_gap_in_a_full_feature_is_taken_at_its_mean(gappy):
    weights = np.array([1.0, 1.0, 1.0, 5.0])
    encoder = PiecewiseLinearEncoder(n_bins=2).fit(gappy, sample_weight=weights)
    assert encoder.center_[1] == pytest.approx(26 / 8)
    row = np.array([[1.0, NAN, NAN, 5.0]])
    at_mean = np.array([[1.0, 26 / 8, 7.0, 5.0]])
    np.testing.assert_allclose(encoder.transform(row), encoder.transform(at_mean), rtol=1e-12)


def test_indicators_follow_the_bins_by_name(gappy):
    frame = pd.DataFrame(gappy, columns=["a", "b", "nothing", "constant"])
    encoder = PiecewiseLinearEncoder(n_bins=2).set_output(transform="pandas").fit(frame)
    bins = ["a_bin0", "a_bin1", "b_bin0", "b_bin1"]
    names = [*bins, "missingindicator_a", "missingindicator_constant"]
    assert list(encoder.transform(frame).columns) == names == list(encoder.get_feature_names_out())


def test_missing_entries_of_frames_are_gaps(gappy):
    expected = PiecewiseLinearEncoder(n_bins=2).fit_transform(gappy[:, :2])
    entries = [[None if np.isnan(x) else x for x in column] for column in gappy[:, :2].T]
    nones = pd.DataFrame({"a": pd.Series(entries[0], dtype=object), "b": entries[1]})
    nullable = pd.DataFrame({"a": entries[0], "b": entries[1]}).astype("Float64")
    for frame in (nones, nullable):
        out = PiecewiseLinearEncoder(n_bins=2).fit_transform(frame)
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_encoding_of_a_row_does_not_depend_on_others(dtype):
    X = np.random.default_rng(3).normal(size=(200, 3)).astype(dtype)
    X[::4, 0] = X[::7, 2] = np.nan
    encoder = PiecewiseLinearEncoder(n_bins=5).fit(X)
    together = encoder.transform(X)
    assert together.dtype == dtype
    alone = np.vstack([encoder.transform(X[i : i + 1]) for i in range(200)])
    np.testing.assert_array_equal(together, alone)
    no_gaps = ~np.isnan(X).any(axis=1)
    np.testing.assert_array_equal(together[no_gaps], encoder.transform(X[no_gaps]))


def test_rows_without_weight_make_no_indicator(gappy):
    weights = np.array([1.0, 0.0, 2.0, 1.0])
    encoder = PiecewiseLinearEncoder(n_bins=2).fit(gappy, sample_weight=weights)
    np.testing.assert_array_equal(encoder.gap_features_, [3])
    row = np.array([[NAN, 1.0, 1.0, 1.0]])
    at_mean = np.array([[1.25, 1.0, 1.0, 1.0]])
    np.testing.assert_array_equal(encoder.transform(row), encoder.transform(at_mean))


def test_infinity_is_no_gap(gappy):
    encoder = PiecewiseLinearEncoder().fit(gappy)
    with pytest.raises(ValueError, match="Input X contains infinity"):
        encoder.transform(np.where(np.isnan(gappy), -np.inf, gappy))


# CrossFittedPredictions --------------------------------------------------------------------------


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 3))
    return X, X[:, 0] + rng.normal(size=90)


def test_no_row_is_predicted_by_a_model_that_saw_it(data):
    X, y = data
    folds = list(KFold(3).split(X))
    memory = KNeighborsRegressor(n_neighbors=1)
    transformer = CrossFittedPredictions([("memory", memory)], cv=folds)
    out = transformer.fit_transform(X, y)
    np.testing.assert_array_equal(out[:, :3], X)
    expected = np.empty(90)
    for train, test in folds:
        expected[test] = clone(memory).fit(X[train], y[train]).predict(X[test])
    np.testing.assert_array_equal(out[:, 3], expected)
    # A row seen in training is repeated by two models of three.
    mean = np.mean([clone(memory).fit(X[train], y[train]).predict(X) for train, _ in folds], axis=0)
    np.testing.assert_allclose(transformer.transform(X)[:, 3], mean)


def test_several_outputs_and_default_regressors(data):
    X, y = data
    transformer = CrossFittedPredictions(cv=2, random_state=0)
    out = transformer.fit_transform(X, np.column_stack([y, -y]))
    names = list(transformer.get_feature_names_out(["a", "b", "c"]))
    prefix = "crossfittedpredictions"  # no column of X has that
    expected = [f"{prefix}_{name}{d}" for name in ("extra_trees", "boosting") for d in (0, 1)]
    assert names == ["a", "b", "c", *expected]
    np.testing.assert_allclose(out[:, 3], -out[:, 4], atol=1e-12)
    assert np.corrcoef(out[:, 5], y)[0, 1] > 0.3
    alone = clone(transformer).set_params(passthrough=False).fit(X, y)
    assert list(alone.get_feature_names_out()) == [f"{prefix}_extra_trees", f"{prefix}_boosting"]
    assert alone.transform(X[:4]).shape == (4, 2)


@pytest.mark.parametrize("unit", [2.0**-660, 2.0**-30, 2.0**30, 2.0**660])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_units_do_not_matter_to_the_default_regressors(data, unit, n_outputs):
    """scikit-learn's trees alone do not split where numbers are small, and refuse large ones."""
    X, y = data
    y = np.column_stack([y, 2.0**-30 * y])[:, :n_outputs]
    two = CrossFittedPredictions(cv=2, passthrough=False, random_state=0)
    expected, own = (clone(two).fit_transform(u * X, u * y) / u for u in (1.0, unit))
    np.testing.assert_allclose(own, expected, rtol=1e-12)
    for d in range(n_outputs):
        columns = [own[:, d], own[:, n_outputs + d]]
        assert all(np.corrcoef(column, y[:, d])[0, 1] > 0.3 for column in columns)
    far = clone(two).fit(X, y).transform(np.full((1, 3), 1e300))
    assert np.isfinite(far).all()


@pytest.mark.parametrize("n_rows", [3, 40_000, 40_500, 400_000, 400_001, 10**7])
def test_forests_of_many_rows_stay_as_large(n_rows):
    """Half as many trees where there are twice as many rows, later leaves of twice as many."""
    forest = tree_regressors(n_rows, 1)[0][1].regressor
    trees, leaf = forest.n_estimators, forest.min_samples_leaf
    assert trees * n_rows <= 4_000_000 * leaf
    assert (trees == 100) == (n_rows <= 40_000)
    assert trees >= 10
    assert leaf == max(1, np.ceil(n_rows / 400_000))
    if 40_000 < n_rows <= 400_000:
        assert trees * n_rows == pytest.approx(4_000_000, rel=0.04)


def test_of_averaged_forests_each_keeps_its_part(data):
    X, y = data
    transformer = CrossFittedPredictions(cv=4, passthrough=False, random_state=0)
    out_of_fold = transformer.fit_transform(X, y)
    assert [len(forest.regressor_.sizes) for forest, _ in transformer.estimators_] == [25] * 4
    means = [[r.predict(X) for r in regressors] for regressors in transformer.estimators_]
    np.testing.assert_allclose(transformer.transform(X), np.mean(means, axis=0).T)
    # Three of the four were fitted on a row, and so come nearer to it than the one that was not.
    errors = np.abs(out_of_fold - y[:, None]).mean(axis=0)
    assert (np.abs(transformer.transform(X) - y[:, None]).mean(axis=0) < errors).all()


def test_the_default_regressors_take_weights_whatever_is_routed(data):
    X, y = data
    weights = np.arange(90) % 3 + 1.0
    two = CrossFittedPredictions(cv=2, random_state=0)
    expected = clone(two).fit_transform(X, np.column_stack([y, -y]), weights)
    with config_context(enable_metadata_routing=True):
        routed = clone(two).fit_transform(X, np.column_stack([y, -y]), weights)
    np.testing.assert_array_equal(routed, expected)
    assert not np.allclose(clone(two).fit_transform(X, np.column_stack([y, -y])), expected)


def test_training_rows_without_any_weight_are_named(data):
    X, y = data
    line = CrossFittedPredictions([("line", LinearRegression())], cv=KFold(2))
    with pytest.raises(ValueError, match=r"sample_weight: expected weight .* none in split 0 of 2"):
        line.fit(X, y, np.arange(90.0) < 45)


def test_weights_reach_the_regressors_that_take_them(data):
    X, y = data
    weights = np.where(np.arange(90) % 2, 1.0, 0.0)
    pair = [("mean", DummyRegressor()), ("near", KNeighborsRegressor(1))]
    transformer = CrossFittedPredictions(pair, cv=KFold(2), passthrough=False)
    out = transformer.fit_transform(X, y, weights)
    odd = np.arange(90) % 2 == 1
    np.testing.assert_allclose(out[:45, 0], y[45:][odd[45:]].mean())


@pytest.mark.parametrize("unit", [1e-3, 1.0, 300.0])
def test_weights_reach_the_regressors_as_they_are(data, unit):
    """The penalty of a ridge regression is in their unit."""
    X, y = data
    weights = unit * (np.arange(90) % 3 + 1.0)
    weights[0] *= 100
    transformer = CrossFittedPredictions([("line", Ridge(50.0))], cv=KFold(2), passthrough=False)
    out = transformer.fit_transform(X, y, weights)
    expected = Ridge(50.0).fit(X[:45], y[:45], weights[:45]).predict(X[45:])
    np.testing.assert_allclose(out[45:, 0], expected)


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_boosting_does_not_know_the_unit_of_weights(data, unit):
    """Its least sum of second derivatives is in this unit."""
    X, y = data
    boosting = StandardizedRegressor(HistGradientBoostingRegressor(min_samples_leaf=5))
    weights = np.arange(90) % 3 + 1.0
    found = clone(boosting).fit(X, y, unit * weights).predict(X)
    np.testing.assert_allclose(found, boosting.fit(X, y, weights).predict(X), rtol=1e-6)


def test_boosting_does_not_see_rows_without_weight(data):
    X, y = data
    weights = np.where(np.arange(90) % 3, 1.0, 0.0)
    boosting = StandardizedRegressor(HistGradientBoostingRegressor(min_samples_leaf=5))
    wild = np.where(weights[:, None] > 0, X, 50.0)
    found = clone(boosting).fit(wild, np.where(weights > 0, y, 1e9), weights).predict(X)
    expected = boosting.fit(X[weights > 0], y[weights > 0]).predict(X)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_same_seed_same_values_whatever_the_number_of_jobs(data):
    X, y = data
    trees = [("trees", ExtraTreesRegressor(5))]
    outs = [
        CrossFittedPredictions(trees, random_state=3, n_jobs=n_jobs).fit_transform(X, y)
        for n_jobs in (1, 2)
    ]
    np.testing.assert_array_equal(*outs)
    other = CrossFittedPredictions(trees, random_state=4).fit_transform(X, y)
    assert not np.array_equal(outs[0], other)


def test_nested_parameters_can_be_searched():
    transformer = CrossFittedPredictions([("near", KNeighborsRegressor())])
    transformer.set_params(near__n_neighbors=7)
    assert transformer.get_params()["near__n_neighbors"] == 7


def test_in_a_pipeline_the_next_step_learns_from_out_of_fold_values(data):
    """On its own training rows a nearest neighbour is perfect: the next step would trust it."""
    X, y = data
    near = CrossFittedPredictions([("near", KNeighborsRegressor(1))], passthrough=False)
    pipeline = make_pipeline(near.set_params(random_state=0), LinearRegression()).fit(X, y)
    naive = KNeighborsRegressor(1).fit(X, y).predict(X)[:, None]
    np.testing.assert_allclose(LinearRegression().fit(naive, y).coef_, 1)
    assert pipeline[-1].coef_[0] < 0.8


def test_folds_that_are_no_partition_are_refused(data):
    X, y = data
    with pytest.raises(ValueError, match="cv: expected test parts that hold each of 90 rows"):
        CrossFittedPredictions(cv=ShuffleSplit(3)).fit(X, y)
    groups = np.repeat([0, 1, 2], 30)
    splits = list(GroupKFold(3).split(X, y, groups))
    line = [("line", LinearRegression())]
    assert CrossFittedPredictions(line, cv=splits).fit_transform(X, y).shape == (90, 4)


@pytest.mark.parametrize(
    "estimators",
    [
        [],
        [("a", LinearRegression()), ("a", LinearRegression())],
        [("a__b", LinearRegression())],
        [1],
    ],
)
def test_bad_estimators_are_named(data, estimators):
    with pytest.raises(ValueError, match="'estimators' parameter must be None or a list of"):
        CrossFittedPredictions(estimators).fit(*data)


class Broken(LinearRegression):
    def predict(self, X):
        raise RuntimeError("no predictions")


def test_a_failing_regressor_leaves_nothing_half_fitted(data):
    transformer = CrossFittedPredictions([("broken", Broken())])
    with pytest.raises(RuntimeError, match="no predictions"):
        transformer.fit(*data)
    assert not [name for name in vars(transformer) if name.endswith("_")]


@pytest.mark.parametrize(("cv", "n_folds"), [(None, 5), (3, 3), (40, 30), (GroupKFold(4), 4)])
def test_groups_stay_together(data, cv, n_folds):
    """Predictions for a row come from models that saw no row of its group."""
    X, _ = data
    groups = np.random.default_rng(0).permutation(np.arange(90) // 3)
    offsets = np.random.default_rng(1).normal(size=30)[groups]
    memory = KNeighborsRegressor(1)
    X = np.column_stack([groups, X])  # the nearest neighbour is of the same group, where it may be
    transformer = CrossFittedPredictions([("memory", memory)], cv=cv, random_state=0)
    out = transformer.fit_transform(100 * X, offsets, groups=groups)[:, -1]
    assert len(transformer.estimators_) == n_folds
    assert not np.any(np.isclose(out, offsets))
    fitted = transformer.fit(100 * X, offsets, groups=groups).transform(100 * X)[:, -1]
    assert np.corrcoef(fitted, offsets)[0, 1] > 0.5


def test_edges_come_from_rows_with_weight():
    X, weights = np.arange(1000.0)[:, None], np.zeros(1000)
    weights[500:503] = 1
    for seed in range(5):
        encoder = PiecewiseLinearEncoder(n_bins=2, subsample=10, random_state=seed)
        encoder.fit(X, sample_weight=weights)
        np.testing.assert_array_equal(encoder.bin_edges_[0], [500, 501, 502])


# Whatever the caller wants of other steps --------------------------------------------------------


def test_repeated_values_fit_and_predict_under_any_configuration():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(0, 9, 60), rng.normal(size=60)]).astype(float)
    y = X[:, 0] ** 2 + X[:, 1]
    expected = RepeatedValues().fit(X, y).predict(X)
    for words in ({"enable_metadata_routing": True}, {"transform_output": "pandas"}):
        with config_context(**words):
            model = RepeatedValues().fit(X, y)
            np.testing.assert_array_equal(model.predict(X), expected)
        np.testing.assert_array_equal(model.predict(X), expected)


def test_regressors_without_weights_are_asked_for_none():
    X = np.random.default_rng(0).normal(size=(40, 2))
    model = StandardizedRegressor(KNeighborsRegressor()).fit(X, X[:, 0])
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame])
def test_predictions_take_no_name_of_a_feature(library):
    rng = np.random.default_rng(0)
    name = "crossfittedpredictions_line"
    X = {"a": rng.normal(size=30), name: rng.normal(size=30), "c": ["u", "v"] * 15}
    y = X["a"] + rng.normal(size=30)
    transformer = CrossFittedPredictions([("line", _OfNumbers())], cv=3, random_state=0)
    found = transformer.fit_transform(library(X), y)
    assert list(found.columns) == ["a", name, "c", f"{name}_2"]
    assert transformer.get_feature_names_out().tolist() == list(found.columns)
    np.testing.assert_array_equal(np.asarray(found[name]), X[name])


class _OfNumbers(LinearRegression):
    """A line in the features that are numbers."""

    def fit(self, X, y):
        return super().fit(np.column_stack([X["a"]]), y)

    def predict(self, X):
        return super().predict(np.column_stack([X["a"]]))
