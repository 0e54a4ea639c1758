"""Scales and weights fitted on held-out mixtures, by penalised maximum likelihood.

One or several views of the same rows, each a `Mixture`, are pooled with weights w, every covariance
of view v becomes ``a_v^2 Sigma + b^2 I``, and ``w, a, b`` minimise the mean negative log-likelihood
of the observed targets. A weak prior draws them towards equal weights, a = 1 and b = 0, so that a
few rows change little. A broad background component may stand beside the views, so that no single
row can cost more than a bounded number of nats.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax, softmax
from scipy.stats import norm

from skmdn._arrays import FloatArray
from skmdn.mixture import Mixture

# More rows sharpen three numbers no further.
MAX_ROWS = 20_000
# Standard deviations of the priors on log w, log a and b; y is in units of its own scale. Networks
# are overconfident more often than not: widening (a > 1) is believed sooner than narrowing.
_PRIOR_LOG_WEIGHT = 1.4
_PRIOR_LOG_FACTOR_DOWN, _PRIOR_LOG_FACTOR_UP = 0.5, 1.0
_PRIOR_NOISE = 0.3
# A likeliest factor is too small to predict with, the more so the fewer rows it was fitted on: that
# of one Gaussian by sqrt(n / (n - 2)), or about 1 + 1 / n. Checkpoints are chosen on the same rows,
# too, so it is 2 / n here, as if there were some rows more that want no change.
_WIDENING, _ROWS_MORE = 2.0, 10.0
_START_NOISE = 0.02
# What little pooling gained says little of what more would gain, and few rows say less. Pooling is
# measured by the part of a variance that it takes away; these are variances of such a part.
_POOLING_NOISE, _POOLING_NOISE_PER_ROW = 0.3**2, 10.0
_BOUNDS_LOG_FACTOR = (np.log(0.1), np.log(30.0))
_BOUNDS_LOG_NOISE = (np.log(1e-6), np.log(3.0))
_LOG_2PI = np.log(2 * np.pi)


# The background is a Gaussian so many times as wide as y. Its weight while the rest is fitted is
# also the centre of the prior on its weight (of unit standard deviation in the logarithm).
BACKGROUND_SCALE = 3.0
_BACKGROUND_START = 1e-3
_BACKGROUND_RANGE = (1e-4, 0.5)


class Calibration(NamedTuple):
    """Pooling weights and spreads; all numbers plain."""

    weights: FloatArray  # (V,)
    factors: FloatArray  # (V,)
    noise: float
    background: float


class _View(NamedTuple):
    """A mixture at the observed targets, along the principal axes of its covariances."""

    log_weights: FloatArray  # (n, K)
    variances: FloatArray  # (n, K, D)
    squares: FloatArray  # (n, K, D), squared residuals


def calibrate(
    views: Sequence[Mixture],
    y: FloatArray,
    sample_weight: FloatArray | None = None,
    *,
    background: bool = False,
) -> Calibration:
    """Weights, factors and noise for views of the rows of standardised targets ``y (n, D)``."""
    w = np.ones(len(y)) if sample_weight is None else sample_weight
    if not w.all():  # rows without weight may hold anything
        present = np.flatnonzero(w)
        views, y, w = [view[present] for view in views], y[present], w[present]
    w = w / w.sum()
    parts = [_principal(view, y) for view in views]
    behind = background_logpdf(y) if background else None
    V = len(views)
    start = np.concatenate([np.zeros(2 * V), [np.log(_START_NOISE)]])
    bounds = [(-20.0, 20.0)] * V + [_BOUNDS_LOG_FACTOR] * V + [_BOUNDS_LOG_NOISE]
    prior = float(np.sum(w * w))  # one by the effective number of rows
    data = parts, w, prior, behind
    found = minimize(_loss, start, args=data, jac=True, bounds=bounds).x
    weight = 0.0 if behind is None else _background_weight(found, parts, w, prior, behind)
    factors = np.exp(found[V : 2 * V]) * (1 + _WIDENING / (1 / prior + _ROWS_MORE))
    return Calibration(softmax(found[:V]), factors, float(np.exp(found[-1])), weight)


def pooling_factor(
    views: Sequence[Mixture],
    y: FloatArray,
    sample_weight: FloatArray | None,
    pool: Calibration,
    n_members: int,
) -> float:
    """Further factor of the spreads for views that are means over members, fitted on one of each.

    Pooling takes away what errors do not share, so that pooled components may be narrower than
    components alone. Of independent errors pooled with weights w the part ``S = sum w^2`` of the
    variance is left, and the likeliest factor is taken to fall by ``log a = const - c (1 - S)``.
    That is careful: by moments it would be ``a^2`` that falls in proportion. The views alone
    (S = 1) and `pool`, theirs, tell c, by a ridge; then n members of every view leave S / n.
    """
    w = np.ones(len(y)) if sample_weight is None else sample_weight
    w = w / w.sum()
    alone = [calibrate([view], y, sample_weight, background=True).factors[0] for view in views]
    gain = max(0.0, float(pool.weights @ np.log(alone / pool.factors)))
    left = float(pool.weights @ pool.weights)
    noise = _POOLING_NOISE + _POOLING_NOISE_PER_ROW * float(w @ w)
    slope = gain * (1 - left) / ((1 - left) ** 2 + noise)
    return float(np.exp(-slope * left * (1 - 1 / n_members)))


def background_logpdf(y: FloatArray) -> FloatArray:
    """Log-density ``(n,)`` of the background at standardised targets ``(n, D)``."""
    return np.asarray(norm.logpdf(y, scale=BACKGROUND_SCALE).sum(axis=1))


def _background_weight(
    theta: FloatArray, views: list["_View"], w: FloatArray, prior: float, behind: FloatArray
) -> float:
    """Weight of the background that is likeliest beside the fitted views."""
    log_pool = np.logaddexp.reduce(np.hstack(_kernels(theta, views)[0]), axis=1)

    def loss(log_weight: float) -> float:
        weight = np.exp(log_weight)
        pooled = np.logaddexp(np.log1p(-weight) + log_pool, log_weight + behind)
        deviation = log_weight - np.log(_BACKGROUND_START)
        return float(0.5 * prior * deviation**2 - w @ pooled)

    found = minimize_scalar(loss, bounds=np.log(_BACKGROUND_RANGE), method="bounded")
    return float(np.exp(found.x))


def _principal(mixture: Mixture, y: FloatArray) -> _View:
    """Variances and squared residuals along the axes on which added noise stays diagonal."""
    residuals = y[:, np.newaxis] - mixture.means
    with np.errstate(divide="ignore"):
        log_weights = np.log(mixture.weights)
    if mixture.covariance_type == "diag":
        return _View(log_weights, mixture.scales**2, residuals**2)
    L = mixture.scale_tril
    variances, axes = np.linalg.eigh(L @ L.swapaxes(-1, -2))
    projected = np.einsum("nkde,nkd->nke", axes, residuals)
    return _View(log_weights, np.maximum(variances, np.finfo(float).tiny), projected**2)


def _kernels(
    theta: FloatArray, views: list[_View]
) -> tuple[list[FloatArray], list[FloatArray], list[FloatArray]]:
    """Log-terms ``(n, K)`` of every view's mixture, and their derivatives in log a and log b."""
    V, noise = len(views), np.exp(2 * theta[-1])
    kernels, by_factor, by_noise = [], [], []
    log_pooling = log_softmax(theta[:V])
    for view, log_weight, factor in zip(views, log_pooling, np.exp(2 * theta[V:-1]), strict=True):
        scaled = factor * view.variances
        variances = scaled + noise
        ratios = view.squares / variances
        terms = np.sum(np.log(variances) + ratios + _LOG_2PI, axis=2)
        kernels.append(log_weight + view.log_weights - 0.5 * terms)
        excess = (ratios - 1) / variances
        by_factor.append(np.sum(excess * scaled, axis=2))
        by_noise.append(noise * np.sum(excess, axis=2))
    return kernels, by_factor, by_noise


