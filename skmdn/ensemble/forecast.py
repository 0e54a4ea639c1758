"""Wider spreads of a pool for rows to come, where consecutive rows depend on each other.

The folds are runs of rows, and each has rows on both sides that train; rows to come have no such
neighbours. As a single network does, the ensemble asks members of the earlier rows for the later.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skmdn._calibration import MAX_ROWS, MOST_OF_FORECAST, calibrate
from skmdn._estimators.callbacks import FitTask
from skmdn._estimators.folds import splits
from skmdn._estimators.later_rows import earlier_and_later
from skmdn._estimators.observations import rows_with_weight
from skmdn._estimators.rows import Rows
from skmdn._network.scaling import location_and_unit
from skmdn._thread_pools import one_thread
from skmdn.ensemble.mapped_targets import MappedTargets, base_of
from skmdn.ensemble.members import fit_members, plan_members
from skmdn.ensemble.pool import Pool
from skmdn.ensemble.progress import MemberProgress
from skmdn.ensemble.target_transform import Views
from skmdn.ensemble.view_densities import view_densities
from skmdn.mixture import Mixture

# Of the earlier rows, one of so many folds validates.
_FOLDS = 5


def widened_by_forecast(
    pool: Pool,
    views: Views,
    rows: Rows,
    targets: MappedTargets,
    rng: np.random.Generator,
    n_jobs: int | None,
) -> tuple[Pool, float]:
    """The pool with spreads as wide as its forecast of the later rows calls for; how much wider."""
    earlier, later = earlier_and_later(rows_with_weight(rows.weights, len(rows.y)), MAX_ROWS)
    # The background would take the rows that components are too narrow for.
    views_alone = replace(pool, background_weight=0.0)
    densities = _densities(views, rows, earlier, later, rng, n_jobs)
    mean, scale = location_and_unit(targets.values, rows.weights)
    with one_thread():
        forecast = base_of(views_alone.out_of_fold(densities)).affine(-mean / scale, 1 / scale)
        z = (targets.values[later] - mean) / scale
        weights = rows.take(later).weights
        found = calibrate([forecast], z, weights, most_factor=MOST_OF_FORECAST)
        factor, spreads = max(1.0, float(found.factors[0])), np.square(forecast.std())
    wider = np.mean(factor**2 * spreads + found.noise**2) / np.mean(spreads)
    return pool.widened(factor, found.noise * scale), float(np.sqrt(wider))


def _densities(
    views: Views,
    rows: Rows,
    earlier: np.ndarray,
    later: np.ndarray,
    rng: np.random.Generator,
    n_jobs: int | None,
) -> list[Mixture]:
    """Densities of the later rows by one member of each view, of the earlier ones."""
    known = rows.take(earlier)
    parts = splits(_FOLDS, *known, rng).parts[:1]
    silent, no_callbacks = MemberProgress(len(views), 0), FitTask(None, None, None, None, None)
    members = plan_members(views, known, parts, rng, n_jobs, silent)
    # Their warnings would repeat those of the members that are kept.
    fitted = fit_members(members, known, n_jobs, silent, no_callbacks)
    X = rows.take(later).X
    with one_thread():
        return [view_densities([member.estimator], X)[0] for member in fitted]
