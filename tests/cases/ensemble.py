"""Views that the tests of the ensemble share."""

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.linear_model import LinearRegression

from skmdn import MDNRegressor, Mixture

SMALL = MDNRegressor(n_components=2, hidden_layer_sizes=(8,), max_iter=60, encoding=None)


def two_views():
    return [("small", SMALL), ("tanh", clone(SMALL).set_params(activation="tanh"))]


class LinearGaussian(RegressorMixin, BaseEstimator):
    """A deterministic view without validation data, which records what it was fitted on."""

    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, X, y, sample_weight=None):
        self.rows_, self.weights_ = np.array(X), sample_weight
        self.line_ = LinearRegression().fit(X, y, sample_weight)
        residuals = y - self.line_.predict(X)
        self.scale_ = self.factor * np.sqrt(np.average(residuals**2, weights=sample_weight))
        return self

    def predict(self, X):
        return self.line_.predict(X)

    def predict_proba(self, X):
        mean = self.predict(X)[:, None]
        return Mixture(np.ones_like(mean), mean, np.full_like(mean, self.scale_))


class Spy(LinearGaussian):
    """A view that records its validation data too."""

    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        self.validation_ = X_val, y_val, sample_weight_val
        return super().fit(X, y, sample_weight)
