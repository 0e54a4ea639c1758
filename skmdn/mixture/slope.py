"""The slope of a Gaussian mixture on intervals of the line: proofs of its sign and monotonicity.

The slope is multiplied by the positive function exp(z_j²/2) of one component j:

    S(x) = Σ_k c_k (m_k - x) exp(E_k(x)),   c_k = w_k / s_k³,   E_k = (z_j² - z_k²) / 2.

Two kinds of proof are tried. Interval arithmetic adds up the ranges of the terms of S and of its
derivative; the range of the parabola E_k is exact. Where many components cancel, these ranges are
too wide unless the interval is tiny. The Taylor series of S about the middle of the interval, with
a bound of its remainder, takes the cancellation into account. It needs an interval that is at most
a quarter as wide as a scale, so that the number of intervals stays in proportion to K.

Axes: K components, i intervals.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skmdn._arrays import BoolArray, FloatArray, IntArray
from skmdn.mixture.blocks import chunks, component_sum, weighted_sum

_LARGEST = 700.0
"""Exponents above it overflow."""

_EPS = float(np.finfo(np.float64).eps)

_ORDER = 16
"""Order of the Taylor series."""

_WIDEST = 1.0 / 8.0
"""Largest radius for which a series is tried, in scales of the largest component."""

_STRETCH = 8.0
"""The remainder is bounded by the size of S at this many radii from the middle."""

_REMAINDER = _STRETCH**-_ORDER / (_STRETCH - 1.0)
"""Bound of the remainder in terms of that size."""

_FARTHEST = 12.0
"""Exponents at that distance above which no series is tried."""


class Slope(NamedTuple):
    """S on intervals: u = x - middle, E_k = alpha + beta u + gamma u²."""

    distance: FloatArray  # (K, i) m_k - middle
    alpha: FloatArray  # (K, i)
    beta: FloatArray  # (K, i)
    gamma: FloatArray  # (K, i)
    noise: FloatArray  # (K, i) rounding error of alpha
    precision: FloatArray  # (i,) 1 / s_j²

    def take(self, keep: BoolArray | IntArray | slice) -> Slope:
        """Some of the intervals."""
        return Slope(*(array[..., keep] for array in self))


class Proof(NamedTuple):
    """What is certain of S on intervals."""

    sign: FloatArray  # (i,) 1, -1, 0 where S is below its rounding error, NaN where it is open
    direction: FloatArray  # (i,) 1 where S rises, -1 where it falls, 0 where it may do both


def slope_about(heights: FloatArray, distance: FloatArray, precision: FloatArray) -> Slope:
    """S relative to the component j that is largest in the middle; heights are log c_k."""
    tilt = distance * precision
    exponent = heights - 0.5 * distance * tilt
    top, top_tilt, top_precision = exponent[0], tilt[0], precision[0]
    for k in range(1, len(exponent)):
        larger = exponent[k] > top
        top = np.where(larger, exponent[k], top)
        top_tilt = np.where(larger, tilt[k], top_tilt)
        top_precision = np.where(larger, precision[k], top_precision)
    alpha = exponent - np.where(top > -np.inf, top, 0.0)
    exact = (alpha == 0) | (alpha == -np.inf)
    noise = 2.0 * _EPS * (4.0 + np.where(exact, 0.0, np.abs(exponent) + np.abs(top)))
    beta, gamma = tilt - top_tilt, 0.5 * (top_precision - precision)
    return Slope(distance, alpha, beta, gamma, noise, top_precision)


def without_absent(
    slope: Slope, heights: FloatArray, precision: FloatArray, radius: FloatArray
) -> Slope:
    """The slope without the components whose square overflows on all of an interval."""
    nearest = np.maximum(np.abs(slope.distance) - radius, 0.0)
    absent = heights - 0.5 * nearest * (nearest * precision) == -np.inf
    absent &= ~np.isfinite(slope.beta * radius)
    slope.beta[absent] = slope.gamma[absent] = 0.0
    return slope


def by_arithmetic(slope: Slope, radius: FloatArray) -> Proof:
    """Proofs by the ranges of the terms of S and of its derivative."""
    small, large, varies = _factor_range(slope, radius)
    turn_lower, turn_upper = _turn_range(slope, radius, small, large)
    lower, upper, noise = _slope_range(slope, radius, small, large)
    centre = component_sum(np.exp(slope.alpha) * slope.distance)
    reach = radius * np.maximum(-turn_lower, turn_upper)
    lower, upper = np.fmax(lower, centre - reach), np.fmin(upper, centre + reach)
    sign = np.where(lower >= 0, 1.0, np.where(upper <= 0, -1.0, np.nan))
    sign[~varies | ((np.maximum(-lower, upper) <= noise) & (noise < np.inf))] = 0.0
    return Proof(sign, np.where((turn_upper < 0) | (turn_lower > 0), np.sign(turn_lower), 0.0))


def _parabola_range(
    linear: FloatArray, square: FloatArray, radius: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Bounds of ``linear u + square u²`` over abs(u) <= radius."""
    reach = np.abs(linear) * radius
    bend = square * (radius * radius)
    return np.minimum(bend, 0.0) - reach, np.maximum(bend, 0.0) + reach


