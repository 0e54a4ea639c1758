"""The training engine: gradients against autograd, batches, optimiser, loop."""

import contextlib
import itertools
import math

import numpy as np
import pytest
import torch
from torch import distributions

from skmdn import _engine, _forward
from skmdn._engine import batches as batches_module
from skmdn._engine import starts
from skmdn._engine.activations import ACTIVATIONS
from skmdn._engine.batches import Batches, Observations, ResidentReader, StreamReader
from skmdn._engine.budget import Budget, auto_batch_size, auto_steps, budget_for, checkpoints
from skmdn._engine.device import training_device
from skmdn._engine.head import MixtureHead
from skmdn._engine.network import Parameters, Pass
from skmdn._engine.optimizer import Adam, cosine_schedule
from skmdn._engine.spreads import n_raw_spreads
from skmdn._engine.threads import threads_for
from skmdn._predictor import Predictor
from skmdn._preparation import Preparation
from skmdn.mixture import Mixture

FLOOR = 1e-3
CPU = torch.device("cpu")
TORCH_FUNCTIONS = {
    "relu": torch.relu,
    "silu": torch.nn.functional.silu,
    "tanh": torch.tanh,
    "logistic": torch.sigmoid,
    "identity": lambda h: h,
}


def random_layers(sizes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 0.5, (a + 1, b)) for a, b in itertools.pairwise(sizes)]


def autograd_raw(x, layers, activation):
    h = x
    for layer in layers[:-1]:
        h = TORCH_FUNCTIONS[activation](h @ layer[:-1] + layer[-1])
    return h @ layers[-1][:-1] + layers[-1][-1]


def reference_mixture(raw, K, D, covariance_type):
    """The same density from torch.distributions, by another road (inverse of the factor)."""
    b = len(raw)
    logits = raw[:, :K]
    means = raw[:, K : K + D * K].reshape(b, D, K).transpose(1, 2)
    spread = raw[:, K + D * K :].reshape(b, -1, K).transpose(1, 2)
    if covariance_type == "full":
        scales = spread[..., :D].exp() + FLOOR
        factor = torch.eye(D, dtype=raw.dtype).expand(b, K, D, D).clone()
        below = [(i, j) for i in range(D) for j in range(i)]
        for place, (i, j) in enumerate(below):
            factor[..., i, j] = spread[..., D + place]
        tril = torch.tril(torch.linalg.inv(factor) @ torch.diag_embed(scales))
        components = distributions.MultivariateNormal(means, scale_tril=tril)
    else:
        scales = (spread.exp() + FLOOR).expand(b, K, D)
        components = distributions.Independent(distributions.Normal(means, scales), 1)
    return distributions.MixtureSameFamily(distributions.Categorical(logits=logits), components)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("n_components", [1, 3])
