"""The line beside the network."""

import numpy as np
import pandas as pd
import pytest
from cases.regressor import linear_rows, several_outputs, short
from sklearn.linear_model import Ridge

from skmdn import MDNRegressor
from skmdn._estimators.observations import Observations
from skmdn._network import linear_path
from skmdn._network.linear_path import best_line, fitted_line, linear_inputs
from skmdn._predictor import Predictor
from skmdn._training.beginning import fresh_beginning
from skmdn._training.residual_targets import less_line
from skmdn._training.settings import Settings

# With all rows training, the residuals are all that a network with a line differs in.
ALL_TRAIN = {"validation_fraction": None, "linear_path": True}


def rows(n=40, q=5, D=2, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, q))
    X[:, :5] *= [1, 10, 0.1, 1, 1]
    X[:, 4] = X[:, 3]  # the design has less than full rank
    y = X[:, :2] @ rng.normal(size=(2, D)) + rng.normal(size=(n, D))
    return X, y, rng.uniform(0.2, 2, n)


def ridge(penalty, X, y, w, total=None):
    """scikit-learn's regression; its penalty is of sums, not of means."""
    return Ridge(alpha=penalty * (w.sum() if total is None else total)).fit(X, y, w)


def left_out(penalty, X, y, w):
    """Residuals of the rows, each from a line through all others."""
    found = np.empty(len(y))
    for i in range(len(y)):
        others = np.arange(len(y)) != i
        line = ridge(penalty, X[others], y[others], w[others], w.sum())
        found[i] = y[i] - line.predict(X[[i]])[0]
    return found


def test_the_line_is_a_ridge_regression():
    X, y, w = rows()
    line = fitted_line(X, y, w)
    for d in range(2):
        expected = ridge(line.penalty[d], X, y[:, d], w)
        np.testing.assert_allclose(line.values(X)[:, d], expected.predict(X), atol=1e-9)


def test_more_inputs_than_rows():
    X, y, w = rows(n=12, q=30)
    line = fitted_line(X, y, w)
    for d in range(2):
        expected = ridge(line.penalty[d], X, y[:, d], w)
        np.testing.assert_allclose(line.values(X)[:, d], expected.predict(X), atol=1e-9)
        np.testing.assert_allclose(line.coef[:, d], expected.coef_, atol=1e-8)
        found, expected = line.residuals(X, y, w), left_out(line.penalty[d], X, y[:, d], w)
        np.testing.assert_allclose(found[:, d], expected, rtol=1e-5)


def test_residuals_are_those_of_rows_left_out():
    X, y, w = rows()
    line = fitted_line(X, y, w)
    found = line.residuals(X, y, w)
    for d in range(2):
        expected = left_out(line.penalty[d], X, y[:, d], w)
        np.testing.assert_allclose(found[:, d], expected, rtol=1e-8, atol=1e-10)


def test_a_straight_relation_has_a_straight_line():
    """What a network's soft clip bends, a line cannot unbend."""
    X = np.random.default_rng(0).normal(size=(60, 3)) * [1, 10, 0.1]
    slopes = np.array([1.0, -0.3, 5.0])
    model = short(**ALL_TRAIN).fit(X, 2 + X @ slopes)
    np.testing.assert_allclose(model.linear_coef_[:, 0] / model.X_scale_, slopes, rtol=1e-4)
    far = X.copy()
    far[0, 0] = 1e6  # a single wild cell is no lever
    leverage = short(**ALL_TRAIN).fit(far, X[:, 1]).linear_coef_[:, 0]
    np.testing.assert_allclose(leverage[1], model.X_scale_[1], rtol=1e-3)


def test_the_penalty_predicts_rows_left_out_best():
    X, y, w = rows(n=25)
    errors = [
        [np.average(left_out(penalty, X, y[:, d], w) ** 2, weights=w) for d in range(2)]
        for penalty in linear_path._PENALTIES
    ]
    best = linear_path._PENALTIES[np.argmin(errors, axis=0)]
    np.testing.assert_array_equal(fitted_line(X, y, w).penalty, best)


