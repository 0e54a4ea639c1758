"""All maxima and minima of a one-dimensional Gaussian mixture, by a certified search.

All of them lie between the outermost means. The line between the means is cut into intervals,
which are halved until one of these holds: the slope S of the density keeps its sign; S is monotone,
so that a search finds its root; S is below its rounding error on all of the interval; or the
interval is as narrow as doubles allow. A plateau, where S is below its rounding error, has its
turning point in the middle. A mixture of K components in one dimension has at most K maxima [1]_.

References
----------
.. [1] M. A. Carreira-Perpinan, C. K. I. Williams (2003), On the number of modes of a Gaussian
   mixture.

Axes: K components, c rows of a block, i intervals.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from skmdn._arrays import BoolArray, FloatArray, IntArray
from skmdn.mixture.blocks import chunks, component_sum, weighted_sum
from skmdn.mixture.roots import solve
from skmdn.mixture.slope import (
    Proof,
    Slope,
    by_arithmetic,
    by_series,
    has_series,
    slope_about,
    without_absent,
)

_BATCH_CELLS = 1 << 16
"""Intervals by components that are examined at once: few enough for the cache."""

_FIRST_CUTS = 12
"""Means at which the line is cut at first; of many components most need no interval."""

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


class _Piece(NamedTuple):
    """A stretch on which S has one sign, from ``start`` to the start of the row's next piece."""

    row: IntArray  # (i,)
    start: FloatArray  # (i,)
    sign: FloatArray  # (i,) 1, -1, or 0 where rounding hides the sign


def find_hills(log_weights: FloatArray, means: FloatArray, scales: FloatArray) -> Hills:
    """All hills of each row; parameters ``(K, c)``; the weights need not sum to one."""
    parameters = _parameters(log_weights, means, resolvable(means, scales))
    pieces, monotone = _outer_pieces(log_weights, means), []
    K, between = len(means), _between_means(log_weights, means)
    waiting, small = _batches(between, K), [between.take(slice(0))]
    while waiting:
        found = _examine(waiting.pop(), parameters, by_arithmetic)
        pieces.append(found.settled)
        monotone.append(found.monotone)
        small.append(found.small)
        waiting += _batches(_halves(found.large), K)
    waiting = _batches(_Intervals(*map(np.concatenate, zip(*small, strict=True))), K)
    while waiting:
        found = _examine(waiting.pop(), parameters, by_series)
        pieces.append(found.settled)
        monotone.append(found.monotone)
        waiting += _batches(_halves(found.small), K) + _batches(_halves(found.large), K)
    return hills_between(_turning_points(pieces + _monotone_pieces(monotone), len(means)))


class _Parameters(NamedTuple):
    """Univariate mixtures, as the slope needs them."""

    heights: FloatArray  # (K, c) log c_k
    means: FloatArray  # (K, c)
    precision: FloatArray  # (K, c)
    overflow: bool  # whether squared distances may overflow


def _parameters(log_weights: FloatArray, means: FloatArray, scales: FloatArray) -> _Parameters:
    """The parameters of mixtures whose scales are resolvable."""
    heights = log_weights - 3.0 * np.log(scales)
    with np.errstate(over="ignore"):
        precision = 1.0 / (scales * scales)
        extent = means.max(initial=0.0) - means.min(initial=0.0)
        overflow = not np.isfinite(extent * extent * precision.max(initial=0.0))
    return _Parameters(heights, means, precision, overflow)


def resolvable(means: FloatArray, scales: FloatArray) -> FloatArray:
    """Scales raised to at least 16 steps between doubles at the mean, so that no peak is missed.

    They are also raised to where the square of their inverse does not overflow.
    """
    return np.maximum(scales, np.maximum(16.0 * np.spacing(np.abs(means)), _SMALLEST_SCALE))


def _outer_pieces(log_weights: FloatArray, means: FloatArray) -> list[_Piece]:
    """Left of all means the density rises, right of them it falls."""
    rows = np.arange(means.shape[1])
    last = np.maximum.reduce(np.where(log_weights > -np.inf, means, -np.inf), axis=0)
    ones = np.ones(len(rows))
    return [_Piece(rows, -np.inf * ones, ones), _Piece(rows, last, -ones)]


def _between_means(log_weights: FloatArray, means: FloatArray) -> _Intervals:
    """Intervals between the means of components that have weight: all of them, or every few."""
    heaviest = np.take_along_axis(means, log_weights.argmax(axis=0)[np.newaxis], axis=0)
    ordered = np.sort(np.where(log_weights > -np.inf, means, heaviest), axis=0)
    places = np.linspace(0, len(means) - 1, min(len(means), _FIRST_CUTS)).astype(np.intp)
    ordered = ordered[places]
    rows = np.broadcast_to(np.arange(means.shape[1]), ordered[1:].shape)
    every = _Intervals(rows.ravel(), ordered[:-1].ravel(), ordered[1:].ravel())
    return every.take(every.low < every.high)


class _Findings(NamedTuple):
    """Intervals by what was proved of S on them."""

    settled: _Piece
    monotone: _Monotone
    small: _Intervals  # open, and small enough for a series
    large: _Intervals


