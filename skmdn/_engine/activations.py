"""Activations of the hidden layers, each with its derivative, worked in place.

``forward(a, kept)`` turns the pre-activations ``a (h, b)`` into activations, and
``backward(delta, a, kept)`` multiplies the gradient ``delta (h, b)`` by the derivative.
``kept (h, b)`` is a buffer that lives from the one to the other; ``backward`` may use up both.
Only public torch operations that write into given buffers are used.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Activation(NamedTuple):
    """An elementwise function and its derivative."""

    forward: Callable[[Tensor, Tensor], object]
    backward: Callable[[Tensor, Tensor, Tensor], object]


def _relu(a: Tensor, kept: Tensor) -> None:
    a.relu_()


def _relu_backward(delta: Tensor, a: Tensor, kept: Tensor) -> None:
    delta.mul_(torch.sign(a, out=kept))


def _silu(a: Tensor, kept: Tensor) -> None:
    a.mul_(torch.sigmoid(a, out=kept))


def _silu_backward(delta: Tensor, a: Tensor, kept: Tensor) -> None:
    # With s = sigmoid(x) and a = x s the derivative is s + a (1 - s).
    delta.mul_(a.addcmul_(a, kept, value=-1).add_(kept))


def _tanh(a: Tensor, kept: Tensor) -> None:
    # tanh(x) = 2 sigmoid(2x) - 1 is about twice as fast as torch.tanh.
    a.mul_(2).sigmoid_().mul_(2).sub_(1)


def _tanh_backward(delta: Tensor, a: Tensor, kept: Tensor) -> None:
    delta.addcmul_(delta, torch.mul(a, a, out=kept), value=-1)


def _logistic(a: Tensor, kept: Tensor) -> None:
    a.sigmoid_()


def _logistic_backward(delta: Tensor, a: Tensor, kept: Tensor) -> None:
    delta.mul_(torch.addcmul(a, a, a, value=-1, out=kept))


def _identity(a: Tensor, kept: Tensor) -> None:
    pass


def _identity_backward(delta: Tensor, a: Tensor, kept: Tensor) -> None:
    pass


ACTIVATIONS = {
    "relu": Activation(_relu, _relu_backward),
    "silu": Activation(_silu, _silu_backward),
    "tanh": Activation(_tanh, _tanh_backward),
    "logistic": Activation(_logistic, _logistic_backward),
    "identity": Activation(_identity, _identity_backward),
}
