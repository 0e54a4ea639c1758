"""Training: the only room that imports torch. Arrays in, arrays out.

Read `train` for the way from data to a trained network, `parts` for trainings side by side, `loop`
for the order of events, `steps` for a single step, `network`, `head` and `covariances` for the
mathematics, `batches` and `readers` for the supply of rows, `validation` and `step_losses` for the
losses.
"""

from skmdn._engine.budget import MAX_CHECKPOINTS, budget_for, n_held_out
from skmdn._engine.device import DeviceNetwork, cuda_is_available
from skmdn._engine.loop import Progress, Trained
from skmdn._engine.optimizer import OptimizerState
from skmdn._engine.options import TrainingOptions
from skmdn._engine.parts import Part, Rival, TrainedParts, train_parts
from skmdn._engine.train import Start, train

__all__ = [
    "MAX_CHECKPOINTS",
    "DeviceNetwork",
    "OptimizerState",
    "Part",
    "Progress",
    "Rival",
    "Start",
    "Trained",
    "TrainedParts",
    "TrainingOptions",
    "budget_for",
    "cuda_is_available",
    "n_held_out",
    "train",
    "train_parts",
]
