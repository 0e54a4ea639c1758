"""What it takes to serve the default ensemble: size of its pickle, time of a row and of regions.

Beside it stand NGBoost and quantile-forest, where installed, and figures of the ensemble before its
trees became arrays. The contestants take turns. Times are medians of CPU time on one thread; rows
a minute of two cores are twice those of one.

    pip install ngboost quantile-forest     # each is optional
    python examples/benchmarks/serving.py [--quick] [--json FILE]
"""

import pickle
import time
import tracemalloc
from importlib.util import find_spec

import numpy as np
from mixture import mixtures
from peers import QuantileForest, stopped_ngboost
from side_by_side import arguments, one_thread, print_table, seconds_by_turns, write_json

from skmdn import MDNEnsembleRegressor, MDNRegressor

LEVELS = np.linspace(0.1, 0.9, 9)
N_FEATURES = 10
OURS = "ensemble"
# The ensemble before its trees became arrays, with the data below, on one thread of a shared server
# processor with AVX-512. Times there only say by how much it became faster on such a machine.
BEFORE = {
    "pickle, MB": 26.1,
    "one row, ms": 63.0,
    "1,000 rows, ms": 277.0,
    "hdr of 1,000 rows, s": 1.0,
    "9 quantiles, rows / s": 14_000.0,
}
GOALS = {
    "pickle, MB": 6.0,
    "one row, ms": 15.0,
    "1,000 rows, ms": 150.0,
    "hdr of 1,000 rows, s": 1.0,
    "9 quantiles, rows / s": 20_000.0,
    "hdr of 5 components, rows / s": 25_000.0,
    "9 quantiles of 5 components, rows / s": 150_000.0,
    "pickle of 8,000 rows, MB": 30.0,
    "rows a minute of two cores": 1e6,
    "memory beyond the answer, MiB": 200.0,
}


def data(n_rows, seed=0):
    """Targets that bend, interact and jump, with noise that depends on one feature."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, N_FEATURES))
    mean = np.sin(2 * X[:, 0]) * X[:, 1] + np.abs(X[:, 2]) + 0.5 * X[:, 3] * (X[:, 4] > 0)
    noise = 0.1 + 0.4 / (1 + np.exp(-2 * X[:, 5]))
    return X, mean + noise * rng.normal(size=n_rows)


def contestants():
    """Models by name; peers where installed."""
    models = {
        OURS: MDNEnsembleRegressor(random_state=0),
        "one network": MDNRegressor(random_state=0),
    }
    if find_spec("ngboost"):
        models["NGBoost, stopped early"] = stopped_ngboost(0)
    if find_spec("quantile_forest"):
        models["quantile-forest"] = QuantileForest(0)
    return models


def fitted(models, X, y):
    """CPU seconds of the fits."""
    seconds = {}
    for name, model in models.items():
        start = time.process_time()
        model.fit(X, y)
        seconds[name] = time.process_time() - start
    return seconds


def by_model(models, fit_seconds, rounds):
    """A table of sizes and times by model, with ratios to the ensemble's."""
    X, _ = data(1000, seed=1)
    one, many = (
        seconds_by_turns({name: ask(model, rows) for name, model in models.items()}, rounds)
        for rows in (X[:1], X)
    )
    return [
        {
            "model": name,
            "fit, CPU s": fit_seconds[name],
            "pickle, MB": len(pickle.dumps(model)) / 1e6,
            "one row, ms": 1e3 * one[name],
            "1,000 rows, ms": 1e3 * many[name],
            "of ours: fit": fit_seconds[name] / fit_seconds[OURS],
            "one row": one[name] / one[OURS],
            "1,000 rows": many[name] / many[OURS],
        }
        for name, model in models.items()
    ]


def ask(model, X):
    """The call that predicts densities."""
    return lambda: model.predict_proba(X)


def of_pools(model, rounds):
    """Regions and quantiles of the ensemble's mixtures, and of mixtures of 5 components."""
    X, _ = data(1000, seed=1)
    pool = model.predict_proba(X)
    few, _ = mixtures(20_000)
    seconds = seconds_by_turns(
        {
            "hdr": lambda: pool.hdr(0.9),
            "ppf": lambda: pool.ppf(LEVELS),
            "hdr of 5": lambda: few.hdr(0.9),
            "ppf of 5": lambda: few.ppf(LEVELS),
        },
        rounds,
    )
    return {
        "hdr of 1,000 rows, s": seconds["hdr"],
        "9 quantiles, rows / s": 1000 / seconds["ppf"],
        "hdr of 5 components, rows / s": len(few) / seconds["hdr of 5"],
        "9 quantiles of 5 components, rows / s": len(few) / seconds["ppf of 5"],
    }


def of_many_rows(model, n_rows):
    """Rows per minute of two cores, and what a prediction holds beside its answer."""
    X, _ = data(n_rows, seed=2)
    start = time.process_time()
    model.predict(X)
    seconds = time.process_time() - start
    tracemalloc.start()
    density = model.predict_proba(X)
    answer = sum(array.nbytes for array in (density.weights, density.means, density.scales))
    beyond = tracemalloc.get_traced_memory()[1] - answer
    tracemalloc.stop()
    return {
        "pickle of 8,000 rows, MB": len(pickle.dumps(model)) / 1e6,
        "rows a minute of two cores": 2 * 60 * n_rows / seconds,
        "memory beyond the answer, MiB": beyond / 2**20,
    }


def beside_goals(measured):
    """What was measured, the figure before, and the goal."""
    return [
        {
            "figure": name,
            "now": value,
            "stored, before": BEFORE.get(name, "-"),
            "now / before": value / BEFORE[name] if name in BEFORE else "-",
            "goal": GOALS[name],
        }
        for name, value in measured.items()
    ]


def main():
    options = arguments(__doc__).parse_args()
    rounds = 3 if options.quick else 9
    with one_thread():
        models = contestants()
        seconds = fitted(models, *data(1000))
        models_table = by_model(models, seconds, rounds)
        print("Fitted on 1,000 rows of 10 features\n")
        print_table(models_table)
        ensemble = models_table[0]
        measured = {name: ensemble[name] for name in list(BEFORE)[:3]}
        measured |= of_pools(models[OURS], rounds)
        if not options.quick:
            large = MDNEnsembleRegressor(random_state=0).fit(*data(8000))
            measured |= of_many_rows(large, 40_000)
    goals_table = beside_goals(measured)
    print("The ensemble; before: figures stored in this script, from another run\n")
    print_table(goals_table)
    write_json(options.json, {"models": models_table, "goals": goals_table})


if __name__ == "__main__":
    main()
