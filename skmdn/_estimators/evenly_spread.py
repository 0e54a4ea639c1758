"""Some of many rows, evenly spread over their order."""

import numpy as np

from skmdn._arrays import IntArray


def evenly_spread(rows: IntArray, most: int) -> IntArray:
    """At most so many of the rows."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.intp)]
