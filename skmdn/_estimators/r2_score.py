"""R², the score of every regressor, of checked targets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin

from skmdn._arrays import FloatArray
from skmdn._estimators.documentation import DocumentedEstimator
from skmdn._estimators.inputs import check_scored

_MOST_POWER = 300  # of two: fourth powers are within float64


class ScoredRegressor(DocumentedEstimator, RegressorMixin):
    """Regressor whose `score` refuses dates, text and masks, as its `fit` does."""

    def score(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """R² of `predict`, the same as of any other regressor; it does not judge the density.

        Parameters
        ----------
        X : array-like or DataFrame of n rows
            What `predict` accepts.
        y : array-like of shape (n,) or (n, D)
            Targets.
        sample_weight : array-like of shape (n,), default=None
            Non-negative weights.

        Returns
        -------
        float
            At most 1; minus infinity if an answer is not finite, which y far outside training can
            cause behind a map such as the logarithm.

        Raises
        ------
        ValueError
            If y or sample_weight are not numbers, one per row.
        """
        from sklearn.metrics import r2_score

        targets = check_scored(y, sample_weight)
        answers = np.asarray(self.predict(X))
        if not np.isfinite(answers).all():
            return -np.inf
        return float(r2_score(*_in_one_unit(targets, answers), sample_weight=sample_weight))


def _in_one_unit(y: FloatArray, answers: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Both in a power of two that keeps their squares from overflow, or as they are."""
    largest = max(np.abs(y).max(initial=0.0), np.abs(answers).max(initial=0.0))
    power = int(np.frexp(largest)[1])
    if abs(power) < _MOST_POWER:
        return y, answers
    return np.ldexp(y, -power), np.ldexp(answers, -power)
