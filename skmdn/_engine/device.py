"""Devices: which one trains, and prediction on another than the CPU."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor
from torch.nn import functional

Array = NDArray[np.floating]

# Provisional, reckoned and not measured: a GPU spends microseconds on each of a step's fifty
# operations however small they are, in which a CPU may be through with a smaller step.
_MULTIPLY_ADDS_FOR_GPU = 100_000_000

_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "silu": functional.silu,
    "tanh": torch.tanh,
    "logistic": torch.sigmoid,
    "identity": lambda h: h,
}


def cuda_is_available() -> bool:
    """Whether torch can use a GPU here."""
    return torch.cuda.is_available()


def training_device(device: str, multiply_adds: int) -> str:
    """The device; for "auto" the GPU where there is one and steps are large, else the CPU."""
    if device != "auto":
        return device
    return "cuda" if multiply_adds >= _MULTIPLY_ADDS_FOR_GPU and cuda_is_available() else "cpu"


def current_device(device: str) -> AbstractContextManager[object]:
    """Make a GPU the current one: what is recorded for replay is recorded there."""
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
        # Fitted arrays may be read-only, which torch does not know: it gets copies.
        self._layers = [
            tuple(torch.tensor(np.asarray(part, dtype), device=device) for part in layer)
            for layer in zip(coefs, intercepts, strict=True)
        ]
        self._n_inputs, self._dtype = len(coefs[0]), dtype
        self._function = _FUNCTIONS[activation]

    @torch.inference_mode()
    def evaluate(self, X: Array, out: Array, prepare: Callable[[Array, Array], object]) -> None:
        """Write the raw outputs for ``X (n, p)`` to `out`; `prepare` writes the inputs."""
        inputs = np.empty((len(X), self._n_inputs), self._dtype)
        prepare(X, inputs)
        *hidden, (W, b) = self._layers
        h = torch.from_numpy(inputs).to(W.device)
        for weights, intercepts in hidden:
            h = self._function(torch.addmm(intercepts, h, weights))
        out[...] = torch.addmm(b, h, W).cpu().numpy()
