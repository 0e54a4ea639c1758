"""Mean, variance and covariance of y behind maps, with atoms.

Axes: n rows, K components, D outputs; c rows of a block.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from skmdn._arrays import FloatArray
from skmdn.mixture.blocks import Block, weighted_sum
from skmdn.mixture.mixture import Mixture
from skmdn.mixture.spread import Spread
from skmdn.mixture.target import log_normal
from skmdn.mixture.target.line import TargetLine
from skmdn.mixture.target.logistic import logistic_moments
from skmdn.transforms import Asinh, Identity, Log, Logit, Transform


class Moments(NamedTuple):
    """Mean and variance."""

    mean: FloatArray
    variance: FloatArray


def line_moments(line: TargetLine) -> Moments:
    """Of one output, ``(n,)``; infinite where doubles overflow."""
    own = _density_moments(line.transform, line.base)
    if not len(line.atoms):
        return own
    present = line.rest > 0
    centre, variance = (np.where(present, array, 0.0) for array in own)
    mean = line.rest * centre
    for atom, mass in zip(line.atoms, line.masses.T, strict=True):
        mean += mass * atom
    total = line.rest * (variance + np.square(centre - mean))
    for atom, mass in zip(line.atoms, line.masses.T, strict=True):
        total += mass * np.square(atom - mean)
    return Moments(mean, _or_infinite(total))


def _density_moments(transform: Transform, base: Mixture) -> Moments:
    """Of the density, atoms left out."""
    if isinstance(transform, Identity):
        return Moments(base.mean(), base.var())
    mean, variance = np.empty(len(base)), np.empty(len(base))
    for rows in base._row_chunks(4):
        weights, means, scales = base._block(rows)
        if isinstance(transform, Log):
            part = log_normal.moments(weights, transform.side * means[0], scales[0])
            mean[rows] = transform.bound + transform.side * part[0]
            variance[rows] = part[1]
        else:
            parts = component_moments(transform, means[0], scales[0])
            mean[rows], variance[rows] = _pooled(weights, parts)
            if isinstance(transform, Asinh):
                mean[rows] = _asinh_mean(transform, weights, means[0], scales[0])
    return Moments(mean, _or_infinite(variance))


def _asinh_mean(
    transform: Asinh, weights: FloatArray, means: FloatArray, scales: FloatArray
) -> FloatArray:
    """Σ_k w_k exp(s_k² / 2) sinh(m_k), in a unit in which no term overflows."""
    size = np.abs(means)
    exponents = np.where(weights > 0, size + 0.5 * scales * scales, -np.inf)
    peak = np.maximum.reduce(exponents, axis=0)
    terms = np.sign(means) * np.exp(exponents - peak) * -np.expm1(-2.0 * size)
    total = 0.5 * weighted_sum(weights, terms)
    total = np.where(total == 0, 0.0, total * np.exp(peak))
    return transform.location + transform.scale * total


def _pooled(weights: FloatArray, parts: Moments) -> Moments:
    """Moments of the mixture of components ``(K, c)``, by the law of total variance."""
    present = weights > 0
    means = np.where(present, parts.mean, 0.0)
    mean = weighted_sum(weights, means)
    away = np.where(present, means - mean, 0.0)
    spread = np.where(present, parts.variance, 0.0) + np.square(away)
    return Moments(mean, weighted_sum(weights, spread))


def component_moments(transform: Transform, means: FloatArray, scales: FloatArray) -> Moments:
    """Mean and variance of y in each component, ``(K, c)``."""
    square = scales * scales
    if isinstance(transform, Log):
        side, bound = transform.side, transform.bound
        mean = np.exp(side * means + 0.5 * square)
        return Moments(bound + side * mean, np.expm1(square) * np.square(mean))
    if isinstance(transform, Asinh):
        unit = transform.scale
        mean = transform.location + unit * np.exp(0.5 * square) * np.sinh(means)
        spread = 0.5 * np.expm1(square) * (np.exp(square) * np.cosh(2.0 * means) + 1.0)
        return Moments(mean, unit * unit * spread)
    if isinstance(transform, Logit):
        mean, spread = logistic_moments(means, scales)
        return Moments(transform.lower + transform.width * mean, transform.width**2 * spread)
    return Moments(means, square)


def covariance(block: Block, spread: Spread, transforms: Sequence[Transform]) -> FloatArray:
    """Between the outputs, ``(D, D, c)``."""
    n_outputs, _, n_rows = block.means.shape
    scales = [np.sqrt(spread.covariance(block.factor, j, j)) for j in range(n_outputs)]
    parts = [
        component_moments(transform, block.means[j], scales[j])
        for j, transform in enumerate(transforms)
    ]
    pooled = [_pooled(block.weights, part) for part in parts]
    away = [part.mean - whole.mean for part, whole in zip(parts, pooled, strict=True)]
    answer = np.empty((n_outputs, n_outputs, n_rows))
    for i in range(n_outputs):
        answer[i, i] = pooled[i].variance
        for j in range(i):
            product = away[i] * away[j]
            if spread.kind == "full":
                z_cov = spread.covariance(block.factor, i, j)
                first, second = (
                    _exponentials(transforms[k], block.means[k], scales[k]) for k in (i, j)
                )
                product = product + _within(first, second, z_cov)
            answer[i, j] = answer[j, i] = weighted_sum(block.weights, product)
    return _or_infinite(answer)


class _Term(NamedTuple):
    """One term of y: ``mean`` is that of c exp(rate z), or c alone where the rate is 0, for c z."""

    mean: FloatArray | float
    rate: float


def _exponentials(transform: Transform, means: FloatArray, scales: FloatArray) -> list[_Term]:
    """The terms of y in each component, constants left out."""
    half = 0.5 * scales * scales
    if isinstance(transform, Log):
        side = transform.side
        return [_Term(side * np.exp(side * means + half), side)]
    if isinstance(transform, Asinh):
        unit = 0.5 * transform.scale
        return [_Term(s * unit * np.exp(s * means + half), s) for s in (1.0, -1.0)]
    return [_Term(1.0, 0.0)]


def _within(first: list[_Term], second: list[_Term], z_cov: FloatArray) -> FloatArray:
    """Covariance within each component, from the covariance of the two z."""
    total = np.zeros(z_cov.shape)
    for a in first:
        for b in second:
            total += a.mean * b.mean * _factor(a.rate, b.rate, z_cov)
    return total


def _factor(a: float, b: float, z_cov: FloatArray) -> FloatArray:
    """Cov(exp(a z), exp(b z')) over the product of the means; a rate of 0 is for z itself."""
    if a and b:
        return np.expm1(a * b * z_cov)
    return z_cov * (a or 1.0) * (b or 1.0)


def _or_infinite(values: FloatArray) -> FloatArray:
    """Differences of infinities are infinite."""
    return np.where(np.isnan(values), np.inf, values)
