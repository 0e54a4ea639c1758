"""Members of the ensemble: a view each, fitted on the rows outside one fold."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.parallel import delayed
from sklearn.utils.validation import has_fit_parameter

from skmdn._estimators.callbacks import FitTask, MemberTask
from skmdn._estimators.fit_warnings import FitWarning, collected_fit_warnings
from skmdn._estimators.inner_estimators import (
    density_of,
    fit_transform,
    group_fit_params,
    seeded_clone,
    weight_fit_params,
)
from skmdn._estimators.rows import Rows
from skmdn._thread_pools import one_thread
from skmdn.ensemble.progress import MemberProgress, ShownParallel
from skmdn.ensemble.shared_predictions import SharedPredictions, can_share, cross_fit_together
from skmdn.mixture.joining import Density


@dataclass(frozen=True, eq=False)
class Member:
    """A view, to be fitted on the rows outside one fold and validated on the fold."""

    name: str  # of the view
    estimator: Any
    train: np.ndarray
    test: np.ndarray
    shared: SharedPredictions | None = None  # where the first step is fitted already


class FittedMember(NamedTuple):
    """A fitted estimator, its densities of the rows of its fold, and its warnings."""

    estimator: Any
    density: Density
    warnings: list[FitWarning]


def plan_members(
    views: Sequence[tuple[str, Any]],
    rows: Rows,
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    rng: np.random.Generator,
    n_jobs: int | None,
    progress: MemberProgress,
) -> list[Member]:
    """The members of all views, by view and fold; shared first steps are fitted here."""
    members = []
    for name, view in views:
        clones = [seeded_clone(view, int(rng.integers(2**31))) for _ in parts]
        shared: Sequence[SharedPredictions | None] = [None] * len(parts)
        if can_share(view, parts):
            progress.announce(f"cross-fitting the first steps of view {name!r}")
            first_steps = [clone.steps[0][1] for clone in clones]
            shared = cross_fit_together(first_steps, rows, parts, n_jobs)
        members += [
            Member(name, clone, train, test, predictions)
            for clone, (train, test), predictions in zip(clones, parts, shared, strict=True)
        ]
    return members


def fit_members(
    members: Sequence[Member],
    rows: Rows,
    n_jobs: int | None,
    progress: MemberProgress,
    task: FitTask,
) -> list[FittedMember]:
    """Fit all members, several at a time."""
    progress.announce("fitting members")
    with task.members(len(members)) as tasks:
        fitted = ShownParallel(n_jobs, progress)(
            delayed(fit_member)(_without_fitted_step(member), rows, of_member)
            for member, of_member in zip(members, tasks, strict=True)
        )
    progress.show(len(members))
    return [
        one._replace(estimator=_with_fitted_step(one.estimator, member))
        for member, one in zip(members, fitted, strict=True)
    ]


def fit_member(member: Member, rows: Rows, task: MemberTask) -> FittedMember:
    """Fit on the training rows, validate on the fold, and predict it."""
    if member.shared is not None:
        rows = rows._replace(X=member.shared)
    train, test = rows.take(member.train), rows.take(member.test)
    estimator = member.estimator
    *transformers, last = (
        [step for _, step in estimator.steps] if isinstance(estimator, Pipeline) else [estimator]
    )
    for step in transformers:
        if step is not None and step != "passthrough":
            train = train._replace(X=fit_transform(step, train))
            test = test._replace(X=step.transform(test.X))
    with task.around(last, train.X, train.y), collected_fit_warnings() as found:
        _fit_and_validate(last, train, test)
    with one_thread():
        density = density_of(last, test.X, f"estimators: view {member.name!r}")
    return FittedMember(estimator, density, found)


def _without_fitted_step(member: Member) -> Member:
    """The member without its fitted first step: trees are too large to travel to a worker."""
    if member.shared is None:
        return member
    rest = copy(member.estimator)
    rest.steps = rest.steps[1:]
    return replace(member, estimator=rest)


def _with_fitted_step(estimator: Any, member: Member) -> Any:
    """The fitted estimator, with the first step that stayed behind."""
    if member.shared is not None:
        estimator.steps = [member.estimator.steps[0], *estimator.steps]
    return estimator


def _fit_and_validate(estimator: Any, train: Rows, test: Rows) -> None:
    """Fit the step that predicts, with validation data and groups where it takes them."""
    validation = {}
    is_weighted = test.weights is None or test.weights.any()
    if is_weighted and has_fit_parameter(estimator, "X_val"):
        validation = {"X_val": test.X, "y_val": test.y}
        if test.weights is not None:
            validation["sample_weight_val"] = test.weights
    weights = weight_fit_params(estimator, train.weights)
    groups = group_fit_params(estimator, train.groups)
    estimator.fit(train.X, train.y, **weights, **groups, **validation)
