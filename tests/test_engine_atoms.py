"""The head with atoms: likelihood and gradient, against autograd and `TargetMixture`."""

import numpy as np
import pytest
import torch
from cases.engine import FLOOR, architecture, make_data
from torch import distributions

from skmdn import TargetMixture
from skmdn._engine.head import LOG_2PI, MixtureHead
from skmdn._engine.initialisation import initial_intercept
from skmdn._engine.readers import ResidentReader, ResidentRows, StreamReader, kernel_terms
from skmdn._estimators.observations import Observations
from skmdn._estimators.target_atoms import at_atoms
from skmdn._network.atom_shares import LEAST_SHARE, atom_weights, tempered
from skmdn._network.forward import HeadLayout
from skmdn._network.preparation import Preparation
from skmdn.mixture import Mixture

K, A, B = 3, 2, 12
ATOMS = np.array([-1.5, 4.0])
LAYOUT = HeadLayout(architecture(n_components=K, n_atoms=A), 1)
ATOM = np.array([-1, 0, 1, -1, 0, -1, -1, 1, -1, 0, -1, -1])


@pytest.fixture
def rows():
    """Raw outputs ``(b, out)``, targets ``(b, 1)``, and their preparation."""
    rng = np.random.default_rng(0)
    raw, y = rng.normal(size=(B, sum(LAYOUT.lengths))), rng.normal(3, 7, (B, 1))
    preparation = Preparation.of(np.zeros((B, 1)), y, None)
    y[ATOM >= 0, 0] = ATOMS[ATOM[ATOM >= 0]]
    return raw, y, preparation


def evaluated(raw, y, preparation):
    """A head after `evaluate`, the second time in used buffers."""
    like = torch.zeros(0, dtype=torch.float64)
    head = MixtureHead(LAYOUT, B, like)
    terms = kernel_terms(ATOM, A, preparation)
    batch = torch.tensor(np.vstack([preparation.targets(y).T, terms]))[:, None]
    for _ in range(2):
        head.output.copy_(torch.tensor(raw.T))
        head.evaluate(batch)
        head.differentiate(None)
    return head


def density_of(raw, preparation, factor=1.0):
    """The target mixtures of raw outputs, as prediction makes them."""
    logits, means, scales, _ = LAYOUT.parameters(raw)
    base = Mixture.from_logits(logits, means[..., 0], scales[..., 0]).widen(factor, 0.0)
    base = base.affine(preparation.y_mean[0], preparation.y_scale[0])
    return TargetMixture(base, None, ATOMS, atom_weights(LAYOUT.log_shares(raw), 1.0))


def test_losses_are_those_of_target_mixtures(rows):
    raw, y, preparation = rows
    head, log_unit = evaluated(raw, y, preparation), np.log(preparation.y_scale[0])
    expected = density_of(raw, preparation).logpdf(y[:, 0])
    np.testing.assert_allclose(
        head.log_likelihood().numpy() - log_unit, expected, rtol=1e-10, atol=1e-10
    )
    factors = torch.tensor([0.5, 1.0, 3.0], dtype=torch.float64)
    for factor, values in zip(factors.tolist(), head.evaluate_scaled(factors), strict=True):
        expected = density_of(raw, preparation, factor).logpdf(y[:, 0])
        np.testing.assert_allclose(values.numpy() - log_unit, expected, rtol=1e-10)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_gradient_equals_autograd(rows, weighted):
    raw, y, preparation = rows
    leaf = torch.tensor(raw, requires_grad=True)
    shares = torch.log_softmax(leaf[:, : K + A], 1)
    means, spread = leaf[:, K + A : 2 * K + A], leaf[:, 2 * K + A :]
    z = torch.tensor(preparation.targets(y))
    kernels = distributions.Normal(means, spread.exp() + FLOOR).log_prob(z)
    of_density = torch.logsumexp(shares[:, :K] + kernels, 1)
    of_atoms = shares[torch.arange(B), K + torch.tensor(np.maximum(ATOM, 0))]
    weights = torch.tensor(np.random.default_rng(1).uniform(0, 3, B)) if weighted else None
    values = torch.where(torch.tensor(ATOM) < 0, of_density, of_atoms)
    (values if weights is None else values * weights).sum().backward()
    head = evaluated(raw, y, preparation)
    found = head.differentiate(weights)
    torch.testing.assert_close(found.T, leaf.grad, rtol=1e-10, atol=1e-10)


