"""Mean of the parameters over the steps of a training at a constant rate."""

import torch
from torch import Tensor

from skmdn._arrays import Array
from skmdn._engine.network import Parameters

# Later steps count more: most of the weight is on the last eleventh of the steps so far. For rows
# in random order, 4 and 25 are as good.
_ETA = 10.0


class ParameterAverage:
    """Polynomial-decay average of the parameters, for training at a constant learning rate.

    O. Shamir and T. Zhang, "Stochastic gradient descent for non-smooth optimization", ICML 2013.
    With a rate that stays large, the parameters jitter around the optimum. The mean over many steps
    has little of that noise.
    """

    def __init__(self, parameters: Parameters, layers: list[Tensor]) -> None:
        self._parameters = parameters
        self._flat = torch.empty_like(parameters.flat)
        for own, layer in zip(parameters.views(self._flat), layers, strict=True):
            own.copy_(layer)
        self._last_good = self._flat.clone()

    def update(self, n_steps: int) -> None:
        """Take in the parameters after the last of `n_steps`."""
        self._flat.lerp_(self._parameters.flat, (_ETA + 1) / (n_steps + _ETA))

    def keep(self) -> None:
        """Remember the average as good."""
        self._last_good.copy_(self._flat)

    def go_back(self) -> None:
        """Return to the average that was good."""
        self._flat.copy_(self._last_good)

    def to_numpy(self) -> list[Array]:
        """Layers of the last good average."""
        return self._parameters.to_numpy(self._last_good)
