"""Targets behind monotone maps: what a `target_transform` says, and the targets it gives."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from skmdn._arrays import FloatArray, IntArray
from skmdn._estimators.observations import Observations
from skmdn._estimators.stand_ins import with_stand_ins
from skmdn.mixture.target.law import as_transforms

# One map per output, or None where the targets stay as they are.
TargetMaps: TypeAlias = "tuple[Any, ...] | None"

(IDENTITY,) = as_transforms(None, 1)
# Maps that "auto" tries. Bounds are never estimated from data.
_CANDIDATES = as_transforms("log", 1) + as_transforms("logit", 1)


def possible_maps(data: Observations, validation: Observations | None) -> list[tuple[Any, ...]]:
    """Maps that "auto" may choose; outputs of which one does not allow a target stay as they are.

    Only rows with weight count, and the validation rows as well.
    """
    y = data.y[data.rows]
    if validation is not None:
        y = np.vstack([y, validation.y[validation.rows]])
    if len(y) == 0:
        return []
    varies, found = np.ptp(y, axis=0) > 0, []
    for one in _CANDIDATES:
        inside = one.contains(y).all(axis=0) & varies
        if inside.any():
            found.append(tuple(one if ok else IDENTITY for ok in inside))
    return found


def target_maps(word: Any, n_outputs: int) -> TargetMaps:
    """The maps that a `target_transform` names.

    Raises
    ------
    ValueError
        If it is no name or object of `skmdn.transforms`, nor one of them for every output.
    """
    if word is None:
        return None
    if isinstance(word, Sequence) and not isinstance(word, str):
        word = list(word)
    try:
        return as_transforms(word, n_outputs)
    except ValueError as error:
        raise ValueError(
            "The 'target_transform' parameter must be None, 'auto', 'log', 'logit', 'asinh', an "
            f"object of skmdn.transforms, or a list of one for each of the {n_outputs} outputs. "
            f"Got {word!r} instead."
        ) from error


def behind_maps(data: Observations, maps: TargetMaps, name: str = "y") -> Observations:
    """The data with mapped targets, and stand-ins at atoms.

    Raises
    ------
    ValueError
        If a target of a row with weight is outside the support of its map and at no atom. Targets
        of rows without weight become 0.
    """
    if maps is None:
        return with_stand_ins(data, maps)
    rows = data.off_atoms().rows
    y, log_jacobian = np.zeros(data.y.shape), np.zeros(len(data.y))
    for d, one in enumerate(maps):
        targets = data.y[rows, d]
        _check_inside(targets, one, rows, name, len(maps))
        y[rows, d] = one.forward(targets)
        log_jacobian[rows] += one.log_jacobian(targets)
    return with_stand_ins(replace(data, y=y, log_jacobian=log_jacobian), maps)


def _check_inside(targets: FloatArray, one: Any, rows: IntArray, name: str, n_outputs: int) -> None:
    inside = one.contains(targets)
    if not inside.all():
        place = int(np.argmin(inside))
        low, high = one.support
        outside = targets[~inside]
        at_bound = np.unique(outside[(outside == low) | (outside == high)]).tolist()
        others = ""
        if np.any((outside < low) | (outside > high)):
            others = f", or skmdn.transforms.{type(one).__name__} with bounds that hold all targets"
        elif n_outputs == 1:
            others = f", or MDNRegressor(target_atoms={at_bound})"
        raise ValueError(
            f"{name}: target_transform={one!r} expects targets between {low:g} and {high:g}, "
            f"bounds excluded; got {targets[place]:g} at row {rows[place]}. Use another transform, "
            f"such as 'asinh', which takes all numbers{others}."
        )


def target_range(
    data: Observations, maps: TargetMaps, before: FloatArray | None
) -> FloatArray | None:
    """The least and the greatest target ``(D, 2)`` of all rows so far, behind their maps.

    It has no ends for an output that stays as it is; None where all do.
    """
    if maps is None:
        return None
    y = data.y[(data.of_density() if before is None else data.off_atoms()).rows]
    if before is not None:
        y = np.vstack([y, before.T])
    stays = np.array([one == IDENTITY for one in maps])
    return np.where(
        stays[:, np.newaxis], [-np.inf, np.inf], np.column_stack([y.min(axis=0), y.max(axis=0)])
    )
