"""Training: the only room that imports torch. Arrays in, arrays out.

Read `train` for the way from data to a trained network, `loop` for what happens when, `steps` for
what it repeats, `network`, `head` and `covariances` for the mathematics, `batches` and `readers`
for how rows reach it, `validation` and `step_losses` for how it is judged.
"""

from skmdn._engine.device import DeviceNetwork, cuda_is_available
from skmdn._engine.loop import Progress, Trained
from skmdn._engine.optimizer import OptimizerState
from skmdn._engine.options import TrainingOptions
from skmdn._engine.train import Start, train

__all__ = [
    "DeviceNetwork",
    "OptimizerState",
    "Progress",
    "Start",
    "Trained",
    "TrainingOptions",
    "cuda_is_available",
    "train",
]
