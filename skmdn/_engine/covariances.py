"""Spread of the components in training: spherical, diagonal or full, one small object each.

All three write a component's log-density (without the constant) as
``-sum_d (log s_d + z_d^2 / 2)`` with whitened residuals z and scales ``s = exp(raw) + floor``.
The floor keeps every variance above ``floor^2`` and the derivative of log s,
``exp(raw) / s = 1 - floor / s``, finite.

Shapes: residuals and whitened residuals ``(D, K, b)``, responsibilities ``(K, b)``.
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class Components(NamedTuple):
    """The head's memory that a spread works in."""

    residuals: Tensor  # (D, K, b), read, then overwritten
    raw: Tensor  # (n_raw, b), read
    neg_log_density: Tensor  # (K, b), written
    responsibilities: Tensor  # (K, b), read
    mean_gradient: Tensor  # (D, K, b), written
    raw_gradient: Tensor  # (n_raw, b), written


class Covariance(Protocol):
    """What the head asks of a spread."""

    def __init__(self, components: Components, floor: float) -> None: ...

    def neg_log_density(self) -> None:
        """Write ``sum_d (log s_d + z_d^2 / 2)`` of every component."""

    def squared_distances(self) -> Tensor:
        """Squared whitened residuals ``sum_d z_d^2``, ``(K, b)``, after `neg_log_density`."""
        ...

    def gradients(self) -> None:
        """Write the gradients for means and raw spreads, after `neg_log_density`."""


class _Scales:
    """Scales ``s = exp(raw) + floor``, their logarithms and derivatives, in buffers."""

    def __init__(self, raw: Tensor, floor: float) -> None:
        self._raw = raw
        self._floor, self._minus_one = raw.new_tensor(floor), raw.new_tensor(-1.0)
        self.scale = torch.empty_like(raw)
        self.log = torch.empty_like(raw)
        self._factor = torch.empty_like(raw)

    def update(self) -> None:
        """Compute scales and their logarithms."""
        torch.exp(self._raw, out=self.scale).add_(self._floor)
        torch.log(self.scale, out=self.log)

    def minus_derivative(self) -> Tensor:
        """Minus the derivative of ``log s`` with respect to raw, ``floor / s - 1``."""
        return torch.addcdiv(self._minus_one, self._floor, self.scale, out=self._factor)


class DiagonalCovariance:
    """One scale for every output of every component."""

    def __init__(self, components: Components, floor: float) -> None:
        D = len(components.residuals)
        self._c = components
        self._z = components.residuals
        self._scales = _Scales(components.raw.view(self._z.shape), floor)
        self._raw_gradient = components.raw_gradient.view(self._z.shape)
        # With one output there is nothing to sum: the term is written as the result.
        self._sums = D > 1
        self._terms = torch.empty_like(self._z) if D > 1 else components.neg_log_density[None]

    def neg_log_density(self) -> None:
        """Write ``sum_d (log s_d + z_d^2 / 2)``."""
        self._scales.update()
        z = self._z.div_(self._scales.scale)
        torch.addcmul(self._scales.log, z, z, value=0.5, out=self._terms)
        if self._sums:
            torch.sum(self._terms, 0, out=self._c.neg_log_density)

    def squared_distances(self) -> Tensor:
        """Squared whitened residuals ``sum_d z_d^2``."""
        return torch.sum(self._z * self._z, 0)

    def gradients(self) -> None:
        """``r z / s`` for the means, ``r (z^2 - 1) dlog s/draw`` for the raw scales."""
        r = self._c.responsibilities
        weighted = torch.mul(r, self._z, out=self._c.mean_gradient)
        torch.addcmul(r, weighted, self._z, value=-1, out=self._raw_gradient)
        self._raw_gradient.mul_(self._scales.minus_derivative())
        weighted.div_(self._scales.scale)


class SphericalCovariance:
    """One scale for all outputs of a component."""

    def __init__(self, components: Components, floor: float) -> None:
        self._c = components
        self._z = components.residuals
        self._scales = _Scales(components.raw, floor)
        self._squares = torch.empty_like(self._z)
        self._distances = torch.empty_like(components.raw)
        self._half, self._n_outputs = (components.raw.new_tensor(c) for c in (0.5, len(self._z)))

    def neg_log_density(self) -> None:
        """Write ``D log s + sum_d z_d^2 / 2``."""
        self._scales.update()
        z = self._z.div_(self._scales.scale)
        torch.sum(torch.mul(z, z, out=self._squares), 0, out=self._distances)
        half = torch.mul(self._distances, self._half, out=self._c.neg_log_density)
        half.add_(self._scales.log, alpha=len(z))

    def squared_distances(self) -> Tensor:
        """Squared whitened residuals ``sum_d z_d^2``."""
        return self._distances

    def gradients(self) -> None:
        """``r z / s`` for the means, ``r (sum_d z_d^2 - D) dlog s/draw`` for the raw scale."""
        r = self._c.responsibilities
        weighted = torch.mul(r, self._z, out=self._c.mean_gradient)
        weighted.div_(self._scales.scale)
        missing = torch.sub(self._n_outputs, self._distances, out=self._distances)
        torch.mul(r, missing, out=self._c.raw_gradient).mul_(self._scales.minus_derivative())


