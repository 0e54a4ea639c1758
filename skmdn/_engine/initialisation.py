"""Initialisation: layers whose components already cover different parts of the targets."""

import math
from itertools import pairwise

import numpy as np
from sklearn.cluster import KMeans

from skmdn._arrays import Array, FloatArray
from skmdn._engine.principal_axis import principal_scores
from skmdn._estimators.distinct_rows import effective_number
from skmdn._estimators.observations import Observations
from skmdn._network.activations import ACTIVATIONS
from skmdn._network.architecture import Architecture
from skmdn._network.atom_shares import LEAST_SHARE
from skmdn._network.forward import HeadLayout, head_layout
from skmdn._network.preparation import Preparation
from skmdn._network.scaling import quantile_rows
from skmdn._thread_pools import one_thread

# Means are initialised from at most so many rows.
MAX_ROWS = 20_000
# Standard deviations of the random parts: intercepts of hidden layers, and the last layer's
# weights times the root of its fan-in. The last layer is small, so that no component begins with an
# advantage.
_INTERCEPT_SCALE = 0.1
_LAST_LAYER_SCALE = 0.1
# Of standardised targets, for k-means.
_DECIMALS = 7
# Smallest scale of a component that begins apart from the others.
_LEAST_SCALE = 0.3
# Components begin apart where each has clearly more rows than this, and where rows are few only so
# much of the way: a mixture of narrow components fits a few targets by chance.
_ROWS_PER_COMPONENT, _LEAST_APART = 20.0, 0.3


def fresh_layers(
    data: Observations,
    preparation: Preparation,
    architecture: Architecture,
    rng: np.random.Generator,
) -> list[Array]:
    """Initial layers for the rows to learn from."""
    rows = data.of_density().rows
    if len(rows) > MAX_ROWS:
        rows = rng.choice(rows, MAX_ROWS, replace=False)
    y = preparation.targets(data.y[rows])
    weights = None if data.weights is None else data.weights[rows]
    layout = head_layout(architecture, preparation)
    n = effective_number(data.X[rows], y, weights)
    apart = how_far_apart(n, architecture.n_components)
    intercept = initial_intercept(y, weights, layout, data.shares(), apart)
    sizes = [preparation.n_inputs, *architecture.hidden_layer_sizes, len(intercept)]
    return initial_layers(sizes, architecture.activation, intercept, rng)


def initial_layers(
    layer_sizes: list[int], activation: str, last_intercept: FloatArray, rng: np.random.Generator
) -> list[Array]:
    """Random layers ``(in + 1, out)``, intercepts last, the output's intercepts as given.

    There may be no inputs at all, as for one constant feature with categories.
    """
    layers: list[Array] = []
    for fan_in, fan_out in pairwise(layer_sizes):
        spread = math.sqrt(ACTIVATIONS[activation].gain / max(1, fan_in))
        layer = rng.normal(0.0, spread, (fan_in + 1, fan_out))
        layer[-1] = rng.normal(0.0, _INTERCEPT_SCALE, fan_out)
        layers.append(layer)
    fan_in = layer_sizes[-2]
    layers[-1][:-1] = rng.normal(
        0.0, _LAST_LAYER_SCALE / math.sqrt(max(1, fan_in)), (fan_in, fan_out)
    )
    layers[-1][-1] = last_intercept
    return layers


def initial_intercept(
    y: FloatArray,
    weights: FloatArray | None,
    layout: HeadLayout,
    shares: FloatArray,
    apart: float = 1.0,
) -> FloatArray:
    """Intercepts of the head from standardised targets ``(n, D)`` off the atoms.

    The atoms' proportions are their ``shares (A,)`` of all rows, and those of the components equal
    parts of the rest; neither the rest nor an atom begins below `LEAST_SHARE`. Means are those of
    `initial_means`, and scales 1 / K but at least 0.3; the off-diagonal numbers of a full
    covariance start at zero. The less `apart` they are, the closer means are to zero and scales to
    1, where the mixture is a single Gaussian.
    """
    K = layout.architecture.n_components
    n_logits, n_means, n_spreads = layout.lengths
    intercept = np.zeros(n_logits + n_means + n_spreads)
    rest = max(LEAST_SHARE, 1 - float(shares.sum()))
    intercept[K:n_logits] = np.log(np.maximum(LEAST_SHARE, shares)) - math.log(rest / K)
    means = apart * initial_means(y, weights, K)
    variance = 1 + apart**2 * (max(_LEAST_SCALE, 1 / K) ** 2 - 1)
    intercept[n_logits : n_logits + n_means] = means.T.ravel()
    intercept[layout.scales] = 0.5 * math.log(variance)
    return intercept


def how_far_apart(n_rows: float, n_components: int) -> float:
    """How far apart components begin: 1 at different parts of the targets, 0 all at their mean."""
    per_component = n_rows / (_ROWS_PER_COMPONENT * n_components)
    return 1 - (1 - _LEAST_APART) * math.exp(-(per_component**2))


def initial_means(y: FloatArray, weights: FloatArray | None, n_components: int) -> FloatArray:
    """Means ``(K, D)`` at the quantiles (k + 1/2) / K of one output, k-means centres of several."""
    levels = (np.arange(n_components) + 0.5) / n_components
    if y.shape[1] == 1:
        return y[quantile_rows(y[:, 0], weights, levels)]
    return _cluster_centres(y, weights, levels)


def _cluster_centres(y: FloatArray, weights: FloatArray | None, levels: FloatArray) -> FloatArray:
    """k-means centres, initialised at quantiles along the first principal axis.

    The initialisation is deterministic, and k-means runs to a fixed point on one thread, so that
    the centres depend neither on the number of threads nor on whether rows are repeated or
    weighted.
    """
    # k-means works with squares, in which smaller differences are lost.
    rows = np.unique(np.round(y, _DECIMALS), axis=0, return_index=True)[1]
    if len(rows) <= len(levels):
        return y[rows[np.arange(len(levels)) % len(rows)]]
    with one_thread():
        initial = y[quantile_rows(principal_scores(y, weights), weights, levels)]
        clusters = KMeans(len(levels), init=initial, n_init=1, tol=0.0).fit(
            y, sample_weight=weights
        )
    return np.asarray(clusters.cluster_centers_, dtype=np.float64)