def test_without_a_relation_there_is_hardly_a_line():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 3)), rng.normal(size=(200, 1))
    line = fitted_line(X, y, np.ones(200))
    assert np.std(line.values(X)) < 0.15


def test_leverage_is_the_share_of_its_own_target_in_a_fitted_value():
    """The slope of the fitted value in the row's target; without the part of the intercept."""
    X, y, _ = rows(n=30, D=1)
    w = np.ones(30)
    line = fitted_line(X, y, w)
    scores = X @ line.leverage[:-1] + line.leverage[-1]
    moved = y.copy()
    moved[4] += 1.0
    before, after = (ridge(line.penalty[0], X, each, w).predict(X).ravel() for each in (y, moved))
    assert np.sum(scores[4] ** 2) == pytest.approx((after - before)[4] - 1 / 30, rel=1e-8)
    assert np.mean(np.sum(scores**2, axis=1)) == pytest.approx(line.mean_leverage)


def test_spreads_grow_with_leverage_away_from_the_rows():
    X, y, w = rows(n=30, D=1)
    line = fitted_line(X, y, w)
    near, far = line.widening(np.vstack([X.mean(axis=0), X.mean(axis=0) + 50]))
    assert near == 1.0
    assert far > 5
    assert np.mean(line.widening(X)) < 1.1


@pytest.mark.parametrize("n", [2, 5])
def test_fewer_rows_than_inputs(n):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n, 8)), rng.normal(size=(n, 1))
    line = fitted_line(X, y, np.ones(n))
    assert np.isfinite(line.values(X)).all()
    assert np.isfinite(line.residuals(X, y, np.ones(n))).all()


def component_scales(density):
    """Standard deviations ``(n, K, D)``."""
    if density.covariance_type == "diag":
        return density.scales
    return np.sqrt(np.sum(density.scale_tril**2, axis=3))


# The estimator -----------------------------------------------------------------------------------


@pytest.mark.parametrize("covariance_type", ["diag", "full"])
def test_the_network_learns_the_residuals_of_rows_left_out(covariance_type):
    X, y = several_outputs(60)
    model = short(covariance_type=covariance_type, **ALL_TRAIN).fit(X, y)
    inputs = linear_inputs(Predictor.of(model).preparation, X, model.line_limit_)
    residuals = np.column_stack(
        [left_out(model.linear_penalty_[d], inputs, y[:, d], np.ones(60)) for d in range(2)]
    )
    network = short(covariance_type=covariance_type, **ALL_TRAIN | {"linear_path": False})
    expected, found = network.fit(X, residuals).predict_proba(X[:7]), model.predict_proba(X[:7])
    shifts = inputs[:7] @ model.linear_coef_ + model.linear_intercept_
    np.testing.assert_allclose(found.mean(), expected.mean() + shifts, atol=1e-3)
    factors = Predictor.of(model).line.widening(inputs[:7])[:, np.newaxis, np.newaxis]
    ratios = component_scales(found) / component_scales(expected)
    np.testing.assert_allclose(ratios, np.broadcast_to(factors, ratios.shape), rtol=1e-3)
    np.testing.assert_allclose(model.y_scale_, residuals.std(axis=0), rtol=1e-8)


def test_a_line_with_a_decayed_network_predicts_as_well_as_the_truth():
    X, y = linear_rows(40)
    X_new, y_new = linear_rows(2000, seed=1)
    options = {"alpha": 100.0, "encoding": None, "n_components": 1, "extrapolation": "continue"}
    density = (
        MDNRegressor(linear_path=True, random_state=0, **options).fit(X, y).predict_proba(X_new)
    )
    truth = -0.5 * np.log(2 * np.pi * np.e * 0.3**2)
    assert density.logpdf(y_new).mean() > truth - 0.3
    low, high = density.interval(0.9).T
    assert 0.8 < np.mean((low <= y_new) & (y_new <= high)) < 0.99


