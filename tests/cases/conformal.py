"""Models and data that the tests of conformal regions share."""

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.model_selection import ShuffleSplit

from skmdn import Mixture

HALF = ShuffleSplit(1, test_size=0.5, random_state=0)


class TwoPeaks(RegressorMixin, BaseEstimator):
    """Predicts peaks of standard deviation `scale` at -3 and 3 around X's first column."""

    def __init__(self, scale=0.1):
        self.scale = scale

    def fit(self, X, y):
        self.n_features_in_ = np.shape(X)[1]
        return self

    def predict(self, X):
        return np.asarray(X, float)[:, 0]

    def predict_proba(self, X):
        centre = self.predict(X)[:, None]
        half = np.full((len(centre), 2), 0.5)
        return Mixture(half, centre + np.array([-3.0, 3.0]), self.scale * np.ones_like(half))


def two_peak_data(n, seed=0, scale=0.3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 1))
    return X, X[:, 0] + rng.choice([-3.0, 3.0], n) + scale * rng.normal(size=n)


def lies_in(y, region):
    return np.any((region[..., 0] <= y[:, None]) & (y[:, None] <= region[..., 1]), axis=1)
