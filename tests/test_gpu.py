"""Training and prediction on a GPU beside the CPU; skipped where there is none."""

import pickle

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed

from skmdn import MDNRegressor
from skmdn._engine.batches import DrawnBatches

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.fixture
def host_order(monkeypatch):
    """Rows are shuffled as on the CPU."""

    def shuffle(self, rng):
        order = self._order.cpu()
        rng.shuffle(order.numpy())
        self._order.copy_(order)

    monkeypatch.setattr(DrawnBatches, "_shuffle", shuffle)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(700, 3))
    y = np.column_stack([np.sin(X[:, 0]), X[:, 1]]) + 0.2 * rng.normal(size=(700, 2))
    return X, y, rng.uniform(0.5, 2, 700)


def fitted(data, device, **parameters):
    X, y, weights = data
    settings = {"max_iter": 5, "batch_size": 128, "dtype": "float64", "random_state": 0}
    return MDNRegressor(device=device, **{**settings, **parameters}).fit(X, y, weights)


# NAdam divides a gradient by its own size, so that where this is nearly zero its rounding grows a
# hundred million times within a few steps. Another activation differs by .01 or more.
ROUNDING = {"rtol": 1e-3, "atol": 1e-3}


@pytest.mark.parametrize("activation", ["relu", "tanh", "silu", "logistic", "identity"])
def test_activations_train_as_on_the_cpu(host_order, data, activation):
    gpu, cpu = (fitted(data, device, activation=activation) for device in ("cuda", "cpu"))
    np.testing.assert_allclose(gpu.predict(data[0]), cpu.predict(data[0]), **ROUNDING)


@pytest.mark.parametrize("covariance_type", ["spherical", "diag", "full"])
def test_covariance_types_train_as_on_the_cpu(host_order, data, covariance_type):
    gpu, cpu = (fitted(data, device, covariance_type=covariance_type) for device in ("cuda", "cpu"))
    np.testing.assert_allclose(gpu.loss_curve_, cpu.loss_curve_, **ROUNDING)
    np.testing.assert_allclose(gpu.predict(data[0]), cpu.predict(data[0]), **ROUNDING)


def test_single_precision_is_as_good_as_on_the_cpu(data):
    settings = {"dtype": "float32", "max_iter": 30}
    gpu, cpu = (fitted(data, device, **settings) for device in ("cuda", "cpu"))
    X, y, _ = data
    assert gpu.score(X, y) == pytest.approx(cpu.score(X, y), abs=0.1)


def test_rows_are_shuffled_on_the_gpu(data):
    # Without a validation part, which may end a training early, all curves have 30 passes.
    settings = {"dtype": "float32", "max_iter": 30, "validation_fraction": None}
    one, two, other = (fitted(data, "cuda", **settings, random_state=seed) for seed in (0, 0, 1))
    np.testing.assert_allclose(one.loss_curve_[:2], two.loss_curve_[:2], **ROUNDING)
    assert not np.allclose(one.loss_curve_[:2], other.loss_curve_[:2], **ROUNDING)


def test_a_model_trained_on_a_gpu_predicts_on_the_cpu(data):
    X = data[0]
    model = fitted(data, "cuda:0")
    copy = pickle.loads(pickle.dumps(model)).set_params(device="cpu")
    np.testing.assert_allclose(copy.predict(X), model.predict(X), rtol=1e-6, atol=1e-8)


def test_going_on_and_automatic_choice(data):
    X, y, _ = data
    model = MDNRegressor(device="cuda", random_state=0)
    for _ in range(3):
        model.partial_fit(X, y)
    assert np.all(np.isfinite(model.predict(X)))
    assert np.all(np.isfinite(fitted(data, "auto").predict(X)))


def test_atoms_train_as_on_the_cpu(host_order, data):
    X, y, weights = data
    rows = X, np.where(y[:, 0] > 0, np.exp(y[:, 0]), 0.0), weights
    words = {"target_atoms": [0], "target_transform": "log"}
    gpu, cpu = (fitted(rows, device, **words) for device in ("cuda", "cpu"))
    np.testing.assert_allclose(gpu.loss_curve_, cpu.loss_curve_, rtol=1e-6)
    np.testing.assert_allclose(
        gpu.predict_proba(X).atom_probability(),
        cpu.predict_proba(X).atom_probability(),
        rtol=1e-6,
        atol=1e-6,
    )


def test_fits_in_threads_equal_fits_one_after_the_other(data):
    """Captures must not meet."""
    kinds = ["spherical", "diag", "full"] * 2
    fits = [delayed(fitted)(data, "cuda", covariance_type=kind) for kind in kinds]
    at_once, in_turn = (Parallel(n, "threading")(fits) for n in (3, 1))
    for one, two in zip(at_once, in_turn, strict=True):
        np.testing.assert_allclose(one.predict(data[0]), two.predict(data[0]), **ROUNDING)
