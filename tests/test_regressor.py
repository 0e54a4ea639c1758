"""MDNRegressor: what it learns, against truths known in closed form."""

import math
from importlib import import_module

import numpy as np
import pytest
from cases.regressor import (
    MAXIMUM_LIKELIHOOD,
    linear_rows,
    mean_log_likelihood,
    several_outputs,
    short,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from skmdn import MDNRegressor, Mixture
from skmdn._engine.initialisation import fresh_layers

# What it learns ----------------------------------------------------------------------------------


def groups(n_outputs, seed=0):
    """Two groups of rows, told apart by a single input; a linear model fits each by itself."""
    rng = np.random.default_rng(seed)
    X = np.repeat([[0.0], [1.0]], [40, 25], axis=0)
    noise = rng.normal(size=(65, n_outputs)) @ rng.normal(size=(n_outputs, n_outputs))
    return X, 5 * X + (1 + X) * noise, np.linspace(0.2, 1.8, 65)


@pytest.mark.parametrize("weighted", [False, True])
def test_one_gaussian_per_group_is_the_groups_mean_and_deviation(weighted):
    X, Y, weights = groups(1)
    y, w = Y[:, 0], weights if weighted else np.ones(65)
    model = MDNRegressor(**MAXIMUM_LIKELIHOOD).fit(X, y, weights if weighted else None)
    mean, std = model.predict([[0.0], [1.0]], return_std=True)
    for i, members in enumerate([X[:, 0] == 0, X[:, 0] == 1]):
        expected = np.average(y[members], weights=w[members])
        variance = np.average((y[members] - expected) ** 2, weights=w[members])
        assert mean[i] == pytest.approx(expected, abs=1e-3)
        assert std[i] == pytest.approx(math.sqrt(variance), rel=1e-3)


@pytest.mark.parametrize("covariance_type", ["spherical", "diag", "full"])
def test_covariance_types_are_the_maximum_likelihood_estimates_of_their_form(covariance_type):
    X, Y, weights = groups(3)
    options = MAXIMUM_LIKELIHOOD | {"covariance_type": covariance_type, "max_iter": 3000}
    model = MDNRegressor(**options).fit(X, Y, weights)
    mean, cov = model.predict([[0.0], [1.0]], return_cov=True)
    unit = np.sqrt(np.diag(np.cov(Y.T, aweights=weights, ddof=0)))
    for i, members in enumerate([X[:, 0] == 0, X[:, 0] == 1]):
        expected = np.cov(Y[members].T, aweights=weights[members], ddof=0)
        if covariance_type == "diag":
            expected = np.diag(np.diag(expected))
        if covariance_type == "spherical":
            expected = np.diag(unit**2 * np.mean(np.diag(expected) / unit**2))
        centre = np.average(Y[members], axis=0, weights=weights[members])
        np.testing.assert_allclose(mean[i], centre, atol=1e-2)
        np.testing.assert_allclose(
            cov[i] / np.outer(unit, unit), expected / np.outer(unit, unit), atol=1e-2
        )


def test_two_answers_and_their_proportions():
    rng = np.random.default_rng(0)
    upper = rng.random(1000) < 0.3
    X = rng.normal(size=(1000, 1))
    y = np.where(upper, 4.0, -4.0) + np.where(upper, 0.5, 1.0) * rng.normal(size=1000)
    options = {"encoding": None, "calibrate": False, "validation_fraction": None}
    model = short(max_iter=60, **options).fit(X, y)
    density = model.predict_proba([[0.0]])
    low, high = np.argsort(density.means[0, :, 0])
    assert density.weights[0, high] == pytest.approx(0.3, abs=0.05)
    np.testing.assert_allclose(density.means[0, [low, high], 0], [-4, 4], atol=0.2)
    np.testing.assert_allclose(density.scales[0, [low, high], 0], [1, 0.5], rtol=0.15)


def heteroscedastic(n, rng):
    """Two branches that part with x, and noise that grows with it."""
    x = rng.uniform(0, 1, n)
    sign, spread = rng.choice([-1.0, 1.0], n), 0.05 + 0.2 * x
    truth = Mixture(
        np.full((n, 2), 0.5), np.column_stack([-2 * x, 2 * x]), np.column_stack([spread, spread])
    )
    return x[:, None], 2 * sign * x + spread * rng.normal(size=n), truth


def test_defaults_come_near_the_true_density():
    rng = np.random.default_rng(0)
    X, y, _ = heteroscedastic(1000, rng)
    X_test, y_test, truth = heteroscedastic(1000, rng)
    gaps, insides = [], []
    for seed in range(5):
        density = MDNRegressor(random_state=seed).fit(X, y).predict_proba(X_test)
        gaps.append(np.mean(truth.logpdf(y_test) - density.logpdf(y_test)))
        insides.append((y_test >= density.ppf(0.05)) & (y_test <= density.ppf(0.95)))
    assert np.mean(insides) == pytest.approx(0.9, abs=0.05)
    # In nats per row: a single Gaussian loses 0.7 here, even with the true mean and deviation.
    assert -0.01 < np.mean(gaps) < 0.12


def test_calibration_mends_a_network_that_is_too_sure():
    """Ten inputs of which one counts, and few rows: the checkpoints that know it overfit."""
    rng = np.random.default_rng(0)
    X, X_test = rng.normal(size=(150, 10)), rng.normal(size=(1000, 10))
    y, y_test = 2 * X[:, 0] + rng.normal(size=150), 2 * X_test[:, 0] + rng.normal(size=1000)
    options = {"n_components": 1, "hidden_layer_sizes": (32,)}
    gains = []
    for seed in range(3):
        calibrated, sure = (
            MDNRegressor(**options, calibrate=calibrate, random_state=seed).fit(
                X, y, X_val=X_test[:200], y_val=y_test[:200]
            )
            for calibrate in (True, False)
        )
        scores = [mean_log_likelihood(m, X_test[200:], y_test[200:]) for m in (calibrated, sure)]
        gains.append(scores[0] - scores[1])
    assert np.mean(gains) > 0.1


def test_calibration_leaves_a_network_that_learns_nothing_as_good_as_the_truth():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(350, 10)), rng.normal(size=350)
    X_test, y_test = rng.normal(size=(1000, 10)), rng.normal(size=1000)
    model = MDNRegressor(n_components=1, hidden_layer_sizes=(32,), random_state=0)
    model.fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])
    truth = np.mean(stats.norm.logpdf(y_test))
    assert mean_log_likelihood(model, X_test, y_test) > truth - 0.2


