"""Mean and standard deviation of y as nodes of a graph: `mixture.target.moments` in ONNX.

n rows, K components, A atoms.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from skmdn._arrays import FloatArray
from skmdn.export.functions import exp, expit, expm1, where
from skmdn.export.graph import Value
from skmdn.transforms import Asinh, Log, Logit, Transform

# Step of the quadrature of logistic functions, over the normal variable, in units of one over the
# largest scale; the error falls exponentially with its inverse. And the end of the nodes.
_STEP, _REACH = 0.5, 9.5


class Moments(NamedTuple):
    """Mean and variance."""

    mean: Value
    variance: Value


def moments(
    weights: Value, means: Value, scales: Value, transform: Transform | None, widest: float
) -> Moments:
    """Mean and variance ``(n,)`` of y in the mixture; no component is wider than `widest`."""
    of_components = _component_moments(means, scales, transform, widest)
    mean = (weights * of_components.mean).sum(1, keepdims=True)
    away = of_components.mean - mean
    away = away - (weights * away).sum(1, keepdims=True)
    variance = weights * (of_components.variance + away * away)
    return Moments(mean.sum(1), variance.sum(1))


def with_atoms(own: Moments, atoms: FloatArray, shares: Value) -> Moments:
    """Moments with values that have the probabilities ``shares (n, A)``."""
    rest = (-shares.sum(1) + 1.0).node("Max", 0.0)
    mean = rest * own.mean + (shares * atoms).sum(1)
    away, apart = own.mean - mean, -mean.with_axis(1) + atoms
    variance = rest * (own.variance + away * away) + (shares * apart * apart).sum(1)
    return Moments(mean, variance)


def _component_moments(
    means: Value, scales: Value, transform: Transform | None, widest: float
) -> Moments:
    """Mean and variance of y in each component ``(n, K)``.

    Raises
    ------
    ValueError
        If the map has no form here.
    """
    square = scales * scales
    if isinstance(transform, Log):
        mean = exp(means * transform.side + square * 0.5)
        return Moments(mean * transform.side + transform.bound, expm1(square) * mean * mean)
    if isinstance(transform, Asinh):
        return _asinh_moments(means, square, transform)
    if isinstance(transform, Logit):
        mean, variance = _logistic_moments(means, scales, widest)
        width = transform.width
        return Moments(mean * width + transform.lower, variance * width**2)
    return Moments(means, square)


def _asinh_moments(means: Value, square: Value, transform: Asinh) -> Moments:
    unit, size = transform.scale, means.node("Abs")
    sinh = means.node("Sign") * exp(size) * -expm1(size * -2.0) * 0.5
    mean = exp(square * 0.5) * sinh * unit + transform.location
    cosh = (exp(means * 2.0) + exp(means * -2.0)) * 0.5
    return Moments(mean, expm1(square) * (exp(square) * cosh + 1.0) * (0.5 * unit * unit))


def _logistic_moments(means: Value, scales: Value, widest: float) -> Moments:
    """Of the logistic function of a normal variable, by the trapezoidal rule."""
    step = min(_STEP / max(widest, 1e-300), 0.25)
    nodes = step * np.arange(-math.ceil(_REACH / step), math.ceil(_REACH / step) + 1)
    density = np.exp(-0.5 * nodes**2)
    density /= density.sum()
    # Of the smaller of the two probabilities, whose digits do not cancel.
    low = -means.node("Abs")
    values = expit(scales.with_axis(2) * nodes + low.with_axis(2))
    mean = (values * density).sum(2)
    away = values - mean.with_axis(2)
    variance = (away * away * density).sum(2)
    return Moments(where(means < 0.0, mean, -mean + 1.0), variance)
