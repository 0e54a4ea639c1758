"""A fitted model is arrays and plain values: kept, carried, shared and repeated bit by bit."""

import copy
import importlib
import io
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from cases.persistence import answers, rows
from cases.regressor import short
from data.write_pickles import FOLDER
from data.write_pickles import answers as stored_answers
from sklearn.base import clone

import skmdn
from skmdn import ConformalMDNRegressor, MDNEnsembleRegressor, MDNRegressor
from skmdn.preprocessing import CrossFittedPredictions, PiecewiseLinearEncoder

ROOT = Path(skmdn.__file__).parents[1]


def assert_same_answers(model, other, X):
    for answer, expected in zip(answers(model, X), answers(other, X), strict=True):
        np.testing.assert_array_equal(answer, expected)


def variants():
    """Models of every kind of fitted state."""
    X, y = rows()
    _, Y = rows(n_outputs=2)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    return {
        "default": short().fit(X, y),
        "full": short(covariance_type="full").fit(X, Y),
        "spherical, float64": short(covariance_type="spherical", dtype="float64").fit(X, Y),
        "plain inputs": short(encoding=None, calibrate=False, validation_fraction=None).fit(X, y),
        "named features": short().fit(frame, y).partial_fit(frame, y),
        "in parts": short(hidden_layer_sizes=()).partial_fit(X, Y).partial_fit(X, Y),
        "numpy's numbers": short(
            n_components=np.int64(2), alpha=np.float64(0.1), hidden_layer_sizes=np.array([4])
        ).fit(X, y),
    }


@pytest.fixture(scope="module")
def models():
    return variants()


KINDS = [
    "default",
    "full",
    "spherical, float64",
    "plain inputs",
    "named features",
    "in parts",
    "numpy's numbers",
]


def inputs_for(model):
    X, _ = rows(20, seed=1)
    return pd.DataFrame(X, columns=["a", "b", "c"]) if hasattr(model, "feature_names_in_") else X


# Pickle and joblib -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_copies_answer_bit_by_bit(kind, models, tmp_path):
    model = models[kind]
    X = inputs_for(model)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert_same_answers(pickle.loads(pickle.dumps(model, protocol)), model, X)
    assert_same_answers(copy.deepcopy(model), model, X)
    for name in ("model.joblib", "model.joblib.gz"):
        joblib.dump(model, tmp_path / name)
        assert_same_answers(joblib.load(tmp_path / name), model, X)


@pytest.mark.parametrize("kind", KINDS)
def test_a_memory_mapped_model_answers_and_goes_on(kind, models, tmp_path):
    model = models[kind]
    X = inputs_for(model)
    joblib.dump(model, tmp_path / "model.joblib")
    mapped = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    assert isinstance(mapped.coefs_[0], np.memmap)
    assert not mapped.coefs_[0].flags.writeable
    assert_same_answers(mapped, model, X)
    # Its arrays cannot be written to, but it can be trained further, as the original can.
    targets = rows(20, n_outputs=model.n_outputs_ if model.y_ndim_ == 2 else None)[1]
    continued = copy.deepcopy(model).partial_fit(X, targets)
    assert_same_answers(mapped.partial_fit(X, targets), continued, X)


def test_training_goes_on_after_a_pickle_as_without_it():
    X, y = rows()
    whole, carried = short(), short()
    for _ in range(3):
        whole.partial_fit(X, y)
        carried = pickle.loads(pickle.dumps(carried.partial_fit(X, y)))
    assert_same_answers(carried, whole, X)
    warm = short(warm_start=True).fit(X, y)
    carried = pickle.loads(pickle.dumps(warm))
    assert_same_answers(carried.fit(X, y), warm.fit(X, y), X)


class Recorder(pickle.Unpickler):
    """Notes what a pickle asks to import."""

    def __init__(self, data):
        super().__init__(io.BytesIO(data))
        self.asked = set()

    def find_class(self, module, name):
        self.asked.add(f"{module}.{name}")
        return super().find_class(module, name)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", KINDS)
def test_a_pickle_names_only_numpy_and_public_skmdn(kind, protocol, models):
    recorder = Recorder(pickle.dumps(models[kind], protocol))
    recorder.load()
    # How protocol 2 writes bytes; it names no module of a library.
    strangers = recorder.asked - {"_codecs.encode"}
    private = [
        name
        for name in strangers
        if not name.startswith("numpy.")
        and (not name.startswith("skmdn.") or any(part[0] == "_" for part in name.split(".")))
    ]
    assert private == []
    assert "skmdn.regressor.MDNRegressor" in recorder.asked


# Where pickles may find classes: paths that stay, whatever files the classes live in.
PUBLIC = {
    "skmdn.conformal",
    "skmdn.ensemble",
    "skmdn.mixture",
    "skmdn.preprocessing",
    "skmdn.regressor",
}
DEFAULTS = [
    MDNRegressor(),
    MDNEnsembleRegressor(),
    ConformalMDNRegressor(),
    CrossFittedPredictions(),
    PiecewiseLinearEncoder(),
]