# Losses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("covariance_type", ["spherical", "diag", "full"])
def test_the_last_loss_is_that_of_the_fitted_density(covariance_type):
    X, Y, weights = groups(2)
    options = MAXIMUM_LIKELIHOOD | {"n_components": 2, "hidden_layer_sizes": (4,)}
    options |= {"covariance_type": covariance_type, "max_iter": 200, "reg_covar": 1e-3}
    model = MDNRegressor(**options).fit(X, Y, weights)
    expected = -mean_log_likelihood(model, X, Y, weights)
    # The rate has come down to zero, so that the last step changes next to nothing.
    assert model.loss_curve_[-1] == pytest.approx(expected, abs=1e-4)
    assert model.loss_curve_[0] > model.loss_curve_[-1] + 0.5
    assert len(model.loss_curve_) == model.n_iter_ == 200
    assert model.validation_loss_curve_ == []


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_the_checkpoint_kept_has_the_lowest_validation_loss(scale, weighted):
    X, y = linear_rows(40)
    X_val, y_val = linear_rows(30, seed=1)
    weights = np.linspace(0, 1, 30) if weighted else None
    # A rate that overfits soon: the best checkpoint is not the last.
    model = short(
        max_iter=60,
        learning_rate_init=0.05,
        hidden_layer_sizes=(32,),
        calibrate=False,
        dtype="float64",
        extrapolation="constant",
    ).fit(X, scale * y, X_val=X_val, y_val=scale * y_val, sample_weight_val=weights)
    curve = model.validation_loss_curve_
    expected = -mean_log_likelihood(model, X_val, scale * y_val, weights)
    assert min(curve) == pytest.approx(expected, abs=1e-9)
    assert min(curve) < curve[-1]
    assert min(curve) < curve[0]
    assert 2 < len(curve) <= 21


