"""One more network, which learns from all rows and from what the pool predicts for them.

Every member misses the rows of its fold. Where these are few and there is little noise, that costs
much. A network of all rows by itself would overfit them and be too sure of itself; one that
also learns targets drawn from the pool is not, and needs no rows that validate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from skmdn._estimators.inner_estimators import seeded_clone
from skmdn._estimators.observations import rows_with_weight
from skmdn._estimators.rows import Rows
from skmdn._estimators.unexplained import unexplained
from skmdn._thread_pools import one_thread
from skmdn.ensemble.pool import Pool
from skmdn.ensemble.target_transform import Views
from skmdn.ensemble.view_densities import densities_by_chunk
from skmdn.mixture.joining import Density
from skmdn.regressor import MDNRegressor

# Fewer rows can hardly teach anything. Of more, those outside a fold are nearly as good as all: of
# 1,500 rows there was nothing to gain.
LEAST_ROWS, MOST_ROWS = 10, 999
# Part of the weight of the views that are networks and nothing else. With more of it, sets without
# noise gain a little more, but noisy ones lose: the network has seen the targets of all rows.
SHARE = 1 / 3
# Views of less weight have too little to give.
_LEAST_WEIGHT = 0.1
# The weight decay, of which drawn targets leave half or less, is that of its view times so many
# times the part of the variation of y that the pool leaves, within bounds. With much noise, a
# network of all rows overfits their own targets; without, to learn from these is its purpose.
_PER_UNEXPLAINED, _MOST_TIMES = 20.0, 6.0


def shares_for_taught(members: Sequence[Sequence[Any]]) -> np.ndarray:
    """Part of the weight of each view ``(V,)`` for the taught network; members are by view."""
    return np.array([SHARE if type(view[0]) is MDNRegressor else 0.0 for view in members])


def unexplained_part(out_of_fold: Density, rows: Rows) -> float:
    """Part of the variation of y that the pool leaves, given its densities out of fold."""
    present = rows_with_weight(rows.weights, len(rows.y))
    y = rows.y[present]
    shape = len(y), -1
    crps = out_of_fold[present].crps(y)
    weights = np.ones(len(y)) if rows.weights is None else rows.weights[present]
    return unexplained(crps.reshape(shape), y.reshape(shape), weights)


def taught_network(
    pool: Pool,
    views: Views,
    members: Sequence[Sequence[Any]],
    rows: Rows,
    out_of_fold: Density,
    rng: np.random.Generator,
) -> MDNRegressor | None:
    """A network like the heaviest view that is one, fitted to all rows and to what the pool says.

    `members` are fitted, by view; `out_of_fold` is the pool's density for rows that its members
    have not seen. There is None where there is no such view, or not a suitable number of rows.
    """
    weights = pool.weights * (shares_for_taught(members) > 0)
    n = len(rows_with_weight(rows.weights, len(rows.y)))
    if weights.sum() < _LEAST_WEIGHT or not LEAST_ROWS <= n <= MOST_ROWS:
        return None
    _, heaviest = views[int(np.argmax(weights))]
    network: MDNRegressor = seeded_clone(heaviest, int(rng.integers(2**31)))
    left = unexplained_part(out_of_fold, rows)
    if not isinstance(network.alpha, str):
        times = min(max(1.0, _PER_UNEXPLAINED * left), _MOST_TIMES)
        network.set_params(alpha=times * network.alpha)
    # The background bounds losses; there is nothing to learn from it.
    components = replace(pool, background_weight=0.0)
    with one_thread():
        density = components.of_members(densities_by_chunk(members, rows.X), len(rows.y))
    return network._fit_taught(rows.X, rows.y, rows.weights, density, left)
