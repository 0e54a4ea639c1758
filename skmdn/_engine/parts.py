"""Trainings on parts of the same rows, side by side, which together tell when to stop."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from skmdn._arrays import Array, FloatArray, IntArray
from skmdn._engine.budget import (
    FINE_TUNING_CHECKPOINTS,
    MAX_CHECKPOINTS,
    Budget,
    affordable_checkpoints,
    budget_for,
    evenly_spaced,
)
from skmdn._engine.device import current_device, training_device
from skmdn._engine.initialisation import fresh_layers
from skmdn._engine.loop import Look, TrainingLoop
from skmdn._engine.network import layer_sizes, multiply_adds
from skmdn._engine.options import TrainingOptions
from skmdn._engine.threads import threads_for
from skmdn._engine.train import Start, new_loop
from skmdn._estimators.observations import Observations

# Training ends when so many checkpoints have followed the best one. The loss of all rows is a
# better judge than that of a small validation part, so it takes less patience.
_PATIENCE = 5


class Part(NamedTuple):
    """Rows to learn from, rows to judge by, and the initial state of a training, without layers."""

    learning: Observations
    judging: Observations
    start: Start


class TrainedParts(NamedTuple):
    """Networks that ended at the same checkpoint."""

    layers: list[list[Array]]  # of every part, (in + 1, out), intercepts last
    # Mean losses of all judging rows before training and at every checkpoint to the end.
    losses: list[float]


class Rival(NamedTuple):
    """Other networks for the same parts, and by how much the losses of two may differ by chance."""

    losses: list[float]
    margin: float

    def is_ahead_of(self, losses: list[float]) -> bool:
        """Whether a training with such losses so far has no chance.

        The rival is far ahead of it at the same checkpoint, or was at its end. And its best is
        better: there are networks that overfit at once, but were the best before.
        """
        same = self.losses[min(len(losses), len(self.losses)) - 1]
        return losses[-1] > same + self.margin and min(losses) > min(self.losses)


@torch.inference_mode()
def train_parts(
    parts: list[Part],
    options: TrainingOptions,
    rng: np.random.Generator,
    *,
    stops: bool = True,
    rival: Rival | None = None,
) -> TrainedParts | None:
    """Train all parts up to the checkpoint at which they judge best, and fine-tune them there.

    There are 20 checkpoints, or fewer if judging would cost more than a tenth of the training.
    There is no fine-tuning with fewer, where one of the last two is the best, or where networks are
    best before training and it does them no good. Unless training `stops`, it goes on to its end.
    It is given up (None) if after a quarter of the steps or more a `rival` is far ahead.
    """
    budgets = [budget_for(len(p.learning), options.batch_size, options.n_passes) for p in parts]
    layers = [
        fresh_layers(p.learning, p.start.preparation, p.start.architecture, rng) for p in parts
    ]
    work = max(multiply_adds(layer_sizes(layers[0]), budget.batch_size) for budget in budgets)
    device = training_device(options.device, work, max(budget.n_steps for budget in budgets))
    options = replace(options, device=device)
    with threads_for(work), current_device(device):
        loops = [
            new_loop(
                part.start._replace(layers=own),
                part.learning,
                part.judging,
                options,
                budget,
                order_rng,
                None,
            )
            for part, own, budget, order_rng in zip(
                parts, layers, budgets, rng.spawn(len(parts)), strict=True
            )
        ]
        shares = _shares_of_weight(parts)
        if not stops:
            begun = [loop.look(0) for loop in loops]
            ended = [loop.look(budget.n_steps) for loop, budget in zip(loops, budgets, strict=True)]
            losses = [_common_loss(looks, shares) for looks in (begun, ended)]
            return _ended(loops, ended, losses)
        number = min(options.max_checkpoints, *map(_affordable, parts, budgets))
        steps = np.array([[0, *evenly_spaced(budget.n_steps, number)] for budget in budgets])
        return _train_together(loops, steps, shares, rival)


def _train_together(
    loops: list[TrainingLoop],
    steps: IntArray,
    shares: FloatArray,
    rival: Rival | None = None,
) -> TrainedParts | None:
    """Look at all trainings at their ``steps (P, checkpoints)``, and end them at the best ones."""
    number = steps.shape[1] - 1
    looks: list[list[Look]] = []
    losses: list[float] = []
    best = 0
    while len(looks) <= number and len(looks) - 1 - best < _PATIENCE:
        now = steps[:, len(looks)].tolist()
        looks.append([loop.look(step) for loop, step in zip(loops, now, strict=True)])
        losses.append(_common_loss(looks[-1], shares))
        best = int(np.argmin(losses))
        if len(losses) > number / 4 and rival is not None and rival.is_ahead_of(losses):
            return None
    looks, losses = looks[: best + 1], losses[: best + 1]
    if number == MAX_CHECKPOINTS and best <= number - FINE_TUNING_CHECKPOINTS:
        firsts, lasts = steps[:, best], steps[:, best + FINE_TUNING_CHECKPOINTS]
        fine_tuned = _fine_tuned(loops, looks[best], firsts, lasts - firsts)
        further = [_common_loss(look, shares) for look in fine_tuned]
        # The least of several losses is flattered by luck; that before training is none of several.
        if best > 0 or further[-1] < losses[-1]:
            looks, losses = looks + fine_tuned, losses + further
    return _ended(loops, looks[-1], losses)


def _fine_tuned(
    loops: list[TrainingLoop], looks: list[Look], steps: IntArray, n_steps: IntArray
) -> list[list[Look]]:
    """Looks at the checkpoints of fine-tunings, which begin at these steps ``(P,)``."""
    found: list[list[Look]] = [[] for _ in range(FINE_TUNING_CHECKPOINTS)]
    for loop, look, step, n in zip(loops, looks, steps.tolist(), n_steps.tolist(), strict=True):
        first = loop.go_back(look.snapshot, step, n)
        for checkpoint, made in zip(found, evenly_spaced(n, FINE_TUNING_CHECKPOINTS), strict=True):
            checkpoint.append(loop.look(first + made))
    return found


def _ended(loops: list[TrainingLoop], looks: list[Look], losses: list[float]) -> TrainedParts:
    layers = [loop.layers(look.snapshot) for loop, look in zip(loops, looks, strict=True)]
    return TrainedParts(layers, losses)


def _affordable(part: Part, budget: Budget) -> int:
    return max(2, affordable_checkpoints(budget, len(part.judging)))


def _shares_of_weight(parts: list[Part]) -> FloatArray:
    """Share of each part's judging rows in the weight of all ``(P,)``."""
    weights = [len(part.judging) * part.judging.mean_weight() for part in parts]
    return np.array(weights) / np.sum(weights)


def _common_loss(looks: list[Look], shares: FloatArray) -> float:
    """Mean loss of all judging rows at the best common factor of the scales."""
    return float((shares @ [look.losses for look in looks]).min())
