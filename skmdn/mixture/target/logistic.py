"""Expectations of smooth functions of normal variables, by the trapezoidal rule.

For functions that are analytic in a strip and die out, the rule's error falls exponentially with
its step. A function with poles at a distance of pi from the line is integrated over the normal
variable where its scale is small. Where it is large, the expectation is turned into an integral
over the function's own derivative, which is smooth beside the normal distribution function.

Axes: any; means and scales of components broadcast.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, ndtr

from skmdn._arrays import FloatArray

WIDE = 2.0
"""Scale from which on the second form is used."""

_STEP = 0.25
_NORMAL = np.arange(-38, 39) * _STEP
_NORMAL_WEIGHTS = _STEP * np.exp(-0.5 * _NORMAL**2) / np.sqrt(2.0 * np.pi)

_LINE = np.arange(-80, 81) * 0.5
_DENSITY = 0.5 * expit(_LINE) * expit(-_LINE)  # of the logistic distribution

_ROOT_2PI = float(np.sqrt(2.0 * np.pi))


def logistic_moments(means: FloatArray, scales: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of expit(z); the error is below 1e-13."""
    mean, variance = np.empty(means.shape), np.empty(means.shape)
    wide = scales > WIDE
    for part, method in ((~wide, _narrow_moments), (wide, _wide_moments)):
        mean[part], variance[part] = method(means[part], scales[part])
    return mean, variance


def _narrow_moments(means: FloatArray, scales: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Over the normal variable; deviations are from the value at its mean."""
    first, second = np.zeros(means.shape), np.zeros(means.shape)
    for node, weight in zip(_NORMAL, _NORMAL_WEIGHTS, strict=True):
        # expit(b) - expit(a) = expit(b) expit(-a) (1 - exp(a - b)), without cancellation.
        end = means + scales * node
        high, low = np.maximum(end, means), np.minimum(end, means)
        away = -np.sign(node) * expit(high) * expit(-low) * np.expm1(low - high)
        first += weight * away
        second += weight * away * away
    return expit(means) + first, np.maximum(second - first * first, 0.0)


def _wide_moments(means: FloatArray, scales: FloatArray) -> tuple[FloatArray, FloatArray]:
    """E h(z) = ∫ h'(l) P(z > l) dl for h = expit and its square."""
    first, second = np.zeros(means.shape), np.zeros(means.shape)
    for node, weight in zip(_LINE, _DENSITY, strict=True):
        above = weight * ndtr((means - node) / scales)
        first += above
        second += 2.0 * expit(node) * above
    return first, np.maximum(second - first * first, 0.0)


def expected_log_cosh(means: FloatArray, scales: FloatArray) -> FloatArray:
    """E log cosh(z); the error is below 1e-13 of 1 + abs(z)."""
    answer = np.empty(means.shape)
    wide = scales > 0.5 * WIDE
    for part, method in ((~wide, _narrow_log_cosh), (wide, _wide_log_cosh)):
        answer[part] = method(means[part], scales[part])
    return answer


def _narrow_log_cosh(means: FloatArray, scales: FloatArray) -> FloatArray:
    total = np.zeros(means.shape)
    for node, weight in zip(_NORMAL, _NORMAL_WEIGHTS, strict=True):
        total += weight * log_cosh(means + scales * node)
    return total


def _wide_log_cosh(means: FloatArray, scales: FloatArray) -> FloatArray:
    """Log cosh(z) = ∫ sech²(l) abs(z - l) dl / 2 - log 2; 2 l is logistic with that density."""
    total = np.zeros(means.shape)
    for node, weight in zip(0.5 * _LINE, _DENSITY, strict=True):
        total += weight * _mean_size(means - node, scales)
    return total - np.log(2.0)


def _mean_size(means: FloatArray, scales: FloatArray) -> FloatArray:
    """E abs(N(m, s²))."""
    t = means / scales
    return means * (ndtr(t) - ndtr(-t)) + 2.0 * scales * np.exp(-0.5 * t * t) / _ROOT_2PI


def log_cosh(z: FloatArray) -> FloatArray:
    """Logarithm of the hyperbolic cosine, without overflow."""
    size = np.abs(z)
    return size + np.log1p(np.exp(-2.0 * size)) - np.log(2.0)
