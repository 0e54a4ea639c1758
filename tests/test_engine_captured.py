"""What a GPU does, on the CPU: steps captured once, told their number alone, and replayed."""

from importlib import import_module

import numpy as np
import pytest
from cases.engine import architecture, make_data, options, train
from cases.regressor import linear_rows, short

from skmdn import _engine
from skmdn._engine import steps as steps_module
from skmdn._engine.batches import DrawnBatches
from skmdn._engine.optimizer import NAdam
from skmdn._estimators.observations import Observations
from skmdn._network.preparation import Preparation


@pytest.fixture
def replayed(monkeypatch):
    """Training captures its steps; how often each graph is replayed."""
    counts = []

    def capture(work):
        place = len(counts)
        counts.append(0)

        def replay():
            counts[place] += 1
            work()

        return replay

    monkeypatch.setattr(import_module("skmdn._engine.train"), "is_captured", lambda device: True)
    monkeypatch.setattr(steps_module, "cuda_graph", capture)
    return counts


@pytest.mark.parametrize("weighted", [False, True])
def test_a_captured_step_equals_a_direct_one(monkeypatch, request, weighted):
    # 82 rows in batches of 16 and one of 18. At larger rates roundings grow with the steps.
    settings = {"alpha": 0.1, "dtype": "float64", "learning_rate": 1e-3}

    def begins(n_checkpoints, n_ahead, n_worse):
        """Two thirds of the way, whatever the training finds."""
        return n_ahead == n_checkpoints // 3

    monkeypatch.setattr("skmdn._engine.loop.fine_tuning_begins", begins)
    direct = train(weighted=weighted, **settings)
    replayed = request.getfixturevalue("replayed")

    def shuffle(self, rng):
        """The order of the direct steps."""
        rng.shuffle(self._order.numpy())

    monkeypatch.setattr(DrawnBatches, "_shuffle", shuffle)
    captured = train(weighted=weighted, **settings)
    assert len(replayed) == 4  # two sizes of batch, before and in the fine-tuning
    assert captured.validation_loss_curve == pytest.approx(direct.validation_loss_curve, rel=1e-10)
    assert sum(replayed) > 100
    np.testing.assert_allclose(captured.loss_curve, direct.loss_curve, rtol=1e-10)
    for one, two in zip(captured.layers, direct.layers, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-8, atol=1e-12)


def test_captured_parts_equal_direct_ones(monkeypatch, request):
    """Also where a fine-tuning goes back to a step within a pass."""
    X, y, weights = make_data(n_outputs=1)
    data = Observations.of(X, y + X[:, :1], weights)
    start = _engine.Start(Preparation.of(X, data.y, weights), architecture())
    own = [
        _engine.Part(data.select(np.setdiff1d(data.rows, rows)), data.select(rows), start)
        for rows in np.array_split(data.rows, 3)
    ]
    how = options(alpha=0.1, dtype="float64", learning_rate=1e-3, n_passes=45)

    def trained():
        # Best at the seventh of 20 checkpoints, whatever the trainings find.
        losses = iter(np.abs(np.arange(-7.0, 20.0)))
        monkeypatch.setattr("skmdn._engine.parts._common_loss", lambda *_: next(losses))
        return _engine.train_parts(own, how, np.random.default_rng(0))

    direct = trained()
    replayed = request.getfixturevalue("replayed")
    monkeypatch.setattr(
        DrawnBatches, "_shuffle", lambda self, rng: rng.shuffle(self._order.numpy())
    )
    captured = trained()
    assert sum(replayed) > 100
    # Seven checkpoints after the beginning, and two of the fine-tuning.
    assert captured.losses == direct.losses
    assert len(direct.losses) == 1 + 7 + 2
    for ours, theirs in zip(captured.layers, direct.layers, strict=True):
        for one, two in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-8, atol=1e-12)


def test_captured_steps_carry_atoms(monkeypatch, request):
    X, y = linear_rows()
    y = np.maximum(y, 0.0)
    settings = {"target_atoms": [0], "dtype": "float64", "batch_size": 16, "encoding": None}
    direct = short(**settings).fit(X, y)
    replayed = request.getfixturevalue("replayed")
    monkeypatch.setattr(
        DrawnBatches, "_shuffle", lambda self, rng: rng.shuffle(self._order.numpy())
    )
    captured = short(**settings).fit(X, y)
    assert sum(replayed) > 10
    assert direct.predict_proba(X).atom_probability().min() > 0
    np.testing.assert_allclose(captured.loss_curve_, direct.loss_curve_, rtol=1e-10)
    np.testing.assert_allclose(captured.predict(X), direct.predict(X), rtol=1e-8)


def test_an_order_of_its_own_learns_as_well(request):
    direct = train(n_passes=100)
    request.getfixturevalue("replayed")
    captured = train(n_passes=100)
    assert min(captured.validation_loss_curve) == pytest.approx(
        min(direct.validation_loss_curve), abs=0.05
    )
    again = train(n_passes=100)
    for one, two in zip(captured.layers, again.layers, strict=True):
        np.testing.assert_array_equal(one, two)


def test_after_a_divergence_steps_are_captured_anew_at_half_the_rate(monkeypatch, replayed):
    original, seen = NAdam.ascend_by, []

    def spoiled(self, rate, share, decay, n_rows):
        original(self, rate, share, decay, n_rows)
        # The bias of Adam's moments, put right in `rate`, is no part of the learning rate.
        seen.append(float(rate) / self.factors(1.0, self.n_steps)[0])
        if len(seen) == 40:
            self.parameters.flat.fill_(np.nan)

    monkeypatch.setattr(NAdam, "ascend_by", spoiled)
    trained = train(warmup=None, validation_fraction=None)
    assert trained.n_recoveries == 1
    assert len(replayed) == 4
    assert seen[0] == pytest.approx(5e-3, rel=1e-5)
    assert seen[-1] == pytest.approx(2.5e-3, rel=1e-5)
    assert all(np.all(np.isfinite(layer)) for layer in trained.layers)
