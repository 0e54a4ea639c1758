"""Thread pools: one thread for little work, and afterwards what there was before."""

import contextlib
import os
import threading
import time
import warnings

import numpy as np
import pytest
from sklearn.dummy import DummyRegressor
from threadpoolctl import threadpool_info, threadpool_limits

from skmdn import MDNEnsembleRegressor, MDNRegressor
from skmdn._thread_pools import one_thread
from skmdn._training import calibration
from skmdn.preprocessing import tree_regressors
from skmdn.preprocessing.tree_regressors import StandardizedRegressor


def thread_counts():
    """By pool, but for torch's own, which is there where a test before has trained."""
    pools = [pool for pool in threadpool_info() if "torch" not in pool["filepath"]]
    return {pool["filepath"]: pool["num_threads"] for pool in pools}


def blas_counts():
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return {pool["filepath"]: pool["num_threads"] for pool in pools}


@pytest.fixture
def two_threads():
    """Every pool has two threads; gives their counts."""
    with threadpool_limits(limits=2):
        yield thread_counts()


def test_pools_are_restored_after_an_error_too(two_threads):
    with contextlib.suppress(RuntimeError), one_thread():
        inside = thread_counts()
        raise RuntimeError
    assert inside
    assert set(inside.values()) == {1}
    assert thread_counts() == two_threads


def test_threads_that_overlap_restore_what_was_before(two_threads):
    """The first to come is the first to go: what it found is there when the last has gone."""
    first_is_in, second_is_in, first_is_out = (threading.Event() for _ in range(3))

    def first():
        with one_thread():
            first_is_in.set()
            second_is_in.wait(10)
        first_is_out.set()

    thread = threading.Thread(target=first)
    thread.start()
    assert first_is_in.wait(10)
    with one_thread():
        second_is_in.set()
        assert first_is_out.wait(10)
        assert set(thread_counts().values()) == {1}
    thread.join()
    assert thread_counts() == two_threads


@pytest.mark.parametrize("n_threads", [2, 8])
def test_many_overlapping_threads_leave_the_pools_as_they_were(two_threads, n_threads):
    """Whoever comes first and goes last: the process is not left at one thread."""
    barrier, inside = threading.Barrier(n_threads), []

    def work(number):
        barrier.wait(10)
        for _ in range(10):
            with one_thread():
                inside.append(set(blas_counts().values()))
                time.sleep(0.001 * (number % 3))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert inside == [{1}] * (10 * n_threads)
    assert thread_counts() == two_threads


def test_a_forked_child_has_the_pools_as_they_were(two_threads):
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
        child = os.fork()
        if child == 0:
            os._exit(0 if set(blas_counts().values()) == {2} else 1)
        _, status = os.waitpid(child, 0)
    assert status == 0


def test_one_thread_stays_one():
    with threadpool_limits(limits=1):
        before = thread_counts()
        with one_thread():
            pass
        assert thread_counts() == before


SEEN = []


class Spy(DummyRegressor):
    """Remembers the thread counts of its calls."""

    def fit(self, X, y, sample_weight=None):
        SEEN.append(thread_counts())
        return super().fit(X, y, sample_weight)

    def predict(self, X):
        SEEN.append(thread_counts())
        return super().predict(X)


@pytest.mark.parametrize("is_little", [True, False])
def test_trees_have_one_thread_for_little_work(monkeypatch, two_threads, is_little):
    monkeypatch.setattr(tree_regressors, "_WORTH_THREADS", 21 if is_little else 20)
    SEEN.clear()
    X = np.arange(20.0).reshape(10, 2)
    StandardizedRegressor(Spy()).fit(X, X[:, 0]).predict(X)
    assert [set(counts.values()) for counts in SEEN] == 2 * [
        {1} if is_little else set(two_threads.values())
    ]
    assert thread_counts() == two_threads


def test_calibration_has_one_thread(monkeypatch, two_threads):
    original, seen = calibration.calibrate, []

    def spied(*args):
        seen.append(thread_counts())
        return original(*args)

    monkeypatch.setattr(calibration, "calibrate", spied)
    X = np.random.default_rng(0).normal(size=(60, 2))
    view = MDNRegressor(n_components=1, hidden_layer_sizes=(4,), max_iter=2, random_state=0)
    MDNEnsembleRegressor([("view", view)], cv=2).fit(X, X[:, 0])
    assert [set(counts.values()) for counts in seen] == 2 * [{1}]
    assert thread_counts() == two_threads
