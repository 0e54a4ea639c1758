"""MDNRegressor: what it learns, against truths known in closed form, and what its calls answer."""

import copy
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning

from skmdn import MDNRegressor, Mixture
from skmdn._engine.batches import Batches

# One batch of all rows, none set aside, no decay, no calibration: plain maximum likelihood.
MAXIMUM_LIKELIHOOD = {
    "alpha": 0.0,
    "batch_size": 1_000_000,
    "calibrate": False,
    "dtype": "float64",
    "encoding": None,
    "hidden_layer_sizes": (),
    "max_iter": 1500,
    "n_components": 1,
    "random_state": 0,
    "reg_covar": 1e-12,
    "validation_fraction": None,
}


def short(**options):
    return MDNRegressor(
        **{"n_components": 2, "hidden_layer_sizes": (8,), "max_iter": 10, "random_state": 0}
        | options
    )


def linear_rows(n=80, p=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X, 2 * X[:, 0] - X[:, 1] + 0.3 * rng.normal(size=n)


def several_outputs(n=80, seed=0):
    X, y = linear_rows(n, seed=seed)
    noise = np.random.default_rng(seed + 1).normal(size=n)
    return X, np.column_stack([y, 3 - y + 0.2 * noise])


def mean_log_likelihood(model, X, y, weights=None):
    return np.average(model.predict_proba(X).logpdf(y), weights=weights)


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
    gaps = []
    for seed in range(3):
        density = MDNRegressor(random_state=seed).fit(X, y).predict_proba(X_test)
        gaps.append(np.mean(truth.logpdf(y_test) - density.logpdf(y_test)))
        inside = (y_test >= density.ppf(0.05)) & (y_test <= density.ppf(0.95))
        assert np.mean(inside) == pytest.approx(0.9, abs=0.04)
    # In nats per row: a single Gaussian loses 0.7 here, even with the true mean and deviation.
    assert -0.01 < np.mean(gaps) < 0.12


def test_calibration_mends_a_network_that_is_too_sure():
    rng = np.random.default_rng(0)
    X, X_test = rng.normal(size=(150, 10)), rng.normal(size=(1000, 10))
    y, y_test = rng.normal(size=150), rng.normal(size=1000)  # nothing to be learnt
    scores = [
        mean_log_likelihood(
            MDNRegressor(
                n_components=1, hidden_layer_sizes=(32,), random_state=0, calibrate=calibrate
            ).fit(X, y, X_val=X_test[:200], y_val=y_test[:200]),
            X_test[200:],
            y_test[200:],
        )
        for calibrate in (True, False)
    ]
    # The true density scores -1.42; calibration finds it among more checkpoints.
    assert scores[0] > -1.6
    assert scores[0] > scores[1] - 0.01


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
    scores = [
        mean_log_likelihood(
            short(max_iter=60, learning_rate_init=0.03, calibrate=calibrate).fit(
                X, y, X_val=X_val, y_val=y_val
            ),
            X_val,
            y_val,
        )
        for calibrate in (True, False)
    ]
    assert scores[0] >= scores[1] - 1e-3


def test_histories_are_plain_numbers():
    model = short().fit(*linear_rows())
    for curve in (model.loss_curve_, model.validation_loss_curve_):
        assert isinstance(curve, list)
        assert all(type(value) is float and math.isfinite(value) for value in curve)
    assert type(model.n_iter_) is int


def test_automatic_budget_is_two_thousand_steps():
    X, y = linear_rows(320)
    model = short(max_iter="auto", validation_fraction=None, hidden_layer_sizes=(2,)).fit(X, y)
    assert model.n_iter_ == len(model.loss_curve_) == 2000 // (320 // 32)


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
    # Passes enough that all 20 looks back are affordable, for repeated rows too.
    options = {"max_iter": 100, "dtype": "float64", "calibrate": calibrate}
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
    # as repetition, which would make two of every row firmer evidence than one.
    assert_same_density(weighted, repeated, X, rtol=0.1 if calibrate else 1e-5)


@pytest.mark.parametrize(
    ("fraction", "n_learnt"), [(0.1, 45), (0.5, 25), (0.999, 1), (1e-6, 49), (None, 50)]
)
def test_a_part_set_aside_is_of_the_size_asked_for(fraction, n_learnt):
    X, y = linear_rows(50)
    model = short(
        validation_fraction=fraction, batch_size=1, max_iter="auto", hidden_layer_sizes=()
    ).fit(X, y)
    # In steps of one row, the 2000 of the budget make so many passes over the rows that are left.
    assert model.n_iter_ == math.ceil(2000 / n_learnt)


# partial_fit -------------------------------------------------------------------------------------


def test_partial_fit_makes_one_pass_a_call():
    X, y = linear_rows()
    model = short()
    for n in range(1, 4):
        assert model.partial_fit(X, y) is model
        assert model.n_iter_ == n
        assert len(model.loss_curve_) == n
    assert model.validation_loss_curve_ == []


def test_many_partial_fits_learn_as_a_fit_does():
    X, y = linear_rows(400)
    options = {"n_components": 1, "encoding": None, "calibrate": False}
    model = short(**options)
    for _ in range(80):
        model.partial_fit(X, y)
    whole = short(**options, max_iter=160).fit(X, y)
    X_test, y_test = linear_rows(200, seed=9)
    likelihoods = [mean_log_likelihood(m, X_test, y_test) for m in (model, whole)]
    assert likelihoods[0] > likelihoods[1] - 0.15
    assert likelihoods[0] > -0.4  # the true density scores -0.21
    assert model.score(X_test, y_test) > 0.95


def test_the_first_part_fixes_the_scaling():
    X, y = linear_rows()
    model = short().partial_fit(X[:40], y[:40])
    names = ("X_mean_", "X_scale_", "y_mean_", "y_scale_", "bin_edges_")
    held = {name: copy.deepcopy(getattr(model, name)) for name in names}
    model.partial_fit(1000 + X[40:], y[40:] - 1000)
    for name, value in held.items():
        np.testing.assert_equal(getattr(model, name), value)
    np.testing.assert_allclose(model.X_mean_, X[:40].mean(axis=0), rtol=1e-12)


def test_partial_fit_goes_on_from_a_fit():
    X, y = linear_rows(200)
    model = short(max_iter=80, dtype="float64", calibrate=False).fit(X, y)
    before, mean = mean_log_likelihood(model, X, y), model.y_mean_.copy()
    n_passes = model.n_iter_
    model.set_params(learning_rate_init=1e-4).partial_fit(X, y)
    assert model.n_iter_ == n_passes + 1
    assert len(model.loss_curve_) == n_passes + 1
    np.testing.assert_array_equal(model.y_mean_, mean)
    assert mean_log_likelihood(model, X, y) == pytest.approx(before, abs=0.05)


def test_partial_fit_goes_on_from_a_calibrated_fit():
    X, y = linear_rows(200)
    model = short(max_iter=80).fit(X, y)
    before = mean_log_likelihood(model, X, y)
    model.set_params(learning_rate_init=1e-6).partial_fit(X, y)
    # A pass at next to no rate: neither the parameters nor the calibration may be lost.
    assert mean_log_likelihood(model, X, y) == pytest.approx(before, abs=0.01)


def test_parts_are_shuffled_anew_in_every_call(monkeypatch):
    """With a seed, too, passes over the same rows must not all see them in the same order."""
    X, y = linear_rows(96)
    seen = []
    one_pass = Batches.one_pass

    def recorded(self, rng=None):
        for batch in one_pass(self, rng):
            seen.append(float(batch.y[0, 0, 0]))
            yield batch

    monkeypatch.setattr(Batches, "one_pass", recorded)
    model = short(batch_size=1)
    passes = []
    for _ in range(3):
        seen.clear()
        model.partial_fit(X, y)
        passes.append(list(seen))
    assert sorted(passes[0]) == sorted(passes[1]) == sorted(passes[2])
    assert passes[0] != passes[1]
    assert passes[1] != passes[2]


def test_adams_memory_is_arrays_and_survives_between_calls():
    X, y = linear_rows()
    model = short(dtype="float64", batch_size=1000)
    first = model.partial_fit(X, y).predict(X)
    second = model.partial_fit(X, y).predict(X)
    third = model.partial_fit(X, y).predict(X)
    # Adam's first step moves every parameter by the whole rate; forgetful calls would do so always.
    assert not np.array_equal(first, second)
    assert not np.array_equal(second, third)
    forgetful = short(dtype="float64", batch_size=1000).partial_fit(X, y)
    for name in [name for name in vars(forgetful) if "adam" in name]:
        delattr(forgetful, name)
    assert not np.array_equal(forgetful.partial_fit(X, y).predict(X), second)


# warm_start --------------------------------------------------------------------------------------


def test_warm_start_goes_on_and_keeps_the_scaling():
    X, y = linear_rows(200)
    model = short(warm_start=True, max_iter=60, calibrate=False).fit(X, y)
    reached, y_mean = model.loss_curve_[-1], model.y_mean_.copy()
    first = model.loss_curve_[0]
    model.fit(X, y)
    assert model.loss_curve_[0] < reached + 0.3 < first
    assert len(model.loss_curve_) == model.n_iter_ == 60
    edges = [edge.copy() for edge in model.bin_edges_]
    model.fit(2 * X, y + 0.5).fit(X, y + 0.5)
    np.testing.assert_array_equal(model.y_mean_, y_mean)
    for kept, edge in zip(model.bin_edges_, edges, strict=True):
        np.testing.assert_array_equal(kept, edge)
    assert np.mean(model.predict(X) - y) == pytest.approx(0.5, abs=0.15)


def test_warm_start_of_an_unfitted_model_is_a_fresh_start():
    X, y = linear_rows()
    np.testing.assert_array_equal(
        short(warm_start=True).fit(X, y).predict(X), short().fit(X, y).predict(X)
    )


def test_without_warm_start_nothing_is_remembered():
    X, y = linear_rows()
    Y = np.column_stack([y, y])
    model = short().fit(X[:, :2], Y).partial_fit(X[:, :2], Y).fit(X, y)
    fresh = short().fit(X, y)
    assert vars(model).keys() == vars(fresh).keys()
    np.testing.assert_array_equal(model.predict(X), fresh.predict(X))


# Answers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("covariance_type", ["spherical", "diag", "full"])
@pytest.mark.parametrize("rows", [several_outputs, linear_rows])
def test_points_and_spreads_are_those_of_the_density(rows, covariance_type):
    X, y = rows()
    model = short(covariance_type=covariance_type, n_components=3).fit(X, y)
    density = model.predict_proba(X)
    for point_estimate in ("mean", "median", "mode"):
        model.set_params(point_estimate=point_estimate)
        expected = getattr(density, point_estimate)()
        point, std = model.predict(X, return_std=True)
        np.testing.assert_array_equal(point, expected)
        np.testing.assert_array_equal(std, density.std())
        point, cov = model.predict(X, return_cov=True)
        np.testing.assert_array_equal(point, expected)
        np.testing.assert_array_equal(cov, density.cov())
        np.testing.assert_array_equal(model.predict(X), expected)
    assert std.shape == y.shape
    assert cov.shape == ((80,) if y.ndim == 1 else (80, 2, 2))


def test_points_of_two_answers_differ():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 1))
    y = np.where(rng.random(400) < 0.7, 5.0, -5.0) + 0.3 * rng.normal(size=400)
    model = short(max_iter=100, encoding=None).fit(X, y)
    at = [[0.0]]
    assert model.predict(at)[0] == pytest.approx(0.7 * 5 - 0.3 * 5, abs=0.5)
    assert model.set_params(point_estimate="mode").predict(at)[0] == pytest.approx(5, abs=0.3)
    assert 4 < model.set_params(point_estimate="median").predict(at)[0] < 5.2


