"""Fitted models and the scores of their calibration rows, which conformal regions are made of.

Axes: n rows, D outputs, m calibration rows.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from skmdn._estimators.choices import with_choices_made
from skmdn._estimators.fit_warnings import FitWarning, collected_fit_warnings, warn_of_fit
from skmdn._estimators.inner_estimators import (
    density_of,
    group_fit_params,
    seeded_clone,
    weight_fit_params,
)
from skmdn._estimators.member_warnings import warn_of_members
from skmdn._estimators.rows import Rows
from skmdn.conformal.calibration_rows import calibration_splits
from skmdn.conformal.scores import hdr_masses, tail_masses

# Seed of the draws behind the scores of several outputs. New rows use other draws. Otherwise the
# score of a new row would share its noise with the score of one calibration row.
_SEED = 1


class Calibrated(NamedTuple):
    """A fitted model and the scores of its calibration rows."""

    model: Any
    hdr_masses: np.ndarray  # (m,)
    tail_masses: np.ndarray  # (m, D)
    warnings: Sequence[FitWarning] = ()


class CalibratedModels(NamedTuple):
    """The models of all splits, and how the splits were chosen."""

    models: list[Calibrated]
    kind: str  # "shuffled", "blocks", "groups", "splitter", "last" or "prefit"
    p_value: float | None = None  # of the test for dependence, where it was asked


def is_prefit(cv: Any) -> bool:
    """Whether the model is fitted already; an array of splits cannot be compared with a string."""
    return isinstance(cv, str) and cv == "prefit"


def calibrated_models(
    estimator: Any, rows: Rows, *, cv: Any, n_jobs: int | None, rng: np.random.Generator
) -> CalibratedModels:
    """Fitted models, each with the scores of rows that it was not fitted on."""
    n_rows = len(rows.y)
    if is_prefit(cv):
        check_is_fitted(estimator)
        return CalibratedModels([_calibrate(estimator, rows)], "prefit")
    if n_rows < 2:
        raise ValueError(
            "X: expected at least 2 rows, to fit on and to calibrate on, got 1 sample."
        )
    folds = calibration_splits(cv, rows, rng)
    # Several models are pooled. One chooses for itself, on rows that do not calibrate it.
    if len(folds.parts) > 1:
        estimator = with_choices_made(estimator, rows, rng)
    models = Parallel(n_jobs=n_jobs)(
        delayed(_fit_and_calibrate)(seeded_clone(estimator, int(rng.integers(2**31))), rows, *part)
        for part in folds.parts
    )
    _warn(estimator, [model.warnings for model in models])
    return CalibratedModels(models, folds.kind, folds.p_value)


def _warn(estimator: Any, found: list[Sequence[FitWarning]]) -> None:
    """Issue what the models say of their fits at the line of the user: once for all of several."""
    if len(found) > 1:
        warn_of_members([(type(estimator).__name__, of_one) for of_one in found], stacklevel=4)
    else:
        for message, category in found[0]:
            warn_of_fit(message, category, stacklevel=4)


def _fit_and_calibrate(
    model: Any, rows: Rows, fitting: np.ndarray, calibrating: np.ndarray
) -> Calibrated:
    X, y, weights, groups = rows.take(fitting)
    fit_params = weight_fit_params(model, weights) | group_fit_params(model, groups)
    with collected_fit_warnings() as found:
        model = model.fit(X, y, **fit_params)
    return _calibrate(model, rows.take(calibrating))._replace(warnings=found)


def _calibrate(model: Any, rows: Rows) -> Calibrated:
    """Score rows in the densities that a fitted model predicts for them.

    Rows of weight zero get no score. If no row has a score, the model's regions are the whole line.
    """
    n_outputs = np.size(rows.y[:1])
    if rows.weights is not None:
        rows = rows.take(np.flatnonzero(rows.weights))
    y = rows.y
    if len(y) == 0:
        return Calibrated(model, np.empty(0), np.empty((0, n_outputs)))
    density = density_of(model, rows.X)
    outputs = () if density.univariate else (density.n_outputs,)
    if y.shape[1:] != outputs:
        raise ValueError(
            f"y: expected shape {(len(y), *outputs)}, as estimator predicts densities of such "
            f"targets, got shape {y.shape}."
        )
    return Calibrated(
        model,
        hdr_masses(density, y, _SEED),
        tail_masses(density, y),
    )
