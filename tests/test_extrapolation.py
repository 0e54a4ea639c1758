"""Features outside the range that they had in training."""

import numpy as np
import pandas as pd
import pytest

from skmdn import MDNRegressor
from skmdn._network.scaling import value_range

NAN = np.nan


def small(**options):
    settings = {"n_components": 2, "hidden_layer_sizes": (8,), "n_bins": 4, "max_iter": 10}
    return MDNRegressor(random_state=0, **settings | options)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (80, 3))
    X[:10, 1] = NAN
    return X, np.nan_to_num(X[:, 0] + X[:, 1]) + 0.1 * rng.normal(size=80)


def outside(X):
    """Rows on both sides of the range, and one with a gap."""
    return np.array([[2.0, -7.0, 0.0], [-1e9, 0.5, 1e9], [0.1, NAN, 5.0], *X[:3]])


@pytest.mark.parametrize("encoding", ["piecewise", None])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_feature_is_taken_at_the_end_of_its_range(data, encoding, dtype):
    X, y = data[0].astype(dtype), data[1]
    model, new = small(encoding=encoding).fit(X, y), outside(X).astype(dtype)
    inside = np.clip(new, np.nanmin(X, axis=0), np.nanmax(X, axis=0))
    assert not np.array_equal(new, inside, equal_nan=True)
    assert model.predict_proba(new) == model.predict_proba(inside)


def test_continue_lets_the_network_go_on(data):
    X, y = data
    constant, going_on = (small(extrapolation=word).fit(X, y) for word in ("constant", "continue"))
    for W, other in zip(constant.coefs_, going_on.coefs_, strict=True):
        np.testing.assert_array_equal(W, other)
    assert constant.predict_proba(X) == going_on.predict_proba(X)
    new = outside(X)
    assert constant.predict_proba(new) != going_on.predict_proba(new)
    # It is asked at prediction, so a fitted model can be tried both ways.
    assert constant.set_params(extrapolation="continue").predict_proba(new) == (
        going_on.predict_proba(new)
    )


def test_continue_follows_a_line_beyond_the_data():
    X = np.linspace(-1, 1, 200)[:, None]
    words = {"hidden_layer_sizes": (), "encoding": None, "n_components": 1, "max_iter": 100}
    model = MDNRegressor(random_state=0, alpha=0.0, **words).fit(X, 3 * X[:, 0])
    assert model.predict([[1.5]])[0] == model.predict([[1.0]])[0]
    model.set_params(extrapolation="continue")
    assert model.predict([[1.5]])[0] > model.predict([[1.0]])[0] + 1.0


def test_the_range_is_that_of_rows_with_weight(data):
    X, y = data
    weights = np.ones(len(X))
    weights[np.nanargmax(X[:, 0])], weights[np.nanargmin(X[:, 1])] = 0.0, 1e-9
    model = small().fit(X, y, weights)
    np.testing.assert_array_equal(model.X_min_, np.nanmin(X[weights > 0.5], axis=0))
    np.testing.assert_array_equal(model.X_max_, np.nanmax(X[weights > 0.5], axis=0))


def test_categories_have_no_range_and_an_empty_column_no_influence(data):
    X, y = data
    frame = pd.DataFrame({"a": X[:, 0], "b": np.where(X[:, 2] > 0, "x", "y"), "c": NAN})
    model = small().fit(frame, y)
    assert (model.X_min_[1], model.X_max_[1]) == (-np.inf, np.inf)
    other = frame.assign(c=1e6)
    assert model.predict_proba(frame) == model.predict_proba(other)


def test_parts_and_further_calls_widen_the_range(data):
    X, y = data
    model = small().partial_fit(X, y).partial_fit(2 * X, y)
    np.testing.assert_array_equal(model.X_max_, 2 * np.nanmax(X, axis=0))
    model = small(warm_start=True).fit(X, y).fit(3 * X, y)
    np.testing.assert_array_equal(model.X_min_, 3 * np.nanmin(X, axis=0))


def test_a_column_that_first_has_cells_in_a_later_part_gets_its_range(data):
    X, y = data
    first = X.copy()
    first[:, 2] = NAN
    model = small().partial_fit(first, y).partial_fit(X, y)
    assert (model.X_min_[2], model.X_max_[2]) == (X[:, 2].min(), X[:, 2].max())


@pytest.mark.parametrize("order", ["C", "F"])
def test_value_range_in_blocks(order):
    rng = np.random.default_rng(1)
    values = rng.normal(size=(70_000, 3))
    values[rng.random(values.shape) < 0.1] = NAN
    values = np.asarray(values, order=order)
    weights = rng.integers(0, 2, len(values)).astype(float)
    low, high = value_range(values, None)
    np.testing.assert_array_equal(low, np.nanmin(values, axis=0))
    np.testing.assert_array_equal(high, np.nanmax(values, axis=0))
    low, high = value_range(values, weights)
    np.testing.assert_array_equal(low, np.nanmin(values[weights > 0], axis=0))
    np.testing.assert_array_equal(high, np.nanmax(values[weights > 0], axis=0))


def test_a_column_without_any_cell_has_an_empty_range():
    low, high = value_range(np.full((5, 1), NAN), None)
    assert (low[0], high[0]) == (np.inf, -np.inf)
