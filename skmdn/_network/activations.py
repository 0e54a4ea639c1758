"""Activations of the hidden layers in NumPy, and the gain with which their weights are initialised.

`_engine.activations` has the same names in torch, with their derivatives.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from skmdn._arrays import Array

# Gain of He et al. (2015) for rectifier-like activations; 1 keeps the variance of the others.
_RECTIFIER_GAIN = 2.0


class Activation(NamedTuple):
    """An elementwise function, and the gain of the variance of the weights before it.

    `apply` works in place on the first array; the second, zeros at first, is its scratch space.
    """

    apply: Callable[[Array, Array], None]
    gain: float = 1.0


def _relu(h: Array, scratch: Array) -> None:
    # The scratch array still holds zeros. Comparing with an array is four times as fast as with a
    # number.
    np.maximum(h, scratch, out=h)


def _logistic(h: Array, scratch: Array) -> None:
    # exp(-h) may overflow to infinity; its inverse, 0, is the correct limit.
    with np.errstate(over="ignore"):
        np.exp(np.negative(h, out=h), out=h)
    h += 1
    np.reciprocal(h, out=h)


def _silu(h: Array, scratch: Array) -> None:
    with np.errstate(over="ignore"):
        np.exp(np.negative(h, out=scratch), out=scratch)
    scratch += 1
    h /= scratch


def _tanh(h: Array, scratch: Array) -> None:
    np.tanh(h, out=h)


def _identity(h: Array, scratch: Array) -> None:
    pass


ACTIVATIONS: dict[str, Activation] = {
    "relu": Activation(_relu, _RECTIFIER_GAIN),
    "silu": Activation(_silu, _RECTIFIER_GAIN),
    "tanh": Activation(_tanh),
    "logistic": Activation(_logistic),
    "identity": Activation(_identity),
}