def test_the_answer_for_a_row_does_not_depend_on_others():
    X, y = several_outputs(60)
    model = short(linear_path=True).fit(X, y)
    together = model.predict_proba(X)
    for i in (0, 59):
        assert model.predict_proba(X[[i]]) == together[[i]]


def test_rows_without_weight_take_no_part():
    X, y = linear_rows(60)
    weights = np.ones(60)
    weights[::4] = 0.0
    kept = weights > 0
    wild = np.where(kept, y, 1e6)
    model = short(linear_path=True).fit(X, wild, weights)
    expected = short(linear_path=True).fit(X[kept], y[kept])
    np.testing.assert_allclose(model.linear_coef_, expected.linear_coef_, rtol=1e-8)


def test_gaps_categories_a_map_and_atoms():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=120), "b": rng.choice(["u", "v", "w"], 120)})
    y = np.exp(X["a"] + (X["b"] == "u") + 0.2 * rng.normal(size=120))
    y[::6] = 0.0
    X.loc[::5, "a"] = np.nan
    model = short(linear_path=True, target_transform="log", target_atoms=[0], max_iter=30)
    density = model.fit(X, y).predict_proba(X)
    assert model.linear_coef_.shape == (1 + 1 + len(model.category_shares_[1]), 1)
    assert np.isfinite(density.logpdf(y)).all()
    # The line is in the logarithm, which grows with a.
    assert model.linear_coef_[0, 0] > 0.3


