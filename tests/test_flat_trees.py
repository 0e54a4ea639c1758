"""Trees as plain arrays, beside the trees of scikit-learn that they are made of."""

import pickle

import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression

from skmdn.preprocessing import CrossFittedPredictions, FlatTrees, StandardizedRegressor
from skmdn.preprocessing.flat_trees import flat_boosting, flat_forest

# With and without masks of leaves, and one row.
ROWS = [1, 60, 700]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(700, 4))
    # Values that single precision holds, so that sums of leaves are exact.
    return X, np.round(4 * (np.sin(3 * X[:, 0]) + X[:, 1] * X[:, 2]))


def with_gaps(X):
    gaps = X.copy()
    gaps[::3, 1] = gaps[::5, 3] = np.nan
    return gaps


def thresholds_of(forest):
    return np.concatenate(
        [tree.tree_.threshold[tree.tree_.feature == 0] for tree in forest.estimators_]
    )


@pytest.mark.parametrize("gaps_in_fit", [False, True])
@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("kind", [ExtraTreesRegressor, RandomForestRegressor])
def test_forests_predict_the_same(data, kind, gaps, gaps_in_fit):
    X, y = data
    targets = np.column_stack([y, y[::-1]])
    forest = kind(8, random_state=0).fit(with_gaps(X) if gaps_in_fit else X, targets)
    rows = with_gaps(X) if gaps else X
    flat = flat_forest(forest)
    assert isinstance(flat, FlatTrees)
    np.testing.assert_allclose(flat.predict(rows), forest.predict(rows), rtol=1e-6, atol=1e-6)


def test_single_precision_parts_rows_at_a_threshold_as_double_precision_does(data):
    X, y = data
    forest = ExtraTreesRegressor(20, random_state=0).fit(X, y)
    at = thresholds_of(forest).astype(np.float32)
    close = np.concatenate([np.nextafter(at, np.float32(side)) for side in (-9, 9)] + [at])
    rows = np.zeros((len(close), 4), np.float32)
    rows[:, 0] = close
    np.testing.assert_array_equal(flat_forest(forest).predict(rows), forest.predict(rows))


@pytest.mark.parametrize("gaps_in_fit", [False, True])
@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("n_rows", ROWS)
@pytest.mark.parametrize("n_leaves", [4, 63, 64, 65])
def test_boosting_predicts_the_same_bits(data, n_leaves, n_rows, gaps, gaps_in_fit):
    X, y = data
    words = {"max_leaf_nodes": n_leaves, "min_samples_leaf": 3, "max_iter": 12}
    boosting = HistGradientBoostingRegressor(**words).fit(with_gaps(X) if gaps_in_fit else X, y)
    flat, rows = flat_boosting(boosting), (with_gaps(X) if gaps else X)[:n_rows]
    assert isinstance(flat, FlatTrees)
    assert flat.sizes.max() == 2 * n_leaves - 1
    np.testing.assert_array_equal(flat.predict(rows), boosting.predict(rows))


def test_splits_of_gaps_from_everything_else():
    """The threshold of such a split is infinite."""
    one = np.where(np.arange(700) % 2, np.nan, 1.0)[:, np.newaxis]
    y = 1.0 * np.isnan(one[:, 0])
    boosting = HistGradientBoostingRegressor(max_iter=2).fit(one, y)
    rows = np.array([[np.nan], [1e30], [-1e30], [1.0]])
    np.testing.assert_array_equal(flat_boosting(boosting).predict(rows), boosting.predict(rows))
    forest = RandomForestRegressor(4, bootstrap=False).fit(one, y)
    np.testing.assert_array_equal(flat_forest(forest).predict(rows), forest.predict(rows))


def test_trees_of_a_constant_target():
    X = np.arange(6.0)[:, np.newaxis]
    forest = ExtraTreesRegressor(3).fit(X, np.full(6, 2.5))
    np.testing.assert_array_equal(flat_forest(forest).predict(X), np.full(6, 2.5))
    boosting = HistGradientBoostingRegressor(max_iter=3).fit(X, np.full(6, 2.5))
    many = np.arange(1000.0)[:, np.newaxis]
    np.testing.assert_array_equal(flat_boosting(boosting).predict(many), np.full(1000, 2.5))


def test_boosting_with_categories_stays_itself():
    X = np.arange(60.0).reshape(-1, 1) % 3
    boosting = HistGradientBoostingRegressor(categorical_features=[0]).fit(X, X[:, 0])
    assert flat_boosting(boosting) is boosting


def test_boosting_that_is_kept_in_another_way_stays_itself(data):
    X, y = data
    boosting = HistGradientBoostingRegressor(max_iter=3).fit(X, y)
    boosting._baseline_prediction = boosting._baseline_prediction + 1.0
    expected = boosting.predict(X)
    np.testing.assert_array_equal(flat_boosting(boosting).predict(X), expected)
    boosting.predict = lambda X: np.zeros(len(X))
    assert flat_boosting(boosting) is boosting


@pytest.mark.parametrize("gaps", [False, True])
def test_a_row_alone_has_the_bits_that_it_has_among_many(data, gaps):
    X, y = data
    rows = with_gaps(X) if gaps else X
    transformer = CrossFittedPredictions(cv=9, random_state=0).fit(rows, y)
    every = transformer.transform(rows)
    for i in range(0, 700, 41):
        np.testing.assert_array_equal(transformer.transform(rows[i : i + 1])[0], every[i])


def test_pickles_are_small_and_predict_the_same_bits(data):
    X, y = data
    forest = ExtraTreesRegressor(20, random_state=0).fit(X, y)
    flat = flat_forest(forest)
    written = pickle.dumps(flat)
    assert len(written) < len(pickle.dumps(forest)) / 8
    np.testing.assert_array_equal(pickle.loads(written).predict(X), flat.predict(X))


def test_other_regressors_stay_what_they_are(data):
    X, y = data
    line = StandardizedRegressor(LinearRegression()).fit(X, y)
    fitted = line.regressor_
    line.flatten()
    assert line.regressor_ is fitted
