"""Optimiser, budget, threads, device and initialisation."""

import contextlib
import math

import numpy as np
import pytest
import torch
from cases.engine import layout, random_layers, raw_outputs

from skmdn._engine import initialisation
from skmdn._engine.budget import (
    Budget,
    auto_batch_size,
    auto_steps,
    budget_for,
    checkpoints,
    fine_tuning_begins,
    n_held_out,
)
from skmdn._engine.device import training_device
from skmdn._engine.network import Parameters
from skmdn._engine.optimizer import BETA_1, BETA_2, NAdam
from skmdn._engine.schedule import Schedule
from skmdn._engine.step_losses import StepLosses
from skmdn._engine.threads import threads_for

# Optimiser and budget ----------------------------------------------------------------------------


def ascend(adam, learning_rate, n_rows):
    adam.ascend(learning_rate, n_rows)


def ascend_on_the_device(adam, learning_rate, n_rows):
    adam.n_steps += 1
    factors = adam.factors(learning_rate, adam.n_steps)
    adam.ascend_by(*(torch.tensor(f, dtype=torch.float64) for f in factors), n_rows)


@pytest.mark.parametrize("step", [ascend, ascend_on_the_device])
@pytest.mark.parametrize("max_grad_norm", [0.05, np.inf])
@pytest.mark.parametrize("n_steps", [5, 400])
def test_optimizer_equals_torch_nadam(n_steps, max_grad_norm, step):
    rng = np.random.default_rng(0)
    parameters = Parameters([torch.tensor(layer) for layer in random_layers([3, 4, 2])])
    ours = NAdam(parameters, alpha=0.1, max_grad_norm=max_grad_norm)
    weights = [layer[:-1].clone().requires_grad_() for layer in parameters.layers]
    intercepts = [layer[-1].clone().requires_grad_() for layer in parameters.layers]
    theirs = torch.optim.NAdam(
        [{"params": weights, "weight_decay": 0.1}, {"params": intercepts, "weight_decay": 0.0}],
        lr=0.02,
        betas=(BETA_1, BETA_2),
        momentum_decay=1e9,  # theirs warms up; this makes it constant from the first step on
        decoupled_weight_decay=True,
        maximize=True,
    )
    for _ in range(n_steps):
        gradient = torch.tensor(rng.normal(size=len(parameters.flat)))
        parameters.gradient.copy_(gradient)
        for layer, w, b in zip(parameters.layer_gradients, weights, intercepts, strict=True):
            w.grad, b.grad = layer[:-1] / 8, layer[-1] / 8
        if math.isfinite(max_grad_norm):
            torch.nn.utils.clip_grad_norm_([*weights, *intercepts], max_grad_norm)
        theirs.step()
        step(ours, 0.02, n_rows=8)
    _, first, second, _ = ours.snapshot()
    for moment, name in ((-first, "exp_avg"), (second, "exp_avg_sq")):  # theirs is of the loss
        parameters.gradient.copy_(moment)  # the layers' parts of it are views of this one
        for layer, w, b in zip(parameters.layer_gradients, weights, intercepts, strict=True):
            torch.testing.assert_close(layer[:-1], theirs.state[w][name], rtol=1e-5, atol=1e-9)
            torch.testing.assert_close(layer[-1], theirs.state[b][name], rtol=1e-5, atol=1e-9)
    # Their epsilon stands outside the root: 1e-8 beside gradients of 1e-2 is 1e-6 of a step.
    for layer, w, b in zip(parameters.layers, weights, intercepts, strict=True):
        torch.testing.assert_close(layer[:-1], w.detach(), rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(layer[-1], b.detach(), rtol=1e-6, atol=1e-6)


def test_optimizer_leaves_what_has_no_gradient():
    parameters = Parameters([torch.tensor(layer).float() for layer in random_layers([3, 4, 2])])
    adam = NAdam(parameters, alpha=0.0, max_grad_norm=10.0)
    before = parameters.flat.clone()
    for _ in range(3):
        parameters.gradient.zero_()
        parameters.gradient[0] = 1.0
        adam.ascend(0.01, n_rows=4)
    assert torch.equal(parameters.flat[1:], before[1:])
    # Of a gradient that stays: the first moment without the next one's bias, and its own share.
    parts = [(1 - BETA_1**t, 1 - BETA_1 ** (t + 1)) for t in (1, 2, 3)]
    steps = [BETA_1 * now / ahead + (1 - BETA_1) / now for now, ahead in parts]
    torch.testing.assert_close(parameters.flat[0], before[0] + 0.01 * sum(steps))


@pytest.mark.parametrize("step", [ascend, ascend_on_the_device])
@pytest.mark.parametrize("size", [1e15, 1e25])
def test_optimizer_gets_over_gradients_without_a_square(size, step):
    """Their squares overflow in single precision, and a moment that is infinite stays so."""
    parameters = Parameters([torch.tensor(layer).float() for layer in random_layers([3, 4, 2])])
    adam = NAdam(parameters, alpha=0.0, max_grad_norm=10.0)
    parameters.gradient.fill_(size)
    step(adam, 0.01, n_rows=4)
    for _ in range(400):
        before = parameters.flat.clone()
        parameters.gradient.fill_(1.0)
        step(adam, 0.01, n_rows=4)
    assert ((parameters.flat - before) > 1e-4).all()


def test_moments_are_the_same_to_the_last_digit_settled_or_not():
    rng = np.random.default_rng(0)
    adams = []
    for _ in range(2):
        parameters = Parameters([torch.tensor(a).float() for a in random_layers([3, 4, 2])])
        adams.append((NAdam(parameters, alpha=0.1, max_grad_norm=10.0), parameters))
    for _ in range(30):
        gradient = torch.tensor(rng.normal(size=len(parameters.flat)))
        for adam, parameters in adams:
            parameters.gradient.copy_(gradient)
            adam.ascend(0.01, n_rows=4)
    (as_they_are, _), (settled, _) = adams
    state = as_they_are.snapshot()
    settled.settle()
    for one, two, again in zip(state, settled.snapshot(), as_they_are.snapshot(), strict=True):
        assert torch.equal(torch.as_tensor(one), torch.as_tensor(two))
        assert torch.equal(torch.as_tensor(one), torch.as_tensor(again))


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
    schedule = Schedule(1.0, 0.05, 100)
    factors = [schedule.rate(k) for k in range(100)]
    assert factors[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0], rel=1e-2)
    assert np.all(np.diff(factors[5:]) < 0)
    assert factors[-1] < 1e-3


