"""From settings and checked data to a fitted network: training, calibration, advice."""

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from skmdn import _engine
from skmdn._estimators.callbacks import FitTask
from skmdn._estimators.evenly_spread import evenly_spread
from skmdn._estimators.fit_warnings import FitWarning
from skmdn._estimators.observations import Observations, concatenated
from skmdn._estimators.random_state import new_generator
from skmdn._estimators.target_atoms import at_atoms
from skmdn._estimators.target_maps import TargetMaps, behind_maps
from skmdn._network.preparation import Preparation
from skmdn._network.target_means import N_FOLDS
from skmdn._predictor import Density, Predictor
from skmdn._thread_pools import one_thread
from skmdn._training.beginning import Beginning, along_line, continued_beginning, fresh_beginning
from skmdn._training.calibration import (
    Judged,
    calibrated,
    small_sample_noise,
    widened,
    with_spreads,
)
from skmdn._training.choices import settled, settled_for_part
from skmdn._training.collapse import signs_of_collapse
from skmdn._training.drawn_targets import Copies, Teacher, drawn_targets
from skmdn._training.forecast import forecast_of_last
from skmdn._training.going_on import (
    Past,
    advice_on_going_on,
    largest_rate,
    next_rate,
    seed_of_call,
    seed_of_past,
)
from skmdn._training.network_choice import chosen_network, weights_of_all
from skmdn._training.progress import ProgressDisplay, show_folds
from skmdn._training.residual_dependence import dependence_warning
from skmdn._training.settings import Settings
from skmdn._training.stack import Stack
from skmdn._training.start import (
    fresh_start_on_part,
    with_its_factor,
)
from skmdn._training.training_options import training_options
from skmdn._training.validation_split import ValidationSplit, hold_out

# Largest number of checkpoints of a training.
MOST_CHECKPOINTS = _engine.MAX_CHECKPOINTS
# The widening of spreads is found on so many rows.
_MOST_ASKED = 1000
# Constant learning rate, as a part of the largest: it is lower because it never decays.
_CONSTANT_RATE = 1 / 3
_NO_ROW_AT_ATOMS = FitWarning(
    "target_atoms: no row of y is at any of them, so they get hardly any probability. Values are "
    "compared as float64: of float32 targets, pass those that they have.",
    UserWarning,
)

# Fields of an `OptimizerState`, as a fitted estimator keeps them.
PlainState: TypeAlias = tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray], int]


class Fitted(NamedTuple):
    """A fitted network, its training, and warnings for the user."""

    predictor: Predictor
    trained: _engine.Trained
    advice: list[FitWarning]
    split: ValidationSplit
    dependence: str | None  # a warning that rows depend on each other
    next_rate: float  # largest rate of a call of `fit` that goes on from here
    settings: Settings  # in which nothing is left to choose
    n_copies: int = 1  # of each row, in training
    feature_weights: np.ndarray | None = None  # (p,), in training
    seed: int | None = None  # of the rows that were set aside, in this call or an earlier one
    widening: float = 1.0  # of the spreads, by a forecast


