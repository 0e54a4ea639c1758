"""Features outside the range that they had in training."""

from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
from cases.linear_gaussian import LinearGaussian
from cases.regressor import several_outputs
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmdn import MDNEnsembleRegressor, MDNRegressor
from skmdn._network.preparation import Preparation
from skmdn._network.scaling import value_range
from skmdn._training import outside_line

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
    model = small(encoding=encoding, extrapolation="constant").fit(X, y)
    new = outside(X).astype(dtype)
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
    model.set_params(extrapolation="constant")
    assert model.predict([[1.5]])[0] == model.predict([[1.0]])[0]
    model.set_params(extrapolation="continue")
    assert model.predict([[1.5]])[0] > model.predict([[1.0]])[0] + 1.0


def clipped_scores(X, new):
    z = (new - X.mean(axis=0)) / X.std(axis=0)
    return np.clip(z, -5, 5)


@pytest.mark.parametrize("linear_path", [False, True])
def test_slopes_outside_are_those_of_a_ridge_regression(linear_path):
    X, y = several_outputs(60)
    model = small(linear_path=linear_path).fit(X, y)
    alphas = 60 * np.logspace(-6, 3, 37)  # of sums of squares
    line = RidgeCV(alphas, alpha_per_target=True).fit(clipped_scores(X, X), y)
    np.testing.assert_allclose(model.outside_coef_, line.coef_.T, rtol=1e-6)
    # By cross-validation of one row at a time.
    left = [left_out(line.alpha_[d], clipped_scores(X, X), y[:, d]) for d in range(2)]
    unexplained = np.mean(np.square(left), axis=1) / y.var(axis=0)
    expected = np.minimum(0.5, 1.6 * np.sqrt(unexplained))
    np.testing.assert_allclose(model.outside_doubt_, expected, rtol=1e-6)


def left_out(penalty, Z, y):
    """Residuals of a ridge regression without the row, whose penalty is by all rows."""
    found = np.empty(len(y))
    for i in range(len(y)):
        others = np.arange(len(y)) != i
        found[i] = y[i] - Ridge(penalty).fit(Z[others], y[others]).predict(Z[[i]])[0]
    return found


@pytest.mark.parametrize("linear_path", [False, True])
def test_a_line_that_leaves_nothing_is_not_doubted(linear_path):
    X = np.random.default_rng(0).uniform(-1, 1, size=(60, 3))
    y = 3 + X @ [1.0, -2.0, 0.5]
    model = small(linear_path=linear_path, max_iter=100).fit(X, y)
    assert model.outside_doubt_ < 1e-3
    density = model.predict_proba(2.5 * X)
    found = density.mean() - model.set_params(extrapolation="constant").predict(2.5 * X)
    ends = np.clip(2.5 * X, X.min(axis=0), X.max(axis=0))
    np.testing.assert_allclose(found, (2.5 * X - ends) @ [1.0, -2.0, 0.5], atol=0.01)
    noise = model.set_params(alpha=0.5).fit(X, np.random.default_rng(1).normal(size=60))
    assert noise.outside_doubt_ == 0.5


@pytest.mark.parametrize("linear_path", [False, True])
@pytest.mark.parametrize("D", [1, 2])
def test_a_gap_that_no_row_of_the_fit_had_is_as_uncertain_as_the_line_is_steep(linear_path, D):
    X, y = several_outputs(60)
    X = np.where(np.arange(3) == 2, np.where(np.arange(60)[:, None] % 7 == 0, NAN, X), X)
    model = small(linear_path=linear_path).fit(X, y[:, 0] if D == 1 else y)
    new = X[1:7].copy()
    means = model.X_mean_
    new[0, 0], new[1, :2], new[2, 2] = NAN, NAN, NAN
    full = np.where(np.isnan(new) & (np.arange(3) < 2), means, new)
    found, at_means = model.predict_proba(new), model.predict_proba(full)
    squares = model.outside_coef_**2
    expected = np.zeros((6, D))
    expected[0], expected[1] = squares[0], squares[:2].sum(axis=0)
    np.testing.assert_allclose(
        (found.var() - at_means.var()).reshape(6, D), expected, rtol=1e-7, atol=1e-9
    )
    np.testing.assert_allclose(found.mean(), at_means.mean())


