"""Densities of several outputs: held-out log-likelihood beside single Gaussians.

    python examples/benchmarks/several_outputs.py --data DIR [--sets enb,jura,taxi] [--seeds 5]
        [--models k5,k5-full] [--csv FILE] [--quick]

enb: heating and cooling load of buildings (768 x 8 -> 2). jura: three metals in soil (359 x 15 ->
3). taxi: where a ride in New York ends, longitude and latitude, given start, hour and weekday
(10000 x 6 -> 2). The joint log-density is in nats per row and in the units of the data.
"""

import argparse
import csv
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LinearRegression
from uci_protocol import mean_and_error

from skmdn import MDNEnsembleRegressor, MDNRegressor, Mixture
from skmdn.ensemble.views import default_views
from skmdn.metrics import crps_loss, energy_loss, log_likelihood_score

# For so many rows the ensemble has its usual views; fewer rows have more.
MANY = 1000
FILES = {"enb": "enb.arff", "jura": "jura.arff", "taxi": "nyc_taxi.csv"}
WHERE = (
    "Data: {} not found in {}. enb.arff and jura.arff are in Mulan's collection of multi-target "
    "sets (mulan.sourceforge.net), nyc_taxi.csv in statsmaths/ml_data on GitHub; pass the folder "
    "that holds them as --data."
)
AXES, ENDS = ("longitude", "latitude"), ("pickup", "dropoff")
HEADS = ["set", "model", "seed", "log_likelihood", "energy", "crps", "cpu_seconds"]


