"""Scales and weights fitted on held-out mixtures, by penalised maximum likelihood.

A view is one model's `Mixture` for the rows. Views of the same rows are pooled with weights w, and
every covariance of view v becomes ``a_v^2 Sigma + b^2 I``. The weights w, factors a and noise b
minimise the mean negative log-likelihood of the observed targets. A weak prior pulls them towards
expected weights, a = 1 and b = 0, so that a few rows change little. A broad background component
may be added. It bounds the loss of a single row, which is bounded without it too, but far lower.

Axes: n rows, V views, K components, D outputs.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import OptimizeResult, minimize, minimize_scalar
from scipy.special import log_softmax, softmax
from scipy.stats import norm

from skmdn.mixture import Mixture

# More rows hardly improve so few parameters.
MAX_ROWS = 20_000
# Standard deviations of the priors on log w, log a and b, with y standardised. Networks are usually
# overconfident, so the prior allows widening (a > 1) more readily than narrowing.
_PRIOR_LOG_WEIGHT = 1.4
_PRIOR_LOG_FACTOR_DOWN, _PRIOR_LOG_FACTOR_UP = 0.5, 1.0
_PRIOR_NOISE = 0.3
# What is expected of a line, more than of other views, times the number of rows.
_MORE_EXPECTED = 200.0
# The maximum likelihood factor is too small for prediction: for one Gaussian by sqrt(n / (n - 2)),
# which is about 1 + 1 / n. Checkpoints are chosen on the same rows, which makes it smaller still.
# It is therefore widened by 1 + 2 / (n + 10), where the 10 keeps the widening small for few rows.
_WIDENING, _ROWS_MORE = 2.0, 10.0
_START_NOISE = 0.02
# How much the views gain by pooling is a noisy predictor of what more members gain, above all if
# pooling removes little variance or the rows are few. These are the noise variances of the ridge in
# `pooling_factor`, in units of the squared fraction of variance that pooling removes.
_POOLING_NOISE, _POOLING_NOISE_PER_ROW = 0.3**2, 10.0
_LEAST_FACTOR, MOST_FACTOR = 0.1, 30.0
# A forecast may be far off where its spreads are narrow. Where they are wide already they need not
# be so many times as wide: on weekly prices, those of rows to come had 31 times the standard
# deviation of y. Beyond this factor, noise widens all rows alike.
MOST_OF_FORECAST = 3.0
_BOUNDS_LOG_NOISE = (np.log(1e-6), np.log(3.0))
_LOG_2PI = np.log(2 * np.pi)


# Distances are taken no farther, so that logarithms of densities do not overflow.
_FARTHEST = 1e100
# Log-densities are taken no lower.
_LOWEST = -1e6
# Where networks and their spreads are judged, a row counts as no less likely than this, in nats per
# standardised output: eleven standard deviations off. Else a single mistyped target among hundreds
# would have the spreads of all rows as wide as it is far.
LEAST_LOG_DENSITY = -60.0
# The background is a Gaussian this many times as wide as y, but as wide as y behind a map: behind
# an exponential a width of three would have much of the mean. Its starting weight is used while the
# views are fitted. It is also the centre of the prior on the log of the weight, whose standard
# deviation is 1.
BACKGROUND_SCALE = 3.0
_BACKGROUND_START = 1e-3
_BACKGROUND_RANGE = (1e-4, 0.5)


class Calibration(NamedTuple):
    """Pooling weights, factors and noise of the spreads, and the weight of the background."""

    weights: np.ndarray  # (V,)
    factors: np.ndarray  # (V,)
    noise: float
    background: float


class _View(NamedTuple):
    """A mixture at the observed targets, in the principal axes of its covariances."""

    log_weights: np.ndarray  # (n, K)
    variances: np.ndarray  # (n, K, D)
    squares: np.ndarray  # (n, K, D), squared residuals


def calibrate(
    views: Sequence[Mixture],
    y: np.ndarray,
    sample_weight: np.ndarray | None = None,
    *,
    background_scale: np.ndarray | float | None = None,
    expected_weights: np.ndarray | None = None,
    most_factor: float = MOST_FACTOR,
) -> Calibration:
    """Weights, factors and noise for views of the rows of standardised targets ``y (n, D)``.

    There is a background component where it has a scale, ``(D,)`` or one for all outputs. Weights
    ``(V,)`` are expected to be equal, unless others are given, up to a common factor.
    """
    w = np.ones(len(y)) if sample_weight is None else sample_weight
    bounds = np.log(_LEAST_FACTOR), np.log(most_factor)
    if not w.all():  # targets of rows without weight may be arbitrary
        present = np.flatnonzero(w)
        views, y, w = [view[present] for view in views], y[present], w[present]
    w = w / w.sum()
    parts = [_principal(view, y) for view in views]
    behind = None if background_scale is None else background_logpdf(y, background_scale)
    V = len(views)
    centre = np.zeros(V) if expected_weights is None else np.log(expected_weights)
    prior = float(np.sum(w * w))  # one by the effective number of rows
    added = None if behind is None else np.log(_BACKGROUND_START) + behind
    found = _likeliest(parts, w, prior, added, centre, bounds)
    weight = 0.0 if behind is None else _background_weight(found, parts, w, prior, behind)
    factors = np.exp(found[V : 2 * V]) * (1 + _WIDENING / (1 / prior + _ROWS_MORE))
    return Calibration(softmax(found[:V]), factors, float(np.exp(found[-1])), weight)


def calibrate_parts(
    densities: Sequence[Mixture],
    y: np.ndarray,
    sample_weight: np.ndarray | None,
    most_factor: float = MOST_FACTOR,
) -> Calibration:
    """The calibration of densities that are given in parts of the rows."""
    return calibrate([Mixture.concatenate(densities)], y, sample_weight, most_factor=most_factor)


def expected_of_line(n_rows: int) -> float:
    """How much more a line is expected to weigh than other views of few rows.

    Few rows can hardly tell views apart, and mostly a line is then ahead: 11 times as much is
    expected of it with 20 rows, 3 times with 100.
    """
    return 1 + _MORE_EXPECTED / n_rows


def pooling_weights(
    log_densities: np.ndarray, sample_weight: np.ndarray, expected_weights: np.ndarray
) -> np.ndarray:
    """The likeliest weights ``(V,)`` of a pool of views whose spreads stay as they are.

    The log-densities ``(n, V)`` are those of the observed targets, and -inf where there is none.
    Other weights are expected up to a common factor.
    """
    w = sample_weight / sample_weight.sum()
    log_densities = np.nan_to_num(log_densities, nan=_LOWEST, neginf=_LOWEST, posinf=-_LOWEST)
    prior, centre = float(np.sum(w * w)), np.log(expected_weights)

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        terms = log_softmax(theta) + log_densities
        pool = np.logaddexp.reduce(terms, axis=1)
        deviation = (theta - centre) / _PRIOR_LOG_WEIGHT
        gradient = softmax(theta) - w @ np.exp(terms - pool[:, np.newaxis])
        slope = prior * deviation / _PRIOR_LOG_WEIGHT
        return float(0.5 * prior * deviation @ deviation - w @ pool), gradient + slope

    return np.asarray(
        softmax(minimize(loss, np.zeros(log_densities.shape[1]), jac=True, tol=1e-8).x)
    )


def pooling_factor(
    views: Sequence[Mixture],
    y: np.ndarray,
    sample_weight: np.ndarray | None,
    pool: Calibration,
    n_members: int,
    background_scale: np.ndarray | float = BACKGROUND_SCALE,
) -> float:
    """Further factor of the spreads if every view is the pool of several members.

    `views` holds one member of each view, and `pool` is their calibration. Pooling averages out
    the errors that members do not share, so components may be narrower in a pool than alone. Of
    independent errors pooled with weights w, the fraction ``S = sum w^2`` of the variance is left.
    The best factor is modelled as ``log a = const - c (1 - S)``. This is cautious: by moments,
    ``a^2`` would fall in proportion to S. A ridge regression on the views alone (S = 1) and on
    their pool gives c. With n members of every view, S / n is left.
    """
    w = np.ones(len(y)) if sample_weight is None else sample_weight
    w = w / w.sum()
    alone = [
        calibrate([view], y, sample_weight, background_scale=background_scale).factors[0]
        for view in views
    ]
    gain = max(0.0, float(pool.weights @ np.log(alone / pool.factors)))
    left = float(pool.weights @ pool.weights)
    noise = _POOLING_NOISE + _POOLING_NOISE_PER_ROW * float(w @ w)
    slope = gain * (1 - left) / ((1 - left) ** 2 + noise)
    return float(np.exp(-slope * left * (1 - 1 / n_members)))


def background_logpdf(y: np.ndarray, scale: np.ndarray | float = BACKGROUND_SCALE) -> np.ndarray:
    """Log-density ``(n,)`` of the background at standardised targets ``(n, D)``."""
    return np.asarray(norm.logpdf(y, scale=scale).sum(axis=1))


def _background_weight(
    theta: np.ndarray, views: list["_View"], w: np.ndarray, prior: float, behind: np.ndarray
) -> float:
    """Penalised maximum likelihood weight of the background, given the fitted views."""
    log_pool = _log_pool(theta, views)

    def loss(log_weight: float) -> float:
        weight = np.exp(log_weight)
        pooled = np.logaddexp(np.log1p(-weight) + log_pool, log_weight + behind)
        deviation = log_weight - np.log(_BACKGROUND_START)
        return float(0.5 * prior * deviation**2 - w @ pooled)

    found = minimize_scalar(loss, bounds=np.log(_BACKGROUND_RANGE), method="bounded")
    return float(np.exp(found.x))


def _principal(mixture: Mixture, y: np.ndarray) -> _View:
    """Variances and squared residuals along axes in which the covariance plus noise is diagonal."""
    residuals = np.clip(y[:, np.newaxis] - mixture.means, -_FARTHEST, _FARTHEST)
    with np.errstate(divide="ignore"):
        log_weights = np.log(mixture.weights)
    if mixture.covariance_type == "diag":
        return _View(log_weights, mixture.scales**2, residuals**2)
    L = mixture.scale_tril
    variances, axes = np.linalg.eigh(L @ L.swapaxes(-1, -2))
    projected = np.einsum("nkde,nkd->nke", axes, residuals)
    return _View(log_weights, np.maximum(variances, np.finfo(float).tiny), projected**2)


def _kernels(
    theta: np.ndarray, views: list[_View]
) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Log of every component's term ``(n, K)``, by view, and derivatives in log a and log b."""
    V, noise = len(views), np.exp(2 * theta[-1])
    kernels, by_factor, by_noise = [], [], []
    log_pooling = log_softmax(theta[:V])
    for view, log_weight, factor in zip(views, log_pooling, np.exp(2 * theta[V:-1]), strict=True):
        scaled = factor * view.variances
        variances = scaled + noise
        with np.errstate(over="ignore"):
            ratios = np.minimum(view.squares / variances, _FARTHEST**2)
        terms = np.sum(np.log(variances) + ratios + _LOG_2PI, axis=2)
        kernels.append(log_weight + view.log_weights - 0.5 * terms)
        excess = (ratios - 1) / variances
        by_factor.append(np.sum(excess * scaled, axis=2))
        by_noise.append(noise * np.sum(excess, axis=2))
    return kernels, by_factor, by_noise


