"""From views and rows to fitted members, the network that they teach, and their pool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from skmdn._estimators.callbacks import FitTask
from skmdn._estimators.fit_warnings import FitWarning, collected_fit_warnings
from skmdn._estimators.folds import order_of, splits
from skmdn._estimators.member_warnings import warn_of_members
from skmdn._estimators.random_state import new_generator
from skmdn._estimators.rows import Rows
from skmdn._estimators.sorted_rows import advice_on_sorted_rows
from skmdn._thread_pools import one_thread
from skmdn.ensemble.forecast import widened_by_forecast
from skmdn.ensemble.mapped_targets import MappedTargets, common_maps
from skmdn.ensemble.members import fit_members, plan_members
from skmdn.ensemble.out_of_fold import mean_logpdf, out_of_fold
from skmdn.ensemble.pool import Pool, calibrated_pool, equal_pool
from skmdn.ensemble.progress import MemberProgress
from skmdn.ensemble.series import views_of_series
from skmdn.ensemble.target_transform import Views, views_behind_maps
from skmdn.ensemble.taught_network import taught_network
from skmdn.mixture import Mixture
from skmdn.mixture.joining import Density
from skmdn.regressor import MDNRegressor


class Options(NamedTuple):
    """Constructor values of the ensemble, and the weights that are expected of the views (V,)."""

    target_transform: Any
    cv: Any
    calibrate: bool
    n_jobs: int | None
    random_state: Any
    verbose: int
    expected_weights: np.ndarray | None


class Fitted(NamedTuple):
    """All that `MDNEnsembleRegressor` keeps of a fit."""

    members: list[list[Any]]  # by view and fold
    taught: MDNRegressor | None
    pool: Pool
    folds: str
    dependence_p_value: float | None
    out_of_fold: Density
    score: float  # of the out-of-fold densities
    n_outputs: int


def fit(views: Views, rows: Rows, options: Options, task: FitTask) -> Fitted:
    """Fit all members and calibrate their pool."""
    rng, n_jobs = new_generator(options.random_state), options.n_jobs
    views, maps = views_behind_maps(options.target_transform, views, rows, rng)
    parts, kind, p_value, is_series = splits(options.cv, *rows, rng)
    if is_series:
        views = views_of_series(views)
    order = order_of([test for _, test in parts], len(rows.y))
    F = len(parts)
    with MemberProgress(len(views) * F, options.verbose) as progress:
        plans = plan_members(views, rows, parts, rng, n_jobs, progress)
        fitted = fit_members(plans, rows, n_jobs, progress, task)
    densities = [(plan.name, one.density) for plan, one in zip(plans, fitted, strict=True)]
    heard = [(f"View {plan.name!r}", one.warnings) for plan, one in zip(plans, fitted, strict=True)]
    targets = MappedTargets.of(rows, common_maps(densities, maps))
    by_view = [fitted[i : i + F] for i in range(0, len(fitted), F)]
    members = [[member.estimator for member in view] for view in by_view]
    unseen = [out_of_fold(view, order) for view in by_view]
    with one_thread():
        pool = _pool(unseen, targets, rows, F, options)
        pooled = pool.out_of_fold(unseen)
        score = mean_logpdf(pooled, rows)
    taught = None
    if options.calibrate:
        with collected_fit_warnings() as found:
            taught = taught_network(pool, views, members, rows, pooled, rng)
        heard.append(("The taught network", found))
        if kind == "blocks":
            pool, wider = widened_by_forecast(pool, views, rows, targets, rng, n_jobs)
            advice = "pass cv=KFold(5, shuffle=True)"
            heard.append(("The folds", advice_on_sorted_rows(rows.X, wider, advice)))
    warn_of_members([(origin, _for_ensembles(said)) for origin, said in heard], stacklevel=4)
    n_outputs = targets.values.shape[1]
    return Fitted(members, taught, pool, kind, p_value, pooled, score, n_outputs)


def _for_ensembles(found: Sequence[FitWarning]) -> list[FitWarning]:
    """What members say, where it names a word that an ensemble does not take."""
    note = " (An ensemble takes no target_atoms; a single MDNRegressor does.)"
    return [
        one._replace(message=one.message + note) if "target_atoms" in one.message else one
        for one in found
    ]


def _pool(
    unseen: list[Mixture], targets: MappedTargets, rows: Rows, n_folds: int, options: Options
) -> Pool:
    """The pool for out-of-fold densities, one per view."""
    if not options.calibrate:
        return equal_pool(len(unseen), targets, rows.weights)
    return calibrated_pool(unseen, targets, rows.weights, n_folds, options.expected_weights)
