"""R², the score of every regressor, of checked targets."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin

from skmdn._estimators.documentation import DocumentedEstimator
from skmdn._estimators.inputs import check_scored


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

        Raises
        ------
        ValueError
            If y or sample_weight are not numbers, one per row.
        """
        check_scored(y, sample_weight)
        return float(super().score(X, y, sample_weight))
