"""An exported model answers in onnxruntime what it answers in NumPy, for every kind of model."""

import copy
import json
import sys
from dataclasses import fields
from functools import cache

import numpy as np
import pandas as pd
import pytest
from cases.regressor import short
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from skmdn import ConformalMDNRegressor, MDNEnsembleRegressor
from skmdn._estimators.inputs import check_inputs
from skmdn._network.activations import ACTIVATIONS
from skmdn._network.architecture import Architecture
from skmdn._network.forward import COVARIANCES
from skmdn._network.preparation import Preparation
from skmdn._predictor import Predictor
from skmdn.export import network, to_onnx
from skmdn.transforms import Log, Logit

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

N = 160
RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(N, 3)) * [1.0, 1e-3, 1e4] + [0.0, 5.0, 1e6]
SIGNAL = NUMBERS[:, 0] + 0.3 * RNG.normal(size=N)
SEVERAL = np.column_stack([SIGNAL, 2 * SIGNAL + RNG.normal(size=N), 1e3 + RNG.normal(size=N)])
# Errors of these also count in parts of the largest number.
UNITS = {"means": 1.0, "mean": 1.0, "scale_tril": 1.0, "std": 0.01}
FULL = {"covariance_type": "full"}
# Arguments of the constructor, and the targets.
MODELS = {
    "plain": ({}, SIGNAL),
    "column of y": ({}, SIGNAL[:, np.newaxis]),
    "diag": ({}, SEVERAL),
    "spherical": ({"covariance_type": "spherical"}, SEVERAL),
    "full": (FULL, SEVERAL),
    "full, one output": (FULL, SIGNAL),
    "not calibrated": (FULL | {"calibrate": False, "activation": "relu"}, SEVERAL),
    "no encoding": ({"encoding": None, "activation": "tanh", "dtype": "float64"}, SIGNAL),
    "one layer": ({"hidden_layer_sizes": (), "n_components": 1}, SIGNAL),
    "ends": ({"extrapolation": "constant"}, SIGNAL),
    "goes on": ({"extrapolation": "continue", "activation": "logistic"}, SIGNAL),
    "identity": ({"activation": "identity"}, SIGNAL),
    "log": ({"target_transform": "log"}, np.exp(SIGNAL)),
    "log, one component": (
        {"target_transform": "log", "n_components": 1, "calibrate": False},
        np.exp(SIGNAL),
    ),
    "log from above": ({"target_transform": Log(upper=2.0)}, 2.0 - np.exp(SIGNAL)),
    "logit": ({"target_transform": Logit(-1.0, 3.0)}, -1.0 + 4.0 / (1.0 + np.exp(-SIGNAL))),
    "steep logit": (
        {"target_transform": "logit"},
        1.0 / (1.0 + np.exp(np.clip(-12.0 * SIGNAL, -25.0, 25.0))),
    ),
    "asinh": ({"target_transform": "asinh"}, np.sinh(2.0 * SIGNAL)),
    "maps": (
        FULL | {"target_transform": ["log", "asinh", None]},
        np.column_stack([np.exp(SIGNAL), SEVERAL[:, 1:]]),
    ),
    "atoms": ({"target_atoms": [0.0, 1.0]}, np.clip(SIGNAL, 0.0, 1.0)),
    "atoms and log": ({"target_atoms": [0.0], "target_transform": "log"}, np.maximum(SIGNAL, 0.0)),
    "constant": ({}, np.ones(N)),
    "line": ({"linear_path": True}, SIGNAL),
    "lines, full": (FULL | {"linear_path": True, "encoding": None}, SEVERAL),
    "line, log": ({"linear_path": True, "target_transform": "log"}, np.exp(SIGNAL)),
    "line goes on": ({"linear_path": True, "extrapolation": "continue"}, SIGNAL),
}