# A few rows without any signal: no component need live, nor any fit converge.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_outputs", [None, 2])
@pytest.mark.parametrize("estimator", DEFAULTS, ids=lambda estimator: type(estimator).__name__)
def test_a_pickle_names_public_paths_of_skmdn_only(estimator, n_outputs):
    model = clone(estimator)
    if "cv" in model.get_params():
        model.set_params(cv=2)  # more folds take time, and hold nothing else
    model.fit(*rows(30, n_outputs=n_outputs))
    recorder = Recorder(pickle.dumps(model))
    recorder.load()
    names = [name.rpartition(".") for name in recorder.asked if name.split(".")[0] == "skmdn"]
    assert (type(model).__module__, ".", type(model).__name__) in names
    assert {module for module, _, _ in names} <= PUBLIC
    for module, _, name in names:
        assert getattr(importlib.import_module(module), name).__name__ == name


def plain(value):
    """Whether a value is made of arrays of numbers or names and of plain Python values only."""
    if isinstance(value, (list, tuple)):
        return type(value) in (list, tuple) and all(plain(item) for item in value)
    if isinstance(value, dict):
        return type(value) is dict and all(plain(item) for item in value.values())
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fiub" or all(isinstance(name, str) for name in value.ravel())
    return value is None or type(value) in (bool, int, float, str)


@pytest.mark.parametrize("kind", KINDS)
def test_fitted_state_is_arrays_and_plain_values(kind, models):
    fitted = {name: value for name, value in vars(models[kind]).items() if name.endswith("_")}
    assert "coefs_" in fitted
    assert [name for name, value in fitted.items() if not plain(value)] == []
    assert [name for name in vars(models[kind]) if name.startswith("_")] == []


def test_size_of_a_pickle():
    X, y = rows(200, 8)
    model = short(n_components=5, hidden_layer_sizes=(64, 64)).fit(X, y)
    assert len(pickle.dumps(model)) < 100_000


# Stored models -----------------------------------------------------------------------------------

STORED = sorted(FOLDER.glob("*.pickle"))


@pytest.mark.parametrize("file", STORED, ids=lambda file: file.stem)
def test_a_stored_model_loads_and_answers_as_it_did(file):
    recorder = Recorder(file.read_bytes())
    model = recorder.load()
    with np.load(file.with_suffix(".npz")) as stored:
        expected = dict(stored)
    found = stored_answers(model, expected.pop("X"))
    assert found.keys() == expected.keys()
    for name, answer in found.items():
        np.testing.assert_allclose(answer, expected[name], rtol=1e-7, atol=1e-9, err_msg=name)
    libraries = {name.split(".")[0] for name in recorder.asked}
    assert libraries <= {"skmdn", "numpy"}
    assert file.stat().st_size < 60_000


def test_every_public_class_has_a_stored_model():
    stored = {type(pickle.loads(file.read_bytes())) for file in STORED}
    assert {type(estimator) for estimator in DEFAULTS} | {skmdn.Mixture} <= stored


# Fresh processes ---------------------------------------------------------------------------------

FRESH = """
import sys
import numpy as np
import skmdn
heavy = {"torch", "matplotlib"}
assert not heavy & sys.modules.keys(), "import skmdn imports " + str(heavy & sys.modules.keys())
import joblib
X = np.load("X.npy")
for number in range(int(sys.argv[1])):
    model = joblib.load(f"{number}.joblib", mmap_mode="r" if number % 2 else None)
    density = model.predict_proba(X)
    found = [
        *model.predict(X, return_std=True),
        *model.predict(X, return_cov=True),
        model.sample(X, 2, random_state=0),
        density.weights,
        density.means,
        density.scale_tril,
        density.logpdf(density.mean()),
    ]
    model.set_params(device="cuda").get_params()
    np.savez(f"{number}.npz", *found)
assert not heavy & sys.modules.keys(), "predicting imports " + str(heavy & sys.modules.keys())
"""


def run_python(code, *arguments, cwd):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_fresh_process_answers_bit_by_bit_and_without_torch(models, tmp_path):
    unnamed = [model for model in models.values() if not hasattr(model, "feature_names_in_")]
    X, _ = rows(20, seed=1)
    np.save(tmp_path / "X.npy", X)
    for number, model in enumerate(unnamed):
        joblib.dump(model, tmp_path / f"{number}.joblib")
    run_python(FRESH, str(len(unnamed)), cwd=tmp_path)
    for number, model in enumerate(unnamed):
        density = model.predict_proba(X)
        expected = [*answers(model, X), density.logpdf(density.mean())]
        with np.load(tmp_path / f"{number}.npz") as found:
            for name, answer in zip(found.files, expected, strict=True):
                np.testing.assert_array_equal(found[name], answer)


# Threads -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["default", "full"])
def test_threads_may_share_a_model(kind, models):
    model = models[kind]
    parts = [rows(300, seed=seed)[0] for seed in range(8)]
    expected = [answers(model, X) for X in parts]
    start = threading.Barrier(2)

    def ask(order):
        start.wait()
        return [(i, answers(model, parts[i])) for i in order]

    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(ask, [range(8), range(7, -1, -1)]):
            for i, answer in found:
                for array, other in zip(answer, expected[i], strict=True):
                    np.testing.assert_array_equal(array, other)
