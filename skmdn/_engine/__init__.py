"""Training: the only room that imports torch. Arrays in, arrays out.

Read `recipe` for the way from data to a trained network, `fit` for the loop, `step` for what it
repeats, `network`, `head` and `spreads` for the mathematics, `batches` and `readers` for how rows
reach it, `tally` for what becomes of a step's likelihood.
"""

from skmdn._engine.device import DeviceNetwork, cuda_is_available
from skmdn._engine.loop import Moments, Trained, TrainingOptions
from skmdn._engine.readers import Observations
from skmdn._engine.train import train

__all__ = [
    "DeviceNetwork",
    "Moments",
    "Observations",
    "Trained",
    "TrainingOptions",
    "cuda_is_available",
    "train",
]
