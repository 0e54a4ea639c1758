"""The layers as nodes of a graph: `_network.forward` in ONNX."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from skmdn._arrays import Array
from skmdn.export.functions import exp, expit
from skmdn.export.graph import Value

ACTIVATIONS: dict[str, Callable[[Value], Value]] = {
    "relu": lambda h: h.node("Relu"),
    "silu": lambda h: h / (exp(-h) + 1.0),
    "tanh": lambda h: h.node("Tanh"),
    "logistic": expit,
    "identity": lambda h: h,
}


def raw_outputs(
    inputs: Value, coefs: Sequence[Array], intercepts: Sequence[Array], activation: str
) -> Value:
    """Raw outputs ``(n, out)`` in the type of the inputs.

    Raises
    ------
    ValueError
        If ONNX has no form of the activation.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"model: expected one of the activations {', '.join(map(repr, ACTIVATIONS))}, which "
            f"can be exported; got a network with {activation!r}."
        )
    hidden = inputs
    *first, last = zip(coefs, intercepts, strict=True)
    for weights, intercept in first:
        hidden = ACTIVATIONS[activation](_layer(hidden, weights, intercept))
    return _layer(hidden, *last)


def _layer(inputs: Value, weights: Array, intercept: Array) -> Value:
    dtype = inputs.dtype
    return inputs.node("MatMul", np.asarray(weights, dtype)) + np.asarray(intercept, dtype)
