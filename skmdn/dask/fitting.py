"""From collections and settings to a fitted estimator: which tasks there are, and in what order."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from dask import delayed
from distributed import Client

from skmdn._estimators.choices import is_auto
from skmdn._estimators.fit_warnings import FitWarning
from skmdn._estimators.runs import may_be_series
from skmdn.dask.budget import check_memory, n_visited, workers_of
from skmdn.dask.cluster import results
from skmdn.dask.collections import Partitions
from skmdn.dask.draw import draws
from skmdn.dask.members import (
    choose_words,
    fit_member,
    pool_members,
    take_rows,
    take_targets,
)
from skmdn.dask.survey import check_surveys, survey_partition
from skmdn.dask.validation_rows import (
    Order,
    check_word,
    dependence_of,
    held_out_places,
    n_validating,
    sample_of,
)
from skmdn.ensemble import PooledMDNRegressor
from skmdn.regressor import MDNRegressor

# Rows by which the words "auto" for targets choose, and by which a pool is calibrated.
_CHOOSING_ROWS, _CALIBRATING_ROWS = 100_000, 20_000
# What a seed is for, beside the members.
_FOR_VALIDATION, _FOR_CHOICES = 1 << 32, (1 << 32) + 1


class Fitted(NamedTuple):
    """A fitted estimator, warnings by member, and numbers of rows."""

    estimator: MDNRegressor | PooledMDNRegressor
    warnings: list[list[FitWarning]]
    n_rows: int  # with weight, in all partitions
    rows_per_member: int  # those that validate among them


@dataclass(frozen=True)
class Work:
    """What is to be fitted, and where."""

    client: Client
    models: list[MDNRegressor]  # unfitted members, or fitted ones to go on from
    partitions: Partitions
    row_bytes: int
    max_rows: int | str
    seed: int
    verbose: bool

    def each_partition(self, function: Any, *arguments: list[Any]) -> list[Any]:
        """One task for every partition, which gets its part of each of the arguments."""
        return [
            delayed(function, pure=False)(*parts)
            for parts in zip(*self.partitions, *arguments, strict=True)
        ]

    def run(self, tasks: list[Any], of_members: int = 0) -> list[Any]:
        """Results of tasks, of which the first ones fit so many members."""
        shows = self.verbose and of_members > 0

        def report(n_done: int) -> None:
            if shows:
                print(f"DaskMDNRegressor: {n_done} of {len(tasks)} tasks of members done")

        return results(self.client, tasks, report)


def fit(work: Work) -> Fitted:
    """Count the rows, draw those of every member, and fit the members side by side."""
    order = Order(check_surveys(work.run(work.each_partition(survey_partition))))
    share = _share(work, order.n_rows)
    return (_fit_one if len(work.models) == 1 else _fit_several)(work, order, share)


class _Share(NamedTuple):
    """What a member gets."""

    n_rows: int  # those that validate among them
    in_one_pass: bool


def _share(work: Work, n: int) -> _Share:
    """As many rows as asked for, or as the training of all n rows visits, in one pass over them."""
    if not isinstance(work.max_rows, str):
        return _Share(min(n, work.max_rows), in_one_pass=False)
    model = work.models[0]
    visited = n_visited(n, model.batch_size, model.max_iter)
    check_memory(visited, work.row_bytes, len(work.models), workers_of(work.client))
    return _Share(visited, in_one_pass=visited < n)


def _fit_one(work: Work, order: Order, share: _Share) -> Fitted:
    """One network, which sets rows aside by itself."""
    pieces = _drawn(work, order, share.n_rows, 0, order.none())
    task = delayed(fit_member, pure=False)(work.models[0], pieces, [], None, share.in_one_pass)
    (member,) = work.run([task], of_members=1)
    return Fitted(member.model, [member.warnings], order.n_rows, share.n_rows)


def _fit_several(work: Work, order: Order, share: _Share) -> Fitted:
    """Several networks that share their validation rows, pooled."""
    model, n = work.models[0], share.n_rows
    held_out, is_series = _held_out(work, order, n)
    models = [_along_line(one) for one in work.models] if is_series else work.models
    n_learning = n - sum(map(len, held_out))
    validation = work.each_partition(take_rows, held_out)
    words = _words(work, order, n_learning, held_out)
    fit_one = delayed(fit_member, pure=False)
    members = [
        fit_one(
            one,
            _drawn(work, order, n_learning, m, held_out),
            validation,
            words,
            share.in_one_pass,
        )
        for m, one in enumerate(models)
    ]
    calibrating = work.each_partition(take_rows, sample_of(held_out, _CALIBRATING_ROWS))
    pooled = delayed(pool_members, pure=False)(members, calibrating, calibrate=model.calibrate)
    *fitted, estimator = work.run([*members, pooled], of_members=len(members))
    return Fitted(estimator, [one.warnings for one in fitted], order.n_rows, n)


def _drawn(work: Work, order: Order, n: int, purpose: int, excluded: list[np.ndarray]) -> list[Any]:
    """Tasks that draw n rows of all partitions, but for the excluded ones."""
    return work.each_partition(take_rows, draws(order.counts, n, (work.seed, purpose), excluded))


def _held_out(work: Work, order: Order, n: int) -> tuple[list[np.ndarray], bool]:
    """Places in each partition of the rows that validate, and whether the rows are a series."""
    model, found = work.models[0], None
    n = n_validating(n, model.validation_fraction)
    if n == 0:
        return order.none(), False
    word = model.validation_split
    check_word(word)
    if word in ("auto", "blocks"):
        targets = work.each_partition(take_targets, order.stretches())
        (found,) = work.run([delayed(dependence_of, pure=False)(targets)])
    places = held_out_places(order, n, word, found, (work.seed, _FOR_VALIDATION))
    return places, may_be_series(word, found)


def _along_line(model: MDNRegressor) -> MDNRegressor:
    """A model of a series: members get their validation rows, and so cannot know it."""
    if not is_auto(model.extrapolation):
        return model
    model = copy(model)
    model.extrapolation = "linear"
    return model


def _words(work: Work, order: Order, n: int, held_out: list[np.ndarray]) -> Any:
    """A task that chooses the words of targets; None where there is nothing to choose."""
    model = work.models[0]
    goes_on = hasattr(model, "coefs_")
    if goes_on or not (is_auto(model.target_transform) or is_auto(model.target_atoms)):
        return None
    pieces = _drawn(work, order, min(n, _CHOOSING_ROWS), _FOR_CHOICES, held_out)
    return delayed(choose_words, pure=False)(model, pieces)