def test_schedules_that_follow_one_another():
    schedule = Schedule(1.0, 0.05, 100)
    assert schedule.halved().rate(30) == 0.5 * schedule.rate(30)
    fine = schedule.halved().fine_tuning(60, 10)
    assert fine.rate(60) == pytest.approx(0.05 * 0.5)
    assert fine.rate(65) == pytest.approx(0.05 * 0.25)
    assert fine.halved().rate(65) == pytest.approx(0.05 * 0.125)
    assert fine.rate(70) == pytest.approx(0, abs=1e-12)


def test_when_the_fine_tuning_begins():
    begins = {
        (n_ahead, n_worse)
        for n_ahead in range(20)
        for n_worse in range(20)
        if fine_tuning_begins(20, n_ahead, n_worse)
    }
    early = {(n_ahead, n_worse) for n_ahead in range(2, 20) for n_worse in range(8, 20)}
    assert begins == early | {(2, n_worse) for n_worse in range(2, 20)}
    assert not any(fine_tuning_begins(19, n_ahead, 19) for n_ahead in range(20))


def test_budget_rules():
    assert [auto_batch_size(n) for n in (1, 2000, 10_000, 10**7)] == [32, 32, 128, 256]
    assert [auto_steps(n) for n in (10, 1000, 16_000)] == [1000, 1000, 4000]
    assert budget_for(20, None, None) == Budget(20, 1000)
    assert budget_for(100, 30, 7) == Budget(30, 21)
    assert budget_for(100, 1000, 7) == Budget(100, 7)
    rows = [2, 10, 50, 90, 200, 300, 1000]
    assert [n_held_out(n, "auto") for n in rows] == [1, 3, 17, 30, 30, 30, 100]
    assert [n_held_out(n, 0.25) for n in rows] == [1, 2, 12, 22, 50, 75, 250]
    assert (n_held_out(2, 0.9), n_held_out(100, 1e-9), n_held_out(100, 0.999)) == (1, 1, 99)
    assert checkpoints(Budget(32, 2000), 0) == list(range(100, 2001, 100))
    assert checkpoints(Budget(32, 3), 2) == [1, 2, 3]
    # Few validating rows: fewer checkpoints.
    assert checkpoints(Budget(32, 2000), 3) == [333, 667, 1000, 1333, 1667, 2000]
    assert checkpoints(Budget(32, 2000), 1) == [1000, 2000]
    # Few passes over many rows: fewer checkpoints, the last step always among them.
    few = checkpoints(Budget(256, 10_000), 200_000)
    assert len(few) == 3
    assert few[-1] == 10_000