def test_many_rows_are_answered_as_few_are():
    X, Y = several_outputs()
    model = short(covariance_type="full").fit(X, Y)
    many = np.random.default_rng(1).normal(size=(9000, 3))
    density = model.predict_proba(many)
    assert len(density) == 9000
    point, std = model.predict(many, return_std=True)
    np.testing.assert_allclose(point, density.mean(), rtol=1e-12)
    np.testing.assert_allclose(std, density.std(), rtol=1e-12)
    few = [0, 4095, 4096, 8191, 8192, 8999]
    for row in few:
        alone = model.predict_proba(many[row : row + 1])
        np.testing.assert_allclose(alone.mean(), point[row : row + 1], rtol=1e-10)
        np.testing.assert_allclose(alone.cov(), density[row].cov(), rtol=1e-10)
    assert model.sample(many).shape == (9000, 1, 2)


def test_float32_rows_are_the_fast_and_near_path():
    X, y = linear_rows()
    model = short(max_iter=50).fit(X, y)
    exact, fast = model.predict_proba(X), model.predict_proba(X.astype(np.float32))
    np.testing.assert_allclose(fast.mean(), exact.mean(), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(fast.std(), exact.std(), rtol=1e-3)
    assert not np.array_equal(fast.mean(), exact.mean())
    assert fast.mean().dtype == np.float64


def test_a_model_of_another_machines_gpu_predicts_here():
    X, y = linear_rows()
    model = short().fit(X, y)
    expected = model.predict(X)
    np.testing.assert_allclose(model.set_params(device="cuda").predict(X), expected, rtol=1e-6)


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("n_samples", [1, 5])
def test_shapes_of_samples(n_samples, n_outputs):
    X, Y = several_outputs()
    axis = (2,) if n_outputs == 2 else ()
    model = short().fit(X, Y if n_outputs == 2 else Y[:, 0])
    assert model.sample(X[:7], n_samples).shape == (7, n_samples, *axis)
    assert model.sample(X[:1], np.int64(n_samples)).shape == (1, n_samples, *axis)


def test_samples_have_the_moments_of_the_density():
    X, Y = several_outputs()
    model = short(covariance_type="full", max_iter=40).fit(X, Y)
    n = 20_000
    draws = model.sample(X[:3], n, random_state=0)
    density = model.predict_proba(X[:3])
    error = density.std() / math.sqrt(n)
    assert (np.abs(draws.mean(axis=1) - density.mean()) < 5 * error).all()
    for row in range(3):
        np.testing.assert_allclose(
            np.cov(draws[row].T) / np.outer(*2 * [density.std()[row]]),
            density.cov()[row] / np.outer(*2 * [density.std()[row]]),
            atol=0.06,
        )


def test_seeds_of_samples():
    X, y = linear_rows()
    model = short().fit(X, y)
    for seed in (0, np.int64(3)):
        np.testing.assert_array_equal(
            model.sample(X, 2, random_state=seed), model.sample(X, 2, random_state=seed)
        )
    for new in (np.random.RandomState, np.random.default_rng):
        np.testing.assert_array_equal(model.sample(X, 2, new(1)), model.sample(X, 2, new(1)))
        state = new(1)
        assert not np.array_equal(model.sample(X, 2, state), model.sample(X, 2, state))
    assert not np.array_equal(model.sample(X, random_state=0), model.sample(X, random_state=1))


def test_samples_without_a_seed_are_fresh():
    X, y = linear_rows()
    model = short(random_state=0).fit(X, y)
    draws = []
    for _ in range(3):
        np.random.seed(0)  # noqa: NPY002 (the global state must have no say)
        draws.append(model.sample(X))
    assert not np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[1], draws[2])


