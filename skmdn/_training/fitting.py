"""From settings and checked data to a fitted network: training, calibration, advice."""

import math
from typing import Any, NamedTuple

import numpy as np

from skmdn import _engine
from skmdn._calibration import MAX_ROWS, calibrate
from skmdn._estimators.inputs import new_generator
from skmdn._estimators.observations import Observations
from skmdn._predictor import Predictor
from skmdn._thread_pools import one_thread
from skmdn._training.collapse import collapse_warnings
from skmdn._training.progress import ProgressDisplay
from skmdn._training.settings import Settings
from skmdn._training.start import continued_start, fresh_start, with_its_factor

# Part of the steps with a rising learning rate.
_WARMUP = 0.05
# Of the largest learning rate, where the rate stays constant: it never gets small enough to settle.
_CONSTANT_RATE = 1 / 3
# Below so many rows a network's spreads are badly known. They get noise of .8 standard deviations
# of y with 10 rows, .4 with 20, .03 with 40: chosen by held-out likelihoods of small samples.
_SMALL_SAMPLE_ROWS = 21.0
# Training rows in which signs of collapse are searched.
_ADVICE_ROWS = 5000


class Fitted(NamedTuple):
    """A fitted network, how it came about, and what to tell the user."""

    predictor: Predictor
    trained: _engine.Trained
    advice: list[str]


def fit(
    settings: Settings,
    data: Observations,
    validation: Observations | None,
    before: Predictor | None,
) -> Fitted:
    """Train by the whole budget and calibrate; go on from `before` where it is given."""
    _check_device(settings.device)
    rng = new_generator(settings.random_state)
    start = (
        fresh_start(settings, data, rng)
        if before is None
        else continued_start(settings, data, before, None)
    )
    options = _options(
        settings,
        learning_rate=settings.learning_rate,
        warmup=_WARMUP,
        n_passes=settings.n_passes,
        validation_fraction=settings.validation_fraction,
    )
    trained = _train(settings, data, start, options, rng, validation)
    predictor = _predictor(settings, start, trained, data.y_ndim)
    with one_thread():
        held_out = validation
        if trained.held_out is not None:
            held_out = data.select(trained.held_out)
        if held_out is not None and settings.calibrate:
            noise = _small_sample_noise(data, before) if validation is None else 0.0
            predictor = _calibrated(predictor, held_out, rng, noise)
        return Fitted(predictor, trained, _advice(predictor, data, rng))


def fit_part(
    settings: Settings,
    data: Observations,
    before: Predictor | None,
    state: tuple[Any, ...] | None,
) -> Fitted:
    """Train by one pass at a constant rate, from `before` and the optimiser's `state` if given."""
    _check_device(settings.device)
    moments = None if state is None else _engine.Moments(*state)
    # Every call shuffles anew, also with a fixed seed.
    steps_made = 0 if moments is None else moments.n_steps
    seed = int(new_generator(settings.random_state).integers(2**31))
    rng = np.random.default_rng([seed, steps_made])
    start = (
        fresh_start(settings, data, rng)
        if before is None
        else continued_start(settings, data, with_its_factor(before), moments)
    )
    options = _options(
        settings,
        learning_rate=_CONSTANT_RATE * settings.learning_rate,
        warmup=None,
        n_passes=1,
        validation_fraction=None,
    )
    trained = _train(settings, data, start, options, rng, None)
    return Fitted(_predictor(settings, start, trained, data.y_ndim), trained, [])


def _check_device(device: str) -> None:
    if device not in ("cpu", "auto") and not _engine.cuda_is_available():
        raise ValueError(f"device={device!r} expects a GPU that torch can use; there is none here.")


def _options(
    settings: Settings,
    *,
    learning_rate: float,
    warmup: float | None,
    n_passes: int | None,
    validation_fraction: float | str | None,
) -> _engine.TrainingOptions:
    return _engine.TrainingOptions(
        alpha=settings.alpha,
        learning_rate=learning_rate,
        warmup=warmup,
        max_grad_norm=settings.max_grad_norm,
        batch_size=settings.batch_size,
        n_passes=n_passes,
        validation_fraction=validation_fraction,
        calibrate=settings.calibrate,
        dtype=settings.dtype,
        device=settings.device,
    )


def _train(
    settings: Settings,
    data: Observations,
    start: _engine.Start,
    options: _engine.TrainingOptions,
    rng: np.random.Generator,
    validation: Observations | None,
) -> _engine.Trained:
    """Hand all to the engine, and show its progress."""
    with ProgressDisplay(settings.verbose) as display:
        return _engine.train(data, start, options, rng, validation=validation, report=display.show)


def _predictor(
    settings: Settings, start: _engine.Start, trained: _engine.Trained, y_ndim: int
) -> Predictor:
    """The trained network, not calibrated yet."""
    return Predictor(
        preparation=start.preparation,
        coefs=[layer[:-1] for layer in trained.layers],
        intercepts=[layer[-1] for layer in trained.layers],
        architecture=start.architecture,
        spread_factor=1.0,
        spread_noise=0.0,
        y_ndim=y_ndim,
        device=settings.device,
    )


def _calibrated(
    predictor: Predictor,
    held_out: Observations,
    rng: np.random.Generator,
    small_sample_noise: float,
) -> Predictor:
    """Fit the factor and the noise of the spreads on rows that did not train."""
    rows = held_out.rows
    if len(rows) > MAX_ROWS:
        rows = rng.choice(rows, MAX_ROWS, replace=False)
    found = calibrate(
        [predictor.uncalibrated_density(held_out.X[rows])],
        predictor.preparation.targets(held_out.y[rows]),
        None if held_out.weights is None else held_out.weights[rows],
    )
    factor, floor = float(found.factors[0]), predictor.architecture.scale_floor
    # Where scales shrink, noise keeps every variance above the floor.
    least = floor * math.sqrt(max(0.0, 1 - factor**2))
    noise = max(found.noise, least, small_sample_noise)
    return predictor._replace(spread_factor=factor, spread_noise=noise)


def _small_sample_noise(data: Observations, before: Predictor | None) -> float:
    """Noise, in standard deviations of y, for the epistemic uncertainty that few rows leave.

    All of a handful of rows may lie near their means by luck, those that train and those that
    validate. Constant targets leave no such uncertainty. A network that goes on from the one
    `before` has no more of it than that had: it learned from other rows, too.
    """
    if data.is_constant():
        return 0.0
    noise = math.exp(-((len(data) / _SMALL_SAMPLE_ROWS) ** 2))
    return noise if before is None else min(noise, before.spread_noise)


def _advice(predictor: Predictor, data: Observations, rng: np.random.Generator) -> list[str]:
    """Signs of collapse on training rows; constant targets have nothing to collapse."""
    rows = data.rows
    if not np.ptp(data.y[rows], axis=0).all():
        return []
    if len(rows) > _ADVICE_ROWS:
        rows = rng.choice(rows, _ADVICE_ROWS, replace=False)
    return collapse_warnings(predictor, data.X[rows])