def test_single_precision_is_finite_far_from_all_components(rows):
    """Rows off the atoms keep their likelihood where it is tiny, and rows at atoms theirs."""
    raw, y, preparation = rows
    raw[:, K : K + A] += 60.0
    raw[:, 2 * K + A :] = -20.0  # of the logarithms of scales: all on the floor
    like = torch.zeros(0, dtype=torch.float32)
    head = MixtureHead(LAYOUT, B, like)
    terms = kernel_terms(ATOM, A, preparation)
    head.output.copy_(torch.tensor(raw.T))
    head.evaluate(torch.tensor(np.vstack([preparation.targets(y).T, terms]))[:, None].float())
    values = head.log_likelihood().numpy() - np.log(preparation.y_scale[0])
    expected = density_of(raw, preparation)
    share = np.exp(LAYOUT.log_shares(raw)[:, -1])  # below the least that prediction leaves
    assert np.all(share < LEAST_SHARE)
    off = ATOM < 0
    truth = expected.base.logpdf(y[:, 0]) + LAYOUT.log_shares(raw)[:, -1]
    np.testing.assert_allclose(values[off], truth[off], rtol=1e-4)
    assert torch.isfinite(head.differentiate(None)).all()


def test_readers_carry_atoms_to_batches():
    X, y, weights = make_data(n_outputs=1)
    y[::3], y[1::7] = ATOMS[0], ATOMS[1]
    data = at_atoms(Observations(X, y, weights, np.arange(3, 90), 1), ATOMS)
    preparation = Preparation.of(X, data.targets_off_atoms(), weights)
    host = StreamReader(data, preparation, 20, torch.float64)
    rows = ResidentRows(StreamReader(data, preparation, 8, torch.float64), torch.device("cpu"))
    device = ResidentReader(rows, 20)
    places = np.array([5, 0, 7, 40, 12])
    host.read(host.index[places])
    device.read(device.index[places])
    assert torch.equal(host.y[:, :5], device.y[:, :5])
    targets = y[3:90][places, 0]
    z = (targets - preparation.y_mean) / preparation.y_scale
    constant = 0.5 * LOG_2PI + np.log(preparation.y_scale[0])
    at = targets == ATOMS[:, None]
    assert at.any(axis=1).all()
    assert not at.any(axis=0).all()
    expected = [z, np.where(at.any(axis=0), -1e30, 0.0), *np.where(at, constant, -1e30)]
    np.testing.assert_allclose(host.y[:, :5], expected, rtol=1e-12)


def test_initial_shares_are_those_of_the_rows():
    y = np.random.default_rng(0).normal(size=(100, 1))
    raw = initial_intercept(y, None, LAYOUT, np.array([0.25, 0.15]))[None]
    np.testing.assert_allclose(np.exp(LAYOUT.log_shares(raw)), [[0.25, 0.15, 0.6]])
    np.testing.assert_allclose(
        LAYOUT.parameters(raw).means[0, :, 0], np.sort(y[:, 0])[[16, 49, 83]]
    )
    raw = initial_intercept(y, None, LAYOUT, np.array([1.0, 0.0]))[None]
    np.testing.assert_allclose(
        np.exp(LAYOUT.log_shares(raw)), [[0.9998, 0.0001, 0.0001]], rtol=1e-3
    )


def test_atoms_keep_their_shares_in_other_units():
    raw = np.random.default_rng(0).normal(size=(5, sum(LAYOUT.lengths)))
    factors, shifts = LAYOUT.in_other_units(np.array([2.0]), np.array([3.0]))
    changed = factors * raw + shifts
    np.testing.assert_allclose(LAYOUT.log_shares(changed), LAYOUT.log_shares(raw), rtol=1e-12)
    before, after = LAYOUT.parameters(raw), LAYOUT.parameters(changed)
    np.testing.assert_allclose(after.means, 2 * before.means + 3, rtol=1e-12)
    np.testing.assert_allclose(after.scales - FLOOR, 2 * (before.scales - FLOOR), rtol=1e-12)
    np.testing.assert_array_equal(after.logits, before.logits)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_weights_of_atoms_at_a_temperature(temperature):
    """Powers of the probabilities, and no less than the least share for the density."""
    shares = np.random.default_rng(0).dirichlet(np.ones(4), 50)
    shares[:3, -1] = 0.0, 1e-30, 1e-7
    shares /= shares.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        found = atom_weights(np.log(shares), temperature)
        log_shares = tempered(np.log(shares), temperature)
    powers = shares ** (1 / temperature)
    powers /= powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.exp(log_shares), powers, rtol=1e-12)
    np.testing.assert_allclose(
        1 - found.sum(axis=1), np.maximum(powers[:, -1], LEAST_SHARE), atol=1e-15
    )
    np.testing.assert_allclose(
        found / found.sum(axis=1, keepdims=True),
        powers[:, :-1] / powers[:, :-1].sum(axis=1, keepdims=True),
        rtol=1e-12,
    )
