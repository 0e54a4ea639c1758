"""Fitted models and the scores of their calibration rows, which conformal regions are made of.

Axes: n rows, D outputs, m calibration rows.
"""

from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skmdn._estimators.folds import take
from skmdn._estimators.inner_estimators import density_of, seeded_clone, weight_fit_params
from skmdn.conformal.calibration_rows import CalibrationSplit, calibration_splits
from skmdn.conformal.scores import hdr_masses, tail_masses

# Seed of the draws behind the scores of several outputs. New rows use other draws. Otherwise the
# score of a new row would share its noise with the score of one calibration row.
_SEED = 1


class CalibrationData(NamedTuple):
    """Rows to fit on and to calibrate on."""

    X: Any
    y: np.ndarray  # (n,) or (n, D)
    weights: np.ndarray | None  # (n,)


class Calibrated(NamedTuple):
    """A fitted model and the scores of its calibration rows."""

    model: Any
    hdr_masses: np.ndarray  # (m,)
    tail_masses: np.ndarray  # (m, D)


def is_prefit(cv: Any) -> bool:
    """Whether the model is fitted already; an array of splits cannot be compared with a string."""
    return isinstance(cv, str) and cv == "prefit"


def calibrated_models(
    estimator: Any,
    data: CalibrationData,
    *,
    cv: Any,
    groups: ArrayLike | None,
    n_jobs: int | None,
    rng: np.random.Generator,
) -> list[Calibrated]:
    """Fitted models, each with the scores of rows that it was not fitted on."""
    n_rows = len(data.y)
    if is_prefit(cv):
        check_is_fitted(estimator)
        return [_calibrate(estimator, data, np.arange(n_rows))]
    if n_rows < 2:
        raise ValueError(
            "X: expected at least 2 rows, to fit on and to calibrate on, got 1 sample."
        )
    return Parallel(n_jobs=n_jobs)(
        delayed(_fit_and_calibrate)(seeded_clone(estimator, int(rng.integers(2**31))), data, split)
        for split in calibration_splits(cv, data.X, data.y, data.weights, groups, rng)
    )


def _fit_and_calibrate(model: Any, data: CalibrationData, split: CalibrationSplit) -> Calibrated:
    X, y, weights = data
    rows = split.fitting
    fit_params = weight_fit_params(model, None if weights is None else weights[rows])
    return _calibrate(model.fit(take(X, rows), y[rows], **fit_params), data, split.calibrating)


def _calibrate(model: Any, data: CalibrationData, rows: np.ndarray) -> Calibrated:
    """Score rows in the densities that a fitted model predicts for them.

    Rows of weight zero get no score. If no row has a score, the model's regions are the whole line.
    """
    X, y, weights = data
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
