"""Old Faithful: held-out log-likelihood of mixture density networks beside simpler densities.

The same rows for every model: repeated 5-fold cross-validation of the 221 measured eruptions.

    python examples/benchmarks/old_faithful.py [--quick]
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import RepeatedKFold

from skmdn import MDNRegressor, Mixture
from skmdn.metrics import crps_loss, log_likelihood_score

DATA = Path(__file__).parents[1] / "old_faithful.csv"


class LinearGaussian:
    """A straight line with Gaussian noise of constant width, by maximum likelihood."""

    def fit(self, X, y):
        self.line = LinearRegression().fit(X, y)
        self.noise = np.std(y - self.line.predict(X))
        return self

    def predict_proba(self, X):
        means = self.line.predict(X)[:, None]
        return Mixture(np.ones_like(means), means, np.full_like(means, self.noise))


def load_eruptions():
    """Waiting times (n, 1) and measured durations (n,) in minutes, codes left out."""
    waiting, duration = np.loadtxt(DATA, delimiter=",", skiprows=7, unpack=True)
    measured = ~np.isin(duration, [2, 3, 4])
    return waiting[measured, None], duration[measured]


def held_out_scores(model, X, y, splits):
    """Log-likelihood (nats) and CRPS (minutes) of the held-out rows of every split."""
    scores = []
    for train, test in splits:
        density = model.fit(X[train], y[train]).predict_proba(X[test])
        scores.append((log_likelihood_score(y[test], density), crps_loss(y[test], density)))
    return np.array(scores)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one split in place of 20")
    options = parser.parse_args()

    X, y = load_eruptions()
    splits = list(RepeatedKFold(n_splits=5, n_repeats=4, random_state=0).split(X))
    splits = splits[:1] if options.quick else splits
    models = {"line, Gaussian noise": LinearGaussian()}
    for K in (1, 2, 3, 5):
        models[f"MDNRegressor, K={K}"] = MDNRegressor(n_components=K, random_state=0)
        models[f"  and no encoding, K={K}"] = MDNRegressor(
            n_components=K, encoding=None, random_state=0
        )

    print(f"{len(y)} eruptions, {len(splits)} splits: mean ± standard deviation over the splits")
    print(f"{'':24}{'log-likelihood (nats)':>22}{'CRPS (min)':>18}")
    for name, model in models.items():
        scores = held_out_scores(model, X, y, splits)
        (gain, loss), (gain_sd, loss_sd) = scores.mean(axis=0), scores.std(axis=0)
        print(f"{name:24}{gain:>14.3f} ± {gain_sd:.3f}{loss:>10.3f} ± {loss_sd:.3f}", flush=True)


if __name__ == "__main__":
    main()
