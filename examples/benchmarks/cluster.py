"""Members on a cluster: likelihood, seconds and bytes moved, for 1 to 8 members on 1 and 2 workers.

Simulated rows whose density is known, so that likelihoods are compared with the truth. The last
table is on paper: what grows with the rows, up to a billion.

    python examples/benchmarks/cluster.py [--quick]
"""

import argparse
import time

import dask.array as da
import numpy as np
from dask.distributed import Client, LocalCluster
from scipy.special import logsumexp

from skmdn.dask import DaskMDNRegressor
from skmdn.dask.budget import n_visited, row_bytes

P = 10


def parameters(X):
    """Weights, means and scales (n, 2) of the true density."""
    first = 1 / (1 + np.exp(-X[:, 0]))
    middle, apart = np.sin(2 * X[:, 1]) + X[:, 2] * X[:, 3], 1 + np.abs(X[:, 4])
    scale = 0.2 + 0.2 / (1 + np.exp(-2 * X[:, 5]))
    means = np.column_stack([middle, middle + apart])
    return np.column_stack([first, 1 - first]), means, np.column_stack([scale, 2 * scale])


def draw(X, rng):
    """Targets of all rows."""
    weights, means, scales = parameters(X)
    second = (rng.random(len(X)) > weights[:, 0]).astype(int)
    rows = np.arange(len(X))
    return means[rows, second] + scales[rows, second] * rng.normal(size=len(X))


def true_log_likelihood(X, y):
    """Mean log-density of y under the truth."""
    weights, means, scales = parameters(X)
    z = (y[:, None] - means) / scales
    logs = np.log(weights) - 0.5 * z**2 - np.log(scales) - 0.5 * np.log(2 * np.pi)
    return logsumexp(logs, axis=1).mean()


def received(dask_worker):
    """Bytes that a worker has got from others so far."""
    return sum(transfer["total"] for transfer in dask_worker.transfer_incoming_log)


def bytes_received(client):
    """The same of all workers."""
    return sum(client.run(received).values())


def measure(n_members, client, rows, test):
    """Seconds, bytes moved between workers, and nats below the truth on test rows."""
    before, start = bytes_received(client), time.perf_counter()
    model = DaskMDNRegressor(n_members=n_members, random_state=0).fit(*rows, client=client)
    seconds = time.perf_counter() - start
    moved = bytes_received(client) - before
    X, y = test
    found = model.to_local().predict_proba(X).logpdf(y).mean()
    return seconds, moved, true_log_likelihood(X, y) - found


def on_workers(n_workers, members, X, y, test):
    """One line for every number of members."""
    n_blocks = 8
    with (
        LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        chunks = len(X) // n_blocks
        rows = [da.from_array(array, chunks=(chunks, *array.shape[1:])) for array in (X, y)]
        rows = client.persist(rows)
        for n_members in members:
            seconds, moved, behind = measure(n_members, client, rows, test)
            print(
                f"{n_workers:>7}{n_members:>9}{behind:>19.4f}{seconds:>9.1f}{moved / 1e6:>12.1f}",
                flush=True,
            )


def on_paper(members=4, p=20):
    """What a member visits and needs, from the rules alone."""
    X, y = da.zeros((8, p), dtype=np.float32, chunks=8), da.zeros(8, chunks=8)
    print(f"\nOn paper: {p} columns of float32, {members} members")
    print(f"{'rows':>8}{'of a member':>13}{'passes':>8}{'moved, all':>13}{'memory of one':>15}")
    for n in (10**6, 10**7, 10**8, 10**9):
        visited = 256 * 1000 * np.sqrt(n / 1000)  # in 1,000 sqrt(n / 1,000) steps
        of_member = n_visited(n, "auto", "auto")
        moved = members * of_member * (4 * p + 8)
        needed = of_member * row_bytes(X, y, weighted=False)
        print(
            f"{n:>8.0e}{of_member:>13.2e}{visited / of_member:>8.2f}{moved / 1e9:>10.1f} GB"
            f"{needed / 1e9:>12.1f} GB"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2,000 rows, 1 and 2 members")
    parser.add_argument("--rows", type=int, default=100_000)
    options = parser.parse_args()

    n = 2000 if options.quick else options.rows
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, P)).astype(np.float32)
    test = rng.normal(size=(20_000, P)).astype(np.float32)
    y, y_test = draw(X, rng), draw(test, rng)
    print(f"{n} rows in 8 partitions, {P} columns")
    print("workers  members  nats below truth  seconds    MB moved")
    for n_workers in (1, 2):
        members = (1, 2) if options.quick else (1, 2, 4, 8)
        on_workers(n_workers, members, X, y, (test, y_test))
    on_paper()


if __name__ == "__main__":
    main()
