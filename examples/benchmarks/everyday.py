"""Everyday tables: text columns, gaps, ties, few rows, rows in the order of time.

    python examples/benchmarks/everyday.py --data DIR [--raw] [--gaps .2] [--sets ames,wage]
        [--models single,single-auto,ensemble,marginal,ridge,ngboost] [--seeds 0,1,2] [--splits 0:4]
        [--csv FILE] [--jobs 2] [--quick]

All models see one numeric matrix: text is one-hot, a gap is the median and an indicator. `--raw`
hands the table in as it is, beside the matrix. `--gaps .2` first empties a fifth of the cells; then
gaps that go straight in stand beside SimpleImputer(add_indicator=True). Ratios and differences are
paired: the same set, split and seed. All settings are the defaults; `random_state` is the seed.
"""

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from everyday_tables import FORMS, Data, read_table
from joblib import Parallel, delayed
from peers import LEVELS, PEERS
from reference_models import Marginal, Ridge, RidgeT
from uci_protocol import (
    Factory,
    append_score,
    mean_and_error,
    parse_splits,
    read_scores,
    runnable,
)

from skmdn import MDNEnsembleRegressor, MDNRegressor, Mixture, TargetMixture
from skmdn.metrics import QuantilePrediction

WHERE = (
    "No tables in {}. Pass a folder as --data: one CSV per set, whose last column is the target, "
    "and index.csv with the columns 'set' (the file's name without .csv) and 'ordered' (1 where "
    "the rows are in the order of time). Many such tables are in the public repository "
    "vincentarelbundock/Rdatasets on GitHub."
)
SHIPPED = Path(__file__).parents[1] / "flat_rents.csv"
CENTRAL = [4, 94]  # LEVELS .05 and .95, the ends of the central 90 % interval


@dataclass(frozen=True)
class Score:
    """Scores of one model on one split with one seed; lower is better, except for the coverage."""

    set: str
    model: str
    form: str  # of FORMS
    gaps: float  # share of the cells that were emptied
    split: int
    seed: int
    crps: float
    nll: float
    rmse: float
    coverage: float
    cpu_seconds: float


class Refusal(NamedTuple):
    """A model does not take a table in this form."""

    model: str
    form: str
    error: str


class Trial(NamedTuple):
    """One fit."""

    model: str
    form: str
    split: int
    seed: int


# Models.


NETWORKS: dict[str, Factory] = {
    "single": lambda seed: MDNRegressor(random_state=seed),
    "ensemble": lambda seed: MDNEnsembleRegressor(random_state=seed),
}
MODELS: dict[str, Factory] = NETWORKS | {
    "single-auto": lambda seed: MDNRegressor(target_transform="auto", random_state=seed),
    "single-set": lambda seed: MDNRegressor(alpha=0.04, encoding="piecewise", random_state=seed),
    "single-constant": lambda seed: MDNRegressor(extrapolation="constant", random_state=seed),
    "single-continue": lambda seed: MDNRegressor(extrapolation="continue", random_state=seed),
    "single-unweighted": lambda seed: MDNRegressor(feature_weights=None, random_state=seed),
    "marginal": lambda seed: Marginal(),
    "ridge": lambda seed: Ridge(),
    "ridge-t": lambda seed: RidgeT(),
    **{name: PEERS[name] for name in ("ngboost", "ngboost-stopped", "quantile-forest")},
}


# Scores.


def quantiles(density: Any) -> np.ndarray:
    """Quantiles at LEVELS, (n, 99)."""
    if isinstance(density, Mixture | TargetMixture | QuantilePrediction):
        return density.ppf(LEVELS)
    return density.ppf(LEVELS[:, np.newaxis]).T  # of scipy: levels broadcast with the rows


