"""The choice of a map of the targets by the likelihood of held-out rows."""

import numpy as np

from skmdn import _engine
from skmdn._engine.budget import budget_for
from skmdn._estimators.observations import Observations
from skmdn._estimators.target_maps import IDENTITY, TargetMaps, behind_maps, possible_maps
from skmdn._network.scaling import location_and_scale
from skmdn._predictor import Predictor
from skmdn._thread_pools import one_thread
from skmdn._training.settings import Settings
from skmdn._training.start import fresh_start
from skmdn._training.validation_split import ValidationSplit, hold_out

# Part of the passes of a fit that a trial makes.
_SHARE = 0.1
# By so much a map must be better, in nats per row, and in standard errors of this difference.
_LEAST_GAIN, _LEAST_Z = 0.02, 1.0


def chosen_maps(
    settings: Settings,
    data: Observations,
    validation: Observations | None,
    groups: np.ndarray | None,
    rng: np.random.Generator,
) -> TargetMaps:
    """The map of every output whose held-out rows are likeliest; None where none is better.

    `data` may have folds. `rng` is used up.
    """
    trials = possible_maps(data, validation)
    validates = validation is not None or settings.validation_fraction is not None
    if not trials or not validates or len(data) < 2:
        return None
    start = fresh_start(settings, data, rng)
    split = ValidationSplit(data, validation)
    if validation is None:
        split = hold_out(settings, data, start.preparation, groups, rng)
    if split.validation is None:
        return None
    plain = _log_likelihoods(settings, split.learning, split.validation, None, start, rng)
    weights = split.validation.weights
    if weights is not None:
        weights = weights[split.validation.rows]
    chosen = [IDENTITY] * data.y.shape[1]
    best = np.zeros(data.y.shape[1])
    for maps in trials:
        gains = (
            _log_likelihoods(settings, split.learning, split.validation, maps, start, rng) - plain
        )
        for d, gain in enumerate(gains.T):
            if maps is None or maps[d] == IDENTITY:
                continue
            mean, error = _mean_and_error(gain, weights)
            if mean > max(best[d], _LEAST_GAIN, _LEAST_Z * error):
                chosen[d], best[d] = maps[d], mean
    return tuple(chosen) if best.any() else None


def _log_likelihoods(
    settings: Settings,
    of_learning: Observations,
    of_validation: Observations,
    maps: TargetMaps,
    start: _engine.Start,
    rng: np.random.Generator,
) -> np.ndarray:
    """Log-likelihoods ``(n, D)`` of each output of the validating rows, after a short training."""
    learning, validation = behind_maps(of_learning, maps), behind_maps(of_validation, maps)
    preparation = start.preparation
    w = None if learning.weights is None else learning.weights[learning.rows]
    y_mean, y_scale = location_and_scale(learning.y[learning.rows], w)
    preparation = preparation._replace(
        y_mean=y_mean, y_scale=np.where(y_scale > 0, y_scale, 1.0), y_varies=y_scale > 0
    )
    if preparation.categories is not None and learning.folds is not None:
        z = preparation.targets(learning.y[learning.rows])
        preparation = preparation._replace(
            categories=preparation.categories.cross_fitted(
                learning.X, z, learning.weights, learning.rows, learning.folds
            )
        )
    trained = _engine.train(
        learning, start._replace(preparation=preparation), _options(settings, learning), rng, rng
    )
    rows = validation.rows
    with one_thread():
        predictor = Predictor(
            preparation,
            [layer[:-1] for layer in trained.layers],
            [layer[-1] for layer in trained.layers],
            settings.architecture,
            1.0,
            0.0,
            2,
            settings.device,
        )
        folds = None if validation.folds is None else validation.folds[rows]
        density = predictor.uncalibrated_density(validation.X[rows], folds)
        y = preparation.targets(validation.y[rows])
        columns = []
        for d in range(y.shape[1]):
            marginal = density.marginal(d)
            values = [marginal.widen(f).logpdf(y[:, d]) for f in (0.7, 1.0, 1.4, 2.0, 3.0, 4.5)]
            column = max(values, key=np.mean) - np.log(preparation.y_scale[d])
            if maps is not None:
                column = column + maps[d].log_jacobian(of_validation.y[rows, d])
            columns.append(column)
    return np.column_stack(columns)


def _options(settings: Settings, learning: Observations) -> _engine.TrainingOptions:
    budget = budget_for(len(learning), settings.batch_size, settings.n_passes)
    per_pass = budget_for(len(learning), settings.batch_size, 1).n_steps
    return _engine.TrainingOptions(
        alpha=settings.alpha,
        learning_rate=settings.learning_rate,
        warmup=0.05,
        max_grad_norm=settings.max_grad_norm,
        batch_size=settings.batch_size,
        n_passes=max(1, round(_SHARE * budget.n_steps / per_pass)),
        average=False,
        calibrate=settings.calibrate,
        dtype=settings.dtype,
        device=settings.device,
    )


def _mean_and_error(gain: np.ndarray, weights: np.ndarray | None) -> tuple[float, float]:
    mean = np.average(gain, weights=weights)
    w = np.ones(len(gain)) if weights is None else weights
    return float(mean), float(np.sqrt(np.sum((w * (gain - mean)) ** 2)) / w.sum())
