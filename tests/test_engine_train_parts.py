"""Trainings side by side, which stop together."""

import numpy as np
import pytest
from cases.engine import architecture, make_data, options

from skmdn import _engine
from skmdn._engine.initialisation import fresh_layers
from skmdn._engine.loop import Look
from skmdn._engine.parts import Rival, _train_together
from skmdn._estimators.observations import Observations
from skmdn._network.preparation import Preparation

STEPS = np.array([range(0, 210, 10), range(0, 105, 5)])


class Told:
    """A training whose losses at its steps are known, and after a fine-tuning from any of them."""

    def __init__(self, steps, losses, fine_tuned):
        self.losses = dict(zip(steps, map(np.atleast_1d, losses), strict=True))
        self.fine_tuned, self.asked, self.went_back = np.atleast_1d(fine_tuned), [], None

    def look(self, step):
        self.asked.append(step)
        return Look(step, self.losses[step] if self.went_back is None else self.fine_tuned)

    def go_back(self, snapshot, step, n_steps):
        assert snapshot == step
        self.went_back = step, n_steps
        return step - step % 3

    def layers(self, snapshot):
        return [snapshot]


def together(losses, fine_tuned=9.0, steps=STEPS, shares=(0.5, 0.5), rival=None):
    loops = [Told(*each, fine_tuned) for each in zip(steps.tolist(), losses, strict=True)]
    return _train_together(loops, steps, np.array(shares), rival), loops


def valley(at, n=21):
    return np.abs(np.arange(n) - at).astype(float)


def test_all_parts_end_where_their_mean_loss_is_lowest():
    found, loops = together([valley(2), valley(6)], shares=[0.3, 0.7])
    expected = [0.3 * abs(i - 2) + 0.7 * (6 - i) for i in range(7)]
    assert found.losses[:7] == pytest.approx(expected)
    # Five checkpoints after the best one tell that there is none better to come.
    assert loops[0].asked == [*range(0, 120, 10), 70, 80]


def test_a_fine_tuning_follows():
    found, loops = together([valley(6), valley(6)], fine_tuned=1.5)
    assert found.losses == [6, 5, 4, 3, 2, 1, 0, 1.5, 1.5]
    assert [loop.went_back for loop in loops] == [(60, 20), (30, 10)]
    assert [loop.asked[-2:] for loop in loops] == [[70, 80], [35, 40]]
    assert found.layers == [[80], [40]]


@pytest.mark.parametrize("best", [19, 20])
def test_there_is_no_fine_tuning_at_the_end_of_a_training(best):
    found, loops = together([valley(best), valley(best)], fine_tuned=-1.0)
    assert found.losses == valley(best)[: best + 1].tolist()
    assert loops[0].went_back is None


def test_there_is_none_with_few_checkpoints():
    found, loops = together([valley(2, 11), valley(2, 11)], fine_tuned=-1.0, steps=STEPS[:, :11])
    assert found.losses == [2, 1, 0]
    assert loops[0].went_back is None


def test_networks_before_training_may_be_the_best():
    found, _ = together([valley(0), valley(0)])
    assert found.losses == [0.0]
    found, _ = together([valley(0), valley(0)], fine_tuned=-1.0)
    assert found.losses == [0.0, -1.0, -1.0]


def test_the_factor_of_the_scales_is_common_to_all_parts():
    # Each part is best at the third checkpoint with a factor of its own, together at the fifth.
    one, two = np.full((2, 21, 2), 5.0)
    one[3], two[3] = [0.0, 8.0], [8.0, 0.0]
    one[5], two[5] = [3.0, 8.0], [3.0, 8.0]
    found, _ = together([one, two])
    assert np.argmin(found.losses[:-2]) == 5
    assert found.losses[5] == 3.0


def test_a_training_that_is_far_behind_is_given_up():
    slow = [20.0 - np.arange(21)] * 2
    _, loops = together(slow)
    assert len(loops[0].asked) == 21
    # It must not be behind after a quarter of the steps; before, it may.
    losses = [0.0] * 5 + [13.5 - i for i in range(16)]
    assert together(slow, rival=Rival(losses, 2.0))[0] is not None
    found, loops = together(slow, rival=Rival([*losses[:10], 7.5, *losses[11:]], 2.0))
    assert found is None
    assert len(loops[0].asked) == 11
    # One that ended earlier is as far ahead as it was at its end.
    found, loops = together(slow, rival=Rival([9.0, 8.5], 1.0))
    assert found is None
    assert len(loops[0].asked) == 6


def test_a_training_that_overfits_at_once_but_was_the_best_is_not_given_up():
    overfits = [np.arange(21.0)] * 2
    found, loops = together(overfits, rival=Rival([0.5, 0.1], 2.0))
    assert found is not None
    assert len(loops[0].asked) == 8  # six, and a fine-tuning
    assert together(overfits, rival=Rival([0.5, -0.1], 2.0))[0] is None


# Real trainings ----------------------------------------------------------------------------------


def parts(n_parts=3):
    X, y, weights = make_data(n_outputs=1)
    data = Observations.of(X, y + X[:, :1], weights)
    found = []
    for rows in np.array_split(np.arange(len(data)), n_parts):
        others = np.setdiff1d(data.rows, rows)
        preparation = Preparation.of(X[others], data.y[others], weights[others])
        start = _engine.Start(preparation, architecture())
        found.append(_engine.Part(data.select(others), data.select(rows), start))
    return found


def alone(own, *, is_judged):
    """The same trainings, one after the other."""
    rng = np.random.default_rng(0)
    layers = [fresh_layers(p.learning, p.start.preparation, p.start.architecture, rng) for p in own]
    for part, first, order_rng in zip(own, layers, rng.spawn(len(own)), strict=True):
        start = part.start._replace(layers=first)
        validation = part.judging if is_judged else None
        yield _engine.train(part.learning, start, options(), rng, order_rng, validation=validation)


def test_a_part_is_the_same_training_as_alone():
    own = parts()
    together = _engine.train_parts(own, options(), np.random.default_rng(0), stops=False)
    assert len(together.losses) == 2
    for trained, layers in zip(alone(own, is_judged=False), together.layers, strict=True):
        for ours, theirs in zip(trained.layers, layers, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_the_loss_curve_is_that_of_all_judging_rows():
    own = parts()
    found = _engine.train_parts(own, options(), np.random.default_rng(0))
    curves = [trained.validation_loss_curve for trained in alone(own, is_judged=True)]
    weights = [part.judging.weights[part.judging.rows].sum() for part in own]
    mean = np.average([curve[:3] for curve in curves], axis=0, weights=weights)
    np.testing.assert_allclose(found.losses[:3], mean, rtol=1e-6)


def test_a_training_that_diverges_recovers():
    found = _engine.train_parts(
        parts(), options(learning_rate=1e25, max_grad_norm=np.inf), np.random.default_rng(0)
    )
    assert all(np.isfinite(layer).all() for layers in found.layers for layer in layers)


@pytest.mark.parametrize(("n_passes", "batch_size"), [(1, 200), (2, 50), (1, 16)])
def test_few_steps_are_enough(n_passes, batch_size):
    how = options(n_passes=n_passes, batch_size=batch_size)
    found = _engine.train_parts(parts(), how, np.random.default_rng(0))
    assert 1 <= len(found.losses) <= 1 + 20
    assert all(np.isfinite(layer).all() for layers in found.layers for layer in layers)
