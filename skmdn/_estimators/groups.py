"""Groups of rows as numbers."""

import numpy as np

from skmdn._arrays import AnyArray, BoolArray, IntArray
from skmdn._estimators.tables import is_gap


def missing(labels: AnyArray) -> IntArray:
    """Rows whose label is NaN, NaT, None or pandas' NA."""
    if labels.dtype.kind == "O":
        return np.flatnonzero([is_gap(one) or type(one).__name__ == "NaTType" for one in labels])
    if labels.dtype.kind in "mM":
        return np.flatnonzero(np.isnat(labels))
    return np.flatnonzero(np.isnan(labels)) if labels.dtype.kind in "fc" else np.empty(0, np.intp)


def group_numbers(groups: AnyArray) -> IntArray:
    """The group of every row ``(n,)`` as a number from 0, in the order of the groups' first rows.

    Raises
    ------
    ValueError
        If labels cannot be compared with each other.
    """
    try:
        _, first, numbers = np.unique(groups, return_index=True, return_inverse=True)
    except TypeError as error:
        raise ValueError(
            f"groups: expected labels of one kind; got a mixture ({error}). Convert them with "
            "groups.astype(str)."
        ) from error
    places = np.empty(len(first), dtype=np.intp)
    places[np.argsort(first)] = np.arange(len(first))
    return places[numbers.ravel()]


def last_groups(sizes: IntArray, n: int) -> BoolArray:
    """Mask of the last groups, of about n rows together: at least one, but not all."""
    from_behind = np.cumsum(sizes[::-1])[:-1]
    n_last = 1 + np.argmin(np.abs(from_behind - n))
    return np.asarray(np.arange(len(sizes)) >= len(sizes) - n_last)
