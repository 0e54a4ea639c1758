"""Weights of the features, by how much trees learn from each.

A network cannot tell many features that do not matter from the few that do: each of them adds noise
to the first layer. Trees can, as they choose a feature for every split. Inputs are multiplied by
such weights while the network trains, and its first layer afterwards. So the prior variance of the
first layer, and the length of the optimiser's steps in it, go by what a feature promises
("automatic relevance determination": R. M. Neal, "Bayesian learning for neural networks", Springer
1996, section 1.2.4), with the importances of extremely randomised trees (P. Geurts, D. Ernst and
L. Wehenkel, "Extremely randomized trees", Machine Learning 63 (2006)) in place of its sampling.
"""

from collections.abc import Sequence

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor

from skmdn import _engine
from skmdn._estimators.distinct_rows import merged
from skmdn._estimators.observations import Observations
from skmdn._network.preparation import Preparation
from skmdn._network.scaling import NEGLIGIBLE
from skmdn._thread_pools import one_thread

# So few features may all matter alike, and have no weights. Of more of them, as much of the squares
# of the weights as so few would have is spread evenly over all.
EQUAL_FEATURES = 10
# Trees, the most rows that they learn from, and the least of a leaf, or one in so many.
_TREES, _MOST_ROWS, _LEAST_ROWS, _ONE_IN = 50, 3000, 3, 300
# The most features that compete for a split, as a share of all and in number.
_SHARE, _MOST_FEATURES = 1 / 3, 1000


def can_be_weighed(data: Observations) -> bool:
    """Whether there are many features, and anything to tell them apart by."""
    return data.X.shape[1] > EQUAL_FEATURES and not data.is_constant()


def feature_weights(data: Observations, parts: Sequence[np.ndarray], seed: int) -> list[np.ndarray]:
    """Weights ``(p,)`` from each of the parts of the rows, given by their places.

    The mean of their squares is one. Copies of a row count as a weight does, and the order of the
    rows does not count.
    """
    with one_thread():
        return [_weights(data.select(data.rows[part]), seed) for part in parts]


def root_mean_square(weights: list[np.ndarray]) -> np.ndarray:
    """Common weights for the rows of all parts."""
    return np.sqrt(np.mean(np.square(weights), axis=0))


def weighted(start: _engine.Start, weights: np.ndarray | None) -> _engine.Start:
    """The same network for inputs that are multiplied by the features' weights ``(p,)``."""
    if weights is None:
        return start
    preparation, layers = start.preparation._replace(feature_weights=weights), start.layers
    if layers is not None:
        layers = [layers[0] / _of_rows(preparation, weights), *layers[1:]]
    return start._replace(preparation=preparation, layers=layers)


def for_plain_inputs(start: _engine.Start, layers: list[np.ndarray]) -> list[np.ndarray]:
    """Trained layers ``(in + 1, out)`` for inputs that are not multiplied by weights."""
    weights = start.preparation.feature_weights
    if weights is None:
        return layers
    first = layers[0] * _of_rows(start.preparation, weights)
    return [first.astype(layers[0].dtype), *layers[1:]]


def _of_rows(preparation: Preparation, weights: np.ndarray) -> np.ndarray:
    """Weights ``(in + 1, 1)`` of the first layer's rows; that of the intercepts is one."""
    return np.append(weights[preparation.layout.feature], 1.0)[:, np.newaxis]


def _weights(data: Observations, seed: int) -> np.ndarray:
    """Weights from all of the rows, but for those without a say in the range of a feature."""
    rows = data.rows
    if data.weights is not None:
        rows = rows[data.weights[rows] >= NEGLIGIBLE * data.weights[rows].max()]
    X, y = _dense_ranks(data.X[rows]), _dense_ranks(data.y[rows])
    # They come in the order of a hash, so that the first of them are a random sample.
    found = merged(X, y, None if data.weights is None else data.weights[rows])
    first, w = found[0][:_MOST_ROWS], found[1][:_MOST_ROWS]
    n, p = len(first), X.shape[1]
    forest = ExtraTreesRegressor(
        _TREES,
        min_samples_leaf=max(_LEAST_ROWS, n // _ONE_IN),
        max_features=min(max(1, int(_SHARE * p)), _MOST_FEATURES),
        random_state=seed,
    )
    forest.fit(X[first], _place_and_distance(y[first], w), w)
    shares, even = forest.feature_importances_, min(1.0, EQUAL_FEATURES / p)
    # A forest without any split learns from no feature more than from another.
    if not shares.sum() > 0:
        shares = np.full(p, 1 / p)
    return np.sqrt(even + (1 - even) * p * shares)


def _place_and_distance(y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """What trees should tell of each output: its rank, and how far from the median that is.

    A feature that moves only the spread of y shows in the second. Both have a variance of one.
    """
    u = np.column_stack([_weighted_ranks(column, weights) for column in y.T])
    targets = np.hstack([u, np.abs(u - 0.5)])
    targets -= np.average(targets, axis=0, weights=weights)
    scale = np.sqrt(np.average(targets**2, axis=0, weights=weights))
    return targets / np.where(scale > 0, scale, 1.0)


def _dense_ranks(columns: np.ndarray) -> np.ndarray:
    """Ranks in each column without jumps at ties, gaps above all; the same with copies of rows."""
    return np.column_stack([np.unique(column, return_inverse=True)[1] for column in columns.T])


def _weighted_ranks(column: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Shares of the weight below each value, with half of that at the value."""
    _, place = np.unique(column, return_inverse=True)
    at = np.bincount(place, weights)
    return ((np.cumsum(at) - 0.5 * at) / at.sum())[place]
