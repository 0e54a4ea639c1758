"""Estimators inside other estimators: their seeds, their sample weights, their densities."""

import inspect
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.validation import has_fit_parameter

from skmdn._arrays import AnyArray, FloatArray
from skmdn._estimators.rows import Rows
from skmdn.mixture.joining import DENSITIES, Density


def seeded_clone(estimator: Any, seed: int) -> Any:
    """Clone in which every random_state that is None, nested ones too, is replaced by a seed."""
    copy = clone(estimator)
    rng = np.random.default_rng(seed)
    parameters = copy.get_params(deep=True)
    names = sorted(n for n in parameters if n.split("__")[-1] == "random_state")
    seeds = {name: int(rng.integers(2**31)) for name in names}
    copy.set_params(**{name: s for name, s in seeds.items() if parameters[name] is None})
    return copy


def takes_gaps(estimator: Any) -> bool:
    """Whether an estimator says by its tags that it takes gaps (NaN) in X."""
    return hasattr(estimator, "__sklearn_tags__") and bool(get_tags(estimator).input_tags.allow_nan)


def weight_fit_params(estimator: Any, weights: FloatArray | None) -> dict[str, FloatArray]:
    """Keyword arguments that pass sample weights to `fit`; ValueError if it takes none.

    With metadata routing an estimator may have said that it wants none.
    """
    if weights is None or _declines(estimator, "sample_weight"):
        return {}
    return {_weight_name(estimator): weights}


def group_fit_params(estimator: Any, groups: AnyArray | None) -> dict[str, AnyArray]:
    """Keyword arguments that pass groups to `fit`, where it or its last step takes them.

    A search hands them to its splitter. With metadata routing they go to what asks for them. A
    single group, as a fold may leave, cannot be divided. So only the splitter of a search gets it.
    """
    if groups is None or _declines(estimator, "groups"):
        return {}
    divisible = {"groups": groups} if len(np.unique(groups)) > 1 else {}
    if has_fit_parameter(estimator, "groups"):
        return divisible
    if get_config()["enable_metadata_routing"] and hasattr(estimator, "get_metadata_routing"):
        wants = get_routing_for_object(estimator).consumes("fit", ["groups"])
        return divisible if wants else {}
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        return {f"{name}__{key}": labels for key, labels in group_fit_params(last, groups).items()}
    is_search = hasattr(estimator, "cv") and _passes_fit_params_on(estimator)
    return {"groups": groups} if is_search else {}


def _declines(estimator: Any, name: str) -> bool:
    """Whether ``set_fit_request`` has said that `fit` should not get this, with routing on."""
    if not get_config()["enable_metadata_routing"] or not hasattr(
        estimator, "get_metadata_routing"
    ):
        return False
    of_fit = getattr(get_routing_for_object(estimator), "fit", None)  # a router has none
    return of_fit is not None and of_fit.requests.get(name) is False


def _weight_name(estimator: Any) -> str:
    """Name of the parameter of `fit` for sample weights.

    A Pipeline expects the name of its last step in front. A search passes keywords on unchanged to
    its estimator. With metadata routing, both take `sample_weight` itself.
    """
    by_name = not get_config()["enable_metadata_routing"]
    if isinstance(estimator, Pipeline) and by_name:
        name, last = estimator.steps[-1]
        return f"{name}__{_weight_name(last)}"
    if has_fit_parameter(estimator, "sample_weight"):
        return "sample_weight"
    if not _passes_fit_params_on(estimator):
        raise ValueError(
            f"sample_weight: expected estimators that take it, got {type(estimator).__name__}."
        )
    searched = getattr(estimator, "estimator", None) if by_name else None
    return "sample_weight" if searched is None else _weight_name(searched)


def _passes_fit_params_on(estimator: Any) -> bool:
    """Whether `fit` takes any keyword, as the `fit` of a search does."""
    parameters = inspect.signature(estimator.fit).parameters.values()
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)


def check_predicts_density(estimator: Any, origin: str = "estimator") -> None:
    """Refuse an estimator that predicts no density; `origin` names it in the message."""
    if isinstance(estimator, type):
        name = estimator.__name__
        raise TypeError(f"{origin}: expected an estimator, got the class {name}; pass {name}().")
    if not hasattr(estimator, "predict_proba"):
        raise TypeError(
            f"{origin}: expected one whose predict_proba gives a Mixture, "
            f"got {type(estimator).__name__} without predict_proba."
        )


def density_of(estimator: Any, X: Any, origin: str = "estimator") -> Density:
    """The densities that an estimator predicts, checked; `origin` names it in the message."""
    density = estimator.predict_proba(X)
    if not isinstance(density, DENSITIES):
        raise TypeError(
            f"{origin}: expected one whose predict_proba gives a Mixture, "
            f"got {type(estimator).__name__} giving {type(density).__name__}."
        )
    return density


def fit_transform(step: Any, rows: Rows) -> Any:
    """Fit a transformer, with weights and groups where it takes them, and transform the rows.

    A single group, which is left outside a fold of few groups, cannot be kept together in folds.
    """
    groups = None if rows.groups is None else np.asarray(rows.groups)
    if groups is not None and np.all(groups == groups[0]):
        groups = None
    offered = {"sample_weight": rows.weights, "groups": groups}
    taken = {
        name: values
        for name, values in offered.items()
        if values is not None and has_fit_parameter(step, name)
    }
    if hasattr(step, "fit_transform"):
        return step.fit_transform(rows.X, rows.y, **taken)
    return step.fit(rows.X, rows.y, **taken).transform(rows.X)