# Parameters --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"n_components": 3},
        {"covariance_type": "spherical"},
        {"covariance_type": "full"},
        {"hidden_layer_sizes": ()},
        {"hidden_layer_sizes": 5},
        {"hidden_layer_sizes": [8, 8]},
        {"activation": "relu"},
        {"activation": "tanh"},
        {"activation": "logistic"},
        {"activation": "identity"},
        {"encoding": None},
        {"n_bins": 4},
        {"alpha": 3.0},
        {"learning_rate_init": 1e-3},
        {"max_grad_norm": 1e-12},
        {"batch_size": 7},
        {"max_iter": 11},
        {"reg_covar": 0.1},
        {"validation_fraction": 0.3},
        {"validation_fraction": None},
        {"calibrate": False},
        {"dtype": "float64"},
        {"random_state": 1},
        {"point_estimate": "median"},
    ],
    ids=str,
)
def test_every_parameter_does_something(change):
    X, Y = several_outputs()
    changed, default = short(**change).fit(X, Y), short().fit(X, Y)
    same = [
        np.array_equal(a, b)
        for a, b in zip(
            changed.predict(X, return_cov=True), default.predict(X, return_cov=True), strict=True
        )
    ]
    assert not all(same)


def test_layers_have_the_sizes_asked_for():
    X, Y = several_outputs()
    for covariance_type, n_spread in (("spherical", 1), ("diag", 2), ("full", 3)):
        model = short(
            hidden_layer_sizes=(7, 5), encoding=None, covariance_type=covariance_type
        ).fit(X, Y)
        n_raw = 2 * (1 + 2 + n_spread)
        assert [W.shape for W in model.coefs_] == [(3, 7), (7, 5), (5, n_raw)]
        assert [b.shape for b in model.intercepts_] == [(7,), (5,), (n_raw,)]
        assert {W.dtype for W in model.coefs_} == {np.dtype(np.float32)}
    assert model.n_features_in_ == 3
    assert model.n_outputs_ == 2
    wide = short(hidden_layer_sizes=(7,), n_bins=4).fit(X, Y)
    assert wide.coefs_[0].shape == (3 + 3 * 4, 7)
    exact = short(dtype="float64").fit(X, Y)
    assert {W.dtype for W in exact.coefs_} == {np.dtype(np.float64)}


