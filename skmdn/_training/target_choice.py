"""The choice of a map of the targets by the likelihood of held-out rows.

A short training without a map and one with each map that all targets allow are judged on the same
rows, by densities of y itself. A map is chosen where its gain is large and certain; otherwise the
targets stay as they are.
"""

import math
from dataclasses import replace
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from skmdn import _engine
from skmdn._engine.budget import budget_for
from skmdn._estimators.observations import Observations
from skmdn._estimators.target_maps import IDENTITY, TargetMaps, behind_maps, possible_maps
from skmdn._network.preparation import Preparation
from skmdn._network.scaling import location_and_scale
from skmdn._predictor import Predictor
from skmdn._thread_pools import one_thread
from skmdn._training.settings import Settings
from skmdn._training.start import fresh_start
from skmdn._training.validation_split import ValidationSplit, hold_out

# A trial makes this part of a fit's steps, less the second number: 50 where a fit makes 1000.
# Shorter ones favour a map that makes the first steps easy; longer ones would let the choice cost
# more than 30 % of a fit.
_SHARE, _SAVED = 0.08, 30
# A third of the rows judges, but no more than the first number. These are more than the validation
# part, whose few rows could not tell. Fewer than the second number cannot tell either.
_JUDGING, _LEAST = 1000, 20
# Rows that a trial learns from.
_MAX_LEARNING = 20_000
# Factors of the scales at which densities are compared if a calibration will follow.
_SCALE_FACTORS = (1.0, 1.5, 2.25)
# The mean gain must exceed so many nats, and so many of its standard errors: a test of level 5 %.
_MARGIN, _Z = 0.03, 1.64


class _Gains(NamedTuple):
    """Mean gains of the outputs ``(D,)`` and their standard errors."""

    mean: np.ndarray
    error: np.ndarray

    @property
    def are_certain(self) -> np.ndarray:
        """Which of them are large enough."""
        return np.asarray(self.mean > np.maximum(_MARGIN, _Z * self.error))


def chosen_maps(
    settings: Settings,
    data: Observations,
    validation: Observations | None,
    groups: np.ndarray | None,
    rng: np.random.Generator,
) -> TargetMaps:
    """The map of every output that held-out rows ask for; None where no output has one.

    Without `validation`, rows of the data are held out in the way of the settings. Rows of data
    with categories have folds.
    """
    trials = possible_maps(data, validation)
    validates = validation is not None or settings.validation_fraction is not None
    if not trials or not validates:
        return None
    start = fresh_start(settings, data, rng)
    split = ValidationSplit(data, validation)
    if validation is None:
        fraction = _n_judging(len(data)) / len(data)
        settings = replace(settings, validation_fraction=fraction)
        split = hold_out(settings, data, start.preparation, groups, rng)
    learning, judging = split.learning, split.validation
    if judging is None or len(judging) < _LEAST:
        return None
    learning, judging = _some(learning, _MAX_LEARNING, rng), _some(judging, _JUDGING, rng)
    trainings = [
        _log_likelihoods(settings, learning, judging, start.preparation, maps, rng)
        for maps in (None, *trials)
    ]
    return _best(trials, [_gains(other - trainings[0], judging) for other in trainings[1:]])


