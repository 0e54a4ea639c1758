"""Spread of the components in training: spherical, diagonal or full, one small object each.

All three write a component's log-density (without the constant) as
``-sum_d (log s_d + z_d^2 / 2)`` with whitened residuals z and scales ``s = exp(raw) + floor``.
The floor keeps every variance above ``floor^2`` and its gradient factor ``exp(raw) / s`` finite.

Shapes: residuals and whitened residuals ``(D, K, b)``, log-kernels ``(K, b)``.
"""

from typing import Protocol

import torch
from torch import Tensor


class Spread(Protocol):
    """What the head asks of a spread."""

    n_components: int
    n_outputs: int
    n_rows: int
    n_raw: int

    def __init__(
        self, n_components: int, n_outputs: int, n_rows: int, floor: float, like: Tensor
    ) -> None: ...

    @staticmethod
    def n_raw_for(n_components: int, n_outputs: int) -> int:
        """Rows of raw spreads in the network's output."""

    def log_kernels(self, raw: Tensor, residuals: Tensor, out: Tensor) -> None:
        """Write the components' log-densities ``(K, b)``; uses up `residuals`."""

    def squared_distances(self) -> Tensor:
        """Squared whitened residuals ``sum_d z_d^2``, ``(K, b)``, after `log_kernels`."""
        ...

    def gradients(self, responsibilities: Tensor, means: Tensor, raw: Tensor) -> None:
        """Write the gradients for means ``(D, K, b)`` and raw spreads ``(n_raw, b)``."""


class _Scales:
    """Scales ``s = exp(raw) + floor`` and what follows from them, in buffers of one shape."""

    def __init__(self, shape: tuple[int, ...], floor: float, like: Tensor) -> None:
        self.floor = floor
        self.log = like.new_empty(shape)
        self.inverse = like.new_empty(shape)
        self._factor = like.new_empty(shape)

    def update(self, raw: Tensor) -> None:
        """Compute log-scales and inverse scales."""
        torch.exp(raw, out=self._factor).add_(self.floor)
        torch.reciprocal(self._factor, out=self.inverse)
        torch.log(self._factor, out=self.log)

    def gradient_factor(self) -> Tensor:
        """Derivative of ``log s`` with respect to raw, ``1 - floor / s``."""
        return torch.mul(self.inverse, -self.floor, out=self._factor).add_(1)


class DiagonalSpread:
    """One scale for every output of every component."""

    def __init__(
        self, n_components: int, n_outputs: int, n_rows: int, floor: float, like: Tensor
    ) -> None:
        self.n_components, self.n_outputs, self.n_rows = n_components, n_outputs, n_rows
        self.n_raw = self.n_raw_for(n_components, n_outputs)
        self._shape = (n_outputs, n_components, n_rows)
        self._scales = _Scales(self._shape, floor, like)
        self._terms = like.new_empty(self._shape)
        self._z = self._terms

    @staticmethod
    def n_raw_for(n_components: int, n_outputs: int) -> int:
        """A log-scale for every output of every component."""
        return n_outputs * n_components

    def log_kernels(self, raw: Tensor, residuals: Tensor, out: Tensor) -> None:
        """Write ``-sum_d (log s_d + z_d^2 / 2)``."""
        self._scales.update(raw.view(self._shape))
        self._z = residuals.mul_(self._scales.inverse)
        torch.addcmul(self._scales.log, self._z, self._z, value=0.5, out=self._terms)
        torch.sum(self._terms, 0, out=out).neg_()

    def squared_distances(self) -> Tensor:
        """Squared whitened residuals ``sum_d z_d^2``."""
        return torch.sum(self._z * self._z, 0)

    def gradients(self, responsibilities: Tensor, means: Tensor, raw: Tensor) -> None:
        """``r z / s`` for the means, ``r (z^2 - 1) ds/draw / s`` for the raw scales."""
        weighted = torch.mul(responsibilities, self._z, out=self._terms)
        torch.mul(weighted, self._scales.inverse, out=means)
        gradient = torch.mul(weighted, self._z, out=raw.view(self._shape))
        gradient.sub_(responsibilities).mul_(self._scales.gradient_factor())