def test_decay_shrinks_the_weights():
    X, y = linear_rows()
    norms = [
        np.linalg.norm(short(alpha=alpha, max_iter=50).fit(X, y).coefs_[0])
        for alpha in (0.0, 3.0, 100.0)
    ]
    assert norms[0] > norms[1] > 2 * norms[2]


@pytest.mark.parametrize("covariance_type", ["spherical", "diag", "full"])
@pytest.mark.parametrize("calibrate", [True, False])
def test_no_spread_falls_below_the_floor(calibrate, covariance_type):
    X = np.repeat(np.arange(4.0), 10)[:, None]
    Y = np.column_stack([X[:, 0], X[:, 0] ** 2])  # known exactly: a spread of zero would be best
    model = short(
        covariance_type=covariance_type, reg_covar=0.01, max_iter=200, calibrate=calibrate
    )
    with pytest.warns(ConvergenceWarning, match="floor"):
        model.fit(X, Y)
    density = model.predict_proba(X)
    tril = density.scale_tril[:, :, [0, 1], [0, 1]] / Y.std(axis=0)
    assert tril.min() >= 0.1 * (1 - 1e-6)
    assert tril.min() < 0.2


def test_a_batch_larger_than_the_data_is_all_rows():
    X, y = linear_rows()
    options = {"validation_fraction": None}
    models = [short(batch_size=size, **options).fit(X, y) for size in (80, 81, 10**9)]
    for model in models[1:]:
        np.testing.assert_array_equal(model.predict(X), models[0].predict(X))


