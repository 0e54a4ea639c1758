"""Cross-fitting: regressors are fitted on some rows and predict others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import has_fit_parameter

from skmdn._estimators.folds import take
from skmdn._estimators.inner_estimators import seeded_clone
from skmdn._estimators.rows import Rows
from skmdn._estimators.tables import with_columns
from skmdn.preprocessing.tree_regressors import StandardizedForest, StandardizedRegressor


class CrossFit(NamedTuple):
    """Regressors fitted on the training rows of one part, and predictions of its test rows."""

    regressors: list[Any]
    predictions: np.ndarray  # (m, E D)


def cross_fit(
    regressors: Sequence[Any],
    rows: Rows,
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    *,
    n_averaged: int,
    rng: np.random.Generator,
    n_jobs: int | None,
) -> list[CrossFit]:
    """Fit clones of the regressors to every part's training rows, and predict its test rows.

    Later predictions will be averaged over `n_averaged` parts; forests keep only the trees that
    such an average needs.
    """
    seeds = rng.integers(2**31, size=len(parts))
    fitted = Parallel(n_jobs=n_jobs)(
        delayed(_fit_and_predict)(seeded_clone(regressor, seed), rows, *part, n_averaged)
        for part, seed in zip(parts, seeds, strict=True)
        for regressor in regressors
    )
    E = len(regressors)
    return [_of_one_part(fitted[i : i + E]) for i in range(0, len(fitted), E)]


def side_by_side(regressors: Sequence[Any], X: Any) -> np.ndarray:
    """Predictions of fitted regressors, ``(n, E D)``."""
    return np.hstack([np.reshape(_predicted(r, X), (len(X), -1)) for r in regressors])


def mean_predictions(parts_of_each: Sequence[Sequence[Sequence[Any]]], X: Any) -> list[np.ndarray]:
    """Mean predictions ``(n, E D)`` over the parts of several transformers, for checked rows.

    A part is a list of regressors. One that several transformers share is asked once.
    """
    asked: dict[int, np.ndarray] = {}
    for part in chain(*parts_of_each):
        if id(part) not in asked:
            asked[id(part)] = side_by_side(part, X)
    # Added one by one, so that a row's mean does not depend on other rows.
    return [_mean([asked[id(part)] for part in parts]) for parts in parts_of_each]


def _mean(predictions: Sequence[np.ndarray]) -> np.ndarray:
    """The mean, added one by one; the sum of the largest numbers would overflow."""
    n = len(predictions)
    with np.errstate(over="ignore"):
        mean = np.asarray(sum(predictions) / n)
    return mean if np.isfinite(mean).all() else np.asarray(sum(each / n for each in predictions))


def with_predictions(X: Any, predictions: np.ndarray, names: Sequence[str]) -> Any:
    """An array or a frame X with predictions ``(n, E D)`` as further columns."""
    if isinstance(X, np.ndarray):
        return np.hstack([X, predictions])
    return with_columns(X, names, predictions)


def _of_one_part(fitted: Sequence[tuple[Any, np.ndarray]]) -> CrossFit:
    return CrossFit([r for r, _ in fitted], np.hstack([predicted for _, predicted in fitted]))


def _predicted(regressor: Any, X: Any) -> np.ndarray:
    """Predictions for rows that the transformer has checked; numbers need no second check."""
    is_checked = isinstance(X, np.ndarray) and isinstance(regressor, StandardizedRegressor)
    if is_checked and regressor.categories_ is None:
        return np.asarray(regressor._predict_checked(X))
    return np.asarray(regressor.predict(X))


def _fit_and_predict(
    regressor: Any, rows: Rows, train: np.ndarray, test: np.ndarray, n_averaged: int
) -> tuple[Any, np.ndarray]:
    """Fit, with weights where the regressor takes them, and predict the test rows."""
    part = rows.take(train)
    if part.weights is None or not has_fit_parameter(regressor, "sample_weight"):
        regressor.fit(part.X, part.y)
    else:
        regressor.fit(part.X, part.y, sample_weight=part.weights)
    predictions = side_by_side([regressor], take(rows.X, test))
    # Trees become smaller here, before they travel from a worker.
    if isinstance(regressor, StandardizedForest):
        regressor.thin(n_averaged)
    if isinstance(regressor, StandardizedRegressor):
        regressor.flatten()
    return regressor, predictions
