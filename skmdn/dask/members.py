"""What runs on workers to fit: rows are taken from partitions, and a member is fitted to them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from skmdn._estimators.choices import is_auto
from skmdn._estimators.fit_warnings import FitWarning, collected_fit_warnings
from skmdn._estimators.interrupts import interrupt_ends_all
from skmdn._thread_pools import one_thread
from skmdn.dask.draw import Draw
from skmdn.dask.survey import rows_with_weight, targets_of
from skmdn.ensemble import PooledMDNRegressor
from skmdn.regressor import MDNRegressor


class Piece(NamedTuple):
    """Rows of one partition."""

    X: Any  # an array, or a DataFrame of pandas
    y: np.ndarray  # (n,) or (n, D)
    weights: np.ndarray | None  # (n,)


class FittedMember(NamedTuple):
    """A fitted network, and its warnings."""

    model: MDNRegressor
    warnings: list[FitWarning]


class TargetWords(NamedTuple):
    """The words of targets, in which nothing is left to choose."""

    target_transform: Any
    target_atoms: Any


def take_rows(X: Any, y: Any, weights: Any, rows: Draw | np.ndarray) -> Piece | None:
    """The rows of a draw, or at some places among the rows with weight; None if there are none."""
    places = rows_with_weight(weights, len(X))
    places = places[rows.places(len(places)) if isinstance(rows, Draw) else rows]
    if len(places) == 0:
        return None
    kept = None if weights is None else np.asarray(weights, dtype=np.float64)[places]
    taken = X.iloc[places] if hasattr(X, "iloc") else np.asarray(X)[places]
    return Piece(taken, targets_of(y)[places], kept)


def take_targets(X: Any, y: Any, weights: Any, places: np.ndarray) -> np.ndarray | None:
    """The targets at some places among the rows with weight."""
    piece = take_rows(X, y, weights, places)
    return None if piece is None else piece.y


def fit_member(
    model: MDNRegressor,
    pieces: list[Piece | None],
    held_out: list[Piece | None],
    words: TargetWords | None,
    in_one_pass: bool,
) -> FittedMember:
    """Fit a member to its rows, in the order of the partitions; `held_out` rows validate.

    A sample of all rows that a training visits is gone through once.

    A task has one thread of its worker, and so does the fit: the networks then do not depend on how
    many threads there are.
    """
    model = deepcopy(model)  # a task may run again, and threads share its arguments
    table, validation = joined(pieces), {}
    if any(piece is not None for piece in held_out):
        other = joined(held_out)
        validation = {"X_val": other.X, "y_val": other.y}
        if other.weights is not None:
            validation["sample_weight_val"] = other.weights
    asked = model.get_params(deep=False)
    if words is not None:
        model.set_params(**words._asdict())
    if in_one_pass:
        model.set_params(max_iter=1)
    with one_thread(), interrupt_ends_all(), collected_fit_warnings() as found:
        model.fit(table.X, table.y, table.weights, **validation)
    for name, value in asked.items():  # not set_params, which might look into objects
        setattr(model, name, value)
    return FittedMember(model, found)


def choose_words(model: MDNRegressor, pieces: list[Piece | None]) -> TargetWords:
    """What the words "auto" for targets choose by some rows, for members that are pooled."""
    model, rows = deepcopy(model), joined(pieces)
    words = TargetWords(model.target_transform, model.target_atoms)
    with one_thread(), interrupt_ends_all():
        if is_auto(words.target_atoms):
            atoms = model._chosen_target_atoms(rows.X, rows.y, rows.weights)
            words = words._replace(target_atoms=atoms)
            model.set_params(target_atoms=atoms)
        if is_auto(words.target_transform):
            maps = model._chosen_target_transform(rows.X, rows.y, rows.weights)
            words = words._replace(target_transform=maps)
    return words


def pool_members(
    members: list[FittedMember], held_out: list[Piece | None], *, calibrate: bool
) -> PooledMDNRegressor:
    """One density of all members, calibrated on rows that none of them trained on."""
    models = [member.model for member in members]
    with one_thread():
        if not calibrate or all(piece is None for piece in held_out):
            return PooledMDNRegressor.of(models)
        rows = joined(held_out)
        return PooledMDNRegressor.calibrated(models, rows.X, rows.y, rows.weights)


def joined(pieces: list[Piece | None]) -> Piece:
    """Pieces one after the other."""
    present = [piece for piece in pieces if piece is not None]
    Xs, ys, weights = zip(*present, strict=True)
    return Piece(
        _joined_tables(Xs) if hasattr(Xs[0], "iloc") else np.concatenate(Xs),
        np.concatenate(ys),
        None if weights[0] is None else np.concatenate(weights),
    )


def _joined_tables(tables: tuple[Any, ...]) -> Any:
    """Tables one after the other; columns of categories get the categories of all."""
    table = pd.concat(tables, ignore_index=True)
    with_categories = {
        name
        for one in tables
        for name, dtype in one.dtypes.items()
        if isinstance(dtype, pd.CategoricalDtype)
    }
    return table.astype(dict.fromkeys(with_categories, "category"))
