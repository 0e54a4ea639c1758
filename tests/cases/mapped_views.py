"""Views and choices behind maps that the tests of the ensemble and of folds share."""

import numpy as np

from cases.linear_gaussian import LinearGaussian
from skmdn import MDNRegressor, TargetMixture
from skmdn.transforms import Log, as_transform


class MappedLine(LinearGaussian):
    """A line through mapped targets of one output; it says which targets it was fitted on."""

    def __init__(self, alpha=1e-6, inflation=1.0, target_transform=None):
        super().__init__(alpha, inflation)
        self.target_transform = target_transform

    def fit(self, X, y, sample_weight=None):
        self.y_ = np.array(y)
        z = as_transform(self.target_transform).forward(y)
        return super().fit(X, np.where(np.isfinite(z), z, 0), sample_weight)

    def predict_proba(self, X):
        base = super().predict_proba(X)
        return base if self.target_transform is None else TargetMixture(base, self.target_transform)


class Choosing(MDNRegressor):
    """A network that always chooses the logarithm, and records what it chose on."""

    calls = []  # noqa: RUF012

    def _chosen_target_transform(self, X, y, sample_weight=None, groups=None):
        self.calls.append((np.array(X), np.array(y), sample_weight, groups, self.random_state))
        return Log()


def choosing(**options):
    """A small one, its record emptied."""
    Choosing.calls.clear()
    small = {"n_components": 2, "hidden_layer_sizes": (8,), "max_iter": 5, "encoding": None}
    return Choosing(**small | options)


def positive_rows(n=90, seed=0):
    """X (n, 2) and log-normal y (n,), whose logarithm is linear in X."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    return X, np.exp(1 + X[:, 0] - 0.5 * X[:, 1] + 0.4 * rng.normal(size=n))
