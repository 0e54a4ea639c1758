"""Write the stored models anew: ``python tests/data/write_pickles.py``, once fitted state changes.

After a release the files of that release stay, so that models which users have stored still load.
"""

import pickle
from pathlib import Path

import numpy as np

from skmdn import (
    ConformalMDNRegressor,
    MDNEnsembleRegressor,
    MDNRegressor,
    Mixture,
    TargetMixture,
)
from skmdn.preprocessing import (
    CrossFittedPredictions,
    PiecewiseLinearEncoder,
    StandardizedRegressor,
)

FOLDER = Path(__file__).parent
# NumPy 1.26 reads arrays that NumPy 2 pickled by this protocol, but not by the next one.
PROTOCOL = 4


def network(**options):
    small = {"n_components": 2, "hidden_layer_sizes": (8,), "n_bins": 4, "max_iter": 20}
    return MDNRegressor(random_state=0, **small | options)


def models():
    """Values by the name of their file; none holds objects of another library but arrays."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 2))
    y = X[:, 0] + rng.choice([-1.0, 1.0], 100) + 0.2 * rng.normal(size=100)
    Y = np.column_stack([y, X[:, 1] + 0.5 * rng.normal(size=100)])
    views = [("plain", network(encoding=None)), ("encoded", network())]
    weights, means = rng.dirichlet(np.ones(3), 6), rng.normal(size=(6, 3, 2))
    return {
        "one_output": network().fit(X, y),
        "column": network(covariance_type="spherical", encoding=None).fit(X, y[:, None]),
        "outputs": network(covariance_type="full").fit(X, Y),
        "atoms": network(target_atoms=[0], target_transform="log").fit(X, np.maximum(y, 0)),
        "in_parts": network().partial_fit(X, y).partial_fit(X, y),
        "ensemble": MDNEnsembleRegressor(views, cv=2, random_state=0).fit(X, y),
        "ensemble_behind_map": MDNEnsembleRegressor(
            views, target_transform=["log", None], cv=2, random_state=0
        ).fit(X, np.column_stack([np.exp(y), Y[:, 1]])),
        "conformal": ConformalMDNRegressor(network(), cv=2, random_state=0).fit(X, y),
        "encoder": PiecewiseLinearEncoder(n_bins=4).fit(X),
        "predictions": CrossFittedPredictions([("network", network())], cv=2, random_state=0).fit(
            X, Y
        ),
        "trees": CrossFittedPredictions(cv=2, random_state=0)
        .fit(X, y)
        .estimators_[0][0]
        .regressor_,
        "standardized": StandardizedRegressor(network()).fit(X, y),
        "mixture_diag": Mixture(weights, means, rng.uniform(0.1, 1, (6, 3, 2))),
        "mixture_full": Mixture(
            weights, means, scale_tril=np.tile([[1, 0], [0.3, 0.5]], (6, 3, 1, 1))
        ),
    }


def answers(model, X):
    """Arrays by what they are called: what a model says of X, or what a mixture says."""
    if isinstance(model, Mixture):
        return {"mean": model.mean(), "cov": model.cov(), "logpdf": model.logpdf(X[:, None])}
    found = {}
    if hasattr(model, "transform"):
        found["transform"] = model.transform(X)
    if hasattr(model, "predict"):
        found["predict"] = model.predict(X)
    if hasattr(model, "predict_proba"):
        density = model.predict_proba(X)
        found["cov"] = density.cov()
        if isinstance(density, TargetMixture):
            found["table"] = np.asarray(density)
        else:
            found |= {"weights": density.weights, "means": density.means}
    if isinstance(model, MDNEnsembleRegressor):
        found |= {"oof_cov": model.oof_mixture_.cov(), "epistemic": model.decompose(X).epistemic}
    if isinstance(model, ConformalMDNRegressor):
        found |= {"interval": model.predict_interval(X), "region": model.predict_region(X)}
    return found


def main():
    X = np.random.default_rng(1).normal(size=(6, 2))
    for name, model in models().items():
        (FOLDER / f"{name}.pickle").write_bytes(pickle.dumps(model, PROTOCOL))
        np.savez(FOLDER / f"{name}.npz", X=X, **answers(model, X))


if __name__ == "__main__":
    main()