def _loss(
    theta: FloatArray,
    views: list[_View],
    w: FloatArray,
    prior: float,
    behind: FloatArray | None,
) -> tuple[float, FloatArray]:
    """Penalised mean negative log-likelihood and its gradient in (log w, log a, log b).

    `behind` is the background's log-density ``(n,)``, where there is one.
    """
    V = len(views)
    kernels, by_factor, by_noise = _kernels(theta, views)
    pool = np.logaddexp.reduce(np.hstack(kernels), axis=1)
    log_density = pool
    if behind is not None:
        log_density = np.logaddexp(pool, np.log(_BACKGROUND_START) + behind)
    gradient = np.zeros_like(theta)
    gradient[:V] = softmax(theta[:V]) * (w @ np.exp(pool - log_density))
    for v, kernel in enumerate(kernels):
        shares = np.exp(kernel - log_density[:, np.newaxis]) * w[:, np.newaxis]
        gradient[v] -= np.sum(shares)
        gradient[V + v] = -np.sum(shares * by_factor[v])
        gradient[-1] -= np.sum(shares * by_noise[v])
    penalty, slope = _penalty(theta, V)
    return float(prior * penalty - w @ log_density), gradient + prior * slope


def _penalty(theta: FloatArray, V: int) -> tuple[float, FloatArray]:
    """Negative log-prior and its gradient."""
    of_factors = np.where(theta[V:-1] < 0, _PRIOR_LOG_FACTOR_DOWN, _PRIOR_LOG_FACTOR_UP)
    scales = np.concatenate([np.full(V, _PRIOR_LOG_WEIGHT), of_factors])
    z, z_noise = theta[:-1] / scales, np.exp(theta[-1]) / _PRIOR_NOISE
    return 0.5 * float(z @ z + z_noise**2), np.append(z / scales, z_noise**2)
