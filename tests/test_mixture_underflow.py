"""Mixture's answers under any error state of NumPy."""

import inspect

import numpy as np
import pytest

from skmdn import Mixture

X = np.array([-1e100, -40.0, 0.0, 1e-200, 40.0, 1e100])


def extreme(full):
    """Tiny weights, far and near components, scales of all sizes."""
    weights = np.array([[0.5, 0.5 - 1e-300, 1e-300], [1.0, 0.0, 0.0]] * 3)
    means = np.array([[0.0, 1e3, -1e-3], [5.0, 1e100, -1e100]] * 3)
    scales = np.array([[1.0, 1e-100, 1e50], [1e-3, 1.0, 1.0]] * 3)
    if not full:
        return Mixture(weights, means, scales)
    pairs = np.stack([means, -means], axis=2)
    tril = np.zeros((*pairs.shape, 2))
    tril[..., 0, 0], tril[..., 1, 0], tril[..., 1, 1] = scales, 0.5 * scales, scales
    return Mixture(weights, pairs, scale_tril=tril)


def answers(full):
    """All that a mixture says, by method."""
    mixture = extreme(full)
    y = np.stack([X, X[::-1]], axis=1) if full else X
    of_y = ["pdf", "logpdf", "cdf", "sf", "pit", "crps", "responsibilities"]
    found = {name: getattr(mixture, name)(y) for name in of_y}
    of_none = ["mean", "var", "std", "cov", "median", "mode"]
    found |= {name: getattr(mixture, name)() for name in of_none}
    found |= {
        "ppf": mixture.ppf([0.0, 1e-300, 0.5, 1.0]),
        "interval": mixture.interval(0.9),
        "sample": mixture.sample(3, random_state=0),
        "affine": np.asarray(mixture.affine(1.0, 1e-100)),
        "widen": np.asarray(mixture.widen(0.5, 1e-3)),
        "pool": np.asarray(Mixture.pool([mixture, mixture])),
        "from_logits": Mixture.from_logits([[0.0, -1e4]], [[0.0, 1.0]], [[1.0, 1.0]]).weights,
    }
    if full:
        found["condition"] = np.asarray(mixture.condition({1: y[:, 1]}))
        found["energy_score"] = mixture.energy_score(y, n_samples=20, random_state=0)
    else:
        tame = Mixture([[0.3, 0.7]], [[-1.0, 2.0]], [[0.5, 1e-3]])
        found["hdr"], found["hdr_mass"] = tame.hdr(0.9), tame.hdr_mass([60.0])
        found["modes"], found["entropy"] = tame.modes(), tame.entropy()
    return found


@pytest.mark.parametrize("full", [False, True])
def test_answers_are_the_same_where_underflow_raises(full):
    with np.errstate(all="warn", under="ignore"):
        expected = answers(full)
    with np.errstate(all="raise"):
        found = answers(full)
    for name, answer in expected.items():
        np.testing.assert_array_equal(found[name], answer, err_msg=name)


def test_every_public_method_is_guarded_and_keeps_its_signature():
    for name in dir(Mixture):
        method = inspect.getattr_static(Mixture, name)
        if name.startswith("_") or isinstance(method, property):
            continue
        function = method.__func__ if isinstance(method, classmethod) else method
        assert hasattr(function, "__wrapped__"), name
        assert inspect.signature(function) == inspect.signature(function.__wrapped__)
