"""Densities and responsibilities, computed as logarithms.

Axes: K components, D outputs; the trailing axes are rows and points of a block.
"""

from __future__ import annotations

import numpy as np

from skmdn._arrays import FloatArray
from skmdn.mixture.blocks import Block, component_sum, log_sum_exp, log_weights
from skmdn.mixture.spread import Spread

HALF_LOG_2PI = 0.5 * np.log(2.0 * np.pi)


def log_joint(block: Block, spread: Spread, y: FloatArray) -> FloatArray:
    """Log w_k + log N(y | m_k, Σ_k), ``(K, ...)``; y ``(D, ...)``."""
    height = log_weights(block.weights) - spread.log_determinant(block.factor)
    height -= len(block.means) * HALF_LOG_2PI
    with np.errstate(over="ignore"):
        distance = spread.squared_distance(block.factor, block.means, y)
    distance *= -0.5
    distance += height
    return distance


def log_density(block: Block, spread: Spread, y: FloatArray) -> FloatArray:
    """Log Σ_k w_k N(y | m_k, Σ_k), ``(...)``; -inf where y is infinite."""
    with np.errstate(divide="ignore"):
        return log_sum_exp(log_joint(block, spread, y))


def responsibilities(block: Block, spread: Spread, y: FloatArray) -> FloatArray:
    """Probability of each component given y, ``(K, ...)``."""
    exponents = log_joint(block, spread, y)
    peak = np.maximum.reduce(exponents, axis=0)
    # Beyond 1e154 standard deviations even the logarithms overflow; the answer is then the weights.
    exponents = np.where(np.isfinite(peak), exponents, log_weights(block.weights))
    exponents -= np.maximum.reduce(exponents, axis=0)
    np.exp(exponents, out=exponents)
    exponents /= component_sum(exponents)
    return exponents


def line_log_density(
    weights: FloatArray, means: FloatArray, scales: FloatArray, y: FloatArray
) -> FloatArray:
    """Log density of one output."""
    return line_log_height(log_weights(weights), means, scales, y)


def line_log_height(
    log_weights: FloatArray, means: FloatArray, scales: FloatArray, y: FloatArray
) -> FloatArray:
    """Log Σ_k w_k N(y | m_k, s_k²) of one output; the weights need not sum to one."""
    exponents = log_weights - np.log(scales) - HALF_LOG_2PI
    with np.errstate(over="ignore", divide="ignore"):
        z = (y - means) / scales
        return log_sum_exp(exponents - 0.5 * z * z)