# Progress, interruption, divergence --------------------------------------------------------------


def test_progress_in_lines_without_tqdm(monkeypatch, capsys):
    monkeypatch.setattr("skmdn._progress.tqdm", None)
    X, y = linear_rows()
    model = short(verbose=1).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(model.validation_loss_curve_) - 1
    assert all("loss" in line and "validation_loss" in line for line in lines)
    assert "10.0 of 10.0" in lines[-1]
    assert f"{model.validation_loss_curve_[-1]:.4f}" in lines[-1]
    short(verbose=True, validation_fraction=None).fit(X, y)
    line = capsys.readouterr().out.splitlines()[-1]
    assert "validation" not in line
    short(verbose=1).partial_fit(X, y)
    assert len(capsys.readouterr().out.splitlines()) >= 1


class Bar:
    """What skmdn asks of tqdm."""

    made = ()

    def __init__(self, total=None, **options):
        self.total, self.n, self.closed, self.postfixes = total, 0.0, False, []
        Bar.made = (*Bar.made, self)

    def set_postfix(self, losses, refresh=True):
        self.postfixes.append(losses)

    def update(self, n=1):
        self.n += n

    def close(self):
        self.closed = True


def test_progress_in_a_bar_with_tqdm(monkeypatch, capsys):
    monkeypatch.setattr("skmdn._progress.tqdm", Bar)
    monkeypatch.setattr(Bar, "made", ())
    model = short(verbose=1).fit(*linear_rows())
    (bar,) = Bar.made
    assert bar.closed
    assert bar.total == pytest.approx(10)
    assert bar.n == pytest.approx(10)
    assert bar.postfixes[-1]["validation_loss"] == f"{model.validation_loss_curve_[-1]:.4f}"
    assert capsys.readouterr().out == ""


