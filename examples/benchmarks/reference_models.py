"""Simple densities that every other model should beat, for everyday.py and density_benchmark.py.

They have `fit`, `predict_proba` (anything that skmdn.metrics can score) and `predict` (the mean).
"""

from typing import Any

import numpy as np
from peers import LEVELS
from scipy import stats
from sklearn.linear_model import BayesianRidge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmdn.metrics import QuantilePrediction


class Marginal:
    """The quantiles of the training rows' y, for all rows."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> "Marginal":
        self.quantiles, self.mean = np.quantile(y, LEVELS), y.mean()
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return np.full(len(X), self.mean)

    def predict_proba(self, X: np.ndarray) -> QuantilePrediction:
        return QuantilePrediction(np.tile(self.quantiles, (len(X), 1)), LEVELS)


class Ridge:
    """A Bayesian linear model of standardised inputs, with Gaussian noise."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> "Ridge":
        self.model = make_pipeline(StandardScaler(), BayesianRidge()).fit(X, y)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.model.predict(X)

    def predict_proba(self, X: np.ndarray) -> Any:
        return stats.norm(*self.model.predict(X, return_std=True))


class RidgeT:
    """The same with noise of unknown variance: a Student-t around the line.

    The penalty is that of largest evidence. Given it, a noise variance with Jeffreys' prior
    integrates to a Student-t with n - 1 degrees of freedom (Bishop, Pattern Recognition and Machine
    Learning, 2006, sections 2.3.6 and 3.3).
    """

    def fit(self, X: np.ndarray, y: np.ndarray) -> "RidgeT":
        self.scaler = StandardScaler().fit(X)
        Z = self.scaler.transform(X)
        self.line = BayesianRidge().fit(Z, y)
        self.penalty = self.line.lambda_ / self.line.alpha_
        self.precision = Z.T @ Z + self.penalty * np.eye(Z.shape[1])
        squares = np.sum((y - self.line.predict(Z)) ** 2)
        squares += self.penalty * np.sum(self.line.coef_**2)
        self.n = len(y)
        self.variance = squares / (self.n - 1)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.line.predict(self.scaler.transform(X))

    def predict_proba(self, X: np.ndarray) -> Any:
        Z = self.scaler.transform(X)
        leverage = 1 / self.n + np.sum(Z * np.linalg.solve(self.precision, Z.T).T, axis=1)
        scale = np.sqrt(self.variance * (1 + leverage))
        return stats.t(self.n - 1, self.line.predict(Z), scale)
