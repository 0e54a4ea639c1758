"""Predictions of an estimator, and the outcomes that are drawn with them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skmdn.metrics.arguments import check_mixture
from skmdn.metrics.real_numbers import as_numbers
from skmdn.mixture.joining import Density


def predict(estimator: Any, X: Any) -> Any:
    """What the estimator's `predict_proba` returns."""
    if not hasattr(estimator, "predict_proba"):
        raise TypeError(
            "estimator: expected one that predicts distributions by predict_proba, "
            f"got {type(estimator).__name__}."
        )
    return estimator.predict_proba(X)


def predict_mixture(estimator: Any, X: Any) -> Density:
    """The same, where the picture needs a Mixture."""
    return check_mixture(predict(estimator, X), f"{type(estimator).__name__}.predict_proba")


def check_outcomes(y: ArrayLike, n_rows: int, n_outputs: int) -> np.ndarray:
    """Outcomes of all rows, ``(n, D)``."""
    outcomes = as_numbers(y, "y")
    if outcomes.shape != (n_rows, n_outputs) and (outcomes.shape, n_outputs) != ((n_rows,), 1):
        expected = f"({n_rows},)" if n_outputs == 1 else f"({n_rows}, {n_outputs})"
        raise ValueError(
            f"y: expected outcomes of shape {expected}, as the predictions, got {outcomes.shape}."
        )
    return outcomes.reshape(n_rows, n_outputs)
