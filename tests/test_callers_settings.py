"""Fits and answers are the same to the bit under whatever settings a process has made."""

import contextlib
import locale
import warnings
from functools import cache
from importlib import import_module

import numpy as np
import pytest
import sklearn
import torch
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skmdn import ConformalMDNRegressor, MDNEnsembleRegressor, MDNRegressor
from skmdn._engine import DeviceNetwork
from skmdn._predictor import Predictor
from skmdn.preprocessing import (
    CrossFittedPredictions,
    PiecewiseLinearEncoder,
    StandardizedRegressor,
)


def rows():
    """Clusters far apart, tiny and huge features and weights: much underflows."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 5)) * [1.0, 1e-170, 1e170, 1.0, 1.0]
    X[:, 3] = np.round(X[:, 3])
    X[-1] *= 1e6
    X[:, 4] = np.tile([-3.0, 0.0, 3.0], 30)  # its mean and an edge are 0
    Y = np.where(rng.random((90, 2)) < 0.3, 1000.0, 0.0) + 0.001 * rng.normal(size=(90, 2))
    w = rng.integers(0, 3, 90).astype(float)
    w[3] = 1e-290
    return X, Y, w


X, Y, W = rows()
Y_1 = Y[:, 0]
NEW = np.vstack([X[:20], 1e3 * X[20:25], 0 * X[:1]])
SINGLE = np.float32(np.clip(NEW, -1e9, 1e9))
NEW[:, 4], SINGLE[:, 4] = (np.finfo(A.dtype).smallest_subnormal for A in (NEW, SINGLE))
MODERATE = [0, 3, 4]  # columns whose squares neither overflow nor underflow


def short(**options):
    network = {"n_components": 2, "hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}
    return MDNRegressor(**network | options)


def answers_of(model, X_new):
    density = model.predict_proba(X_new)
    found = [density.weights, density.means, density.scale_tril, model.predict(X_new)]
    if not isinstance(model, ConformalMDNRegressor):
        found += [*model.predict(X_new, return_std=True), model.sample(X_new, 2, random_state=0)]
    return found


def said_by(model):
    """Answers and fitted numbers of a network."""
    curves = [np.array(curve) for curve in (model.loss_curve_, model.validation_loss_curve_)]
    layers = [*model.coefs_, *model.intercepts_]
    return [*answers_of(model, NEW), *answers_of(model, SINGLE), *layers, *curves]


def plain():
    return said_by(short().fit(X, Y_1))


def weighted():
    own = {"X_val": X[60:], "y_val": Y_1[60:], "sample_weight_val": W[60:]}
    return said_by(short(activation="logistic").fit(X, Y_1, W)) + said_by(
        short(activation="tanh").fit(X[:60], Y_1[:60], W[:60], **own)
    )


def several_outputs():
    return said_by(short(covariance_type="full", activation="relu").fit(X, Y, W)) + said_by(
        short(covariance_type="spherical", dtype="float64", encoding=None).fit(X, Y)
    )


def partial():
    model = short(covariance_type="full")
    for part in (slice(45), slice(45, 90)):
        model.partial_fit(X[part], Y[part], W[part])
    return said_by(model) + said_by(short().fit(X, Y_1).partial_fit(X, Y_1))


def warm():
    return said_by(short(warm_start=True).fit(X, Y_1).fit(X, Y_1, W))


def ensemble():
    trees = ExtraTreesRegressor(3)
    views = [
        ("plain", short(random_state=None)),
        (
            "trees",
            Pipeline([("trees", CrossFittedPredictions([("trees", trees)])), ("net", short())]),
        ),
    ]
    model = MDNEnsembleRegressor(views, cv=2, random_state=0).fit(X[:, MODERATE], Y_1)
    density = model.predict_proba(NEW[:, MODERATE])
    parts = model.decompose(NEW[:, MODERATE])
    return [density.weights, density.means, density.scales, *parts.values(), model.oof_score_]


def weighted_ensemble():
    pipeline = Pipeline([("scale", StandardScaler(with_mean=False)), ("net", short())])
    model = MDNEnsembleRegressor([("a", short()), ("b", pipeline)], cv=2, random_state=0)
    if sklearn.get_config()["enable_metadata_routing"]:
        pipeline.named_steps["net"].set_fit_request(sample_weight=True)
        pipeline.named_steps["scale"].set_fit_request(sample_weight=False)
    return answers_of(model.fit(X[:, MODERATE], Y_1, W), NEW[:, MODERATE])


def conformal():
    pipeline = Pipeline([("scale", StandardScaler(with_mean=False)), ("net", short())])
    model = ConformalMDNRegressor(pipeline, cv=2, random_state=0).fit(X[:, MODERATE], Y_1)
    weighted = ConformalMDNRegressor(short(), cv=2, random_state=0).fit(X, Y_1, W)
    return [
        model.predict_proba(NEW[:, MODERATE]).means,
        *answers_of(weighted, NEW),
        weighted.predict_interval(NEW),
        weighted.predict_region(NEW),
        weighted.contains(X, Y_1),
        ConformalMDNRegressor(short(), cv=2, random_state=0).fit(X, Y).predict_interval(NEW),
    ]


def transformers():
    trees, encoder = ExtraTreesRegressor(3, random_state=0), PiecewiseLinearEncoder()
    crossed = CrossFittedPredictions([("trees", trees)], cv=2, random_state=0)
    found = [crossed.fit_transform(X[:, MODERATE], Y_1, sample_weight=W)]
    found += [crossed.transform(NEW[:, MODERATE])]
    found += [encoder.fit(X, sample_weight=W).transform(NEW), encoder.transform(SINGLE)]
    return [*map(np.asarray, found), StandardizedRegressor(trees).fit(X, Y_1).predict(NEW)]


JOBS = [
    transformers,
    plain,
    weighted,
    several_outputs,
    partial,
    warm,
    ensemble,
    weighted_ensemble,
    conformal,
]


@contextlib.contextmanager
def undone(change, undo):
    change()
    try:
        yield
    finally:
        undo()


@contextlib.contextmanager
def warnings_are(action):
    with warnings.catch_warnings():
        warnings.simplefilter(action)
        warnings.simplefilter("ignore", ConvergenceWarning)  # of a trajectory, and rightly so
        yield


def default_device(device):
    return undone(lambda: torch.set_default_device(device), lambda: torch.set_default_device(None))


def default_dtype(dtype):
    return undone(
        lambda: torch.set_default_dtype(dtype), lambda: torch.set_default_dtype(torch.float32)
    )


def determinism():
    return undone(
        lambda: torch.use_deterministic_algorithms(mode=True),
        lambda: torch.use_deterministic_algorithms(mode=False),
    )


def flush_denormal():
    return undone(lambda: torch.set_flush_denormal(True), lambda: torch.set_flush_denormal(False))


@contextlib.contextmanager
def decimal_comma():
    before = locale.setlocale(locale.LC_ALL)
    for name in ("de_DE.UTF-8", "fr_FR.UTF-8", "German_Germany"):
        with contextlib.suppress(locale.Error):
            locale.setlocale(locale.LC_ALL, name)
            break
    else:
        pytest.skip("no locale with a decimal comma here")
    try:
        yield
    finally:
        locale.setlocale(locale.LC_ALL, before)


SETTINGS = {
    "NumPy raises": lambda: np.errstate(all="raise"),
    "NumPy ignores": lambda: np.errstate(all="ignore"),
    "NumPy's printing": lambda: np.printoptions(precision=1, threshold=3, legacy="1.13"),
    "torch's default device": lambda: default_device("meta"),
    "torch.device": lambda: torch.device("meta"),
    "torch's default dtype": lambda: default_dtype(torch.float64),
    "half precision": lambda: default_dtype(torch.bfloat16),
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "no gradients": torch.no_grad,
    "gradients": torch.enable_grad,
    "inference": torch.inference_mode,
    "anomaly detection": lambda: torch.autograd.set_detect_anomaly(True),
    "deterministic algorithms": determinism,
    "denormal numbers flushed": flush_denormal,
    "finite data assumed": lambda: sklearn.config_context(assume_finite=True),
    "pandas output": lambda: sklearn.config_context(transform_output="pandas"),
    "polars output": lambda: sklearn.config_context(transform_output="polars"),
    "metadata routing": lambda: sklearn.config_context(enable_metadata_routing=True),
    "little memory": lambda: sklearn.config_context(
        working_memory=1, pairwise_dist_chunk_size=8, enable_cython_pairwise_dist=False
    ),
    "no validation": lambda: sklearn.config_context(skip_parameter_validation=True),
    "display": lambda: sklearn.config_context(print_changed_only=False, display="text"),
    "warnings are errors": lambda: warnings_are("error"),
    "warnings ignored": lambda: warnings_are("ignore"),
    "decimal comma": decimal_comma,
}


@cache
def expected(job):
    """What comes out without any settings."""
    return job()


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.__name__)
@pytest.mark.parametrize("setting", SETTINGS)
def test_fits_and_answers_are_the_same(setting, job):
    with warnings_are("ignore"):
        before = expected(job)
        with SETTINGS[setting]():
            found = job()
    for value, as_before in zip(found, before, strict=True):
        np.testing.assert_array_equal(value, as_before)


def test_steps_captured_on_a_gpu_ask_for_their_device(monkeypatch):
    """Here they run on the CPU, one by one."""
    monkeypatch.setattr(import_module("skmdn._engine.train"), "is_captured", lambda device: True)
    monkeypatch.setattr(import_module("skmdn._engine.steps"), "cuda_graph", lambda work: work)
    before = short().fit(X, Y, W)
    with default_device("meta"):
        found = short().fit(X, Y, W)
    np.testing.assert_array_equal(found.coefs_[0], before.coefs_[0])


def test_prediction_on_a_device_asks_for_it():
    model = short().fit(X, Y_1)
    expected, found = np.empty((2, len(NEW), 6))
    for out, device in ((expected, None), (found, "meta")):
        with default_device(device), default_dtype(torch.float64):
            network = DeviceNetwork(model.coefs_, model.intercepts_, "silu", np.float32, "cpu")
            network.evaluate(SINGLE, out, Predictor.of(model).preparation.inputs)
    np.testing.assert_array_equal(found, expected)


def test_a_network_may_saturate():
    model = short(encoding=None).fit(X, Y_1)
    model.coefs_[0] *= 1e6  # exponentials of hidden units underflow
    model.intercepts_[-1][-2:] -= 2000.0  # and those of the scales
    before = model.predict_proba(NEW)
    with np.errstate(all="raise"):
        found = model.predict_proba(NEW)
    np.testing.assert_array_equal(found.means, before.means)
    np.testing.assert_array_equal(found.scales, before.scales)


def test_the_error_state_is_the_callers_between_the_parts_of_an_answer():
    model = short().fit(X, Y_1)
    with np.errstate(under="raise"):
        for _ in Predictor.of(model).densities(NEW):
            assert np.geterr()["under"] == "raise"
        model.fit(X, Y_1)
        model.predict(NEW)
        assert np.geterr()["under"] == "raise"