def test_threads_are_lowered_to_what_steps_are_worth_and_restored():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        with contextlib.suppress(RuntimeError), threads_for(1000):
            inside = torch.get_num_threads()
            raise RuntimeError
        assert (inside, torch.get_num_threads()) == (1, 4)
        for work, worth in [(9_999_999, 1), (10**7, 2), (10**9, 4)]:
            with threads_for(work):
                assert torch.get_num_threads() == worth
        torch.set_num_threads(1)
        with threads_for(10**9):
            assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_automatic_device_is_the_gpu_for_large_steps_where_there_is_one(monkeypatch):
    small, few, large = (10**6, 10**6), (10**8, 100), (10**8, 1000)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [training_device("auto", *work) for work in (small, few, large)] == [
        "cpu",
        "cpu",
        "cuda",
    ]
    assert [training_device(name, *large) for name in ("cpu", "cuda:1")] == ["cpu", "cuda:1"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert training_device("auto", *large) == "cpu"


# Initialisation ----------------------------------------------------------------------------------


def test_means_start_at_weighted_quantiles():
    rng = np.random.default_rng(0)
    y = rng.gamma(2.0, size=(501, 1))
    expected = np.quantile(y[:, 0], [0.1, 0.3, 0.5, 0.7, 0.9], method="inverted_cdf")
    np.testing.assert_array_equal(initialisation.initial_means(y, None, 5)[:, 0], expected)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_weights_of_the_initialisation_count_as_repetition(n_outputs):
    rng = np.random.default_rng(1)
    y = rng.normal(size=(60, n_outputs)) + rng.integers(0, 3, (60, 1)) * 4
    counts = rng.integers(1, 4, 60)
    weighted = initialisation.initial_means(y, counts.astype(float), 3)
    repeated = initialisation.initial_means(np.repeat(y, counts, axis=0), None, 3)
    np.testing.assert_allclose(weighted, repeated, rtol=1e-12)


def test_means_of_several_outputs_start_at_cluster_centres():
    centres = np.array([[-5.0, 0.0], [0.0, 4.0], [5.0, -1.0]])
    rng = np.random.default_rng(2)
    y = centres[rng.integers(0, 3, 300)] + 0.1 * rng.normal(size=(300, 2))
    means = initialisation.initial_means(y, None, 3)
    np.testing.assert_allclose(means[np.argsort(means[:, 0])], centres, atol=0.05)
    few = np.array([[0.0, 1.0], [2.0, 3.0]])
    np.testing.assert_array_equal(
        initialisation.initial_means(few[[0, 1, 0]], None, 3), few[[0, 1, 0]]
    )


@pytest.mark.parametrize("D", [1, 2])
@pytest.mark.parametrize("apart", [0.0, 0.3, 1.0])
def test_components_that_begin_less_apart_keep_the_variance_of_the_targets(D, apart):
    y = np.random.default_rng(0).normal(size=(50, D))
    at = layout(5, D)
    intercept = initialisation.initial_intercept(y, None, at, np.empty(0), apart)
    means = intercept[5 : 5 + 5 * D].reshape(D, 5).T
    np.testing.assert_allclose(means, apart * initialisation.initial_means(y, None, 5), rtol=1e-10)
    variance = np.exp(2 * intercept[at.scales])
    np.testing.assert_allclose(variance, 1 - apart**2 + apart**2 * 0.3**2, rtol=1e-10)


def test_components_begin_the_less_apart_the_fewer_rows_each_has():
    apart = [initialisation.how_far_apart(n, 5) for n in (1, 10, 40, 100, 5000)]
    assert 0.3 < apart[0] < 0.31
    assert np.all(np.diff(apart) > 0)
    assert apart[-1] == 1.0
    assert initialisation.how_far_apart(200, 10) == initialisation.how_far_apart(100, 5)


def test_first_density_is_nearly_the_same_for_every_row():
    """A small last layer: no component is ahead of the others at the start."""
    rng = np.random.default_rng(3)
    intercept = initialisation.initial_intercept(
        rng.normal(size=(100, 1)), None, layout(4, 1), np.empty(0)
    )
    layers = initialisation.initial_layers([5, 64, 12], "silu", intercept, rng)
    raw = raw_outputs(
        rng.normal(size=(200, 5)), [w[:-1] for w in layers], [w[-1] for w in layers], "silu"
    )
    np.testing.assert_allclose(raw.mean(axis=0), intercept, atol=0.2)
    assert raw.std(axis=0).max() < 0.2


@pytest.mark.parametrize("spread", [1e-200, 1e-10])
def test_centres_of_targets_whose_differences_squares_lose(spread):
    y = 1 + spread * np.random.default_rng(0).normal(size=(20, 2))
    y[0] = -1.0
    centres = initialisation.initial_means(y, None, 5)
    np.testing.assert_allclose(np.unique(np.round(centres, 3), axis=0), [[-1, -1], [1, 1]])


def test_steps_that_overflow_have_a_loss_that_is_a_number():
    losses = StepLosses(np.full(4, 10), 2, 0.5, torch.zeros(1))
    losses.totals[:] = torch.tensor([-10.0, -30.0, float("nan"), float("-inf")])
    first, second = losses.curve(4)
    assert first == pytest.approx(2.5)
    assert 1e28 < second < np.inf