class _Untrained(NamedTuple):
    """All of a call of `fit` but the trained parameters."""

    settings: Settings
    data: Observations
    split: ValidationSplit  # with the targets that the network learns
    beginning: Beginning
    past: Past | None
    noise: float  # least one of the spreads, where a part of the rows validates
    folds: Stack | None  # in place of a validation part
    forecast: tuple[Predictor, np.ndarray] | None
    copies: Copies  # of each row

    def fitted(self, trained: _engine.Trained, rng: np.random.Generator) -> Fitted:
        """The network with these parameters, calibrated; nothing is said of it yet."""
        settings, data, past = self.settings, self.data, self.past
        trained = _in_nats_of_y(trained, self.split)
        if self.folds is not None:
            curve = _less(self.folds.best.losses, data.mean_log_jacobian())
            trained = replace(trained, validation_loss_curve=curve)
        before = None if past is None else past.predictor
        predictor = self.beginning.predictor(settings, trained.layers, data, before)
        if settings.calibrate:
            with one_thread():
                predictor = self._calibrated(predictor, rng)
        rate = next_rate(settings, past, trained)
        predictor, number = predictor.for_fold(-1), self.copies.number
        weights = self.beginning.feature_weights
        return Fitted(predictor, trained, [], self.split, None, rate, settings, number, weights)

    def widening(self, fitted: Fitted, rng: np.random.Generator) -> float:
        """By how much the forecast has widened the spreads of a fitted network."""
        if self.forecast is None:
            return 1.0
        before = self._replace(forecast=None).fitted(fitted.trained, rng).predictor
        X = self.data.X[evenly_spread(self.data.rows, _MOST_ASKED)]
        narrow, wide = (
            float(np.mean(np.square(one.mapped_density(X).std())))
            for one in (before, fitted.predictor)
        )
        return math.sqrt(wide / narrow) if narrow > 0 else 1.0

    def _calibrated(self, predictor: Predictor, rng: np.random.Generator) -> Predictor:
        if self.folds is not None:
            spreads = self.folds.spreads.of_taught(self.copies.share_of_own)
            predictor = with_spreads(predictor, spreads)
        elif self.split.validation is not None:
            predictor = calibrated(predictor, self.split.validation, rng, self.noise)
        if self.forecast is not None:
            predictor = widened(predictor, self.forecast, self.data)
        return predictor


class Watch(NamedTuple):
    """Callbacks that see the checkpoints of a training."""

    task: FitTask
    as_estimator: Callable[[Fitted], Any]

    def see(self, fitted: Callable[[_engine.Trained], Fitted], progress: _engine.Progress) -> bool:
        """Whether a callback wants to end the training."""
        stops = self.task.end_checkpoint(lambda: self.as_estimator(fitted(progress.trained())))
        if not (stops or progress.is_last):
            self.task.begin_checkpoint()
        return stops


