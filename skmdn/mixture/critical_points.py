"""All maxima and minima of a one-dimensional Gaussian mixture, by a certified search.

All of them lie between the outermost means. The derivative of the density has the sign of

    S(x) = Σ_k c_k (m_k - x) exp(E_k(x)),   c_k = w_k / s_k³,   E_k = (z_j² - z_k²) / 2,

which is the derivative times the positive function exp(z_j²/2) of one component j. E_k is a
parabola, so that its exact range over an interval is known; so are the ranges of the other factors
of S and of its derivative. The line is cut into intervals, which are halved until one of these
holds: interval arithmetic proves that S keeps its sign, or that S is monotone (a search then finds
its root); the interval is as narrow as doubles allow; or S is below its rounding error everywhere
on it. A mixture of K components in one dimension has at most K maxima [1]_.

References
----------
.. [1] M. A. Carreira-Perpinan, C. K. I. Williams (2003), On the number of modes of a Gaussian
   mixture.

Axes: K components, c rows of a block, i intervals.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skmdn._arrays import BoolArray, FloatArray, IntArray
from skmdn.mixture.blocks import chunks, component_sum, log_weights, weighted_sum
from skmdn.mixture.roots import solve

_LARGEST = 700.0
"""Exponents above it overflow."""

_BATCH = 1 << 15
"""Intervals examined at once, at most."""

_EPS = float(np.finfo(np.float64).eps)

# Squares of it and of its inverse are far from the ends of double precision.
_SMALLEST_SCALE = 1e-150


class Hills(NamedTuple):
    """Each maximum and the minima beside it, by row and from left to right; ragged."""

    row: IntArray  # (h,)
    left: FloatArray  # (h,), -inf at the first hill of a row
    top: FloatArray  # (h,)
    right: FloatArray  # (h,), inf at the last hill of a row


class _Intervals(NamedTuple):
    """Intervals still to be examined, each with its row."""

    row: IntArray  # (i,)
    low: FloatArray  # (i,)
    high: FloatArray  # (i,)

    def take(self, keep: BoolArray | slice) -> _Intervals:
        """Some of the intervals."""
        return _Intervals(self.row[keep], self.low[keep], self.high[keep])


class _Slope(NamedTuple):
    """S on intervals: u = x - middle, E_k = alpha + beta u + gamma u²."""

    distance: FloatArray  # (K, i) m_k - middle
    alpha: FloatArray  # (K, i)
    beta: FloatArray  # (K, i)
    gamma: FloatArray  # (K, i)
    noise: FloatArray  # (K, i) rounding error of alpha

    def take(self, keep: BoolArray) -> _Slope:
        """Some of the intervals."""
        return _Slope(*(array[:, keep] for array in self))


class _Piece(NamedTuple):
    """A stretch on which S has one sign, from ``start`` to the start of the row's next piece."""

    row: IntArray  # (i,)
    start: FloatArray  # (i,)
    sign: FloatArray  # (i,) 1, -1, or 0 where rounding hides the sign


def find_hills(weights: FloatArray, means: FloatArray, scales: FloatArray) -> Hills:
    """All hills of each row; parameters ``(K, c)``."""
    scales = resolvable(means, scales)
    heights = log_weights(weights) - 3.0 * np.log(scales)
    with np.errstate(over="ignore"):
        precision = 1.0 / (scales * scales)
    pieces = _outer_pieces(weights, means)
    monotone = []
    waiting = [_between_means(weights, means)]
    while waiting:
        settled, crossing, halves = _examine(waiting.pop(), heights, means, precision)
        pieces.append(settled)
        monotone.append(crossing)
        # The latest first and not too many at once: memory stays bounded however deep they go.
        waiting += [halves.take(part) for part in chunks(len(halves.row), 1, _BATCH)]
    return _hills(_turning_points(pieces + _monotone_pieces(monotone), len(means)))


def resolvable(means: FloatArray, scales: FloatArray) -> FloatArray:
    """Scales raised to at least 16 steps between doubles at the mean, so that no peak is missed.

    They are also raised to where the square of their inverse does not overflow.
    """
    return np.maximum(scales, np.maximum(16.0 * np.spacing(np.abs(means)), _SMALLEST_SCALE))


def _outer_pieces(weights: FloatArray, means: FloatArray) -> list[_Piece]:
    """Left of all means the density rises, right of them it falls."""
    rows = np.arange(means.shape[1])
    last = np.maximum.reduce(np.where(weights > 0, means, -np.inf), axis=0)
    ones = np.ones(len(rows))
    return [_Piece(rows, -np.inf * ones, ones), _Piece(rows, last, -ones)]


def _between_means(weights: FloatArray, means: FloatArray) -> _Intervals:
    """Intervals between neighbouring means of components that have weight."""
    heaviest = np.take_along_axis(means, weights.argmax(axis=0)[np.newaxis], axis=0)
    ordered = np.sort(np.where(weights > 0, means, heaviest), axis=0)
    rows = np.broadcast_to(np.arange(means.shape[1]), ordered[1:].shape)
    every = _Intervals(rows.ravel(), ordered[:-1].ravel(), ordered[1:].ravel())
    return every.take(every.low < every.high)


