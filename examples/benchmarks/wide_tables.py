"""Held-out scores on simulated tables with many features for their rows.

    python examples/benchmarks/wide_tables.py [--models single,ensemble,ridge] [--seeds 3] [--quick]

sparse: y depends on five of the features, in a line, with noise. factor: y and all features depend
on four hidden factors. bent: y is a sum of curves of three of the features, with little noise.
Every model sees the same rows. Scores are means over the seeds, of 1,000 new rows each.
"""

import argparse
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from reference_models import Ridge

from skmdn import MDNEnsembleRegressor, MDNRegressor
from skmdn.metrics import crps_loss, log_likelihood_score

import_module("torch")  # else the time of the first fit would include the import

MODELS: dict[str, Callable[[int], Any]] = {
    "single": lambda seed: MDNRegressor(random_state=seed),
    "ensemble": lambda seed: MDNEnsembleRegressor(random_state=seed),
    "ridge": lambda seed: Ridge(),
}
# Relation, rows and features.
TABLES = [
    ("sparse", 60, 200),
    ("sparse", 200, 250),
    ("factor", 60, 200),
    ("bent", 600, 100),
    ("sparse", 2000, 300),
    ("factor", 2000, 300),
    ("bent", 2000, 250),
]
NEW_ROWS = 1000


def table(relation: str, n: int, p: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows ``X (n, p)``, ``y (n,)`` of a relation."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    if relation == "sparse":
        return X, X[:, :5].sum(axis=1) + rng.normal(size=n)
    if relation == "bent":
        curves = 2 * np.sin(2 * X[:, 0]) + 2 * np.abs(X[:, 1]) + X[:, 2]
        return X, curves + 0.3 * rng.normal(size=n)
    factors = rng.normal(size=(n, 4))
    X += factors @ rng.normal(size=(4, p))
    return X, factors.sum(axis=1) + 0.5 * rng.normal(size=n)


def scores(model: Any, X: np.ndarray, y: np.ndarray, n: int) -> tuple[float, float, float]:
    """CRPS and NLL of new rows, and seconds of CPU that the fit to the first n rows took."""
    start = time.process_time()
    model.fit(X[:n], y[:n])
    seconds = time.process_time() - start
    density = model.predict_proba(X[n:])
    return crps_loss(y[n:], density), -log_likelihood_score(y[n:], density), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one table, one network, one seed")
    options = parser.parse_args()
    names, seeds, tables = options.models.split(","), range(options.seeds), TABLES
    if options.quick:
        names, seeds, tables = ["single", "ridge"], range(1), TABLES[:1]
    heads = "relation", "rows", "features", "model", "CRPS", "NLL", "CPU s"
    print("{:10}{:>6}{:>10}{:>12}{:>8}{:>8}{:>8}".format(*heads))
    for relation, n, p in tables:
        for name in names:
            found = [
                scores(MODELS[name](seed), *table(relation, n + NEW_ROWS, p, seed), n)
                for seed in seeds
            ]
            crps, nll, seconds = np.mean(found, axis=0)
            print(f"{relation:10}{n:6}{p:10}{name:>12}{crps:8.3f}{nll:8.3f}{seconds:8.1f}")


if __name__ == "__main__":
    main()
