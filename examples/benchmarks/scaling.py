"""How the time and memory of a fit grow with n, p, K, D and the width of the layers.

Every row is a fit in a process of its own. It reports CPU seconds, and the memory that the fit
needed beyond the data and beyond a small fit made before it.

    python examples/benchmarks/scaling.py [--quick] [--json FILE]
"""

import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from side_by_side import (
    arguments,
    one_thread,
    print_table,
    seconds_by_turns,
    two_branches,
    write_json,
)
from sklearn.model_selection import GridSearchCV

from skmdn import MDNRegressor
from skmdn.metrics import log_likelihood_scorer

BASE = {
    "n": 20_000,
    "p": 10,
    "n_outputs": 1,
    "dtype": "float64",
    "n_components": 5,
    "hidden_layer_sizes": [64, 64],
    "max_iter": 4,
    "batch_size": 256,
}
QUICK = {
    "n": [1000, 10_000, 100_000],
}
FULL = {
    "n": [1000, 10_000, 100_000, 1_000_000],
    "p": [5, 20, 200],
    "n_components": [1, 5, 20],
    "n_outputs": [1, 2, 5],
    "hidden_layer_sizes": [[32, 32], [128, 128], [256, 256]],
}
# These measure the memory of a whole fit, with encoding and validation.
LARGE = {"n": 1_000_000, "p": 20, "max_iter": 1}
HUGE = {"n": 10_000_000, "p": 10, "dtype": "float32", "max_iter": 1, "memmap": True}


def data_on_disk(n, p, dtype, folder):
    """Inputs as a memory map, written block by block, and targets."""
    X = np.lib.format.open_memmap(Path(folder) / "X.npy", "w+", dtype, (n, p))
    y = np.empty(n, dtype)
    for start in range(0, n, 100_000):
        rows = slice(start, min(start + 100_000, n))
        X[rows], targets = two_branches(rows.stop - start, p, 1, dtype, seed=start)
        y[rows] = targets[:, 0]
    X.flush()
    del X
    return np.load(Path(folder) / "X.npy", mmap_mode="r"), y


def model_for(settings):
    return MDNRegressor(
        n_components=settings["n_components"],
        hidden_layer_sizes=settings["hidden_layer_sizes"],
        max_iter=settings["max_iter"],
        batch_size=settings["batch_size"],
        encoding=settings.get("encoding", "piecewise"),
        alpha=0.04,
        random_state=0,
    )


def own_bytes():
    """Memory of this process, without mapped files where the system can tell them apart."""
    status = Path("/proc/self/status")
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return 1024 * int(fields["RssAnon"].split()[0])
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class PeakMemory:
    """Peak memory of this process while the block runs, sampled every few milliseconds."""

    def __enter__(self):
        self.peak, self._done = own_bytes(), threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self):
        while not self._done.wait(0.005):
            self.peak = max(self.peak, own_bytes())

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()


def one_fit(settings):
    """Make data, run a small fit first (imports, thread pools), then the fit; print its figures."""
    n, p, D = settings["n"], settings["p"], settings["n_outputs"]
    with one_thread(), tempfile.TemporaryDirectory() as folder:
        small = two_branches(2000, p, D, settings["dtype"])
        model_for({**settings, "max_iter": 1}).fit(*small)
        if settings.get("memmap"):
            X, y = data_on_disk(n, p, settings["dtype"], folder)
        else:
            X, y = two_branches(n, p, D, settings["dtype"])
        model = model_for(settings)
        before, start = own_bytes(), time.process_time()
        with PeakMemory() as memory:
            model.fit(X, y if D > 1 else y.reshape(-1))
        seconds = time.process_time() - start
    print(json.dumps({"seconds": seconds, "extra MiB": (memory.peak - before) / 2**20}))


def in_own_process(settings):
    """Figures of one fit, run in a process of its own."""
    command = [sys.executable, __file__, "--one-fit", json.dumps(settings)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    figures = json.loads(done.stdout)
    n_rows = 0.9 * settings["n"]
    n_steps = settings["max_iter"] * max(1, round(n_rows / settings["batch_size"]))
    return {
        "seconds": figures["seconds"],
        "us a step": 1e6 * figures["seconds"] / n_steps,
        "ns a row and pass": 1e9 * figures["seconds"] / (n_rows * settings["max_iter"]),
        "extra MiB": figures["extra MiB"],
    }


def growth(name, values):
    """Rows of the table for one size that varies; for n, the exponent of the growth of the time."""
    rows = []
    for value in values:
        figures = in_own_process({**BASE, name: value})
        rows.append({"fit": f"{name}={value}", **figures, "exponent": "-"})
    if name == "n":
        (a, b), times = values[-2:], [row["seconds"] for row in rows[-2:]]
        rows[-1]["exponent"] = math.log(times[1] / times[0]) / math.log(b / a)
    return rows


def grid_search(n, rounds):
    """Wall seconds of a grid search with one and two workers, after a search that starts them."""
    X, y = two_branches(n, 10)
    searches = {
        n_jobs: GridSearchCV(
            MDNRegressor(alpha=0.04, encoding="piecewise", max_iter=20, random_state=0),
            {"n_components": [2, 5]},
            scoring=log_likelihood_scorer,
            cv=3,
            refit=False,
            n_jobs=n_jobs,
        )
        for n_jobs in (1, 2)
    }
    Parallel(n_jobs=2)(delayed(time.sleep)(0.01) for _ in range(2))
    calls = {f"n_jobs={n}": lambda s=s: s.fit(X, y[:, 0]) for n, s in searches.items()}
    seconds = seconds_by_turns(calls, rounds, time.perf_counter)
    return {
        "grid search, 6 fits": f"n={n}",
        **seconds,
        "ratio (goal 0.7)": seconds["n_jobs=2"] / seconds["n_jobs=1"],
    }


def main():
    parser = arguments(__doc__)
    parser.add_argument("--one-fit", metavar="SETTINGS", help="a single fit, its settings as JSON")
    args = parser.parse_args()
    if args.one_fit is not None:
        one_fit({**BASE, **json.loads(args.one_fit)})
        return
    tables = {"growth": [], "memory": [], "workers": []}
    for name, values in (QUICK if args.quick else FULL).items():
        tables["growth"] += growth(name, values)
    for settings in () if args.quick else (LARGE, HUGE):
        figures = in_own_process({**BASE, **settings})
        tables["memory"].append(
            {"one pass": ", ".join(f"{k}={v}" for k, v in settings.items()), **figures}
        )
    with one_thread():
        n, rounds = (2000, 1) if args.quick else (10_000, 3)
        tables["workers"].append(grid_search(n, rounds))
    for table in tables.values():
        if table:
            print_table(table)
    write_json(args.json, tables)


if __name__ == "__main__":
    main()
