"""Modes: of one output all of them, of several those that ascents from the means reach.

Axes: K components, D outputs, c rows of a block, m ascents (a row and a start each).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skmdn._arrays import BoolArray, FloatArray, IntArray
from skmdn.mixture.blocks import Block, component_sum, weighted_sum
from skmdn.mixture.density import log_density, responsibilities
from skmdn.mixture.landscape import Line, rank_in_row, survey
from skmdn.mixture.plateaus import tolerance
from skmdn.mixture.spread import Spread

MAX_ITERATIONS = 500
"""Largest number of steps of one ascent; Newton's steps need about ten."""

_STILL = 1e-12
"""Size of a step, in standard deviations, at which an ascent stops."""

_ALONG = (0.2360679775, 0.6180339887)
"""Where a plateau is looked for on the way from one end to another.

These are irrational, so that on a regular grid of modes the looks do not fall on other modes.
"""

_TOGETHER = 1e-6
"""Distance, in standard deviations, below which two ends count as the same mode."""


def line_modes(weights: FloatArray, means: FloatArray, scales: FloatArray) -> FloatArray:
    """All modes of one output and their log densities, ``(2, K, c)``, highest first, NaN-padded."""
    land = survey(Line(weights, means, scales))
    row, top = land.hills.row, land.hills.top
    height = land.line.take(row).log_density(top)
    return by_height(row, height, top[np.newaxis], weights.shape)


def by_height(
    row: IntArray, height: FloatArray, values: FloatArray, shape: tuple[int, ...]
) -> FloatArray:
    """Table of values ``(V, h)`` and heights ``(h,)`` by row, highest first, ``(V + 1, K, c)``."""
    order = np.lexsort((-height, row))
    row, columns = row[order], np.concatenate([values, height[np.newaxis]])[:, order]
    answer = np.full((len(columns), *shape), np.nan)
    answer[:, rank_in_row(row), row] = columns
    return answer


class _Ascent(NamedTuple):
    """Points that are still moving, each with all components of its row."""

    block: Block  # one column for each point, (..., K, m)
    precision: FloatArray  # (D, D, K, m), in terms of unit
    unit: FloatArray  # (D, m), a length for each output

    def take(self, keep: BoolArray) -> _Ascent:
        """Some of the points."""
        block = Block(*(array[..., keep] for array in self.block))
        return _Ascent(block, self.precision[..., keep], self.unit[:, keep])


def joint_modes(block: Block, spread: Spread) -> FloatArray:
    """Modes of several outputs and their log densities, ``(D + 1, K, c)``, NaN-padded."""
    n_outputs, n_components, n_rows = block.means.shape
    row = np.tile(np.arange(n_rows), n_components)
    repeated = Block(*(array[..., row] for array in block))
    size = _sizes(repeated)
    ascent = _ascent(_in_units_of(size, repeated), spread)
    ends = _climb(ascent, spread, block.means.reshape(n_outputs, -1) / size)
    x = ends * size
    height = log_density(repeated, spread, x)
    keep = _distinct(ends / ascent.unit, block.weights > 0)
    _join_plateaus(block, spread, x, height, keep)
    return by_height(row[keep], height[keep], x[:, keep], (n_components, n_rows))


def _sizes(block: Block) -> FloatArray:
    """A power of two near the smallest scale of each output ``(D, m)``.

    In these units squares of the scales are far from the ends of double precision, and no digit
    changes.
    """
    rows = np.abs(block.factor)
    largest = rows if rows.ndim == 3 else np.maximum.reduce(rows, axis=1)  # (D, K, m)
    smallest = np.minimum.reduce(np.where(block.weights > 0, largest, np.inf), axis=1)
    resolved = np.spacing(np.maximum.reduce(np.abs(block.means), axis=1))
    exponent = np.frexp(np.maximum(smallest, resolved))[1]
    return np.ldexp(1.0, np.clip(exponent, -1022, 1023))


def _in_units_of(size: FloatArray, block: Block) -> Block:
    """The same rows with every output in such a unit ``(D, m)``."""
    means = block.means / size[:, np.newaxis]
    by_output = size.reshape(len(size), *(1,) * (block.factor.ndim - 2), -1)
    return Block(block.weights, means, block.factor / by_output)


def _ascent(block: Block, spread: Spread) -> _Ascent:
    """Ascents in which the unit of an output is the smallest of its standard deviations."""
    n_outputs = len(block.means)
    unit = np.stack(
        [
            np.sqrt(
                np.minimum.reduce(
                    np.where(block.weights > 0, spread.covariance(block.factor, j, j), np.inf),
                    axis=0,
                )
            )
            for j in range(n_outputs)
        ]
    )
    precision = spread.precision(block.factor)
    precision *= (unit[:, np.newaxis] * unit)[:, :, np.newaxis]
    return _Ascent(block, precision, unit)


