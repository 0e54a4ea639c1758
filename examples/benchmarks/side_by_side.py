"""What the speed benchmarks share: data, contestants that take turns, tables.

CPU seconds of this process are measured, not wall time: on a busy machine they vary less. One
thread is used throughout, so on an idle machine both are the same.
"""

import argparse
import json
import statistics
import time

import numpy as np
import torch
from threadpoolctl import threadpool_limits


def arguments(description):
    """Parser with ``--quick`` and ``--json FILE``, to which a benchmark may add arguments."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer cases and turns, under 60 s")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    return parser


def one_thread():
    """Put all libraries on one thread, until the process ends."""
    torch.set_num_threads(1)
    return threadpool_limits(limits=1)


def two_branches(n, p, n_outputs=1, dtype=np.float32, seed=0):
    """Inputs, and targets on either of two branches with noise that grows with an input."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    side = rng.choice([-1.0, 1.0], (n, 1)) * (0.5 + np.abs(X[:, 2:3]))
    noise = 0.2 + 0.3 / (1 + np.exp(-2 * X[:, :1]))
    y = np.sin(2 * X[:, 1:2]) + side + noise * rng.normal(size=(n, n_outputs))
    return X.astype(dtype), y.astype(dtype)


def seconds_by_turns(contestants, rounds, clock=time.process_time):
    """Median seconds of every contestant's call; they take turns, after one untimed round."""
    taken = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, call in contestants.items():
            start = clock()
            call()
            if turn > 0:
                taken[name].append(clock() - start)
    return {name: statistics.median(times) for name, times in taken.items()}


def print_table(rows):
    """Print dicts with the same keys as a table."""
    columns = list(rows[0])
    cells = [[_text(row[column]) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for line in [columns, ["-" * width for width in widths], *cells]:
        texts = zip(line, widths, strict=True)
        print(
            "  ".join(
                text.ljust(w) if i == 0 else text.rjust(w) for i, (text, w) in enumerate(texts)
            )
        )
    print(flush=True)


def _text(value):
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
    return str(value)


def write_json(path, tables):
    """Write the tables of a benchmark as JSON, where a path is given."""
    if path is not None:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(tables, file, indent=2)
