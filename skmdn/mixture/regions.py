"""Highest-density regions of one output: the stretches where the density is above a height.

The search is for the height whose region has the mass asked for. It lies between the highest peak
and the lowest density on the central interval of the same mass, because the region at that density
contains the interval.

Axes: K components, c rows of a block, Q levels, t cells (a row and a level or point each).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from skmdn._arrays import BoolArray, FloatArray, IntArray
from skmdn.mixture.landscape import Heights, Landscape, Line, Slices, rank_in_row, survey
from skmdn.mixture.plateaus import flat_at, slices_from, slices_of_mass
from skmdn.mixture.quantiles import central_intervals
from skmdn.mixture.roots import solve

_ROOT_2PI = float(np.sqrt(2.0 * np.pi))

# The error of a region's mass is at most the first, and at most the second in units of the mass
# outside, but for the third, which a sum of masses may lose in rounding.
_MASS_ERROR, _ERROR_OF_REST, _ROUNDING = 1e-10, 1e-7, 1e-15


class _Height(NamedTuple):
    """The problem mass(region) = level, solved for the fall from the highest peak.

    The fall is sqrt(2 (peak - height)), with the log height. For one component
    probit((1 + mass) / 2) is linear in the fall.
    """

    land: Landscape
    row: IntArray  # (t,)
    summit: FloatArray  # (t,), log density of the row's highest peak
    level: FloatArray  # (t,)

    def take(self, keep: BoolArray) -> _Height:
        """Some of the cells."""
        return _Height(self.land, self.row[keep], self.summit[keep], self.level[keep])

    def evaluate(self, fall: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Probit of the mass minus that of the level, zero within the tolerance; the next fall."""
        height = self.summit - 0.5 * fall * fall
        slices = self.land.slices(self.row, height)
        mass = self.land.mass(slices, self.row)
        here, wanted = ndtri(0.5 + 0.5 * mass), ndtri(0.5 + 0.5 * self.level)
        with np.errstate(all="ignore"):  # a step that is not finite is not taken
            error = here - wanted
            growth = fall * self.land.mass_growth(slices, self.row, height)
            step = error * 2.0 * np.exp(-0.5 * here * here) / _ROOT_2PI / growth
        near = np.abs(mass - self.level) <= _tolerance(self.level)
        return np.where(near, 0.0, error), np.where(near, fall, fall - step)


def regions(
    weights: FloatArray, means: FloatArray, scales: FloatArray, levels: FloatArray
) -> FloatArray:
    """Highest-density regions, NaN-padded, ``(2, K, Q, c)``."""
    land = survey(Line(weights, means, scales))
    table = np.broadcast_to(levels[:, np.newaxis], (len(levels), weights.shape[1]))
    return regions_of(land, table, len(weights))


def regions_of(land: Landscape, levels: FloatArray, n_hills: int) -> FloatArray:
    """Regions of a landscape with so many hills at most, ``(2, n_hills, Q, c)``.

    Levels are ``(Q, c)``; NaN asks for no region.
    """
    n_rows = levels.shape[1]
    row = np.repeat(np.arange(n_rows), len(levels))
    level = levels.T.ravel()
    inside = level < 1.0
    answer = np.full((2, n_hills, len(row)), np.nan)
    answer[:, 0, level >= 1.0] = [[-np.inf], [np.inf]]
    if inside.any():
        depth = _depths(land, levels).T.ravel()
        slices = _slices_of_levels(land, row[inside], level[inside], depth[inside])
        answer[:, :, inside] = _union(slices, n_hills, int(np.count_nonzero(inside)))
    return answer.reshape(2, n_hills, n_rows, len(levels)).swapaxes(2, 3)


