"""Rows with features outside their range of training, and how far a line would go on there.

A network tells nothing of such rows. Its inputs end where the range does; beyond, the means go on
by a part of what a ridge regression's line does, as a trend of a damped forecast (E. S. Gardner and
E. McKenzie, "Forecasting trends in time series", Management Science 31 (1985)), and the spreads
widen as the line goes on.

Axes: n rows, q features of numbers, D outputs.
"""

import numpy as np

from skmdn._arrays import Array, FloatArray, IntArray
from skmdn._network.preparation import Preparation, write_z_scores

# Part of the line's change that the means follow, and the standard deviation of what remains, as a
# part of it. Of 20 samples of 25 to 491 rows, the means are best between none of the line and half
# of it, without a clear difference; rows that come later than those of the fit want the whole.
DAMPING, UNCERTAINTY = 0.5, 1.0


def beyond_range(preparation: Preparation, slopes: FloatArray, X: Array) -> FloatArray | None:
    """How much a line with slopes ``(q, D)`` changes from the ends of the range to the rows X.

    The slopes are by z-score. There is None where no row is outside.
    """
    rows = _outside(preparation, X)
    if len(rows) == 0:
        return None
    change = np.zeros((len(X), slopes.shape[1]))
    # Feature by feature: the bits of a matrix product depend on the number of rows.
    for excess, slope in zip(_excess(preparation, X[rows]), slopes, strict=True):
        change[rows] += excess[:, np.newaxis] * slope
    return change


def _outside(preparation: Preparation, X: Array) -> IntArray:
    low, high = preparation.ends()
    return np.flatnonzero(((low > X) | (high < X)).any(axis=1))


def _excess(preparation: Preparation, X: Array) -> FloatArray:
    """How far z-scores ``(q, n)`` are from those at the ends of the range; 0 within and at gaps."""
    numbers = preparation.numbers
    mean, scale = preparation.X_mean[numbers], preparation.X_scale[numbers]
    low, high = (end[numbers, np.newaxis] for end in preparation.ends())
    columns = X.T[numbers].astype(np.float64)
    z, of_end = np.empty_like(columns), np.empty_like(columns)
    write_z_scores(np.clip(columns, low, high), mean, scale, of_end, is_straight=True)
    write_z_scores(columns, mean, scale, z, is_straight=True)
    return np.nan_to_num(z - of_end)
