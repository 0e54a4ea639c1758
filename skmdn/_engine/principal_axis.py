"""The first principal axis of the targets, along which rows with several outputs are sorted."""

import numpy as np

from skmdn._arrays import FloatArray
from skmdn._thread_pools import one_thread


def principal_scores(values: FloatArray, weights: FloatArray | None) -> FloatArray:
    """Places ``(n,)`` of the rows of ``values (n, D)`` along their first principal axis.

    The sign of the axis makes its largest component positive. If several are equally large up to
    rounding, as with two standardised columns, the first of them counts.
    """
    if values.shape[1] == 1:
        return values[:, 0]
    with one_thread():
        # No degrees of freedom are taken off: a single row may have all the weight.
        _, axes = np.linalg.eigh(np.cov(values.T, aweights=weights, ddof=0))
        axis = axes[:, -1]
        largest = np.argmax(np.abs(axis) > (1 - 1e-6) * np.abs(axis).max())
        return np.asarray(values @ axis * np.sign(axis[largest]))