def test_calibration_never_lowers_the_validation_likelihood():
    X, y = linear_rows(60)
    X_val, y_val = linear_rows(30, seed=1)
    for seed in range(3):
        model = short(max_iter=60, learning_rate_init=0.03, random_state=seed)
        calibrated = mean_log_likelihood(model.fit(X, y, X_val=X_val, y_val=y_val), X_val, y_val)
        model.spread_factor_, model.spread_noise_ = 1.0, 0.0
        # But for the factor of 1 + 2 / 40 that makes up for the small number of rows.
        assert calibrated > mean_log_likelihood(model, X_val, y_val) - 0.01


def test_histories_are_plain_numbers():
    model = short().fit(*linear_rows())
    for curve in (model.loss_curve_, model.validation_loss_curve_):
        assert isinstance(curve, list)
        assert all(type(value) is float and math.isfinite(value) for value in curve)
    assert type(model.n_iter_) is int


def test_automatic_budget_is_a_thousand_steps():
    X, y = linear_rows(320)
    model = short(max_iter="auto", validation_fraction=None, hidden_layer_sizes=(2,)).fit(X, y)
    assert model.n_iter_ == len(model.loss_curve_) == 1000 // (320 // 32)


# Weights -----------------------------------------------------------------------------------------

REPETITION = {
    "batch_size": 1_000_000,
    "calibrate": False,
    "dtype": "float64",
    "max_iter": 30,
    "validation_fraction": None,
}


def assert_same_density(model, other, X, rtol=1e-7):
    density, expected = model.predict_proba(X), other.predict_proba(X)
    np.testing.assert_allclose(density.weights, expected.weights, rtol=rtol)
    np.testing.assert_allclose(density.mean(), expected.mean(), rtol=rtol, atol=1e-9)
    np.testing.assert_allclose(density.cov(), expected.cov(), rtol=rtol, atol=1e-9)


@pytest.mark.parametrize("encoding", ["piecewise", None])
@pytest.mark.parametrize("covariance_type", ["spherical", "diag", "full"])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_a_weight_is_the_number_of_times_a_row_counts(n_outputs, covariance_type, encoding):
    rng = np.random.default_rng(n_outputs)
    X = rng.normal(size=(50, 3))
    X[:25, 2] = 1.0  # many ties
    Y = rng.normal(size=(50, n_outputs)) + X[:, :1]
    counts = rng.integers(0, 4, 50)
    X[counts == 0] += 100.0  # what has no weight would be seen in every scale and quantile
    Y[counts == 0] -= 100.0
    options = {"covariance_type": covariance_type, "encoding": encoding, "n_components": 3}
    weighted = short(**options, **REPETITION).fit(X, Y, sample_weight=counts)
    repeated = short(**options, **REPETITION).fit(np.repeat(X, counts, 0), np.repeat(Y, counts, 0))
    assert_same_density(weighted, repeated, X)
    np.testing.assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-8)


@settings(derandomize=True, database=None, max_examples=15, deadline=None)
@given(counts=st.lists(st.integers(0, 3), min_size=12, max_size=12).filter(any))
def test_any_counts_are_repetitions(counts):
    X, y = linear_rows(12)
    options = REPETITION | {"max_iter": 4}
    weighted = short(**options).fit(X, y, sample_weight=counts)
    repeated = short(**options).fit(np.repeat(X, counts, 0), np.repeat(y, counts))
    assert_same_density(weighted, repeated, X)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("factor", [1e-300, 0.25, 1e308])
