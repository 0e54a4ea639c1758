"""What "auto" chooses for an estimator inside others: one choice for all its clones.

Folds that each chose for themselves would give densities that cannot be pooled, and log-likelihoods
that cannot be compared. An estimator that takes "auto" has a method of `_METHODS`, which makes the
choice and nothing else: ``method(X, y, sample_weight, groups)``.
"""

from copy import deepcopy
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skmdn._estimators.inner_estimators import fit_transform, seeded_clone
from skmdn._estimators.rows import Rows

# Constructor values that may be "auto". Atoms come first: a map is chosen for the other targets.
_METHODS = {
    "target_atoms": "_chosen_target_atoms",
    "target_transform": "_chosen_target_transform",
}


def is_auto(word: Any) -> bool:
    """Whether a constructor value is "auto"; arrays cannot be compared with a string."""
    return isinstance(word, str) and word == "auto"


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
    """The estimator inside another, and its parameter; None where there is none."""
    if isinstance(estimator, Pipeline):
        return estimator.steps[-1]
    return "estimator", estimator.get_params(deep=False).get("estimator")


def with_choices_made(estimator: Any, rows: Rows, rng: np.random.Generator | None = None) -> Any:
    """The estimator with what is chosen for some rows in place of every "auto".

    Estimators without "auto" stay as they are.
    """
    for word in _METHODS:
        name = parameter_of(estimator, word)
        if name is not None and is_auto(estimator.get_params()[name]):
            choice = choice_of(estimator, word, rows, rng)
            estimator = clone(estimator).set_params(**{name: choice})
    return estimator


def choice_of(estimator: Any, word: str, rows: Rows, rng: np.random.Generator | None = None) -> Any:
    """What an estimator, or the one inside it, chooses for some rows.

    Earlier steps of a Pipeline are fitted on these rows, in a copy. Where random states are None,
    their seeds come from a copy of `rng`, so that what is drawn next does not depend on whether
    there was a choice. The answer is "auto" again where the estimator offers no choice.
    """
    if rng is None:
        return _choice(clone(estimator), _METHODS[word], rows)
    seed = int(deepcopy(rng).integers(2**31))
    return _choice(seeded_clone(estimator, seed), _METHODS[word], rows)


def _choice(model: Any, method: str, rows: Rows) -> Any:
    if hasattr(model, method):
        return getattr(model, method)(*rows)
    if isinstance(model, Pipeline):
        for _, step in model.steps[:-1]:
            if step is not None and step != "passthrough":
                rows = rows._replace(X=fit_transform(step, rows))
    _, inner = _inner(model)
    return "auto" if inner is None else _choice(inner, method, rows)