def test_silence_is_the_default(monkeypatch, capfd):
    monkeypatch.setattr("skmdn._progress.tqdm", None)
    MDNRegressor(n_components=2, hidden_layer_sizes=(4,), max_iter=3).fit(*linear_rows())
    out, err = capfd.readouterr()
    assert out == ""
    assert err == ""


def test_progress_does_not_change_the_model(monkeypatch):
    monkeypatch.setattr("skmdn._progress.tqdm", Bar)
    X, y = linear_rows()
    np.testing.assert_array_equal(
        short(verbose=1).fit(X, y).predict(X), short().fit(X, y).predict(X)
    )


def test_an_interrupt_keeps_the_best_model_so_far(monkeypatch):
    class Interrupting(Bar):
        def update(self, n=1):
            super().update(n)
            if self.n >= 20:
                raise KeyboardInterrupt

    monkeypatch.setattr("skmdn._progress.tqdm", Interrupting)
    monkeypatch.setattr(Bar, "made", ())
    X, y = linear_rows(200)
    model = short(verbose=1, max_iter=100)
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X, y)
    assert Bar.made[-1].closed
    assert 20 <= model.n_iter_ < 30
    assert len(model.loss_curve_) == model.n_iter_
    assert model.score(X, y) > 0.5
    assert np.isfinite(model.loss_curve_).all()


def test_a_divergence_is_survived_and_told():
    X, y = linear_rows()
    model = short(learning_rate_init=1e25, max_grad_norm=np.inf, max_iter=40)
    with pytest.warns(ConvergenceWarning, match="learning_rate_init"):
        model.fit(X, y)
    assert all(np.isfinite(W).all() for W in (*model.coefs_, *model.intercepts_))
    point, std = model.predict(X, return_std=True)
    assert np.isfinite(point).all()
    assert (np.isfinite(std) & (std > 0)).all()


def test_a_divergence_without_validation_part_goes_back_too():
    X, y = linear_rows()
    model = short(learning_rate_init=1e25, max_iter=40, validation_fraction=None, calibrate=False)
    with pytest.warns(ConvergenceWarning, match="learning_rate_init"):
        model.fit(X, y)
    assert np.isfinite(model.predict(X)).all()
    with pytest.warns(ConvergenceWarning, match="learning_rate_init"):
        short(learning_rate_init=1e25).partial_fit(X, y)
