"""The algebra of a Gaussian process: hyperparameters, posterior, predictions.

The covariance of two rows is ``c exp(-|x - x'|^2 / 2)`` with a length scale for every input, plus
noise. Formulas as in C. E. Rasmussen and C. K. I. Williams, "Gaussian Processes for Machine
Learning", MIT Press 2006, sections 2.2 and 5.4.1.

Axes: n new rows, m training rows, q inputs, D outputs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize
from scipy.spatial.distance import cdist

# The hyperparameters are fitted to at most so many rows, in so many steps of L-BFGS.
_ROWS, _STEPS = 200, 60
# With more inputs than this, one length scale serves all.
_MOST_LENGTHS = 64
_VARIANCE, _LENGTH, _NOISE = (1e-3, 1e3), (0.1, 1e3), (1e-4, 1e2)
# New rows are computed in blocks of just so many: the bits of a matrix product depend on its size,
# and the answer for a row must not depend on the others.
_BLOCK = 16
_LOG_2PI = np.log(2 * np.pi)


class Posterior(NamedTuple):
    """A process given the training rows, as plain arrays."""

    lengths: np.ndarray  # (q,)
    variance: float  # of the process
    noise: float  # variance of a row of mean weight
    inputs: np.ndarray  # (m, q), divided by the length scales
    noises: np.ndarray  # (m,), variances
    coef: np.ndarray  # (m, D)

    def predict(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means ``(n, D)`` and standard deviations ``(n,)`` of the targets at the inputs (n, q)."""
        # Computed anew: it would be most of the size of a fitted model. In single precision its
        # rounding is as large as what is left of the variance where there is hardly any noise.
        factor = _factor(self.inputs, self.variance, self.noises)
        n = len(inputs)
        padded = np.zeros((-(-n // _BLOCK) * _BLOCK, inputs.shape[1]))
        padded[:n] = inputs / self.lengths
        blocks = [
            self._of_block(padded[start : start + _BLOCK], factor)
            for start in range(0, len(padded), _BLOCK)
        ]
        means, stds = map(np.concatenate, zip(*blocks, strict=True))
        return means[:n], stds[:n]

    def _of_block(self, inputs: np.ndarray, factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        covariances = self.variance * _correlations(inputs, self.inputs)
        whitened = solve_triangular(factor, covariances.T, lower=True, check_finite=False)
        variance = np.maximum(self.variance - np.sum(whitened**2, axis=0), 0.0)
        return covariances @ self.coef, np.sqrt(variance + self.noise)


def posterior(
    inputs: np.ndarray, z: np.ndarray, weights: np.ndarray, rng: np.random.Generator
) -> Posterior:
    """The process of standardised targets ``z (m, D)``, which share its hyperparameters.

    The noise of a row is inversely proportional to its weight.
    """
    shares = weights.mean() / weights
    variance, lengths, noise = _hyperparameters(inputs, z, shares, rng)
    inputs, noises = inputs / lengths, noise * shares
    factor = _factor(inputs, variance, noises)
    half = solve_triangular(factor, z, lower=True)
    coef = solve_triangular(factor, half, lower=True, trans="T")
    return Posterior(lengths, variance, noise, inputs, noises, coef)


def _factor(inputs: np.ndarray, variance: float, noises: np.ndarray) -> np.ndarray:
    """The lower Cholesky factor ``(m, m)`` of the covariances of the training rows."""
    covariances = variance * _correlations(inputs, inputs)
    covariances[np.diag_indices(len(inputs))] += noises
    return np.asarray(cholesky(covariances, lower=True))


def _hyperparameters(
    inputs: np.ndarray, z: np.ndarray, shares: np.ndarray, rng: np.random.Generator
) -> tuple[float, np.ndarray, float]:
    """Variance, length scales ``(q,)`` and noise of largest marginal likelihood of some rows.

    The noise of a row is its share times the noise.
    """
    if len(z) > _ROWS:
        rows = np.sort(rng.choice(len(z), _ROWS, replace=False))
        inputs, z, shares = inputs[rows], z[rows], shares[rows]
    q = inputs.shape[1]
    n_lengths = q if q <= _MOST_LENGTHS else 1
    start = np.log([1.0, *np.full(n_lengths, np.sqrt(max(q, 1))), 0.1])
    bounds = np.log([_VARIANCE, *[_LENGTH] * n_lengths, _NOISE])
    options = {"maxiter": _STEPS}
    data = inputs, z, shares
    best = minimize(loss, start, data, jac=True, bounds=bounds, options=options).x
    return float(np.exp(best[0])), np.exp(np.broadcast_to(best[1:-1], q)), float(np.exp(best[-1]))


def loss(
    theta: np.ndarray, inputs: np.ndarray, z: np.ndarray, shares: np.ndarray
) -> tuple[float, np.ndarray]:
    """Negative log marginal likelihood of all outputs, and its gradient.

    `theta` has the logarithms of the variance, of one length scale or one per input, and of the
    noise, of which every row has its share ``(m,)``.
    """
    variance, lengths, noise = np.exp(theta[0]), np.exp(theta[1:-1]), np.exp(theta[-1])
    m, D = z.shape
    scaled = inputs / lengths
    smooth = variance * _correlations(scaled, scaled)
    factor = cholesky(smooth + noise * np.diag(shares), lower=True)
    inverse = cho_solve((factor, True), np.eye(m))
    coef = inverse @ z
    value = 0.5 * np.sum(z * coef) + D * np.sum(np.log(np.diag(factor))) + 0.5 * m * D * _LOG_2PI
    by_covariance = 0.5 * (D * inverse - coef @ coef.T)  # derivative in each covariance
    parts = by_covariance * smooth
    # Sums of parts times squared distances along each input, without an array of all of these.
    along = 2 * (parts.sum(axis=1) @ scaled**2 - np.sum(scaled * (parts @ scaled), axis=0))
    of_lengths = along if len(lengths) == len(along) else [along.sum()]
    slope = [parts.sum(), *of_lengths, noise * np.trace(by_covariance * shares)]
    return float(value), np.array(slope)


def _correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Correlations ``(n, m)`` of rows whose inputs are in units of the length scales."""
    return np.exp(-0.5 * cdist(a, b, "sqeuclidean"))
