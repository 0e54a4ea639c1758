"""Models beside the scores of rows that they were not fitted on: what conformal sets are made of.

Axes: n rows, D outputs, m calibration rows.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import get_config
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from skmdn._folds import Rows, splits, take
from skmdn.conformal.scores import hdr_masses, tail_masses
from skmdn.mixture import Mixture

FloatArray = NDArray[np.float64]

# Seed of the draws behind the scores of several outputs. New rows get other draws, or a new row's
# score would share its noise with one calibration row's.
_SEED = 1


class Calibrated(NamedTuple):
    """A fitted model and the scores of its calibration rows."""

    model: Any
    hdr_masses: FloatArray  # (m,)
    tail_masses: FloatArray  # (m, D)


def disjoint_splits(
    cv: Any, X: Any, y: FloatArray, rng: np.random.Generator, groups: ArrayLike | None
) -> list[tuple[Rows, Rows]]:
    """Rows to fit and rows to calibrate on, disjoint in every split."""
    if len(y) < 2:
        raise ValueError(
            "X: expected at least 2 rows, to fit on and to calibrate on, got 1 sample."
        )
    parts = splits(cv, X, y, rng, groups)
    for train, test in parts:
        if np.intersect1d(train, test).size:
            raise ValueError("cv: expected rows to calibrate on that are not fitted on, got both.")
    return parts


def fit_and_calibrate(
    model: Any, X: Any, y: FloatArray, weights: FloatArray | None, train: Rows, test: Rows
) -> Calibrated:
    """Fit on the training rows and score the others."""
    words = {} if weights is None else {_weight_word(model): weights[train]}
    return calibrate(model.fit(take(X, train), y[train], **words), X, y, weights, test)


def _weight_word(model: Any) -> str:
    """What `fit` calls sample weights; a Pipeline takes them for its last step by name."""
    if isinstance(model, Pipeline) and not get_config()["enable_metadata_routing"]:
        name, last = model.steps[-1]
        return f"{name}__{_weight_word(last)}"
    if not has_fit_parameter(model, "sample_weight") and not isinstance(model, Pipeline):
        raise ValueError(
            f"sample_weight: expected an estimator that takes it, got {type(model).__name__}."
        )
    return "sample_weight"


def calibrate(
    model: Any, X: Any, y: FloatArray, weights: FloatArray | None, rows: Rows
) -> Calibrated:
    """Score rows in the densities that a fitted model predicts for them."""
    present = rows if weights is None else rows[weights[rows] > 0]
    density = density_of(model, take(X, present))
    return Calibrated(
        model,
        hdr_masses(density, y[present], _SEED),
        tail_masses(density, y[present]),
    )


def density_of(model: Any, X: Any) -> Mixture:
    """The model's densities, checked."""
    density = model.predict_proba(X)
    if not isinstance(density, Mixture):
        raise TypeError(
            "estimator: expected one whose predict_proba gives a Mixture, "
            f"got {type(model).__name__} giving {type(density).__name__}."
        )
    return density
