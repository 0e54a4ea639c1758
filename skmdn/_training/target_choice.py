"""The choice of a map of the targets by the likelihood of held-out rows.

A kernel regression of a few rows, in closed form, first drops maps that promise nothing. Then a
short training without a map and one with each map left are judged by the same rows, and by
densities of y itself. A map is chosen where both agree; otherwise the targets stay as they are.
"""

from copy import deepcopy
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from skmdn import _engine
from skmdn._engine.budget import passes_for_share
from skmdn._estimators.observations import Observations
from skmdn._estimators.target_maps import IDENTITY, TargetMaps, behind_maps, possible_maps
from skmdn._network.preparation import Preparation
from skmdn._network.scaling import location_and_scale
from skmdn._predictor import Predictor
from skmdn._thread_pools import one_thread
from skmdn._training.kernel_regression import leave_one_out_log_densities
from skmdn._training.settings import Settings
from skmdn._training.start import fresh_start
from skmdn._training.validation_split import ValidationSplit, hold_out

# Rows of the kernel regression.
_KERNEL_ROWS = 150
# A short training makes this part of a fit's steps, in whole passes: 50 steps where a fit makes
# 1000. Fewer favour a map that makes the first steps easy; with more, a choice could cost over 30 %
# of a fit.
_SHARE = 0.05
# A third of the rows judges, but no more than the first number. These are more than the validation
# part, whose few rows could not tell. Fewer than the second number cannot tell either.
_JUDGING, _LEAST = 1000, 20
# Rows that a short training learns from.
_MAX_LEARNING = 20_000
# Factors of the scales at which densities are compared if a calibration will follow.
_SCALE_FACTORS = (1.0, 1.5, 2.25)
# A mean gain must exceed so many nats, and so many of its standard errors: a test of level 10 %.
_MARGIN, _Z = 0.03, 1.28


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
    if not trials or not _is_judged(settings, data, validation):
        return None
    start = fresh_start(settings, data, rng)
    trials = _promising(trials, data, start.preparation, rng)
    if not trials:
        return None
    split = ValidationSplit(data, validation)
    if validation is None:
        fraction = _n_judging(len(data)) / len(data)
        settings = replace(settings, validation_fraction=fraction)
        split = hold_out(settings, data, start.preparation, groups, rng)
    learning, judging = split.learning, split.validation
    if judging is None or len(judging) < _LEAST:
        return None
    learning, judging = _some(learning, _MAX_LEARNING, rng), _some(judging, _JUDGING, rng)
    return _best(trials, _Judge(settings, learning, judging, start.preparation, rng))


def _is_judged(settings: Settings, data: Observations, validation: Observations | None) -> bool:
    """Whether there are rows that validate, and enough of them."""
    if validation is not None:
        return len(validation) >= _LEAST
    return settings.validation_fraction is not None and _n_judging(len(data)) >= _LEAST


