"""The network's forward pass in blocks, against the plain formula."""

from itertools import pairwise

import numpy as np
import pytest
from cases.engine import raw_outputs

PLAIN = {
    "relu": lambda h: np.maximum(h, 0),
    "silu": lambda h: h / (1 + np.exp(-h)),
    "tanh": np.tanh,
    "logistic": lambda h: 1 / (1 + np.exp(-h)),
    "identity": lambda h: h,
}


@pytest.mark.parametrize("activation", PLAIN)
@pytest.mark.parametrize("n_rows", [1, 255, 5000])
@pytest.mark.parametrize("sizes", [(3, 7), (10, 64, 64, 15), (600, 5, 200, 9)])
def test_blocks_give_what_the_formula_says(activation, n_rows, sizes):
    rng = np.random.default_rng(0)
    coefs = [rng.normal(size=s) / np.sqrt(s[0]) for s in pairwise(sizes)]
    intercepts = [rng.normal(size=size) for size in sizes[1:]]
    z = rng.normal(size=(n_rows, sizes[0]))
    h = z
    for W, b in zip(coefs[:-1], intercepts[:-1], strict=True):
        h = PLAIN[activation](h @ W + b)
    expected = h @ coefs[-1] + intercepts[-1]
    raw = raw_outputs(z, coefs, intercepts, activation)
    np.testing.assert_allclose(raw, expected, rtol=1e-12, atol=1e-12)
    single = raw_outputs(z.astype(np.float32), coefs, intercepts, activation)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, rtol=1e-4, atol=1e-4)


def test_a_row_alone_is_multiplied_like_one_of_many():
    """BLAS multiplies a vector by another sum than the rows of a matrix."""
    rng = np.random.default_rng(0)
    coefs = [rng.normal(size=(171, 64)), rng.normal(size=(64, 15))]
    intercepts = [rng.normal(size=64), rng.normal(size=15)]
    z = rng.normal(size=(20, 171))
    for i in range(20):
        twice = raw_outputs(z[[i, i]], coefs, intercepts, "silu")
        alone = raw_outputs(z[i : i + 1], coefs, intercepts, "silu")
        np.testing.assert_array_equal(alone[0], twice[0])
