"""Out-of-fold predictive distributions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import get_config
from sklearn.base import clone
from sklearn.utils import indexable
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.parallel import Parallel, delayed

from skmdn._estimators.choices import with_choices_made
from skmdn._estimators.folds import as_splitter, order_of, parts_of, take
from skmdn._estimators.inner_estimators import check_predicts_density, density_of
from skmdn._estimators.inputs import check_in_memory, check_scored, check_table, check_weights
from skmdn._estimators.interrupts import interrupt_ends_all
from skmdn._estimators.rows import Rows
from skmdn.mixture.joining import Density, concatenate

__all__ = ["cross_val_predict_proba"]


def cross_val_predict_proba(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    cv: Any = None,
    groups: npt.ArrayLike | None = None,
    n_jobs: int | None = None,
    params: Mapping[str, Any] | None = None,
) -> Density:
    """Predict for every row the distribution that a model not fitted on that row gives.

    A clone of the estimator is fitted once per fold and predicts the rows left out. What comes back
    is one :class:`skmdn.Mixture` in the order of the rows, ready for every metric and plot; it is a
    :class:`skmdn.TargetMixture` where a fold predicts one. Use it instead of
    ``sklearn.model_selection.cross_val_predict(..., method="predict_proba")``, which treats every
    estimator with that method as a classifier: it replaces y by class labels 0, 1, 2, ... and then
    fails on the labels or on the result.

    Parameters
    ----------
    estimator : estimator object
        A regressor, Pipeline or search whose ``predict_proba`` gives a :class:`skmdn.Mixture` or a
        :class:`skmdn.TargetMixture`. It is cloned, not changed. In place of "auto",
        the `target_transform` and `target_atoms` that are chosen on all rows hold for all folds.
    X : array-like, sparse matrix or DataFrame of n rows
        The features.
    y : array-like of shape (n,) or (n, D)
        The outcomes.
    cv : int, cross-validation generator or iterable of (train, test), default=None
        How to split, as everywhere in scikit-learn; None is 5 folds. Every row must be in exactly
        one test part.
    groups : array-like of shape (n,), default=None
        Group labels for the splitter. With metadata routing enabled pass them in `params`.
    n_jobs : int, default=None
        Folds fitted at the same time, as in joblib.
    params : dict, default=None
        Metadata for the estimator's ``fit``, such as ``{"sample_weight": w}``; what has one entry
        per row is cut to the rows of the fold. With metadata routing enabled each is passed to
        those, estimator or splitter, that requested it.

    Returns
    -------
    Mixture or TargetMixture
        n rows, in the order of X. Each row keeps the map and the atoms of its fold's model.

    Raises
    ------
    TypeError
        If ``predict_proba`` gives neither a Mixture nor a TargetMixture.
    ValueError
        If `cv` does not put every row into exactly one test part, lengths disagree, or `groups` is
        given while metadata routing is enabled.

    Notes
    -----
    Each fold's model differs, so a metric of the result is close to, but not the same as, the mean
    of the folds' metrics; it describes the procedure, not the one model fitted on all rows.

    With ``target_transform="auto"`` the targets of a row take part in the choice among a few maps,
    but in nothing else that predicts the row. So do weights in `params`, and groups. The same holds
    for ``target_atoms="auto"``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.base import BaseEstimator, RegressorMixin
    >>> from skmdn import Mixture
    >>> from skmdn.metrics import log_likelihood_score
    >>> from skmdn.model_selection import cross_val_predict_proba
    >>> class Climatology(RegressorMixin, BaseEstimator):
    ...     def fit(self, X, y):
    ...         self.mean_, self.std_ = np.mean(y), np.std(y)
    ...         return self
    ...     def predict_proba(self, X):
    ...         ones = np.ones((len(X), 1))
    ...         return Mixture(ones, self.mean_ * ones, self.std_ * ones)
    >>> y = np.arange(10.0)
    >>> mixture = cross_val_predict_proba(Climatology(), y[:, None], y, cv=5)
    >>> print(f"{log_likelihood_score(y, mixture):.2f}")
    -3.03
    """
    check_predicts_density(estimator)
    if y is None:
        raise ValueError("y: expected targets, got None.")
    check_in_memory(y, "y")
    check_in_memory(groups, "groups")
    X, y, groups = indexable(check_table(X), y, groups)
    check_scored(y, None)  # before any split renumbers its rows
    cv = as_splitter(cv)
    for name, values in (params or {}).items():
        if name.endswith("sample_weight"):
            check_weights(values, len(y), name)
    split_params, fit_params = _route(estimator, cv, groups, dict(params or {}))
    parts = parts_of(cv, X, y, **split_params)
    order = order_of([test for _, test in parts], len(y))
    with interrupt_ends_all():
        estimator = _with_choices_made(estimator, X, y, split_params, fit_params)
        mixtures = Parallel(n_jobs=n_jobs)(
            delayed(_fit_and_predict)(clone(estimator), X, y, train, test, fit_params)
            for train, test in parts
        )
    return concatenate(mixtures)[order]


def _route(
    estimator: Any, cv: Any, groups: Any, params: dict[str, Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the metadata of the splitter and of the estimator's fit."""
    if not get_config()["enable_metadata_routing"]:
        return {"groups": groups}, params
    if groups is not None:
        raise ValueError(
            "groups: expected inside `params` while metadata routing is enabled, got an argument."
        )
    router = (
        MetadataRouter(owner="cross_val_predict_proba")
        .add(splitter=cv, method_mapping=MethodMapping().add(caller="fit", callee="split"))
        .add(estimator=estimator, method_mapping=MethodMapping().add(caller="fit", callee="fit"))
    )
    routed = process_routing(router, "fit", **params)
    return routed.splitter.split, routed.estimator.fit


def _with_choices_made(
    estimator: Any, X: Any, y: Any, split_params: Mapping[str, Any], fit_params: Mapping[str, Any]
) -> Any:
    """The estimator with one choice for all folds in place of "auto".

    Weights count, under whatever name they go to `fit`, and so do the splitter's groups.
    """
    weights = [values for name, values in fit_params.items() if name.endswith("sample_weight")]
    groups = split_params.get("groups")
    rows = Rows(X, np.asarray(y), weights[-1] if weights else None, groups)
    return with_choices_made(estimator, rows)


def _fit_and_predict(
    estimator: Any,
    X: Any,
    y: Any,
    train: np.ndarray,
    test: np.ndarray,
    fit_params: Mapping[str, Any],
) -> Density:
    """Fit on the training part and predict the test part."""
    rows = {
        name: take(value, train) if _is_per_row(value, len(y)) else value
        for name, value in fit_params.items()
    }
    estimator.fit(take(X, train), take(y, train), **rows)
    return density_of(estimator, take(X, test))


def _is_per_row(value: Any, n_rows: int) -> bool:
    """Tell whether metadata has one entry per row."""
    return hasattr(value, "__len__") and not isinstance(value, str | dict) and len(value) == n_rows