@dataclass(frozen=True)
class Data:
    """Rows of one set, and its test rows where the set defines them."""

    name: str
    X: np.ndarray  # (n, p)
    y: np.ndarray  # (n, D)
    is_test: np.ndarray | None = None  # (n,)

    def split(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Training and test rows: the set's own, else 90 % and 10 %, drawn with the seed."""
        if self.is_test is not None:
            return np.flatnonzero(~self.is_test), np.flatnonzero(self.is_test)
        rows = np.random.default_rng(seed).permutation(len(self.y))
        return tuple(np.split(rows, [round(0.9 * len(rows))]))


class FullGaussian:
    """Linear means and one Gaussian of full covariance, by maximum likelihood."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> "FullGaussian":
        self.plane = LinearRegression().fit(X, y)
        errors = y - self.plane.predict(X)
        self.factor = np.linalg.cholesky(errors.T @ errors / len(y))
        return self

    def predict_proba(self, X: np.ndarray) -> Mixture:
        means = self.plane.predict(X)[:, None, :]
        factors = np.broadcast_to(self.factor, (len(X), 1, *self.factor.shape))
        return Mixture(np.ones((len(X), 1)), means, scale_tril=factors)


def network(seed: int, **options: Any) -> MDNRegressor:
    """What many rows get by default; few rows would compare networks."""
    fixed = {"alpha": 0.04, "encoding": "piecewise", "feature_weights": None}
    return MDNRegressor(random_state=seed, **fixed, **options)


MODELS: dict[str, Callable[[int], Any]] = {
    "linear-full": lambda seed: FullGaussian(),
    "k1": lambda seed: network(seed, n_components=1),
    "k1-full": lambda seed: network(seed, n_components=1, covariance_type="full"),
    "k5": lambda seed: network(seed),
    "k5-full": lambda seed: network(seed, covariance_type="full"),
    "ensemble": lambda seed: MDNEnsembleRegressor(
        default_views(MANY, n_features=1), random_state=seed
    ),
}


def read_arff(file: Path, n_outputs: int) -> tuple[np.ndarray, np.ndarray]:
    """Features and targets; the targets are the last columns."""
    text = file.read_text(encoding="utf-8")
    rows = text[text.lower().index("@data") :].splitlines()[1:]
    table = np.array([row.split(",") for row in rows if row.strip()], dtype=float)
    return table[:, :-n_outputs], table[:, -n_outputs:]


def read_taxi(file: Path) -> Data:
    """Start, hour and weekday of rides, and where they end; hour and weekday as sine and cosine."""
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    column = {
        name: np.array([float(row[name]) for row in rows])
        for name in ("hour", "weekday", *(f"{end}_{axis}" for end in ENDS for axis in AXES))
    }
    hour, weekday = 2 * np.pi * column["hour"] / 24, 2 * np.pi * column["weekday"] / 7
    circles = [np.sin(hour), np.cos(hour), np.sin(weekday), np.cos(weekday)]
    start, end = ([column[f"{end}_{axis}"] for axis in AXES] for end in ENDS)
    is_test = np.array([row["train_id"] == "test" for row in rows])
    return Data("taxi", np.column_stack([*start, *circles]), np.column_stack(end), is_test)


def read_set(name: str, file: Path) -> Data:
    """Rows of a set."""
    if name == "taxi":
        return read_taxi(file)
    return Data(name, *read_arff(file, {"enb": 2, "jura": 3}[name]))


def simulate(n: int = 120) -> Data:
    """Two outputs on a noisy circle: dependent, but not correlated."""
    rng = np.random.default_rng(0)
    X, angle = rng.uniform(-1, 1, (n, 2)), rng.uniform(0, 2 * np.pi, n)
    y = X + np.column_stack([np.cos(angle), np.sin(angle)]) + 0.1 * rng.normal(size=(n, 2))
    return Data("simulated", X, y)


def fit_and_score(model: Any, data: Data, seed: int) -> tuple[float, float, float, float]:
    """Log-likelihood, energy score, CRPS of the outputs and CPU seconds of the fit."""
    train, test = data.split(seed)
    cpu = time.process_time()
    model.fit(data.X[train], data.y[train])
    cpu = time.process_time() - cpu
    density, y = model.predict_proba(data.X[test]), data.y[test]
    return log_likelihood_score(y, density), energy_loss(y, density), crps_loss(y, density), cpu


def find_sets(options: argparse.Namespace) -> list[Data]:
    """Sets to run; where there are none, say where to get them, and exit."""
    found = []
    for name in options.sets:
        places = options.data.rglob(FILES[name]) if options.data else []
        file = next(iter(places), None)
        if file is None:
            print(WHERE.format(FILES[name], options.data or "--data DIR, which was not given"))
        else:
            found.append(read_set(name, file))
    if not found and not options.quick:
        sys.exit(1)
    return found or [simulate()]


def run(data: Data, options: argparse.Namespace) -> None:
    """Fit every model with every seed, and print a line for each model."""
    n, p = data.X.shape
    print(
        f"\n{data.name}: {n} rows, {p} features, {data.y.shape[1]} outputs; {options.seeds} seeds"
    )
    print(f"{'':14}{'log-likelihood':>20}{'energy score':>22}{'CRPS':>22}{'fit, CPU s':>14}")
    for name in options.models:
        scores = np.empty((options.seeds, 4))
        for seed in range(options.seeds):
            scores[seed] = fit_and_score(MODELS[name](seed), data, seed)
            if options.csv is not None:
                write(options.csv, [data.name, name, seed, *scores[seed]])
        cells = [mean_and_error(scores[:, j]) for j in range(3)]
        line = f"{cells[0]:>20}{cells[1]:>22}{cells[2]:>22}{scores[:, 3].mean():>14.3g}"
        print(f"{name:14}{line}", flush=True)


def write(file: Path, row: list[Any]) -> None:
    """Add a line to a table."""
    is_new = not file.exists()
    with file.open("a", newline="") as lines:
        csv.writer(lines).writerows([HEADS, row] if is_new else [row])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of the data files")
    parser.add_argument("--sets", default=",".join(FILES), help=f"of {', '.join(FILES)}")
    parser.add_argument("--models", default=",".join(MODELS), help=f"of {', '.join(MODELS)}")
    parser.add_argument("--seeds", type=int, default=5, help="seeds of splits and models")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="file to add the scores to")
    parser.add_argument("--quick", action="store_true", help="one seed, no ensemble; needs no data")
    options = parser.parse_args()
    options.models, options.sets = options.models.split(","), options.sets.split(",")
    for given, known in ((options.models, MODELS), (options.sets, FILES)):
        for name in set(given) - set(known):
            parser.error(f"expected {', '.join(known)}; got {name}")
    if options.quick:
        options.seeds, options.sets = 1, ["jura"]
        options.models = [name for name in options.models if name != "ensemble"]
    for data in find_sets(options):
        run(data, options)


if __name__ == "__main__":
    main()
