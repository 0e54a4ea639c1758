"""Data and answers that the tests of persistence and of reproducibility share."""

import numpy as np


def rows(n=80, p=3, n_outputs=None, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    noise = rng.normal(size=n if n_outputs is None else (n, n_outputs))
    return X, (X[:, 0] + 0.3 * noise.T).T


def answers(model, X):
    """Everything a model says of X."""
    density = model.predict_proba(X)
    return [
        *model.predict(X, return_std=True),
        *model.predict(X, return_cov=True),
        model.sample(X, 2, random_state=0),
        density.weights,
        density.means,
        density.scale_tril,
    ]
