"""Gaps in X, cells without a value (NaN): which features have them, and what is put in."""

import numpy as np

from skmdn._arrays import Array, BoolArray, FloatArray, IntArray
from skmdn._network.scaling import n_present


def features_with_gaps(X: Array, weights: FloatArray | None) -> IntArray:
    """Features ``(g,)`` with cells and gaps among the rows with weight.

    They have an indicator, which is 1 at a gap. That of a feature without any cell would be
    constant.
    """
    n = len(X) if weights is None else np.count_nonzero(weights)
    present = n_present(X, weights)
    return np.flatnonzero((present > 0) & (present < n))


def filled(columns: FloatArray, centre: FloatArray, features: IntArray) -> BoolArray | None:
    """Put the centre ``(p,)`` of each feature into the gaps of ``columns (p, n)``.

    Returns where `features (g,)` had gaps, ``(g, n)``, or None if they had none.
    """
    is_gap = np.isnan(columns)
    if not is_gap.any():
        return None
    np.copyto(columns, centre[:, np.newaxis], where=is_gap)
    gaps = is_gap[features]
    return gaps if gaps.any() else None
