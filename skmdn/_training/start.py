"""Initial state of a training: fresh layers, or a network fitted before."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from skmdn import _engine
from skmdn._estimators.observations import Observations
from skmdn._network.beside_numbers import beside_numbers
from skmdn._network.category_inputs import CategoryInputs, category_inputs
from skmdn._network.encoding import MAX_INPUTS, PiecewiseLinear, affordable_bins, bin_edges
from skmdn._network.preparation import Preparation
from skmdn._predictor import Predictor
from skmdn._thread_pools import one_thread
from skmdn._training.rescaling import Rescaling
from skmdn._training.settings import Settings

# With fewer rows per bin, a call of partial_fit leaves the bins to a later call.
_ROWS_PER_BIN = 2


def fresh_start(settings: Settings, data: Observations, rng: np.random.Generator) -> _engine.Start:
    """Scaling and encoding computed from the data; the engine draws the layers."""
    # Where all rows are at atoms, the rest of the density lies about them until there are others.
    has_others = len(data.off_atoms()) > 0
    y = data.targets_off_atoms() if has_others else data.y
    # Unless the rows turn out to be a series, which their split tells.
    word = settings.extrapolation or "damped"
    preparation = Preparation.of(data.X, y, data.weights, extrapolation=word)
    if not has_others:
        preparation = preparation._replace(y_count=0)
    preparation = preparation.with_categories(_category_inputs(settings, data, preparation))
    preparation = preparation._replace(encoding=_fresh_encoding(settings, data, preparation, rng))
    return _engine.Start(preparation, settings.architecture)


def fresh_start_on_part(
    settings: Settings, data: Observations, rng: np.random.Generator
) -> _engine.Start:
    """The same from a first part of the data; without bins if it has few rows."""
    start = fresh_start(settings, data, rng)
    if settings.encoding is None or len(data) >= _ROWS_PER_BIN * settings.n_bins:
        return start
    none_yet = PiecewiseLinear.from_edges([np.empty(0)] * data.X.shape[1])
    return start._replace(preparation=start.preparation._replace(encoding=none_yet))


def _category_inputs(
    settings: Settings, data: Observations, preparation: Preparation
) -> CategoryInputs | None:
    """Inputs for the features with categories, if there are any.

    With an encoding they take half of the room that the other inputs leave.
    """
    if data.n_categories is None or data.folds is None:
        return None
    # The preparation does not know yet which features hold categories.
    of_numbers = data.n_categories < 0
    taken = int(of_numbers.sum() + of_numbers[preparation.with_gaps].sum())
    room = max(0, MAX_INPUTS - taken)
    return category_inputs(
        data.X,
        _targets_of_categories(data, preparation),
        data.weights,
        data.rows,
        data.folds,
        data.n_categories,
        room if settings.encoding is None or taken == 0 else room // 2,
    )


def _targets_of_categories(data: Observations, preparation: Preparation) -> np.ndarray:
    """Standardised targets of which categories get the means."""
    z = preparation.targets(data.y[data.rows])
    if data.n_categories is None:
        return z
    is_number = data.n_categories < 0
    with one_thread():
        return beside_numbers(preparation, data.X, z, data.weights, data.rows, is_number)


def _fresh_encoding(
    settings: Settings, data: Observations, preparation: Preparation, rng: np.random.Generator
) -> PiecewiseLinear | None:
    """Bins of all features of numbers."""
    if settings.encoding is None:
        return None
    edges = [np.empty(0)] * data.X.shape[1]
    numbers = preparation.numbers
    for j, found in zip(numbers, _edges(settings, data, preparation, rng, numbers), strict=True):
        edges[j] = found
    return PiecewiseLinear.from_edges(edges)


def continued_start(
    settings: Settings,
    data: Observations,
    before: Predictor,
    rng: np.random.Generator,
    *,
    state: _engine.OptimizerState | None = None,
    keeps_scaling: bool,
) -> _engine.Start:
    """The network `before`, and the optimiser's state if there is one.

    The scaling is updated with the data; with `keeps_scaling`, only for columns that did not vary
    before. Features without bins get some. The network's function stays the same.
    """
    _check_same_network(settings, data, before)
    old = before.preparation
    new = old.learnt(data.X, data.targets_off_atoms(), data.weights)
    if keeps_scaling:
        new = old.but_where_constant(new)
    if settings.extrapolation is not None:
        new = new._replace(extrapolation=settings.extrapolation)
    new = new._replace(encoding=_learnt_encoding(settings, data, old, rng))
    if data.folds is not None and new.categories is not None:
        # The rows may be those of an earlier call, whose own targets are in its means.
        z = _targets_of_categories(data, new)
        categories = new.categories.cross_fitted(data.X, z, data.weights, data.rows, data.folds)
        new = new._replace(categories=categories)
    layers = [np.vstack(layer) for layer in zip(before.coefs, before.intercepts, strict=True)]
    change = Rescaling.between(old, new, before.layout)
    return _engine.Start(
        new,
        settings.architecture,
        change.layers(layers),
        None if state is None else change.state(state),
    )


def _learnt_encoding(
    settings: Settings, data: Observations, old: Preparation, rng: np.random.Generator
) -> PiecewiseLinear | None:
    """The old bins; features without any get bins from the data, if there are enough rows."""
    encoding = old.encoding
    if encoding is None or len(data) < _ROWS_PER_BIN * settings.n_bins:
        return encoding
    without = np.setdiff1d(old.numbers, encoding.feature)
    if len(without) == 0:
        return encoding
    edges = list(encoding.edges)
    for j, found in zip(without, _edges(settings, data, old, rng, without), strict=True):
        edges[j] = found
    return PiecewiseLinear.from_edges(edges)


def _edges(
    settings: Settings,
    data: Observations,
    preparation: Preparation,
    rng: np.random.Generator,
    features: np.ndarray,
) -> list[np.ndarray]:
    """Edges of the bins of some features of numbers."""
    n_numbers, _, *others = preparation.lengths
    n_bins = affordable_bins(settings.n_bins, n_numbers, sum(others))
    X = data.X if len(features) == data.X.shape[1] else data.X[:, features]
    return bin_edges(X, data.weights, data.rows, n_bins, rng)


def with_its_factor(predictor: Predictor) -> Predictor:
    """The network with the factor of its calibration moved into its raw spreads."""
    last = predictor.intercepts[-1].copy()
    last[predictor.layout.scales] += math.log(predictor.spread_factor)
    return predictor._replace(intercepts=[*predictor.intercepts[:-1], last])


def _check_same_network(settings: Settings, data: Observations, before: Predictor) -> None:
    """Refuse to go on with another architecture or another form of targets."""
    encoding = before.preparation.encoding
    old = _form(before, None if encoding is None else "piecewise")
    new = {
        **asdict(settings.architecture),
        "encoding": settings.encoding,
        "y.ndim": data.y_ndim,
        "number of outputs": data.y.shape[1],
    }
    for name in (name for name in new if name != "scale_floor"):
        if new[name] != old[name]:
            raise ValueError(
                f"To go on with a fitted model, {name} must stay {old[name]!r}; got "
                f"{new[name]!r}. Fit anew, with warm_start=False or on a clone, to change it."
            )


def _form(before: Predictor, encoding: str | None) -> dict[str, Any]:
    return {
        **asdict(before.architecture),
        "encoding": encoding,
        "y.ndim": before.y_ndim,
        "number of outputs": len(before.preparation.y_mean),
    }
