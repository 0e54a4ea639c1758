"""The density benchmark of Izbicki and Rodrigues (arXiv 2603.26611), beside its published figures.

    python examples/benchmarks/density_benchmark.py --data DIR [--sets kin8nm] [--rows 50,500]
        [--models single,ensemble,ridge-t] [--csv FILE] [--jobs 2] [--quick]

Its rows: the first n of a set, a quarter of them for the test, five random splits (here 20 for 50
rows; theirs are 50). Its log-likelihood: the density on a grid of 200 points over the range of the
training targets and 5 % beyond, made to integrate to one, and at least 1e-10. This costs a sharp
density, and everybody whose test row is off the grid; so the exact log-likelihood stands beside it.
All settings are the defaults; `random_state` is the number of the split.
"""

import argparse
import itertools
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from everyday import listed
from joblib import Parallel, delayed
from reference_models import RidgeT
from sklearn.model_selection import train_test_split
from uci_protocol import (
    Data,
    Factory,
    append_score,
    mean_and_error,
    read_scores,
    runnable,
    simulate,
)

from skmdn import MDNEnsembleRegressor, MDNRegressor
from skmdn.metrics import coverage_score, crps_loss

WHERE = (
    "No sets in {}. Pass a folder as --data: one SET.csv or SET.csv.gz per set, with the rows in "
    "the order of OpenML and the target last: kin8nm, puma8NH, cal_housing, ailerons."
)
# Mean log-likelihood: TabPFN-2.5, TabICLv2, the benchmark's tuned mixture density network.
PUBLISHED = {
    ("kin8nm", 50): (-0.549, -0.637, -1.563),
    ("kin8nm", 500): (0.653, 0.807, 0.224),
    ("kin8nm", 1000): (0.985, 1.004, 0.463),
    ("kin8nm", 5000): (1.285, 1.188, 0.970),
    ("puma8NH", 50): (-3.465, -3.755, -3.886),
    ("puma8NH", 500): (-2.491, -2.636, -2.950),
    ("puma8NH", 1000): (-2.444, -2.526, -2.817),
    ("puma8NH", 5000): (-2.417, -2.558, -2.509),
    ("cal_housing", 50): (-12.703, -12.819, -13.857),
    ("cal_housing", 500): (-11.986, -11.966, -12.433),
    ("cal_housing", 1000): (-11.949, -11.889, -12.418),
    ("cal_housing", 5000): (-11.666, -11.667, -12.114),
    ("ailerons", 50): (6.940, 6.463, 4.523),
    ("ailerons", 1000): (8.087, 7.181, 7.239),
}
MODELS: dict[str, Factory] = {
    "single": lambda seed: MDNRegressor(random_state=seed),
    "ensemble": lambda seed: MDNEnsembleRegressor(random_state=seed),
    "ridge-t": lambda seed: RidgeT(),
}
GRID, BEYOND, LEAST_DENSITY = 200, 0.05, 1e-10


@dataclass(frozen=True)
class Score:
    """Scores of one model on one split. Log-likelihoods: higher is better."""

    set: str
    model: str
    rows: int
    split: int
    on_grid: float
    exact: float
    crps: float
    coverage: float
    cpu_seconds: float


def log_likelihood_on_grid(density: Any, y_train: np.ndarray, y: np.ndarray) -> float:
    """Mean log-likelihood of the density between the points of the benchmark's grid."""
    beyond = BEYOND * np.ptp(y_train)
    grid = np.linspace(y_train.min() - beyond, y_train.max() + beyond, GRID)
    if hasattr(density, "dist"):  # of scipy: points broadcast with the rows
        known = density.pdf(grid[:, np.newaxis]).T
    else:
        known = density.pdf(grid[np.newaxis])
    mass = known.sum(axis=1, keepdims=True) * (grid[1] - grid[0])
    known = known / np.where(mass > 0, mass, 1.0)
    at = [np.interp(value, grid, row, left=0, right=0) for value, row in zip(y, known, strict=True)]
    return float(np.mean(np.log(np.maximum(at, LEAST_DENSITY))))


