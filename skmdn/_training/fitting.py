"""From checked data and parameters to a fitted network: what stands between door and engine."""

import math
from typing import Any, NamedTuple

import numpy as np

from skmdn import _engine
from skmdn._calibration import MAX_ROWS, calibrate
from skmdn._estimators.inputs import TrainingData, new_generator
from skmdn._estimators.parameters import hidden_sizes
from skmdn._network.encoding import PiecewiseLinear, affordable_bins, bin_edges
from skmdn._network.preparation import Preparation
from skmdn._predictor import Predictor
from skmdn._thread_pools import one_thread
from skmdn._training.collapse import collapse_warnings
from skmdn._training.progress import ProgressDisplay

# Part of the steps with a rising learning rate.
_WARMUP = 0.05
# Of the largest learning rate, where it is constant: what never gets finer must not be so coarse.
_CONSTANT_RATE = 1 / 3
# So few rows leave a network's spreads in doubt: noise of .8 standard deviations of y with 10 rows,
# .4 with 20, .03 with 40. Chosen by held-out likelihoods of small samples.
_A_HANDFUL = 21.0
# Training rows that are looked at for signs of collapse.
_ADVICE_ROWS = 5000


class Outcome(NamedTuple):
    """A fitted network, how it came about, and what to tell the user."""

    predictor: Predictor
    trained: _engine.Trained
    advice: list[str]


def train(
    parameters: dict[str, Any],
    data: TrainingData,
    validation: TrainingData | None,
    before: Predictor | None,
) -> Outcome:
    """Train by the whole budget and calibrate; go on from `before` where it is given."""
    rng = new_generator(parameters["random_state"])
    start = _start(parameters, data, before, rng)
    options = _options(
        parameters,
        start.architecture,
        learning_rate=parameters["learning_rate_init"],
        warmup=_WARMUP,
        n_passes=_none_if_auto(parameters["max_iter"]),
        validation_fraction=parameters["validation_fraction"],
    )
    trained = _run(parameters, data, validation, start, options, rng)
    held_out = _held_out(data, validation, trained)
    predictor = _uncalibrated(start, trained)
    with one_thread():
        if held_out is not None and parameters["calibrate"]:
            doubt = _doubt(data, before) if validation is None else 0.0
            predictor = _calibrated(predictor, held_out, rng, doubt)
        return Outcome(predictor, trained, _advice(predictor, data, rng))


def train_on_part(
    parameters: dict[str, Any],
    data: TrainingData,
    before: Predictor | None,
    memory: tuple[Any, ...],
) -> Outcome:
    """Train by one pass at a constant rate; Adam's `memory` is empty or the fields of `Moments`."""
    moments = _engine.Moments(*memory) if memory else None
    # Every call shuffles anew, also with a fixed seed.
    steps_made = 0 if moments is None else moments.n_steps
    seed = int(new_generator(parameters["random_state"]).integers(2**31))
    rng = np.random.default_rng([seed, steps_made])
    start = _with_its_factor(_start(parameters, data, before, rng))
    options = _options(
        parameters,
        start.architecture,
        learning_rate=_CONSTANT_RATE * parameters["learning_rate_init"],
        warmup=None,
        n_passes=1,
        validation_fraction=None,
    )
    trained = _run(parameters, data, None, start, options, rng, moments)
    return Outcome(_uncalibrated(start, trained), trained, [])


def _start(
    parameters: dict[str, Any],
    data: TrainingData,
    before: Predictor | None,
    rng: np.random.Generator,
) -> Predictor:
    """Where training starts: without layers for a new network."""
    architecture = {
        "n_components": int(parameters["n_components"]),
        "covariance_type": parameters["covariance_type"],
        "hidden_layer_sizes": hidden_sizes(parameters["hidden_layer_sizes"]),
        "activation": parameters["activation"],
        "scale_floor": math.sqrt(parameters["reg_covar"]),
    }
    if parameters["device"] not in ("cpu", "auto") and not _engine.cuda_is_available():
        raise ValueError(
            f"device={parameters['device']!r} expects a GPU that torch can use; there is none here."
        )
    if before is None:
        preparation = _prepare(parameters, data, rng)
        return Predictor(
            preparation, [], [], architecture, 1.0, 0.0, data.y_ndim, parameters["device"]
        )
    _check_same_network(before, architecture, parameters["encoding"], data)
    return before._replace(architecture=architecture, device=parameters["device"])


def _prepare(
    parameters: dict[str, Any], data: TrainingData, rng: np.random.Generator
) -> Preparation:
    """Scaling and encoding by the data."""
    encoding = None
    if parameters["encoding"] is not None:
        n_bins = affordable_bins(parameters["n_bins"], data.X.shape[1])
        edges = bin_edges(data.X, data.weights, n_bins, rng)
        encoding = PiecewiseLinear.from_edges(edges)
    return Preparation.of(data.X, data.y, data.weights, encoding)