def _climb(ascent: _Ascent, spread: Spread, x: FloatArray) -> FloatArray:
    """Ends of the ascents from x ``(D, m)``; each stops independently of the others."""
    answer = x.copy()
    place = np.arange(x.shape[1])
    for _ in range(MAX_ITERATIONS):
        if not len(place):
            break
        step = _step(ascent, spread, x)
        x = x + step * ascent.unit
        answer[:, place] = x
        moving = np.maximum.reduce(np.abs(step), axis=0) > _STILL
        place, x, ascent = place[moving], x[:, moving], ascent.take(moving)
    return answer


def _step(ascent: _Ascent, spread: Spread, x: FloatArray) -> FloatArray:
    """The fixed-point step, which always climbs, or Newton's step where it climbs higher."""
    gradient, fixed, curvature = _derivatives(ascent, spread, x)
    slow, fast = _solve(fixed, gradient), _solve(curvature, gradient)
    slow_height, fast_height = (
        log_density(ascent.block, spread, x + step * ascent.unit) for step in (slow, fast)
    )
    return np.where(fast_height >= slow_height, fast, slow)


def _derivatives(
    ascent: _Ascent, spread: Spread, x: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Gradient g of log f ``(D, m)``, A = Σ_k r_k P_k, and the negative Hessian, ``(D, D, m)``.

    The fixed-point iteration moves x to A⁻¹ Σ_k r_k P_k m_k, which is x + A⁻¹ g.
    """
    share = responsibilities(ascent.block, spread, x)  # (K, m)
    away = (ascent.block.means - x[:, np.newaxis]) / ascent.unit[:, np.newaxis]  # (D, K, m)
    pull = weighted_sum(ascent.precision, away[:, np.newaxis])  # (D, K, m): P_k is symmetric
    gradient = component_sum((share * pull).swapaxes(0, 1))
    fixed = component_sum((share * ascent.precision).transpose(2, 0, 1, 3))
    bend = component_sum((share * pull[:, np.newaxis] * pull).transpose(2, 0, 1, 3))
    return gradient, fixed, fixed - bend + gradient[:, np.newaxis] * gradient


def _solve(matrix: FloatArray, right: FloatArray) -> FloatArray:
    """Solve with the matrix's absolute eigenvalues, so that the step goes uphill; ``(D, m)``."""
    values, vectors = np.linalg.eigh(matrix.transpose(2, 0, 1))
    size = np.abs(values).T
    size = np.maximum(size, 1e-14 * np.maximum.reduce(size, axis=0))
    basis = vectors.transpose(1, 2, 0)  # (D, eigenvector, m)
    with np.errstate(all="ignore"):  # where the matrix is zero, the step is zero too
        along = weighted_sum(basis, right[:, np.newaxis]) / size
        step = weighted_sum(basis.swapaxes(0, 1), along[:, np.newaxis])
    return np.where(np.isfinite(step), step, 0.0)


def _distinct(x: FloatArray, present: BoolArray) -> BoolArray:
    """Whether an ascent ends at a new mode of its row, not at that of an earlier ascent.

    x ``(D, K * c)`` is in terms of unit. Components that are not present ``(K, c)`` are ignored.
    """
    ends = np.where(present, x.reshape(len(x), *present.shape), np.nan)
    keep = present.copy()
    for i in range(1, len(present)):
        gap = np.maximum.reduce(np.abs(ends[:, :i] - ends[:, i : i + 1]), axis=0)
        near = _TOGETHER + 8.0 * np.spacing(np.maximum.reduce(np.abs(ends[:, i]), axis=0))
        keep[i] &= ~np.any(gap < near, axis=0)
    return keep.ravel()


def _join_plateaus(
    block: Block, spread: Spread, x: FloatArray, height: FloatArray, keep: BoolArray
) -> None:
    """Keep one of the ends of ascents that lie on the same plateau.

    They are of the same height, and so are the points between them. Ends x ``(D, K * c)``; their
    log densities and ``keep`` ``(K * c,)``, which is changed in place.
    """
    table, kept = height.reshape(block.weights.shape), keep.reshape(block.weights.shape)
    ends = x.reshape(len(x), *table.shape)
    for i in range(1, len(table)):
        margin = tolerance(table[i])
        earlier, row = np.nonzero(kept[:i] & kept[i] & (np.abs(table[:i] - table[i]) <= margin))
        if len(row):
            part = Block(*(array[..., row] for array in block))
            start, shift = ends[:, i, row], ends[:, earlier, row] - ends[:, i, row]
            flat = np.ones(len(row), dtype=bool)
            for share in _ALONG:
                between = log_density(part, spread, start + share * shift)
                flat &= between >= table[i, row] - 2.0 * margin[row]
            kept[i, row[flat]] = False
