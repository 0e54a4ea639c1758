"""Targets less the line of the linear path, which the network learns in their place."""

from dataclasses import replace
from functools import partial

import numpy as np

from skmdn._estimators.evenly_spread import evenly_spread
from skmdn._estimators.observations import Observations
from skmdn._network.linear_path import LinearPath, best_line, linear_inputs
from skmdn._network.preparation import Preparation
from skmdn._network.scaling import location_and_scale

# The line is fitted to at most so many rows, and its inputs are computed for so many at once.
_MAX_ROWS, _CHUNK_ROWS = 20_000, 8192


def line_of(preparation: Preparation, data: Observations) -> LinearPath:
    """The line through the rows off the atoms, evenly spread where they are many."""
    data = data.of_density()
    rows = evenly_spread(data.rows, _MAX_ROWS)
    inputs_to = partial(line_inputs, preparation, data, rows)
    line, _ = best_line(inputs_to, data.y[rows], _weights(data, rows))
    return line


def less_line(
    data: Observations, line: LinearPath, preparation: Preparation, *, left_out: bool
) -> Observations:
    """The data with residuals as targets.

    With `left_out`, rows to which the line was fitted get the residuals from lines without them,
    unless they are so many that this changes nothing.
    """
    y = np.array(data.y, dtype=np.float64)
    for start in range(0, len(data.rows), _CHUNK_ROWS):
        rows = data.rows[start : start + _CHUNK_ROWS]
        y[rows] -= line.values(line_inputs(preparation, data, rows, line.limit))
    rows = data.of_density().rows
    if left_out and len(rows) <= _MAX_ROWS:
        inputs = line_inputs(preparation, data, rows, line.limit)
        y[rows] = line.residuals(inputs, data.y[rows], _weights(data, rows))
    return replace(data, y=y)


def with_scaling_of(preparation: Preparation, data: Observations) -> Preparation:
    """The preparation with the location and scale of other targets, those of the data's rows."""
    y = data.targets_off_atoms() if len(data.off_atoms()) > 0 else data.y
    weights = None if data.weights is None else data.weights[data.rows]
    mean, scale = location_and_scale(y[data.rows], weights)
    return preparation._replace(
        y_mean=mean, y_scale=np.where(scale > 0, scale, 1.0), y_varies=scale > 0
    )


def line_inputs(
    preparation: Preparation, data: Observations, rows: np.ndarray, limit: float
) -> np.ndarray:
    """Inputs of the line ``(n, q)`` for rows of the fit, with z-scores straight to a limit."""
    folds = None if data.folds is None else data.folds[rows]
    return linear_inputs(preparation, data.X[rows], limit, folds)


def _weights(data: Observations, rows: np.ndarray) -> np.ndarray:
    return np.ones(len(rows)) if data.weights is None else data.weights[rows]
