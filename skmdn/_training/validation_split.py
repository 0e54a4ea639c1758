"""The choice of the rows that validate."""

from typing import Any, NamedTuple

import numpy as np

from skmdn._engine.budget import n_held_out
from skmdn._engine.principal_axis import principal_scores
from skmdn._estimators.copies import copies
from skmdn._estimators.dependence import dependence
from skmdn._estimators.folds import parts_of
from skmdn._estimators.groups import group_numbers, last_groups
from skmdn._estimators.observations import Observations
from skmdn._estimators.runs import may_be_series, run_length, spread_runs, wants_runs
from skmdn._network.preparation import Preparation
from skmdn._training.settings import Settings

# Sets of groups that are drawn, of which the one that represents the targets best is taken, and
# classes of targets by which this is judged.
_DRAWS, _CLASSES = 50, 10


class ValidationSplit(NamedTuple):
    """Rows that train and rows that validate."""

    learning: Observations
    validation: Observations | None
    # "shuffled", "copies", "blocks", "last", "groups" or "splitter"; None where no row is set aside
    kind: str | None = None
    p_value: float | None = None  # of the test for dependence, where "auto" asked it
    run_lengths: np.ndarray | None = None  # of runs of consecutive validating rows, in their order
    is_series: bool = False  # whether the order of the rows may be that of time


def hold_out(
    settings: Settings,
    data: Observations,
    preparation: Preparation,
    groups: np.ndarray | None,
    rng: np.random.Generator,
) -> ValidationSplit:
    """Set rows aside for validation, as the settings ask.

    Rows without weight take no part, neither in the choice nor in what it is made from, but for a
    splitter, which is asked about all rows.
    """
    if settings.validation_fraction is None or len(data) < 2:
        return ValidationSplit(data, None)
    labels = None if groups is None else groups[data.rows]
    if not isinstance(settings.validation_split, str):
        return _by_splitter(settings.validation_split, data, groups)
    n = n_held_out(len(data), settings.validation_fraction)
    if labels is None:
        return _by_order(settings.validation_split, data, preparation, n, rng)
    return _by_groups(settings.validation_split, data, preparation, n, group_numbers(labels), rng)


def _by_order(
    asked: str, data: Observations, preparation: Preparation, n: int, rng: np.random.Generator
) -> ValidationSplit:
    """Set aside the last rows, runs of rows, or rows of all strata; "auto" asks the order."""
    if asked == "last":
        last = _parted(data, np.arange(len(data) - n, len(data)), asked)
        return last._replace(is_series=may_be_series(asked, None))
    p_value, is_series = None, False
    if asked != "shuffled":
        found = dependence(data.y[data.rows])
        p_value = found.p_value if asked == "auto" else None
        is_series = may_be_series(asked, found)
        if asked == "blocks" or wants_runs(found, n):
            runs = spread_runs(len(data), n, run_length(found, n), rng)
            lengths = np.array([len(run) for run in runs])
            split = _parted(data, np.concatenate(runs), "blocks", p_value)
            return split._replace(run_lengths=lengths, is_series=is_series)
    labels = copies(data.X, data.y[data.rows], data.rows)
    if labels is not None:
        split = _by_groups("auto", data, preparation, n, labels, rng)
        return split._replace(kind="copies", p_value=p_value, is_series=is_series)
    y = principal_scores(preparation.targets(data.y[data.rows]), None)
    split = _parted(data, one_of_each_stratum(y, n, rng), "shuffled", p_value)
    return split._replace(is_series=is_series)


def one_of_each_stratum(y: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Places of n random rows, one from each of n strata of similar targets ``y (rows,)``.

    So even a few validation rows represent low, medium and high targets equally.
    """
    order = rng.permutation(len(y))  # rows of equal targets in random order
    order = order[np.argsort(y[order], kind="stable")]
    strata = np.linspace(0, len(y), n + 1).astype(np.intp)
    return order[rng.integers(strata[:-1], strata[1:])]


def _by_groups(
    asked: str,
    data: Observations,
    preparation: Preparation,
    n: int,
    groups: np.ndarray,
    rng: np.random.Generator,
) -> ValidationSplit:
    """Set aside whole groups: the last ones, or such that represent the targets."""
    if asked == "blocks":
        raise ValueError(
            "validation_split='blocks' expects no groups, which runs of consecutive rows would "
            "cut. Use 'auto' to set whole groups aside, 'last' for the last groups, or a splitter."
        )
    sizes = np.bincount(groups)
    if len(sizes) < 2:
        raise ValueError(
            "groups: expected at least two groups of rows with weight, one to train and one to "
            "validate; got one. Fit without groups, with X_val, or with validation_fraction=None."
        )
    if asked == "last":
        held_out = last_groups(sizes, n)
    else:
        y = principal_scores(preparation.targets(data.y[data.rows]), None)
        held_out = representative_groups(y, groups, n, rng)
    return _parted(data, np.flatnonzero(held_out[groups]), "groups")


def representative_groups(
    y: np.ndarray, groups: np.ndarray, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Mask of groups that hold about n rows together, whose targets ``y (rows,)`` are like all.

    Groups are drawn from strata of similar mean targets, several times. The draw is taken whose
    numbers of rows in classes of targets, of equally many rows, are nearest to equal parts of n.
    """
    n_rows, G = len(y), int(groups.max()) + 1
    places = np.empty(n_rows)
    places[np.argsort(y, kind="stable")] = np.arange(n_rows)
    classes = (places * _CLASSES / n_rows).astype(np.intp)
    table = np.zeros((G, _CLASSES))
    np.add.at(table, (groups, classes), 1)
    n_groups = min(max(1, round(n * G / n_rows)), G - 1)
    means = np.bincount(groups, places) / np.bincount(groups)
    best, least = np.zeros(G, dtype=bool), np.inf
    for _ in range(_DRAWS):
        drawn = np.zeros(G, dtype=bool)
        drawn[one_of_each_stratum(means, n_groups, rng)] = True
        distance = np.sum((table[drawn].sum(axis=0) - n / _CLASSES) ** 2)
        if distance < least:
            best, least = drawn, distance
    return best


def _by_splitter(splitter: Any, data: Observations, groups: np.ndarray | None) -> ValidationSplit:
    """Take the last split of a splitter: its training part learns, its test part validates.

    The splitter may know rows by their numbers, so it is asked about all, those without weight or
    at atoms too, which then take no part.
    """
    y = data.y[:, 0] if data.y_ndim == 1 else data.y
    *_, last = parts_of(splitter, data.X, y, name="validation_split", groups=groups)
    train, test = (part[np.isin(part, data.rows)] for part in last)
    if len(train) == 0 or len(test) == 0 or np.intersect1d(train, test).size:
        raise ValueError(
            "validation_split: expected a last split with rows to train on and other rows to "
            f"validate with; got {len(train)} and {len(test)} rows, "
            f"{np.intersect1d(train, test).size} of them in both."
        )
    learning, validation = (data.select(np.sort(part)) for part in (train, test))
    return ValidationSplit(learning, validation, "splitter")


def _parted(
    data: Observations, places: np.ndarray, kind: str, p_value: float | None = None
) -> ValidationSplit:
    """Set the rows at some places aside."""
    held_out = np.zeros(len(data), dtype=bool)
    held_out[places] = True
    learning, validation = data.select(data.rows[~held_out]), data.select(data.rows[held_out])
    return ValidationSplit(learning, validation, kind, p_value)
