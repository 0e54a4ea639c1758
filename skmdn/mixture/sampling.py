"""Draws: a component by its weight, then a normal variable with its mean and covariance.

Axes: n rows, c rows of a block, S samples, K components, D outputs.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from skmdn._arrays import FloatArray, IntArray
from skmdn.mixture.blocks import CELLS, Block
from skmdn.mixture.spread import Spread

Random: TypeAlias = "np.random.Generator | np.random.RandomState"


# At most so many rows are drawn together: the chunks in which estimators predict, so that these
# draw from chunk to chunk what all rows at once would.
CHUNK_ROWS = 4096


def rows_together(n_numbers: int) -> int:
    """Rows drawn together, given the numbers drawn for each: a power of two, dividing chunks."""
    affordable = max(1, CELLS // max(1, n_numbers))
    return min(CHUNK_ROWS, 1 << (affordable.bit_length() - 1))


def choose_components(weights: FloatArray, uniform: FloatArray) -> IntArray:
    """Component of each uniform number ``(c, S)``, by weights ``(K, c)``; never of weight 0."""
    bounds = np.cumsum(weights, axis=0)
    bounds /= bounds[-1].copy()
    choice = np.zeros(uniform.shape, dtype=np.intp)
    for bound in bounds[:-1]:
        choice += uniform >= bound[:, np.newaxis]
    return choice


def draw(block: Block, spread: Spread, n_samples: int, random: Random) -> FloatArray:
    """Samples ``(c, S, D)`` of a block of c rows."""
    n_outputs, _, n_rows = block.means.shape
    choice = choose_components(block.weights, random.random((n_rows, n_samples)))
    samples = random.standard_normal((n_rows, n_samples, n_outputs))
    choice *= n_rows
    choice += np.arange(n_rows)[:, np.newaxis]  # index into a flattened (K, c)
    spread.colour(block.factor, choice, samples)
    for j, means in enumerate(block.means):
        samples[..., j] += means.ravel()[choice]
    return samples
