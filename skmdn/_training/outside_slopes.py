"""Slopes along which means go on outside the features' range: see `_network.outside_range`."""

import numpy as np

from skmdn._estimators.distinct_rows import merged
from skmdn._estimators.evenly_spread import evenly_spread
from skmdn._estimators.observations import Observations
from skmdn._network.linear_path import LinearPath, fitted_line, for_line
from skmdn._network.preparation import Preparation
from skmdn._thread_pools import one_thread
from skmdn._training.residual_targets import line_inputs

# The line is fitted to at most so many rows. Of more inputs than the second number, and as many
# rows, it would take as long as a network.
_MAX_ROWS, _MAX_INPUTS = 5000, 1000


def outside_slopes(preparation: Preparation, data: Observations) -> np.ndarray | None:
    """Slopes ``(q, D)`` by z-score of a ridge regression on all inputs but bins.

    Copies of a row are one row of more weight, so that they do not foretell each other. None where
    there are no features of numbers, or too many inputs.
    """
    rows = evenly_spread(data.of_density().rows, _MAX_ROWS)
    n_inputs = for_line(preparation).n_inputs
    if len(preparation.numbers) == 0 or min(len(rows), n_inputs) > _MAX_INPUTS:
        return None
    weights = None if data.weights is None else data.weights[rows]
    first, weights = merged(data.X[rows], data.y[rows], weights)
    rows = rows[first]
    with one_thread():
        line = fitted_line(line_inputs(preparation, data, rows), data.y[rows], weights)
    return slopes_of_line(line, preparation)


def slopes_of_line(line: LinearPath, preparation: Preparation) -> np.ndarray:
    """A line's slopes ``(q, D)`` by z-score of the features of numbers, its first inputs."""
    return np.array(line.coef[: len(preparation.numbers)])