def score(density: Any, mean: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Scores of a prediction. The CRPS is twice the mean pinball loss, for all models alike."""
    known = quantiles(density)
    error = y[:, np.newaxis] - known
    low, high = known[:, CENTRAL].T
    has_density = not isinstance(density, QuantilePrediction)
    return {
        "crps": 2 * float(np.mean(np.maximum(LEVELS * error, (LEVELS - 1) * error))),
        "nll": -float(np.mean(density.logpdf(y))) if has_density else np.nan,
        "rmse": float(np.sqrt(np.mean((mean - y) ** 2))),
        "coverage": float(np.mean((low <= y) & (y <= high))),
    }


def fit_and_score(factory: Factory, data: Data, trial: Trial, gaps: float) -> Score | Refusal:
    """Fit a model on the training rows of a split, and score it on the others."""
    train, test = data.splits()[trial.split]
    table = data.with_gaps(gaps, trial.split, trial.seed)
    X, X_test = FORMS[trial.form](table.iloc[train], table.iloc[test], data.text)
    model, start = factory(trial.seed), time.process_time()
    try:
        model.fit(X, data.y[train])
        seconds = time.process_time() - start
        density, mean = model.predict_proba(X_test), model.predict(X_test)
    except (TypeError, ValueError) as error:
        return Refusal(trial.model, trial.form, str(error).strip().splitlines()[0])
    scores = score(density, mean, data.y[test])
    return Score(data.name, gaps=gaps, cpu_seconds=seconds, **scores, **trial._asdict())


# Runs and tables.


def trials(data: Data, models: Iterable[str], options: argparse.Namespace) -> list[Trial]:
    """All fits of a set; only the networks get other forms than the first."""
    splits = range(len(data.splits()))[options.splits]
    forms = {name: options.forms if name in NETWORKS else options.forms[:1] for name in models}
    return [
        Trial(name, form, split, seed)
        for name, split, seed in itertools.product(models, splits, options.seeds)
        for form in forms[name]
    ]


def run(data: Data, models: dict[str, Factory], options: argparse.Namespace) -> list[Score]:
    """Scores of a set; scores in the file are not repeated, and refusals are printed."""
    wanted = trials(data, models, options)
    before = {
        Trial(s.model, s.form, s.split, s.seed): s
        for s in read_scores(options.csv, Score)
        if s.set == data.name and s.gaps == options.gaps
    }
    jobs = [
        delayed(fit_and_score)(models[trial.model], data, trial, options.gaps)
        for trial in wanted
        if trial not in before
    ]
    scores, refusals = [before[trial] for trial in wanted if trial in before], set()
    for result in Parallel(n_jobs=options.jobs, return_as="generator")(jobs):
        if isinstance(result, Refusal):
            refusals.add(result)
        else:
            append_score(options.csv, result)
            scores.append(result)
    for refusal in sorted(refusals):
        print(f"{data.name}: {refusal.model} refuses {refusal.form}: {refusal.error}")
    return scores


def of(scores: list[Score], model: str, form: str) -> dict[tuple[int, int], Score]:
    """Scores of one model and form, by split and seed."""
    chosen = (s for s in scores if (s.model, s.form) == (model, form))
    return {(s.split, s.seed): s for s in chosen}


class Comparison(NamedTuple):
    """A form beside the first one, for one model and set; errors are over splits and seeds."""

    model: str
    form: str
    log_ratio: np.ndarray  # of CRPS, one per pair of fits
    difference: np.ndarray  # of NLL


def comparisons(scores: list[Score], forms: list[str]) -> list[Comparison]:
    """Every form but the first, beside the first, for the networks."""
    found = []
    for model, form in itertools.product(NETWORKS, forms[1:]):
        first, other = of(scores, model, forms[0]), of(scores, model, form)
        pairs = [(first[key], other[key]) for key in first if key in other]
        if pairs:
            ratio = np.log([b.crps / a.crps for a, b in pairs])
            found.append(
                Comparison(model, form, ratio, np.array([b.nll - a.nll for a, b in pairs]))
            )
    return found


def standard_error(values: np.ndarray) -> float:
    """Standard error of the mean; none for a single value."""
    return values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan


def print_set(data: Data, scores: list[Score], options: argparse.Namespace) -> None:
    """Means and standard errors over splits and seeds, and the comparisons under them."""
    (n, p), gaps = data.table.shape, int(data.table.isna().sum().sum())
    print(f"\n{data.name}: {n} rows, {p} columns ({len(data.text)} of text), {gaps} gaps")
    heads = ["CRPS", "NLL", "RMSE", "in 90 %", "fit, CPU s"]
    print(f"{'':16}{'form':10}{'fits':>5}" + "".join(f"{head:>20}" for head in heads))
    for model, form in dict.fromkeys((s.model, s.form) for s in scores):
        chosen = of(scores, model, form).values()
        columns = ([getattr(s, field) for s in chosen] for field in ("crps", "nll", "rmse"))
        cells = ["" if np.isnan(c).all() else mean_and_error(np.array(c)) for c in columns]
        cells.append(f"{np.mean([s.coverage for s in chosen]):.1%}")
        cells.append(f"{np.mean([s.cpu_seconds for s in chosen]):.3g}")
        print(f"{model:16}{form:10}{len(chosen):5}" + "".join(f"{cell:>20}" for cell in cells))
    for model, form, ratio, difference in comparisons(scores, options.forms):
        mean, error = np.exp(ratio.mean()), standard_error(ratio)
        print(
            f"  {model}, {form} beside {options.forms[0]}: CRPS {mean:.4f} ± {mean * error:.4f} "
            f"times, NLL {difference.mean():+.4f} ± {standard_error(difference):.4f}"
        )


def over_sets(values: list[np.ndarray]) -> tuple[float, float, float]:
    """Mean of the sets' means; its error by the fits, and by the spread between the sets."""
    means = np.array([v.mean() for v in values])
    by_fits = np.sqrt(np.sum([standard_error(v) ** 2 for v in values])) / len(values)
    return means.mean(), by_fits, standard_error(means)


def print_summary(tables: list[list[Comparison]], first: str) -> None:
    """Geometric mean of the CRPS ratios, and mean of the NLL differences, over the sets."""
    kinds = dict.fromkeys((c.model, c.form) for table in tables for c in table)
    for model, form in kinds:
        found = [c for table in tables for c in table if (c.model, c.form) == (model, form)]
        ratio, by_fits, by_sets = over_sets([c.log_ratio for c in found])
        nll, nll_by_fits, nll_by_sets = over_sets([c.difference for c in found])
        mean = np.exp(ratio)
        print(
            f"\nMean over sets ({len(found)}), {model}, {form} beside {first}: "
            f"CRPS {mean:.4f} ± {mean * by_fits:.4f} times (± {mean * by_sets:.4f} between sets), "
            f"NLL {nll:+.4f} ± {nll_by_fits:.4f} (± {nll_by_sets:.4f} between sets)"
        )


# The command line.


def chosen_sets(options: argparse.Namespace) -> list[Data]:
    """Sets to run; where there are none, say what the folder must hold, and exit."""
    index = options.data and options.data / "index.csv"
    if not index or not index.is_file():
        print(WHERE.format(options.data or "--data DIR, which was not given"))
        if not options.quick:
            sys.exit(1)
        print(f"In their place: {SHIPPED.name}, a simulated table.")
        return [read_table(SHIPPED, False, comment="#")]
    ordered = pd.read_csv(index).set_index("set")["ordered"].astype(bool)
    names = options.sets or list(ordered.index)
    unknown = [name for name in names if name not in ordered.index]
    if unknown:
        sys.exit(f"--sets: {index} has no {', '.join(unknown)}; it has {', '.join(ordered.index)}")
    files = {name: options.data / f"{name}.csv" for name in names}
    return [read_table(file, ordered[name]) for name, file in files.items()]


def parse_gaps(text: str) -> float:
    """A share from 0 to below 1."""
    share = float(text)
    if not 0 <= share < 1:
        raise argparse.ArgumentTypeError(f"expected a share from 0 to below 1, got {text}")
    return share


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Checked options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder with CSVs and index.csv")
    parser.add_argument("--raw", action="store_true", help="the table as it is, too")
    parser.add_argument("--gaps", type=parse_gaps, default=0.0, help="share of cells to empty")
    parser.add_argument("--sets", type=listed(str), help="names with commas between; default: all")
    parser.add_argument(
        "--models", type=listed(str), default=list(NETWORKS), help=", ".join(MODELS)
    )
    parser.add_argument("--seeds", type=listed(int), default=[0, 1, 2], help="default: 0,1,2")
    parser.add_argument("--splits", type=parse_splits, default=slice(None), metavar="a:b")
    parser.add_argument(
        "--csv", type=Path, metavar="FILE", help="keeps the scores; they are not computed again"
    )
    parser.add_argument("--jobs", type=int, default=1, help="models fitted in parallel")
    parser.add_argument(
        "--quick", action="store_true", help="one split and seed, raw too; needs no data"
    )
    options = parser.parse_args(arguments)
    for name in set(options.models) - set(MODELS):
        parser.error(f"--models: expected {', '.join(MODELS)}; got {name}")
    if options.quick:
        options.raw, options.splits, options.seeds = True, slice(0, 1), options.seeds[:1]
    options.forms = ["imputed", "straight"] if options.gaps else ["matrix"]
    options.forms += ["raw"] if options.raw else []
    return options


def listed(kind: Callable[[str], Any]) -> Callable[[str], list[Any]]:
    """Parser of values with commas between."""
    return lambda text: [kind(value) for value in text.split(",")]


def main() -> None:
    options = parse_options()
    models, tables = runnable(MODELS, options.models), []
    for data in chosen_sets(options):
        scores = run(data, models, options)
        if scores:
            print_set(data, scores, options)
            tables.append(comparisons(scores, options.forms))
            sys.stdout.flush()
    print_summary(tables, options.forms[0])


if __name__ == "__main__":
    main()
