"""Probabilities of outcomes that are known to a resolution: of the cell around each of them."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from skmdn.metrics.arguments import Arguments
from skmdn.mixture.joining import DENSITIES, log_cell_probability


def rounded_log_density(arguments: Arguments, resolution: float) -> np.ndarray:
    """Return the log of the mean density in a cell of that width around each outcome, (n,).

    Raises
    ------
    ValueError
        If there are several outputs.
    """
    prediction: Any = arguments.prediction
    if prediction.n_outputs > 1:
        raise ValueError(
            f"resolution: expected predictions of one output, got {prediction.n_outputs} outputs; "
            "score each by itself, as in log_likelihood_score(y[:, 0], mixture.marginal(0), "
            "resolution=1)."
        )
    y = arguments.y.reshape(len(prediction))
    if isinstance(prediction, DENSITIES):
        probability = log_cell_probability(prediction, y, resolution)
    else:
        probability = prediction.log_cell_probability(y, resolution)
    return np.asarray(probability - np.log(resolution))


def check_resolution(resolution: Any) -> float:
    """Return a positive, finite number."""
    is_number = isinstance(resolution, Real) and not isinstance(resolution, bool)
    if not is_number or not 0.0 < float(resolution) < np.inf:
        raise ValueError(
            "resolution: expected one positive number in the unit of y, such as 1 for whole "
            f"numbers, got {resolution!r}."
        )
    return float(resolution)