@pytest.mark.parametrize("covariance_type", ["spherical", "diag", "full"])
def test_log_likelihood_and_gradient_equal_autograd(
    covariance_type, n_components, n_outputs, weighted
):
    K, D, b, p = n_components, n_outputs, 9, 4
    n_raw = K + D * K + n_raw_spreads(covariance_type, K, D)
    rng = np.random.default_rng(1)
    x, y = torch.tensor(rng.normal(size=(b, p))), torch.tensor(rng.normal(size=(b, D)))
    weights = torch.tensor(rng.uniform(0, 3, b)) if weighted else None
    # Layers of a multiple of 8 units lie in memory as they are, the others transposed.
    for activation, hidden in itertools.product(ACTIVATIONS, [(), (5,), (6, 8)]):
        layers = [torch.tensor(layer) for layer in random_layers([p, *hidden, n_raw])]
        parameters = Parameters(layers)
        head = MixtureHead(covariance_type, K, D, b, FLOOR, parameters.flat)
        step = Pass(parameters, ACTIVATIONS[activation], head, training=True)
        ones = torch.cat([x, x.new_ones(b, 1)], dim=1).T
        for _ in range(2):  # the second time in used buffers
            step.forward(ones)
            head.evaluate(y.T[:, None])
            values = head.log_likelihood()
            head.differentiate(weights)
            step.backward(ones)

        leaves = [layer.clone().requires_grad_() for layer in layers]
        raw = autograd_raw(x, leaves, activation)
        expected = reference_mixture(raw, K, D, covariance_type).log_prob(y)
        (expected * (1 if weights is None else weights)).sum().backward()
        torch.testing.assert_close(values, expected.detach(), rtol=1e-10, atol=1e-10)
        for leaf, gradient in zip(leaves, parameters.layer_gradients, strict=True):
            torch.testing.assert_close(gradient, leaf.grad, rtol=1e-10, atol=1e-10)
        w = torch.ones(b).double() if weights is None else weights
        total = torch.empty((), dtype=torch.float64)
        head.total(weights, total)
        without_constant = expected.detach() + D / 2 * math.log(2 * math.pi)
        torch.testing.assert_close(total, w @ without_constant, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("covariance_type", ["spherical", "diag", "full"])
def test_training_and_prediction_share_one_density(covariance_type, n_outputs):
    """Forward pass and density exist twice, in torch and in numpy."""
    K, D, b, p = 3, n_outputs, 8, 4
    n_raw = K + D * K + n_raw_spreads(covariance_type, K, D)
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(b, p)), rng.normal(size=(b, D))
    for activation in ACTIVATIONS:
        layers = random_layers([p, 6, n_raw], seed=3)
        parameters = Parameters([torch.tensor(layer) for layer in layers])
        head = MixtureHead(covariance_type, K, D, b, FLOOR, parameters.flat)
        step = Pass(parameters, ACTIVATIONS[activation], head, training=False)
        step.forward(torch.tensor(np.column_stack([x, np.ones(b)])).T)
        head.evaluate(torch.tensor(y.T[:, None]))
        trained = head.log_likelihood().numpy()

        coefs, intercepts = [w[:-1] for w in layers], [w[-1] for w in layers]
        raw = _forward.raw_outputs(x, coefs, intercepts, activation)
        np.testing.assert_allclose(raw.T, head.output.numpy(), rtol=1e-10, atol=1e-10)
        on_device = _engine.raw_outputs(x, coefs, intercepts, activation, "cpu")
        np.testing.assert_allclose(on_device, raw, rtol=1e-10, atol=1e-10)
        logits, means, spread = _forward.mixture_parameters(raw, K, D, covariance_type, FLOOR)
        density = Mixture.from_logits(logits, means, **spread)
        np.testing.assert_allclose(density.logpdf(y), trained, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("covariance_type", ["spherical", "diag", "full"])
def test_scaled_densities_equal_those_of_scaled_mixtures(covariance_type):
    K, D, b = 3, 2, 7
    n_raw = K + D * K + n_raw_spreads(covariance_type, K, D)
    rng = np.random.default_rng(4)
    raw, y = torch.tensor(rng.normal(size=(b, n_raw))), torch.tensor(rng.normal(size=(b, D)))
    head = MixtureHead(covariance_type, K, D, b, FLOOR, raw)
    head.output.copy_(raw.T)
    head.evaluate(y.T[:, None])
    values = head.evaluate_scaled([0.5, 1.0, 3.0]).numpy()
    logits, means, spread = _forward.mixture_parameters(raw.numpy(), K, D, covariance_type, FLOOR)
    for factor, found in zip([0.5, 1.0, 3.0], values, strict=True):
        scaled = {name: factor * array for name, array in spread.items()}
        expected = Mixture.from_logits(logits, means, **scaled).logpdf(y.numpy())
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("covariance_type", ["spherical", "diag", "full"])
def test_calibrated_density_has_the_widened_covariances(covariance_type):
    K, D, p = 3, 2, 4
    X, y, _ = make_data(p=p, n_outputs=D)
    preparation = Preparation.of(X, y, None)
    n_raw = K + D * K + n_raw_spreads(covariance_type, K, D)
    layers = random_layers([p, 6, n_raw], seed=5)
    architecture = {
        "n_components": K,
        "covariance_type": covariance_type,
        "activation": "silu",
        "scale_floor": FLOOR,
    }
    coefs, intercepts = [w[:-1] for w in layers], [w[-1] for w in layers]
    predictor = Predictor(preparation, coefs, intercepts, architecture, 1.3, 0.2, 2, "cpu")
    plain = predictor.uncalibrated_density(X)
    factors = torch.tensor(np.array(plain.scale_tril))
    covariances = 1.3**2 * factors @ factors.mT + 0.2**2 * torch.eye(D, dtype=factors.dtype)
    widened = distributions.MixtureSameFamily(
        distributions.Categorical(torch.tensor(np.array(plain.weights))),
        distributions.MultivariateNormal(torch.tensor(np.array(plain.means)), covariances),
    )
    expected = widened.log_prob(torch.tensor(preparation.targets(y))).numpy()
    expected -= np.log(preparation.y_scale).sum()
    np.testing.assert_allclose(predictor.density(X).logpdf(y), expected, rtol=1e-10)


# Batches -----------------------------------------------------------------------------------------


def make_data(n=103, p=3, n_outputs=2, weighted=True, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(5, 3, (n, p))
    y = rng.normal(-2, 4, (n, n_outputs))
    weights = rng.uniform(0.5, 2, n) if weighted else None
    return X, y, weights


def soft_clipped(z):
    return z / np.sqrt(1 + (z / 5) ** 2)


def rows_of(batches, rng=None):
    parts = [
        (b.x.T.numpy().copy(), b.y[:, 0].T.numpy().copy(), b.weights.numpy().copy())
        for b in batches.one_pass(rng)
    ]
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)], [
        len(x) for x, *_ in parts
    ]


