"""Scores: how far out outcomes lie in their predicted densities, and the interval of a score.

Axes: n rows, D outputs.
"""

import numpy as np
from numpy.typing import ArrayLike

from skmdn.mixture import Mixture


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
