"""The line along which means go on outside the features' range: see `_network.outside_range`."""

from functools import partial

import numpy as np

from skmdn._estimators.distinct_rows import merged
from skmdn._estimators.evenly_spread import evenly_spread
from skmdn._estimators.observations import Observations
from skmdn._network.linear_path import LinearPath, best_line, for_line
from skmdn._network.outside_range import OutsideLine
from skmdn._network.preparation import Preparation
from skmdn._thread_pools import one_thread
from skmdn._training.residual_targets import line_inputs

# The line is fitted to at most so many rows. Of more inputs than the second number, and as many
# rows, it would take as long as a network.
_MAX_ROWS, _MAX_INPUTS = 5000, 1000


def outside_line(preparation: Preparation, data: Observations) -> OutsideLine | None:
    """A ridge regression on all inputs but bins, for features of numbers.

    Copies of a row are one row of more weight, so that they do not foretell each other. None where
    there are no features of numbers, or too many inputs.
    """
    rows = evenly_spread(data.of_density().rows, _MAX_ROWS)
    n_inputs = for_line(preparation).n_inputs
    if len(preparation.numbers) == 0 or min(len(rows), n_inputs) > _MAX_INPUTS:
        return None
    weights = None if data.weights is None else data.weights[rows]
    first, weights = merged(data.X[rows], data.y[rows], weights)
    y, inputs_to = data.y[rows[first]], partial(line_inputs, preparation, data, rows[first])
    with one_thread():
        line, residuals = best_line(inputs_to, y, weights)
    return _of_line(line, preparation, _unexplained(residuals, y, weights))


def of_linear_path(
    line: LinearPath, preparation: Preparation, data: Observations, residual: Observations
) -> OutsideLine:
    """The line beside the network, given the targets and what is left of them."""
    rows = data.of_density().rows
    weights = np.ones(len(rows)) if data.weights is None else data.weights[rows]
    return _of_line(line, preparation, _unexplained(residual.y[rows], data.y[rows], weights))


def _of_line(line: LinearPath, preparation: Preparation, left: np.ndarray) -> OutsideLine:
    return OutsideLine.of(np.array(line.coef[: len(preparation.numbers)]), left, line.limit)


def _unexplained(residuals: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Parts ``(D,)`` of the variances of ``y (m, D)`` that a line leaves, at most all."""
    unit = np.abs(y).max(axis=0, initial=np.finfo(float).tiny)  # whose squares are within float64
    y, residuals, w = y / unit, residuals / unit, weights / weights.sum()
    variances = np.maximum(w @ (y - w @ y) ** 2, np.finfo(float).tiny)
    with np.errstate(over="ignore"):
        return np.asarray(np.minimum(1.0, w @ residuals**2 / variances))
