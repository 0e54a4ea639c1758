"""The network: parameters in one flat vector, forward and backward pass in feature-major layout.

Activations are ``(h + 1, b)`` with a last row of ones, and a layer is an ``(in + 1, out)`` matrix
whose last row holds the intercepts. The matrix products thus compute intercepts and their gradients
too.
All buffers and all views of them are made once: making a view costs as much as a small operation.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from skmdn._arrays import Array
from skmdn._engine.activations import ACTIVATIONS, Activation
from skmdn._engine.head import MixtureHead
from skmdn._network.forward import HeadLayout

# If the result of a product has short rows whose length is not a multiple of this, the product can
# take twice as long as its transpose (measured with MKL).
_ALIGNED = 8


class Parameters:
    """All layers in one flat vector, so that an update is a handful of vector operations.

    Attributes
    ----------
    flat, gradient : Tensor of shape (n_parameters,)
    layers, layer_gradients : list of Tensor of shape (in + 1, out)
        Views of the two, stored transposed if that makes the product for the gradient faster.
    decayed : Tensor of shape (n_parameters,)
        1 for weights, 0 for intercepts.
    """

    def __init__(self, layers: list[Tensor]) -> None:
        self._shapes = [(layer.shape[0], layer.shape[1]) for layer in layers]
        self.flat = layers[0].new_empty(sum(rows * columns for rows, columns in self._shapes))
        self.gradient = torch.zeros_like(self.flat)
        self.layers = self.views(self.flat)
        self.layer_gradients = self.views(self.gradient)
        self.decayed = torch.ones_like(self.flat)
        for own, layer in zip(self.layers, layers, strict=True):
            own.copy_(layer)
        for layer in self.views(self.decayed):
            layer[-1] = 0

    def to_numpy(self, flat: Tensor) -> list[Array]:
        """Copies on the CPU of the layers in a vector like `flat`."""
        return [layer.cpu().numpy().copy() for layer in self.views(flat)]

    def from_numpy(self, layers: list[Array]) -> Tensor:
        """A vector like `flat` with the given layers."""
        flat = torch.empty_like(self.flat)
        for own, layer in zip(self.views(flat), layers, strict=True):
            own.copy_(torch.tensor(layer, dtype=flat.dtype, device=flat.device))
        return flat

    def views(self, flat: Tensor) -> list[Tensor]:
        """The layers in a vector with the length and order of `flat`."""
        parts = torch.split(flat, [rows * columns for rows, columns in self._shapes])
        return [
            part.view(rows, columns) if columns % _ALIGNED == 0 else part.view(columns, rows).T
            for part, (rows, columns) in zip(parts, self._shapes, strict=True)
        ]


class _HiddenLayer(NamedTuple):
    """What the forward pass reads and writes in one layer."""

    weights: Tensor  # (h, in + 1)
    units: Tensor  # (h, b)
    activation: Activation  # in the units
    with_ones: Tensor  # (h + 1, b), the units and a row of ones


class _Junction(NamedTuple):
    """What the backward pass reads and writes between a hidden layer and the one above it."""

    below: Tensor  # (h + 1, b), units of the layer below and ones
    activation: Activation  # of the layer below
    delta: Tensor  # (h, b), gradient of the layer below
    weights: Tensor  # (h, out) of the layer above
    gradient: Tensor  # (h + 1, out) of the layer above
    delta_above: Tensor  # (out, b)
    delta_above_by_rows: Tensor  # (b, out)


class Pass:
    """Buffers and steps of a forward and a backward pass for batches of one size."""

    def __init__(
        self,
        parameters: Parameters,
        activation: type[Activation],
        head: MixtureHead,
        *,
        training: bool,
    ) -> None:
        self.head = head
        self._last_weights = parameters.layers[-1].T
        b = head.output.shape[1]
        self._hidden = [_hidden_layer(layer, activation, b) for layer in parameters.layers[:-1]]
        if training:
            self._junctions, delta = _junctions(self._hidden, parameters, head.gradient)
            self._first_delta_by_rows = delta.T
            self._first_gradient = parameters.layer_gradients[0]

    def forward(self, x: Tensor) -> None:
        """Write the network's output for ``x (p + 1, b)`` into the head."""
        below = x
        for weights, units, activation, with_ones in self._hidden:
            torch.mm(weights, below, out=units)
            activation.forward()
            below = with_ones
        torch.mm(self._last_weights, below, out=self.head.output)

    def backward(self, x: Tensor) -> None:
        """Write the gradient of all layers, given the head's; overwrites the activations."""
        for below, activation, delta, weights, gradient, above, above_by_rows in self._junctions:
            torch.mm(below, above_by_rows, out=gradient)
            torch.mm(weights, above, out=delta)
            activation.backward(delta)
        torch.mm(x, self._first_delta_by_rows, out=self._first_gradient)


class Passes:
    """Passes of one network by the size of a batch, made once; a training has two sizes at most."""

    def __init__(self, parameters: Parameters, layout: HeadLayout) -> None:
        self.parameters = parameters
        self.layout = layout
        self._activation = ACTIVATIONS[layout.architecture.activation]
        self._made: dict[tuple[int, bool], Pass] = {}

    def forward_and_back(self, n_rows: int) -> Pass:
        """The pass of training steps."""
        return self._pass(n_rows, training=True)

    def forward_only(self, n_rows: int) -> Pass:
        """The pass of validation."""
        return self._pass(n_rows, training=False)

    def _pass(self, n_rows: int, *, training: bool) -> Pass:
        key = n_rows, training
        if key not in self._made:
            head = MixtureHead(self.layout, n_rows, self.parameters.flat)
            self._made[key] = Pass(self.parameters, self._activation, head, training=training)
        return self._made[key]


def _hidden_layer(layer: Tensor, activation: type[Activation], n_rows: int) -> _HiddenLayer:
    with_ones = layer.new_ones(layer.shape[1] + 1, n_rows)
    units = with_ones[:-1]
    return _HiddenLayer(layer.T, units, activation(units), with_ones)


def _junctions(
    hidden: list[_HiddenLayer], parameters: Parameters, last_delta: Tensor
) -> tuple[list[_Junction], Tensor]:
    """From the head down, and the gradient that arrives at the first layer."""
    junctions, above = [], last_delta
    layers = zip(parameters.layers[1:], parameters.layer_gradients[1:], strict=True)
    for below, (layer, gradient) in reversed([*zip(hidden, layers, strict=True)]):
        delta = torch.empty_like(below.units)
        junctions.append(
            _Junction(
                below.with_ones, below.activation, delta, layer[:-1], gradient, above, above.T
            )
        )
        above = delta
    return junctions, above


def layer_sizes(layers: Sequence[Array | Tensor]) -> list[int]:
    """Inputs, hidden units of every layer, outputs, from layers ``(in + 1, out)``."""
    return [layers[0].shape[0] - 1, *(layer.shape[1] for layer in layers)]


def multiply_adds(sizes: list[int], n_rows: int) -> int:
    """Multiply-adds of one training step's matrix products (forward, two backward)."""
    products = [(a + 1) * b for a, b in pairwise(sizes)]
    return n_rows * (3 * sum(products) - products[0])
