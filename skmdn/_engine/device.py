"""Devices: which one trains, and prediction of the network's outputs on another than the CPU."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
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


def raw_outputs(
    z: Array, coefs: list[Array], intercepts: list[Array], activation: str, device: str
) -> Array:
    """Raw outputs ``(n, out)`` for standardised rows ``z (n, p)``, computed in the dtype of z."""
    # Fitted arrays may be read-only, which torch does not know: it gets copies.
    h = torch.tensor(z, device=device)
    layers = [
        (torch.tensor(W).to(h), torch.tensor(b).to(h))
        for W, b in zip(coefs, intercepts, strict=True)
    ]
    for W, b in layers[:-1]:
        h = _FUNCTIONS[activation](torch.addmm(b, h, W))
    W, b = layers[-1]
    return np.asarray(torch.addmm(b, h, W).cpu().numpy())
