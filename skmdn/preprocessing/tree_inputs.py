"""What trees get for features with categories: codes, or means of the targets."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skmdn._network.beside_numbers import beside_columns
from skmdn._network.category_inputs import places
from skmdn._network.target_means import N_FOLDS, shrunk_means
from skmdn._thread_pools import one_thread

# Largest number of categories that HistGradientBoostingRegressor takes by itself.
_MOST_CATEGORIES = 255


class TreeInputs(NamedTuple):
    """Features of numbers as they are, then codes, then means of the targets.

    A regressor that takes categories gets codes, of features with few enough of them. In place of
    others stand shrunk means of the targets, less a line in the numbers, which put the categories
    into an order.
    """

    numbers: np.ndarray  # features of numbers
    coded: np.ndarray  # features with codes
    averaged: np.ndarray  # features with means
    means: list[np.ndarray]  # (L + 2, D), of every averaged feature

    @property
    def is_coded(self) -> np.ndarray:
        """Which of the columns hold codes."""
        lengths = len(self.numbers), len(self.coded), sum(m.shape[1] for m in self.means)
        return np.repeat([False, True, False], lengths)

    def of(self, X: np.ndarray) -> np.ndarray:
        """Columns for new rows ``(n, p)``; an unseen category is a gap."""
        of_features = zip(self.averaged, self.means, strict=True)
        averaged = [means[places(X[:, j], len(means) - 2)] for j, means in of_features]
        return self._columns(X, averaged)

    def _columns(self, X: np.ndarray, averaged: list[np.ndarray]) -> np.ndarray:
        codes = X[:, self.coded]
        return np.hstack([X[:, self.numbers], np.where(codes < 0, np.nan, codes), *averaged])


def fit_tree_inputs(
    X: np.ndarray,
    z: np.ndarray,
    weights: np.ndarray | None,
    n_categories: np.ndarray,
    *,
    takes_categories: bool,
) -> tuple[TreeInputs, np.ndarray]:
    """Inputs of trees, and their columns for the training rows.

    These get means of the targets ``z (n, D)`` of other rows, because trees would trust means that
    contain a row's own target too much. On tables with text columns this lowered the error of extra
    trees by a tenth.
    """
    is_coded = (n_categories > 0) & (n_categories <= _MOST_CATEGORIES) & takes_categories
    averaged = np.flatnonzero((n_categories >= 0) & ~is_coded)
    folds = np.random.default_rng(0).integers(N_FOLDS, size=len(X))
    of_rows = [places(X[:, j], n_categories[j]) for j in averaged]
    left = z
    if len(averaged) > 0:
        with one_thread():  # the bits of a line depend on the number of threads
            left = beside_columns(X[:, n_categories < 0], z, weights)
    tables = [
        shrunk_means(place, n_categories[j] + 2, left, weights, folds)
        for place, j in zip(of_rows, averaged, strict=True)
    ]
    inputs = TreeInputs(
        np.flatnonzero(n_categories < 0),
        np.flatnonzero(is_coded),
        averaged,
        [table[-1] for table in tables],
    )
    trained = [table[folds, place] for table, place in zip(tables, of_rows, strict=True)]
    return inputs, inputs._columns(X, trained)
