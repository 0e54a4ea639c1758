"""Blocks of rows with the component axis first: the layout of all computation.

A mixture stores its rows first, ``(n, K, ...)``. Computation runs on blocks of rows, transposed to
``(K, ..., c)``, so that every array operation covers many rows. Sums over components add one
component after the other, so that a row's result has the same bits whichever rows are in its block.

Axes: n rows, c rows of a block, K components, D outputs, g points of a block.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from skmdn._arrays import FloatArray

CELLS = 1 << 15
"""Numbers per temporary array: few enough for the cache, enough to hide numpy's overhead."""

_MANY = 8
"""Components from which one call of NumPy is quicker than one for each."""


class Block(NamedTuple):
    """Some rows of a mixture, component axis first."""

    weights: FloatArray  # (K, ...)
    means: FloatArray  # (D, K, ...)
    factor: FloatArray  # (D, K, ...) or (D, D, K, ...), from `Spread.factor`


def chunks(length: int, cells_per_item: int, cells: int = CELLS) -> Iterator[slice]:
    """Slices that cover ``range(length)``, each of about ``cells`` cells and at least one item."""
    step = max(1, cells // max(1, cells_per_item))
    for start in range(0, length, step):
        yield slice(start, min(start + step, length))


def components_first(array: FloatArray, rows: slice) -> FloatArray:
    """Rows of ``(n, K)`` or ``(n, K, D, ...)``, transposed to contiguous ``([D, ...] K, c)``."""
    part = array[rows]
    order = (*range(2, part.ndim), 1, 0)
    return np.ascontiguousarray(part.transpose(order))


def weighted_sum(weights: FloatArray, values: FloatArray) -> FloatArray:
    """Σ_k w_k v_k over the leading axis, added one component after the other."""
    if len(values) < _MANY or weights.ndim != values.ndim:
        total = weights[0] * values[0]
        for weight, value in zip(weights[1:], values[1:], strict=True):
            total += weight * value
        return total
    return component_sum(weights * values)


def component_sum(values: FloatArray) -> FloatArray:
    """Σ_k v_k over the leading axis, added one component after the other."""
    if len(values) >= _MANY and values.flags.c_contiguous and values[0].size > 1:
        # NumPy adds in this order if the leading axis has the longest steps, and is not alone.
        return np.asarray(np.add.reduce(values, axis=0))
    total = values[0].copy()
    for value in values[1:]:
        total += value
    return total


def log_sum_exp(exponents: FloatArray) -> FloatArray:
    """Log Σ_k exp(a_k) over the leading axis; overwrites ``exponents`` with exp(a_k - max a)."""
    peak = np.maximum.reduce(exponents, axis=0)
    shift = np.where(np.isfinite(peak), peak, 0.0)
    np.subtract(exponents, shift, out=exponents)
    np.exp(exponents, out=exponents)
    return np.log(component_sum(exponents)) + shift


def log_weights(weights: FloatArray) -> FloatArray:
    """Log w, which is -inf for a component of weight zero."""
    with np.errstate(divide="ignore"):
        return np.log(weights)
