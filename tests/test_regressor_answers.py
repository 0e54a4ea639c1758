"""MDNRegressor: what its calls answer, and what its parameters do."""

import math

import numpy as np
import pytest
from cases.regressor import linear_rows, several_outputs, short

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
    last = {"max_iter": 50, "validation_fraction": None}  # not the best parameters on the way
    norms = [
        np.linalg.norm(short(alpha=alpha, **last).fit(X, y).coefs_[0])
        for alpha in (0.0, 3.0, 100.0)
    ]
    assert norms[0] > norms[1] > 2 * norms[2]


def test_a_batch_larger_than_the_data_is_all_rows():
    X, y = linear_rows()
    options = {"validation_fraction": None}
    models = [short(batch_size=size, **options).fit(X, y) for size in (80, 81, 10**9)]
    for model in models[1:]:
        np.testing.assert_array_equal(model.predict(X), models[0].predict(X))


@pytest.mark.parametrize("n_samples", [1, 7, 5000])
@pytest.mark.parametrize("random_state", [3, "generator", "legacy"])
def test_draws_are_those_of_the_density_whatever_the_chunks(n_samples, random_state):
    X, y = linear_rows()
    model = short().fit(X, np.column_stack([y, -y]) if n_samples == 7 else y)
    n = 9000 if n_samples < 10 else 30
    rows = np.resize(X, (n, X.shape[1]))

    def source():
        kinds = {"generator": np.random.default_rng, "legacy": np.random.RandomState}
        return kinds[random_state](3) if isinstance(random_state, str) else random_state

    drawn = model.sample(rows, n_samples, source())
    expected = model.predict_proba(rows).sample(n_samples, source())
    np.testing.assert_array_equal(drawn, expected)
