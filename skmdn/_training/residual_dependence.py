"""Held-out residuals that go together in the order of the rows."""

from typing import Any

import numpy as np

from skmdn._estimators.dependence import ERROR_RATE, dependence
from skmdn._estimators.observations import Observations
from skmdn._predictor import Predictor
from skmdn._training.validation_split import ValidationSplit

# Largest number of validating rows that are looked at.
_MAX_ROWS = 5000
_OF_SINGLE_ROWS = (
    "Residuals of held-out rows go together in the order of the rows (p = {:.1g}): neighbours "
    "share errors that X does not explain, as in a series or in groups, and rows to come may be "
    "predicted worse than the held-out ones. Use validation_split='last' or 'blocks' if the order "
    "is that of time; pass groups to fit if rows belong together."
)
_OF_RUNS = (
    "Residuals of held-out runs of rows go together in the order of the rows (p = {:.1g}): errors "
    "last longer than a run, and rows to come may be predicted worse than the held-out ones. Use "
    "validation_split='last' if the order is that of time; pass groups to fit if rows belong "
    "together."
)


def dependence_warning(predictor: Predictor, split: ValidationSplit) -> str | None:
    """Say that validating rows depend on each other where the split takes them not to.

    Of single rows, the residuals of neighbours are compared. Of runs of rows, which may be alike
    inside, the mean residuals of neighbouring runs are. In a random order of the rows, the warning
    comes in one of 10,000 fits, whatever the network has learned. Rows sorted by y get none: their
    residuals go together because a residual is a part of y.
    """
    if split.kind not in ("shuffled", "blocks") or split.validation is None:
        return None
    residuals, y = _last_residuals(predictor, split.validation)
    if not np.isfinite(residuals).all() or dependence(y).is_sorted:
        return None
    if split.run_lengths is not None:
        residuals = _run_means(residuals, split.run_lengths)
    p_value = dependence(residuals).p_value
    if p_value >= ERROR_RATE:
        return None
    return (_OF_SINGLE_ROWS if split.run_lengths is None else _OF_RUNS).format(p_value)


def _last_residuals(predictor: Predictor, data: Observations) -> tuple[np.ndarray, np.ndarray]:
    """Standardised residuals and targets ``(m, D)`` of the last rows.

    With atoms, the residuals are probabilities of smaller targets: an atom has no distance.
    """
    rows = data.rows[-_MAX_ROWS:]
    if data.atom is not None:
        return _ranks_among_predictions(predictor, data.select(rows)), data.y[rows]
    density, y = predictor.mapped_density(data.X[rows]), data.y[rows]
    means, scales = (values.reshape(y.shape) for values in (density.mean(), density.std()))
    with np.errstate(all="ignore"):
        return (y - means) / scales, y


def _ranks_among_predictions(predictor: Predictor, data: Observations) -> np.ndarray:
    """Middle values ``(m, 1)`` of the probability integral transform."""
    y = data.y[data.rows]
    if predictor.target_maps is not None:
        y = predictor.target_maps[0].inverse(y)
    if data.atom is not None and data.atoms is not None:
        atom = data.atom[data.rows, np.newaxis]
        y = np.where(atom < 0, y, data.atoms[atom])
    density: Any = predictor.density(data.X[data.rows])  # with atoms, a TargetMixture
    below = density.pit(y if data.y_ndim == 2 else y[:, 0], jump="middle")
    return np.asarray(below).reshape(len(y), 1)


def _run_means(residuals: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Means ``(runs, D)`` of the residuals of runs; the first run may be cut."""
    ends = len(residuals) - np.cumsum(lengths[::-1])[::-1] + lengths
    starts = np.maximum(ends - lengths, 0)[ends > 0]
    counts = np.diff([*starts, len(residuals)])
    return np.add.reduceat(residuals, starts, axis=0) / counts[:, np.newaxis]