def fit_and_score(factory: Factory, data: Data, name: str, n: int, split: int) -> Score:
    """Fit a model on the training rows of a split, and score it on the others."""
    X, X_test, y, y_test = train_test_split(
        data.X[:n], data.y[:n], test_size=0.25, random_state=split
    )
    start = time.process_time()
    density = factory(split).fit(X, y).predict_proba(X_test)
    seconds = time.process_time() - start
    return Score(
        data.name,
        name,
        n,
        split,
        on_grid=log_likelihood_on_grid(density, y, y_test),
        exact=float(np.mean(density.logpdf(y_test))),
        crps=crps_loss(y_test, density),
        coverage=coverage_score(y_test, density, level=0.9),
        cpu_seconds=seconds,
    )


def run(data: Data, models: dict[str, Factory], options: argparse.Namespace) -> list[Score]:
    """Scores of all models on a set; scores in the file are not repeated."""
    before = {
        (s.model, s.rows, s.split): s for s in read_scores(options.csv, Score) if s.set == data.name
    }
    wanted = [
        (name, n, split)
        for n, name in itertools.product(options.rows, models)
        if n <= len(data.y)
        for split in range(1 if options.quick else 20 if n <= 50 else 5)
    ]
    jobs = [
        delayed(fit_and_score)(models[name], data, name, n, split)
        for name, n, split in wanted
        if (name, n, split) not in before
    ]
    scores = [before[trial] for trial in wanted if trial in before]
    for score in Parallel(n_jobs=options.jobs, return_as="generator")(jobs):
        append_score(options.csv, score)
        scores.append(score)
    return scores


def print_table(data: Data, scores: list[Score]) -> None:
    """Mean and standard error over the splits, and the published means."""
    heads = ["on the grid", "exact", "CRPS", "in 90 %", "CPU s"]
    for n in dict.fromkeys(score.rows for score in scores):
        print(f"\n{data.name}, {n} rows, {data.X.shape[1]} features")
        print(f"{'':12}" + "".join(f"{head:>18}" for head in heads))
        for name in dict.fromkeys(score.model for score in scores):
            chosen = [s for s in scores if (s.model, s.rows) == (name, n)]
            columns = (
                [getattr(s, field) for s in chosen] for field in ("on_grid", "exact", "crps")
            )
            cells = [mean_and_error(np.array(column)) for column in columns]
            cells.append(f"{np.mean([s.coverage for s in chosen]):.1%}")
            cells.append(f"{np.mean([s.cpu_seconds for s in chosen]):.3g}")
            print(f"{name:12}" + "".join(f"{cell:>18}" for cell in cells))
        if (data.name, n) in PUBLISHED:
            tabpfn, tabicl, mdn = PUBLISHED[data.name, n]
            print(f"  published, on the grid: TabPFN-2.5 {tabpfn}, TabICLv2 {tabicl}, MDN {mdn}")


def chosen_sets(options: argparse.Namespace) -> list[Data]:
    """Sets to run; where there are none, say what the folder must hold, and exit."""
    names = options.sets or list(dict.fromkeys(name for name, _ in PUBLISHED))
    endings = (".csv", ".csv.gz")
    places = [(options.data or Path()) / f"{name}{ending}" for name in names for ending in endings]
    found = [] if options.data is None else [place for place in places if place.is_file()]
    if not found:
        print(WHERE.format(options.data or "--data DIR, which was not given"))
        if not options.quick:
            sys.exit(1)
        return [simulate(200)]
    tables = {place: np.loadtxt(place, delimiter=",", skiprows=1) for place in found}
    return [Data(p.name.split(".")[0], t[:, :-1], t[:, -1]) for p, t in tables.items()]


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Checked options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder with a CSV per set")
    parser.add_argument("--sets", type=listed(str), help="names with commas between; default: all")
    parser.add_argument("--rows", type=listed(int), default=[50, 500, 1000], help="50,500,1000")
    parser.add_argument("--models", type=listed(str), default=list(MODELS), help=", ".join(MODELS))
    parser.add_argument(
        "--csv", type=Path, metavar="FILE", help="keeps the scores; they are not computed again"
    )
    parser.add_argument("--jobs", type=int, default=1, help="models fitted in parallel")
    parser.add_argument("--quick", action="store_true", help="one split; needs no data")
    options = parser.parse_args(arguments)
    for name in set(options.models) - set(MODELS):
        parser.error(f"--models: expected {', '.join(MODELS)}; got {name}")
    if options.quick:
        options.rows = options.rows[:1]
    return options


def main() -> None:
    options = parse_options()
    models = runnable(MODELS, options.models)
    for data in chosen_sets(options):
        print_table(data, run(data, models, options))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
