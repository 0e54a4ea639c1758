"""Data and models that the tests of MDNRegressor share."""

import numpy as np

from skmdn import MDNRegressor

# One batch of all rows, none set aside, no decay, no calibration: plain maximum likelihood.
MAXIMUM_LIKELIHOOD = {
    "alpha": 0.0,
    "batch_size": 1_000_000,
    "calibrate": False,
    "dtype": "float64",
    "encoding": None,
    "hidden_layer_sizes": (),
    "max_iter": 1500,
    "n_components": 1,
    "random_state": 0,
    "reg_covar": 1e-12,
    "validation_fraction": None,
}


def short(**options):
    settings = {"n_components": 2, "hidden_layer_sizes": (8,), "max_iter": 10, "random_state": 0}
    # Set, so that few rows compare no networks, in other processes either.
    settings |= {"alpha": 0.04, "encoding": "piecewise"}
    return MDNRegressor(**settings | options)


def linear_rows(n=80, p=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X, 2 * X[:, 0] - X[:, 1] + 0.3 * rng.normal(size=n)


def several_outputs(n=80, seed=0):
    X, y = linear_rows(n, seed=seed)
    noise = np.random.default_rng(seed + 1).normal(size=n)
    return X, np.column_stack([y, 3 - y + 0.2 * noise])


def mean_log_likelihood(model, X, y, weights=None):
    return np.average(model.predict_proba(X).logpdf(y), weights=weights)