def _log_pool(theta: np.ndarray, views: list[_View]) -> np.ndarray:
    """Log-densities ``(n,)`` of the pool of the views."""
    return np.asarray(np.logaddexp.reduce(np.hstack(_kernels(theta, views)[0]), axis=1))


def _likeliest(
    views: list[_View],
    w: np.ndarray,
    prior: float,
    added: np.ndarray | None,
    centre: np.ndarray,
    bounds_log_factor: tuple[float, float],
) -> np.ndarray:
    """The (log w, log a, log b) of the least loss.

    Without a background, rows far out count as ones at the least log-density.
    """
    V, D = len(centre), views[0].squares.shape[2]
    start = np.concatenate([centre, np.zeros(V), [np.log(_START_NOISE)]])
    bounds = [(-20.0, 20.0)] * V + [bounds_log_factor] * V + [_BOUNDS_LOG_NOISE]

    def least(begin: np.ndarray, added: np.ndarray | None) -> OptimizeResult:
        data = views, w, prior, added, centre
        return minimize(_loss, begin, args=data, jac=True, bounds=bounds)

    found = least(start, added)
    lowest = np.full(len(w), LEAST_LOG_DENSITY * D)
    if added is None and np.any(_log_pool(start, views) < lowest):
        # Where most rows are far out, only wide spreads have a gradient that holds them wide.
        found = min((least(x, lowest) for x in (start, found.x)), key=lambda end: float(end.fun))
    return np.asarray(found.x)


