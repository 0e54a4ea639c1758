"""Regions whose borders lie where doubles do not tell densities apart: on plateaus, next to tops.

Between two heights that hardly differ, the borders of a region may move far. Such borders are
interpolated: on each side of a hill they move in proportion from where the density is just above
the height (the top, if the hill ends before) to where it is just below. So of two points on a
plateau, the one nearer to its middle counts as the denser one.

Axes: h hills, t cells (a row and a level or point each), b slices of hills by heights.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skmdn._arrays import BoolArray, FloatArray, IntArray
from skmdn.mixture.landscape import Landscape, Line, Slices
from skmdn.mixture.roots import solve

_SAME_DENSITY = 2e-14
"""Relative difference below which two densities count as equal, for log densities about one."""

_FLAT = 1e-12
"""Fall of the log density from the top, at the slope of a border, below which it is flat there."""


def tolerance(height: FloatArray) -> FloatArray:
    """Difference below which log densities of about that height count as equal."""
    return _SAME_DENSITY * (1.0 + np.abs(height))


def slices_of_mass(
    land: Landscape, row: IntArray, height: FloatArray, level: FloatArray, error: FloatArray
) -> Slices:
    """Slices with masses ``level`` to within ``error``, for densities about equal to the heights.

    Ends are interpolated between those just below and just above the height. The height, level and
    error are of each cell, ``(t,)``.
    """
    outer = land.slices(row, height - tolerance(height))
    inner = _of_same_hills(land, outer, land.slices(row, height + tolerance(height)))
    left = np.clip(inner.left, outer.left, outer.right)
    right = np.clip(inner.right, left, outer.right)
    ends = np.stack([outer.left, outer.right])
    blend = _Blend(
        land.line.take(row[outer.cell]), outer.cell, ends, np.stack([left, right]) - ends, level
    )
    low, high = np.zeros(len(row)), np.ones(len(row))
    most, least = blend.mass(low), blend.mass(high)
    with np.errstate(all="ignore"):
        start = np.clip((most - level) / (most - least), low, high)
    problem = _Interpolation(blend, most - least, error)
    left, right = blend.ends(solve(problem, low, high, np.nan_to_num(start)))
    return inner._replace(left=left, right=right)


class _Blend(NamedTuple):
    """Slices that shrink from outer to inner ones as t grows from 0 to 1."""

    line: Line  # (K, b)
    cell: IntArray  # (b,)
    outer: FloatArray  # (2, b) left and right ends
    shift: FloatArray  # (2, b) from outer to inner ends
    level: FloatArray  # (t,) mass asked for

    def take(self, keep: BoolArray) -> _Blend:
        """Some of the cells."""
        part = keep[self.cell]
        cell = (np.cumsum(keep) - 1)[self.cell[part]]
        outer, shift = self.outer[:, part], self.shift[:, part]
        return _Blend(self.line.take(part), cell, outer, shift, self.level[keep])

    def ends(self, t: FloatArray) -> FloatArray:
        """Left and right ends, ``(2, b)``."""
        return self.outer + self.shift * t[self.cell]

    def mass(self, t: FloatArray) -> FloatArray:
        """Mass of each cell's slices, ``(t,)``."""
        left, right = self.ends(t)
        mass = np.bincount(self.cell, self.line.mass(left, right), minlength=len(t))
        return np.asarray(mass, dtype=np.float64)


class _Interpolation(NamedTuple):
    """The problem mass = level."""

    blend: _Blend
    change: FloatArray  # (t,) fall of the mass from t = 0 to 1
    error: FloatArray  # (t,)

    def take(self, keep: BoolArray) -> _Interpolation:
        """Some of the cells."""
        return _Interpolation(self.blend.take(keep), self.change[keep], self.error[keep])

    def evaluate(self, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Level minus mass, zero within the error; and the next t, as if the mass were linear."""
        missing = self.blend.level - self.blend.mass(t)
        near = np.abs(missing) <= self.error
        with np.errstate(all="ignore"):  # a step that is not finite is not taken
            step = missing / self.change
        return np.where(near, 0.0, missing), np.where(near, t, t - step)


def _of_same_hills(land: Landscape, outer: Slices, inner: Slices) -> Slices:
    """The inner slices, and an empty one at the top of each hill that only the outer ones have."""
    n_hills = len(land.hills.top)
    place = np.searchsorted(outer.cell * n_hills + outer.hill, inner.cell * n_hills + inner.hill)
    top, crossed = land.hills.top[outer.hill], np.ones(len(outer.hill), dtype=bool)
    every = Slices(outer.cell, outer.hill, top.copy(), top.copy(), crossed, crossed.copy())
    for target, values in zip(every[2:], inner[2:], strict=True):
        target[place] = values
    return every


def flat_at(land: Landscape, row: IntArray, hill: IntArray, x: FloatArray) -> BoolArray:
    """Whether the hill is flat at x, or x next to its top; ``(t,)``."""
    _, slope, _ = land.relief.take(row).derivatives(x)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.abs(slope * (x - land.hills.top[hill])) <= _FLAT


def slices_from(
    land: Landscape, hill: IntArray, height: FloatArray, x: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Left and right ends of slices of hills, one of which is x, where the height is; ``(t,)``."""
    margin = tolerance(height)
    outer = np.stack([land.borders(hill, height - margin, side)[0] for side in (-1.0, 1.0)])
    above = land.peak[hill] >= height + margin
    inner = np.stack([land.hills.top[hill]] * 2)
    for end, side in zip(inner, (-1.0, 1.0), strict=True):
        end[above] = land.borders(hill[above], (height + margin)[above], side)[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.nan_to_num(np.clip((x - inner) / (outer - inner), 0.0, 1.0))
    on_right = (x > land.hills.top[hill]).astype(np.intp)
    along = np.take_along_axis(share, on_right[np.newaxis], axis=0)
    ends = inner + along * (outer - inner)
    np.put_along_axis(ends, on_right[np.newaxis], x[np.newaxis], axis=0)
    return ends[0], ends[1]
