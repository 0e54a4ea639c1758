"""Data on two branches and a short fit, shared by the tests of units and of extremes."""

import numpy as np

from skmdn import MDNRegressor


def bimodal(n, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    y = rng.choice([-1.0, 1.0], n) * (1 + X[:, 0]) + 0.2 * rng.normal(size=n)
    return X, y


def short(**options):
    return MDNRegressor(
        **{"n_components": 3, "hidden_layer_sizes": (16,), "max_iter": 30, "random_state": 0}
        | options
    )


X_FIT, Y_FIT = bimodal(300, 0)
X_TEST, Y_TEST = bimodal(300, 1)
