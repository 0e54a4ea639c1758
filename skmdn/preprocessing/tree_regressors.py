"""The regressors that cross-fitting takes where the user names none."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np
from sklearn import config_context
from sklearn.base import BaseEstimator, RegressorMixin, clone

from skmdn._network.scaling import location_and_scale
from skmdn._thread_pools import one_thread

# Rows times trees, which bounds the size of a fitted forest. First there are fewer trees, as single
# rows in the leaves are worth more than many trees; with too few trees left the leaves hold more.
_MOST_LEAVES, _LEAST_TREES, _MOST_TREES = 4_000_000, 10, 100
# Numbers of X from which on boosting gains by a second thread, measured on two cores. With fewer it
# takes up to twice as long, and on busy cores ten times.
_WORTH_THREADS = 100_000
# Within single precision with room for sums, and beyond any row that trains.
_FARTHEST = 1e30


def tree_regressors(n_rows: int, n_outputs: int) -> list[tuple[str, Any]]:
    """Named regressors for so many rows and outputs, indifferent to the units of both."""
    # Most of what importing skmdn would otherwise cost, for those who use the default only.
    from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
    from sklearn.multioutput import MultiOutputRegressor

    n_trees = min(_MOST_TREES, max(_LEAST_TREES, _MOST_LEAVES // n_rows))
    trees = ExtraTreesRegressor(n_trees, min_samples_leaf=-(-n_trees * n_rows // _MOST_LEAVES))
    boosting = HistGradientBoostingRegressor(max_iter=100, learning_rate=0.18, max_leaf_nodes=63)
    if n_outputs > 1:
        boosting = MultiOutputRegressor(boosting)
    return [
        ("extra_trees", StandardizedForest(trees)),
        ("boosting", StandardizedRegressor(boosting)),
    ]


class StandardizedRegressor(RegressorMixin, BaseEstimator):
    """A regressor that is given standardised inputs and targets, and predicts in y's own units.

    scikit-learn's trees hold differences, impurities and gains against fixed thresholds: features
    that span less than 1e-7 are constant to them, targets with a standard deviation below 1e-8 are
    not worth a split, and of several outputs they see the one with the largest numbers. They also
    refuse numbers beyond single precision.
    """

    def __init__(self, regressor: Any) -> None:
        self.regressor = regressor

    def fit(
        self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> StandardizedRegressor:
        """Fit to y of shape ``(n,)`` or ``(n, D)``."""
        columns = y.reshape(len(y), -1)
        self.X_units_ = Units.of(X, sample_weight)
        self.y_units_ = Units.of(columns, sample_weight)
        targets = self.y_units_.standardized(columns).reshape(y.shape)
        # The default regressors take weights, whatever requests the user's own routing asks for.
        with config_context(enable_metadata_routing=False), _threads_for(X):
            self.regressor_ = clone(self.regressor).fit(
                self.X_units_.standardized(X), targets, sample_weight=sample_weight
            )
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predictions of shape ``(n,)`` or ``(n, D)``, as y had it."""
        with _threads_for(X):
            targets = self.regressor_.predict(self.X_units_.standardized(X))
        columns = targets.reshape(len(X), -1)
        return (self.y_units_.location + self.y_units_.scale * columns).reshape(targets.shape)


class StandardizedForest(StandardizedRegressor):
    """The same for a forest, which can be thinned."""

    def thin(self, n_together: int) -> None:
        """Keep as many trees as `n_together` equal forests need that are averaged from here on."""
        forest = self.regressor_
        forest.estimators_ = forest.estimators_[: -(-forest.n_estimators // n_together)]
        forest.set_params(n_estimators=len(forest.estimators_))


class Units(NamedTuple):
    """Location and scale ``(p,)`` of columns; the scale of a constant one is 1."""

    location: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, columns: np.ndarray, weights: np.ndarray | None) -> Units:
        """Weighted mean and standard deviation."""
        location, scale = location_and_scale(columns, weights)
        return cls(location, np.where(scale > 0, scale, 1.0))

    def standardized(self, columns: np.ndarray) -> np.ndarray:
        """Distances from the location in units of the scale, as far as single precision goes."""
        with np.errstate(over="ignore"):
            z = (columns - self.location) / self.scale
        return np.clip(z, -_FARTHEST, _FARTHEST)


def _threads_for(X: np.ndarray) -> AbstractContextManager[object]:
    """One thread for little work, the caller's number for more."""
    return one_thread() if X.size < _WORTH_THREADS else nullcontext()
