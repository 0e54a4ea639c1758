"""Probability of a cell, an interval around y, behind a map and with atoms.

Axes: n rows, A atoms.
"""

from __future__ import annotations

import numpy as np

from skmdn._arrays import FloatArray
from skmdn.mixture.cells import (
    NODE_WEIGHTS,
    NODES,
    Cells,
    cells_around,
    in_cell,
    log_probability,
)
from skmdn.mixture.target.line import TargetLine
from skmdn.mixture.target.target_mixture import TargetMixture
from skmdn.mixture.target.value import Rows, TargetValue
from skmdn.transforms import Transform

_NARROW = 0.1
"""Cells narrower than this behind the map are measured by its slope, and others by their ends."""


def log_target_probability(mixture: TargetMixture, y: FloatArray, width: float) -> FloatArray:
    """Log P(y - width / 2 < Y <= y + width / 2), ``(n,)``, of one output."""

    def of_part(part: TargetValue, rows: Rows) -> FloatArray:
        return _of_line(part._line(0), y[rows], width)

    return mixture._by_law(of_part)


def _of_line(line: TargetLine, y: FloatArray, width: float) -> FloatArray:
    """The same of rows of one law."""
    answer = log_probability(line.base, _behind(line.transform, y, width))
    if not len(line.atoms):
        return answer
    inside = np.zeros(len(y))
    for atom, mass in zip(line.atoms, line.masses.T, strict=True):
        inside += mass * in_cell(atom, y, width)
    return np.logaddexp(answer + np.log(line.rest), np.log(inside))


def _behind(transform: Transform, y: FloatArray, width: float) -> Cells:
    """The cells of z; they are infinite where a cell of y reaches beyond the support."""
    cells = cells_around(y, width)
    low, high = transform.forward(cells.low), transform.forward(cells.high)
    stretched = high - low
    by_slope = np.zeros(y.shape)
    for node, weight in zip(NODES, NODE_WEIGHTS, strict=True):
        by_slope += 0.5 * weight * np.exp(transform.log_jacobian(y + 0.5 * width * node))
    # Differences of near numbers are inaccurate, and slopes need no differences.
    stretched = np.where(stretched < _NARROW, width * by_slope, stretched)
    return Cells(low, 0.5 * (low + high), high, stretched)
