"""From data to a trained network: the initialisation, the budget, the loop."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from skmdn._arrays import Array
from skmdn._engine.averaging import ParameterAverage
from skmdn._engine.batches import Batches, DrawnBatches
from skmdn._engine.budget import Budget, budget_for, checkpoints
from skmdn._engine.device import current_device, training_device
from skmdn._engine.head import LOG_2PI
from skmdn._engine.initialisation import fresh_layers
from skmdn._engine.loop import Report, Trained, TrainingLoop
from skmdn._engine.network import Parameters, Passes, layer_sizes, multiply_adds
from skmdn._engine.optimizer import NAdam, OptimizerState
from skmdn._engine.options import TrainingOptions
from skmdn._engine.readers import resident_rows
from skmdn._engine.runs import kept_in_memory
from skmdn._engine.schedule import Schedule
from skmdn._engine.step_losses import StepLosses
from skmdn._engine.steps import Steps, is_captured
from skmdn._engine.threads import threads_for
from skmdn._engine.validation import BATCH_SIZE, Validation
from skmdn._estimators.observations import Observations
from skmdn._network.architecture import Architecture
from skmdn._network.forward import head_layout
from skmdn._network.preparation import Preparation


class Start(NamedTuple):
    """Initial state of a training; without layers or optimiser state, these are made anew."""

    preparation: Preparation
    architecture: Architecture
    layers: list[Array] | None = None  # (in + 1, out), intercepts last
    state: OptimizerState | None = None


@torch.inference_mode()
def train(
    data: Observations,
    start: Start,
    options: TrainingOptions,
    rng: np.random.Generator,
    order_rng: np.random.Generator,
    *,
    validation: Observations | None = None,
    report: Report | None = None,
) -> Trained:
    """Train a network on `data`. `order_rng` shuffles the batches; `rng` draws new layers."""
    layers = start.layers
    if layers is None:
        layers = fresh_layers(data, start.preparation, start.architecture, rng)
    budget = budget_for(len(data), options.batch_size, options.n_passes)
    work = multiply_adds(layer_sizes(layers), budget.batch_size)
    options = replace(options, device=training_device(options.device, work, budget.n_steps))
    # Buffers are made inside this block too: filling them outside would start further threads.
    with threads_for(work), current_device(options.device):
        start = start._replace(layers=layers)
        loop = new_loop(start, data, validation, options, budget, order_rng, report)
        return loop.run()


def new_loop(
    start: Start,
    data: Observations,
    validation: Observations | None,
    options: TrainingOptions,
    budget: Budget,
    rng: np.random.Generator,
    report: Report | None,
) -> TrainingLoop:
    """The loop with all its parts, on the device."""
    layers = [_tensor(layer, options) for layer in start.layers or []]
    optimizer = NAdam(Parameters(layers), alpha=options.alpha, max_grad_norm=options.max_grad_norm)
    if start.state is not None:
        optimizer.restore_state(start.state)
    parameters, layout = optimizer.parameters, head_layout(start.architecture, start.preparation)
    passes = Passes(parameters, layout)
    batches = _batches(data, start.preparation, budget.batch_size, parameters.flat)
    # The Jacobian of the preparation turns losses of standardised targets into those of y.
    log_unit = float(np.log(start.preparation.y_scale).sum())
    losses = StepLosses(
        np.resize(np.diff(batches.edges), budget.n_steps),
        batches.n_batches,
        0.5 * layout.n_outputs * LOG_2PI + log_unit,
        parameters.flat,
    )
    schedule = Schedule(options.learning_rate, options.warmup, budget.n_steps)
    draw = batches.draw if isinstance(batches, DrawnBatches) else None
    steps = Steps(passes, optimizer, schedule, losses, draw)
    judge, n_validation = None, 0
    if validation is not None:
        validation = kept_in_memory(validation)
        n_validation = len(validation)
        size = min(n_validation, BATCH_SIZE[parameters.flat.device.type])
        rows = Batches(validation, start.preparation, size, parameters.flat)
        judge = Validation(
            passes,
            rows,
            calibrate=options.calibrate,
            log_unit=log_unit,
            least=options.least_log_density * layout.n_outputs,
        )
    average = ParameterAverage(parameters, layers) if options.average else None
    ends = checkpoints(budget, n_validation, options.max_checkpoints)
    return TrainingLoop(batches, steps, losses, optimizer, judge, average, ends, rng, report)


def _tensor(layer: Array, options: TrainingOptions) -> Tensor:
    return torch.tensor(layer, dtype=getattr(torch, options.dtype), device=options.device)


def _batches(
    data: Observations, preparation: Preparation, batch_size: int, like: Tensor
) -> Batches | DrawnBatches:
    """Batches on the device and in the precision of `like`."""
    if is_captured(like.device):
        rows = resident_rows(data, preparation, like)
        return DrawnBatches(rows, batch_size)
    return Batches(data, preparation, batch_size, like)
