"""A process that was forked after a fit can fit and predict too.

GNU OpenMP's threads are gone in a forked process, which nevertheless waits for them. A child that
hangs shows as a timeout here. Every test runs a process of its own, with four threads for torch.
"""

import os
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

# Seconds after which a process counts as hanging; it needs a few.
PATIENCE = 240

SETUP = """
import os, warnings
import numpy as np
import torch
from skmdn import ConformalMDNRegressor, MDNEnsembleRegressor, MDNRegressor
from skmdn._engine import threads

warnings.simplefilter("ignore")
torch.set_num_threads(4)
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(200, 3)), rng.normal(size=(200, 2))
y, w = Y[:, 0], rng.integers(0, 3, 200)

def network(**options):
    given = {"alpha": 0.04, "encoding": "piecewise", "max_iter": 1, "random_state": 0}
    return MDNRegressor(**given | options)

def answers(model):
    density = model.predict_proba(X)
    return [model.predict(X), density.ppf([0.1]), density.sample(2, 0)]

def n_threads():
    tasks = "/proc/self/task"  # on Linux
    return len(os.listdir(tasks)) if os.path.isdir(tasks) else 0

def in_child(work):
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
"""

WORK = {
    "one output": "answers(network().fit(X, y))",
    "a choice among networks": "answers(network(alpha='auto', encoding='auto').fit(X, y))",
    "weights": "answers(network().fit(X, y, w))",
    "full covariances": "answers(network(covariance_type='full').fit(X, Y))",
    "wide": "answers(network(hidden_layer_sizes=(128, 128)).fit(X, y))",
    "float64": "answers(network(dtype='float64', covariance_type='spherical').fit(X, Y))",
    "own validation data": "answers(network().fit(X, y, X_val=np.tile(X, (50, 1)), "
    "y_val=np.tile(y, 50)))",
    "many rows": "answers(network(n_components=2, hidden_layer_sizes=(8,), max_iter=1)"
    ".fit(np.tile(X, (150, 1)), np.tile(y, 150)))",
    "partial_fit": "answers(network().partial_fit(X, y).partial_fit(X, y))",
    "ensemble": "answers(MDNEnsembleRegressor([('a', network())], cv=2).fit(X, y))",
    "conformal": "ConformalMDNRegressor(network(), cv=2).fit(X, y).predict_interval(X)",
}

# A fit with steps large enough for two threads.
LARGE = "network(hidden_layer_sizes=(400, 400), batch_size=200).fit(X, y)"


def run(code):
    """Run in a process of its own, which may have as many threads as it likes."""
    limits = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {name: value for name, value in os.environ.items() if name not in limits}
    environment["JOBLIB_START_METHOD"] = "fork"  # which is not the default since Python 3.14
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SETUP) + textwrap.dedent(code)],
        env=environment,
        start_new_session=True,
    )
    try:
        assert process.wait(PATIENCE) == 0
    finally:
        if process.poll() is None:  # children too
            os.killpg(process.pid, 9)
            process.wait()


def test_small_work_starts_no_threads_and_a_child_can_do_it_too():
    run(
        f"""
        work = {WORK!r}
        # The first change of the number starts threads of torch's other pool, which forks survive.
        torch.set_num_threads(3); torch.set_num_threads(4)
        before = n_threads()
        for name, code in work.items():
            exec(code)
            assert n_threads() == before, name
        for name, code in work.items():
            in_child(lambda: exec(code, globals()))
        """
    )


def test_a_child_starts_no_threads_and_may_fit_large_steps_after_its_parent_did():
    run(
        f"""
        def work():
            with threads.threads_for(10**9):
                assert torch.get_num_threads() == 1
            assert torch.get_num_threads() == 4

        with threads.threads_for(10**9):
            assert torch.get_num_threads() == 4
        {LARGE}
        in_child(work)
        in_child(lambda: {LARGE})
        """
    )


def test_multiprocessing_of_joblib():
    run(
        """
        import joblib

        def fitted(seed):
            return network(random_state=seed).fit(X, y).predict(X)

        expected = fitted(0)
        parallel = joblib.Parallel(2, backend="multiprocessing")
        for found in parallel(joblib.delayed(fitted)(0) for _ in range(3)):
            np.testing.assert_array_equal(found, expected)
        with joblib.parallel_config(backend="multiprocessing"):
            MDNEnsembleRegressor([("a", network())], cv=2, n_jobs=2).fit(X, y)
            ConformalMDNRegressor(network(), cv=2, n_jobs=2).fit(X, y)
        """
    )
