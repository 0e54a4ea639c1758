"""What the tests of the engine share."""

import itertools

import numpy as np
import torch

from skmdn import _forward

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
    network = _forward.Network(coefs, intercepts, activation, z.dtype, len(z))
    network.evaluate(z, raw, lambda rows, out: np.copyto(out, rows))
    return raw


def make_data(n=103, p=3, n_outputs=2, weighted=True, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(5, 3, (n, p))
    y = rng.normal(-2, 4, (n, n_outputs))
    weights = rng.uniform(0.5, 2, n) if weighted else None
    return X, y, weights