def _examine(
    intervals: _Intervals, heights: FloatArray, means: FloatArray, precision: FloatArray
) -> tuple[_Piece, _Monotone, _Intervals]:
    """Intervals proved to have one sign, those proved monotone, and the halves of all others."""
    row, low, high = intervals
    radius = _radius(intervals)
    middle = low + radius
    with np.errstate(all="ignore"):  # an interval whose bounds overflow is halved
        slope = _slope(heights[:, row], means[:, row] - middle, precision[:, row])
        small, large, varies = _factor_range(slope, radius)
        turn_lower, turn_upper = _turn_range(slope, radius, small, large)
        lower, upper, noise = _slope_range(slope, radius, small, large)
        centre = component_sum(np.exp(slope.alpha) * slope.distance)
        reach = radius * np.maximum(-turn_lower, turn_upper)
    lower, upper = np.fmax(lower, centre - reach), np.fmin(upper, centre + reach)
    sign = np.where(upper <= 0, -1.0, 0.0) + np.where(lower >= 0, 1.0, 0.0)
    narrow = ~varies | (middle <= low) | (middle >= high)
    flat = narrow | ((np.maximum(-lower, upper) <= noise) & (noise < np.inf))
    settled = flat | (sign != 0)
    monotone = ~settled & ((turn_upper < 0) | (turn_lower > 0))
    rest = ~(settled | monotone)
    return (
        _Piece(row[settled], low[settled], np.where(flat, 0.0, sign)[settled]),
        _Monotone(intervals.take(monotone), slope.take(monotone), np.sign(turn_lower[monotone])),
        _Intervals(
            np.concatenate([row[rest], row[rest]]),
            np.concatenate([low[rest], middle[rest]]),
            np.concatenate([middle[rest], high[rest]]),
        ),
    )


def _slope(heights: FloatArray, distance: FloatArray, precision: FloatArray) -> _Slope:
    """S about the middle of each interval, scaled by the component that is largest there."""
    tilt = distance * precision
    exponent = heights - 0.5 * distance * tilt
    top, top_tilt, top_precision = exponent[0], tilt[0], precision[0]
    for k in range(1, len(exponent)):
        larger = exponent[k] > top
        top = np.where(larger, exponent[k], top)
        top_tilt = np.where(larger, tilt[k], top_tilt)
        top_precision = np.where(larger, precision[k], top_precision)
    alpha = exponent - top
    exact = (alpha == 0) | (alpha == -np.inf)
    noise = 2.0 * _EPS * (4.0 + np.where(exact, 0.0, np.abs(exponent) + np.abs(top)))
    return _Slope(distance, alpha, tilt - top_tilt, 0.5 * (top_precision - precision), noise)


