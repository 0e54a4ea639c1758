"""Independent oracles for mixtures, and mixtures that are hard on the arithmetic."""

from itertools import pairwise

import mpmath
import numpy as np
from hypothesis import strategies as st
from scipy import stats

from skmdn.mixture import Mixture


def tame(n=40, k=4, d=None, full=False, seed=0):
    """Mixtures of ordinary size; ``d=None`` is univariate."""
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.ones(k), n)
    means = 3.0 * rng.normal(size=(n, k) if d is None else (n, k, d))
    if full:
        root = rng.normal(size=(n, k, d, d))
        tril = np.linalg.cholesky(root @ root.swapaxes(2, 3) + 0.3 * np.eye(d))
        return Mixture(weights, means, scale_tril=tril)
    return Mixture(weights, means, np.exp(0.7 * rng.normal(size=means.shape)))


def hostile(seed, n, k, d=None):
    """Weights down to 1e-300 and zero, scales from 1e-12 to 1e12 in one row, equal components."""
    rng = np.random.default_rng(seed)
    shape = (n, k) if d is None else (n, k, d)
    weights = 10.0 ** rng.choice([0.0, -2.0, -12.0, -300.0], size=(n, k))
    weights[rng.random((n, k)) < 0.2] = 0.0
    weights[np.arange(n), rng.integers(0, k, n)] = 1.0
    weights /= weights.sum(axis=1, keepdims=True)
    scales = 10.0 ** rng.uniform(-12, 12, shape)
    means = rng.normal(size=shape) * 10.0 ** rng.uniform(-12, 12, shape)
    for row in np.flatnonzero(rng.random(n) < 0.3):
        means[row, rng.integers(0, k)] = means[row, 0]
        scales[row, rng.integers(0, k)] = scales[row, 0]
    return Mixture(weights, means, scales)


seeds = st.integers(0, 2**32 - 1)
component_counts = st.sampled_from([1, 2, 3, 5, 50])
hostile_lines = st.builds(hostile, seeds, st.integers(1, 4), component_counts)


def scipy_row(mixture, row, output=0):
    """One marginal of one row as a scipy.stats.Mixture."""
    components = [
        stats.Normal(mu=mean, sigma=scale)
        for mean, scale in zip(
            mixture.means[row, :, output], mixture.scales[row, :, output], strict=True
        )
    ]
    return stats.Mixture(components, weights=mixture.weights[row])


def exact(mixture, row, y, what):
    """pdf, logpdf, cdf or sf of a univariate row with 60 digits."""
    with mpmath.workdps(60):
        total = mpmath.mpf(0)
        parameters = zip(
            mixture.weights[row], mixture.means[row, :, 0], mixture.scales[row, :, 0], strict=True
        )
        for weight, mean, scale in parameters:
            z = (mpmath.mpf(float(y)) - mpmath.mpf(float(mean))) / mpmath.mpf(float(scale))
            if what in ("pdf", "logpdf"):
                term = (
                    mpmath.exp(-z * z / 2) / mpmath.sqrt(2 * mpmath.pi) / mpmath.mpf(float(scale))
                )
            else:
                sign = -1 if what == "cdf" else 1
                term = mpmath.erfc(sign * z / mpmath.sqrt(2)) / 2
            total += mpmath.mpf(float(weight)) * term
        return float(mpmath.log(total)) if what == "logpdf" else float(total)


def region_mass(mixture, ends):
    """Mass of unions of intervals ``(n, K, 2)`` of a univariate mixture, ``(n,)``."""
    padded = np.isnan(ends)
    at = np.where(padded, 0.0, ends).reshape(len(mixture), -1)
    # The nearer tail of each end keeps small masses.
    cdf, sf = mixture.cdf(at).reshape(ends.shape), mixture.sf(at).reshape(ends.shape)
    low, high = cdf[..., 1] - cdf[..., 0], sf[..., 0] - sf[..., 1]
    mass = np.where(cdf[..., 0] < 0.5, low, high)
    return np.where(padded[..., 0], 0.0, mass).sum(axis=1)


def count_modes(mixture, row, points_per_scale=24):
    """Maxima of a univariate row: changes of the slope's sign on a fine grid, with 60 digits."""
    parameters = list(
        zip(
            *(a[row].ravel() for a in (mixture.weights, mixture.means, mixture.scales)), strict=True
        )
    )
    means, narrowest = np.unique(mixture.means[row]), mixture.scales[row].min()
    grid = [
        np.linspace(low, high, 2 + int(points_per_scale * (high - low) / narrowest))
        for low, high in pairwise(means)
    ]
    rising, count = True, 0
    with mpmath.workdps(60):
        for x in np.unique(np.concatenate([*grid, means[-1:]])):
            slope = sum(
                w / s**3 * (m - x) * mpmath.exp(-(((x - m) / s) ** 2) / 2)
                for w, m, s in ([mpmath.mpf(float(v)) for v in p] for p in parameters)
            )
            count += rising and slope < 0
            rising = slope > 0 if slope != 0 else rising
    return count + rising
