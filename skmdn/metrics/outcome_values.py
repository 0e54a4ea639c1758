"""What values the outcomes take, beside what is predicted: positive ones, zeros, shared ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from skmdn.metrics.arguments import Arguments
from skmdn.metrics.samples import SamplePrediction
from skmdn.mixture import TargetMixture

# Outcomes that take so few values, with so many rows to a value, are grades, all of them shared.
_FEW_VALUES, _ROWS_PER_VALUE = 12, 10
# Else a shared value has at least so many rows and this share of them, and so many times as many as
# any other value. The lowest and the highest have it of the nearest ones, and fewer times of those
# between, by which heaps at round numbers are told from a bound.
_LEAST_ROWS, _LEAST_SHARE, _TIMES = 10, 0.01, 5
_NEAREST, _TIMES_BETWEEN = 10, 3


class OutcomeValues(NamedTuple):
    """Values of one output, and the predictions of it."""

    lowest: float
    has_atoms: bool  # whether the predictions have some
    lowest_else: float  # of the outcomes at none of these; infinite where there are none
    below_zero: float  # mean predicted probability of a value below zero
    is_bounded: bool  # whether no row's prediction reaches below zero
    zeros: float  # share of rows; 0 unless zero is shared, and is no atom of the predictions
    are_few: bool  # whether few values are taken, and are no atoms
    shared: tuple[float, float] | None  # the most frequent value that is no atom, and its share


def outcome_values(arguments: Arguments) -> list[OutcomeValues]:
    """Return what is found for each output, of the rows with weight."""
    present = arguments.weights > 0.0
    y = arguments.y.reshape(len(arguments.y), -1)[present]
    ends = np.asarray(arguments.prediction.ppf(0.0)).reshape(len(present), -1)[present]
    atoms = _has_atoms(arguments.prediction)
    is_target_mixture = isinstance(arguments.prediction, TargetMixture)
    predicted = np.ravel(arguments.prediction.atoms) if is_target_mixture else np.empty(0)
    weights = arguments.weights[present]
    below = np.average(
        _mass_below_zero(arguments.prediction, arguments.y).reshape(len(present), -1)[present],
        axis=0,
        weights=weights,
    )
    return [
        _of_output(column, weights, float(mass), bool(np.all(end >= 0.0)), atoms, predicted)
        for column, mass, end in zip(y.T, below, ends.T, strict=True)
    ]


def _of_output(
    y: np.ndarray,
    weights: np.ndarray,
    below_zero: float,
    is_bounded: bool,
    atoms: bool,
    predicted: np.ndarray,
) -> OutcomeValues:
    """Return what is found for one output, (n,), given the predictions' atoms."""
    values, place, counts = np.unique(y, return_inverse=True, return_counts=True)
    is_shared = np.zeros(len(values), dtype=bool) if atoms else _are_shared(counts)
    shares = np.where(is_shared, np.bincount(place.ravel(), weights) / weights.sum(), 0.0)
    most = int(np.argmax(shares))
    return OutcomeValues(
        lowest=float(values[0]),
        has_atoms=atoms,
        lowest_else=float(values[~np.isin(values, predicted)].min(initial=np.inf)),
        below_zero=below_zero,
        is_bounded=is_bounded,
        zeros=float(shares[values == 0.0].sum()),
        are_few=bool(is_shared.all()),
        shared=(float(values[most]), float(shares[most])) if is_shared.any() else None,
    )


def _are_shared(counts: np.ndarray) -> np.ndarray:
    """Tell of each value, in order, whether so many rows have it that no density explains it."""
    if len(counts) <= _FEW_VALUES and counts.sum() >= _ROWS_PER_VALUE * len(counts):
        return np.ones(len(counts), dtype=bool)
    least = max(_LEAST_ROWS, _LEAST_SHARE * counts.sum())
    is_shared, between = np.zeros(len(counts), dtype=bool), counts[1:-1]
    for i in map(int, np.flatnonzero(counts >= least)):
        if 0 < i < len(counts) - 1:
            enough = _TIMES * np.delete(between, i - 1).max(initial=0)
        else:
            nearest = between[:_NEAREST] if i == 0 else between[-_NEAREST:]
            enough = max(_TIMES * nearest.max(initial=0), _TIMES_BETWEEN * between.max(initial=0))
        is_shared[i] = counts[i] >= enough
    return is_shared


def _mass_below_zero(prediction: Any, y: np.ndarray) -> np.ndarray:
    """Return P(Y < 0) of every row, of the shape of y."""
    if isinstance(prediction, SamplePrediction):
        return np.asarray((prediction.samples < 0.0).mean(axis=1))
    if isinstance(prediction, TargetMixture):
        return prediction.pit(np.zeros(y.shape), jump="lower")
    return np.asarray(prediction.pit(np.zeros(y.shape)))


def _has_atoms(prediction: Any) -> bool:
    """Tell whether values have a probability of their own."""
    if isinstance(prediction, SamplePrediction):  # where draws repeat each other
        draws = np.sort(prediction.samples, axis=1)
        return bool(np.mean(draws[:, 1:] == draws[:, :-1]) > _LEAST_SHARE)
    return isinstance(prediction, TargetMixture) and prediction.atom_weights.shape[1] > 0
