"""Same data, same settings, same seed: the same model bit by bit."""

import contextlib
import os
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import pytest
import sklearn
import threadpoolctl
import torch
from cases.persistence import answers, rows
from cases.regressor import short


def layers_of(model):
    return [*model.coefs_, *model.intercepts_]


def assert_same_layers(layers, expected):
    for layer, other in zip(layers, expected, strict=True):
        np.testing.assert_array_equal(layer, other)


def fitted_layers(options, X, y):
    return layers_of(short(**options).fit(X, y))


@contextlib.contextmanager
def torch_threads(n_threads):
    """So many threads for torch and the linear algebra below NumPy."""
    before = torch.get_num_threads()
    with threadpoolctl.threadpool_limits(n_threads):
        torch.set_num_threads(n_threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)


SETTINGS = [
    {},
    {"dtype": "float64", "batch_size": 1000},
    {"covariance_type": "full", "activation": "tanh"},
    {"encoding": None, "calibrate": False, "validation_fraction": None},
]


def test_the_settings_of_the_tests_load_no_torch():
    """They set the number of cores, which torch reads when it is imported."""
    code = "import conftest, sys; sys.exit('torch' in sys.modules)"
    tests = Path(__file__).parent
    subprocess.run([sys.executable, "-c", code], cwd=tests, check=True)


@pytest.mark.usefixtures("with_cross_validation")  # as in new processes
@pytest.mark.parametrize("n_outputs", [None, 2])
def test_the_same_model_for_any_number_of_processes(n_outputs):
    X, y = rows(n_outputs=n_outputs)
    fits = [joblib.delayed(fitted_layers)(options, X, y) for options in SETTINGS]
    alone, together = joblib.Parallel(n_jobs=1)(fits), joblib.Parallel(n_jobs=2)(fits)
    for layers, expected in zip(together, alone, strict=True):
        assert_same_layers(layers, expected)


@pytest.mark.parametrize("n_outputs", [None, 2])
def test_the_same_model_for_any_number_of_threads(n_outputs):
    X, y = rows(n_outputs=n_outputs)
    found = []
    for n_threads in (1, 2):
        with torch_threads(n_threads):
            for options in SETTINGS:
                found.append(fitted_layers(options, X, y))
                assert torch.get_num_threads() == n_threads
    for layers, expected in zip(found[: len(SETTINGS)], found[len(SETTINGS) :], strict=True):
        assert_same_layers(layers, expected)


def test_the_same_model_from_any_memory_layout(tmp_path):
    X, y = rows()
    np.save(tmp_path / "X.npy", X)
    expected = fitted_layers({}, X, y)
    strided = np.empty((160, 6))
    strided[::2, ::2] = X
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    for same in (strided[::2, ::2], mapped, X.tolist(), np.asfortranarray(X)):
        assert_same_layers(fitted_layers({}, same, y), expected)


def test_seeds():
    X, y = rows()
    expected = fitted_layers({"random_state": 7}, X, y)
    assert_same_layers(fitted_layers({"random_state": np.int64(7)}, X, y), expected)
    new = np.random.RandomState
    expected = fitted_layers({"random_state": new(7)}, X, y)
    assert_same_layers(fitted_layers({"random_state": new(7)}, X, y), expected)
    state = new(7)
    assert_same_layers(fitted_layers({"random_state": state}, X, y), expected)
    # A RandomState moves on, as everywhere in scikit-learn.
    assert not np.array_equal(fitted_layers({"random_state": state}, X, y)[0], expected[0])


def test_without_a_seed_every_fit_is_fresh():
    X, y = rows()
    found = []
    for _ in range(2):
        np.random.seed(0)  # noqa: NPY002 (the global state must have no say)
        torch.manual_seed(0)
        found.append(fitted_layers({"random_state": None}, X, y)[0])
    assert not np.array_equal(found[0], found[1])


def surroundings():
    """What belongs to others: random states, threads, settings."""
    return {
        "numpy's random state": np.random.get_state(),  # noqa: NPY002 (it must stay as it is)
        "torch's random state": torch.get_rng_state().numpy(),
        "torch's threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "torch's dtype": str(torch.get_default_dtype()),
        "torch's gradients": torch.is_grad_enabled(),
        "torch's determinism": torch.are_deterministic_algorithms_enabled(),
        "torch's validation": torch.distributions.Distribution._validate_args,
        "thread pools": [
            {key: pool[key] for key in ("user_api", "num_threads")}
            for pool in threadpoolctl.threadpool_info()
        ],
        "numpy's errors": np.geterr(),
        "numpy's printing": str(np.get_printoptions()),
        "warning filters": list(warnings.filters),
        "scikit-learn's settings": sklearn.get_config(),
        "environment": dict(os.environ),
    }


@pytest.mark.parametrize("random_state", [None, 0])
def test_nothing_global_is_changed(random_state):
    X, Y = rows(n_outputs=2)
    short(max_iter=1).fit(X, Y)  # imports what training imports
    with torch_threads(2):
        before = surroundings()
        model = short(random_state=random_state, covariance_type="full").fit(X, Y)
        model.partial_fit(X, Y)
        answers(model, X)
        model.sample(X)
        model.score(X, Y)
        with pytest.raises(ValueError, match="infinity"):
            model.fit(np.full_like(X, np.inf), Y)
        after = surroundings()
    for name, value in before.items():
        np.testing.assert_equal(after[name], value, err_msg=name)


def test_threads_may_fit_models_of_their_own():
    X, y = rows()
    expected = fitted_layers({}, X, y)
    before = torch.get_num_threads()
    with ThreadPoolExecutor(2) as pool:
        for layers in pool.map(lambda _: fitted_layers({}, X, y), range(4)):
            assert_same_layers(layers, expected)
    assert torch.get_num_threads() == before
