"""Clusters and collections that the tests of skmdn.dask share."""

import time
from itertools import pairwise

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
from dask.distributed import LocalCluster

# Blocks of no row and of one row are normal in Dask.
SIZES = (90, 0, 1, 109)
SETTINGS = {
    "n_components": 2,
    "hidden_layer_sizes": (8,),
    "max_iter": 4,
    "alpha": 0.04,
    "encoding": None,
    "random_state": 3,
}


def cluster_in_threads(n_workers=1):
    return LocalCluster(
        n_workers=n_workers, threads_per_worker=2, processes=False, dashboard_address=":0"
    )


def cluster_of_processes(n_workers):
    return LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=":0")


def rows(n=200, p=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X, X[:, 0] + 0.1 * rng.normal(size=n)


def in_blocks(*arrays, sizes=SIZES):
    return [da.from_array(array, chunks=(sizes, *array.shape[1:])) for array in arrays]


def of_unknown_size(collection):
    """A copy of an array whose numbers of rows Dask does not know."""
    unknown = collection.map_blocks(np.array, dtype=collection.dtype)
    unknown._chunks = ((np.nan,) * collection.numblocks[0], *collection.chunks[1:])
    return unknown


def table(n=200, seed=0):
    """Numbers with gaps, categories, text and booleans, and a target."""
    rng = np.random.default_rng(seed)
    number, place = rng.normal(size=n), rng.integers(3, size=n)
    frame = pd.DataFrame(
        {
            "number": np.where(rng.random(n) < 0.1, np.nan, number),
            "letter": pd.Categorical(np.array(["u", "v", "w"])[place]),
            "word": np.array(["yes", "no"])[rng.integers(2, size=n)],
            "flag": rng.random(n) < 0.5,
        }
    )
    return frame, pd.Series(number + place + 0.1 * rng.normal(size=n), name="y")


def in_partitions(frame, y, ends=(0, 90, 90, 91, 200), *, known=False):
    """A table and its target in partitions, in which Dask does not know the categories."""
    parts = [frame.iloc[i:j] for i, j in pairwise(ends)]
    if not known:
        parts = [
            part.assign(letter=part["letter"].cat.remove_unused_categories()) for part in parts
        ]
    meta = frame.iloc[:0]
    if not known:
        meta = meta.assign(letter=meta["letter"].cat.set_categories(["__UNKNOWN_CATEGORIES__"]))
    targets = [y.iloc[i:j] for i, j in pairwise(ends)]
    X = dd.from_map(lambda part: part, parts, meta=meta)
    return X, dd.from_map(lambda part: part, targets, meta=y.iloc[:0])


def n_tasks(client):
    """Tasks that the scheduler still knows."""
    return client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks))


def nothing_is_left(client, seconds=20.0):
    """Whether the scheduler forgets all tasks in time, and the client holds no future."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and (n_tasks(client) or client.futures):
        time.sleep(0.05)
    return not client.futures and n_tasks(client) == 0
