"""Devices: which one trains, and prediction on another than the CPU."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from numpy.typing import DTypeLike

from skmdn._arrays import Array
from skmdn._engine.activations import ACTIVATIONS

# Measured on an H100 and its host CPU (examples/benchmarks/gpu.py). A step takes the GPU at least
# 0.1 ms. From this size on it takes the CPU at least four times as long, on one thread or sixteen.
_STEP_FOR_GPU = 10_000_000
# A process waits 0.7 s for a GPU when it first uses one. A training of this
# many multiply-adds takes a CPU about a second.
_TRAINING_FOR_GPU = 20_000_000_000


def cuda_is_available() -> bool:
    """Whether torch can use a GPU here."""
    return torch.cuda.is_available()


def training_device(device: str, multiply_adds: int, n_steps: int) -> str:
    """The device; for "auto" the GPU where there is one and steps are large and many, else the CPU.

    `multiply_adds` are those of one step.
    """
    if device != "auto":
        return device
    gains = multiply_adds >= _STEP_FOR_GPU and n_steps * multiply_adds >= _TRAINING_FOR_GPU
    return "cuda" if gains and cuda_is_available() else "cpu"


def current_device(device: str) -> AbstractContextManager[object]:
    """Make a GPU the current one: CUDA graphs are captured there."""
    return nullcontext() if device == "cpu" else torch.cuda.device(device)


class DeviceNetwork:
    """A fitted network on a device, for prediction; its layers travel there once."""

    def __init__(
        self,
        coefs: list[Array],
        intercepts: list[Array],
        activation: str,
        dtype: DTypeLike,
        device: str,
    ) -> None:
        # Fitted arrays may be read-only, which torch does not support: it gets copies.
        self._layers = [
            tuple(torch.tensor(np.asarray(part, dtype), device=device) for part in layer)
            for layer in zip(coefs, intercepts, strict=True)
        ]
        self._n_inputs, self._dtype = len(coefs[0]), dtype
        self._activation = ACTIVATIONS[activation]

    @torch.inference_mode()
    def evaluate(self, X: Array, out: Array, prepare: Callable[[Array, Array], object]) -> None:
        """Write the raw outputs for ``X (n, p)`` to `out`; `prepare` writes the inputs."""
        inputs = np.empty((len(X), self._n_inputs), self._dtype)
        prepare(X, inputs)
        *hidden, (W, b) = self._layers
        h = torch.from_numpy(inputs).to(W.device)
        for weights, intercepts in hidden:
            h = torch.addmm(intercepts, h, weights)
            self._activation(h).forward()
        out[...] = torch.addmm(b, h, W).cpu().numpy()