def fit(
    settings: Settings,
    data: Observations,
    validation: Observations | None,
    groups: np.ndarray | None,
    past: Past | None,
    watch: Watch | None = None,
    *,
    forecasts: bool = True,
    teacher: Teacher | None = None,
) -> Fitted:
    """Train with the whole budget and calibrate; go on from `past` if there is one.

    Without `validation`, a part of the data is held out, or few rows are in folds, as the settings
    ask; `groups (N,)` stay together. `watch` sees the checkpoints of the training, and may end it.
    A fresh fit `forecasts` its last rows where runs of rows are held out. A `teacher` takes
    the place of networks of folds; the settings must then hold nothing out.
    """
    _check_device(settings.device)
    seed = seed_of_call(settings, past)
    rng = np.random.default_rng(seed)
    before = None if past is None else past.predictor
    settings = settled(settings, data, validation, groups, past, rng)
    atoms, maps = settings.target_atoms, settings.target_transform
    of_y, settings, data = data, settings.with_atoms(atoms), at_atoms(data, atoms)
    data = behind_maps(data, maps).in_folds(N_FOLDS, rng)
    if validation is not None:
        validation = behind_maps(at_atoms(validation, atoms), maps, "y_val")
    folds = None
    if past is None:
        needs_folds = validation is None and settings.allows_folds
        word = settings.feature_weights
        settings, folds = chosen_network(
            settings, of_y, data, groups, deepcopy(rng), needs_folds=needs_folds
        )
        folds = folds if needs_folds else None
        order_rng = rng
        weights = None if folds is None else folds.feature_weights
        if word is not None and (validation is not None or settings.validation_fraction is None):
            weights = weights_of_all(data, deepcopy(rng))
        beginning = fresh_beginning(settings, data, rng, weights)
    else:
        # Every call that holds rows out takes the same ones, so that no later call trains on them,
        # but shuffles anew. Spawning takes nothing from the numbers that choose the rows.
        order_rng = rng.spawn(past.n_calls)[-1]
        weights = None if settings.feature_weights is None else past.feature_weights
        beginning = continued_beginning(
            settings,
            data,
            past.predictor,
            order_rng,
            same_rows=past.was_always_of(len(data)),
            feature_weights=weights,
        )
    preparation = beginning.start.preparation
    split = _split(settings, data, validation, groups, folds, preparation, rng)
    if past is None and settings.extrapolation is None and split.is_series:
        settings, beginning = along_line(settings, beginning)
    noise = small_sample_noise(data, before) if validation is None else 0.0
    of_network = beginning.split_of_network(split, validation)
    forecast = None
    if forecasts and past is None and split.kind == "blocks" and settings.calibrate:
        forecast = forecast_of_last(settings, of_y, rng, _predictor_of)
    if folds is not None:
        show_folds(folds.best.losses, settings.verbose)
        teacher = Teacher(folds.density, folds.unexplained)
    copies = Copies(own=1, drawn=0, n_passes=settings.n_passes, batch_size=settings.batch_size)
    if teacher is not None:
        copies = Copies.of(len(of_y), of_y.X.shape[1], settings, teacher.unexplained)
        of_network = _with_copies(of_network, beginning, of_y, copies, teacher, maps, rng)
    untrained = _Untrained(
        settings, data, of_network, beginning, past, noise, folds, forecast, copies
    )
    at_checkpoint = None
    if watch is not None:
        watch.task.begin_checkpoint()
        at_checkpoint = partial(watch.see, lambda now: untrained.fitted(now, deepcopy(rng)))
    of_training = copies.settings(settings)
    options = training_options(
        of_training, learning_rate=largest_rate(settings, past), n_passes=of_training.n_passes
    )
    trained = _train(settings, of_network, beginning.start, options, rng, order_rng, at_checkpoint)
    fitted = untrained.fitted(trained, rng)._replace(split=split)
    fitted = fitted._replace(widening=untrained.widening(fitted, deepcopy(rng)))
    judged = [] if split.validation is None else [Judged(fitted.predictor, split.validation)]
    if folds is not None:
        judged = folds.best.judged
    with one_thread():
        dependence = dependence_warning(judged, data, split)
        advice = signs_of_collapse(fitted.predictor, data, rng)
    if past is None and atoms is not None and len(data.off_atoms()) == len(data):
        advice.append(_NO_ROW_AT_ATOMS)
    holds_out = validation is None and split.validation is not None
    if past is not None:
        advice += advice_on_going_on(past, fitted.trained, holds_out=holds_out)
    kept = seed if holds_out else seed_of_past(past)
    return fitted._replace(advice=advice, dependence=dependence, seed=kept)


def fit_taught(
    settings: Settings, data: Observations, density: Density, unexplained: float
) -> Fitted:
    """Train on all rows, taught by densities of y for them; the settings hold nothing out.

    What predicts the densities leaves an `unexplained` part of the variation of y, in new rows.
    """
    teacher = Teacher(lambda of_y: density[of_y.rows], unexplained)
    return fit(settings, data, None, None, None, teacher=teacher)


def _with_copies(
    split: ValidationSplit,
    beginning: Beginning,
    of_y: Observations,
    copies: Copies,
    teacher: Teacher,
    maps: TargetMaps,
    rng: np.random.Generator,
) -> ValidationSplit:
    """Copies of the rows that train, with targets that a teacher draws.

    `of_y` are the rows as the user has them.
    """
    learning = split.learning
    rows = [learning] * copies.own
    if copies.drawn > 0:
        with one_thread():
            drawn = drawn_targets(of_y, teacher.density(of_y), learning, maps, copies.drawn, rng)
            rows.append(beginning.targets_of_network(learning, drawn)[1])
    return split._replace(learning=replace(concatenated(rows), n_copies=copies.number))


def _predictor_of(settings: Settings, data: Observations) -> Predictor:
    """A network fitted to judge others by."""
    fitted = fit(settings, data, None, None, None, forecasts=False)
    if fitted.trained.interrupted:
        raise KeyboardInterrupt
    return fitted.predictor