def _examine(
    intervals: _Intervals,
    parameters: _Parameters,
    proof: Callable[[Slope, FloatArray], Proof],
) -> _Findings:
    """Try to prove that S has one sign, or is monotone."""
    row, low, high = intervals
    radius = _radius(intervals)
    middle = low + radius
    heights, means, precision, overflow = parameters
    with np.errstate(all="ignore"):  # bounds that overflow prove nothing
        slope = slope_about(heights[:, row], means[:, row] - middle, precision[:, row])
        if overflow:
            slope = without_absent(slope, heights[:, row], precision[:, row], radius)
        sign, direction = proof(slope, radius)
        sign[(middle <= low) | (middle >= high)] = 0.0
        settled = ~np.isnan(sign)
        monotone = ~settled & (direction != 0)
        rest = ~(settled | monotone)
        small = has_series(slope, radius, rest)
    return _Findings(
        _Piece(row[settled], low[settled], sign[settled]),
        _Monotone(intervals.take(monotone), slope.take(monotone), direction[monotone]),
        intervals.take(small),
        intervals.take(rest & ~small),
    )


def _halves(intervals: _Intervals) -> _Intervals:
    """Both halves of each interval."""
    row, low, high = intervals
    middle = low + _radius(intervals)
    return _Intervals(
        np.concatenate([row, row]),
        np.concatenate([low, middle]),
        np.concatenate([middle, high]),
    )


def _batches(intervals: _Intervals, n_components: int) -> list[_Intervals]:
    """The intervals in parts.

    The latest parts are examined first, so that memory stays bounded however deep they go.
    """
    return [intervals.take(part) for part in chunks(len(intervals.row), n_components, _BATCH_CELLS)]


class _Monotone(NamedTuple):
    """The problem S(x) = 0 where S is monotone, about the middle of each interval."""

    intervals: _Intervals
    slope: Slope
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
            step = value / turn
            near = np.abs(value) <= 4.0 * _EPS * size
            near |= np.abs(step) <= 2.0 * _EPS * np.abs(u)
            return self.direction * np.where(near, 0.0, value / size), np.where(near, u, u - step)

    def relative(self, u: FloatArray) -> FloatArray:
        """S, or -S where S falls, relative to the size of its terms; 0 where rounding hides it."""
        value, size, noise = self._value(*self._terms(u))
        with np.errstate(invalid="ignore"):  # 0 / 0
            return self.direction * np.where(np.abs(value) > noise, value / size, 0.0)

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
        Slope(*(np.concatenate(column, axis=-1) for column in zip(*slopes, strict=True))),
        np.concatenate(directions),
    )


def _monotone_pieces(rounds: list[_Monotone]) -> list[_Piece]:
    """Pieces of the intervals on which S is monotone: one each, or two that meet at a root."""
    if not rounds:
        return []
    problem = _joined(rounds)
    rounds.clear()  # for memory: the joined problem is a copy
    radius = _radius(problem.intervals)
    first, last = problem.relative(-radius), problem.relative(radius)
    crossing = (first < 0) & (last > 0)
    row, low, _ = problem.intervals.take(~crossing)
    sign = problem.direction * np.sign(np.where(first != 0, first, last))
    share = first[crossing] / (first[crossing] - last[crossing])
    return [_Piece(row, low, sign[~crossing]), *_crossing_pieces(problem.take(crossing), share)]


def _crossing_pieces(problem: _Monotone, share: FloatArray) -> list[_Piece]:
    """The two pieces of each interval, on either side of the root of S.

    The search for the root begins at that share of the interval.
    """
    row, low, high = problem.intervals
    radius = _radius(problem.intervals)
    # A root may lie on an end: bracketed a few doubles farther out, it is found by Newton's steps.
    bracket = radius * (1.0 + 8.0 * _EPS)
    root = solve(problem, -bracket, bracket, radius * (2.0 * share - 1.0))
    turn = np.clip(low + radius + root, low, np.nextafter(high, low))
    return [_Piece(row, low, -problem.direction), _Piece(row, turn, problem.direction)]


def _radius(intervals: _Intervals) -> FloatArray:
    """Half the width."""
    return 0.5 * (intervals.high - intervals.low)


class Turns(NamedTuple):
    """Maxima and minima, alternating; each row begins and ends with a maximum."""

    row: IntArray  # (t,)
    x: FloatArray  # (t,)
    top: BoolArray  # (t,)

    def take(self, keep: BoolArray) -> Turns:
        """Some of the turning points."""
        return Turns(self.row[keep], self.x[keep], self.top[keep])


def _turning_points(pieces: list[_Piece], n_components: int) -> Turns:
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
    turns = Turns(row[after], x, sign[after] < 0)
    return without_ripples(turns, n_components)


def without_ripples(turns: Turns, n_components: int) -> Turns:
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


def hills_between(turns: Turns) -> Hills:
    """Each maximum with the minima beside it."""
    row, x, top = turns
    same = row[1:] == row[:-1]
    left = np.concatenate([[-np.inf], np.where(same, x[:-1], -np.inf)])
    right = np.concatenate([np.where(same, x[1:], np.inf), [np.inf]])
    return Hills(row[top], left[top], x[top], right[top])
