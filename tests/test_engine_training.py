"""The training loop: losses, checkpoints, recovery, interruption."""

import math

import numpy as np
import pytest
import torch
from cases.engine import (
    architecture,
    layout,
    make_data,
    mixture_of,
    options,
    raw_outputs,
    spied_rates,
    train,
)

from skmdn import _engine
from skmdn._engine import readers as readers_module
from skmdn._engine.optimizer import NAdam
from skmdn._engine.validation import Validation
from skmdn._estimators.observations import Observations
from skmdn._network.preparation import Preparation


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
    monkeypatch.setattr(readers_module, "_RESIDENT_BYTES", 0)
    for one, two in zip(resident.layers, train().layers, strict=True):
        np.testing.assert_array_equal(one, two)


def test_reports_are_made_at_checkpoints():
    seen = []
    trained = train(n_passes=200, learning_rate=2e-4, report=seen.append)
    curve = trained.validation_loss_curve
    assert len(curve) == 21
    assert [progress.validation_loss for progress in seen] == curve[1:]
    assert [progress.n_passes for progress in seen] == pytest.approx(np.arange(10, 201, 10))
    assert all(progress.planned == 200 for progress in seen)


def test_training_that_no_longer_helps_ends_with_a_fine_tuning_from_its_best(monkeypatch):
    rates, seen = spied_rates(monkeypatch), []
    trained = train(n_passes=200, learning_rate=0.05, report=seen.append)
    curve = trained.validation_loss_curve
    best = int(np.argmin(curve[:-2]))
    assert len(curve) == 1 + best + 8 + 2
    assert trained.n_passes == 10 * (best + 10) < 200
    assert [progress.is_fine_tuning for progress in seen] == [False] * (best + 8) + [True] * 2
    assert all(progress.planned == 200 for progress in seen)
    assert trained.fine_tuning_start == 10 * (best + 8)
    assert len(trained.loss_curve) == trained.n_passes
    # The fine-tuning's two checkpoints are near the best one, not the last before them.
    assert curve[-3] > curve[best] + 0.5
    assert curve[-2:] == pytest.approx([curve[best]] * 2, abs=0.25)
    fine = np.array(rates[50 * (best + 8) :])
    assert len(fine) == 100
    assert fine[0] == pytest.approx(0.05 * 0.05)
    assert np.all(np.diff(fine) < 0)
    assert fine[-1] < 1e-6
    assert trained.state.n_steps in {50 * best, 50 * best + 50, 50 * best + 100}


def test_the_last_tenth_fine_tunes_where_the_best_is_past(monkeypatch):
    """Validation losses that fall to one checkpoint, then rise."""
    rates = spied_rates(monkeypatch)
    for best, is_fine_tuned in [(13, True), (16, True), (17, False), (18, False)]:
        rates.clear()
        losses = iter([*range(best, 0, -1), *range(30)])
        monkeypatch.setattr(Validation, "loss", lambda self, losses=losses: next(losses))
        trained = train(n_passes=40)
        assert len(rates) == 200
        assert trained.state.n_steps == 10 * best
        assert trained.fine_tuning_start == (36 if is_fine_tuned else None)
        cosine = 5e-3 * 0.5 * (1 + np.cos(np.pi * np.arange(180, 200) / 200))
        fine = 0.05 * 5e-3 * 0.5 * (1 + np.cos(np.pi * np.arange(20) / 20))
        assert rates[180:] == pytest.approx(fine if is_fine_tuned else cosine)


def test_divergence_returns_to_the_last_good_parameters(monkeypatch):
    """A step that spoils the parameters is undone, and the rate is halved."""
    original, rates = NAdam.ascend, []

    def spoiled(self, learning_rate, n_rows):
        original(self, learning_rate, n_rows)
        rates.append(learning_rate)
        if len(rates) == 40:
            self.parameters.flat.fill_(np.nan)

    monkeypatch.setattr(NAdam, "ascend", spoiled)
    trained = train(warmup=None, validation_fraction=None)
    assert trained.n_recoveries == 1
    assert rates[0] == 5e-3
    assert rates[-1] == 2.5e-3
    assert all(np.all(np.isfinite(layer)) for layer in trained.layers)


def test_a_divergence_of_the_fine_tuning_returns_to_the_best(monkeypatch):
    settings = {"n_passes": 200, "learning_rate": 0.05}
    curve = train(**settings).validation_loss_curve
    best = int(np.argmin(curve[:-2]))
    begin = 50 * (best + 8)
    original, rates = NAdam.ascend, []

    def spoiled(self, learning_rate, n_rows):
        original(self, learning_rate, n_rows)
        rates.append(learning_rate)
        if begin < len(rates) <= begin + 50:
            self.parameters.flat.fill_(np.nan)

    monkeypatch.setattr(NAdam, "ascend", spoiled)
    trained = train(**settings)
    assert trained.n_recoveries == 1
    assert len(rates) == begin + 100
    assert rates[begin] == pytest.approx(0.05 * 0.05)
    assert rates[begin + 50] == pytest.approx(0.5 * 0.05 * 0.05 * 0.5)  # the middle of the cosine
    assert trained.validation_loss_curve[:-1] == curve[:-2]
    assert trained.validation_loss_curve[-1] == pytest.approx(curve[best], abs=0.25)


