"""The one target_transform of an ensemble and its views: what it is, and who has it set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skmdn._estimators.choices import choice_of, is_auto, parameter_of
from skmdn._estimators.rows import Rows
from skmdn._estimators.target_maps import TargetMaps, target_maps
from skmdn.ensemble.mapped_targets import MappedTargets, as_attribute
from skmdn.regressor import MDNRegressor

Views: TypeAlias = "Sequence[tuple[str, Any]]"
_WORD = "target_transform"


def views_behind_maps(
    word: Any, views: Views, rows: Rows, rng: np.random.Generator
) -> tuple[Views, TargetMaps]:
    """The views with the ensemble's `target_transform` set, and the maps that it names.

    Where the ensemble has none, or "auto" has nothing to choose, the views stay as they are, and
    the maps are those that all of them name.

    Raises
    ------
    ValueError
        If a view cannot take the map, has one of its own beside it, or has atoms, or if targets
        are outside the support.
    """
    for name, view in views:
        _check_no_atoms(name, view)
    n_outputs = 1 if rows.y.ndim == 1 else rows.y.shape[1]
    maps = target_maps(chosen_word(word, views, rows, rng), n_outputs)
    if is_auto(word) and _leave_the_choice(views):
        views = [(name, _with_maps(view, maps)) for name, view in views]
    elif maps is None:
        maps = _maps_of_views(views, n_outputs)
    else:
        for name, view in views:
            _check_takes_map(name, view, word)
        views = [(name, _with_maps(view, maps)) for name, view in views]
    MappedTargets.of(rows, maps)  # for its check, before much is fitted
    return views, maps


def chosen_word(word: Any, views: Views, rows: Rows, rng: np.random.Generator) -> Any:
    """A `target_transform` in place of "auto", which the first view that can choose chooses.

    It is None where there is none, where a view takes no map, or where one has its own.
    """
    if not is_auto(word):
        return word
    if not _leave_the_choice(views):
        return None
    for view in sorted((view for _, view in views), key=_cost_of_choice):
        choice = choice_of(view, _WORD, rows, rng)
        if not is_auto(choice):
            return choice
    return None


def _cost_of_choice(view: Any) -> int:
    """Networks themselves choose first, then those at the end of a Pipeline, then others."""
    return 0 if isinstance(view, MDNRegressor) else 1 if isinstance(view, Pipeline) else 2


def _leave_the_choice(views: Views) -> bool:
    """Whether all views take a map, and none has one of its own."""
    return all(
        parameter_of(view, _WORD) is not None and (_own(view) is None or is_auto(_own(view)))
        for _, view in views
    )


def _own(view: Any) -> Any:
    """The view's own `target_transform`."""
    name = parameter_of(view, _WORD)
    return None if name is None else view.get_params()[name]


def _with_maps(view: Any, maps: TargetMaps) -> Any:
    """A copy of the view that has these maps."""
    word = list(maps) if maps is not None and len(maps) > 1 else as_attribute(maps)
    return clone(view).set_params(**{str(parameter_of(view, _WORD)): word})


def _check_takes_map(name: str, view: Any, word: Any) -> None:
    """Refuse a view that does not take the map of the ensemble, or that would apply its own."""
    if parameter_of(view, _WORD) is None:
        raise ValueError(
            f"estimators: view {name!r} ({type(view).__name__}) has no target_transform, but the "
            f"ensemble has target_transform={word!r}. Set the ensemble's to None, or leave the "
            "view out."
        )
    if _own(view) is not None:
        raise ValueError(
            f"estimators: view {name!r} has target_transform={_own(view)!r} of its own, but the "
            f"ensemble has target_transform={word!r}, which it sets in all views. Set one of the "
            "two to None."
        )


def _maps_of_views(views: Views, n_outputs: int) -> TargetMaps:
    """The maps that all views name for themselves."""
    for name, view in views:
        if is_auto(_own(view)):
            raise ValueError(
                f"estimators: view {name!r} has target_transform='auto', with which every member "
                "would choose a map of its own. Set the target_transform of the ensemble to 'auto' "
                "and that of the view to None."
            )
    named = [(name, target_maps(_own(view), n_outputs)) for name, view in views]
    (first, maps), *others = named
    for name, other in others:
        if other != maps:
            raise ValueError(
                "estimators: expected views with the same target_transform, got "
                f"{_own(dict(views)[first])!r} in view {first!r} and {_own(dict(views)[name])!r} "
                f"in view {name!r}. Set the target_transform of the ensemble instead, and None in "
                "all views."
            )
    return maps


def _check_no_atoms(name: str, view: Any) -> None:
    parameter = parameter_of(view, "target_atoms")
    atoms = None if parameter is None else view.get_params()[parameter]
    if atoms is not None:
        raise ValueError(
            f"estimators: view {name!r} has target_atoms={atoms!r}, which an ensemble cannot pool. "
            "Set target_atoms to None in all views."
        )
