"""Held-out residuals that go together in the order of the rows."""

from typing import Any

import numpy as np

from skmdn._estimators.dependence import ERROR_RATE, dependence
from skmdn._estimators.observations import Observations
from skmdn._predictor import Predictor
from skmdn._training.calibration import Judged
from skmdn._training.validation_split import ValidationSplit

# Largest number of validating rows that are looked at.
_MAX_ROWS = 5000
_OF_SINGLE_ROWS = (
    "Residuals of held-out rows go together in the order of the rows (p = {:.1g}): neighbours "
    "share errors that X does not explain, as in a series or in groups, and rows to come may be "
    "predicted worse than the held-out ones. Use validation_split='blocks' if the order is that of "
    "time; pass groups to fit if rows belong together."
)
_OF_RUNS = (
    "Residuals of held-out runs of rows go together in the order of the rows (p = {:.1g}): errors "
    "last longer than a run, and rows to come may be predicted worse than the held-out ones. If "
    "the order is that of time, add columns of what came before, such as lagged targets, and judge "
    "the model by the last rows; pass groups to fit if rows belong together."
)


def dependence_warning(
    judged: list[Judged], data: Observations, split: ValidationSplit
) -> str | None:
    """Say that validating rows depend on each other where the split takes them not to.

    Of single rows, the residuals of neighbours are compared. Of runs of rows, which may be alike
    inside, the mean residuals of neighbouring runs are. In a random order of the rows, the warning
    comes in one of 10,000 fits, whatever the network has learned. Rows sorted by y get none: their
    residuals go together because a residual is a part of y.
    """
    if split.kind not in ("shuffled", "copies", "blocks") or not judged:
        return None
    residuals, y = _in_order(judged, data)
    if not np.isfinite(residuals).all() or dependence(y).is_sorted:
        return None
    is_of_runs = split.kind == "blocks"
    if is_of_runs:
        lengths = split.run_lengths
        residuals = _run_means(residuals, _run_lengths(judged) if lengths is None else lengths)
    p_value = dependence(residuals).p_value
    if p_value >= ERROR_RATE:
        return None
    return (_OF_RUNS if is_of_runs else _OF_SINGLE_ROWS).format(p_value)


def _in_order(judged: list[Judged], data: Observations) -> tuple[np.ndarray, np.ndarray]:
    """Residuals and targets ``(m, D)`` of the last rows of every part, in the order of the data."""
    parts = [_last_residuals(predictor, data.select(rows.rows)) for predictor, rows in judged]
    residuals, y = map(np.concatenate, zip(*parts, strict=True))
    order = np.argsort(np.concatenate([rows.rows[-_MAX_ROWS:] for _, rows in judged]))
    return residuals[order], y[order]


def _run_lengths(judged: list[Judged]) -> np.ndarray:
    """Lengths of the runs of rows of one fold, in the order of the rows."""
    rows = np.concatenate([part.rows.rows for part in judged])
    fold = np.repeat(np.arange(len(judged)), [len(part.rows) for part in judged])[np.argsort(rows)]
    starts = np.flatnonzero(np.diff(fold, prepend=-1))
    return np.diff(starts, append=len(fold))


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
