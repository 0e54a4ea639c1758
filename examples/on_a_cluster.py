"""Rows in a Dask cluster: members fitted side by side, lazy answers, and the model taken home.

The cluster here is two processes on this machine; an address in its place changes nothing else.

    pip install 'skmdn[dask]'
    python examples/on_a_cluster.py [PICTURE]     # default: in a new temporary folder
"""

import sys
import tempfile
from pathlib import Path

import dask.array as da
import numpy as np
from dask.distributed import Client, LocalCluster
from matplotlib.figure import Figure

from skmdn.dask import DaskMDNRegressor
from skmdn.plotting import PITDisplay

N_ROWS = 200_000


def targets(X, seed=0):
    """Two answers, whose distance and noise depend on the inputs; for any block of rows."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, len(X), int(1e6 * abs(X[0, 0]))]))
    side = np.where(rng.random(len(X)) < 0.6, 1.0, -1.0)
    return (
        np.sin(2 * X[:, 0])
        + side * (1 + X[:, 1] ** 2)
        + (0.2 + 0.1 * X[:, 2] ** 2) * (rng.normal(size=len(X)))
    )


# %% Workers are processes that import this file, so what starts them stands behind this line.
if __name__ == "__main__":
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0")
    client = Client(cluster)

    # %% Rows in eight partitions, as they may come from files.
    X = da.random.default_rng(0).normal(size=(N_ROWS, 6), chunks=(N_ROWS // 8, 6))
    X = X.astype(np.float32).persist()
    y = X.map_blocks(targets, drop_axis=1, dtype=float).persist()

    # %% Two members, each on rows of all partitions but for those that validate both.
    settings = {"n_components": 3, "hidden_layer_sizes": (32, 32), "max_iter": 3}  # seconds
    model = DaskMDNRegressor(n_members=2, random_state=0, **settings).fit(X, y)
    print(f"{model.n_samples_} rows in {X.numblocks[0]} partitions, {model.n_members} members")
    print(f"log-likelihood of all rows: {model.log_likelihood(X, y):.3f} nats")

    # %% Answers are lazy: they are computed where the rows are, and only when asked for.
    interval = model.predict_with(X, "interval", 0.9)
    print(interval)
    is_inside = (y >= interval[:, 0]) & (y <= interval[:, 1])
    print(f"90 % intervals hold {is_inside[:50_000].mean().compute():.1%} of the first rows")
    risk = model.predict_with(X, "sf", 3.0)
    print("probability of y > 3 in the first rows:", risk[:4].compute().round(3))

    # %% The model at home needs neither cluster nor Dask.
    local = model.to_local()
    rows, values = X[:2000].compute(), y[:2000].compute()
    client.close()
    cluster.close()
    figure = Figure(figsize=(5, 4), layout="constrained")
    PITDisplay.from_predictions(values, local.predict_proba(rows)).plot(ax=figure.subplots())
    name = sys.argv[1] if len(sys.argv) > 1 else Path(tempfile.mkdtemp()) / "on_a_cluster.png"
    figure.savefig(name)
    print(f"drew {name}")
