"""From data to a trained network: the held-out part, the initialisation, the budget, the training."""

from dataclasses import replace

import numpy as np
import torch

from skmdn._arrays import Array
from skmdn._engine.budget import budget_for, n_held_out
from skmdn._engine.device import current_device, training_device
from skmdn._engine.initialisation import fresh_layers
from skmdn._engine.loop import Moments, Report, Trained, Training, TrainingOptions
from skmdn._engine.network import layer_sizes, multiply_adds
from skmdn._engine.readers import Observations
from skmdn._network.preparation import Preparation
from skmdn._network.scaling import principal_scores


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
        data, validation = hold_out(
            data, preparation, n_held_out(len(data.rows), options.validation_fraction), rng
        )
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
    device = training_device(options.device, work, budget.n_steps)
    options = replace(options, device=device)
    with current_device(device):
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
    data: Observations, preparation: Preparation, n: int, rng: np.random.Generator
) -> tuple[Observations, Observations]:
    """Split at random into rows to learn from and n rows to validate with.

    The rows are cut into strata of like targets, and one row of each validates: a few rows then
    judge low, middling and high targets alike.
    """
    n_rows = len(data.rows)
    y = principal_scores(preparation.targets(data.y[data.rows]), None)
    order = rng.permutation(n_rows)  # rows of equal targets in no order
    order = order[np.argsort(y[order], kind="stable")]
    strata = np.linspace(0, n_rows, n + 1).astype(np.intp)
    held_out = np.zeros(n_rows, dtype=bool)
    held_out[order[rng.integers(strata[:-1], strata[1:])]] = True
    return replace(data, rows=data.rows[~held_out]), replace(data, rows=data.rows[held_out])
