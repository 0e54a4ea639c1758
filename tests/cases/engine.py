"""What the tests of the engine share."""

import itertools

import numpy as np
import torch

from skmdn import _engine
from skmdn._engine.optimizer import NAdam
from skmdn._estimators.observations import Observations
from skmdn._network.architecture import Architecture
from skmdn._network.forward import HeadLayout, Network
from skmdn._network.preparation import Preparation
from skmdn.mixture import Mixture

FLOOR = 1e-3
CPU = torch.device("cpu")
TORCH_FUNCTIONS = {
    "relu": torch.relu,
    "silu": torch.nn.functional.silu,
    "tanh": torch.tanh,
    "logistic": torch.sigmoid,
    "identity": lambda h: h,
}


def random_layers(sizes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 0.5, (a + 1, b)) for a, b in itertools.pairwise(sizes)]


def raw_outputs(z, coefs, intercepts, activation):
    """NumPy's forward pass for standardised rows, in their dtype."""
    raw = np.empty((len(z), len(intercepts[-1])), z.dtype)
    network = Network(coefs, intercepts, activation, z.dtype, len(z))
    network.evaluate(z, raw, lambda rows, out: np.copyto(out, rows))
    return raw


def make_data(n=103, p=3, n_outputs=2, weighted=True, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(5, 3, (n, p))
    y = rng.normal(-2, 4, (n, n_outputs))
    weights = rng.uniform(0.5, 2, n) if weighted else None
    return X, y, weights


def architecture(**changes):
    values = {
        "n_components": 2,
        "covariance_type": "diag",
        "hidden_layer_sizes": (8,),
        "activation": "silu",
        "scale_floor": FLOOR,
    }
    return Architecture(**{**values, **changes})


def layout(n_components, n_outputs, covariance_type="diag"):
    return HeadLayout(
        architecture(n_components=n_components, covariance_type=covariance_type), n_outputs
    )


def mixture_of(raw, layout):
    """The mixtures that prediction makes of raw outputs, with an outputs axis."""
    logits, means, scales, scale_tril = layout.parameters(raw)
    return Mixture.from_logits(logits, means, scales, scale_tril=scale_tril)


def options(**changes):
    values = {
        "alpha": 0.0,
        "learning_rate": 5e-3,
        "warmup": 0.05,
        "max_grad_norm": 10.0,
        "batch_size": 16,
        "n_passes": 30,
        "average": False,
        "calibrate": False,
        "dtype": "float32",
        "device": "cpu",
    }
    return _engine.TrainingOptions(**{**values, **changes})


def train(seed=0, weighted=True, report=None, validation_fraction=0.2, **changes):
    X, y, weights = make_data(n_outputs=1, weighted=weighted)
    y = y + X[:, :1]
    data = Observations.of(X, y, weights)
    start = _engine.Start(Preparation.of(X, y, weights), architecture())
    rng = np.random.default_rng(seed)
    validation = None
    if validation_fraction is not None:
        places = rng.permutation(len(data))
        n = round(validation_fraction * len(data))
        validation, data = data.select(data.rows[places[:n]]), data.select(data.rows[places[n:]])
    return _engine.train(
        data, start, options(**changes), rng, rng, validation=validation, report=report
    )


def spied_rates(monkeypatch):
    """The learning rate of every step of the trainings to come."""
    original, rates = NAdam.ascend, []

    def spied(self, learning_rate, n_rows):
        rates.append(learning_rate)
        original(self, learning_rate, n_rows)

    monkeypatch.setattr(NAdam, "ascend", spied)
    return rates
