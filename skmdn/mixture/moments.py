"""Mean and covariance by the law of total variance, taken about the mean: nothing cancels.

Axes: K components, D outputs, c rows of a block.
"""

from __future__ import annotations

import numpy as np

from skmdn._arrays import FloatArray
from skmdn.mixture.blocks import Block, weighted_sum
from skmdn.mixture.spread import Spread


def centred(weights: FloatArray, means: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean ``(c,)`` and the components' deviations from it ``(K, c)``.

    The mean is refined once by the mean of the deviations, whose rounding is relative to the
    spread of the means and not to their offset.
    """
    rough = weighted_sum(weights, means)
    deviations = means - rough
    correction = weighted_sum(weights, deviations)
    deviations -= correction
    return rough + correction, deviations


def mean(weights: FloatArray, means: FloatArray) -> FloatArray:
    """Σ_k w_k m_k, ``(D, c)``."""
    return np.stack([weighted_sum(weights, of_output) for of_output in means])


def variance(block: Block, spread: Spread) -> FloatArray:
    """Σ_k w_k (s_k² + (m_k - m)²) of each output, ``(D, c)``."""
    answer = np.empty(block.means.shape[::2])
    for j, means in enumerate(block.means):
        _, deviations = centred(block.weights, means)
        deviations *= deviations
        deviations += spread.covariance(block.factor, j, j)
        answer[j] = weighted_sum(block.weights, deviations)
    return answer


def covariance(block: Block, spread: Spread) -> FloatArray:
    """Σ_k w_k (Σ_k + (m_k - m)(m_k - m)ᵀ), ``(D, D, c)``."""
    deviations = [centred(block.weights, means)[1] for means in block.means]
    n_outputs = len(deviations)
    answer = np.empty((n_outputs, n_outputs, block.means.shape[2]))
    for i in range(n_outputs):
        for j in range(i + 1):
            product = deviations[i] * deviations[j] + spread.covariance(block.factor, i, j)
            answer[i, j] = answer[j, i] = weighted_sum(block.weights, product)
    return answer
