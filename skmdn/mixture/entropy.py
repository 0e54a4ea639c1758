"""Differential entropy of one output by adaptive quadrature.

The line is cut at every component's mean and at a few of its scales on either side, so that even
the narrowest component is seen.

Axes: K components, c rows of a block, B cuts, i panels.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from skmdn._arrays import FloatArray
from skmdn.mixture.blocks import chunks
from skmdn.mixture.landscape import Line
from skmdn.mixture.quadrature import NODES, WEIGHTS, integrate, panels_between

TOLERANCE = 1e-10
"""Largest accepted difference between a panel and its two halves, in nats."""

_CUTS = np.array([-9.0, -5.0, -2.5, 0.0, 2.5, 5.0, 9.0])  # in scales from the mean
N_CUTS = len(_CUTS)
"""Number of cuts for each component."""


def line_entropy(weights: FloatArray, means: FloatArray, scales: FloatArray) -> FloatArray:
    """-∫ f log f, ``(c,)``; parameters ``(K, c)``."""
    # The origin moves to the narrowest mean: far from zero that component would lose its digits.
    narrowest = np.where(weights > 0, scales, np.inf).argmin(axis=0)[np.newaxis]
    line = Line(weights, means - np.take_along_axis(means, narrowest, axis=0), scales)
    row, low, high = panels_between(cuts_of(line))
    return integrate(partial(_entropy_term, line), row, low, high, weights.shape[1], TOLERANCE)


def cuts_of(line: Line) -> FloatArray:
    """Where the line is cut, ``(B, c)``, so that every component is seen."""
    cuts = line.means + line.scales * _CUTS[:, np.newaxis, np.newaxis]  # (B, K, c)
    heaviest = line.weights.argmax(axis=0)[np.newaxis]
    spare = np.take_along_axis(line.means, heaviest, axis=0)
    return np.where(line.weights > 0, cuts, spare).reshape(-1, line.weights.shape[1])


def _entropy_term(line: Line, row: np.ndarray, low: FloatArray, high: FloatArray) -> FloatArray:
    """-∫ f log f over each panel, ``(i,)``."""
    answer = np.zeros(len(row))
    radius = 0.5 * (high - low)
    middle = low + radius
    for part in chunks(len(row), len(line.weights)):
        columns = line.take(row[part])
        for node, weight in zip(NODES, WEIGHTS, strict=True):
            log_density = columns.log_density(middle[part] + radius[part] * node)
            with np.errstate(invalid="ignore"):  # 0 log 0 is 0
                term = np.exp(log_density) * log_density
            answer[part] -= weight * np.where(log_density > -np.inf, term, 0.0)
    return answer * radius
