"""Hills of a Gaussian mixture divided by cosh(z): the density of y = sinh(z) over z.

There is no tilted form. All turning points lie between the outermost means and zero. They are
bracketed on a grid with four points for each scale of each component, about its mean and about the
means of its two tilted forms, and between -8 and 8, where cosh bends. Each bracket is searched to
the last bits. Two turning points between neighbouring points of the grid are missed.

Axes: K components, c rows of a block, B points of the grid, b columns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skmdn._arrays import BoolArray, FloatArray, IntArray
from skmdn.mixture.blocks import chunks, log_weights
from skmdn.mixture.critical_points import Turns, hills_between, without_ripples
from skmdn.mixture.landscape import Landscape, Line, Profile, Relief, measured, resolved
from skmdn.mixture.roots import solve
from skmdn.mixture.target.logistic import log_cosh

_STEPS = np.arange(-24, 25) * 0.25
_BEND = np.arange(-32, 33) * 0.25


class SechProfile(NamedTuple):
    """Log densities of y up to a constant, as functions of z."""

    base: Profile

    def take(self, keep: BoolArray | IntArray) -> SechProfile:
        """Some of the columns."""
        return SechProfile(self.base.take(keep))

    def log_density(self, x: FloatArray) -> FloatArray:
        """Log f."""
        size = np.where(np.isinf(x), 0.0, x)  # at infinity f is zero already
        return self.base.log_density(x) - log_cosh(size)


class SechRelief(NamedTuple):
    """The same with derivatives."""

    base: Relief

    def take(self, keep: BoolArray | IntArray) -> SechRelief:
        """Some of the columns."""
        return SechRelief(self.base.take(keep))

    def derivatives(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Log f and its first two derivatives at x ``(b,)``."""
        height, slope, bend = self.base.derivatives(x)
        turn = np.tanh(x)
        return height - log_cosh(x), slope - turn, bend - (1.0 - turn * turn)

    def beyond(self, height: FloatArray, side: float) -> FloatArray:
        """A point beyond which f is below the height: where the density of z is, as cosh >= 1."""
        return self.base.beyond(height, side)


class _Turning(NamedTuple):
    """The problem slope = 0 in brackets, with the sign that makes it increase."""

    relief: SechRelief
    sign: FloatArray  # (b,)

    def take(self, keep: BoolArray) -> _Turning:
        """Some of the brackets."""
        return _Turning(self.relief.take(keep), self.sign[keep])

    def evaluate(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The slope, zero where a step is lost in rounding; and Newton's next point."""
        _, slope, bend = self.relief.derivatives(x)
        with np.errstate(all="ignore"):  # a step that is not finite is not taken
            step = slope / bend
            near = np.abs(step) <= np.spacing(np.abs(x))
        return np.where(near, 0.0, self.sign * slope), np.where(near, x, x - step)


def sech_survey(line: Line) -> Landscape:
    """The landscape of each row; parameters ``(K, c)``."""
    profile = resolved(log_weights(line.weights), line.means, line.scales)
    relief = SechRelief(profile.relief())
    grid = _grid(profile)
    turns = _turns(relief, grid)
    hills = hills_between(without_ripples(turns, len(line.means)))
    return measured(line, SechProfile(profile), relief, hills, tilted=True)


def _grid(profile: Profile) -> FloatArray:
    """Points at which the slope is looked at, ascending, ``(B, c)``."""
    square = profile.scales * profile.scales
    centres = np.concatenate([profile.means + shift * square for shift in (-1.0, 0.0, 1.0)])
    scales = np.concatenate([profile.scales] * 3)
    present = np.concatenate([profile.log_weights > -np.inf] * 3)
    points = centres + scales * _STEPS[:, np.newaxis, np.newaxis]
    points = np.where(present, points, 0.0).reshape(-1, centres.shape[1])
    bend = np.broadcast_to(_BEND[:, np.newaxis], (len(_BEND), centres.shape[1]))
    own = profile.log_weights > -np.inf
    low = np.minimum(np.minimum.reduce(np.where(own, profile.means, 0.0), axis=0), 0.0)
    high = np.maximum(np.maximum.reduce(np.where(own, profile.means, 0.0), axis=0), 0.0)
    # No closer than a quarter of the narrowest scale, or of where cosh bends.
    step = 0.25 * np.minimum(np.minimum.reduce(np.where(own, profile.scales, 1.0), axis=0), 1.0)
    inner = np.round(np.concatenate([points, bend]) / step) * step
    inner = np.clip(inner, low, high)
    # One point beyond either end, where the slope has its sign for certain.
    margin = 1e-3 * (1.0 + np.abs([low, high]))
    grid = np.concatenate([[low - margin[0]], inner, [high + margin[1]]])
    grid.sort(axis=0)
    return grid


def _turns(relief: SechRelief, grid: FloatArray) -> Turns:
    """Maxima and minima where the sign of the slope changes from one point to the next."""
    distinct = np.ones(grid.shape, dtype=bool)
    distinct[1:] = grid[1:] > grid[:-1]
    row, column = np.nonzero(distinct.T)
    x = grid[column, row]
    rising = np.empty(len(x), dtype=bool)
    for part in chunks(len(x), len(relief.base.means)):
        rising[part] = relief.take(row[part]).derivatives(x[part])[1] > 0
    place = np.flatnonzero((row[1:] == row[:-1]) & (rising[1:] != rising[:-1]))
    top = rising[place]
    problem = _Turning(relief.take(row[place]), np.where(top, -1.0, 1.0))
    low, high = x[place], x[place + 1]
    return Turns(row[place], solve(problem, low, high, low + 0.5 * (high - low)), top)
