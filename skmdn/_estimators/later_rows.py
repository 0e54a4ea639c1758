"""The rows that a forecast knows, and the later ones that it is to predict."""

import numpy as np

from skmdn._arrays import IntArray
from skmdn._estimators.evenly_spread import evenly_spread

# The part of the rows that is forecast.
_LAST = 0.25


def earlier_and_later(rows: IntArray, most_later: int) -> tuple[IntArray, IntArray]:
    """The first three quarters of the rows, and the others, of which some where they are many.

    All later rows may not fit in memory. Those that are taken are evenly spaced.
    """
    earlier, later = np.split(rows, [len(rows) - max(1, round(_LAST * len(rows)))])
    return earlier, evenly_spread(later, most_later)