def table(n=N, seed=1):
    """Numbers, gaps, constants and categories, of which one is rare and some are numbers."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(n, 3)) * [1.0, 1e-3, 1e4] + [0.0, 5.0, 1e6]
    numbers[rng.random(n) < 0.2, 1] = np.nan
    frame = pd.DataFrame(numbers, columns=["a", "b", "c"])
    frame["constant"] = 7.0
    frame["nothing"] = np.nan
    frame["tree"] = rng.choice(["oak", "ash", "elm", None], n, p=[0.4, 0.3, 0.2, 0.1])
    frame["wet"] = rng.choice([True, False], n)
    frame["place"] = pd.Series([f"p{i}" for i in rng.integers(0, 40, n)], dtype=object)
    return frame


@cache
def fitted(kind):
    options, y = MODELS[kind]
    return short(**options).fit(NUMBERS, y)


@cache
def fitted_table(extrapolation="damped", linear_path=False):
    frame = table()
    y = frame["a"].to_numpy() + (frame["tree"] == "oak").to_numpy()
    model = short(extrapolation=extrapolation, linear_path=linear_path, n_bins=4)
    return model.fit(frame, y)


def served(model, X, dtype, outputs=None):
    """Outputs by name, of onnxruntime."""
    exported = to_onnx(model, outputs, dtype=dtype)
    onnx.checker.check_model(exported, full_check=True)
    session = onnxruntime.InferenceSession(
        exported.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"X": X.astype(dtype)}), strict=True))


def expected(model, X):
    """The same in NumPy; X has codes of categories."""
    density = Predictor.of(model).density(X)
    base = getattr(density, "base", density)
    answers = {
        "weights": base.weights,
        "means": base.means,
        "scales": base.scales,
        "mean": density.mean(),
        "std": density.std(),
    }
    if base.covariance_type == "full":
        answers["scale_tril"] = base.scale_tril
    if model.target_atoms_ is not None:
        answers["atom_weights"] = density.atom_weights
    return answers


def assert_same(model, X, dtype, tolerance):
    got, wanted = served(model, X, dtype), expected(model, X.astype(dtype))
    assert got.keys() == wanted.keys()
    for name, value in wanted.items():
        assert got[name].dtype == dtype
        assert got[name].shape == value.shape
        size = np.max(np.abs(value[np.isfinite(value)]), initial=0.0)
        # NumPy's variance behind a logit, near a bound, is good to 1e-13 of that of the others.
        unit = UNITS.get(name, 0.0) * size
        np.testing.assert_allclose(got[name], value, tolerance, tolerance * unit, err_msg=name)


def beyond(X):
    """Rows of training, rows far outside of their range, and gaps."""
    rows = np.concatenate([X[:20], X[:20] * 3.0, np.full((1, X.shape[1]), np.nan), X[:5]])
    rows[-5:, 0] = [1e30, -1e30, np.nan, 0.0, 1e-30]
    return rows


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-7), ("float32", 3e-5)])
def test_answers_are_those_of_numpy(kind, dtype, tolerance):
    assert_same(fitted(kind), beyond(NUMBERS), dtype, tolerance)


@pytest.mark.parametrize("linear_path", [True, False])
@pytest.mark.parametrize("extrapolation", ["damped", "linear", "constant", "continue"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-7), ("float32", 3e-5)])
def test_gaps_constants_and_categories(extrapolation, linear_path, dtype, tolerance):
    model = fitted_table(extrapolation, linear_path)
    X = check_inputs(model, table(60, seed=2))
    assert np.isnan(X).any()
    codes = np.flatnonzero([levels is not None for levels in model.categories_])
    unseen = X.copy()
    unseen[:, codes] = -1.0
    gaps = X.copy()
    gaps[:, codes] = np.nan
    assert_same(model, np.concatenate([X, unseen, gaps]), dtype, tolerance)


@pytest.mark.parametrize("colours", [["red", "blue"], ["red"]])
def test_categories_alone(colours):
    """Of one category nothing can be learnt: the network has no inputs."""
    frame = pd.DataFrame({"colour": [colours[i % len(colours)] for i in range(N)]})
    model = short().fit(frame, SIGNAL)
    assert_same(model, np.array([[0.0], [-1.0], [np.nan]]), "float64", 1e-7)


def test_codes_beyond_the_categories_are_unseen():
    model = fitted_table()
    X = check_inputs(model, table(5, seed=2))
    X[:, 5] = -1.0
    other = X.copy()
    other[:, 5] = 99.0
    both = [served(model, rows, "float64", ["mean"])["mean"] for rows in (X, other)]
    np.testing.assert_array_equal(*both)


def with_log_scales(kind, shift):
    """A model with all log-scales moved."""
    model = copy.deepcopy(fitted(kind))
    moved = model.intercepts_[-1].astype(np.float64)
    moved[Predictor.of(model).layout.scales] += shift
    model.intercepts_[-1] = moved
    model.architecture_["scale_floor"] = 1e-9
    return model


@pytest.mark.parametrize(
    "kind", ["plain", "diag", "log", "log, one component", "steep logit", "asinh", "maps"]
)
@pytest.mark.parametrize("shift", [-15.0, 4.0, 200.0])
def test_scales_at_their_ends(kind, shift):
    """Wide ones are cut, and narrow ones keep their digits behind a map."""
    assert_same(with_log_scales(kind, shift), NUMBERS[:20], "float64", 1e-6)


@pytest.mark.parametrize(
    "kind", ["plain", "full", "log", "log from above", "asinh", "atoms and log"]
)
def test_networks_of_extreme_outputs(kind):
    """Sure of one component, with scales at both ends."""
    model = copy.deepcopy(fitted(kind))
    model.coefs_[-1] = model.coefs_[-1] * 30.0
    assert_same(model, beyond(NUMBERS), "float64", 1e-6)


@pytest.mark.parametrize("linear_path", [True, False])
def test_a_line_in_a_skewed_feature(linear_path):
    """Its z-scores are cut off farther out than others."""
    rng = np.random.default_rng(0)
    X = np.exp(1.5 * rng.normal(size=(300, 2)))
    y = 2.0 * X[:, 0] + 0.1 * rng.normal(size=300)
    model = short(linear_path=linear_path).fit(X, y)
    assert model.line_limit_ == 20
    assert_same(model, beyond(X), "float64", 1e-7)


def test_a_model_trained_in_parts():
    model = short().partial_fit(NUMBERS[:80], SIGNAL[:80]).partial_fit(NUMBERS[80:], SIGNAL[80:])
    assert_same(model, beyond(NUMBERS), "float64", 1e-7)


def test_noise_in_full_covariances_of_nearly_dependent_outputs():
    """Squares of the factor would lose half of the digits."""
    model = with_log_scales("full", -15.0)
    model.spread_noise_ = 1e-9
    assert_same(model, NUMBERS[:10], "float64", 1e-7)


# What is exported --------------------------------------------------------------------------------


def test_outputs_are_chosen_and_ordered():
    model = fitted("full")
    assert list(served(model, NUMBERS, "float64", ["std", "weights"])) == ["std", "weights"]
    few = to_onnx(model, ["weights"])
    assert len(few.graph.node) < len(to_onnx(model).graph.node) - 100


def test_one_name_may_be_a_word():
    assert [one.name for one in to_onnx(fitted("plain"), "mean").graph.output] == ["mean"]


def test_float32_halves_the_size():
    sizes = [to_onnx(fitted("plain"), dtype=dtype).ByteSize() for dtype in ("float32", "float64")]
    assert sizes[0] < sizes[1]


def test_metadata_say_what_a_caller_needs():
    model = fitted_table()
    properties = {one.key: json.loads(one.value) for one in to_onnx(model).metadata_props}
    assert properties["feature_names"] == list(table().columns)
    assert properties["categories"][5] == ["ash", "elm", "oak"]
    assert properties["categories"][0] is None
    assert properties["target_transform"] is None
    atoms = {
        one.key: json.loads(one.value) for one in to_onnx(fitted("atoms and log")).metadata_props
    }
    assert atoms["target_atoms"] == [0.0]
    assert atoms["target_transform"] == "Log(lower=0.0)"
    assert atoms["feature_names"] is None


# What there is to export -------------------------------------------------------------------------


def test_every_activation_and_covariance_has_a_form():
    assert network.ACTIVATIONS.keys() == ACTIVATIONS.keys()
    assert {options.get("activation", "silu") for options, _ in MODELS.values()} == {*ACTIVATIONS}
    kinds = {options.get("covariance_type", "diag") for options, _ in MODELS.values()}
    assert kinds == {*COVARIANCES}


def test_nothing_of_a_fitted_network_is_left_out():
    """Whoever adds a field writes its form in ONNX, or says why there is none, and adds it here."""
    assert set(Predictor._fields) == {
        *("preparation", "coefs", "intercepts", "architecture", "spread_factor", "spread_noise"),
        *("y_ndim", "target_maps", "target_range", "target_atoms", "atom_temperature", "line"),
        "outside",
        "device",  # where NumPy's answers are computed
    }
    assert set(Preparation._fields) == {
        *("X_mean", "X_scale", "X_min", "X_max", "X_count", "n_seen", "y_mean", "y_scale"),
        *("encoding", "categories", "extrapolation", "straight_to"),
        *("y_varies", "y_count", "feature_weights"),  # for training
    }
    assert {field.name for field in fields(Architecture)} == {
        *("n_components", "covariance_type", "hidden_layer_sizes", "activation", "scale_floor"),
        "n_atoms",
    }


# What is refused ---------------------------------------------------------------------------------


def test_other_estimators_say_what_can_be_exported():
    view = short()
    for model, hint in [
        (MDNEnsembleRegressor([("a", view)], cv=2), r"estimators_\[view\]\[fold\]"),
        (ConformalMDNRegressor(view, cv=2), "Export the MDNRegressor inside"),
        (make_pipeline(view), r"model\[-1\]"),
        ("model.onnx", "Pass the fitted MDNRegressor"),
    ]:
        with pytest.raises(TypeError, match=f"exports a fitted MDNRegressor, got .*{hint}"):
            to_onnx(model)


def test_members_of_an_ensemble_are_exported():
    model = MDNEnsembleRegressor([("a", short())], cv=2, random_state=0).fit(NUMBERS, SIGNAL)
    assert_same(model.estimators_[0][1], NUMBERS[:5], "float64", 1e-7)


def test_an_unfitted_model_is_refused():
    with pytest.raises(NotFittedError, match="MDNRegressor"):
        to_onnx(short())


@pytest.mark.parametrize(
    "outputs", [["density"], [], ["mean", "mean"], ["scale_tril"], ["atom_weights"]]
)
def test_outputs_that_a_model_has_not(outputs):
    with pytest.raises(ValueError, match="outputs must be distinct names among 'weights', 'means'"):
        to_onnx(fitted("plain"), outputs)


def test_dtype_is_one_of_two():
    with pytest.raises(ValueError, match="dtype must be one of 'float64', 'float32'; got 'int8'"):
        to_onnx(fitted("plain"), dtype="int8")


def test_an_activation_or_a_map_without_a_form_in_onnx():
    model = copy.deepcopy(fitted("log"))
    model.architecture_["activation"] = "gelu"
    with pytest.raises(ValueError, match=r"activations 'relu', .* a network with 'gelu'"):
        to_onnx(model)

    class Root(Log):
        pass

    model = copy.deepcopy(fitted("log"))
    model.target_transform_ = Root()
    with pytest.raises(ValueError, match="a target_transform that is an Identity, Log, Logit or"):
        to_onnx(model)


def test_a_missing_or_old_onnx(monkeypatch):
    model = fitted("plain")
    monkeypatch.setattr(onnx.defs, "onnx_opset_version", lambda: 12)
    with pytest.raises(ImportError, match=r"needs onnx 1.16 or newer, got .*skmdn\[onnx\]"):
        to_onnx(model)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'skmdn\[onnx\]'"):
        to_onnx(model)