def _parabola_range(
    linear: FloatArray, square: FloatArray, radius: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Bounds of ``linear u + square u²`` over abs(u) <= radius."""
    reach = np.abs(linear) * radius
    bend = square * (radius * radius)
    return np.minimum(bend, 0.0) - reach, np.maximum(bend, 0.0) + reach


def _factor_range(slope: _Slope, radius: FloatArray) -> tuple[FloatArray, FloatArray, BoolArray]:
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
    slope: _Slope, radius: FloatArray, small: FloatArray, large: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Lower and upper bound of S over the interval, and the size of its rounding error."""
    nearest, farthest = slope.distance - radius, slope.distance + radius
    lower = np.where(nearest > 0, small, large) * nearest
    upper = np.where(farthest > 0, large, small) * farthest
    # Far out no digit of an exponent is certain, yet only what is nearly flat may be called flat.
    noise = np.minimum(slope.noise, 1e-10) * large * (np.abs(slope.distance) + radius)
    return component_sum(lower), component_sum(upper), component_sum(noise)


def _turn_range(
    slope: _Slope, radius: FloatArray, small: FloatArray, large: FloatArray
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


class _Monotone(NamedTuple):
    """The problem S(x) = 0 where S is monotone, about the middle of each interval."""

    intervals: _Intervals
    slope: _Slope
    direction: FloatArray  # (i,) 1 where S rises

    def take(self, keep: BoolArray) -> _Monotone:
        """Some of the intervals."""
        return _Monotone(self.intervals.take(keep), self.slope.take(keep), self.direction[keep])

    def evaluate(self, u: FloatArray) -> tuple[FloatArray, FloatArray]:
        """S, or -S where S falls, relative to the size of its terms; and Newton's next point."""
        factor, away = self._terms(u)
        value, size, _ = self._value(factor, away)
        tilt = self.slope.beta + 2.0 * self.slope.gamma * u
        turn = component_sum(factor * (away * tilt - 1.0))
        with np.errstate(all="ignore"):  # a step that is not finite is not taken
            near = np.abs(value) <= 4.0 * _EPS * size
            relative = self.direction * np.where(near, 0.0, value / size)
            return relative, np.where(near, u, u - value / turn)

    def sign(self, u: FloatArray) -> FloatArray:
        """Sign of S, or of -S where S falls; 0 where rounding hides it."""
        value, _, noise = self._value(*self._terms(u))
        return self.direction * np.where(np.abs(value) > noise, np.sign(value), 0.0)

    def _terms(self, u: FloatArray) -> tuple[FloatArray, FloatArray]:
        """c_k exp(E_k), relative to the largest of them, and m_k - x; ``(K, i)``."""
        exponent = self.slope.alpha + (self.slope.beta + self.slope.gamma * u) * u
        exponent -= np.maximum.reduce(exponent, axis=0)
        return np.exp(exponent, out=exponent), self.slope.distance - u

    def _value(
        self, factor: FloatArray, away: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """S, the sum of the sizes of its terms, and its rounding error; ``(i,)``."""
        terms = factor * away
        value = component_sum(terms)
        size = np.abs(terms, out=terms)
        return value, component_sum(size), weighted_sum(size, self.slope.noise)


def _joined(monotone: list[_Monotone]) -> _Monotone:
    """The intervals of all rounds as one problem."""
    intervals, slopes, directions = zip(*monotone, strict=True)
    return _Monotone(
        _Intervals(*(np.concatenate(column) for column in zip(*intervals, strict=True))),
        _Slope(*(np.concatenate(column, axis=1) for column in zip(*slopes, strict=True))),
        np.concatenate(directions),
    )


def _monotone_pieces(rounds: list[_Monotone]) -> list[_Piece]:
    """Pieces of the intervals on which S is monotone: one each, or two that meet at a root."""
    if not rounds:
        return []
    problem = _joined(rounds)
    radius = _radius(problem.intervals)
    first, last = problem.sign(-radius), problem.sign(radius)
    crossing = (first < 0) & (last > 0)
    row, low, _ = problem.intervals.take(~crossing)
    sign = (problem.direction * np.where(first != 0, first, last))[~crossing]
    return [_Piece(row, low, sign), *_crossing_pieces(problem.take(crossing))]


def _crossing_pieces(problem: _Monotone) -> list[_Piece]:
    """The two pieces of each interval, on either side of the root of S."""
    row, low, high = problem.intervals
    radius = _radius(problem.intervals)
    root = solve(problem, -radius, radius, np.zeros_like(radius))
    turn = np.clip(low + radius + root, low, np.nextafter(high, low))
    return [_Piece(row, low, -problem.direction), _Piece(row, turn, problem.direction)]


def _radius(intervals: _Intervals) -> FloatArray:
    """Half the width."""
    return 0.5 * (intervals.high - intervals.low)


class _Turns(NamedTuple):
    """Maxima and minima, alternating; each row begins and ends with a maximum."""

    row: IntArray  # (t,)
    x: FloatArray  # (t,)
    top: BoolArray  # (t,)

    def take(self, keep: BoolArray) -> _Turns:
        """Some of the turning points."""
        return _Turns(self.row[keep], self.x[keep], self.top[keep])


def _turning_points(pieces: list[_Piece], n_components: int) -> _Turns:
    """Maxima and minima: where the sign changes from one piece to the next."""
    row, start, sign = (np.concatenate(column) for column in zip(*pieces, strict=True))
    order = np.lexsort((start, row))
    row, start, sign = row[order], start[order], sign[order]
    # A sign that lasts for a few doubles only comes from rounding.
    with np.errstate(invalid="ignore"):  # a row starts at -inf
        length, step = start[1:] - start[:-1], np.spacing(np.abs(start[1:]))
    short = (row[1:] == row[:-1]) & (length <= 4.0 * step)
    sign[:-1][short] = 0.0
    told = np.flatnonzero(sign)
    before, after = told[:-1], told[1:]
    change = (row[before] == row[after]) & (sign[before] != sign[after])
    before, after = before[change], after[change]
    # Where rounding hides the sign, the turning point is put in the middle of the stretch.
    x = start[after] - 0.5 * (start[after] - start[before + 1])
    turns = _Turns(row[after], x, sign[after] < 0)
    return _without_ripples(turns, n_components)


def _without_ripples(turns: _Turns, n_components: int) -> _Turns:
    """Remove the narrowest ripples, which come from rounding, of rows with more than K maxima."""
    while True:
        rows = np.flatnonzero(np.bincount(turns.row[turns.top]) > n_components)
        if not len(rows):
            return turns
        keep = np.ones(len(turns.row), dtype=bool)
        for row in rows:
            place = np.flatnonzero(turns.row == row)
            first = place[np.diff(turns.x[place]).argmin()]
            keep[first : first + 2] = False
        turns = turns.take(keep)


def _hills(turns: _Turns) -> Hills:
    """Each maximum with the minima beside it."""
    row, x, top = turns
    same = row[1:] == row[:-1]
    left = np.concatenate([[-np.inf], np.where(same, x[:-1], -np.inf)])
    right = np.concatenate([np.where(same, x[1:], np.inf), [np.inf]])
    return Hills(row[top], left[top], x[top], right[top])
