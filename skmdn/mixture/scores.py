"""Proper scores: the continuous ranked probability score and the energy score.

Axes: K components, D outputs, c rows of a block, S samples, g points.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from skmdn._arrays import FloatArray

_ROOT_2PI = float(np.sqrt(2.0 * np.pi))


def crps(weights: FloatArray, means: FloatArray, scales: FloatArray, y: FloatArray) -> FloatArray:
    """CRPS = E abs(Y - y) - E abs(Y - Y') / 2 of one output, arranged so that little cancels.

    E abs(N(m, s²)) = abs(m) + 2 s ψ(abs(m) / s) with ψ(t) = φ(t) - t Φ(-t). The terms are collected
    for each pair of components. The absolute values then combine to the smaller of abs(y - m_k) and
    abs(y - m_l) where y lies on the same side of both means, and to zero elsewhere. Offsets and
    distances between components drop out exactly, and all other terms are of the size of the
    scales.
    """
    away = y - means  # (K, ...)
    own = 2.0 * _excess(away, scales)
    total = np.zeros(np.broadcast_shapes(weights.shape[1:], y.shape))
    for k, weight in enumerate(weights):
        # A component with itself: E abs(X - X') is 2 s / sqrt(pi).
        total += weight * weight * (np.abs(away[k]) + own[k] - scales[k] / np.sqrt(np.pi))
        for j in range(k):
            distance = same_side(away[k], away[j]) + 0.5 * (own[k] + own[j])
            distance -= _excess(means[k] - means[j], np.hypot(scales[k], scales[j]))
            total += 2.0 * weight * weights[j] * distance
    return np.maximum(total, 0.0)


def same_side(a: FloatArray, b: FloatArray) -> FloatArray:
    """(abs(a) + abs(b) - abs(a - b)) / 2: the smaller where the signs agree, else zero."""
    return np.maximum(np.minimum(a, b), 0.0) - np.minimum(np.maximum(a, b), 0.0)


def _excess(mean: FloatArray, scale: FloatArray) -> FloatArray:
    """The term s ψ(abs(m) / s), half of E abs(N(m, s²)) - abs(m)."""
    t = np.abs(mean / scale)
    # Beyond 40 standard deviations both terms are zero in double precision.
    density = np.exp(-0.5 * np.square(np.minimum(t, 40.0))) / _ROOT_2PI
    tail = np.minimum(t, 40.0) * ndtr(-t)
    return np.asarray(scale * np.maximum(density - tail, 0.0), dtype=np.float64)


def energy_terms(first: FloatArray, second: FloatArray, y: FloatArray) -> FloatArray:
    """Terms whose mean is E ‖Y - y‖ - E ‖Y - Y'‖ / 2, ``(c, g, S)``.

    Two independent sets of draws ``(c, S, D)``; y ``(c, g, D)``.
    """
    between = _length(first - second)[:, np.newaxis]
    towards = _length(first[:, np.newaxis] - y[:, :, np.newaxis])
    towards += _length(second[:, np.newaxis] - y[:, :, np.newaxis])
    towards -= between
    towards *= 0.5
    return towards


def _length(vectors: FloatArray) -> FloatArray:
    """Euclidean length over the last axis."""
    return np.sqrt(np.square(vectors).sum(axis=-1))
