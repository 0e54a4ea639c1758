"""Cross-fitting: regressors are fitted on some rows and predict others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import has_fit_parameter

from skmdn._estimators.folds import take
from skmdn._estimators.inner_estimators import seeded_clone
from skmdn._estimators.rows import Rows
from skmdn._estimators.tables import with_columns
from skmdn.preprocessing.tree_regressors import StandardizedForest


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
    return np.hstack([np.reshape(r.predict(X), (len(X), -1)) for r in regressors])


def with_predictions(X: Any, predictions: np.ndarray, names: Sequence[str]) -> Any:
    """An array or a frame X with predictions ``(n, E D)`` as further columns."""
    if isinstance(X, np.ndarray):
        return np.hstack([X, predictions])
    return with_columns(X, names, predictions)


def _of_one_part(fitted: Sequence[tuple[Any, np.ndarray]]) -> CrossFit:
    return CrossFit([r for r, _ in fitted], np.hstack([predicted for _, predicted in fitted]))


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
    if isinstance(regressor, StandardizedForest):
        regressor.thin(n_averaged)  # here, before it travels from a worker
    return regressor, predictions