def _loss(
    theta: np.ndarray,
    views: list[_View],
    w: np.ndarray,
    prior: float,
    added: np.ndarray | None,
    centre: np.ndarray,
) -> tuple[float, np.ndarray]:
    """Penalised mean negative log-likelihood and its gradient in (log w, log a, log b).

    A log-density ``(n,)`` may be `added` to that of the pool; `centre` are the logarithms of the
    expected weights ``(V,)``.
    """
    V = len(views)
    kernels, by_factor, by_noise = _kernels(theta, views)
    pool = np.logaddexp.reduce(np.hstack(kernels), axis=1)
    log_density = pool if added is None else np.logaddexp(pool, added)
    gradient = np.zeros_like(theta)
    gradient[:V] = softmax(theta[:V]) * (w @ np.exp(pool - log_density))
    for v, kernel in enumerate(kernels):
        shares = np.exp(kernel - log_density[:, np.newaxis]) * w[:, np.newaxis]
        gradient[v] -= np.sum(shares)
        gradient[V + v] = -np.sum(shares * by_factor[v])
        gradient[-1] -= np.sum(shares * by_noise[v])
    penalty, slope = _penalty(theta, centre)
    return float(prior * penalty - w @ log_density), gradient + prior * slope


def _penalty(theta: np.ndarray, centre: np.ndarray) -> tuple[float, np.ndarray]:
    """Negative log-prior and its gradient."""
    V = len(centre)
    of_factors = np.where(theta[V:-1] < 0, _PRIOR_LOG_FACTOR_DOWN, _PRIOR_LOG_FACTOR_UP)
    scales = np.concatenate([np.full(V, _PRIOR_LOG_WEIGHT), of_factors])
    z, z_noise = theta[:-1] / scales, np.exp(theta[-1]) / _PRIOR_NOISE
    z[:V] -= centre / _PRIOR_LOG_WEIGHT
    return 0.5 * float(z @ z + z_noise**2), np.append(z / scales, z_noise**2)
