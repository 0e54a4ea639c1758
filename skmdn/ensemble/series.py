"""Views of rows in time order: what a single network finds out by itself, all members are told."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone

from skmdn._estimators.choices import is_auto, parameter_of
from skmdn.ensemble.target_transform import Views

_WORD = "extrapolation"


def views_of_series(views: Views) -> Views:
    """The views, whose means follow the whole line outside the range unless they say otherwise.

    Members validate on a fold that they are given, and so cannot know that it is of runs of rows.
    """
    return [(name, _along_line(view)) for name, view in views]


def _along_line(view: Any) -> Any:
    name = parameter_of(view, _WORD)
    if name is None or not is_auto(view.get_params()[name]):
        return view
    return clone(view).set_params(**{name: "linear"})
