"""The network: parameters in one flat vector, forward and backward pass in feature-major layout.

Activations are ``(h + 1, b)`` with a last row of ones, and a layer is an ``(in + 1, out)`` matrix
whose last row is the intercept, so that intercepts and their gradients ride on the matrix products.
"""

from itertools import pairwise

import torch
from torch import Tensor

from skmdn._engine.activations import Activation
from skmdn._engine.head import MixtureHead


class Parameters:
    """All layers in one flat vector, so that an update is a handful of vector operations.

    Attributes
    ----------
    flat, gradient : Tensor of shape (n_parameters,)
    layers, layer_gradients : list of Tensor of shape (in + 1, out)
        Views of the two.
    decayed : Tensor of shape (n_parameters,)
        1 for weights, 0 for intercepts.
    """

    def __init__(self, layers: list[Tensor]) -> None:
        self.flat = torch.cat([layer.reshape(-1) for layer in layers])
        self.gradient = torch.zeros_like(self.flat)
        self._shapes = [tuple(layer.shape) for layer in layers]
        self.layers = self._views(self.flat)
        self.layer_gradients = self._views(self.gradient)
        self.decayed = torch.ones_like(self.flat)
        for layer in self._views(self.decayed):
            layer[-1] = 0

    def _views(self, flat: Tensor) -> list[Tensor]:
        sizes = [rows * columns for rows, columns in self._shapes]
        parts = torch.split(flat, sizes)
        return [part.view(shape) for part, shape in zip(parts, self._shapes, strict=True)]


class Pass:
    """Buffers and steps of a forward and a backward pass for batches of one size."""

    def __init__(
        self, parameters: Parameters, activation: Activation, head: MixtureHead, *, training: bool
    ) -> None:
        b = head.output.shape[1]
        sizes = [layer.shape[1] for layer in parameters.layers[:-1]]
        like = parameters.flat
        self.head = head
        self._activation = activation
        self._transposed = [layer.T for layer in parameters.layers]
        self._hidden = [like.new_ones(h + 1, b) for h in sizes]
        self._kept = [like.new_empty(h, b) for h in sizes]
        if training:
            self._weights = [layer[:-1] for layer in parameters.layers]
            self._gradients = parameters.layer_gradients
            self._deltas = [like.new_empty(h, b) for h in sizes]

    def forward(self, x: Tensor) -> None:
        """Write the network's output for ``x (b, p + 1)`` into the head."""
        below = x.T
        layers = zip(self._transposed, self._hidden, self._kept, strict=False)
        for weights, hidden, kept in layers:
            a = torch.mm(weights, below, out=hidden[:-1])
            self._activation.forward(a, kept)
            below = hidden
        torch.mm(self._transposed[-1], below, out=self.head.output)

    def backward(self, x: Tensor) -> None:
        """Write the gradient of all layers, given the head's; uses up the activations."""
        delta = self.head.gradient
        for i in range(len(self._hidden), 0, -1):
            hidden = self._hidden[i - 1]
            torch.mm(hidden, delta.T, out=self._gradients[i])
            below = torch.mm(self._weights[i], delta, out=self._deltas[i - 1])
            self._activation.backward(below, hidden[:-1], self._kept[i - 1])
            delta = below
        torch.mm(x.T, delta.T, out=self._gradients[0])


def multiply_adds(layer_sizes: list[int], n_rows: int) -> int:
    """Multiply-adds of one training step's matrix products (forward, two backward)."""
    products = [(a + 1) * b for a, b in pairwise(layer_sizes)]
    return n_rows * (3 * sum(products) - products[0])
