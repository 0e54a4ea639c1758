"""Stand-ins for targets at atoms, where an order or a scale of all targets is asked for."""

from dataclasses import replace
from typing import Any

import numpy as np

from skmdn._estimators.observations import Observations


def with_stand_ins(data: Observations, maps: tuple[Any, ...] | None) -> Observations:
    """Mapped data whose targets at atoms are the mapped atoms.

    They are at most a quarter of the range beyond the other targets, also where an atom is outside
    the support of the map. So they keep their order, and none is far from all others.
    """
    if data.atom is None or data.atoms is None:
        return data
    values = data.atoms
    if maps is not None:
        inside = maps[0].contains(values)
        values = np.where(values <= maps[0].support[0], -np.inf, np.inf)
        values[inside] = maps[0].forward(data.atoms[inside])
    others = data.y[data.off_atoms().rows, 0]
    if len(others) == 0:
        others = values[np.unique(data.atom[data.rows])]
        others = np.append(others[np.isfinite(others)], [] if np.isfinite(others).any() else 0.0)
    low, high = others.min(), others.max()
    margin = 0.25 * high - 0.25 * low
    y, at = data.y.copy(), data.atom >= 0
    y[at, 0] = np.clip(values, low - margin, high + margin)[data.atom[at]]
    return replace(data, y=y)
