"""The density in training and its gradient, against autograd and torch.distributions."""

import itertools
import math

import numpy as np
import pytest
import torch
from cases.engine import (
    FLOOR,
    TORCH_FUNCTIONS,
    layout,
    make_data,
    mixture_of,
    random_layers,
    raw_outputs,
)
from torch import distributions

from skmdn import _engine
from skmdn._engine import covariances, step_losses
from skmdn._engine.activations import ACTIVATIONS
from skmdn._engine.head import MixtureHead
from skmdn._engine.network import Parameters, Pass
from skmdn._engine.step_losses import PendingSums
from skmdn._network import activations as numpy_activations
from skmdn._network.forward import COVARIANCES
from skmdn._network.preparation import Preparation
from skmdn._predictor import Predictor


def test_numpy_and_torch_know_the_same_names():
    assert ACTIVATIONS.keys() == numpy_activations.ACTIVATIONS.keys() == TORCH_FUNCTIONS.keys()
    assert covariances.COVARIANCES.keys() == COVARIANCES.keys()


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
    head_layout = layout(K, D, covariance_type)
    n_raw = sum(head_layout.lengths)
    rng = np.random.default_rng(1)
    x, y = torch.tensor(rng.normal(size=(b, p))), torch.tensor(rng.normal(size=(b, D)))
    weights = torch.tensor(rng.uniform(0, 3, b)) if weighted else None
    # Layers of a multiple of 8 units lie in memory as they are, the others transposed.
    for activation, hidden in itertools.product(ACTIVATIONS, [(), (5,), (6, 8)]):
        layers = [torch.tensor(layer) for layer in random_layers([p, *hidden, n_raw])]
        parameters = Parameters(layers)
        head = MixtureHead(head_layout, b, parameters.flat)
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


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_kept", [0, 1, 4])
def test_pending_sums_equal_log_likelihoods_of_the_steps(monkeypatch, n_kept, weighted):
    K, D, b = 3, 2, 7
    like = torch.zeros(0, dtype=torch.float64)
    head = MixtureHead(layout(K, D), b, like)
    monkeypatch.setattr(step_losses, "_KEPT", n_kept * 4 * K * b)
    n_steps = 11
    totals, expected = like.new_zeros(n_steps), like.new_zeros(n_steps)
    pending = PendingSums(head, totals)
    rng = np.random.default_rng(0)
    for step in rng.permutation(n_steps).tolist():
        head.output.copy_(torch.tensor(rng.normal(0, 2, head.output.shape)))
        head.evaluate(torch.tensor(rng.normal(size=(D, 1, b))))
        weights = torch.tensor(rng.uniform(0, 3, b)) if weighted else None
        pending.keep(step, weights)
        values = head.log_likelihood() + D / 2 * math.log(2 * math.pi)
        expected[step] = (values * (1 if weights is None else weights)).sum()
    assert (totals == 0).sum() == n_steps % max(1, n_kept)
    pending.sum_up()
    pending.sum_up()  # nothing left to do
    torch.testing.assert_close(totals, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("covariance_type", ["spherical", "diag", "full"])
def test_training_and_prediction_share_one_density(covariance_type, n_outputs):
    """Forward pass and density exist twice, in torch and in numpy."""
    K, D, b, p = 3, n_outputs, 8, 4
    head_layout = layout(K, D, covariance_type)
    n_raw = sum(head_layout.lengths)
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(b, p)), rng.normal(size=(b, D))
    for activation in ACTIVATIONS:
        layers = random_layers([p, 6, n_raw], seed=3)
        parameters = Parameters([torch.tensor(layer) for layer in layers])
        head = MixtureHead(head_layout, b, parameters.flat)
        step = Pass(parameters, ACTIVATIONS[activation], head, training=False)
        step.forward(torch.tensor(np.column_stack([x, np.ones(b)])).T)
        head.evaluate(torch.tensor(y.T[:, None]))
        trained = head.log_likelihood().numpy()

        coefs, intercepts = [w[:-1] for w in layers], [w[-1] for w in layers]
        raw = raw_outputs(x, coefs, intercepts, activation)
        np.testing.assert_allclose(raw.T, head.output.numpy(), rtol=1e-10, atol=1e-10)
        network = _engine.DeviceNetwork(coefs, intercepts, activation, x.dtype, "cpu")
        on_device = np.empty_like(raw)
        network.evaluate(x, on_device, lambda rows, out: np.copyto(out, rows))
        np.testing.assert_allclose(on_device, raw, rtol=1e-10, atol=1e-10)
        density = mixture_of(raw, head_layout)
        np.testing.assert_allclose(density.logpdf(y), trained, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("covariance_type", ["spherical", "diag", "full"])
def test_scaled_densities_equal_those_of_scaled_mixtures(covariance_type):
    K, D, b = 3, 2, 7
    head_layout = layout(K, D, covariance_type)
    n_raw = sum(head_layout.lengths)
    rng = np.random.default_rng(4)
    raw, y = torch.tensor(rng.normal(size=(b, n_raw))), torch.tensor(rng.normal(size=(b, D)))
    head = MixtureHead(head_layout, b, raw)
    head.output.copy_(raw.T)
    head.evaluate(y.T[:, None])
    values = head.evaluate_scaled(raw.new_tensor([0.5, 1.0, 3.0])).numpy()
    density = mixture_of(raw.numpy(), head_layout)
    for factor, found in zip([0.5, 1.0, 3.0], values, strict=True):
        expected = density.widen(factor, 0.0).logpdf(y.numpy())
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("covariance_type", ["spherical", "diag", "full"])
def test_calibrated_density_has_the_widened_covariances(covariance_type):
    K, D, p = 3, 2, 4
    X, y, _ = make_data(p=p, n_outputs=D)
    preparation = Preparation.of(X, y, None)
    head_layout = layout(K, D, covariance_type)
    n_raw = sum(head_layout.lengths)
    layers = random_layers([p, 6, n_raw], seed=5)
    coefs, intercepts = [w[:-1] for w in layers], [w[-1] for w in layers]
    predictor = Predictor(
        preparation, coefs, intercepts, head_layout.architecture, 1.3, 0.2, 2, "cpu"
    )
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
