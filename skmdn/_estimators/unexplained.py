"""How much of the variation of targets their predictions leave: how noisy a table is."""

import numpy as np


def unexplained(crps: np.ndarray, y: np.ndarray, weights: np.ndarray) -> float:
    """Part of the variation of targets ``(n, D)`` that predictions with these CRPS leave, 0 to 1.

    It is the square of their mean CRPS by that of the targets' own distribution, as a mean over the
    outputs that vary. The CRPS of a normal distribution is proportional to its standard deviation,
    so for normal distributions this is the unexplained part of the variance. It needs no squares of
    targets and no means, which outliers and maps can make huge.
    """
    w = weights / weights.sum()
    order = np.argsort(y, axis=0)
    below = np.cumsum(w[order], axis=0)[:-1]
    with np.errstate(over="ignore", invalid="ignore"):  # near the ends of float64
        steps = np.diff(np.take_along_axis(y, order, axis=0), axis=0)
        of_targets = np.sum(below * (1 - below) * steps, axis=0)
        varies = of_targets > 0
        parts = np.square((w @ crps)[varies] / of_targets[varies])
    return float(np.mean(np.nan_to_num(parts, nan=1.0).clip(max=1.0))) if varies.any() else 1.0
