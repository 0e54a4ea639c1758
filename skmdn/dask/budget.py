"""How many rows a member gets: what its training visits, if a worker's memory holds them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from skmdn.dask.collections import is_frame

# Part of a worker's memory limit that a member may fill: beyond, Dask begins to spill.
_SHARE = 0.6
# A worker with torch loaded and nothing to do.
_IDLE_BYTES = 400 << 20
# A row arrives in pieces, which are put together. Beside these two copies a fit keeps the row's
# number, its place in the shuffled order, and what sorts the targets to set rows aside.
_COPIES, _FIT_BYTES = 2, 90
_TEXT_BYTES = 64


class Worker(NamedTuple):
    """Memory limit in bytes, 0 for none, and threads of a worker."""

    memory_limit: int
    n_threads: int


def n_visited(n: int, batch_size: int | str, max_iter: int | str) -> int:
    """Rows that a training on n rows visits, at most n."""
    from skmdn._engine import budget_for  # imports torch

    if not isinstance(max_iter, str):  # whole passes
        return n
    size = None if isinstance(batch_size, str) else int(batch_size)
    budget = budget_for(n, size, None)
    return min(n, budget.n_steps * budget.batch_size)


def workers_of(client: Any) -> list[Worker]:
    """The workers of a cluster."""
    found = client.scheduler_info(n_workers=-1)["workers"].values()
    return [Worker(int(one["memory_limit"] or 0), int(one["nthreads"])) for one in found]


def row_bytes(X: Any, y: Any, *, weighted: bool) -> int:
    """Bytes that a member needs for a row; a fit makes a matrix of float64 of a table."""
    cells = sum(map(_cell_bytes, X.dtypes)) if is_frame(X) else X.shape[1] * X.dtype.itemsize
    matrix = 8 * len(X.columns) if is_frame(X) else 0
    n_outputs = 1 if y.ndim == 1 else y.shape[1]
    return int(_COPIES * (cells + 8 * n_outputs + 8 * weighted) + matrix + _FIT_BYTES)


def check_memory(n: int, bytes_of_row: int, n_members: int, workers: list[Worker]) -> None:
    """Refuse to send more rows than a worker can hold.

    Raises
    ------
    ValueError
        That names the number of rows that fit.
    """
    rooms = [
        _SHARE * worker.memory_limit / min(n_members, worker.n_threads) - _IDLE_BYTES
        for worker in workers
        if worker.memory_limit
    ]
    if not rooms or n * bytes_of_row <= min(rooms):
        return
    fits = max(0, int(min(rooms) // bytes_of_row))
    needed = (n * bytes_of_row + _IDLE_BYTES) / 2**30
    advice = f"Set max_rows={fits}" if fits else "Use workers with more memory"
    raise ValueError(
        f"max_rows='auto' gives a member {n} rows, for which it needs about {needed:.1f} GiB; in "
        f"the memory limit of the smallest worker fit {fits} rows for each member that it may "
        f"train at a time. {advice}, or start workers with fewer threads or more memory."
    )


def _cell_bytes(dtype: Any) -> int:
    if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
        return int(dtype.itemsize)
    return 8 if str(dtype) == "category" else _TEXT_BYTES
