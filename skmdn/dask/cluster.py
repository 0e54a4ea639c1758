"""The cluster: a client that runs, and tasks of which nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from distributed import Client, as_completed, get_client

# How often a task may fail, as by a store that does not answer. A worker that is lost counts apart:
# Dask gives its tasks to others.
RETRIES = 3


def running_client(client: Any) -> Client:
    """The given client, or the default one.

    Raises
    ------
    TypeError
        If it is no client.
    ValueError
        If there is none, or if it is closed or asynchronous.
    """
    advice = "Start one, as in `client = dask.distributed.Client(address)`, and pass client=client."
    if client is None:
        try:
            client = get_client()
        except ValueError as error:
            raise ValueError(f"client: expected a running Client, found none. {advice}") from error
    if not isinstance(client, Client):
        raise TypeError(f"client: expected a Client, got {type(client).__name__}. {advice}")
    if client.status != "running":
        raise ValueError(
            f"client: expected a running Client, got one whose status is {client.status!r}. "
            f"{advice}"
        )
    if client.asynchronous:
        raise ValueError(
            f"client: expected a synchronous Client, got an asynchronous one. {advice}"
        )
    return client


def results(client: Client, tasks: list[Any], report: Callable[[int], None]) -> list[Any]:
    """Results of `Delayed` tasks in their order; `report` gets the number of those that are done.

    The first error is raised as it is. On an error or an interrupt all tasks are cancelled, and
    nothing of them stays on the cluster.
    """
    futures: list[Any] = []
    try:
        futures = client.compute(tasks, retries=RETRIES)
        for n_done, future in enumerate(as_completed(futures), start=1):
            if future.status != "finished":
                future.result()
            report(n_done)
        return list(client.gather(futures))
    except BaseException:
        client.cancel(futures, force=True)
        raise
    finally:
        for future in futures:
            future.release()