def _check_same_network(
    before: Predictor, architecture: dict[str, Any], encoding: str | None, data: TrainingData
) -> None:
    """Going on needs the network and the form of the targets of before."""
    preparation = before.preparation
    old = {
        **before.architecture,
        "encoding": None if preparation.encoding is None else "piecewise",
        "y.ndim": before.y_ndim,
        "number of outputs": len(preparation.y_mean),
    }
    new = {
        **architecture,
        "encoding": encoding,
        "y.ndim": data.y_ndim,
        "number of outputs": data.y.shape[1],
    }
    for name in (name for name in new if name != "scale_floor"):
        if new[name] != old[name]:
            raise ValueError(
                f"To go on with a fitted model, {name} must stay {old[name]!r}; got "
                f"{new[name]!r}. Fit anew, with warm_start=False or on a clone, to change it."
            )


def _options(
    parameters: dict[str, Any],
    architecture: dict[str, Any],
    *,
    learning_rate: float,
    warmup: float | None,
    n_passes: int | None,
    validation_fraction: float | str | None,
) -> _engine.TrainingOptions:
    return _engine.TrainingOptions(
        **architecture,
        alpha=parameters["alpha"],
        learning_rate=learning_rate,
        warmup=warmup,
        max_grad_norm=parameters["max_grad_norm"],
        batch_size=_none_if_auto(parameters["batch_size"]),
        n_passes=n_passes,
        validation_fraction=validation_fraction,
        calibrate=parameters["calibrate"],
        dtype=parameters["dtype"],
        device=parameters["device"],
    )


def _none_if_auto(value: int | str) -> int | None:
    return None if isinstance(value, str) else int(value)


def _run(
    parameters: dict[str, Any],
    data: TrainingData,
    validation: TrainingData | None,
    start: Predictor,
    options: _engine.TrainingOptions,
    rng: np.random.Generator,
    moments: _engine.Moments | None = None,
) -> _engine.Trained:
    """Hand arrays to the engine."""
    layers = [np.vstack(layer) for layer in zip(start.coefs, start.intercepts, strict=True)]
    with ProgressDisplay(parameters["verbose"]) as display:
        return _engine.train(
            _observations(data),
            start.preparation,
            options,
            rng,
            validation=None if validation is None else _observations(validation),
            layers=layers or None,
            moments=moments,
            report=display.show,
        )


def _observations(data: TrainingData) -> _engine.Observations:
    return _engine.Observations.with_weight(data.X, data.y, data.weights)


def _held_out(
    data: TrainingData, validation: TrainingData | None, trained: _engine.Trained
) -> TrainingData | None:
    """Rows that did not train, where there are any."""
    if validation is not None:
        return validation
    return None if trained.held_out is None else data.take(trained.held_out)


def _with_its_factor(predictor: Predictor) -> Predictor:
    """A network whose raw spreads have the calibration's factor in them, to go on from."""
    if not predictor.intercepts:
        return predictor
    K, D = predictor.architecture["n_components"], len(predictor.preparation.y_mean)
    last = predictor.intercepts[-1].copy()
    first = K + D * K  # behind logits and means; full covariances have more behind the scales
    last[first : first + D * K] += math.log(predictor.spread_factor)
    return predictor._replace(intercepts=[*predictor.intercepts[:-1], last])


def _uncalibrated(start: Predictor, trained: _engine.Trained) -> Predictor:
    """The trained network; a calibration that `start` had was that of another network."""
    return start._replace(
        coefs=[layer[:-1] for layer in trained.layers],
        intercepts=[layer[-1] for layer in trained.layers],
        spread_factor=1.0,
        spread_noise=0.0,
    )


def _calibrated(
    predictor: Predictor, held_out: TrainingData, rng: np.random.Generator, doubt: float
) -> Predictor:
    """Fit the factor and noise of the spreads on rows that did not train; `doubt` is noise too."""
    rows = _observations(held_out).rows
    if len(rows) > MAX_ROWS:
        held_out = held_out.take(rng.choice(rows, MAX_ROWS, replace=False))
    found = calibrate(
        [predictor.uncalibrated_density(held_out.X)],
        predictor.preparation.targets(held_out.y),
        held_out.weights,
    )
    factor, floor = float(found.factors[0]), predictor.architecture["scale_floor"]
    # Where scales shrink, noise keeps every variance above the floor.
    least = floor * math.sqrt(max(0.0, 1 - factor**2))
    return predictor._replace(spread_factor=factor, spread_noise=max(found.noise, least, doubt))


def _doubt(data: TrainingData, before: Predictor | None) -> float:
    """Noise, in standard deviations of y, that so few rows leave whatever was learned from them.

    A handful of rows may all lie near their means by luck, those that train as those that were held
    out from them. Constant targets leave no doubt, and a network that goes on from the one `before`
    no more than there was: it learned from other rows, too.
    """
    rows = _observations(data).rows
    if not np.ptp(data.y[rows], axis=0).any():
        return 0.0
    doubt = math.exp(-((len(rows) / _A_HANDFUL) ** 2))
    return doubt if before is None else min(doubt, before.spread_noise)


def _advice(predictor: Predictor, data: TrainingData, rng: np.random.Generator) -> list[str]:
    """Signs of collapse on training rows; constant targets have nothing to collapse."""
    rows = _observations(data).rows
    if not np.ptp(data.y[rows], axis=0).all():
        return []
    if len(rows) > _ADVICE_ROWS:
        rows = rng.choice(rows, _ADVICE_ROWS, replace=False)
    density = predictor.uncalibrated_density(data.X[rows])
    return collapse_warnings(density, predictor.architecture["scale_floor"])