def test_the_unit_of_weights_does_not_matter(factor, method):
    X, y = linear_rows()
    weights = np.linspace(0, 1, len(y))
    models = [getattr(short(), method)(X, y, w) for w in (weights, weights * factor)]
    np.testing.assert_allclose(models[1].predict(X), models[0].predict(X), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("ratio", [1e-12, 1e-300])
def test_next_to_no_weight_is_no_weight(ratio):
    X, y = linear_rows()
    kept = np.arange(len(y)) % 2 == 0
    options = REPETITION | {"encoding": None}
    model = short(**options).fit(X, y, sample_weight=np.where(kept, 1.0, ratio))
    removed = short(**options).fit(X[kept], y[kept])
    np.testing.assert_allclose(model.predict(X), removed.predict(X), rtol=1e-6, atol=1e-8)


def test_equal_weights_are_no_weights_with_minibatches_too():
    X, Y = several_outputs()
    plain, weighted = short().fit(X, Y), short().fit(X, Y, np.full(len(Y), 0.7))
    np.testing.assert_allclose(weighted.predict(X), plain.predict(X), rtol=1e-4, atol=1e-5)


def test_rows_without_weight_are_no_rows_with_minibatches_too():
    X, y = linear_rows()
    kept = np.arange(len(y)) % 3 > 0
    X_spoiled, y_spoiled = np.where(kept[:, None], X, 1e9), np.where(kept, y, -1e9)
    weighted = short().fit(X_spoiled, y_spoiled, sample_weight=kept)
    removed = short().fit(X[kept], y[kept])
    np.testing.assert_allclose(weighted.predict(X), removed.predict(X), rtol=1e-4, atol=1e-5)


# Validation data ---------------------------------------------------------------------------------


def test_validation_data_takes_no_part_in_the_scaling_or_the_training():
    X, y = linear_rows()
    X_val, y_val = linear_rows(20, seed=1)
    model = short(calibrate=False).fit(X, y, X_val=50 + 9 * X_val, y_val=7 * y_val)
    np.testing.assert_allclose(model.X_mean_, X.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(model.X_scale_, X.std(axis=0), rtol=1e-12)
    np.testing.assert_allclose(model.y_mean_, [y.mean()], rtol=1e-12)
    np.testing.assert_allclose(model.y_scale_, [y.std()], rtol=1e-12)
    # All rows train: with validation data that choose the last checkpoint, as without any.
    options = {"max_iter": 40, "calibrate": False}
    chosen = short(**options).fit(X, y, X_val=X, y_val=y)
    unvalidated = short(**options, validation_fraction=None).fit(X, y)
    given = short(**options, validation_fraction=None).fit(X, y, X_val=X, y_val=y)
    assert given.validation_loss_curve_ == chosen.validation_loss_curve_
    assert np.argmin(chosen.validation_loss_curve_) == len(chosen.validation_loss_curve_) - 1
    np.testing.assert_array_equal(chosen.predict(X), unvalidated.predict(X))


@pytest.mark.parametrize("calibrate", [True, False])
def test_validation_weights_count_as_repetition(calibrate):
    X, y = linear_rows(40)
    X_val, y_val = linear_rows(24, seed=1)
    counts = np.random.default_rng(0).integers(0, 3, 24)
    # Passes enough that all 20 looks back are affordable, for repeated rows too; a rate at which
    # they overfit little, so that calibration has little to do.
    options = {"max_iter": 100, "learning_rate_init": 5e-3}
    options |= {"dtype": "float64", "calibrate": calibrate}
    weighted = short(**options).fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=counts)
    scaled = short(**options).fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=9.0 * counts)
    repeated = short(**options).fit(
        X, y, X_val=np.repeat(X_val, counts, 0), y_val=np.repeat(y_val, counts)
    )
    for other in (scaled, repeated):
        np.testing.assert_allclose(
            other.validation_loss_curve_, weighted.validation_loss_curve_, rtol=1e-9
        )
    assert_same_density(weighted, scaled, X, rtol=1e-5)
    # Calibration weighs the data against a prior. There a weight cannot both have no unit and count
    # as repetition, which would make two of every row firmer information than one.
    if not calibrate:
        assert_same_density(weighted, repeated, X, rtol=1e-5)


