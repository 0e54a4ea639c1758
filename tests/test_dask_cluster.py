"""DaskMDNRegressor on clusters of processes: the same model whatever happens to the workers."""

import os
import signal
import threading
import time

import numpy as np
import pytest

pytest.importorskip("distributed")
import dask.array as da
from cases.cluster import (
    SETTINGS,
    cluster_in_threads,
    cluster_of_processes,
    in_blocks,
    nothing_is_left,
    rows,
)
from dask.distributed import Client

from skmdn.dask import DaskMDNRegressor

pytestmark = pytest.mark.slow

SIZES = (100, 0, 1490, 1, 1409)
LONG = SETTINGS | {"n_members": 3, "max_rows": 2000, "max_iter": 150, "hidden_layer_sizes": (32,)}


def collections():
    return in_blocks(*rows(3000), sizes=SIZES)


def fitted(client, **words):
    return DaskMDNRegressor(**LONG | words).fit(*collections(), client=client).to_local()


def bits(model):
    """All that members learned."""
    members = model.estimators_
    numbers = [np.ravel(a) for m in members for a in (*m.coefs_, *m.intercepts_, m.X_mean_)]
    return np.concatenate([*numbers, [model.spread_factor_], model.spread_noise_]).tobytes()


@pytest.fixture(scope="module")
def expected():
    """The model of one worker with two threads, in this process."""
    with cluster_in_threads(1) as threads, Client(threads) as client:
        return bits(fitted(client))


def workers_that_fit(cluster):
    return [
        worker
        for worker in cluster.scheduler.workers.values()
        if any("fit_member" in str(task.key) for task in worker.processing)
    ]


def kill_one(cluster, killed):
    """Kill a worker that trains a member, as a machine that is lost."""
    end = time.monotonic() + 60
    while time.monotonic() < end and not killed:
        for worker in workers_that_fit(cluster):
            time.sleep(0.3)
            pid = cluster.workers[worker.name].pid
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
            return
        time.sleep(0.01)


def test_neither_the_number_of_workers_nor_a_lost_one_matters(expected):
    killed = []
    with cluster_of_processes(3) as processes, Client(processes) as client:
        assert bits(fitted(client)) == expected
        killer = threading.Thread(target=kill_one, args=(processes, killed))
        killer.start()
        found = bits(fitted(client))
        killer.join()
        assert len(killed) == 1
        assert found == expected


def interrupt_when(is_time):
    def wait():
        end = time.monotonic() + 60
        while time.monotonic() < end and not is_time():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.mark.parametrize("while_reading", [True, False])
def test_ctrl_c_cancels_the_tasks(while_reading, request):
    # A shell's background jobs ignore the signal, and Python then leaves it alone.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    dX, dy = collections()
    if while_reading:
        dX = dX.map_blocks(slow, dtype=float, meta=np.empty((0, 0)))
    with cluster_in_threads(1) as threads, Client(threads) as client:
        scheduler = threads.scheduler
        if while_reading:
            thread = interrupt_when(lambda: any(scheduler.tasks.values()))
        else:
            thread = interrupt_when(lambda: workers_that_fit(threads))
        model = DaskMDNRegressor(**LONG)
        with pytest.raises(KeyboardInterrupt):
            model.fit(dX, dy)
        thread.join()
        assert nothing_is_left(client)
        assert not hasattr(model, "estimator_")
        # The cluster goes on.
        assert client.submit(sum, [1, 2]).result() == 3


def slow(block):
    time.sleep(0.3)
    return block


def test_the_model_of_one_process_is_the_same_goes_home_and_answers_there(expected):
    X = da.random.default_rng(0).normal(size=(400, 3), chunks=(100, 3))
    y = X[:, 0] + X[:, 1] ** 2
    with cluster_of_processes(1) as processes, Client(processes) as client:
        assert bits(fitted(client)) == expected
        X, y = X.persist(), y.persist()
        model = DaskMDNRegressor(**SETTINGS).fit(X, y)
        answer = model.predict(X).compute()
        rows_of_X, targets = X.compute(), y.compute()
    local = model.to_local()
    parts = [local.predict(part) for part in np.split(rows_of_X, 4)]
    np.testing.assert_array_equal(answer, np.concatenate(parts))
    assert local.score(rows_of_X, targets) > 0.3
