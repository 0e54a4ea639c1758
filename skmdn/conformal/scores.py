"""Scores: how far out outcomes lie in their predicted densities, and the region of a score.

Underflow is harmless here, so it raises no error, whatever the caller's error state of NumPy.

Axes: n rows, D outputs, J intervals.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from skmdn.mixture import TargetMixture
from skmdn.mixture.joining import Density


def hdr_masses(mixture: Density, y: ArrayLike, seed: int) -> np.ndarray:
    """Mass of the region denser than the outcome, ``(n,)``.

    It is infinite where the density is zero, so that only the whole line holds the outcome. With
    several outputs the mass is estimated from draws. If all draws are denser, the score is 1
    plus the log-density of the densest component mean minus that of the outcome, so that far
    outcomes differ from farther ones.
    """
    with np.errstate(under="ignore"):
        if mixture.n_outputs == 1:
            return np.where(_is_impossible(mixture, y), np.inf, mixture.hdr_mass(y))
        masses = mixture.hdr_mass(y, random_state=seed)
        far = np.flatnonzero(masses == 1.0)
        if far.size:
            part = mixture[far]
            peak = _reference_height(part)
            masses[far] += np.maximum(peak - part.logpdf(np.asarray(y)[far]), 0.0)
        return masses


def tail_masses(mixture: Density, y: np.ndarray) -> np.ndarray:
    """Mass outside the central interval that reaches to the outcome, of each output, ``(n, D)``.

    This is twice the smaller of P(Y <= y) and P(Y >= y), which stays accurate far out.
    """
    outputs = y.reshape(len(y), -1).T
    with np.errstate(under="ignore"):
        tails = [
            2.0 * np.minimum(part.cdf(values), _upper_tail(part, values))
            for part, values in zip(_marginals(mixture), outputs, strict=True)
        ]
    return np.stack(tails, axis=1)


def hdr(mixture: Density, limit: float) -> np.ndarray:
    """Region of one output that holds the outcomes with scores up to the limit, ``(n, J, 2)``."""
    with np.errstate(under="ignore"):
        if limit > 1.0:
            return np.tile([[[-np.inf, np.inf]]], (len(mixture), 1, 1))
        return _marginals(mixture)[0].hdr(limit)


def central_interval(mixture: Density, tail_mass: np.ndarray) -> np.ndarray:
    """Interval with half of the mass ``(D,)`` on either side of it, ``(n, 2, D)``.

    A median is always inside: at an atom the mass may exceed 1, as both halves have the atom.
    """
    with np.errstate(under="ignore"):
        half = 0.5 * np.minimum(tail_mass, 1.0)
        ends = [
            (part.ppf(tail), 0.0 - part.affine(0.0, -1.0).ppf(tail))  # no negative zero
            for part, tail in zip(_marginals(mixture), half, strict=True)
        ]
    interval = np.moveaxis(np.array(ends), -1, 0).swapaxes(1, 2)
    interval[..., np.asarray(tail_mass) <= 0.0] = [[-np.inf], [np.inf]]  # the whole line
    return interval


def _is_impossible(mixture: Density, y: ArrayLike) -> np.ndarray:
    """Whether outcomes lie outside the support, ``(n,)``; a `Mixture` has no such outcomes."""
    if not isinstance(mixture, TargetMixture):
        return np.zeros(len(mixture), dtype=bool)
    return np.isneginf(mixture.logpdf(y))


def _reference_height(mixture: Density) -> np.ndarray:
    """Log density at a central point of each row, ``(n,)``: the densest mean, or the medians."""
    if isinstance(mixture, TargetMixture):
        return mixture.logpdf(mixture.median())
    return np.asarray(mixture.logpdf(mixture.means).max(axis=1))


def _upper_tail(mixture: Density, y: np.ndarray) -> np.ndarray:
    """P(Y >= y): an atom at y counts, so that an outcome at a cap does not score zero."""
    if isinstance(mixture, TargetMixture):
        return mixture.affine(0.0, -1.0).cdf(-y)
    return mixture.sf(y)


def _marginals(mixture: Density) -> Sequence[Density]:
    """Every output by itself, without an outputs axis."""
    if mixture.univariate:
        return [mixture]
    return [mixture.marginal(j) for j in range(mixture.n_outputs)]
