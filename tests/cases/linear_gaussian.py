"""A small deterministic regressor with predict_proba: what scorers and folds are tested with."""

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

from skmdn.mixture import Mixture


class LinearGaussian(RegressorMixin, BaseEstimator):
    """Weighted ridge regression with independent normal errors; `inflation` spoils the spread."""

    def __init__(self, alpha=1e-6, inflation=1.0):
        self.alpha = alpha
        self.inflation = inflation

    def fit(self, X, y, sample_weight=None):
        weights = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, float)
        design, targets = self._design(X), np.asarray(y, float)
        weighted = design * weights[:, None]
        gram = weighted.T @ design + self.alpha * np.eye(design.shape[1])
        self.coef_ = np.linalg.solve(gram, weighted.T @ targets)
        squares = (targets - design @ self.coef_) ** 2
        self.scale_ = np.sqrt(np.average(squares, axis=0, weights=weights)) * self.inflation
        self.n_features_in_ = design.shape[1] - 1
        return self

    def predict(self, X):
        return self._design(X) @ self.coef_

    def predict_proba(self, X):
        means = self.predict(X)
        scales = np.broadcast_to(self.scale_, means.shape)
        return Mixture(np.ones((len(means), 1)), means[:, None], scales[:, None])

    @staticmethod
    def _design(X):
        columns = np.asarray(X, float)
        return np.column_stack([np.ones(len(columns)), columns])


def linear_data(n_rows, seed=0, n_outputs=None):
    """Return X (n, 3) and y (n,) or (n, D): linear in two columns, noise of deviation 0.5."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 3))
    shape = (n_rows,) if n_outputs is None else (n_rows, n_outputs)
    signal = 1.0 + 2.0 * X[:, 0] - X[:, 1]
    noise = 0.5 * rng.normal(size=shape)
    return X, (signal + noise.T).T
