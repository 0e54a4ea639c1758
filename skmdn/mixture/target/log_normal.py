"""Mixtures of log-normal distributions: of e^z, with z from a Gaussian mixture.

Exponents stay in logarithms until they are bounded, so that a wide component does not overflow
where the answer is finite.

Axes: K components, A atoms, c rows of a block, g points.
"""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr, ndtr

from skmdn._arrays import FloatArray
from skmdn.mixture.blocks import component_sum, weighted_sum


def moments(
    weights: FloatArray, means: FloatArray, scales: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of e^z, ``(c,)``; infinite where doubles overflow."""
    # In a unit in which the largest second moment of a component is one.
    unit = np.maximum.reduce(np.where(weights > 0, means + scales * scales, -np.inf), axis=0)
    own = np.exp(means + 0.5 * scales * scales - unit)
    own = np.where(weights > 0, own, 0.0)
    centre = weighted_sum(weights, own)
    within = -np.expm1(-scales * scales) * np.exp(2.0 * (means + scales * scales - unit))
    within = np.where(weights > 0, within, 0.0)
    variance = weighted_sum(weights, within + np.square(own - centre))
    return _mean(weights, means, scales), np.exp(2.0 * unit) * variance


def _mean(weights: FloatArray, means: FloatArray, scales: FloatArray) -> FloatArray:
    """Mean of e^z, ``(c,)``, in a unit of its own: it may be tiny beside the spread."""
    exponents = np.where(weights > 0, means + 0.5 * scales * scales, -np.inf)
    peak = np.maximum.reduce(exponents, axis=0)
    return weighted_sum(weights, np.exp(exponents - peak)) * np.exp(peak)


def partial_mean(means: FloatArray, scales: FloatArray, log_limit: FloatArray) -> FloatArray:
    """E[e^z; z < log limit] of each component."""
    tail = log_ndtr((log_limit - means) / scales - scales)
    return np.exp(means + 0.5 * scales * scales + tail)


def shortfall(
    weights: FloatArray, means: FloatArray, scales: FloatArray, limit: FloatArray
) -> FloatArray:
    """E max(limit - e^z, 0); parameters ``(K, c)`` or with an axis of points, limits likewise."""
    log_limit = np.log(np.maximum(limit, 0.0))
    below = limit * ndtr((log_limit - means) / scales) - partial_mean(means, scales, log_limit)
    below = np.where(limit > 0, np.maximum(below, 0.0), 0.0)
    return weighted_sum(weights, np.broadcast_to(below, np.broadcast_shapes(below.shape)))


def expected_minimum(weights: FloatArray, means: FloatArray, scales: FloatArray) -> FloatArray:
    """E min(e^z, e^z') of two independent draws, ``(c,)``."""
    total = np.zeros(weights.shape[1])
    for k, weight in enumerate(weights):
        for j in range(k + 1):
            share = weight * weights[j] * (1.0 if j == k else 2.0)
            smaller = _smaller(means[[k, j]], scales[[k, j]])
            total += np.where(share > 0, share * smaller, 0.0)
    return total


def _smaller(means: FloatArray, scales: FloatArray) -> FloatArray:
    """E min of two components, parameters ``(2, c)``.

    E[e^z; z < z'] is E e^z Φ((m' - m - s²) / t) with t² = s² + s'².
    """
    width = np.hypot(scales[0], scales[1])
    gap = (means[::-1] - means - scales * scales) / width
    return component_sum(np.exp(means + 0.5 * scales * scales + log_ndtr(gap)))


def minimum_with(
    weights: FloatArray, means: FloatArray, scales: FloatArray, limit: float
) -> FloatArray:
    """E min(e^z, limit), ``(c,)``."""
    if limit <= 0:
        return np.full(weights.shape[1], limit)
    log_limit = np.log(limit)
    own = partial_mean(means, scales, log_limit) + limit * ndtr((means - log_limit) / scales)
    return weighted_sum(weights, own)
