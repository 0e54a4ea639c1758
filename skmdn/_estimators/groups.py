"""Groups of rows as numbers."""

import numpy as np

from skmdn._arrays import AnyArray, IntArray


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
            f"groups: expected labels of one kind, without gaps; got a mixture ({error}). Convert "
            "them with groups.astype(str)."
        ) from error
    places = np.empty(len(first), dtype=np.intp)
    places[np.argsort(first)] = np.arange(len(first))
    return places[numbers.ravel()]
