"""Quantiles by a bracketed search with Halley's method, for all rows and levels at once.

Every problem is one of the lower tail: for levels above one half the mixture is mirrored. The
search is for the root of ``probit(F(x)) - probit(p)``. This function is linear for one component,
and nearly linear in the tails of any mixture.

Axes: K components, m cells (a row and a level each), Q levels, c rows of a block.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from skmdn._arrays import BoolArray, FloatArray
from skmdn.mixture.blocks import component_sum, weighted_sum
from skmdn.mixture.roots import solve

_ROOT_2PI = float(np.sqrt(2.0 * np.pi))

TOLERANCE = 1e-12
"""Largest error of F(x), relative to the tail's probability p <= 1/2."""


class _Tail(NamedTuple):
    """The problem F(x) = p of the lower tail."""

    weights: FloatArray  # (K, m)
    means: FloatArray  # (K, m)
    steepness: FloatArray  # (K, m), 1 / s
    roughness: FloatArray  # (m,), bound of abs(f'') / 6
    p: FloatArray  # (m,)
    probit: FloatArray  # (m,)

    def take(self, keep: BoolArray) -> _Tail:
        """Some of the cells."""
        return _Tail(*(array[..., keep] for array in self))

    def evaluate(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """probit(F(x)) - probit(p), or zero where the next point is the answer; and that point."""
        z = (x - self.means) * self.steepness
        cdf = np.minimum(weighted_sum(self.weights, ndtr(z)), 1.0)
        density, slope = self._derivatives(z)
        here = ndtri(cdf)
        error = here - self.probit
        excess = cdf - self.p
        with np.errstate(all="ignore"):  # a step that is not finite is not taken
            step = _halley(error, here, density, slope)
            # Taylor's remainder proves that some steps are good enough without another evaluation.
            left = np.abs(excess - step * (density - 0.5 * step * slope))
            proved = left + self.roughness * np.abs(step) ** 3 <= TOLERANCE * self.p
        near = np.abs(excess) <= TOLERANCE * self.p
        return np.where(near | proved, 0.0, error), np.where(near, x, x - step)

    def _derivatives(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Density and its derivative, ``(m,)``."""
        with np.errstate(over="ignore", invalid="ignore"):
            terms = -0.5 * z
            terms *= z
            np.exp(terms, out=terms)
            terms *= self.weights
            terms *= self.steepness
            density = component_sum(terms) / _ROOT_2PI
            terms *= z
            terms *= self.steepness
            return density, -component_sum(terms) / _ROOT_2PI


def _halley(
    error: FloatArray, here: FloatArray, density: FloatArray, slope: FloatArray
) -> FloatArray:
    """Halley's step for h = probit(F): h' = f / φ(h), h'' = f' / φ(h) + h h'²."""
    normal = np.exp(-0.5 * here * here) / _ROOT_2PI
    first = density / normal
    second = slope / normal + here * first * first
    newton = error / first
    return newton / (1.0 - 0.5 * newton * second / first)


def tail_quantiles(
    weights: FloatArray, means: FloatArray, scales: FloatArray, p: FloatArray, upper: BoolArray
) -> FloatArray:
    """The x with P(Y <= x) = p, or with P(Y > x) = p where ``upper``; ``(Q, c)``.

    Parameters ``(K, c)``; tail probabilities p within [0, 1/2], ``(Q,)`` or of each row ``(Q, c)``.
    """
    shape = len(p), weights.shape[1]
    p = np.broadcast_to(p.reshape(len(p), -1), shape)
    sign = np.broadcast_to(np.where(upper, -1.0, 1.0).reshape(len(p), -1), shape)
    answer = np.full(shape, -np.inf)
    inside = p > 0
    if inside.any():
        answer[inside] = _lower_quantiles(weights, means, scales, p, sign, inside)
    return answer * sign


def _lower_quantiles(
    weights: FloatArray,
    means: FloatArray,
    scales: FloatArray,
    p: FloatArray,
    sign: FloatArray,
    inside: BoolArray,
) -> FloatArray:
    """The x of the mirrored mixtures with F(x) = p, for the cells inside ``(m,)`` of ``(Q, c)``."""
    shape = (len(weights), *p.shape)

    def cells(array: FloatArray) -> FloatArray:  # (K, m)
        if inside.all():
            return array.reshape(len(array), -1)
        return array[:, inside]

    mirrored = cells(means[:, np.newaxis] * sign)
    weights = cells(np.broadcast_to(weights[:, np.newaxis], shape))
    scales = cells(np.broadcast_to(scales[:, np.newaxis], shape))
    p = p[inside]
    probit = ndtri(p)
    low, high, start = _bracket(weights, mirrored + scales * probit)
    with np.errstate(over="ignore"):
        steepness = 1.0 / scales
        # abs(f'') of a component is at most φ(0) / s³.
        roughness = weighted_sum(weights, steepness**3) / (6.0 * _ROOT_2PI)
    tail = _Tail(weights, mirrored, steepness, roughness, p, probit)
    return solve(tail, low, high, start)


def _bracket(weights: FloatArray, own: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Bracket and start: the lowest, highest and mean of the quantiles of the components."""
    low = np.minimum.reduce(np.where(weights > 0, own, np.inf), axis=0)
    high = np.maximum.reduce(np.where(weights > 0, own, -np.inf), axis=0)
    start = np.clip(weighted_sum(weights, own), low, high)
    # The ends are rounded: one double outward.
    return np.nextafter(low, -np.inf), np.nextafter(high, np.inf), start


def quantiles(
    weights: FloatArray, means: FloatArray, scales: FloatArray, levels: FloatArray
) -> FloatArray:
    """Quantiles ``(Q, c)`` of one output; they do not decrease in the level.

    Levels are ``(Q,)``, or ``(Q, c)`` for each row.
    """
    upper = levels > 0.5
    answer = tail_quantiles(weights, means, scales, np.where(upper, 1.0 - levels, levels), upper)
    order = np.argsort(levels.reshape(len(levels), -1), axis=0, kind="stable")
    order = np.broadcast_to(order, answer.shape)
    # Each level is solved by itself, so that neighbouring ones might cross in their last bits.
    rising = np.maximum.accumulate(np.take_along_axis(answer, order, 0), axis=0)
    np.put_along_axis(answer, order, rising, 0)
    return answer


def central_intervals(
    weights: FloatArray, means: FloatArray, scales: FloatArray, levels: FloatArray
) -> FloatArray:
    """Ends ``(2, Q, c)`` with a tail of (1 - level) / 2 on either side."""
    tails = np.concatenate([0.5 * (1.0 - levels)] * 2)
    upper = np.repeat([False, True], len(levels))
    ends = tail_quantiles(weights, means, scales, tails, upper)
    lower, above = ends.reshape(2, len(levels), weights.shape[1])
    # With half of the mass on either side of a gap, every point in the gap is a median.
    return np.stack([lower, np.maximum(lower, above, out=above)])