def test_training_that_always_diverges_returns_its_start(monkeypatch):
    def spoiled(self, learning_rate, n_rows):
        self.parameters.flat.fill_(np.inf)

    monkeypatch.setattr(NAdam, "ascend", spoiled)
    trained = train(validation_fraction=None)
    assert trained.n_recoveries == 20
    assert all(np.all(np.isfinite(layer)) for layer in trained.layers)


def test_a_divergence_in_the_last_step_is_undone(monkeypatch):
    """No later loss tells of it: the parameters are finite, what they predict is not."""
    original, steps = NAdam.ascend, []

    def spoiled(self, learning_rate, n_rows):
        original(self, learning_rate, n_rows)
        steps.append(learning_rate)
        if len(steps) == last:
            self.parameters.flat.fill_(1e30)

    monkeypatch.setattr(NAdam, "ascend", spoiled)
    last = math.inf
    train(validation_fraction=None)
    last = len(steps)
    steps.clear()
    trained = train(validation_fraction=None)
    assert len(steps) == last
    assert trained.n_recoveries == 1
    assert all(np.abs(layer).max() < 1e3 for layer in trained.layers)


def test_interrupt_keeps_the_best_model_so_far(monkeypatch):
    original, steps = NAdam.ascend, []

    def interrupted(self, learning_rate, n_rows):
        original(self, learning_rate, n_rows)
        steps.append(1)
        if len(steps) == 50:
            raise KeyboardInterrupt

    monkeypatch.setattr(NAdam, "ascend", interrupted)
    trained = train()
    assert trained.interrupted
    assert trained.n_passes == 10  # of 5 batches
    assert all(np.all(np.isfinite(layer)) for layer in trained.layers)


@pytest.mark.parametrize("spoils", [False, True])
@pytest.mark.parametrize("words", [{}, {"validation_fraction": None}])
def test_an_interrupt_before_the_first_checkpoint_keeps_what_was_learned(
    monkeypatch, words, spoils
):
    """Unless that is no number."""
    original, steps, start = NAdam.ascend, [], []

    def interrupted(self, learning_rate, n_rows):
        start[:] = start or self.state(self.snapshot()).layers
        original(self, learning_rate, n_rows)
        steps.append(1)
        if len(steps) == 4:
            if spoils:
                self.parameters.flat.fill_(math.nan)
            raise KeyboardInterrupt

    monkeypatch.setattr(NAdam, "ascend", interrupted)
    trained = train(n_passes=400, **words)
    assert trained.interrupted
    pairs = zip(trained.layers, start, strict=True)
    assert [np.array_equal(*pair) for pair in pairs] == [spoils] * len(start)


@pytest.mark.parametrize("average", [False, True])
def test_going_on_with_the_state_equals_not_stopping(average):
    """Passes one by one, the optimiser's state handed on, equal the passes at once."""
    X, y, _ = make_data(n=30, n_outputs=1, weighted=False)
    data = Observations.of(X, y)
    settings = {"warmup": None, "batch_size": 30, "dtype": "float64"}

    def trained(start, n_passes):
        rng = np.random.default_rng(0)
        how = options(n_passes=n_passes, average=average, **settings)
        return _engine.train(data, start, how, rng, rng)

    start = _engine.Start(Preparation.of(X, y, None), architecture())
    at_once = trained(start, 6)
    for _ in range(6):
        part = trained(start, 1)
        start = start._replace(layers=part.layers, state=part.state)
    for one, two in zip(at_once.layers, start.layers, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-12)


def test_the_average_is_that_of_the_parameters_of_all_steps(monkeypatch):
    """Weights of polynomial decay, by the recursion's closed product."""
    seen, original = [], NAdam.ascend

    def spied(self, learning_rate, n_rows):
        original(self, learning_rate, n_rows)
        seen.append(self.parameters.to_numpy(self.parameters.flat))

    monkeypatch.setattr(NAdam, "ascend", spied)
    trained = train(average=True, validation_fraction=None, dtype="float64", n_passes=4)
    shares = [11 / (t + 10) for t in range(1, len(seen) + 1)]
    weights = [share * np.prod([1 - s for s in shares[i + 1 :]]) for i, share in enumerate(shares)]
    assert np.sum(weights) == pytest.approx(1)
    for layer, steps in zip(trained.layers, zip(*seen, strict=True), strict=True):
        np.testing.assert_allclose(layer, np.tensordot(weights, steps, 1), rtol=1e-9, atol=1e-12)
    for last, layer in zip(trained.state.layers, seen[-1], strict=True):
        np.testing.assert_array_equal(last, layer)


def test_a_divergence_leaves_the_average_as_it_was(monkeypatch):
    original, steps = NAdam.ascend, []

    def spoiled(self, learning_rate, n_rows):
        original(self, learning_rate, n_rows)
        steps.append(learning_rate)
        if len(steps) == 40:
            self.parameters.flat.fill_(np.nan)

    monkeypatch.setattr(NAdam, "ascend", spoiled)
    trained = train(average=True, warmup=None, validation_fraction=None)
    assert trained.n_recoveries == 1
    assert all(np.all(np.isfinite(layer)) for layer in trained.layers)


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
    raw = raw_outputs(preparation.inputs(X), coefs, intercepts, "silu")
    density = mixture_of(raw, layout(2, 1)).affine(preparation.y_mean, preparation.y_scale)
    expected = -np.average(density.logpdf(y), weights=weights)
    np.testing.assert_allclose(trained.loss_curve, expected, rtol=1e-8)
