"""PIT values of each output given those before it, which tell of the dependence between outputs."""

from __future__ import annotations

import numpy as np

from skmdn.metrics.arguments import Arguments
from skmdn.mixture import Mixture, TargetMixture


def sequential_pit(arguments: Arguments) -> np.ndarray | None:
    """Return PIT values, (n, D), of each output given the outcomes of those before it.

    If the model is right, they are uniform and independent of each other (Rosenblatt 1952). There
    are none of one output, of predictions that are no mixture, and where an outcome is impossible.
    """
    y, prediction, _ = arguments
    if y.ndim == 1 or y.shape[1] < 2 or not isinstance(prediction, (Mixture, TargetMixture)):
        return None
    if not np.isfinite(prediction.logpdf(y)).all():
        return None
    columns = [np.asarray(prediction.pit(y))[:, 0]]
    for d in range(1, y.shape[1]):
        given = prediction.condition({i: y[:, i] for i in range(d)})
        columns.append(np.asarray(given.pit(y[:, d:])).reshape(len(y), -1)[:, 0])
    return np.column_stack(columns)
