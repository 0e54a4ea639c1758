"""Views that the tests of the ensemble share."""

import numpy as np
from sklearn.base import clone

from cases.linear_gaussian import LinearGaussian
from skmdn import MDNRegressor

SMALL = MDNRegressor(
    n_components=2, hidden_layer_sizes=(8,), max_iter=60, encoding=None, alpha=0.04
)


def two_views():
    return [("small", SMALL), ("tanh", clone(SMALL).set_params(activation="tanh"))]


class Recording(LinearGaussian):
    """A view without validation data, which records what it was fitted on."""

    def fit(self, X, y, sample_weight=None):
        self.rows_, self.weights_ = np.array(X), sample_weight
        self.columns_ = list(getattr(X, "columns", []))
        return super().fit(X, y, sample_weight)


class Spy(Recording):
    """A view that records its validation data too."""

    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        self.validation_ = X_val, y_val, sample_weight_val
        return super().fit(X, y, sample_weight)
