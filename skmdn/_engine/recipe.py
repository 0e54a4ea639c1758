"""From data to a trained network: the held-out part, the starts, the budget, the training."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from skmdn._engine.batches import Observations
from skmdn._engine.budget import budget_for
from skmdn._engine.device import current_device, training_device
from skmdn._engine.fit import Moments, Report, Trained, Training, TrainingOptions
from skmdn._engine.network import layer_sizes, multiply_adds
from skmdn._engine.starts import fresh_layers
from skmdn._preparation import Preparation

Array = NDArray[np.floating]


@torch.inference_mode()
def train(
    data: Observations,
    preparation: Preparation,
    options: TrainingOptions,
    rng: np.random.Generator,
    *,
    validation: Observations | None = None,
    layers: list[Array] | None = None,
    moments: Moments | None = None,
    report: Report | None = None,
) -> Trained:
    """Train a network on `data`, from `layers` and `moments` on where they are given.

    A part of the data is held out where the options ask for one and no `validation` is given.
    """
    held_out = None
    if validation is None and options.validation_fraction is not None and len(data.rows) > 1:
        data, validation = hold_out(data, options.validation_fraction, rng)
        held_out = validation.rows
    if layers is None:
        layers = fresh_layers(
            data,
            preparation,
            options.hidden_layer_sizes,
            activation=options.activation,
            covariance_type=options.covariance_type,
            n_components=options.n_components,
            rng=rng,
        )
    budget = budget_for(len(data.rows), options.batch_size, options.n_passes)
    work = multiply_adds(layer_sizes(layers), budget.batch_size)
    options = replace(options, device=training_device(options.device, work))
    with current_device(options.device):
        trained = Training(
            layers,
            data,
            preparation,
            options,
            budget,
            validation=validation,
            moments=moments,
            rng=rng,
            report=report,
        ).run()
    return replace(trained, held_out=held_out)


def hold_out(
    data: Observations, fraction: float, rng: np.random.Generator
) -> tuple[Observations, Observations]:
    """Split at random into rows to learn from and rows to validate with, at least one of each."""
    rows = rng.permutation(data.rows)
    n = min(max(1, round(fraction * len(rows))), len(rows) - 1)
    return replace(data, rows=rows[n:]), replace(data, rows=rows[:n])
