"""The target_transform of an estimator inside others, and one choice of it for all its clones.

An estimator whose `target_transform` may be "auto" has a method
``_chosen_target_transform(X, y, sample_weight, groups)``, which makes the choice and nothing else.
Folds that each chose for themselves would give densities that cannot be pooled.
"""

from copy import deepcopy
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skmdn._estimators.inner_estimators import fit_transform, seeded_clone
from skmdn._estimators.rows import Rows


def parameter_of(estimator: Any, word: str) -> str | None:
    """Name by which `set_params` sets a constructor value of the estimator that predicts.

    That is the last step of a Pipeline, or the estimator inside a search. None where there is no
    such value, or where it cannot be set, as of a frozen estimator.
    """
    name = _path_to(estimator, word)
    return name if name is not None and name in estimator.get_params() else None


def _path_to(estimator: Any, word: str) -> str | None:
    if not hasattr(estimator, "get_params"):
        return None
    if word in estimator.get_params(deep=False):
        return word
    prefix, inner = _inner(estimator)
    name = _path_to(inner, word)
    return None if name is None else f"{prefix}__{name}"


def _inner(estimator: Any) -> tuple[str, Any]:
    """The estimator inside another, and its parameter; a None that ends the search otherwise."""
    if isinstance(estimator, Pipeline):
        return estimator.steps[-1]
    return "estimator", estimator.get_params(deep=False).get("estimator")


def is_auto(word: Any) -> bool:
    """Whether a constructor value is "auto"; arrays cannot be compared with a string."""
    return isinstance(word, str) and word == "auto"


def with_one_target_transform(
    estimator: Any, rows: Rows, rng: np.random.Generator | None = None
) -> Any:
    """The estimator with a choice in place of its ``target_transform="auto"``, made on all rows.

    Where random states are None, their seeds come from a copy of `rng`, so that what is drawn next
    does not depend on whether there was a choice. Other estimators stay as they are.
    """
    name = parameter_of(estimator, "target_transform")
    if name is None or not is_auto(estimator.get_params()[name]):
        return estimator
    return clone(estimator).set_params(**{name: chosen_target_transform(estimator, rows, rng)})


def chosen_target_transform(
    estimator: Any, rows: Rows, rng: np.random.Generator | None = None
) -> Any:
    """What an estimator, or the one inside it, chooses for some rows.

    Earlier steps of a Pipeline are fitted on these rows, in a copy. The answer is "auto" again
    where the estimator offers no choice.
    """
    if rng is None:
        return _choice(clone(estimator), rows)
    return _choice(seeded_clone(estimator, int(deepcopy(rng).integers(2**31))), rows)


def _choice(model: Any, rows: Rows) -> Any:
    if hasattr(model, "_chosen_target_transform"):
        return model._chosen_target_transform(*rows)
    if isinstance(model, Pipeline):
        for _, step in model.steps[:-1]:
            if step is not None and step != "passthrough":
                rows = rows._replace(X=fit_transform(step, rows))
    _, inner = _inner(model)
    return "auto" if inner is None else _choice(inner, rows)