def test_rows_of_another_part_do_not_set_the_scale_of_residuals():
    X, y = linear_rows()
    data = Observations.of(X, 1e4 + y[:, None], None)
    part = np.arange(len(y) // 2)
    settings = Settings.of(short(linear_path=True))
    starts = [
        fresh_beginning(settings, some, np.random.default_rng(0)).start.preparation
        for some in (data.select(part), Observations.of(X[part], data.y[part], None))
    ]
    np.testing.assert_allclose(starts[0].y_scale, starts[1].y_scale, rtol=0.1)
    assert starts[0].y_scale < y.std()


def test_validation_data_of_its_own():
    X, y = linear_rows(60)
    X_val, y_val = linear_rows(500, seed=1)
    model = short(linear_path=True, max_iter=30).fit(X, y, X_val=X_val, y_val=y_val)
    assert model.predict_proba(X_val).logpdf(y_val).mean() > -1.5


def test_a_constant_target_has_no_line():
    X, _ = linear_rows(30)
    model = short(linear_path=True).fit(X, np.full(30, 2.0))
    assert model.linear_coef_ is None
    assert np.isfinite(model.predict(X)).all()


def test_going_on_keeps_the_line():
    X, y = linear_rows(60)
    model = short(linear_path=True, warm_start=True).fit(X, y)
    coef = model.linear_coef_
    model.fit(X, y)
    np.testing.assert_array_equal(model.linear_coef_, coef)
    before, spread_before = model.predict(X), model.predict_proba(X).std()
    model.learning_rate_init = 1e-9
    model.partial_fit(X[:10] * 1.5, y[:10])  # other scales of the inputs
    assert not np.array_equal(model.linear_coef_, coef)
    spread = model.predict_proba(X).std()
    np.testing.assert_allclose(model.predict(X), before, atol=0.15 * y.std())
    np.testing.assert_allclose(spread, spread_before, rtol=0.3)


@pytest.mark.filterwarnings("ignore:warm_start")
def test_going_on_with_categories_keeps_the_line():
    """Their means by fold are those of a training, not of a fitted network."""
    X, y = linear_rows(60)
    place = np.random.default_rng(0).integers(20, size=60)
    frame = pd.DataFrame({"x": X[:, 0], "place": [f"p{i}" for i in place]})
    model = short(linear_path=True, warm_start=True).fit(frame, y)
    assert model.category_means_ is not None
    assert any(means is not None for means in model.category_means_)
    coef = model.linear_coef_
    model.fit(frame, y)
    np.testing.assert_array_equal(model.linear_coef_, coef)
    model.fit(frame[:30], y[:30])


@pytest.mark.filterwarnings("ignore:warm_start")
def test_rows_that_the_line_has_not_seen_are_not_left_out_of_it(monkeypatch):
    """Residuals of a few other rows would be far too large."""
    told = []

    def spied(*args, left_out):
        told.append(left_out)
        return less_line(*args, left_out=left_out)

    monkeypatch.setattr("skmdn._training.beginning.less_line", spied)
    X, y = linear_rows(60)
    model = short(linear_path=True, warm_start=True).fit(X, y)
    told.clear()
    model.fit(X, y).fit(X, y).fit(X[:12], y[:12]).partial_fit(X, y)
    assert told == [True, True, False, False]


@pytest.mark.filterwarnings("ignore:warm_start")
def test_a_word_for_a_line_may_stay_where_there_was_none_to_fit():
    X, y = linear_rows(60)
    model = short(linear_path=True, warm_start=True).fit(X, np.ones(60))
    assert model.fit(X, y).linear_coef_ is None


@pytest.mark.parametrize("word", ["auto", True, False])
def test_parts_fit_no_line(word):
    X, y = linear_rows(60)
    model = short(linear_path=word)
    for _ in range(2):
        assert model.partial_fit(X, y).linear_coef_ is None


@pytest.mark.parametrize("before", [True, False])
def test_going_on_with_another_word_is_refused(before):
    X, y = linear_rows(60)
    model = short(linear_path=before, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="linear_path must stay"):
        model.set_params(linear_path=not before).fit(X, y)
    model.set_params(linear_path="auto").fit(X, y)
    assert (model.linear_coef_ is not None) == before


def test_many_rows_fit_the_line_to_some(monkeypatch):
    from skmdn._training import residual_targets

    X, y = linear_rows(300)
    every = short(linear_path=True).fit(X, y).linear_coef_
    monkeypatch.setattr(residual_targets, "_MAX_ROWS", 100)
    monkeypatch.setattr(residual_targets, "_CHUNK_ROWS", 70)
    model = short(linear_path=True).fit(X, y)
    np.testing.assert_allclose(model.linear_coef_, every, atol=0.1)
    assert not np.array_equal(model.linear_coef_, every)
    assert model.y_scale_[0] == pytest.approx(0.3, rel=0.2)


@pytest.mark.parametrize("seed", range(3))
def test_a_line_in_a_skewed_feature_goes_on_far_out(seed):
    rng = np.random.default_rng(seed)
    z = np.exp(1.5 * rng.normal(size=(300, 1)))
    z = (z - z.mean()) / z.std()
    y = 2 * z + 0.1 * rng.normal(size=z.shape)
    found, residuals = best_line(lambda limit: np.clip(z, -limit, limit), y, np.ones(300))
    assert found.limit == 20
    np.testing.assert_allclose(residuals, found.residuals(z, y, np.ones(300)))
    np.testing.assert_allclose(found.coef, 2, rtol=0.05)


@pytest.mark.parametrize("unit", [1e-200, 1.0, 1e200])
def test_a_value_far_out_does_not_turn_the_line(unit):
    rng = np.random.default_rng(0)
    z = rng.normal(size=(300, 1))
    y = unit * (z + 0.1 * rng.normal(size=z.shape))
    z[7] = 15.0
    found, _ = best_line(lambda limit: np.clip(z, -limit, limit), y, np.ones(300))
    assert found.limit == 5


def test_where_nothing_is_far_out_lines_are_the_same():
    rng = np.random.default_rng(0)
    z, y = rng.uniform(-3, 3, (60, 2)), rng.normal(size=(60, 1))
    found, _ = best_line(lambda limit: np.clip(z, -limit, limit), y, np.ones(60))
    expected = fitted_line(z, y, np.ones(60))
    assert found.limit == 5
    np.testing.assert_array_equal(found.coef, expected.coef)
