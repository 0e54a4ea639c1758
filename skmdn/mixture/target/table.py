"""Maps as rows of a table of numbers.

Every map has three columns: its kind (0 the identity, 1 a logarithm from below, 2 from above,
3 logit, 4 asinh) and its two numbers, NaN where it has fewer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skmdn._arrays import FloatArray
from skmdn.transforms import Asinh, Log, Logit, Transform

_COLUMNS = 3


def table_width(n_atoms: int, n_outputs: int) -> int:
    """Number of columns beside those of the base."""
    return 2 * n_atoms + _COLUMNS * n_outputs


def parameter_table(maps: Sequence[tuple[Transform, ...]]) -> FloatArray:
    """One line for each tuple of maps."""
    rows = [[number for map_ in row for number in _numbers(map_)] for row in maps]
    return np.array(rows, dtype=np.float64)


def _numbers(map_: Transform) -> tuple[float, float, float]:
    if isinstance(map_, Log):
        return (1.0 if map_.side > 0 else 2.0), map_.bound, np.nan
    if isinstance(map_, Logit):
        return 3.0, map_.lower, map_.upper
    if isinstance(map_, Asinh):
        return 4.0, map_.location, map_.scale
    return 0.0, np.nan, np.nan