class TriangularCovariance:
    """Full covariance through the modified Cholesky factor of the precision (Pourahmadi 1999).

    Output i is whitened given the outputs before it,
    ``z_i = (e_i + sum_{j<i} n_ij e_j) / s_i`` for residuals e, so that the covariance is
    ``L L^T`` with ``L = (I + N)^-1 diag(s)``: unconstrained numbers, a positive diagonal and no
    triangular solve in the loop. Raw rows: D log-scales, then ``n_10, n_20, n_21, n_30, ...``.

    All pairs (i, j) are computed at once: e_j and v_i are gathered for every pair, and sums over
    the pairs of an output are products with a matrix of zeros and ones.
    """

    def __init__(self, components: Components, floor: float) -> None:
        D, K, b = components.residuals.shape
        self._c = components
        scales, below = _split(components.raw, D, K)
        scale_gradient, below_gradient = _split(components.raw_gradient, D, K)
        self._scales = _Scales(scales.view(D, K, b), floor)
        self._scale_gradient, self._below_gradient = scale_gradient.view(D, K, b), below_gradient
        self._below = below  # (pairs, K b)
        device = below.device
        self._upper, self._lower = torch.tril_indices(D, D, -1, dtype=torch.int64, device=device)
        outputs = torch.arange(D, dtype=torch.int64, device=device)[:, None]
        self._into_upper = (outputs == self._upper).to(below.dtype)  # (D, pairs)
        self._into_lower = (outputs == self._lower).to(below.dtype)
        self._residuals = components.residuals.view(D, K * b)
        self._mean_gradient = components.mean_gradient.view(D, K * b)
        self._z_rows = torch.empty_like(self._residuals)
        self._z = self._z_rows.view(D, K, b)
        self._terms_rows = torch.empty_like(self._residuals)
        self._terms = self._terms_rows.view(D, K, b)
        self._lower_residuals, self._upper_v, self._products = (
            torch.empty_like(below) for _ in range(3)
        )

    def neg_log_density(self) -> None:
        """Write ``sum_d (log s_d + z_d^2 / 2)``."""
        self._scales.update()
        e = self._residuals
        torch.index_select(e, 0, self._lower, out=self._lower_residuals)
        torch.mul(self._below, self._lower_residuals, out=self._products)
        torch.addmm(e, self._into_upper, self._products, out=self._z_rows)
        z = self._z.div_(self._scales.scale)
        torch.addcmul(self._scales.log, z, z, value=0.5, out=self._terms)
        torch.sum(self._terms, 0, out=self._c.neg_log_density)

    def squared_distances(self) -> Tensor:
        """Squared whitened residuals ``sum_d z_d^2``."""
        return torch.sum(self._z * self._z, 0)

    def gradients(self) -> None:
        """With ``v_i = r z_i / s_i``: ``v_j + sum_{i>j} n_ij v_i`` and ``-v_i e_j``."""
        r = self._c.responsibilities
        weighted = torch.mul(r, self._z, out=self._terms)
        torch.addcmul(r, weighted, self._z, value=-1, out=self._scale_gradient)
        self._scale_gradient.mul_(self._scales.minus_derivative())
        weighted.div_(self._scales.scale)
        v = self._terms_rows
        torch.index_select(v, 0, self._upper, out=self._upper_v)
        torch.mul(self._below, self._upper_v, out=self._products)
        torch.addmm(v, self._into_lower, self._products, out=self._mean_gradient)
        torch.mul(self._upper_v, self._lower_residuals, out=self._below_gradient).neg_()


def _split(raw: Tensor, n_outputs: int, n_components: int) -> tuple[Tensor, Tensor]:
    """Scales' rows ``(D, K b)`` and those below the diagonal, ``(pairs, K b)``."""
    rows = raw.view(-1, n_components * raw.shape[1])
    return rows[:n_outputs], rows[n_outputs:]


# `_network.forward.COVARIANCES` has the same names in NumPy.
COVARIANCES: dict[str, type[DiagonalCovariance | SphericalCovariance | TriangularCovariance]] = {
    "spherical": SphericalCovariance,
    "diag": DiagonalCovariance,
    "full": TriangularCovariance,
}


def make_covariance(covariance_type: str, components: Components, floor: float) -> Covariance:
    """Spread in the head's memory; the one place where training asks the covariance type."""
    # For one output all three are the same, and the diagonal is the fastest.
    one_output = len(components.residuals) == 1
    return COVARIANCES["diag" if one_output else covariance_type](components, floor)
