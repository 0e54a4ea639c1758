"""The arguments of a metric, checked: outcomes, predictive distributions and weights of rows."""

from __future__ import annotations

from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from skmdn.metrics.frozen import FrozenPrediction, is_frozen
from skmdn.metrics.quantiles import QuantilePrediction
from skmdn.metrics.real_numbers import as_numbers
from skmdn.metrics.samples import SamplePrediction
from skmdn.mixture import Mixture, TargetMixture
from skmdn.mixture.joining import DENSITIES, Density

Prediction = Mixture | TargetMixture | SamplePrediction | QuantilePrediction | FrozenPrediction


class Arguments(NamedTuple):
    """Outcomes y (n,) or (n, D), the prediction for the same rows, and weights (n,)."""

    y: np.ndarray
    prediction: Any  # a Prediction; its kinds share methods, not signatures
    weights: np.ndarray

    @property
    def n_effective(self) -> float:
        """Kish's effective number of rows: (Σw)² / Σw²."""
        return float(self.weights.sum() ** 2 / np.square(self.weights).sum())

    def mean(self, values: np.ndarray) -> float:
        """Return the weighted mean over rows, then the mean over outputs."""
        present = self.weights > 0.0  # rows of weight zero do not count, even if infinite
        rows = np.average(values[present], axis=0, weights=self.weights[present])
        return float(np.mean(rows))


def gather(y_true: npt.ArrayLike, mixture: Any, sample_weight: npt.ArrayLike | None) -> Arguments:
    """Check the three arguments that all metrics share, each and against each other.

    Raises
    ------
    TypeError
        If `mixture` is not a predictive distribution.
    ValueError
        If numbers of rows or outputs disagree, or y or weights are not arrays of finite numbers.
    """
    y = as_numbers(y_true, "y_true")
    prediction = as_prediction(mixture, len(y))
    return Arguments(_matched(y, prediction), prediction, _check_weights(sample_weight, len(y)))


def as_prediction(mixture: Any, n_rows: int) -> Prediction:
    """Return the prediction with the methods that metrics call; only here do kinds differ."""
    if isinstance(mixture, Prediction):
        return mixture
    if is_frozen(mixture):
        return FrozenPrediction(mixture, n_rows)
    raise TypeError(
        f"mixture: expected a predictive distribution, got {_kind_of(mixture)}; pass "
        "predict_proba(X), or wrap samples in SamplePrediction, quantiles in QuantilePrediction "
        "(a point forecast or an interval is not a distribution)."
    )


def check_mixture(mixture: Any, name: str = "mixture") -> Density:
    """Return a Mixture or TargetMixture, where other predictions lack a method that is needed."""
    if isinstance(mixture, DENSITIES):
        return mixture
    raise TypeError(
        f"{name}: expected a Mixture, got {_kind_of(mixture)}; pass predict_proba(X) of an "
        "estimator of skmdn (a point forecast or an interval is not a distribution)."
    )


def _kind_of(value: Any) -> str:
    """Return the type of a value for an error message, and its shape where it has one."""
    shape = getattr(value, "shape", None)
    return type(value).__name__ + (f" of shape {shape}" if isinstance(shape, tuple) else "")


def _matched(y: np.ndarray, prediction: Prediction) -> np.ndarray:
    """Return y in the shape of the prediction; a single output may be a column or a vector."""
    n_rows, n_outputs = len(prediction), prediction.n_outputs
    expected = (n_rows,) if prediction.univariate else (n_rows, n_outputs)
    if y.shape != expected and not (n_outputs == 1 and y.shape in ((n_rows,), (n_rows, 1))):
        raise ValueError(
            f"y_true: expected shape {expected}, as the prediction has {n_rows} rows and "
            f"{n_outputs} output(s), got {y.shape}."
        )
    return y.reshape(expected)


def _check_weights(sample_weight: npt.ArrayLike | None, n_rows: int) -> np.ndarray:
    """Return finite, nonnegative weights (n,) that are not all zero."""
    if sample_weight is None:
        return np.ones(n_rows)
    weights = as_numbers(sample_weight, "sample_weight")
    if weights.shape != (n_rows,):
        raise ValueError(
            f"sample_weight: expected shape ({n_rows},), one weight per row, got {weights.shape}."
        )
    if weights.min() < 0.0 or weights.max() == 0.0:
        raise ValueError(
            "sample_weight: expected nonnegative numbers, one at least above zero, "
            f"got a range of {weights.min()} to {weights.max()}."
        )
    return np.asarray(weights / weights.max())  # their sums of squares cannot overflow or vanish


def check_fraction(name: str, value: Any) -> float:
    """Return a number strictly between 0 and 1."""
    if not isinstance(value, Real) or not 0.0 < float(value) < 1.0:
        raise ValueError(f"{name}: expected a number strictly between 0 and 1, got {value!r}.")
    return float(value)