def fit_part(
    settings: Settings,
    data: Observations,
    past: Past | None,
    state: PlainState | None,
) -> Fitted:
    """Train for one pass at a constant rate, from `past` and the optimiser's `state` if given."""
    _check_device(settings.device)
    memory = None if state is None else _engine.OptimizerState(*state)
    # Every call shuffles anew, even with a fixed seed.
    steps_made = 0 if memory is None else memory.n_steps
    seed = int(new_generator(settings.random_state).integers(2**31))
    rng = np.random.default_rng([seed, steps_made])
    settings = settled_for_part(settings, data, past)
    atoms, maps = settings.target_atoms, settings.target_transform
    settings, data = settings.with_atoms(atoms), at_atoms(data, atoms)
    data, before = behind_maps(data, maps), None
    if past is None:
        data = data.in_folds(N_FOLDS, rng)
        beginning = Beginning(fresh_start_on_part(settings, data, rng))
    else:
        before = with_its_factor(past.predictor)
        beginning = continued_beginning(
            settings, data, before, rng, state=memory, keeps_scaling=False
        )
    options = training_options(
        settings,
        learning_rate=_CONSTANT_RATE * settings.learning_rate,
        warmup=None,
        n_passes=1,
    )
    split = ValidationSplit(data, None)
    of_network = beginning.split_of_network(split)
    trained = _train(settings, of_network, beginning.start, options, rng, rng)
    trained = _in_nats_of_y(trained, split)
    predictor = beginning.predictor(settings, trained.layers, data, before).for_fold(-1)
    rate, kept = next_rate(settings, None, trained), seed_of_past(past)
    return Fitted(predictor, trained, [], split, None, rate, settings, seed=kept)


def _in_nats_of_y(trained: _engine.Trained, split: ValidationSplit) -> _engine.Trained:
    """Losses of the targets of the user in place of those behind maps."""
    judging = split.learning if split.validation is None else split.validation
    losses = trained.validation_loss_curve
    return replace(
        trained,
        loss_curve=_less(trained.loss_curve, split.learning.mean_log_jacobian()),
        validation_loss_curve=_less(losses, judging.mean_log_jacobian()),
    )


def _less(losses: list[float], log_jacobian: float) -> list[float]:
    return [loss - log_jacobian for loss in losses]


def _split(
    settings: Settings,
    data: Observations,
    validation: Observations | None,
    groups: np.ndarray | None,
    folds: Stack | None,
    preparation: Preparation,
    rng: np.random.Generator,
) -> ValidationSplit:
    """The rows that train, and those that validate if these are no folds."""
    if validation is not None:
        return ValidationSplit(data, validation)
    if folds is not None:
        taken = folds.best.folds
        return ValidationSplit(data, None, taken.kind, taken.p_value, is_series=taken.is_series)
    return hold_out(settings, data, preparation, groups, rng)


def _check_device(device: str) -> None:
    if device not in ("cpu", "auto") and not _engine.cuda_is_available():
        raise ValueError(f"device={device!r} expects a GPU that torch can use; there is none here.")


def _train(
    settings: Settings,
    split: ValidationSplit,
    start: _engine.Start,
    options: _engine.TrainingOptions,
    rng: np.random.Generator,
    order_rng: np.random.Generator,
    at_checkpoint: Callable[[_engine.Progress], bool] | None = None,
) -> _engine.Trained:
    """Train in the engine, and show its progress; `at_checkpoint` may end it."""
    with ProgressDisplay(settings.verbose) as display:

        def report(progress: _engine.Progress) -> bool:
            display.show(progress)
            return at_checkpoint is not None and at_checkpoint(progress)

        trained = _engine.train(
            split.learning,
            start,
            options,
            rng,
            order_rng,
            validation=split.validation,
            report=report,
        )
        display.finish(trained)
        return trained