@pytest.mark.parametrize(
    ("fraction", "n_learnt"),
    [("auto", 33), (0.1, 45), (0.5, 25), (0.999, 1), (1e-6, 49), (None, 50)],
)
def test_a_part_set_aside_is_of_the_size_asked_for(monkeypatch, fraction, n_learnt):
    n_trained_on = []

    def spied(data, *args):
        n_trained_on.append(len(data))
        return fresh_layers(data, *args)

    monkeypatch.setattr(import_module("skmdn._engine.train"), "fresh_layers", spied)
    short(validation_fraction=fraction).fit(*linear_rows(50))
    assert n_trained_on == [n_learnt]


def test_default_steps_make_so_many_passes():
    """In steps of one row, the 1000 of the budget make so many passes over the rows."""
    model = short(validation_fraction=None, batch_size=1, max_iter="auto", hidden_layer_sizes=())
    assert model.fit(*linear_rows(50)).n_iter_ == 1000 / 50


def test_a_training_that_no_longer_helps_ends_early():
    X, y = np.random.default_rng(0).normal(size=(2, 80))  # nothing to learn
    options = {"max_iter": 100, "learning_rate_init": 0.05, "hidden_layer_sizes": (32,)}
    model = short(**options).fit(X[:, None], y)
    assert 50 <= model.n_iter_ < 100
    assert len(model.loss_curve_) == model.n_iter_
    # Without a validation part nothing tells that it no longer helps.
    assert short(**options, validation_fraction=None).fit(X[:, None], y).n_iter_ == 100


@pytest.mark.parametrize("n", [10, 20, 60])
def test_few_rows_leave_epistemic_uncertainty_as_noise_unless_others_judge(n):
    X, y = linear_rows(n)
    least = math.exp(-((n / 21) ** 2))
    assert short().fit(X, y).spread_noise_ >= least
    weights = np.repeat([1.0, 0.0], [n, 50])  # rows without weight are no rows
    X_more, y_more = linear_rows(n + 50)
    assert short().fit(X_more, y_more, weights).spread_noise_ >= least
    assert short(calibrate=False).fit(X, y).spread_noise_ == 0
    if n <= 20:
        assert short().fit(X, np.full(n, 3.0)).spread_noise_ < 0.3 * least
        others = linear_rows(300, seed=1)
        judged = [
            short(max_iter=300, random_state=seed).fit(X, y, X_val=others[0], y_val=others[1])
            for seed in range(4)
        ]
        assert min(model.spread_noise_ for model in judged) < 0.9 * least


@pytest.mark.filterwarnings("ignore:warm_start")  # whether a call gains is luck
def test_going_on_with_few_rows_leaves_no_more_epistemic_uncertainty_than_before():
    few, many = linear_rows(12), linear_rows(300, seed=1)
    least = math.exp(-((12 / 21) ** 2))
    assert short(warm_start=True).fit(*few).fit(*few).spread_noise_ >= least
    assert short(warm_start=True, max_iter=60).fit(*many).fit(*few).spread_noise_ < 0.5 * least


@pytest.mark.parametrize(("n", "bound"), [(10, 0.3), (14, 0.4), (20, 0.5)])
def test_few_rows_of_noise_do_little_harm(n, bound):
    """Beside the best a statistician does who knows that it is Gaussian noise: Student's t."""
    rng = np.random.default_rng(n)
    y_new, X_new = rng.normal(size=500), rng.normal(size=(500, 2))
    losses = []
    for seed in range(20):
        X, y = rng.normal(size=(n, 2)), rng.normal(size=n)
        model = MDNRegressor(random_state=seed).fit(X, y)
        scale = y.std(ddof=1) * np.sqrt(1 + 1 / n)
        best = stats.t.logpdf(y_new, n - 1, y.mean(), scale)
        losses.append(np.mean(best) - mean_log_likelihood(model, X_new, y_new))
    assert np.mean(losses) < bound