def _slices_of_levels(
    land: Landscape, row: IntArray, level: FloatArray, depth: FloatArray
) -> Slices:
    """Slices whose mass is the level; ``depth`` is a log density whose region has more mass."""
    summit = land.summit()[row]
    deepest = np.sqrt(2.0 * np.maximum(summit - depth, 0.0))
    # Halfway between the answer for one component and the end of the bracket: measured to be best.
    start = 0.5 * (deepest + np.minimum(ndtri(0.5 + 0.5 * level), deepest))
    problem = _Height(land, row, summit, level)
    fall = solve(problem, np.zeros_like(start), deepest, start)
    height = summit - 0.5 * fall * fall
    slices = land.slices(row, height)
    error = _tolerance(level)
    off = np.abs(land.mass(slices, row) - level) > error
    if not off.any():
        return slices
    others = slices_of_mass(land, row[off], height[off], level[off], error[off])
    return slices.replaced(off, others)


def _tolerance(level: FloatArray) -> FloatArray:
    """Largest error of the masses of regions with the levels."""
    return np.asarray(np.clip(_ERROR_OF_REST * (1.0 - level), _ROUNDING, _MASS_ERROR))


def _depths(land: Landscape, levels: FloatArray) -> FloatArray:
    """Lowest log density on the central intervals of the levels, ``(Q, c)``."""
    known = np.where(np.isnan(levels), 0.5, np.minimum(levels, np.nextafter(1.0, 0.0)))
    low, high = central_intervals(*land.line, known)
    lowest = np.minimum(_at(land.smooth, low), _at(land.smooth, high))
    hills = land.hills
    for end, height in ((hills.left, land.left_height), (hills.right, land.right_height)):
        within = (low[:, hills.row] < end) & (end < high[:, hills.row])
        for low_q, within_q in zip(lowest, within, strict=True):
            np.minimum.at(low_q, hills.row, np.where(within_q, height, np.inf))
    return lowest


def _at(smooth: Heights, x: FloatArray) -> FloatArray:
    """Log density of each row at x ``(Q, c)``."""
    return np.stack([smooth.log_density(at) for at in x]) if len(x) else x


def _union(slices: Slices, n_components: int, n_cells: int) -> FloatArray:
    """Intervals from slices; those that touch are joined, ``(2, K, t)``."""
    answer = np.full((2, n_components, n_cells), np.nan)
    for end, x, crossed in (
        (0, slices.left, slices.left_crossed),
        (1, slices.right, slices.right_crossed),
    ):
        cell = slices.cell[crossed]
        answer[end, rank_in_row(cell), cell] = x[crossed]
    return answer


def region_masses(
    weights: FloatArray, means: FloatArray, scales: FloatArray, y: FloatArray
) -> FloatArray:
    """Mass of the region denser than at y; y and answer ``(c, g)``."""
    return region_masses_of(survey(Line(weights, means, scales)), y)


def region_masses_of(land: Landscape, y: FloatArray) -> FloatArray:
    """The same of a landscape."""
    row = np.repeat(np.arange(len(y)), y.shape[1])
    at = y.ravel()
    height = land.smooth.take(row).log_density(at)
    # Where squares of distances overflow, a row may have no hill that was found.
    told = (height > -np.inf) & np.isin(row, land.hills.row)
    mass = np.ones(len(row))
    mass[told] = _masses_above(land, row[told], at[told], height[told])
    return mass.reshape(y.shape)


def _masses_above(land: Landscape, row: IntArray, y: FloatArray, height: FloatArray) -> FloatArray:
    """Mass of the region above the height that the density has at y, ``(t,)``."""
    own = land.hill_at(row, y)
    height = np.minimum(height, land.peak[own])  # but for rounding it is not higher
    slices = land.slices(row, height)
    # y itself is a border, which no search could find as precisely.
    place = np.flatnonzero(slices.hill == own[slices.cell])
    cell = slices.cell[place]
    y, on_left = y[cell], y[cell] < land.hills.top[own[cell]]
    slices.left[place[on_left]] = y[on_left]
    slices.right[place[~on_left]] = y[~on_left]
    flat = flat_at(land, row[cell], own[cell], y)
    if flat.any():
        ends = slices_from(land, own[cell][flat], height[cell][flat], y[flat])
        slices.left[place[flat]], slices.right[place[flat]] = ends
    return land.mass(slices, row)