def line_beyond(model, X, new):
    """Change of the line from the ends of the range to the rows."""
    ends = np.clip(new, X.min(axis=0), X.max(axis=0))
    excess = clipped_scores(X, new) - clipped_scores(X, ends)
    return excess @ model.outside_coef_


@pytest.mark.parametrize("covariance_type", ["diag", "spherical", "full"])
@pytest.mark.parametrize("linear_path", [False, True])
@pytest.mark.parametrize("word", ["damped", "linear"])
def test_damped_follows_what_is_not_doubted_of_the_line_and_linear_all(
    covariance_type, linear_path, word
):
    X, y = several_outputs(60)
    model = small(covariance_type=covariance_type, linear_path=linear_path, extrapolation=word)
    model.fit(X, y)
    new = np.vstack([X[:2], 3 * X[:6], [[1e9, -1e9, 0.0]]])
    found = model.predict_proba(new)
    constant = model.set_params(extrapolation="constant").predict_proba(new)
    beyond = line_beyond(model, X, new)
    assert not beyond[:2].any()
    assert (np.abs(beyond[-1]) > 1).all()
    np.testing.assert_allclose(found.weights, constant.weights)
    doubt = model.outside_doubt_
    part = 1 - doubt if word == "damped" else 1
    means = constant.means + (part * beyond)[:, np.newaxis]
    np.testing.assert_allclose(found.means, means, atol=1e-9)
    variances = constant.scales**2 + (2 * doubt * beyond)[:, np.newaxis] ** 2
    np.testing.assert_allclose(found.scales**2, variances, rtol=1e-9)
    if covariance_type == "full":
        kept = [
            each.scale_tril @ np.swapaxes(each.scale_tril, 2, 3) / outer(each.scales)
            for each in (found, constant)
        ]
        np.testing.assert_allclose(*kept, atol=1e-9)  # the correlations


