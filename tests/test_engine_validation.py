"""The losses by which checkpoints are judged."""

import math

import numpy as np
import pytest
import torch
from cases.engine import architecture, make_data, mixture_of, random_layers, raw_outputs

from skmdn._engine.batches import Batches
from skmdn._engine.network import Parameters, Passes
from skmdn._engine.validation import Validation
from skmdn._estimators.observations import Observations
from skmdn._network.forward import LARGEST_LOG_SCALE, HeadLayout
from skmdn._network.preparation import Preparation


def judge(y, layers, *, covariance_type="diag", least=-math.inf):
    """The loss of a network."""
    X, _, weights = make_data(len(y), n_outputs=y.shape[1])
    layout = HeadLayout(architecture(covariance_type=covariance_type), y.shape[1])
    passes = Passes(Parameters([torch.tensor(layer) for layer in layers]), layout)
    preparation = Preparation.of(X, y, weights)
    batches = Batches(Observations.of(X, y, weights), preparation, 16, passes.parameters.flat)
    return Validation(passes, batches, calibrate=False, log_unit=0.0, least=least).loss()


def predicted(y, layers, covariance_type="diag"):
    """Log-densities that prediction gives the same rows, and their relative weights."""
    X, _, weights = make_data(len(y), n_outputs=y.shape[1])
    preparation = Preparation.of(X, y, weights)
    z = np.empty((len(X), X.shape[1]))
    preparation.inputs(X, z)
    raw = raw_outputs(z, [one[:-1] for one in layers], [one[-1] for one in layers], "silu")
    layout = HeadLayout(architecture(covariance_type=covariance_type), y.shape[1])
    density = mixture_of(raw, layout).logpdf(preparation.targets(y))
    return density, weights / weights.mean()


@pytest.mark.parametrize(("covariance_type", "n_raw"), [("diag", 10), ("full", 12)])
def test_no_row_counts_as_less_likely_than_the_least(covariance_type, n_raw):
    _, y, _ = make_data()
    layers = random_layers([3, 8, n_raw])
    density, weights = predicted(y, layers, covariance_type)
    loss = judge(y, layers, covariance_type=covariance_type)
    assert loss == pytest.approx(-np.mean(weights * density), rel=1e-9)
    least = float(np.quantile(density, 0.3))
    loss = judge(y, layers, covariance_type=covariance_type, least=least)
    expected = -np.mean(weights * np.maximum(density, least))
    assert loss == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("covariance_type", ["diag", "spherical", "full"])
def test_scales_have_a_largest_one(covariance_type):
    """The same in prediction and where checkpoints are judged; entries below the diagonal stay."""
    _, y, _ = make_data()
    n_raw = {"diag": 10, "spherical": 8, "full": 12}[covariance_type]
    layers = random_layers([3, 8, n_raw])
    last = layers[-1]
    n_scales = {"diag": 4, "spherical": 2, "full": 4}[covariance_type]
    last[:, 6 : 6 + n_scales] = 0.0
    last[-1, 6 : 6 + n_scales] = 50.0
    last[-1, 6 + n_scales :] = 20.0
    density, weights = predicted(y, layers, covariance_type)
    loss = judge(y, layers, covariance_type=covariance_type)
    assert loss == pytest.approx(-np.mean(weights * density), rel=1e-9)
    assert loss < 2 * LARGEST_LOG_SCALE + math.log(2 * math.pi) + 1


def test_outputs_that_are_no_numbers_are_worse_than_any_row():
    _, y, _ = make_data()
    layers = random_layers([3, 8, 10])
    layers[-1][-1, 2] = math.nan  # a mean
    assert judge(y, layers, least=-30.0) > 1e20