@pytest.mark.parametrize("resident", [False, True])
@pytest.mark.parametrize("layout", ["C", "F", "memmap", "float32"])
def test_a_pass_is_every_row_once_standardised(monkeypatch, tmp_path, layout, resident):
    monkeypatch.setattr(batches_module, "_BLOCK_CELLS", 100)  # several blocks
    monkeypatch.setattr(batches_module, "_RESIDENT_BYTES", 10**6 if resident else 0)
    X, y, weights = make_data()
    if layout == "F":
        X = np.asfortranarray(X)
    elif layout == "float32":
        X = X.astype(np.float32)
    elif layout == "memmap":
        np.save(tmp_path / "X.npy", X)
        X = np.load(tmp_path / "X.npy", mmap_mode="r")
    preparation = Preparation.of(X, y, weights)
    selected = np.arange(0, 103, 2)  # 52 rows
    data = Observations(X, y, weights, selected)
    batches = Batches(data, preparation, 10, torch.float64, CPU)
    rng = np.random.default_rng(0)
    (x, targets, w), sizes = rows_of(batches, rng)
    assert sizes == [10, 10, 10, 10, 12]
    expected = soft_clipped((X[selected].astype(float) - preparation.X_mean) / preparation.X_scale)
    order = np.lexsort(expected.T)
    found = np.lexsort(x[:, :-1].T)
    np.testing.assert_allclose(x[found, :-1], expected[order], rtol=1e-12)
    np.testing.assert_array_equal(x[:, -1], 1)
    z = (y[selected] - preparation.y_mean) / preparation.y_scale
    np.testing.assert_allclose(targets[found], z[order], rtol=1e-12)
    relative = weights[selected] / weights[selected].mean()
    np.testing.assert_allclose(w[found], relative[order], rtol=1e-12)
    (again, *_), _ = rows_of(batches, rng)
    assert not np.array_equal(again, x)  # another order


def test_resident_and_streamed_rows_are_the_same(monkeypatch):
    monkeypatch.setattr(batches_module, "_BLOCK_CELLS", 100)
    X, y, weights = make_data()
    data = Observations(X, y, weights, np.arange(3, 90))
    preparation = Preparation.of(X, y, weights)
    host = StreamReader(data, preparation, 20, torch.float32)
    device = ResidentReader(StreamReader(data, preparation, 20, torch.float32), CPU)
    places = np.array([5, 0, 7, 40])
    host.read(host.index[places])
    device.read(device.index[places])
    assert torch.equal(host.x[:4], device.x[:4])
    assert torch.equal(host.y[:, :4], device.y[:, :4])
    assert torch.equal(host.weights[:4], device.weights[:4])


def test_an_infinite_scale_switches_an_input_off():
    X, y, _ = make_data()
    X[:, 1] = 7e12
    preparation = Preparation.of(X, y, None)
    assert np.isinf(preparation.X_scale[1])
    reader = StreamReader(Observations(X, y, None, np.arange(103)), preparation, 103, torch.float64)
    reader.read(np.arange(103))
    np.testing.assert_array_equal(reader.x[:, 1], 0)


# Optimiser and budget ----------------------------------------------------------------------------


