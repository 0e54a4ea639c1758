"""First steps of a view that are cross-fitted for all its members at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.pipeline import Pipeline

from skmdn._estimators.folds import check_weighted, take
from skmdn._estimators.random_state import new_generator
from skmdn._estimators.rows import Rows
from skmdn.preprocessing import CrossFittedPredictions
from skmdn.preprocessing.cross_fitted import (
    begin_fit,
    has_repeated_values,
    named_regressors,
    prediction_names,
)
from skmdn.preprocessing.cross_fitting import CrossFit, cross_fit, with_predictions

# With fewer folds, those outside a pair leave too few rows; with more, there are too many pairs.
_FOLDS_TO_SHARE = range(4, 7)


@dataclass(frozen=True, eq=False)
class SharedPredictions:
    """Output of the first step of one member for every row: the X of its second step."""

    features: Any  # n rows, or None where the step does not pass them on
    predictions: np.ndarray  # (n, E D)
    names: list[str]  # of the predictions

    def take(self, rows: np.ndarray) -> Any:
        """Some of the rows, as one array or frame."""
        predictions = self.predictions[rows]
        if self.features is None:
            return predictions
        return with_predictions(take(self.features, rows), predictions, self.names)


def can_share(view: Any, parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> bool:
    """Whether the members' first steps can be cross-fitted at once."""
    first = view.steps[0][1] if isinstance(view, Pipeline) else None
    rows = np.arange(sum(len(test) for _, test in parts))
    return (
        len(parts) in _FOLDS_TO_SHARE
        and all(np.array_equal(np.sort(np.concatenate(part)), rows) for part in parts)
        and isinstance(first, CrossFittedPredictions)
        and first.cv is None
        and _gives_arrays(first)
    )


def cross_fit_together(
    transformers: Sequence[CrossFittedPredictions],
    rows: Rows,
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    n_jobs: int | None,
) -> list[SharedPredictions]:
    """Fit the members' equal transformers, and predict every row for every member.

    `parts` are the members' training rows and folds, which partition the rows. One regressor is
    fitted for every pair of folds, on the rows outside both, and serves the members of both. Each
    of the two trains on the other's fold, and gets this regressor's predictions there. On its own
    fold a member gets the mean of all the regressors that serve it. So nothing of its own fold
    reaches a member.
    """
    checked, *_ = [begin_fit(each, rows.X, rows.y, rows.weights) for each in transformers]
    has_repeats = has_repeated_values(transformers[0], checked)
    for each in transformers:
        each.has_repeated_values_ = has_repeats
    pairs = list(combinations(range(len(parts)), 2))
    fitted = _fit_pairs(transformers[0], checked, parts, pairs, n_jobs)
    for member, transformer in enumerate(transformers):
        transformer.folds_, transformer.dependence_p_value_ = "splitter", None
        transformer.estimators_ = [
            fit.regressors for pair, fit in zip(pairs, fitted, strict=True) if member in pair
        ]
    features = checked.X if transformers[0].passthrough else None
    predictions = _by_member([fit.predictions for fit in fitted], parts, pairs)
    names = prediction_names(transformers[0])
    return [SharedPredictions(features, of_member, names) for of_member in predictions]


def _fit_pairs(
    transformer: CrossFittedPredictions,
    rows: Rows,
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    pairs: list[tuple[int, int]],
    n_jobs: int | None,
) -> list[CrossFit]:
    """Regressors fitted on the rows outside both folds of every pair, which predict those inside.

    The predicted rows are the first fold's, then the second one's.
    """
    trains = [np.intersect1d(parts[i][0], parts[j][0]) for i, j in pairs]
    tests = [np.concatenate([parts[i][1], parts[j][1]]) for i, j in pairs]
    check_weighted(trains, rows.weights)
    return cross_fit(
        [regressor for _, regressor in named_regressors(transformer)],
        rows,
        list(zip(trains, tests, strict=True)),
        n_averaged=len(parts) - 1,
        rng=new_generator(transformer.random_state),
        n_jobs=n_jobs if transformer.n_jobs is None else transformer.n_jobs,
    )


def _by_member(
    of_pairs: list[np.ndarray],
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    pairs: list[tuple[int, int]],
) -> np.ndarray:
    """Predictions by member and row ``(F, n, E D)`` from those of every pair's two folds."""
    F, n = len(parts), sum(len(test) for _, test in parts)
    predictions = np.zeros((F, n, of_pairs[0].shape[1]))
    for (i, j), predicted in zip(pairs, of_pairs, strict=True):
        of_i, of_j = np.split(predicted, [len(parts[i][1])])
        for own, other, values in ((i, j, of_i), (j, i, of_j)):
            test = parts[own][1]
            predictions[other, test] = values
            predictions[own, test] += values / (F - 1)
    return predictions


def _gives_arrays(transformer: CrossFittedPredictions) -> bool:
    """Whether `transform` gives arrays, not the frames of `set_output` or of a configuration.

    scikit-learn has no public way to ask, so a copy is tried on two rows.
    """
    copy = clone(transformer).set_params(estimators=[("mean", DummyRegressor())], cv=2)
    return isinstance(copy.fit_transform([[0.0], [1.0]], [0.0, 1.0]), np.ndarray)
