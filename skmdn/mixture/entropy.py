"""Differential entropy of one output by adaptive quadrature.

The line is cut at every component's mean and at a few of its scales on either side, so that even
the narrowest component is seen. Each panel is integrated by Gauss's rule with 15 nodes, once as a
whole and once in two halves, and is halved until the two results agree.

Axes: K components, c rows of a block, B cuts, i panels.
"""

from __future__ import annotations

import numpy as np

from skmdn._arrays import FloatArray
from skmdn.mixture.blocks import chunks
from skmdn.mixture.landscape import Line

TOLERANCE = 1e-10
"""Largest accepted difference between a panel and its two halves, in nats."""

MAX_ROUNDS = 40
"""Largest number of times that a panel is halved."""

_CUTS = np.array([-9.0, -5.0, -2.5, 0.0, 2.5, 5.0, 9.0])  # in scales from the mean
N_CUTS = len(_CUTS)
"""Number of cuts for each component."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(15)


def line_entropy(weights: FloatArray, means: FloatArray, scales: FloatArray) -> FloatArray:
    """-∫ f log f, ``(c,)``; parameters ``(K, c)``."""
    # The origin moves to the narrowest mean: far from zero that component would lose its digits.
    narrowest = np.where(weights > 0, scales, np.inf).argmin(axis=0)[np.newaxis]
    line = Line(weights, means - np.take_along_axis(means, narrowest, axis=0), scales)
    total = np.zeros(weights.shape[1])
    row, low, high = _panels(line)
    whole = _entropy_term(line, row, low, high)
    for _ in range(MAX_ROUNDS):
        if not len(row):
            break
        middle = low + 0.5 * (high - low)
        left, right = _entropy_term(line, row, low, middle), _entropy_term(line, row, middle, high)
        rest = np.abs(left + right - whole) > TOLERANCE
        rest &= (low < middle) & (middle < high)
        total += np.bincount(row[~rest], (left + right)[~rest], minlength=len(total))
        row, whole = np.tile(row[rest], 2), np.concatenate([left[rest], right[rest]])
        low, high = (
            np.concatenate([low[rest], middle[rest]]),
            np.concatenate([middle[rest], high[rest]]),
        )
    return total + np.bincount(row, whole, minlength=len(total))


def _panels(line: Line) -> tuple[np.ndarray, FloatArray, FloatArray]:
    """Rows and ends of the panels between neighbouring cuts, ``(i,)``."""
    cuts = line.means + line.scales * _CUTS[:, np.newaxis, np.newaxis]  # (B, K, c)
    heaviest = line.weights.argmax(axis=0)[np.newaxis]
    spare = np.take_along_axis(line.means, heaviest, axis=0)
    cuts = np.where(line.weights > 0, cuts, spare).reshape(-1, line.weights.shape[1])
    cuts.sort(axis=0)
    row = np.broadcast_to(np.arange(cuts.shape[1]), cuts[1:].shape).ravel()
    low, high = cuts[:-1].ravel(), cuts[1:].ravel()
    wide = low < high
    return row[wide], low[wide], high[wide]


def _entropy_term(line: Line, row: np.ndarray, low: FloatArray, high: FloatArray) -> FloatArray:
    """-∫ f log f over each panel, ``(i,)``."""
    answer = np.zeros(len(row))
    radius = 0.5 * (high - low)
    middle = low + radius
    for part in chunks(len(row), len(line.weights)):
        columns = line.take(row[part])
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            log_density = columns.log_density(middle[part] + radius[part] * node)
            with np.errstate(invalid="ignore"):  # 0 log 0 is 0
                term = np.exp(log_density) * log_density
            answer[part] -= weight * np.where(log_density > -np.inf, term, 0.0)
    return answer * radius
