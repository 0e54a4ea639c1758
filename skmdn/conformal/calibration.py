"""Models beside the scores of rows that they were not fitted on: what conformal sets are made of.

Axes: n rows, D outputs, m calibration rows.
"""

from typing import Any, NamedTuple

import numpy as np

from skmdn._estimators.folds import take
from skmdn._estimators.inner_estimators import density_of, weight_fit_params
from skmdn.conformal.scores import hdr_masses, tail_masses

# Seed of the draws behind the scores of several outputs. New rows get other draws, or a new row's
# score would share its noise with one calibration row's.
_SEED = 1


class Calibrated(NamedTuple):
    """A fitted model and the scores of its calibration rows."""

    model: Any
    hdr_masses: np.ndarray  # (m,)
    tail_masses: np.ndarray  # (m, D)


def fit_and_calibrate(
    model: Any,
    X: Any,
    y: np.ndarray,
    weights: np.ndarray | None,
    train: np.ndarray,
    test: np.ndarray,
) -> Calibrated:
    """Fit on the training rows and score the others."""
    fit_params = weight_fit_params(model, None if weights is None else weights[train])
    return calibrate(model.fit(take(X, train), y[train], **fit_params), X, y, weights, test)


def calibrate(
    model: Any, X: Any, y: np.ndarray, weights: np.ndarray | None, rows: np.ndarray
) -> Calibrated:
    """Score rows in the densities that a fitted model predicts for them; those without weight not.

    With no row left there is no score, and the model's regions are the whole space.
    """
    present = rows if weights is None else rows[weights[rows] > 0]
    if len(present) == 0:
        return Calibrated(model, np.empty(0), np.empty((0, np.size(y[:1]))))
    density = density_of(model, take(X, present))
    outputs = () if density.univariate else (density.n_outputs,)
    if y.shape[1:] != outputs:
        raise ValueError(
            f"y: expected shape {(len(y), *outputs)}, as estimator predicts densities of such "
            f"targets, got shape {y.shape}."
        )
    return Calibrated(
        model,
        hdr_masses(density, y[present], _SEED),
        tail_masses(density, y[present]),
    )
