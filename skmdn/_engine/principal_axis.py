"""The first principal axis of the targets, by which rows of several outputs are put in order."""

import numpy as np

from skmdn._arrays import FloatArray
from skmdn._thread_pools import one_thread


def principal_scores(values: FloatArray, weights: FloatArray | None) -> FloatArray:
    """Places ``(n,)`` of the rows of ``values (n, D)`` along their first principal axis.

    The axis points to where its largest component grows; of several as large, the first, whatever
    their last digits: those of two standardised columns are always as large.
    """
    if values.shape[1] == 1:
        return values[:, 0]
    with one_thread():
        # No degrees of freedom are taken off: a single row may have all the weight.
        _, axes = np.linalg.eigh(np.cov(values.T, aweights=weights, ddof=0))
        axis = axes[:, -1]
        largest = np.argmax(np.abs(axis) > (1 - 1e-6) * np.abs(axis).max())
        return np.asarray(values @ axis * np.sign(axis[largest]))
