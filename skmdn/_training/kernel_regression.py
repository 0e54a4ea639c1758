"""Leave-one-out densities of targets by kernel regression: a closed form, for few rows.

The kernel is that of an infinitely wide layer of rectifiers (Cho and Saul, "Kernel methods for deep
learning", NIPS 2009). Mean and spread are both ridge regressions with it, and the standardised
residuals have a kernel density estimate.
"""

from typing import NamedTuple

import numpy as np

# Ridges that are tried, in units of the mean eigenvalue.
_RIDGES = np.logspace(-4, 2, 9)
# The square of the bias beside inputs of mean square 1.
_BIAS = 0.25
# Logarithms of squared residuals count from this part of their mean.
_LEAST_SQUARE = 1e-3
# Share of a Cauchy density in that of the residuals, so that no outlier is impossible.
_CAUCHY = 0.05


class Basis(NamedTuple):
    """Eigenvalues ``(n,)`` and eigenvectors ``(n, n)`` of the centred kernel matrix."""

    values: np.ndarray
    vectors: np.ndarray


def leave_one_out_log_densities(inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Log-density ``(n, J)`` of each target ``(n, J)``, given the inputs ``(n, m)`` and all others.

    A target's spread varies with the inputs where that makes the targets likelier.
    """
    with np.errstate(under="ignore"):
        basis = _basis(inputs)
        scale = np.where(targets.std(axis=0) > 0, targets.std(axis=0), 1.0)
        residuals = _residuals(basis, targets / scale)
        squares = residuals**2
        log_squares = np.log(squares + _LEAST_SQUARE * squares.mean(axis=0) + 1e-300)
        log_spreads = 0.5 * (log_squares - _residuals(basis, log_squares))
        columns = zip(residuals.T, log_spreads.T, strict=True)
        return np.column_stack([_likelier(*column) for column in columns]) - np.log(scale)


def _basis(inputs: np.ndarray) -> Basis:
    kernel = _rectifier_kernel(inputs)
    kernel = kernel - kernel.mean(axis=0)
    kernel -= kernel.mean(axis=1)[:, np.newaxis]
    values, vectors = np.linalg.eigh(kernel)
    return Basis(np.maximum(values, 0.0), vectors)


def _rectifier_kernel(inputs: np.ndarray) -> np.ndarray:
    """Kernel matrix ``(n, n)`` of centred inputs with a mean square of 1."""
    x = inputs - inputs.mean(axis=0)
    mean_square = np.mean(np.sum(x**2, axis=1))
    products = x @ x.T / (mean_square if mean_square > 0 else 1.0) + _BIAS
    norms = np.sqrt(np.diag(products))
    norms = norms * norms[:, np.newaxis]
    cosines = np.clip(products / norms, -1.0, 1.0)
    angles = np.pi - np.arccos(cosines)
    return np.asarray(norms * (np.sqrt(1 - cosines**2) + angles * cosines) / np.pi)


def _residuals(basis: Basis, targets: np.ndarray) -> np.ndarray:
    """Leave-one-out residuals ``(n, J)`` of ridge regressions, at the best ridge of each target."""
    n = len(targets)
    centred = targets - targets.mean(axis=0)
    coefficients = basis.vectors.T @ centred
    squares, best, found = basis.vectors**2, np.full(targets.shape[1], np.inf), centred
    for ridge in _RIDGES * max(basis.values.mean(), 1e-300):
        kept = basis.values / (basis.values + ridge)
        leverage = squares @ kept + 1 / n
        fitted = basis.vectors @ (kept[:, np.newaxis] * coefficients)
        residuals = (centred - fitted) / np.maximum(1 - leverage, 1e-3)[:, np.newaxis]
        losses = np.mean(residuals**2, axis=0)
        found = np.where(losses < best, residuals, found)
        best = np.minimum(losses, best)
    return found


def _likelier(residuals: np.ndarray, log_spreads: np.ndarray) -> np.ndarray:
    """Log-densities ``(n,)`` with one spread or with those given, whichever is larger in all."""
    plain = _log_densities(residuals)
    scaled = _log_densities(residuals * np.exp(-log_spreads)) - log_spreads
    return plain if plain.mean() > scaled.mean() else scaled


def _log_densities(residuals: np.ndarray) -> np.ndarray:
    """Leave-one-out density estimate ``(n,)``: normal kernels on the scale of the inverse sinh."""
    n = len(residuals)
    low, median, high = np.quantile(residuals, [0.25, 0.5, 0.75])
    scale = max((high - low) / 1.349, 0.1 * residuals.std(), 1e-12)
    x = (residuals - median) / scale
    u = np.arcsinh(x)
    width = max(0.9 * u.std() * n**-0.2, 1e-3)  # Silverman's rule
    kernels = np.exp(-0.5 * ((u[:, np.newaxis] - u) / width) ** 2)
    density = (kernels.sum(axis=1) - 1) / ((n - 1) * width * np.sqrt(2 * np.pi))
    density = density / np.sqrt(1 + x**2)
    cauchy = 1 / (np.pi * (1 + x**2))
    return np.asarray(np.log((1 - _CAUCHY) * density + _CAUCHY * cauchy) - np.log(scale))