def random_walk(n):
    """A series by its two last values, and n / 3 rows of what comes later."""
    y = np.cumsum(np.random.default_rng(0).normal(0.2, 1.0, size=n + n // 3 + 2))
    X = np.column_stack([y[1:-1], y[:-2]])
    return X[:n], y[2 : n + 2], X[n:], y[n + 2 :]


@pytest.mark.parametrize(("n", "split"), [(60, "shuffled"), (200, "blocks")])
def test_a_series_follows_the_line_and_other_rows_a_part_of_it(judges, n, split):
    X, y, later, _ = random_walk(n)
    series = small().fit(X, y)
    assert (series.validation_split_, series.extrapolation_) == (split, "linear")
    order = np.random.default_rng(0).permutation(n)
    mixed = small().fit(X[order], y[order])
    assert (mixed.validation_split_, mixed.extrapolation_) == ("shuffled", "damped")
    for model, word in ((series, "linear"), (mixed, "damped")):
        found = model.predict_proba(later)
        assert found == clone_of(model, word).predict_proba(later)
        assert found != clone_of(model, "constant").predict_proba(later)


def test_rows_sorted_by_the_target_may_be_a_series_that_grows():
    X, y, _, _ = random_walk(60)
    order = np.argsort(y)
    model = small().fit(X[order], y[order])
    assert (model.validation_split_, model.extrapolation_) == ("shuffled", "linear")


def clone_of(model, word):
    """The fitted model with another word."""
    return deepcopy(model).set_params(extrapolation=word)


@pytest.mark.parametrize(
    ("options", "of_fit", "expected"),
    [
        ({}, {}, "linear"),
        ({"validation_split": "last"}, {}, "linear"),
        ({"validation_split": "blocks"}, {}, "linear"),
        ({"validation_split": "shuffled"}, {}, "damped"),
        ({"validation_split": KFold(3)}, {}, "damped"),
        ({"validation_fraction": None}, {}, "damped"),
        ({"extrapolation": "damped"}, {}, "damped"),
        ({"extrapolation": "constant", "validation_split": "last"}, {}, "constant"),
        ({}, {"groups": np.arange(90) // 9}, "damped"),
        ({}, {"X_val": np.zeros((2, 2)), "y_val": np.zeros(2)}, "damped"),
    ],
)
@pytest.mark.filterwarnings("ignore:Residuals of held-out rows go together")
def test_auto_goes_by_what_the_user_says_of_the_order(options, of_fit, expected):
    X, y, _, _ = random_walk(90)
    assert small(**options).fit(X, y, **of_fit).extrapolation_ == expected
    order = np.random.default_rng(0).permutation(90)
    if options.get("validation_split") in ("last", "blocks"):
        assert small(**options).fit(X[order], y[order]).extrapolation_ == expected


def test_what_auto_found_stays_in_calls_that_go_on():
    X, y, later, y_later = random_walk(90)
    model = small(warm_start=True).fit(X, y)
    for _ in range(2):
        assert model.extrapolation_ == "linear"
        model.fit(X, y)
    assert model.partial_fit(later, y_later).extrapolation_ == "linear"
    assert small().partial_fit(X, y).extrapolation_ == "damped"
    # A word that is set counts, and is what later calls with "auto" go on with.
    assert model.set_params(extrapolation="damped").fit(X, y).extrapolation_ == "damped"
    assert model.set_params(extrapolation="auto").fit(X, y).extrapolation_ == "damped"


@pytest.mark.parametrize("method", ["fit", "partial_fit", "_chosen_target_transform"])
def test_networks_are_never_told_auto(method, monkeypatch):
    """Not even those that only choose a map: they would go on in another way than the fit."""
    words, of = [], Preparation.of

    def spy(*arguments, extrapolation, **others):
        words.append(extrapolation)
        return of(*arguments, extrapolation=extrapolation, **others)

    monkeypatch.setattr(Preparation, "of", spy)
    X, y, _, _ = random_walk(60)
    transform = "log" if method == "partial_fit" else "auto"
    getattr(small(target_transform=transform), method)(X, np.exp(0.1 * y))
    assert set(words) == {"damped"}


def test_members_of_a_series_follow_the_line_too():
    X, y, _, _ = random_walk(200)
    views = [
        ("network", small()),
        ("own word", small(extrapolation="constant")),
        ("pipeline", make_pipeline(StandardScaler(), small())),
        ("line", LinearGaussian()),
    ]
    words = {}
    for rows in (np.arange(200), np.random.default_rng(0).permutation(200)):
        model = MDNEnsembleRegressor(views, cv=3, random_state=0).fit(X[rows], y[rows])
        networks = model.estimators_[0] + model.estimators_[1]
        networks += [pipeline[-1] for pipeline in model.estimators_[2]]
        words[model.folds_] = [network.extrapolation_ for network in networks]
    assert words["blocks"] == 3 * ["linear"] + 3 * ["constant"] + 3 * ["linear"]
    assert words["shuffled"] == 3 * ["damped"] + 3 * ["constant"] + 3 * ["damped"]
    model = MDNEnsembleRegressor([("network", small())], cv=3, random_state=0).fit(X[:60], y[:60])
    assert (model.folds_, model.taught_estimator_.extrapolation_) == ("shuffled", "linear")


def outer(scales):
    return scales[..., np.newaxis] * scales[..., np.newaxis, :]


def test_rows_to_come_are_expected_where_a_line_goes():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (300, 2))
    y = 2 * X[:, 0] + 0.1 * rng.normal(size=300)
    model = small(max_iter=60).fit(X, y)
    near, far = np.array([[1.1, 0.0]]), np.array([[2.0, 0.0]])
    for new in (near, far):
        damped = model.set_params(extrapolation="damped").predict_proba(new)
        constant = model.set_params(extrapolation="constant").predict_proba(new)
        truth = 2 * new[0, 0]
        assert np.abs(damped.mean() - truth) < np.abs(constant.mean() - truth)
        assert damped.std() > constant.std()
        assert 0.05 < damped.cdf(np.array([truth]))[0] < 0.95
    # What has no slope says nothing of where it goes.
    sideways = np.array([[0.0, 2.0]])
    damped = model.set_params(extrapolation="damped").predict_proba(sideways)
    assert damped.std() < 2 * model.predict_proba([[0.0, 0.0]]).std()


def test_slopes_outside_stay_those_of_the_fit_in_new_units(data):
    X, y = data
    model = small(warm_start=True).fit(X, y)
    new = np.array([[2.0, 0.0, 0.0], [0.0, -3.0, 4.0]])
    before = model.outside_coef_ / model.X_scale_[:, np.newaxis]
    model.fit(X, y)
    np.testing.assert_array_equal(model.outside_coef_ / model.X_scale_[:, np.newaxis], before)
    model.partial_fit(1.5 * X, y)
    after = model.outside_coef_ / model.X_scale_[:, np.newaxis]
    assert not np.array_equal(model.X_scale_, small().fit(X, y).X_scale_)
    # What is cut off in both units is no linear function of the other.
    np.testing.assert_allclose(after, before, rtol=0.05)
    assert np.isfinite(model.predict_proba(new).std()).all()


def test_without_slopes_damped_is_constant(data):
    X, y = data
    for model in (
        small().partial_fit(X, y),
        small().fit(X, np.ones(len(y))),
        small().fit(pd.DataFrame({"a": np.where(X[:, 2] > 0, "x", "y")}), y),
    ):
        assert model.outside_coef_ is None
    model = small().partial_fit(X, y)
    new = outside(X)
    assert model.predict_proba(new) == (
        model.set_params(extrapolation="constant").predict_proba(new)
    )


def test_too_many_inputs_have_no_slopes_outside(data, monkeypatch):
    X, y = data
    monkeypatch.setattr(outside_line, "_MAX_INPUTS", 3)
    assert small().fit(X, y).outside_coef_ is None  # three features, and where one has gaps
    monkeypatch.setattr(outside_line, "_MAX_INPUTS", 4)
    assert small().fit(X, y).outside_coef_.shape == (3, 1)
    # Few rows of many inputs take no time.
    monkeypatch.setattr(outside_line, "_MAX_INPUTS", 3)
    assert small(validation_fraction=None).fit(X[:3], y[:3]).outside_coef_.shape == (3, 1)


def test_many_rows_have_slopes_of_some(monkeypatch):
    X, y = several_outputs(300)
    every = small().fit(X, y).outside_coef_
    monkeypatch.setattr(outside_line, "_MAX_ROWS", 100)
    some = small().fit(X, y).outside_coef_
    assert not np.array_equal(some, every)
    np.testing.assert_allclose(some, every, atol=0.2)


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


@pytest.mark.parametrize("linear_path", [False, True])
def test_validation_data_outside_the_range_calibrate_what_is_predicted_there(linear_path):
    """A line that goes on by half: without that, the factor would be several times as large."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (200, 1))
    y = X[:, 0] + 0.1 * rng.normal(size=200)
    X_val = rng.uniform(1.5, 2, (40, 1))
    y_val = X_val[:, 0] + 0.1 * rng.normal(size=40)
    damped, constant = (
        small(extrapolation=word, linear_path=linear_path).fit(X, y, X_val=X_val, y_val=y_val)
        for word in ("damped", "constant")
    )
    spreads = [model.predict_proba([[0.0]]).std()[0] for model in (damped, constant)]
    assert 0.05 < spreads[0] < 0.5 * spreads[1]