@pytest.mark.parametrize("max_grad_norm", [0.05, np.inf])
def test_optimizer_equals_torch_adamw(max_grad_norm):
    rng = np.random.default_rng(0)
    parameters = Parameters([torch.tensor(layer) for layer in random_layers([3, 4, 2])])
    ours = Adam(parameters, alpha=0.1, max_grad_norm=max_grad_norm)
    weights = [layer[:-1].clone().requires_grad_() for layer in parameters.layers]
    intercepts = [layer[-1].clone().requires_grad_() for layer in parameters.layers]
    theirs = torch.optim.AdamW(
        [{"params": weights, "weight_decay": 0.1}, {"params": intercepts, "weight_decay": 0.0}],
        lr=0.02,
        maximize=True,
    )
    for _ in range(5):
        gradient = torch.tensor(rng.normal(size=len(parameters.flat)))
        parameters.gradient.copy_(gradient)
        for layer, w, b in zip(parameters.layer_gradients, weights, intercepts, strict=True):
            w.grad, b.grad = layer[:-1] / 8, layer[-1] / 8
        if math.isfinite(max_grad_norm):
            torch.nn.utils.clip_grad_norm_([*weights, *intercepts], max_grad_norm)
        theirs.step()
        ours.ascend(0.02, n_rows=8)
    # Their epsilon stands outside the root: 1e-8 beside gradients of 1e-2 is 1e-6 of a step.
    for layer, w, b in zip(parameters.layers, weights, intercepts, strict=True):
        torch.testing.assert_close(layer[:-1], w.detach(), rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(layer[-1], b.detach(), rtol=1e-6, atol=1e-6)


def test_optimizer_leaves_what_has_no_gradient():
    parameters = Parameters([torch.tensor(layer).float() for layer in random_layers([3, 4, 2])])
    adam = Adam(parameters, alpha=0.0, max_grad_norm=10.0)
    before = parameters.flat.clone()
    for _ in range(3):
        parameters.gradient.zero_()
        parameters.gradient[0] = 1.0
        adam.ascend(0.01, n_rows=4)
    assert torch.equal(parameters.flat[1:], before[1:])
    torch.testing.assert_close(parameters.flat[0], before[0] + 0.03)  # a step is a learning rate


def test_layers_are_views_of_the_flat_vector():
    layers = [torch.tensor(layer) for layer in random_layers([3, 8, 5])]
    parameters = Parameters(layers)
    for own, layer in zip(parameters.layers, layers, strict=True):
        assert torch.equal(own, layer)
    parameters.flat.zero_()
    assert not any(own.any() for own in parameters.layers)
    weights, intercepts = (4 - 1) * 8 + (9 - 1) * 5, 8 + 5
    assert (parameters.decayed == 1).sum() == weights
    assert (parameters.decayed == 0).sum() == intercepts


def test_schedule_rises_and_falls():
    factors = [cosine_schedule(k, 100, 0.05) for k in range(100)]
    assert factors[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0], rel=1e-2)
    assert np.all(np.diff(factors[5:]) < 0)
    assert factors[-1] < 1e-3


def test_budget_rules():
    assert [auto_batch_size(n) for n in (1, 2000, 10_000, 10**7)] == [32, 32, 128, 256]
    assert [auto_steps(n) for n in (10, 1000, 16_000)] == [2000, 2000, 4000]
    assert budget_for(20, None, None) == Budget(20, 2000)
    assert budget_for(100, 30, 7) == Budget(30, 21)
    assert budget_for(100, 1000, 7) == Budget(100, 7)
    assert checkpoints(Budget(32, 2000), 0) == list(range(100, 2001, 100))
    assert checkpoints(Budget(32, 3), 1) == [1, 2, 3]
    # Few passes over many rows: fewer looks, the last step always among them.
    looks = checkpoints(Budget(256, 10_000), 200_000)
    assert len(looks) == 3
    assert looks[-1] == 10_000


