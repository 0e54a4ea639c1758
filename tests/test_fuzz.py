"""Any argument at any public door: an answer, or an error that the docstrings name.

Nothing hangs, no answer has NaN for a parameter, and a model that refuses is what it was before.
`SKMDN_FUZZ_EXAMPLES=2000 pytest -m fuzz` tries ten times as much as a run of all tests does.
"""

import os
from datetime import timedelta

import numpy as np
import pytest
from cases.ensemble import two_views
from cases.fuzzed import (
    DOCUMENTED,
    MOST_SECONDS,
    answer,
    answer_of,
    arguments,
    arrays,
    is_moderate,
    seeds,
    weights,
    words,
)
from cases.regressor import short
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skmdn import (
    ConformalMDNRegressor,
    MDNEnsembleRegressor,
    Mixture,
    TargetMixture,
    plotting,
    preprocessing,
    transforms,
)
from skmdn import metrics as all_metrics
from skmdn.metrics import QuantilePrediction, SamplePrediction

pytestmark = pytest.mark.fuzz
EXAMPLES = int(os.environ.get("SKMDN_FUZZ_EXAMPLES", "200"))


def examples(share):
    """So many of the examples; the same ones in every short run."""
    return settings(
        max_examples=max(1, round(EXAMPLES * share)),
        derandomize=EXAMPLES <= 200,
        database=None,
        deadline=timedelta(seconds=4 * MOST_SECONDS),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


def check_mixture(density):
    """Parameters of a density are numbers, whatever it was made of."""
    if isinstance(density, TargetMixture):
        assert np.isfinite(density.atom_weights).all()
        density = density.base
    assert np.isfinite(density.weights).all()
    assert np.isfinite(density.means).all()
    assert np.isfinite(density.scales).all()
    assert (density.scales > 0).all()
    np.testing.assert_allclose(density.weights.sum(axis=1), 1)


REGRESSOR_WORDS = words(
    n_components=(1, 2, 3),
    covariance_type=("spherical", "diag", "full"),
    hidden_layer_sizes=((), (3,), (3, 2), 4),
    activation=("silu", "relu", "tanh", "logistic", "identity"),
    encoding=("piecewise", None),
    n_bins=(1, 2, 16),
    extrapolation=("auto", "damped", "linear", "constant", "continue"),
    linear_path=(True, False),
    feature_weights=("auto", None),
    alpha=(0.0, 0.04, 1e6),
    learning_rate_init=(0.015, 1e-300, 1000.0, 1e30),
    max_grad_norm=(10, 1e-300, np.inf),
    batch_size=("auto", 1, 7),
    max_iter=(1, 3),
    reg_covar=(1e-6, 1e-300, 1e300),
    validation_fraction=("auto", None, 0.3, 1e-9),
    validation_split=("auto", "shuffled", "blocks", "last"),
    calibrate=(True, False),
    categorical_features=("from_dtype", None, [0]),
    target_atoms=(None, "auto", [0.0], [0.0, 1.0]),
    target_transform=(None, "auto", "log", "logit", "asinh", transforms.Asinh(0, 1e-300)),
    warm_start=(True, False),
    point_estimate=("mean", "median", "mode"),
    dtype=("float32", "float64"),
)


@st.composite
def training_data(draw, least=1, most=30):
    """Rows to fit, with their weights, and rows to ask about."""
    n, p = draw(st.integers(least, most)), draw(st.integers(1, 3))
    y_shape = draw(st.sampled_from([(n,), (n,), (n, 1), (n, 2)]))
    query = draw(arrays((draw(st.integers(1, 4)), p)))
    return draw(arrays((n, p))), draw(arrays(y_shape)), draw(weights(n)), query


def check_answers(model, query, more, seed):
    """What a model says of rows, whether it is fitted or not."""
    density = answer_of(model, "predict_proba", query)
    if density is not None:
        check_mixture(density)
    point = answer_of(model, "predict", query)
    assert point is None or not np.isnan(point).any()
    if hasattr(model, "sample"):
        drawn = answer_of(model, "sample", query, 2, seed % 100)
        assert drawn is None or not np.isnan(drawn).any()
    score = answer_of(model, "score", *more[:3])
    assert score is None or len(more[1]) < 2 or not np.isnan(score)


@examples(0.3)
@given(REGRESSOR_WORDS, training_data(), training_data(), st.booleans(), seeds)
def test_regressor(parameters, data, more, in_parts, seed):
    model = short(max_iter=2, hidden_layer_sizes=(4,), random_state=seed).set_params(**parameters)
    X, y, sample_weight, query = data
    answer_of(model, "partial_fit" if in_parts else "fit", X, y, sample_weight)
    check_answers(model, query, more, seed)
    answer_of(model, "partial_fit" if in_parts else "fit", *more[:3])
    check_answers(model, more[3], data, seed)


@examples(0.04)
@given(
    words(cv=(2, 3), calibrate=(True, False), target_transform=(None, "log", "asinh")),
    training_data(least=6),
    seeds,
)
def test_ensemble(parameters, data, seed):
    views = [(name, view.set_params(max_iter=2)) for name, view in two_views()]
    model = MDNEnsembleRegressor(views, cv=2, random_state=seed).set_params(**parameters)
    answer_of(model, "fit", *data[:3])
    check_answers(model, data[3], data, seed)


@examples(0.06)
@given(
    words(cv=(2, 3, "last", "prefit")),
    training_data(least=6),
    arrays((), ("normal", "positive", "zeros")) | st.just(0.8),
    seeds,
)
def test_conformal(parameters, data, level, seed):
    inner = short(max_iter=2, hidden_layer_sizes=(4,))
    model = ConformalMDNRegressor(inner, cv=2, random_state=seed).set_params(**parameters)
    X, y, sample_weight, query = data
    answer_of(model, "fit", X, y, sample_weight)
    check_answers(model, query, data, seed)
    for method in ("predict_interval", "predict_region"):
        answer_of(model, method, query, level)
    answer_of(model, "contains", X, y, level)


POSITIVE = ("positive", "positive", "all sizes", "tiny", "large", "largest")


@st.composite
def mixtures(draw):
    """What makes a mixture, plain or behind maps: a constructor and arguments, good and bad."""
    n, k, d = (draw(st.integers(1, most)) for most in (3, 3, 2))
    shape = draw(st.sampled_from([(n, k), (n, k), (n, k, d)]))
    full = len(shape) == 3 and draw(st.booleans())
    spread = draw(arrays((*shape, d) if full else shape, POSITIVE))
    if isinstance(spread, np.ndarray) and spread.dtype.kind == "f":
        spread = np.tril(np.abs(spread)) if full else np.abs(spread)
    make, shares = Mixture.from_logits, draw(arrays((n, k), ("positive", "repeated", "normal")))
    if isinstance(shares, np.ndarray) and shares.dtype == np.float64 and draw(st.booleans()):
        make, shares = Mixture, with_sum_one(np.abs(shares))
    given = {"means": draw(arrays(shape)), "scale_tril" if full else "scales": spread}
    maps = draw(st.none() | map_of_outputs(d if len(shape) == 3 else 1))
    atoms = {}
    if maps is not None and len(shape) == 2 and draw(st.booleans()):
        share = arrays((n, 1), ("repeated", "zeros")) | st.just(np.full((n, 1), 0.3))
        atoms = {"atoms": draw(st.just([0.0]) | arrays((1,))), "atom_weights": draw(share)}
    return make, shares, given, maps, atoms


def with_sum_one(shares):
    total = shares.sum(axis=-1, keepdims=True)
    return np.divide(shares, total, out=shares, where=np.isfinite(total) & (total > 0))


def map_of_outputs(d):
    some = st.sampled_from([None, "log", "logit", "asinh", "exp", transforms.Log(upper=3.0)])
    return st.lists(some, min_size=d, max_size=d) | some


def built(made_of):
    """The mixture, or None where it is refused."""
    make, shares, given, maps, atoms = made_of
    density = answer(make, shares, **given)
    if density is None or maps is None:
        return density
    check_mixture(density)
    return answer(TargetMixture, density, maps, **atoms)


def about(density):
    """Arguments of the methods of a density, by name."""
    outputs = () if density.univariate else (density.n_outputs,)
    level = arrays((), ("normal", "zeros", "positive")) | st.sampled_from([0.5, 0.9, 1.0])
    number = st.sampled_from([1, 2, 0, -1, 1.5, None, "a", True])
    return {
        "y": arrays((len(density), *outputs)),
        "q": arrays((2,), ("normal", "zeros", "positive")) | level,
        "level": level,
        "shift": arrays(outputs),
        "scale": arrays(outputs),
        "factor": arrays((), ("positive", "normal")),
        "noise": arrays(outputs, ("positive", "normal")),
        "outputs": st.sampled_from([0, [0], [1, 0], 7, "a", [], None]),
        "values": st.dictionaries(st.integers(0, 2), arrays((len(density),)), max_size=1),
        "mixtures": st.sampled_from([[density, density], [], [1], density, None]),
        "weights": arrays((2,), ("positive", "zeros")) | st.just([0.5, 0.5]),
        "n_samples": number,
        "random_state": number,
        "row": st.sampled_from([0, 1.5, None, "a", True]),
        "jump": st.sampled_from(["lower", "upper", "random", "high", None]),
        "return_density": st.booleans(),
        "return_std_error": st.booleans(),
    }


METHODS = sorted(
    name
    for name in dir(Mixture)
    if not name.startswith("_") and callable(getattr(Mixture, name)) and name != "from_logits"
)
MAY_BE_NAN = {"modes", "hdr"}  # they fill up with NaN


def check_answer(name, result, *arguments):
    """An answer is a number, unless squares of what was asked are beyond float64."""
    if not all(map(is_moderate, arguments)):
        return
    for each in result if isinstance(result, tuple) else (result,):
        if isinstance(each, Mixture | TargetMixture):
            check_mixture(each)
        elif isinstance(each, float | np.ndarray) and name not in MAY_BE_NAN:
            assert not np.isnan(each).any()


@examples(0.3)
@given(mixtures(), st.sampled_from(METHODS), st.sampled_from(METHODS), st.data())
def test_mixture(made_of, first, second, data):
    density = built(made_of)
    if density is None:
        return
    check_mixture(density)
    for name in (first, second):
        method = getattr(density, name)
        given = arguments(data.draw, method, about(density))
        errors = (*DOCUMENTED, IndexError) if name == "to_scipy" else DOCUMENTED
        result = answer(method, errors=errors, **given)
        check_answer(name, result, density, *given.values())
    index = data.draw(st.sampled_from([0, -1, 7, [0], [], slice(None, None, -1), "a", None, 0.5]))
    answer(density.__getitem__, index, errors=(IndexError, TypeError))
    assert repr(density)


METRICS = sorted(name for name in all_metrics.__all__ if name.endswith(("_loss", "_score")))
METRICS += ["calibration_error", "calibration_report", "hdr_values", "pit_values", "sharpness"]


@examples(0.15)
@given(mixtures(), st.sampled_from(METRICS), st.integers(0, 2), st.data())
def test_metrics(made_of, name, kind, data):
    density = built(made_of)
    if density is None:
        return
    n = len(density)
    outputs = () if density.univariate else (density.n_outputs,)
    if kind == 1:
        density = answer(SamplePrediction, data.draw(arrays((n, 5, *outputs))))
    elif kind == 2:
        levels = data.draw(st.just([0.1, 0.5, 0.9]) | arrays((3,)))
        density = answer(QuantilePrediction, data.draw(arrays((n, 3))), levels)
    known = {
        "y_true": arrays((n, *outputs)),
        "sample_weight": weights(n),
        "level": st.sampled_from([0.5, 0.9, 0, 1, -1, "a", None, np.nan]),
        "levels": st.sampled_from([0.5, [0.9], 0, [], "a", None, [np.nan]]),
        "resolution": arrays((), ("positive", "normal", "tiny", "largest")),
        "significance": st.sampled_from([0.01, 0, "a", None]),
        "region": st.sampled_from(["central", "hdr", "all", None]),
    }
    metric = getattr(all_metrics, name)
    given = arguments(data.draw, metric, known)
    numbers = getattr(density, "samples", getattr(density, "quantiles", density))
    check_answer(name, answer(metric, **given | {"mixture": density}), numbers, *given.values())


@examples(0.08)
@given(
    st.sampled_from(["Log", "Logit", "Asinh", "Identity"]),
    st.lists(st.floats() | st.sampled_from([None, "a", True, [1]]), max_size=2),
    arrays((4,), spoil=False),
    arrays((4,)),
)
def test_transforms(name, numbers, y, anything):
    made = getattr(transforms, name)
    transform = answer(made, *(() if name == "Identity" else numbers[: 1 + (name != "Log")]))
    if transform is None:
        return
    inside = answer(transform.contains, y)
    z = answer(transform.forward, y)
    assert not np.isnan(z[inside]).any()
    assert not np.isnan(answer(transform.inverse, z)[inside]).any()
    assert not np.isnan(answer(transform.log_jacobian, y)[inside]).any()
    for method in ("contains", "forward", "inverse", "log_jacobian"):
        answer(getattr(transform, method), anything)


TRANSFORMERS = {
    "PiecewiseLinearEncoder": lambda: preprocessing.PiecewiseLinearEncoder(n_bins=4),
    "RepeatedValues": preprocessing.RepeatedValues,
    "CrossFittedPredictions": lambda: preprocessing.CrossFittedPredictions(
        [("repeated", preprocessing.RepeatedValues())], cv=2
    ),
    "StandardizedRegressor": lambda: preprocessing.StandardizedRegressor(
        preprocessing.RepeatedValues()
    ),
}


@examples(0.1)
@given(st.sampled_from(sorted(TRANSFORMERS)), training_data(least=2))
def test_preprocessing(name, data):
    model = TRANSFORMERS[name]()
    X, y, sample_weight, query = data
    answer_of(model, "fit", X, y, sample_weight=sample_weight)
    found = answer_of(model, "predict" if hasattr(model, "predict") else "transform", query)
    assert found is None or not np.isinf(np.asarray(found, float)).any()


DISPLAYS = (
    "PITDisplay",
    "CoverageDisplay",
    "PredictiveDensityDisplay",
    "ConditionalDensityDisplay",
)


@examples(0.03)
@given(mixtures(), st.sampled_from(DISPLAYS), st.data())
def test_plotting(no_screen, made_of, name, data):
    from matplotlib import pyplot as plt

    density = built(made_of)
    if density is None:
        return
    outputs = () if density.univariate else (density.n_outputs,)
    known = {
        "y_true": arrays((len(density), *outputs)),
        "mixture": st.just(density),
        "x": arrays((len(density),)),
        "n_bins": st.sampled_from([3, 0, "a", 1.5]),
        "regions": st.sampled_from(["hdr", ("central",), "all", (), 3]),
        "rows": st.sampled_from([[0], 0, 9, "a", [], None]),
        "level": st.sampled_from([0.5, 1.5, "a", None]),
        "output": st.sampled_from([0, 5, "a"]),
        "y_limits": st.sampled_from([(0, 1), (1, 0), (0, np.inf), "a", (0,)]),
        "levels": st.sampled_from([[0.5], [], 2, "a"]),
    }
    display = getattr(plotting, name)
    answer(display.from_predictions, **arguments(data.draw, display.from_predictions, known))
    plt.close("all")
