"""Folds of the rows: splitting, taking, and putting back into order."""

import reprlib
from collections.abc import Iterable, Sized
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from skmdn._arrays import AnyArray, FloatArray, IntArray
from skmdn._estimators.copies import copies
from skmdn._estimators.dependence import dependence
from skmdn._estimators.groups import group_numbers
from skmdn._estimators.runs import folds_of_runs, may_be_series, run_length, wants_runs


class Folds(NamedTuple):
    """Training and test rows of every split, and how they were chosen."""

    parts: list[tuple[IntArray, IntArray]]
    kind: str  # "shuffled", "blocks", "groups", "copies" or "splitter"
    p_value: float | None = None  # of the test for dependence, where it was asked
    is_series: bool = False  # whether the order of the rows may be that of time


def splits(
    cv: Any,
    X: Any,
    y: FloatArray,
    weights: FloatArray | None,
    groups: AnyArray | None,
    rng: np.random.Generator,
    *,
    order: str = "auto",
) -> Folds:
    """Training and test rows of every split, disjoint.

    An integer is a number of folds, at most one per row or group; None is five. The folds are
    shuffled, because the order of rows often has a meaning. Where consecutive rows are alike they
    consist of runs of rows instead, unless the `order` asks for "shuffled" rows or for "blocks".
    Copies of a row stay together where there are many. With groups they keep each group together.
    """
    # This import takes half the time of importing scikit-learn, and predicting does not need it.
    from sklearn.model_selection import GroupKFold, KFold

    cv = 5 if cv is None else cv
    kind, p_value, is_series = "splitter", None, False
    if isinstance(cv, Integral) and groups is not None:
        n_groups = int(group_numbers(groups).max()) + 1
        if n_groups < 2:
            raise ValueError("groups: expected at least two groups for folds, got one.")
        kind, cv = "groups", GroupKFold(min(int(cv), n_groups))
    elif isinstance(cv, Integral):
        n_folds, found = min(int(cv), len(y)), dependence(y, weights)
        n_part = len(y) // n_folds
        p_value = found.p_value if order == "auto" else None
        is_series = may_be_series(order, found)
        if order == "blocks" or (order == "auto" and wants_runs(found, n_part)):
            kind, cv = "blocks", _run_splits(len(y), n_folds, run_length(found, n_part), rng)
        elif (labels := copies(X, y)) is not None:
            kind, groups = "copies", labels
            cv = GroupKFold(min(n_folds, int(labels.max()) + 1))
        else:
            seed = int(rng.integers(2**31))
            kind, cv = "shuffled", KFold(n_folds, shuffle=True, random_state=seed)
    parts = parts_of(as_splitter(cv), X, y, groups=groups)
    for i, (train, test) in enumerate(parts):
        if train.size == 0:
            raise ValueError(
                f"cv: expected training rows in every split, got none in split {i} of {len(parts)}."
            )
        trains = np.zeros(len(y), dtype=bool)
        trains[train] = True
        if trains[test].any():
            raise ValueError("cv: expected test rows that are no training rows, got some of both.")
    check_weighted([train for train, _ in parts], weights)
    return Folds(parts, kind, p_value, is_series)


def _run_splits(
    n: int, n_folds: int, length: int, rng: np.random.Generator
) -> list[tuple[IntArray, IntArray]]:
    """Splits whose test parts are folds of runs."""
    rows = np.arange(n)
    return [(np.setdiff1d(rows, fold), fold) for fold in folds_of_runs(n, n_folds, length, rng)]


def as_splitter(cv: Any) -> Any:
    """A splitter of what scikit-learn takes for `cv`; of a list, only pairs are taken."""
    # This import takes half the time of importing scikit-learn, and predicting does not need it.
    from sklearn.model_selection import check_cv

    if isinstance(cv, Iterable) and not isinstance(cv, str) and not hasattr(cv, "split"):
        cv = list(cv)
        for i, split in enumerate(cv):
            if not (isinstance(split, Sized) and len(split) == 2):
                raise ValueError(
                    "cv: expected pairs of training and test rows, as indices or masks; "
                    f"split {i} of {len(cv)} is {reprlib.repr(split)}."
                )
    return check_cv(cv, classifier=False)


def parts_of(
    splitter: Any, X: Any, y: Any, *, name: str = "cv", **split_params: Any
) -> list[tuple[IntArray, IntArray]]:
    """Training and test rows of every split of a splitter, masks turned into indices."""
    rows = np.arange(len(y))
    parts = [
        _part_of(rows, train, test, name) for train, test in splitter.split(X, y, **split_params)
    ]
    if not parts:
        raise ValueError(
            f"{name}: expected at least one split, got none. A generator gives its splits only "
            "once: pass a list of them, or a splitter."
        )
    return parts


def _part_of(rows: IntArray, train: Any, test: Any, name: str) -> tuple[IntArray, IntArray]:
    """Training and test rows of one split, as indices."""
    try:
        return np.atleast_1d(rows[train]), np.atleast_1d(rows[test])
    except IndexError as error:
        raise ValueError(
            f"{name}: expected splits of training and test rows, as indices or masks of "
            f"{len(rows)} rows; got others: {error}."
        ) from error


def check_weighted(trains: list[IntArray], weights: FloatArray | None) -> None:
    """Refuse weights that are zero for all training rows of a split."""
    for i, train in enumerate(trains):
        if weights is not None and not weights[train].any():
            raise ValueError(
                "sample_weight: expected weight on some training rows of every split of cv, "
                f"got none in split {i} of {len(trains)}."
            )


def order_of(tests: list[IntArray], n_rows: int, advice: str = "") -> IntArray:
    """Place of every row in the concatenated test parts, which must partition the rows.

    There may be further `advice` for those that do not.
    """
    places = np.concatenate([*tests, np.empty(0, dtype=np.intp)])
    if not np.array_equal(np.sort(places), np.arange(n_rows)):
        raise ValueError(
            f"cv: expected test parts that hold each of {n_rows} rows exactly once, got "
            f"{len(tests)} parts of {places.size} rows, {np.unique(places).size} of them distinct. "
            "KFold and GroupKFold do that; ShuffleSplit, RepeatedKFold and TimeSeriesSplit, which "
            f"never tests the first rows, do not.{advice}"
        )
    return np.argsort(places)


def take(container: Any, rows: IntArray) -> Any:
    """Rows of a DataFrame, an array or a list, or of an object with a `take` method."""
    if hasattr(container, "iloc"):
        return container.iloc[rows]
    if hasattr(container, "take") and not hasattr(container, "ndim"):
        return container.take(rows)
    if hasattr(container, "shape"):
        return container[rows]
    return [container[row] for row in rows]
