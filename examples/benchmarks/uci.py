"""Mixture density networks on the classical UCI sets, beside published results.

    python examples/benchmarks/uci.py --data DIR [--sets yacht,power] [--splits 3:20]
        [--models single,ensemble,ngboost] [--csv FILE] [--jobs 2] [--quick]

All settings are the defaults; `random_state` is the number of the split.
"""

import argparse
import csv
from functools import partial
from pathlib import Path

import numpy as np
from peers import PEERS
from uci_protocol import FOLDERS, Data, Factory, Score, main, mean_and_error

from skmdn import MDNEnsembleRegressor, MDNRegressor

# Mean test NLL over all splits, as published. Some protocols differ from this one in details.
PUBLISHED = {
    # Lakshminarayanan, Pritzel and Blundell, NeurIPS 2017, table 1
    "Deep Ensembles (2017)": {
        "boston": 2.41, "concrete": 3.06, "energy": 1.38, "kin8nm": -1.20, "naval": -5.63,
        "power": 2.79, "protein": 2.83, "wine": 0.94, "yacht": 1.18,
    },
    # results files of github.com/yaringal/DropoutUncertaintyExps, 1 hidden layer, tuned per split
    "MC dropout (2018)": {
        "boston": 2.40, "concrete": 2.94, "energy": 1.21, "kin8nm": -1.14, "naval": -4.45,
        "power": 2.81, "protein": 2.87, "wine": 0.93, "yacht": 1.25,
    },
    # Duan et al., ICML 2020
    "NGBoost (2020)": {
        "boston": 2.43, "concrete": 3.04, "energy": 0.60, "kin8nm": -0.49, "naval": -5.34,
        "power": 2.79, "protein": 2.81, "wine": 0.91, "yacht": 0.20,
    },
    # Matsubara, WGBoost, 2024: random splits of its own
    "WGBoost (2024)": {
        "boston": 2.47, "concrete": 2.83, "energy": 0.53, "kin8nm": -0.44, "naval": -5.47,
        "power": 2.60, "protein": 2.70, "wine": 0.95, "yacht": 0.16,
    },
    # Wielopolski and Zieba, TreeFlow, 2023
    "TreeFlow (2023)": {
        "concrete": 3.02, "energy": 0.85, "kin8nm": -1.03, "naval": -5.54, "power": 2.65,
        "protein": 2.02, "wine": -0.56, "yacht": 0.72,
    },
    # README of github.com/ayhamo/Probabilistic_Point_Estimations (91d24b7), on these splits
    "TabResFlow (2025)": {
        "concrete": 2.89, "energy": 0.64, "kin8nm": -1.28, "naval": -5.33, "power": 2.58,
        "protein": 1.93, "wine": -1.16, "yacht": 0.56,
    },
    # the same README; its mean of protein leaves out one of the five splits, an infinite NLL
    "TabPFN (2025)": {
        "concrete": 2.21, "energy": 0.15, "kin8nm": -1.27, "naval": -7.33, "power": 2.28,
        "protein": 1.73, "wine": -2.72, "yacht": -0.73,
    },
}  # fmt: skip
PER_SPLIT = "published_uci_per_split.csv"  # columns method, dataset, split, metric, value
METRICS = ("nll", "crps", "rmse")


def network(n_components: int, split: int) -> MDNRegressor:
    return MDNRegressor(n_components=n_components, random_state=split)


def without_trees(split: int) -> MDNEnsembleRegressor:
    """The default ensemble of many rows without its view of trees' predictions."""
    views = [
        ("plain", MDNRegressor(encoding=None, alpha=0.06)),
        ("encoded", MDNRegressor(encoding="piecewise", alpha=0.01)),
    ]
    return MDNEnsembleRegressor(views, random_state=split)


MODELS: dict[str, Factory] = {
    "single": lambda split: MDNRegressor(random_state=split),
    "ensemble": lambda split: MDNEnsembleRegressor(random_state=split),
    # one network alone, with a validation part
    "set-aside": lambda split: MDNRegressor(
        alpha=0.04, encoding="piecewise", validation_fraction=0.1, random_state=split
    ),
    "two-views": without_trees,
    "no-encoding": lambda split: MDNRegressor(encoding=None, random_state=split),
    "uncalibrated": lambda split: MDNRegressor(calibrate=False, random_state=split),
    **{f"k{K}": partial(network, K) for K in (1, 2, 3, 10, 20)},
}


def print_published(data: Data) -> None:
    """Print published means, best first."""
    rows = {method: row[data.name] for method, row in PUBLISHED.items() if data.name in row}
    if rows:
        ranked = sorted(rows, key=rows.get)
        print("  published NLL: " + ", ".join(f"{name} {rows[name]:.2f}" for name in ranked))


def read_per_split(folder: Path | None, set_name: str) -> dict[tuple[str, str], dict[int, float]]:
    """Published values by method and metric, then by split; empty without the file."""
    values: dict[tuple[str, str], dict[int, float]] = {}
    if folder is None or not (folder / PER_SPLIT).is_file():
        return values
    with (folder / PER_SPLIT).open(newline="") as lines:
        for row in csv.DictReader(lines):
            if row["dataset"] == FOLDERS.get(set_name) and row["metric"].lower() in METRICS:
                of_method = values.setdefault((row["method"], row["metric"]), {})
                of_method[int(row["split"])] = float(row["value"])
    return values


def print_paired(scores: list[Score], published: dict[tuple[str, str], dict[int, float]]) -> None:
    """Print differences from published results on the same splits; negative is better."""
    for name in dict.fromkeys(score.model for score in scores):
        for (method, metric), values in published.items():
            shared = [s for s in scores if s.model == name and s.split in values]
            if shared:
                gaps = np.array([getattr(s, metric.lower()) - values[s.split] for s in shared])
                print(
                    f"  {name} - {method}, {metric}: {mean_and_error(gaps)}, "
                    f"better on {np.sum(gaps < 0)} of {len(gaps)}"
                )


def print_comparison(data: Data, scores: list[Score], options: argparse.Namespace) -> None:
    """Print published results under the table of a set."""
    print_published(data)
    print_paired(scores, read_per_split(options.data, data.name))


if __name__ == "__main__":
    main(__doc__.splitlines()[0], MODELS | PEERS, "single,ensemble", print_comparison)