def _n_judging(n: int) -> int:
    """Rows of n that are held out to judge."""
    return max(1, min(n // 3, _JUDGING))


def _some(data: Observations, n: int, rng: np.random.Generator) -> Observations:
    """At most n rows."""
    if len(data) <= n:
        return data
    return data.select(np.sort(rng.choice(data.rows, n, replace=False)))


def _best(trials: list[tuple[Any, ...]], gains: list[_Gains]) -> TargetMaps:
    """Of every output the map with the largest gain, of those that are certain."""
    chosen = [IDENTITY] * len(trials[0])
    for d in range(len(chosen)):
        certain = [
            (of.mean[d], maps[d])
            for maps, of in zip(trials, gains, strict=True)
            if maps[d] != IDENTITY and of.are_certain[d]
        ]
        if certain:
            chosen[d] = max(certain, key=itemgetter(0))[1]
    return None if all(one == IDENTITY for one in chosen) else tuple(chosen)


def _gains(differences: np.ndarray, judging: Observations) -> _Gains:
    """Mean gains from differences of log-likelihoods ``(n, D)``."""
    weights = judging.weights
    w = np.ones(len(judging)) if weights is None else weights[judging.rows]
    w = w[:, np.newaxis] / w.sum()
    mean = np.sum(w * differences, axis=0)
    return _Gains(mean, np.sqrt(np.sum((w * (differences - mean)) ** 2, axis=0)))


def _log_likelihoods(
    settings: Settings,
    learning: Observations,
    judging: Observations,
    preparation: Preparation,
    maps: TargetMaps,
    rng: np.random.Generator,
) -> np.ndarray:
    """Log-likelihoods ``(n, D)`` of the targets that judge, after a short training."""
    learning, mapped = behind_maps(learning, maps), behind_maps(judging, maps)
    start = _engine.Start(_for_targets(preparation, learning), settings.architecture)
    options = _short_training(settings, len(learning))
    trained = _engine.train(learning, start, options, rng, rng)
    if trained.interrupted:
        raise KeyboardInterrupt
    with one_thread():
        density = _predictor(start, trained).uncalibrated_density(
            mapped.X[mapped.rows], None if mapped.folds is None else mapped.folds[mapped.rows]
        )
        y = start.preparation.targets(mapped.y[mapped.rows])
        factors = _SCALE_FACTORS if settings.calibrate else (1.0,)
        values = [_log_density(density.marginal(d), y[:, d], factors) for d in range(y.shape[1])]
    of_scaling = np.log(start.preparation.y_scale)
    return np.column_stack(values) - of_scaling + _log_jacobian(judging, maps)


def _for_targets(preparation: Preparation, data: Observations) -> Preparation:
    """The same preparation of X for other targets, those of the data."""
    weights = None if data.weights is None else data.weights[data.rows]
    mean, scale = location_and_scale(data.y[data.rows], weights)
    preparation = preparation._replace(
        y_mean=mean, y_scale=np.where(scale > 0, scale, 1.0), y_varies=scale > 0
    )
    if preparation.categories is None or data.folds is None:
        return preparation
    z = preparation.targets(data.y[data.rows])
    categories = preparation.categories.cross_fitted(data.X, z, data.weights, data.rows, data.folds)
    return preparation._replace(categories=categories)


def _short_training(settings: Settings, n: int) -> _engine.TrainingOptions:
    """Options of a trial on n rows, on the CPU: on a GPU so few steps do not pay."""
    budget = budget_for(n, settings.batch_size, settings.n_passes)
    steps_of_pass = budget_for(n, settings.batch_size, 1).n_steps
    return _engine.TrainingOptions(
        alpha=settings.alpha,
        learning_rate=settings.learning_rate,
        warmup=0.05,
        max_grad_norm=settings.max_grad_norm,
        batch_size=settings.batch_size,
        n_passes=max(1, math.ceil((_SHARE * budget.n_steps - _SAVED) / steps_of_pass)),
        average=False,
        calibrate=settings.calibrate,
        dtype=settings.dtype,
        device="cpu",
        max_checkpoints=1,
    )


def _predictor(start: _engine.Start, trained: _engine.Trained) -> Predictor:
    """The network of a trial; targets keep their outputs axis."""
    return Predictor(
        preparation=start.preparation,
        coefs=[layer[:-1] for layer in trained.layers],
        intercepts=[layer[-1] for layer in trained.layers],
        architecture=start.architecture,
        spread_factor=1.0,
        spread_noise=0.0,
        y_ndim=2,
        device="cpu",
    )


def _log_density(density: Any, y: np.ndarray, factors: tuple[float, ...]) -> np.ndarray:
    """Log-densities of one output at the best factor of its scales."""
    return max((density.widen(factor).logpdf(y) for factor in factors), key=np.mean)


def _log_jacobian(data: Observations, maps: TargetMaps) -> np.ndarray:
    """Logarithms of the maps' derivatives at the targets ``(n, D)``."""
    y = data.y[data.rows]
    if maps is None:
        return np.zeros(y.shape)
    return np.column_stack([one.log_jacobian(t) for one, t in zip(maps, y.T, strict=True)])
