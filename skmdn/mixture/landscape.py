"""Hills of a one-dimensional density, and where a given height cuts them.

A hill is the stretch between two neighbouring minima. It rises to its maximum and then falls, so
that a height is crossed at most once on either side.

Axes: K components, c rows of a block, h hills, t cells (a row and a height each), b slices (a hill
and a height each).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from scipy.special import ndtr

from skmdn._arrays import BoolArray, FloatArray, IntArray
from skmdn.mixture.blocks import component_sum, log_weights, weighted_sum
from skmdn.mixture.critical_points import Hills, find_hills, resolvable
from skmdn.mixture.density import HALF_LOG_2PI, line_log_density, line_log_height
from skmdn.mixture.roots import solve

_LAST_STEP = 1e-5
"""Relative error of the fall from a top to a border from which one step is enough."""

Self = TypeVar("Self")


class Heights(Protocol):
    """Log densities of some columns, up to a constant of each."""

    def take(self: Self, keep: BoolArray | IntArray) -> Self:
        """Some of the columns."""

    def log_density(self, x: FloatArray) -> FloatArray:
        """Log f."""


class Slopes(Protocol):
    """The same with derivatives, for searches."""

    def take(self: Self, keep: BoolArray | IntArray) -> Self:
        """Some of the columns."""

    def derivatives(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Log f and its first two derivatives at x ``(b,)``."""

    def beyond(self, height: FloatArray, side: float) -> FloatArray:
        """A point beyond which f is below the height."""


