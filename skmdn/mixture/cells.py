"""Probability of a cell, an interval around y: accurate for narrow cells and in both tails.

With a and b the ends in standard deviations from a component's mean, c their middle and d = b - a,
a narrow cell is the normal density at c times a smooth integral. A wide one that holds the mean is
a sum of error functions, and beyond the mean it is a difference of Mills' ratios,
``φ(a) (M(a) - M(b) exp(-c d))``.

Axes: n rows, K components, c rows of a block.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import erf, erfcx

from skmdn._arrays import BoolArray, FloatArray
from skmdn.mixture.blocks import log_sum_exp, log_weights
from skmdn.mixture.density import HALF_LOG_2PI
from skmdn.mixture.mixture import Mixture

NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(8)
"""Gauss-Legendre quadrature on (-1, 1); the weights sum to 2."""

# Of a cell's width, and of the numbers themselves: values so near to an end are at the end.
_AT_END, _ROUNDING = 1e-9, 4.0 * float(np.finfo(np.float64).eps)


class Cells(NamedTuple):
    """One interval (low, high] for each row, each ``(n,)``."""

    low: FloatArray
    middle: FloatArray
    high: FloatArray
    width: FloatArray  # more accurate than high - low

    def take(self, rows: slice) -> Cells:
        """Those of some of the rows."""
        return Cells(*(part[rows] for part in self))


def cells_around(y: FloatArray, width: float) -> Cells:
    """Cells of a common width, with y ``(n,)`` in their middle."""
    half = 0.5 * width
    return Cells(y - half, y, y + half, np.full(y.shape, width))


def in_cell(value: FloatArray | float, y: FloatArray, width: float) -> BoolArray:
    """Whether y - width / 2 < value <= y + width / 2; a value at y always is.

    A value within rounding of an end counts as being at the end.
    """
    away = value - y
    slack = _AT_END * width + _ROUNDING * np.maximum(np.abs(y), np.abs(value))
    inside = (away > -0.5 * width + slack) & (away <= 0.5 * width + slack)
    return inside | (away == 0.0)


def log_probability(mixture: Mixture, cells: Cells) -> FloatArray:
    """Log probability ``(n,)`` of a mixture of one output in its cells."""
    line = mixture if mixture.univariate else mixture._output(0)
    answer = np.empty(len(line))
    for rows in line._row_chunks(8):
        weights, means, scales = line._block(rows)
        exponents = log_weights(weights)
        exponents += _log_normal_probability(means[0], scales[0], cells.take(rows))
        answer[rows] = np.minimum(log_sum_exp(exponents), 0.0)
    return answer


def _log_normal_probability(means: FloatArray, scales: FloatArray, cells: Cells) -> FloatArray:
    """Log probability of the cells for normal components, ``(K, c)``."""
    a, b = (cells.low - means) / scales, (cells.high - means) / scales
    middle, width = np.abs((cells.middle - means) / scales), cells.width / scales
    mirrored = cells.middle < means  # so that `near` is the end where more probability is
    near, far = np.where(mirrored, -b, a), np.where(mirrored, -a, b)
    narrow = (width <= 1.0) & (middle * width <= 1.0)
    log_width = np.log(cells.width) - np.log(scales)  # which never underflows
    wide = np.where(near < 0.0, _log_around_mean(near, far), _log_in_tail(near, far, middle, width))
    return np.where(narrow, _log_narrow(middle, width) + log_width, wide)


def _log_narrow(middle: FloatArray, width: FloatArray) -> FloatArray:
    """Log mean of the standard normal density over a narrow cell."""
    total = np.zeros(middle.shape)
    for node, weight in zip(NODES, NODE_WEIGHTS, strict=True):
        t = 0.5 * width * node
        total += 0.5 * weight * np.exp(-middle * t - 0.5 * t * t)
    return np.log(total) - 0.5 * middle * middle - HALF_LOG_2PI


def _log_around_mean(near: FloatArray, far: FloatArray) -> FloatArray:
    """Log probability of a cell that holds the mean: near < 0 < far."""
    return np.log(0.5 * (erf(far * np.sqrt(0.5)) - erf(near * np.sqrt(0.5))))


def _log_in_tail(
    near: FloatArray, far: FloatArray, middle: FloatArray, width: FloatArray
) -> FloatArray:
    """Log probability of a wide cell beyond the mean: 0 <= near < far."""
    beyond = np.where(np.isinf(far), 0.0, erfcx(far * np.sqrt(0.5)) * np.exp(-middle * width))
    share = 0.5 * (erfcx(near * np.sqrt(0.5)) - beyond)
    # A cell at infinity is empty.
    return np.where(np.isinf(near), -np.inf, np.log(share) - 0.5 * near * near)
