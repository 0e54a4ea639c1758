"""Rows that are sorted by a feature, and what this does to the spreads of a forecast.

In a table that is sorted by a feature, consecutive rows are alike, as in a series. To forecast its
last rows from those before is to leave the feature's range, or to meet new categories. The spreads
that this calls for are right in a series, where time is such a feature, and far too wide where new
rows come from the whole range.
"""

from typing import Any

import numpy as np

from skmdn._arrays import BoolArray, FloatArray
from skmdn._estimators.fit_warnings import FitWarning
from skmdn._estimators.tables import frame_of, matrix_of

# A forecast that widens the spreads by less is not worth a word. A feature whose every value is in
# one piece of rows has at most so many values, by the number of rows.
_WIDE, _PIECES = 1.5, 1 / 3
_MESSAGE = (
    "Consecutive rows are alike, so spreads are as wide as a forecast of rows to come calls for, "
    "{:.1f} times as wide as for rows in between. But X is sorted by column {}: unless that is "
    "time, and new rows come later, {}."
)


def advice_on_sorted_rows(X: Any, widening: float, advice: str) -> list[FitWarning]:
    """Say that a forecast of sorted rows has widened the spreads by a factor, and what to do."""
    if widening < _WIDE:
        return []
    matrix = matrix_of(X)
    if matrix is None or not (is_sorted := _is_sorted(matrix)).any():
        return []
    place = int(np.argmax(is_sorted))
    frame = frame_of(X)
    column = place if frame is None else repr(frame.columns[place])
    return [FitWarning(_MESSAGE.format(widening, column, advice), UserWarning)]


def _is_sorted(X: FloatArray) -> BoolArray:
    """Columns ``(p,)`` without gaps whose values go one way, or of which each is in one piece."""
    found = np.zeros(X.shape[1], dtype=bool)
    for j, column in enumerate(X.T):
        steps, n_values = np.diff(column), len(np.unique(column))
        if np.isnan(column).any() or n_values == 1:
            continue
        in_pieces = np.count_nonzero(steps) == n_values - 1 and n_values <= _PIECES * len(column)
        found[j] = in_pieces or bool((steps >= 0).all() or (steps <= 0).all())
    return found