class Line(NamedTuple):
    """Parameters of univariate mixtures, one for each column."""

    weights: FloatArray  # (K, ...)
    means: FloatArray  # (K, ...)
    scales: FloatArray  # (K, ...)

    def take(self, keep: BoolArray | IntArray | slice) -> Line:
        """Some of the columns."""
        return Line(*(array[:, keep] for array in self))

    def log_density(self, x: FloatArray) -> FloatArray:
        """Log f."""
        return line_log_density(self.weights, self.means, self.scales, x)

    def mass(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """P(left < Y <= right), computed in the nearer tail of each component."""
        flip = np.where(left > self.means, -1.0, 1.0)
        low, high = (left - self.means) / self.scales, (right - self.means) / self.scales
        part = flip * (ndtr(flip * high) - ndtr(flip * low))
        return weighted_sum(self.weights, part)


class Profile(NamedTuple):
    """Gaussian mixtures whose heights count; weights are logarithms and need not sum to one."""

    log_weights: FloatArray  # (K, ...)
    means: FloatArray  # (K, ...)
    scales: FloatArray  # (K, ...), not too small for doubles

    def take(self, keep: BoolArray | IntArray) -> Profile:
        """Some of the columns."""
        return Profile(*(array[:, keep] for array in self))

    def log_density(self, x: FloatArray) -> FloatArray:
        """Log f."""
        return line_log_height(self.log_weights, self.means, self.scales, x)

    def relief(self) -> Relief:
        """The same in the form for searches."""
        heights = self.log_weights - np.log(self.scales) - HALF_LOG_2PI
        return Relief(heights, self.means, 1.0 / self.scales)


class Relief(NamedTuple):
    """Univariate mixtures in the form in which log densities are quickest to compute."""

    heights: FloatArray  # (K, b), log w - log s - log(2 pi) / 2
    means: FloatArray  # (K, b)
    steepness: FloatArray  # (K, b), 1 / s

    def take(self, keep: BoolArray | IntArray) -> Relief:
        """Some of the columns."""
        return Relief(*(array[:, keep] for array in self))

    def derivatives(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Log f and its first two derivatives at x ``(b,)``."""
        z = (x - self.means) * self.steepness
        exponents = self.heights - 0.5 * z * z
        peak = np.maximum.reduce(exponents, axis=0)
        exponents -= peak
        share = np.exp(exponents, out=exponents)
        total = component_sum(share)
        # A component far narrower than the others overflows where they lie and it has no share.
        # The second derivative is then NaN, and is not used.
        with np.errstate(over="ignore", invalid="ignore"):
            pull = z * self.steepness
            slope = -weighted_sum(share, pull) / total
            pull *= pull
            pull -= self.steepness * self.steepness
            bend = weighted_sum(share, pull) / total - slope * slope
        return np.log(total) + peak, slope, bend

    def beyond(self, height: FloatArray, side: float) -> FloatArray:
        """A point beyond which every component is below height / K, and so their sum below it."""
        top = self.heights + np.log(len(self.heights))
        fall = np.sqrt(2.0 * np.maximum(top - height, 0.0))
        farthest = side * self.means + fall * (1.0 + 1e-12) / self.steepness
        present = np.where(self.heights > -np.inf, farthest, -np.inf)
        return side * np.maximum.reduce(present, axis=0)


class Slices(NamedTuple):
    """Parts of hills above the heights of cells, by cell and from left to right; ragged."""

    cell: IntArray  # (b,)
    hill: IntArray  # (b,)
    left: FloatArray  # (b,)
    right: FloatArray  # (b,)
    left_crossed: BoolArray  # (b,) False where the minimum on the left is also above the height
    right_crossed: BoolArray  # (b,)

    def take(self, keep: BoolArray | IntArray) -> Slices:
        """Some of the slices."""
        cell, hill, left, right, left_crossed, right_crossed = self
        ends = left[keep], right[keep], left_crossed[keep], right_crossed[keep]
        return Slices(cell[keep], hill[keep], *ends)

    def replaced(self, cells: BoolArray, others: Slices) -> Slices:
        """The slices, but others for the cells that are marked."""
        kept = self.take(~cells[self.cell])
        joined = Slices(
            np.concatenate([kept.cell, np.flatnonzero(cells)[others.cell]]),
            np.concatenate([kept.hill, others.hill]),
            np.concatenate([kept.left, others.left]),
            np.concatenate([kept.right, others.right]),
            np.concatenate([kept.left_crossed, others.left_crossed]),
            np.concatenate([kept.right_crossed, others.right_crossed]),
        )
        return joined.take(np.lexsort((joined.hill, joined.cell)))


class Landscape(NamedTuple):
    """Hills of some rows and their heights, as log densities."""

    line: Line  # (K, c), for masses
    smooth: Heights  # c columns, for densities
    relief: Slopes  # the same columns
    hills: Hills
    peak: FloatArray  # (h,)
    left_height: FloatArray  # (h,), -inf at the first hill of a row
    right_height: FloatArray  # (h,), -inf at the last hill of a row
    reach: FloatArray  # (h,), scale of the normal density with the same curvature at its top
    tilted: bool  # whether heights are of another mixture than masses

    def summit(self) -> FloatArray:
        """Log density at the highest peak of each row, ``(c,)``."""
        highest = np.full(self.line.weights.shape[1], -np.inf)
        np.maximum.at(highest, self.hills.row, self.peak)
        return highest

    def slices(self, row: IntArray, height: FloatArray) -> Slices:
        """Parts of hills above the heights ``(t,)``; row ``(t,)`` in ascending order."""
        first = np.searchsorted(self.hills.row, row)
        count = np.searchsorted(self.hills.row, row, side="right") - first
        cell = np.repeat(np.arange(len(row)), count)
        hill = np.repeat(first, count) + rank_in_row(cell)
        reached = self.peak[hill] >= height[cell]
        cell, hill = cell[reached], hill[reached]
        left, left_crossed = self.borders(hill, height[cell], -1.0)
        right, right_crossed = self.borders(hill, height[cell], 1.0)
        return Slices(cell, hill, left, right, left_crossed, right_crossed)

    def hill_at(self, row: IntArray, x: FloatArray) -> IntArray:
        """The hill of its row on which each x lies, ``(t,)``."""
        first = np.searchsorted(self.hills.row, row)
        count = np.searchsorted(self.hills.row, row, side="right") - first
        cell = np.repeat(np.arange(len(row)), count)
        reached = self.hills.left[np.repeat(first, count) + rank_in_row(cell)] <= x[cell]
        return first - 1 + np.bincount(cell[reached], minlength=len(row))

    def mass(self, slices: Slices, row: IntArray) -> FloatArray:
        """Mass of the slices of each cell, ``(t,)``."""
        line = self.line.take(row[slices.cell])
        part = line.mass(slices.left, slices.right)
        return np.minimum(np.bincount(slices.cell, part, minlength=len(row)), 1.0)

    def mass_growth(self, slices: Slices, row: IntArray, height: FloatArray) -> FloatArray:
        """Rate at which regions gain mass as the log height falls, ``(t,)``.

        This is the sum of density / abs((log f)') over the borders.
        """
        growth, density = np.zeros(len(row)), np.exp(height)
        for x, crossed in (
            (slices.left, slices.left_crossed),
            (slices.right, slices.right_crossed),
        ):
            cell = slices.cell[crossed]
            _, slope, _ = self.relief.take(row[cell]).derivatives(x[crossed])
            rate = 1.0 / np.abs(slope)
            if self.tilted:
                rate *= np.exp(self.line.take(row[cell]).log_density(x[crossed]))
            growth += np.bincount(cell, rate, minlength=len(row))
        return growth if self.tilted else density * growth

    def borders(
        self, hill: IntArray, height: FloatArray, side: float
    ) -> tuple[FloatArray, BoolArray]:
        """Where one side of each hill is cut, and whether it is, or else goes on into the next."""
        on_left = side < 0
        foot = (self.left_height if on_left else self.right_height)[hill]
        x = (self.hills.left if on_left else self.hills.right)[hill].copy()
        crossed = foot < height
        hill, height = hill[crossed], height[crossed]
        relief = self.relief.take(self.hills.row[hill])
        outer = np.where(np.isinf(x[crossed]), relief.beyond(height, side), x[crossed])
        top, peak = self.hills.top[hill], self.peak[hill]
        depth = np.maximum(peak - height, 0.0)
        low, high = side * top, np.maximum(side * outer, side * top)
        with np.errstate(over="ignore", invalid="ignore"):  # a flat top has no reach
            start = low + np.sqrt(2.0 * depth) * self.reach[hill]
        start = np.where(depth > 0, start, low)
        start = np.where(start <= high, start, low + 0.5 * (high - low))
        problem = _Border(relief, peak, depth, np.full(len(hill), side))
        x[crossed] = side * solve(problem, low, high, start)
        return x, crossed


def survey(line: Line, profile: Profile | None = None) -> Landscape:
    """Find the hills of all rows and measure them; heights are those of the profile, if given."""
    tilted = profile is not None
    if profile is None:
        profile = resolved(log_weights(line.weights), line.means, line.scales)
    return measured(line, profile, profile.relief(), find_hills(*profile), tilted)


def resolved(log_weights: FloatArray, means: FloatArray, scales: FloatArray) -> Profile:
    """The profile, with scales that are not too small for doubles."""
    return Profile(log_weights, means, resolvable(means, scales))


def measured(line: Line, smooth: Heights, relief: Slopes, hills: Hills, tilted: bool) -> Landscape:
    """The landscape of hills that have been found."""
    peak, _, bend = relief.take(hills.row).derivatives(hills.top)
    at_feet = smooth.take(hills.row)
    left, right = at_feet.log_density(hills.left), at_feet.log_density(hills.right)
    # A dip that is lost in rounding must not be higher than the peaks beside it.
    peak = np.maximum(peak, np.maximum(left, right))
    with np.errstate(divide="ignore"):  # a flat top has no reach
        reach = 1.0 / np.sqrt(np.abs(np.minimum(bend, 0.0)))
    return Landscape(line, smooth, relief, hills, peak, left, right, reach, tilted)


def rank_in_row(row: IntArray) -> IntArray:
    """For each entry, the number of earlier ones of the same row; rows in ascending order."""
    return np.arange(len(row)) - np.searchsorted(row, row)


class _Border(NamedTuple):
    """The problem log f(x) = peak - depth on one side of a hill.

    It is solved for the fall sqrt(2 (peak - log f)), which is linear in x for one component. On the
    left side x is mirrored, so that it grows away from the top.
    """

    relief: Slopes  # b columns
    peak: FloatArray  # (b,)
    depth: FloatArray  # (b,)
    side: FloatArray  # (b,) -1 left, 1 right

    def take(self, keep: BoolArray) -> _Border:
        """Some of the borders."""
        return _Border(self.relief.take(keep), self.peak[keep], self.depth[keep], self.side[keep])

    def evaluate(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Fall at x minus the fall asked for, zero where densities agree; and Halley's next x."""
        log_density, slope, bend = self.relief.derivatives(x * self.side)
        depth = np.maximum(self.peak - log_density, 0.0)
        fall = np.sqrt(2.0 * depth)
        wanted = np.sqrt(2.0 * self.depth)
        error = fall - wanted
        with np.errstate(all="ignore"):  # a step that is not finite is not taken
            rate = -slope * self.side / fall
            newton = error / rate
            curved = 0.5 * newton * (bend + rate * rate) / (fall * rate)
            step = newton / (1.0 + curved)
            # What such a step leaves is of third order in it, and lost in rounding.
            last = (np.abs(error) <= _LAST_STEP * wanted) & (np.abs(curved) <= _LAST_STEP)
        gap = np.abs(depth - self.depth) / (1.0 + np.abs(self.peak) + self.depth)
        # A step smaller than the distance between doubles at x cannot improve x.
        near = (gap <= 2e-15) | ((gap <= 1e-9) & (np.abs(step) <= np.spacing(np.abs(x))))
        return np.where(near | last, 0.0, error), np.where(near, x, x - step)
