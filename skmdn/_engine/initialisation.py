"""Initialisation: layers whose components already share out the targets among them."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from sklearn.cluster import KMeans

from skmdn._arrays import Array, FloatArray
from skmdn._engine.covariances import n_raw_spreads
from skmdn._engine.readers import Observations
from skmdn._network.preparation import Preparation
from skmdn._network.scaling import principal_scores, quantile_rows
from skmdn._thread_pools import one_thread

# Means are initialised from at most so many rows.
MAX_ROWS = 20_000
# Standard deviations of the random parts: intercepts of hidden layers, and the last layer's
# weights times the root of its fan-in. The last layer is small, so that no component starts ahead.
_INTERCEPT_SCALE = 0.1
_LAST_LAYER_SCALE = 0.1
# Gain of He et al. (2015) for rectifier-like activations; 1 keeps the variance of the others.
_GAIN = {"relu": 2.0, "silu": 2.0}


def fresh_layers(
    data: Observations,
    preparation: Preparation,
    hidden_layer_sizes: Sequence[int],
    *,
    activation: str,
    covariance_type: str,
    n_components: int,
    rng: np.random.Generator,
) -> list[Array]:
    """Layers to start from, given the rows to learn from."""
    rows = data.rows
    if len(rows) > MAX_ROWS:
        rows = rng.choice(rows, MAX_ROWS, replace=False)
    y = preparation.targets(data.y[rows])
    weights = None if data.weights is None else data.weights[rows]
    n_raw_spread = n_raw_spreads(covariance_type, n_components, y.shape[1])
    intercept = initial_intercept(y, weights, n_components, n_raw_spread)
    sizes = [preparation.n_inputs, *hidden_layer_sizes, len(intercept)]
    return initial_layers(sizes, activation, intercept, rng)


def initial_layers(
    layer_sizes: list[int], activation: str, last_intercept: FloatArray, rng: np.random.Generator
) -> list[Array]:
    """Random layers ``(in + 1, out)``, intercepts last, the output's intercepts as given."""
    layers: list[Array] = []
    for fan_in, fan_out in pairwise(layer_sizes):
        spread = math.sqrt(_GAIN.get(activation, 1.0) / fan_in)
        layer = rng.normal(0.0, spread, (fan_in + 1, fan_out))
        layer[-1] = rng.normal(0.0, _INTERCEPT_SCALE, fan_out)
        layers.append(layer)
    fan_in = layer_sizes[-2]
    layers[-1][:-1] = rng.normal(0.0, _LAST_LAYER_SCALE / math.sqrt(fan_in), (fan_in, fan_out))
    layers[-1][-1] = last_intercept
    return layers


def initial_intercept(
    y: FloatArray, weights: FloatArray | None, n_components: int, n_raw_spread: int
) -> FloatArray:
    """Intercepts of the head ``(K + D K + n_raw_spread,)`` from standardised targets ``(n, D)``.

    Equal proportions, means at `initial_means`, and scales of 1 / K but at least 0.3; the
    off-diagonal numbers of a full covariance start at zero.
    """
    K, D = n_components, y.shape[1]
    raw = np.zeros(n_raw_spread)
    n_scales = min(n_raw_spread, D * K)
    raw[:n_scales] = math.log(max(0.3, 1 / K))
    return np.concatenate([np.zeros(K), initial_means(y, weights, K).T.ravel(), raw])


def initial_means(y: FloatArray, weights: FloatArray | None, n_components: int) -> FloatArray:
    """Means ``(K, D)`` at the quantiles (k + 1/2) / K of one output, k-means centres of several."""
    levels = (np.arange(n_components) + 0.5) / n_components
    if y.shape[1] == 1:
        return y[quantile_rows(y[:, 0], weights, levels)]
    return _cluster_centres(y, weights, levels)


def _cluster_centres(y: FloatArray, weights: FloatArray | None, levels: FloatArray) -> FloatArray:
    """k-means centres, initialised at quantiles along the first principal axis.

    The initialisation is deterministic, and k-means runs to a fixed point on one thread, so that the centres
    depend neither on the number of threads nor on whether rows are repeated or weighted.
    """
    distinct = np.unique(y, axis=0)
    if len(distinct) <= len(levels):
        return distinct[np.arange(len(levels)) % len(distinct)]
    with one_thread():
        initial = y[quantile_rows(principal_scores(y, weights), weights, levels)]
        clusters = KMeans(len(levels), init=initial, n_init=1, tol=0.0).fit(
            y, sample_weight=weights
        )
    return np.asarray(clusters.cluster_centers_, dtype=np.float64)
