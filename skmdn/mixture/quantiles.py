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
        # In place: fresh memory costs as much as what is computed in it.
        z = x - self.means
        z *= self.steepness
        terms = ndtr(z)
        terms *= self.weights
        cdf = np.minimum(component_sum(terms), 1.0)
        density, slope = self._derivatives(z, terms)
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

    def _derivatives(self, z: FloatArray, terms: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Density and its derivative, ``(m,)``; ``terms (K, m)`` are overwritten."""
        with np.errstate(over="ignore", invalid="ignore"):
            np.multiply(z, -0.5, out=terms)
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
    # Levels of all rows stay one column as long as possible.
    p, sign = _one_column(p), _one_column(np.where(upper, -1.0, 1.0))
    answer = np.full((len(p), weights.shape[1]), -np.inf)
    inside = np.broadcast_to(p > 0, answer.shape)
    if inside.any():
        answer[inside] = _lower_quantiles(weights, means, scales, p, sign, inside)
    return answer * sign


def _one_column(levels: FloatArray) -> FloatArray:
    """Levels ``(Q,)`` as ``(Q, 1)``; those of each row stay."""
    return levels[:, np.newaxis] if levels.ndim == 1 else levels


def _lower_quantiles(
    weights: FloatArray,
    means: FloatArray,
    scales: FloatArray,
    p: FloatArray,
    sign: FloatArray,
    inside: BoolArray,
) -> FloatArray:
    """The x of the mirrored mixtures with F(x) = p, for the cells inside ``(m,)`` of ``(Q, c)``."""
    every = inside.all()

    def cells(array: FloatArray) -> FloatArray:  # (..., m)
        array = np.broadcast_to(array, (*array.shape[:-2], *inside.shape))
        return array.reshape(*array.shape[:-2], -1) if every else array[..., inside]

    with np.errstate(over="ignore"):
        steepness = 1.0 / scales
        # abs(f'') of a component is at most φ(0) / s³.
        roughness = weighted_sum(weights, steepness * steepness * steepness) / (6.0 * _ROOT_2PI)
    probit = ndtri(p)
    mirrored = means[:, np.newaxis] * sign
    own = scales[:, np.newaxis] * probit
    own += mirrored
    own = cells(own)
    expected = cells(_cornish_fisher(weights, means, scales, probit, sign))
    weights = cells(weights[:, np.newaxis])
    low, high, start = _bracket(weights, own, expected)
    steepness, roughness = cells(steepness[:, np.newaxis]), cells(roughness[np.newaxis])
    tail = _Tail(weights, cells(mirrored), steepness, roughness, cells(p), cells(probit))
    return solve(tail, low, high, start)


def _bracket(
    weights: FloatArray, own: FloatArray, expected: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Bracket and start: lowest and highest quantile of the components, and about the expected one.

    Where none is expected, the search starts at the mean of the components' quantiles.
    """
    low, high = (
        extreme.reduce(own if weights.all() else np.where(weights > 0, own, none), axis=0)
        for extreme, none in ((np.minimum, np.inf), (np.maximum, -np.inf))
    )
    start = np.where(np.isfinite(expected), expected, weighted_sum(weights, own))
    # The ends are rounded: one double outward.
    return np.nextafter(low, -np.inf), np.nextafter(high, np.inf), np.clip(start, low, high)


def _cornish_fisher(
    weights: FloatArray, means: FloatArray, scales: FloatArray, probit: FloatArray, sign: FloatArray
) -> FloatArray:
    """About the quantiles ``(Q, c)`` of mirrored mixtures, by their first four moments.

    E. A. Cornish and R. A. Fisher, "Moments and cumulants in the specification of distributions",
    Revue de l'Institut International de Statistique 5 (1938). They are not finite where squares
    overflow. Skewness and excess are limited, as the series is of no use beyond.
    """
    with np.errstate(all="ignore"):
        centre = weighted_sum(weights, means)
        away, variance = means - centre, scales * scales
        unit = np.sqrt(weighted_sum(weights, variance + away * away))
        away, variance = away / unit, variance / (unit * unit)
        square = away * away
        skewness = weighted_sum(weights, away * (square + 3.0 * variance))
        tails = weighted_sum(
            weights, square * (square + 6.0 * variance) + 3.0 * variance * variance
        )
        skewness, excess = sign * np.clip(skewness, -1.0, 1.0), np.clip(tails - 3.0, -1.0, 1.0)
        z, cube = probit, probit * probit * probit
        bend = skewness / 6.0 * (z * z - 1.0) + excess / 24.0 * (cube - 3.0 * z)
        bend -= skewness * skewness / 36.0 * (2.0 * cube - 5.0 * z)
        return np.asarray(sign * centre + unit * (z + bend))


def quantiles(
    weights: FloatArray, means: FloatArray, scales: FloatArray, levels: FloatArray
) -> FloatArray:
    """Quantiles ``(Q, c)`` of one output; they do not decrease in the level.

    Levels are ``(Q,)``, or ``(Q, c)`` for each row.
    """
    upper = levels > 0.5
    answer = tail_quantiles(weights, means, scales, np.where(upper, 1.0 - levels, levels), upper)
    order = np.argsort(_one_column(levels), axis=0, kind="stable")
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