def _n_judging(n: int) -> int:
    """Rows of n that are held out to judge."""
    return min(n // 3, _JUDGING)


def _some(data: Observations, n: int, rng: np.random.Generator) -> Observations:
    """At most n rows."""
    if len(data) <= n:
        return data
    return data.select(np.sort(rng.choice(data.rows, n, replace=False)))


def _promising(
    trials: list[tuple[Any, ...]],
    data: Observations,
    preparation: Preparation,
    rng: np.random.Generator,
) -> list[tuple[Any, ...]]:
    """The maps that gain enough in a kernel regression of some rows; the identity for others."""
    data = _some(data, _KERNEL_ROWS, rng)
    rows, y = data.rows, data.y[data.rows]
    mapped = [behind_maps(data, maps).y[rows] for maps in trials]
    with one_thread():
        inputs = preparation.inputs(data.X[rows], folds=_of(data.folds, rows))
        found = leave_one_out_log_densities(inputs, np.hstack([y, *mapped]))
    plain, *others = np.split(found, len(trials) + 1, axis=1)
    left = []
    for maps, other in zip(trials, others, strict=True):
        gain = np.average(
            other + _log_jacobian(data, maps) - plain, axis=0, weights=_of(data.weights, rows)
        )
        maps = tuple(one if g > _MARGIN else IDENTITY for one, g in zip(maps, gain, strict=True))
        if any(one != IDENTITY for one in maps):
            left.append(maps)
    return left


class _Gains(NamedTuple):
    """Mean gains of the outputs ``(D,)`` and their standard errors."""

    mean: np.ndarray
    error: np.ndarray

    @property
    def certain(self) -> np.ndarray:
        """The means, and zeros where they are too small or too uncertain."""
        enough = self.mean > np.maximum(_MARGIN, _Z * self.error)
        return np.where(enough, self.mean, 0.0)


class _Judge(NamedTuple):
    """Short trainings, and the rows that judge them."""

    settings: Settings
    learning: Observations
    judging: Observations
    preparation: Preparation  # of X; that of the targets belongs to their map
    rng: np.random.Generator

    def log_likelihoods(self, maps: TargetMaps) -> np.ndarray:
        """Log-likelihoods ``(n, D)`` of each output of the rows that judge."""
        learning, judging = behind_maps(self.learning, maps), behind_maps(self.judging, maps)
        preparation = _for_targets(self.preparation, learning)
        start = _engine.Start(preparation, self.settings.architecture)
        # All trainings draw the same numbers, so that they begin alike and differ by the map alone.
        rng = deepcopy(self.rng)
        options = _short_training(self.settings, len(learning))
        trained = _engine.train(learning, start, options, rng, rng)
        if trained.interrupted:
            raise KeyboardInterrupt
        factors = _SCALE_FACTORS if self.settings.calibrate else (1.0,)
        with one_thread():
            values = _log_densities(_predictor(start, trained), judging, factors)
        return values + _log_jacobian(self.judging, maps)

    def gains(self, other: np.ndarray, plain: np.ndarray) -> _Gains:
        """Gains of log-likelihoods ``(n, D)`` over others of the same rows."""
        return _gains(other - plain, _of(self.judging.weights, self.judging.rows))


def _best(trials: list[tuple[Any, ...]], judge: _Judge) -> TargetMaps:
    """Of every output the map that gains most.

    Outputs share a network, in which one output may gain by the map of another. So if several gain,
    only the first of them is sure of its map; the others must gain beside it.
    """
    n_outputs = len(trials[0])
    plain, tried = judge.log_likelihoods(None), [judge.log_likelihoods(maps) for maps in trials]
    chosen = [IDENTITY] * n_outputs
    gains = np.array([judge.gains(one, plain).certain for one in tried])  # (maps, D)
    first = int(gains.max(axis=0).argmax())
    if gains[:, first].any():
        chosen[first] = trials[gains[:, first].argmax()][first]
    gains[:, first] = 0.0
    if gains.any():
        beside = judge.log_likelihoods(tuple(chosen))
        gains = np.array([judge.gains(one, beside).certain for one in tried])
        for d in range(n_outputs):
            if d != first and gains[:, d].any():
                chosen[d] = trials[gains[:, d].argmax()][d]
    return None if all(one == IDENTITY for one in chosen) else tuple(chosen)


def _gains(differences: np.ndarray, weights: np.ndarray | None) -> _Gains:
    """Mean gains from differences of log-likelihoods ``(n, D)``."""
    w = np.ones(len(differences)) if weights is None else weights
    w = w[:, np.newaxis] / w.sum()
    mean = np.sum(w * differences, axis=0)
    return _Gains(mean, np.sqrt(np.sum((w * (differences - mean)) ** 2, axis=0)))


def _for_targets(preparation: Preparation, data: Observations) -> Preparation:
    """The same preparation of X for other targets, those of the data."""
    mean, scale = location_and_scale(data.y[data.rows], _of(data.weights, data.rows))
    preparation = preparation._replace(
        y_mean=mean, y_scale=np.where(scale > 0, scale, 1.0), y_varies=scale > 0
    )
    if preparation.categories is None or data.folds is None:
        return preparation
    z = preparation.targets(data.y[data.rows])
    categories = preparation.categories.cross_fitted(data.X, z, data.weights, data.rows, data.folds)
    return preparation._replace(categories=categories)


def _short_training(settings: Settings, n: int) -> _engine.TrainingOptions:
    """Options of a training on n rows, on the CPU: on a GPU so few steps do not pay."""
    return _engine.TrainingOptions(
        alpha=settings.alpha,
        learning_rate=settings.learning_rate,
        warmup=0.05,
        max_grad_norm=settings.max_grad_norm,
        batch_size=settings.batch_size,
        n_passes=passes_for_share(_SHARE, n, settings.batch_size, settings.n_passes),
        average=False,
        calibrate=settings.calibrate,
        dtype=settings.dtype,
        device="cpu",
        max_checkpoints=1,
    )


def _predictor(start: _engine.Start, trained: _engine.Trained) -> Predictor:
    """The network of a short training; its targets have an outputs axis."""
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


def _log_densities(
    predictor: Predictor, data: Observations, factors: tuple[float, ...]
) -> np.ndarray:
    """Log-densities ``(n, D)`` of the outputs, each at the best factor of its scales."""
    density = predictor.uncalibrated_density(data.X[data.rows], _of(data.folds, data.rows))
    preparation, columns = predictor.preparation, []
    weights = _of(data.weights, data.rows)
    for d, y in enumerate(preparation.targets(data.y[data.rows]).T):
        marginal = density.marginal(d)
        each = [marginal.widen(a).logpdf(y) for a in factors]
        columns.append(max(each, key=lambda values: np.average(values, weights=weights)))
    return np.column_stack(columns) - np.log(preparation.y_scale)


def _log_jacobian(data: Observations, maps: TargetMaps) -> np.ndarray:
    """Logarithms of the maps' derivatives at the targets ``(n, D)``."""
    y = data.y[data.rows]
    if maps is None:
        return np.zeros(y.shape)
    return np.column_stack([one.log_jacobian(t) for one, t in zip(maps, y.T, strict=True)])


def _of(values: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    """Values of some rows, if there are any."""
    return None if values is None else values[rows]
