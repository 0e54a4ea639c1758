"""Rows that are copies of others, as a bootstrap sample and a join of tables leave them.

A fold whose rows train elsewhere as well judges nothing: of rows that were all there twice, 90 %
intervals of networks that were calibrated on such folds held a third of new rows.
"""

from typing import Any

import numpy as np

from skmdn._arrays import FloatArray, IntArray
from skmdn._estimators.distinct_rows import contents
from skmdn._estimators.tables import matrix_of

# Of so few distinct rows one cannot tell, nor make folds. Fewer copies do no harm. Rows with equal
# features that are no copies have other targets, unless one pair of rows in four has the same, or
# they belong to features of which there are few.
_FEW_DISTINCT, _MANY, _OF_EQUAL_FEATURES = 10, 0.05, 0.9
_LEAST_DISTINCT, _BY_CHANCE = 0.15, 0.25
# Larger tables are not copied to be compared; with so many rows, copies do less harm.
_MOST_CELLS = 5e6


def copies(X: Any, y: FloatArray, rows: IntArray | None = None) -> IntArray | None:
    """The content of every row as a number, or None if hardly any row is the copy of another.

    Of targets with few values, and of few distinct rows, equal ones are taken for new
    observations, and so is what is neither a frame nor an array of numbers. The targets may be
    those of some `rows` of X.
    """
    n = len(y)
    targets = y.reshape(n, -1)
    _, counts = np.unique(contents(np.empty((n, 0)), targets), return_counts=True)
    if n - len(counts) < _MANY * n:  # which is all to ask of most data
        return None
    if not hasattr(X, "shape") or n * np.prod(X.shape[1:]) > _MOST_CELLS:
        return None
    features = matrix_of(X if rows is None else X[rows])
    if features is None:
        return None
    _, labels = np.unique(contents(features, targets), return_inverse=True)
    n_rows, n_features = int(labels.max()) + 1, len(np.unique(contents(features, targets[:, :0])))
    are_copies = (
        n_rows >= _FEW_DISTINCT
        and n - n_rows >= max(_MANY * n, _OF_EQUAL_FEATURES * (n - n_features))
        and n_rows >= _LEAST_DISTINCT * n
        and np.sum((counts / n) ** 2) <= _BY_CHANCE
    )
    return labels.ravel() if are_copies else None
