"""Prediction of the network's outputs on a device other than the CPU."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

Array = NDArray[np.floating]

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
