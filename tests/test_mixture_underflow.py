"""Mixture's answers under any error state of NumPy."""

import inspect

import numpy as np
import pytest

from skmdn import Mixture

KINDS = [(None, False), (1, False), (2, False), (2, True), (3, True)]


def extreme(d, full, size):
    """Five rows with weights down to 1e-300; means and scales from 10^-size to 10^size."""
    rng = np.random.default_rng(7)
    weights = 10.0 ** rng.uniform(-300, 0, (5, 3))
    weights[:, 0] = 1.0
    weights /= weights.sum(axis=1, keepdims=True)
    shape = (5, 3) if d is None else (5, 3, d)
    means = rng.normal(size=shape) * 10.0 ** rng.uniform(-size, size, shape)
    scales = 10.0 ** rng.uniform(-size, size, shape)
    if not full:
        return Mixture(weights, means, scales)
    tril = np.tril(rng.normal(size=(*shape, d)), -1) * scales[..., np.newaxis]
    tril[..., np.arange(d), np.arange(d)] = scales
    return Mixture(weights, means, scale_tril=tril)


OF_Y = ["pdf", "logpdf", "cdf", "sf", "pit", "crps", "responsibilities"]
OF_NOTHING = ["mean", "var", "std", "cov", "median", "mode", "modes"]


def answers_of(mixture, y):
    """What a mixture answers of targets, by method; a refusal is its text."""
    calls = {name: lambda name=name: getattr(mixture, name)(y) for name in OF_Y}
    calls |= {
        "hdr_mass": lambda: mixture.hdr_mass(y, 20),
        "energy_score": lambda: mixture.energy_score(y, 20),
    }
    return {name: answer_or_refusal(call) for name, call in calls.items()}


def answers(mixture):
    """What else a mixture answers."""
    calls = {name: lambda name=name: getattr(mixture, name)() for name in OF_NOTHING}
    calls |= {
        "ppf": lambda: mixture.ppf([0.0, 1e-300, 0.5, 1.0]),
        "interval": lambda: mixture.interval([0.0, 0.9, 1.0]),
        "hdr": lambda: mixture.hdr([1e-9, 0.5, 0.9]),
        "entropy": lambda: mixture.entropy(20),
        "sample": lambda: mixture.sample(3, random_state=0),
        "affine": lambda: np.asarray(mixture.affine(1.0, 1e-100)),
        "widen": lambda: np.asarray(mixture.widen(0.5, 1e-3)),
        "marginal": lambda: np.asarray(mixture.marginal([0])),
        "condition": lambda: np.asarray(mixture.condition({0: 1e-3})),
        "pool": lambda: np.asarray(Mixture.pool([mixture, mixture], [1e-300, 1.0])),
        "concatenate": lambda: np.asarray(Mixture.concatenate([mixture, mixture])),
        "constructor": lambda: np.asarray(
            Mixture(mixture.weights, mixture.means, scale_tril=mixture.scale_tril)
        ),
        "from_logits": lambda: (
            Mixture.from_logits([[0.0, -1e4]], [[0.0, 1.0]], [[1.0, 1.0]]).weights
        ),
        "frame": lambda: mixture.to_frame().to_numpy(),
        "array": lambda: np.asarray(mixture),
        "scales": lambda: mixture.scales,
        "html": mixture._repr_html_,
    }
    return {name: answer_or_refusal(call) for name, call in calls.items()}


def answer_or_refusal(call):
    try:
        return call()
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("size", [3, 30, 150])
@pytest.mark.parametrize(("d", "full"), KINDS)
def test_answers_are_the_same_in_any_error_state(d, full, size):
    mixture = extreme(d, full, size)[: 1 if size > 100 else 5]
    places = mixture.means[:, 0] + mixture.scales[:, 0], np.full((len(mixture), d or 1), 1e200)
    near, far = ((y[:, 0] if d is None else y) for y in places)
    questions = (
        lambda: answers(mixture),
        lambda: answers_of(mixture, near),
        lambda: answers_of(mixture, far),
    )
    for question in questions:
        with np.errstate(all="ignore"):
            expected = question()
        # "warn" is NumPy's own state: warnings are errors in tests.
        for state in ("warn", "raise"):
            with np.errstate(all=state):
                found = question()
            for name, answer in expected.items():
                np.testing.assert_array_equal(found[name], answer, err_msg=name)


def test_parts_of_what_doubles_hold_and_single_precision():
    """Sums of squares and casts that underflow."""
    tril = [[[[1e-320, 0.0], [3e-320, 5e-324]]]]
    with np.errstate(all="raise"):
        scales = Mixture([[1.0]], [[[0.0, 0.0]]], scale_tril=tril).scales
        single = np.asarray(Mixture([[1 - 1e-60, 1e-60]], [[0.0, 1.0]], [[1.0, 1.0]]), np.float32)
        with pytest.raises(FloatingPointError):  # here the caller loses something
            np.asarray(Mixture([[1.0]], [[1e100]], [[1.0]]), np.float32)
    np.testing.assert_allclose(scales, [[[1e-320, 3e-320]]], rtol=1e-2)
    assert single[0, 1] == 0.0


def test_every_public_method_is_guarded_and_keeps_its_signature():
    for name in dir(Mixture):
        method = inspect.getattr_static(Mixture, name)
        if name.startswith("_") or isinstance(method, property):
            continue
        function = method.__func__ if isinstance(method, classmethod) else method
        assert hasattr(function, "__wrapped__"), name
        assert inspect.signature(function) == inspect.signature(function.__wrapped__)
