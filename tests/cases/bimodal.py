"""Data on two branches, shared by the tests of units and of extremes."""

import numpy as np


def bimodal(n, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    y = rng.choice([-1.0, 1.0], n) * (1 + X[:, 0]) + 0.2 * rng.normal(size=n)
    return X, y


X_FIT, Y_FIT = bimodal(300, 0)
X_TEST, Y_TEST = bimodal(300, 1)
