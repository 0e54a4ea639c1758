"""Options of a training, set by the recipe and the user before the first step."""

import math
from dataclasses import dataclass

from skmdn._engine.budget import MAX_CHECKPOINTS


@dataclass(frozen=True)
class TrainingOptions:
    """Options of one training; None leaves a number to the rules of the budget."""

    alpha: float
    learning_rate: float
    warmup: float | None  # part of the steps with a rising rate; None: a constant rate
    max_grad_norm: float
    batch_size: int | None
    n_passes: int | None
    average: bool  # keep the mean of the parameters over the steps
    calibrate: bool  # compare checkpoints at their best scale factor
    dtype: str
    device: str
    max_checkpoints: int = MAX_CHECKPOINTS
    # Of a row that validates, in nats per standardised output: it counts as no less likely.
    least_log_density: float = -math.inf
