"""Distribution functions, each as a sum of positive terms and so accurate in its own tail.

Axes: K components, D outputs; the trailing axes are rows and points of a block.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from skmdn._arrays import FloatArray
from skmdn.mixture.blocks import Block, weighted_sum
from skmdn.mixture.spread import Spread


def lower_tail(
    weights: FloatArray, means: FloatArray, scales: FloatArray, y: FloatArray
) -> FloatArray:
    """P(Y <= y) of one output."""
    with np.errstate(over="ignore"):  # infinitely far out
        z = (y - means) / scales
    return np.minimum(weighted_sum(weights, ndtr(z)), 1.0)


def joint_tail(block: Block, spread: Spread, y: FloatArray, upper: bool) -> FloatArray:
    """P(all Y_j <= y_j), or P(all Y_j > y_j), ``(...)``; y ``(D, ...)``."""
    # Y - m and m - Y have the same distribution: the upper tail is a lower tail at mirrored limits.
    limits = block.means - y[:, np.newaxis] if upper else y[:, np.newaxis] - block.means
    with np.errstate(over="ignore"):  # infinitely far out
        probability = spread.orthant(block.factor, limits)
    return np.minimum(weighted_sum(block.weights, probability), 1.0)
