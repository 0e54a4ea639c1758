"""Joint distribution function of correlated normal variables.

Two variables by Owen's T function [1]_, exact to rounding. Three or more by Genz's change of
variables [2]_ to an integral over the unit cube, summed over a fixed lattice (Richtmyer's, folded).
Every row uses the same points, so that its answer does not depend on the other rows.

References
----------
.. [1] D. B. Owen (1956), Tables for computing bivariate normal probabilities.
.. [2] A. Genz (1992), Numerical computation of multivariate normal probabilities.

Axes: D outputs, P lattice points; the trailing axes are components, rows and points of a block.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.special import ndtr, ndtri, owens_t

from skmdn._arrays import FloatArray
from skmdn.mixture.blocks import chunks, component_sum
from skmdn.mixture.triangular import lower_factor

LATTICE_POINTS = 1 << 14
"""Number of points of the lattice; the error is about 1e-5 or less."""

_FAR = 40.0
"""Number of standard deviations beyond which a normal tail is zero in double precision."""


def normal_orthant(factor: FloatArray, limits: FloatArray) -> FloatArray:
    """P(L z <= limits) for independent standard normal z, ``(...)``.

    L is lower triangular, ``(D, D, ...)``; the axes of limits ``(D, ...)`` broadcast with its last.
    """
    if len(factor) == 1:
        return np.asarray(ndtr(limits[0] / factor[0, 0]), dtype=np.float64)
    if len(factor) == 2:
        return _quadrant(factor, limits)
    return _orthant_by_lattice(factor, limits)


def _quadrant(factor: FloatArray, limits: FloatArray) -> FloatArray:
    """Two variables: (Φ(h) + Φ(k)) / 2 - T(h, a) - T(k, b) - (1/2 where the signs differ)."""
    scale = np.hypot(factor[1, 0], factor[1, 1])
    h = _away_from_zero(limits[0] / factor[0, 0])
    k = _away_from_zero(limits[1] / scale)
    rho, rest = factor[1, 0] / scale, factor[1, 1] / scale
    # k / h - rho equals (k -+ h) / h +- (1 - |rho|), and 1 - |rho| equals rest^2 / (1 + |rho|).
    # These forms keep their digits near |rho| = 1, where the plain differences cancel.
    side = np.where(rho < 0, -1.0, 1.0)
    gap, turn = k - side * h, side * rest / (1.0 + np.abs(rho))
    with np.errstate(over="ignore"):
        first = owens_t(h, gap / h / rest + turn)
        second = owens_t(k, -side * gap / k / rest + turn)
    total = 0.5 * (ndtr(h) + ndtr(k)) - first - second - np.where(h * k > 0, 0.0, 0.5)
    return np.clip(total, 0.0, 1.0)


def _away_from_zero(value: FloatArray) -> FloatArray:
    """A finite value other than zero with the same normal probability in double precision."""
    value = np.clip(value, -_FAR, _FAR)
    return np.where(np.abs(value) < 1e-100, 1e-100, value)


def _orthant_by_lattice(factor: FloatArray, limits: FloatArray) -> FloatArray:
    """Three variables or more: the mean of Genz's integrand over the lattice."""
    shape = np.broadcast_shapes(limits.shape[1:], factor.shape[2:])
    factor, limits = _tightest_first(
        np.broadcast_to(factor, (*factor.shape[:2], *shape)).reshape(*factor.shape[:2], -1),
        np.broadcast_to(limits, (len(limits), *shape)).reshape(len(limits), -1),
    )
    lattice = _lattice(len(factor) - 1)[:, :, np.newaxis]
    total = np.zeros(limits.shape[1])
    for points in chunks(LATTICE_POINTS, total.size):
        # Added one after the other, so that the sum does not depend on the chunks.
        for value in _integrand(factor, limits, lattice[:, points]):
            total += value
    return (total / LATTICE_POINTS).reshape(shape)


def _tightest_first(factor: FloatArray, limits: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Variables with the least likely limits first, which makes the integrand smoother.

    Factors ``(D, D, m)``, limits ``(D, m)``.
    """
    scales = np.sqrt(component_sum(np.square(factor).swapaxes(0, 1)))
    order = np.argsort((limits / scales).T, axis=1)
    reordered = np.take_along_axis(factor.transpose(2, 0, 1), order[:, :, np.newaxis], axis=1)
    lower = np.ascontiguousarray(lower_factor(reordered).transpose(1, 2, 0))
    return lower, np.take_along_axis(limits, order.T, axis=0)


def _integrand(factor: FloatArray, limits: FloatArray, u: FloatArray) -> FloatArray:
    """Π_i e_i with e_i = Φ((b_i - Σ_j<i L_ij z_j) / L_ii) and z_j = Φ⁻¹(u_j e_j).

    u ``(D - 1, P, 1)``; the answer is ``(P, m)``.
    """
    share = ndtr(limits[0] / factor[0, 0])
    product, drawn = share, []
    for i in range(1, len(factor)):
        drawn.append(ndtri(np.maximum(u[i - 1] * share, 1e-300)))
        left = limits[i] - factor[i, 0] * drawn[0]
        for j in range(1, i):
            left -= factor[i, j] * drawn[j]
        share = ndtr(left / factor[i, i])
        product = product * share
    return product


@cache
def _lattice(dimension: int) -> FloatArray:
    """Multiples of the square roots of primes, modulo one and folded, ``(dimension, P)``."""
    roots = np.sqrt(_primes(dimension))
    u = np.outer(roots, np.arange(1, LATTICE_POINTS + 1)) % 1.0
    return np.abs(2.0 * u - 1.0)


def _primes(count: int) -> FloatArray:
    """The first primes."""
    primes: list[int] = []
    candidate = 2
    while len(primes) < count:
        if all(candidate % prime for prime in primes):
            primes.append(candidate)
        candidate += 1
    return np.array(primes, dtype=np.float64)