def test_threads_are_lowered_for_small_steps_and_restored():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with contextlib.suppress(RuntimeError), threads_for(1000):
            inside = torch.get_num_threads()
            raise RuntimeError
        assert (inside, torch.get_num_threads()) == (1, 2)
        with threads_for(10**9):
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_automatic_device_is_the_gpu_for_large_steps_where_there_is_one(monkeypatch):
    small, large = 10**6, 10**9
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [training_device("auto", work) for work in (small, large)] == ["cpu", "cuda"]
    assert [training_device(name, large) for name in ("cpu", "cuda:1")] == ["cpu", "cuda:1"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert [training_device("auto", work) for work in (small, large)] == ["cpu", "cpu"]


# Starts ------------------------------------------------------------------------------------------


def test_means_start_at_weighted_quantiles():
    rng = np.random.default_rng(0)
    y = rng.gamma(2.0, size=(501, 1))
    expected = np.quantile(y[:, 0], [0.1, 0.3, 0.5, 0.7, 0.9], method="inverted_cdf")
    np.testing.assert_array_equal(starts.initial_means(y, None, 5)[:, 0], expected)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_weights_of_starts_count_as_repetition(n_outputs):
    rng = np.random.default_rng(1)
    y = rng.normal(size=(60, n_outputs)) + rng.integers(0, 3, (60, 1)) * 4
    counts = rng.integers(1, 4, 60)
    weighted = starts.initial_means(y, counts.astype(float), 3)
    repeated = starts.initial_means(np.repeat(y, counts, axis=0), None, 3)
    np.testing.assert_allclose(weighted, repeated, rtol=1e-12)


def test_means_of_several_outputs_start_at_cluster_centres():
    centres = np.array([[-5.0, 0.0], [0.0, 4.0], [5.0, -1.0]])
    rng = np.random.default_rng(2)
    y = centres[rng.integers(0, 3, 300)] + 0.1 * rng.normal(size=(300, 2))
    means = starts.initial_means(y, None, 3)
    np.testing.assert_allclose(means[np.argsort(means[:, 0])], centres, atol=0.05)
    few = np.array([[0.0, 1.0], [2.0, 3.0]])
    np.testing.assert_array_equal(starts.initial_means(few[[0, 1, 0]], None, 3), few[[0, 1, 0]])


def test_first_density_is_nearly_the_same_for_every_row():
    """A small last layer: no component is ahead of the others at the start."""
    rng = np.random.default_rng(3)
    intercept = starts.initial_intercept(rng.normal(size=(100, 1)), None, 4, 4)
    layers = starts.initial_layers([5, 64, 12], "silu", intercept, rng)
    raw = _forward.raw_outputs(
        rng.normal(size=(200, 5)), [w[:-1] for w in layers], [w[-1] for w in layers], "silu"
    )
    np.testing.assert_allclose(raw.mean(axis=0), intercept, atol=0.2)
    assert raw.std(axis=0).max() < 0.2


# The loop ----------------------------------------------------------------------------------------


def options(**changes):
    values = {
        "n_components": 2,
        "covariance_type": "diag",
        "hidden_layer_sizes": (8,),
        "activation": "silu",
        "scale_floor": FLOOR,
        "alpha": 0.0,
        "learning_rate": 5e-3,
        "warmup": 0.05,
        "max_grad_norm": 10.0,
        "batch_size": 16,
        "n_passes": 30,
        "validation_fraction": 0.2,
        "calibrate": False,
        "dtype": "float32",
        "device": "cpu",
    }
    return _engine.TrainingOptions(**{**values, **changes})


def train(seed=0, weighted=True, report=None, **changes):
    X, y, weights = make_data(n_outputs=1, weighted=weighted)
    y = y + X[:, :1]
    data = Observations.with_weight(X, y, weights)
    preparation = Preparation.of(X, y, weights)
    rng = np.random.default_rng(seed)
    return _engine.train(data, preparation, options(**changes), rng, report=report)


def test_loss_decreases_and_every_parameter_moves():
    trained = train()
    half = len(trained.loss_curve) // 2
    assert np.mean(trained.loss_curve[:half]) > np.mean(trained.loss_curve[half:])
    start = train(n_passes=1, learning_rate=1e-30)
    for before, after in zip(start.layers, trained.layers, strict=True):
        assert np.all(before != after)


def test_same_seed_same_bits_whatever_the_thread_count():
    before = torch.get_num_threads()
    results = []
    try:
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            results.append(train())
    finally:
        torch.set_num_threads(before)
    for one, two in zip(results[0].layers, results[1].layers, strict=True):
        np.testing.assert_array_equal(one, two)
    assert results[0].loss_curve == results[1].loss_curve


def test_streamed_and_resident_data_give_the_same_model(monkeypatch):
    resident = train()
    monkeypatch.setattr(batches_module, "_RESIDENT_BYTES", 0)
    for one, two in zip(resident.layers, train().layers, strict=True):
        np.testing.assert_array_equal(one, two)


def test_best_checkpoint_is_kept():
    seen = []
    trained = train(n_passes=200, learning_rate=0.05, report=lambda *args: seen.append(args))
    curve = trained.validation_loss_curve
    assert min(curve) < curve[-1]  # the training overfits
    assert len(curve) == 21
    assert [values[3] for values in seen] == curve[1:]
    assert [values[0] for values in seen] == pytest.approx(np.arange(10, 201, 10))
    assert all(values[1] == 200 for values in seen)


def test_divergence_returns_to_the_last_good_parameters(monkeypatch):
    """A step that spoils the parameters is undone, and the rate is halved."""
    original, rates = Adam.ascend, []

    def spoiled(self, learning_rate, n_rows):
        original(self, learning_rate, n_rows)
        rates.append(learning_rate)
        if len(rates) == 40:
            self._parameters.flat.fill_(np.nan)

    monkeypatch.setattr(Adam, "ascend", spoiled)
    trained = train(warmup=None)
    assert trained.n_recoveries == 1
    assert rates[0] == 5e-3
    assert rates[-1] == 2.5e-3
    assert all(np.all(np.isfinite(layer)) for layer in trained.layers)


def test_training_that_always_diverges_returns_its_start(monkeypatch):
    def spoiled(self, learning_rate, n_rows):
        self._parameters.flat.fill_(np.inf)

    monkeypatch.setattr(Adam, "ascend", spoiled)
    trained = train(validation_fraction=None)
    assert trained.n_recoveries == 20
    assert all(np.all(np.isfinite(layer)) for layer in trained.layers)


def test_interrupt_keeps_the_best_model_so_far(monkeypatch):
    original, steps = Adam.ascend, []

    def interrupted(self, learning_rate, n_rows):
        original(self, learning_rate, n_rows)
        steps.append(1)
        if len(steps) == 50:
            raise KeyboardInterrupt

    monkeypatch.setattr(Adam, "ascend", interrupted)
    trained = train()
    assert trained.interrupted
    assert trained.n_passes == 10  # of 5 batches
    assert all(np.all(np.isfinite(layer)) for layer in trained.layers)


def test_going_on_with_moments_equals_not_stopping():
    """Passes one by one, Adam's memory handed on, are the passes at once."""
    X, y, _ = make_data(n=30, n_outputs=1, weighted=False)
    data = Observations.with_weight(X, y, None)
    preparation = Preparation.of(X, y, None)
    settings = {"warmup": None, "batch_size": 30, "validation_fraction": None, "dtype": "float64"}
    at_once = _engine.train(
        data, preparation, options(n_passes=6, **settings), np.random.default_rng(0)
    )
    layers = moments = None
    for _ in range(6):
        part = _engine.train(
            data,
            preparation,
            options(n_passes=1, **settings),
            np.random.default_rng(0),
            layers=layers,
            moments=moments,
        )
        layers, moments = part.layers, part.moments
    for one, two in zip(at_once.layers, layers, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-12)


def test_automatic_device_trains_as_the_cpu_without_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for one, two in zip(train(device="auto").layers, train().layers, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not torch.is_inference_mode_enabled()


def test_loss_curve_is_the_mean_over_the_rows_of_a_pass():
    """With one batch, a rate near zero and no floor to the test: every loss is the start's."""
    trained = train(
        n_passes=3, batch_size=1000, learning_rate=1e-12, validation_fraction=None, dtype="float64"
    )
    X, y, weights = make_data(n_outputs=1)
    y = y + X[:, :1]
    preparation = Preparation.of(X, y, weights)
    coefs, intercepts = [w[:-1] for w in trained.layers], [w[-1] for w in trained.layers]
    raw = _forward.raw_outputs(preparation.inputs(X), coefs, intercepts, "silu")
    logits, means, spread = _forward.mixture_parameters(raw, 2, 1, "diag", FLOOR)
    density = Mixture.from_logits(logits, means, **spread).affine(
        preparation.y_mean, preparation.y_scale
    )
    expected = -np.average(density.logpdf(y), weights=weights)
    np.testing.assert_allclose(trained.loss_curve, expected, rtol=1e-8)
