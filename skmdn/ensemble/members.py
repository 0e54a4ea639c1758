"""One member of the ensemble: a view, fitted on the rows outside one fold."""

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from skmdn._estimators.folds import take
from skmdn._estimators.inner_estimators import density_of, seeded_clone, weight_fit_params
from skmdn._thread_pools import one_thread
from skmdn.mixture import Mixture
from skmdn.preprocessing import CrossFittedPredictions
from skmdn.preprocessing.cross_fitted import (
    MemberPredictions,
    append_predictions,
    cross_fit_by_member,
    gives_arrays,
)

# Pairs of fewer folds leave too few rows, and of more folds there are too many.
_FOLDS_TO_SHARE = range(4, 7)


def unfitted_members(
    view: Any,
    X: Any,
    y: np.ndarray,
    weights: np.ndarray | None,
    parts: list[tuple[np.ndarray, np.ndarray]],
    n_jobs: int | None,
    rng: np.random.Generator,
) -> tuple[list[Any], list[MemberPredictions] | list[None]]:
    """A view's members, and what their first steps predict where all are fitted at once."""
    members = [seeded_clone(view, int(rng.integers(2**31))) for _ in parts]
    if not _is_shared(view, parts):
        return members, [None] * len(parts)
    transformers = [member.steps[0][1] for member in members]
    return members, cross_fit_by_member(transformers, X, y, parts, weights, n_jobs)


def with_estimators(member: Any, first: MemberPredictions | None) -> Any:
    """The member, whose first step gets its fitted regressors where they stayed behind."""
    if first is not None:
        member.steps[0][1].estimators_ = first.estimators
    return member


def _is_shared(view: Any, parts: list[tuple[np.ndarray, np.ndarray]]) -> bool:
    """Whether the first step is fitted for all members at once."""
    first = view.steps[0][1] if isinstance(view, Pipeline) else None
    rows = np.arange(sum(len(test) for _, test in parts))
    return (
        isinstance(first, CrossFittedPredictions)
        and first.cv is None
        and gives_arrays(first)
        and len(parts) in _FOLDS_TO_SHARE
        and all(np.array_equal(np.sort(np.concatenate(part)), rows) for part in parts)
    )


def fit_member(
    name: str,
    view: Any,
    predictions: np.ndarray | None,
    X: Any,
    y: np.ndarray,
    weights: np.ndarray | None,
    groups: np.ndarray | None,
    train: np.ndarray,
    test: np.ndarray,
) -> tuple[Any, Mixture]:
    """Fit on the training folds, validate on the test fold, and predict it.

    Where `predictions` are given, the first step is fitted already and has predicted them.
    """
    w_train, w_test = (None, None) if weights is None else (weights[train], weights[test])
    fit_params = {"sample_weight": w_train, "groups": None if groups is None else groups[train]}
    steps = view.steps if isinstance(view, Pipeline) else [(name, view)]
    transformers, X_train, X_test = _transform(
        steps[:-1], predictions, X, y, fit_params, train, test
    )
    last = steps[-1][1]
    _fit_last(last, X_train, y[train], w_train, X_test, y[test], w_test)
    with one_thread():
        density = density_of(last, X_test, f"estimators: view {name!r}")
    if isinstance(view, Pipeline):
        view.steps = [*transformers, steps[-1]]
    return view, density


def _transform(
    steps: list[tuple[str, Any]],
    predictions: np.ndarray | None,
    X: Any,
    y: np.ndarray,
    fit_params: dict[str, np.ndarray | None],
    train: np.ndarray,
    test: np.ndarray,
) -> tuple[list[tuple[str, Any]], Any, Any]:
    """Fitted transformers, and what they make of training and test rows.

    `fit_params` are what a transformer's `fit` gets where it takes them.
    """
    X_train, X_test = take(X, train), take(X, test)
    fitted: list[tuple[str, Any]] = []
    if predictions is not None:
        X_train = append_predictions(steps[0][1], X_train, predictions[train])
        X_test = append_predictions(steps[0][1], X_test, predictions[test])
        fitted.append(steps[0])
    for name, step in steps[len(fitted) :]:
        if step is not None and step != "passthrough":
            taken = {
                param: value
                for param, value in fit_params.items()
                if value is not None and has_fit_parameter(step, param)
            }
            if hasattr(step, "fit_transform"):
                X_train = step.fit_transform(X_train, y[train], **taken)
            else:
                X_train = step.fit(X_train, y[train], **taken).transform(X_train)
            X_test = step.transform(X_test)
        fitted.append((name, step))
    return fitted, X_train, X_test


def _fit_last(
    estimator: Any,
    X: Any,
    y: np.ndarray,
    weights: np.ndarray | None,
    X_val: Any,
    y_val: np.ndarray,
    weights_val: np.ndarray | None,
) -> None:
    """Fit the step that predicts, with validation data where it takes them."""
    validation = {}
    if has_fit_parameter(estimator, "X_val") and (weights_val is None or weights_val.any()):
        validation = {"X_val": X_val, "y_val": y_val}
        if weights_val is not None:
            validation["sample_weight_val"] = weights_val
    estimator.fit(X, y, **weight_fit_params(estimator, weights), **validation)
