"""Differential entropy of one output by adaptive quadrature.

The line is cut at every component's mean and a few of its scales on either side, so that no
component, however narrow, is overlooked; each panel is integrated by Gauss's rule with 15 nodes
and again in two halves, and halved until both agree.

Axes: K components, c rows of a block, B cuts, i panels.
"""

from __future__ import annotations

import numpy as np

from skmdn._arrays import FloatArray
from skmdn.mixture.blocks import chunks
from skmdn.mixture.landscape import Line

TOLERANCE = 1e-10
"""Largest difference between a panel and its two halves, in nats."""

MAX_ROUNDS = 40
"""Halvings of a panel, at most."""

_CUTS = np.array([-9.0, -5.0, -2.5, 0.0, 2.5, 5.0, 9.0])
N_CUTS = len(_CUTS)
"""Cuts for each component."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(15)


def line_entropy(weights: FloatArray, means: FloatArray, scales: FloatArray) -> FloatArray:
    """-∫ f log f, ``(c,)``; parameters ``(K, c)``."""
    # About the mean of the narrowest component, whose width would lose its digits far from zero.
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
    """Panels between neighbouring cuts: their rows and ends, ``(i,)``."""
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
