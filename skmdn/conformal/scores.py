"""How far out an outcome falls in its predicted density, and how far out is allowed.

Axes: n rows, D outputs, m calibration rows.
"""

import math
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skmdn.mixture import Mixture

# Limits are moved outwards by this part of the mass outside, so that an outcome that is the limit
# lies inside in spite of rounding: discrete outcomes hit it exactly.
_OUTWARD = 1e-6


def check_level(level: Any) -> float:
    """A number strictly between 0 and 1."""
    if not isinstance(level, Real) or not 0.0 < float(level) < 1.0:
        raise ValueError(f"level: expected a number strictly between 0 and 1, got {level!r}.")
    return float(level)


def hdr_masses(mixture: Mixture, y: ArrayLike, seed: int) -> np.ndarray:
    """Mass of the region denser than the outcome, ``(n,)``.

    With several outputs it is known from draws. Where all of them are denser, the log-density below
    that of the densest component mean is added to 1: that tells far outcomes from farther ones.
    """
    if mixture.n_outputs == 1:
        return mixture.hdr_mass(y)
    masses = mixture.hdr_mass(y, random_state=seed)
    far = np.flatnonzero(masses == 1.0)
    if far.size:
        part = mixture[far]
        peak = part.logpdf(part.means).max(axis=1)
        masses[far] += np.maximum(peak - part.logpdf(np.asarray(y)[far]), 0.0)
    return masses


def tail_masses(mixture: Mixture, y: np.ndarray) -> np.ndarray:
    """Mass outside the central interval that reaches to the outcome, of each output, ``(n, D)``.

    Twice the smaller tail, which keeps its relative accuracy far out.
    """
    outputs = y.reshape(len(y), -1).T
    tails = [
        2.0 * np.minimum(part.cdf(values), part.sf(values))
        for part, values in zip(marginals(mixture), outputs, strict=True)
    ]
    return np.stack(tails, axis=1)


def central_interval(mixture: Mixture, tail_mass: np.ndarray) -> np.ndarray:
    """Interval with half of the mass ``(D,)`` on either side of it, ``(n, 2, D)``."""
    ends = [
        (part.ppf(0.5 * mass), -part.affine(0.0, -1.0).ppf(0.5 * mass))
        for part, mass in zip(marginals(mixture), tail_mass, strict=True)
    ]
    return np.moveaxis(np.array(ends), -1, 0).swapaxes(1, 2)


def marginals(mixture: Mixture) -> list[Mixture]:
    """Every output by itself, without an outputs axis."""
    if mixture.univariate:
        return [mixture]
    return [mixture.marginal(j) for j in range(mixture.n_outputs)]


def hdr_limit(masses: np.ndarray, level: float) -> float:
    """Largest score that is allowed, infinite where all are; masses ``(m,)`` ascending."""
    rank = _rank(len(masses), level)
    if rank > len(masses):
        return np.inf
    return float(masses[rank - 1] + abs(1.0 - masses[rank - 1]) * _OUTWARD)


def tail_limit(tails: np.ndarray, level: float) -> np.ndarray:
    """Smallest mass outside that is allowed, ``(D,)``; tails ``(m, D)`` ascending."""
    rank = _rank(len(tails), level)
    if rank > len(tails):
        return np.zeros(tails.shape[1])
    return np.asarray(tails[len(tails) - rank] * (1.0 - _OUTWARD))


def _rank(n_scores: int, level: float) -> int:
    """The conformal quantile's rank, ``ceil((m + 1) level)``: m + 1 stands for no limit.

    Rounding of the product, as in 10 x 0.7, must not add a rank.
    """
    return max(1, math.ceil(round((n_scores + 1) * level, 9)))