def _factor_range(slope: Slope, radius: FloatArray) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Bounds of c_k exp(E_k), and whether any E_k varies by more than its rounding error.

    They are relative to the largest component's factor; a bound that overflows is infinite.
    """
    lower, upper = _parabola_range(slope.beta, slope.gamma, radius)
    # Widened by the rounding error, which is large where large exponents cancel.
    error = slope.noise + 4.0 * _EPS * np.maximum(np.abs(lower), np.abs(upper))
    varies = np.logical_or.reduce(upper - lower > 2.0 * error, axis=0)
    lower += slope.alpha - error
    upper += slope.alpha + error
    small = np.exp(np.minimum(lower, _LARGEST, out=lower), out=lower)
    return small, np.exp(upper, out=upper), varies


def _slope_range(
    slope: Slope, radius: FloatArray, small: FloatArray, large: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Lower and upper bound of S over the interval, and the size of its rounding error."""
    nearest, farthest = slope.distance - radius, slope.distance + radius
    lower = np.where(nearest > 0, small, large) * nearest
    upper = np.where(farthest > 0, large, small) * farthest
    noise = _capped(slope.noise) * large * (np.abs(slope.distance) + radius)
    return component_sum(lower), component_sum(upper), component_sum(noise)


def _capped(noise: FloatArray) -> FloatArray:
    """Rounding errors below which S counts as flat.

    Far out no digit of an exponent is certain, yet only what is nearly flat may be called flat.
    """
    return np.minimum(noise, 1e-10)


def _turn_range(
    slope: Slope, radius: FloatArray, small: FloatArray, large: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Bounds of S' = Σ_k c_k exp(E_k) (-1 + (m_k - x) E_k') over the interval."""
    linear = 2.0 * slope.gamma * slope.distance - slope.beta
    lower, upper = _parabola_range(linear, -2.0 * slope.gamma, radius)
    constant = slope.distance * slope.beta - 1.0
    lower += constant
    upper += constant
    lower *= np.where(lower > 0, small, large)
    upper *= np.where(upper > 0, large, small)
    return component_sum(lower), component_sum(upper)


def has_series(slope: Slope, radius: FloatArray, which: BoolArray) -> BoolArray:
    """Which of some intervals are small enough for the series to be accurate."""
    small = np.flatnonzero(which & (radius * radius * slope.precision <= _WIDEST**2))
    answer = np.zeros(len(radius), dtype=bool)
    if len(small):
        exponent = _series_exponent(slope.take(small), radius[small])
        answer[small] = np.maximum.reduce(exponent, axis=0) <= _FARTHEST
    return answer


def _series_exponent(slope: Slope, radius: FloatArray) -> FloatArray:
    """Bound of E_k at ``_STRETCH`` radii in the complex plane, ``(K, i)``."""
    reach = _STRETCH * radius
    return slope.alpha + np.abs(slope.beta) * reach + np.abs(slope.gamma) * (reach * reach)


def by_series(slope: Slope, radius: FloatArray) -> Proof:
    """Proofs by the coefficients a_n of S(radius t) = Σ_n a_n tⁿ for abs(t) <= 1.

    S keeps its sign where abs(a_0) exceeds all that the other terms can add up to, and is monotone
    where abs(a_1) does the same for the derivative. Cauchy's estimate bounds what the series
    leaves out.
    """
    offset, reach = np.abs(slope.distance), slope.alpha + np.abs(slope.beta) * radius
    size = np.exp(_series_exponent(slope, radius)) * (offset + _STRETCH * radius)
    left_out = _REMAINDER * component_sum(size)
    terms = _series(slope, radius)
    centre, rise, sizes = terms[0], terms[1], np.abs(terms)
    change = component_sum(sizes[1:]) + left_out
    bend = weighted_sum(np.arange(2.0, len(terms)), sizes[2:]) + (_ORDER + 2.0) * left_out
    largest = np.exp(reach + np.abs(slope.gamma) * (radius * radius)) * (offset + radius)
    noise = component_sum(slope.noise * largest)
    sign = np.where(sizes[0] > change + noise, np.sign(centre), np.nan)
    sign[sizes[0] + change <= 4.0 * component_sum(_capped(slope.noise) * largest)] = 0.0
    return Proof(sign, np.where(sizes[1] > bend + 4.0 * noise, np.sign(rise), 0.0))


def _series(slope: Slope, radius: FloatArray) -> FloatArray:
    """Coefficients a_n, ``(_ORDER + 1, i)``."""
    answer = np.empty((_ORDER + 1, len(radius)))
    for part in chunks(len(radius), len(answer) * len(slope.distance)):
        columns, length = slope.take(part), radius[part]
        linear, square = columns.beta * length, 2.0 * columns.gamma * (length * length)
        factors = np.empty((len(answer), *linear.shape))  # the series of c_k exp(E_k)
        np.exp(columns.alpha, out=factors[0])
        np.multiply(factors[0], linear, out=factors[1])
        for n in range(2, len(factors)):
            np.multiply(linear, factors[n - 1], out=factors[n])
            factors[n] += square * factors[n - 2]
            factors[n] /= n
        terms = columns.distance * factors
        terms[1:] -= length * factors[:-1]
        answer[:, part] = component_sum(terms.swapaxes(0, 1))
    return answer
