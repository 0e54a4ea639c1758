"""Mean, variance and covariance; deviations are from the mean, so that no digits cancel.

Axes: K components, D outputs, c rows of a block.
"""

from __future__ import annotations

import numpy as np

from skmdn._arrays import FloatArray
from skmdn.mixture.blocks import Block, weighted_sum
from skmdn.mixture.spread import Spread


def deviations(weights: FloatArray, means: FloatArray) -> FloatArray:
    """Deviations of the components' means from the mean of the mixture, ``(K, c)``.

    The rounding error of the mean grows with the offset of the means. It is removed by centring
    the deviations once more: they are as small as the distances between the means.
    """
    away = means - weighted_sum(weights, means)
    away -= weighted_sum(weights, away)
    return away


def mean(weights: FloatArray, means: FloatArray) -> FloatArray:
    """Σ_k w_k m_k, ``(D, c)``."""
    return np.stack([weighted_sum(weights, of_output) for of_output in means])


def variance(block: Block, spread: Spread) -> FloatArray:
    """Σ_k w_k (s_k² + (m_k - m)²) of each output, ``(D, c)``."""
    answer = np.empty(block.means.shape[::2])
    for j, means in enumerate(block.means):
        square = deviations(block.weights, means)
        square *= square
        square += spread.covariance(block.factor, j, j)
        answer[j] = weighted_sum(block.weights, square)
    return answer


def covariance(block: Block, spread: Spread) -> FloatArray:
    """Σ_k w_k (Σ_k + (m_k - m)(m_k - m)ᵀ), ``(D, D, c)``."""
    away = [deviations(block.weights, means) for means in block.means]
    n_outputs = len(away)
    answer = np.empty((n_outputs, n_outputs, block.means.shape[2]))
    for i in range(n_outputs):
        for j in range(i + 1):
            product = away[i] * away[j] + spread.covariance(block.factor, i, j)
            answer[i, j] = answer[j, i] = weighted_sum(block.weights, product)
    return answer
