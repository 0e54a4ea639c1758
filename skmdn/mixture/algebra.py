"""Conditioning, pooling and concatenating mixtures, as functions of arrays.

Axes: n rows, K components, M members, D outputs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from skmdn._arrays import FloatArray
from skmdn.mixture.arguments import as_floats, check_finite
from skmdn.mixture.blocks import component_sum
from skmdn.mixture.spread import DiagonalSpread, Spread, TriangularSpread


def reweighted(weights: FloatArray, log_factors: FloatArray) -> FloatArray:
    """Weights proportional to w_k exp(l_k), ``(n, K)``."""
    with np.errstate(divide="ignore"):
        exponents = np.log(weights).T + log_factors.T
    peak = np.maximum.reduce(exponents, axis=0)
    # Values infinitely far from every component carry no information: the weights stay.
    exponents = np.where(np.isfinite(peak), exponents, np.log(np.maximum(weights.T, 1e-320)))
    exponents -= np.maximum.reduce(exponents, axis=0)
    np.exp(exponents, out=exponents)
    exponents /= component_sum(exponents)
    return exponents.T


def same_spread(spreads: Sequence[Spread]) -> list[FloatArray]:
    """Arrays of several spreads in one form: scales if all have them, else triangular factors."""
    if all(isinstance(spread, DiagonalSpread) for spread in spreads):
        return [spread.array for spread in spreads]
    return [spread.scale_tril() for spread in spreads]


def spread_of(array: FloatArray) -> Spread:
    """The spread of scales ``(n, K, D)`` or of lower triangular factors ``(n, K, D, D)``."""
    return DiagonalSpread(array) if array.ndim == 3 else TriangularSpread(array)


def padded(array: FloatArray, n_components: int, fill_first: bool) -> FloatArray:
    """``(n, K, ...)`` with further components: copies of the first one, or zeros."""
    missing = n_components - array.shape[1]
    if missing == 0:
        return array
    extra = np.repeat(array[:, :1], missing, axis=1)
    return np.concatenate([array, extra if fill_first else np.zeros_like(extra)], axis=1)


def member_shares(weights: ArrayLike | None, n_rows: int, n_members: int) -> FloatArray:
    """Weights of the members, normalised, ``(n, M)``."""
    if weights is None:
        return np.full((n_rows, n_members), 1.0 / n_members)
    array = as_floats(weights, "weights")
    if array.shape not in ((n_members,), (n_rows, n_members)):
        raise ValueError(
            f"weights must have shape ({n_members},) or ({n_rows}, {n_members}); got {array.shape}"
        )
    check_finite(array, "weights")
    share = np.broadcast_to(array, (n_rows, n_members))
    largest = share.max(axis=1, keepdims=True)
    if np.any(array < 0) or np.any(largest <= 0):
        raise ValueError("weights must not be negative nor all zero")
    share = share / largest  # a sum of the largest doubles would overflow
    return share / component_sum(share.T)[:, np.newaxis]
