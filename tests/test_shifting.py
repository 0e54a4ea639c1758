"""Mixtures moved and widened by another amount in each row."""

import numpy as np
import pytest
from scipy import stats

from skmdn import Mixture
from skmdn.mixture.shifting import shifted


def parameters(n=5, K=3, D=2, seed=0):
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.ones(K), n)
    tril = np.tril(rng.normal(size=(n, K, D, D)), -1)
    tril += np.apply_along_axis(np.diag, -1, rng.uniform(0.5, 2, (n, K, D)))
    return weights, rng.normal(size=(n, K, D)), tril, rng.normal(size=(n, D)), 1 + rng.random(n)


def test_every_component_is_moved_and_widened():
    weights, means, tril, shifts, factors = parameters()
    y = np.random.default_rng(1).normal(size=(5, 2))
    full = shifted(Mixture(weights, means, scale_tril=tril), shifts, factors)
    scales = np.sqrt(np.sum(tril**2, axis=3))
    diag = shifted(Mixture(weights, means, scales), shifts, factors)
    for i in range(5):
        for density, covariances in ((full, tril[i] @ tril[i].swapaxes(1, 2)), (diag, None)):
            expected = sum(
                w
                * stats.multivariate_normal(
                    mean + shifts[i],
                    factors[i] ** 2 * (np.diag(s**2) if covariances is None else covariances[k]),
                ).pdf(y[i])
                for k, (w, mean, s) in enumerate(zip(weights[i], means[i], scales[i], strict=True))
            )
            assert density.pdf(y)[i] == pytest.approx(expected, rel=1e-12)


def test_univariate_stays_univariate():
    weights, means, _, shifts, factors = parameters(D=1)
    density = Mixture(weights, means[..., 0], np.ones((5, 3)))
    moved = shifted(density, shifts, factors)
    assert moved.mean().shape == (5,)
    np.testing.assert_allclose(moved.mean(), density.mean() + shifts[:, 0])
    same = shifted(density, np.zeros((5, 1)), np.ones(5))
    assert same == density