class SphericalSpread:
    """One scale for all outputs of a component."""

    def __init__(
        self, n_components: int, n_outputs: int, n_rows: int, floor: float, like: Tensor
    ) -> None:
        self.n_components, self.n_outputs, self.n_rows = n_components, n_outputs, n_rows
        self.n_raw = self.n_raw_for(n_components, n_outputs)
        self._scales = _Scales((n_components, n_rows), floor, like)
        self._terms = like.new_empty(n_outputs, n_components, n_rows)
        self._distances = like.new_empty(n_components, n_rows)
        self._z = self._terms

    @staticmethod
    def n_raw_for(n_components: int, n_outputs: int) -> int:
        """A log-scale for every component."""
        return n_components

    def log_kernels(self, raw: Tensor, residuals: Tensor, out: Tensor) -> None:
        """Write ``-(D log s + sum_d z_d^2 / 2)``."""
        self._scales.update(raw)
        self._z = residuals.mul_(self._scales.inverse)
        torch.sum(torch.mul(self._z, self._z, out=self._terms), 0, out=self._distances)
        torch.mul(self._scales.log, -self.n_outputs, out=out)
        out.add_(self._distances, alpha=-0.5)

    def squared_distances(self) -> Tensor:
        """Squared whitened residuals ``sum_d z_d^2``."""
        return self._distances

    def gradients(self, responsibilities: Tensor, means: Tensor, raw: Tensor) -> None:
        """``r z / s`` for the means, ``r (sum_d z_d^2 - D) ds/draw / s`` for the raw scale."""
        weighted = torch.mul(responsibilities, self._z, out=self._terms)
        torch.mul(weighted, self._scales.inverse, out=means)
        torch.mul(responsibilities, self._distances.sub_(self.n_outputs), out=raw)
        raw.mul_(self._scales.gradient_factor())


class TriangularSpread:
    """Full covariance through the modified Cholesky factor of the precision (Pourahmadi 1999).

    Output i is whitened given the outputs before it,
    ``z_i = (e_i + sum_{j<i} n_ij e_j) / s_i`` for residuals e, so that the covariance is
    ``L L^T`` with ``L = (I + N)^-1 diag(s)``: unconstrained numbers, a positive diagonal and no
    triangular solve in the loop. Raw rows: D log-scales, then ``n_10, n_20, n_21, n_30, ...``.
    """

    def __init__(
        self, n_components: int, n_outputs: int, n_rows: int, floor: float, like: Tensor
    ) -> None:
        self.n_components, self.n_outputs, self.n_rows = n_components, n_outputs, n_rows
        self.n_raw = self.n_raw_for(n_components, n_outputs)
        self._shape = (n_outputs, n_components, n_rows)
        self._scales = _Scales(self._shape, floor, like)
        self._z = like.new_empty(self._shape)
        self._terms = like.new_empty(self._shape)
        self._residuals = self._z
        self._below: list[Tensor] = []

    def _split(self, raw: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Scales' rows ``(D, K, b)`` and, for every output i > 0, its ``n_i (i, K, b)``."""
        rows = raw.view(-1, self.n_components, self.n_rows)
        lengths = range(1, self.n_outputs)
        scales, *below = torch.split(rows, [self.n_outputs, *lengths])
        return scales, below

    @staticmethod
    def n_raw_for(n_components: int, n_outputs: int) -> int:
        """A lower triangle for every component."""
        return n_components * n_outputs * (n_outputs + 1) // 2

    def log_kernels(self, raw: Tensor, residuals: Tensor, out: Tensor) -> None:
        """Write ``-sum_d (log s_d + z_d^2 / 2)``."""
        scales, self._below = self._split(raw)
        self._scales.update(scales)
        self._residuals = residuals
        self._z.copy_(residuals)
        for i, below in enumerate(self._below, start=1):
            products = torch.mul(below, residuals[:i], out=self._terms[:i])
            for product in products:
                self._z[i].add_(product)
        self._z.mul_(self._scales.inverse)
        torch.addcmul(self._scales.log, self._z, self._z, value=0.5, out=self._terms)
        torch.sum(self._terms, 0, out=out).neg_()

    def squared_distances(self) -> Tensor:
        """Squared whitened residuals ``sum_d z_d^2``."""
        return torch.sum(self._z * self._z, 0)

    def gradients(self, responsibilities: Tensor, means: Tensor, raw: Tensor) -> None:
        """With ``v_i = r z_i / s_i``: ``v_j + sum_{i>j} n_ij v_i`` and ``-v_i e_j``."""
        scale_gradient, below_gradients = self._split(raw)
        weighted = torch.mul(responsibilities, self._z, out=self._terms)
        torch.mul(weighted, self._z, out=scale_gradient).sub_(responsibilities)
        v = weighted.mul_(self._scales.inverse)
        scale_gradient.mul_(self._scales.gradient_factor())
        means.copy_(v)
        for i, (below, gradient) in enumerate(
            zip(self._below, below_gradients, strict=True), start=1
        ):
            means[:i].addcmul_(below, v[i])
            torch.mul(self._residuals[:i], v[i], out=gradient).neg_()


SPREADS: dict[str, type[Spread]] = {
    "spherical": SphericalSpread,
    "diag": DiagonalSpread,
    "full": TriangularSpread,
}
