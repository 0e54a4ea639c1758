"""The rows that a forecast knows, and the later ones that it is to predict."""

import numpy as np

from skmdn._arrays import IntArray

# The part of the rows that is forecast, and the largest number that is looked at: more hardly
# improve the few numbers that are fitted to them, and they may not fit in memory.
_LAST, MOST_LATER = 0.25, 20_000


def earlier_and_later(rows: IntArray) -> tuple[IntArray, IntArray]:
    """The first three quarters of the rows, and the others; of many others some, evenly spaced."""
    earlier, later = np.split(rows, [len(rows) - max(1, round(_LAST * len(rows)))])
    if len(later) > MOST_LATER:
        later = later[np.linspace(0, len(later) - 1, MOST_LATER).astype(np.intp)]
    return earlier, later
