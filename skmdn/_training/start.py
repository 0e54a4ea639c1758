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
from skmdn._training.settings import Settings


def fresh_start(settings: Settings, data: Observations, rng: np.random.Generator) -> _engine.Start:
    """Scaling and encoding by the data; the engine draws the layers."""
    encoding = None
    if settings.encoding is not None:
        n_bins = affordable_bins(settings.n_bins, data.X.shape[1])
        edges = bin_edges(data.X, data.weights, data.rows, n_bins, rng)
        encoding = PiecewiseLinear.from_edges(edges)
    preparation = Preparation.of(data.X, data.y, data.weights, encoding)
    return _engine.Start(preparation, settings.architecture)


def continued_start(
    settings: Settings, data: Observations, before: Predictor, moments: _engine.Moments | None
) -> _engine.Start:
    """The preparation, layers and moments of before."""
    _check_same_network(settings, data, before)
    layers = [np.vstack(layer) for layer in zip(before.coefs, before.intercepts, strict=True)]
    return _engine.Start(before.preparation, settings.architecture, layers, moments)


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
