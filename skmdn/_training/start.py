"""Where training starts: from fresh layers, or from a network fitted before."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from skmdn import _engine
from skmdn._estimators.observations import Observations
from skmdn._network.encoding import PiecewiseLinear, affordable_bins, bin_edges
from skmdn._network.preparation import Preparation
from skmdn._predictor import Predictor
from skmdn._training.rescaling import Rescaling
from skmdn._training.settings import Settings

# A call of partial_fit with fewer rows for a bin leaves the bins to a later one.
_ROWS_PER_BIN = 2


def fresh_start(settings: Settings, data: Observations, rng: np.random.Generator) -> _engine.Start:
    """Scaling and encoding by the data; the engine draws the layers."""
    encoding = None
    if settings.encoding is not None:
        encoding = PiecewiseLinear.from_edges(_edges(settings, data, rng))
    preparation = Preparation.of(data.X, data.y, data.weights, encoding)
    return _engine.Start(preparation, settings.architecture)


def fresh_start_on_part(
    settings: Settings, data: Observations, rng: np.random.Generator
) -> _engine.Start:
    """The same by a first part of the data; of few rows it takes no bins."""
    start = fresh_start(settings, data, rng)
    if settings.encoding is None or len(data) >= _ROWS_PER_BIN * settings.n_bins:
        return start
    none_yet = PiecewiseLinear.from_edges([np.empty(0)] * data.X.shape[1])
    return start._replace(preparation=start.preparation._replace(encoding=none_yet))


def continued_start(
    settings: Settings,
    data: Observations,
    before: Predictor,
    rng: np.random.Generator,
    *,
    state: _engine.OptimizerState | None = None,
    keeps_scaling: bool,
) -> _engine.Start:
    """The network of before, and the optimiser's state where there is one.

    Scaling goes on learning, with `keeps_scaling` only that of columns that did not vary before;
    bins come to features that had none. The network's function stays the same.
    """
    _check_same_network(settings, data, before)
    old = before.preparation
    new = old.learnt(before.n_seen, data.X, data.y, data.weights)
    if keeps_scaling:
        new = old.but_where_constant(new)
    new = new._replace(encoding=_learnt_encoding(settings, data, old.encoding, rng))
    layers = [np.vstack(layer) for layer in zip(before.coefs, before.intercepts, strict=True)]
    change = Rescaling.between(old, new, before.layout)
    return _engine.Start(
        new,
        settings.architecture,
        change.layers(layers),
        None if state is None else change.state(state),
    )


def _learnt_encoding(
    settings: Settings,
    data: Observations,
    old: PiecewiseLinear | None,
    rng: np.random.Generator,
) -> PiecewiseLinear | None:
    """Bins as they are; features without any get those of the data, where these are enough rows."""
    if old is None or len(data) < _ROWS_PER_BIN * settings.n_bins:
        return old
    without = np.setdiff1d(np.arange(data.X.shape[1]), old.feature)
    if len(without) == 0:
        return old
    edges = list(old.edges)
    for j, found in zip(without, _edges(settings, data, rng, without), strict=True):
        edges[j] = found
    return PiecewiseLinear.from_edges(edges)


def _edges(
    settings: Settings,
    data: Observations,
    rng: np.random.Generator,
    features: np.ndarray | None = None,
) -> list[np.ndarray]:
    n_bins = affordable_bins(settings.n_bins, data.X.shape[1])
    X = data.X if features is None else data.X[:, features]
    return bin_edges(X, data.weights, data.rows, n_bins, rng)


def with_its_factor(predictor: Predictor) -> Predictor:
    """The network whose raw spreads have the calibration's factor in them, to go on from."""
    last = predictor.intercepts[-1].copy()
    last[predictor.layout.scales] += math.log(predictor.spread_factor)
    return predictor._replace(intercepts=[*predictor.intercepts[:-1], last])


def _check_same_network(settings: Settings, data: Observations, before: Predictor) -> None:
    """Going on needs the network and the form of the targets of before."""
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
