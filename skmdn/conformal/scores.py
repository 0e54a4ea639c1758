"""Scores: how far out outcomes lie in their predicted densities, and the region of a score.

Underflow is harmless here, so it raises no error, whatever the caller's error state of NumPy.

Axes: n rows, D outputs, J intervals.
"""

import numpy as np
from numpy.typing import ArrayLike

from skmdn.mixture import Mixture


def hdr_masses(mixture: Mixture, y: ArrayLike, seed: int) -> np.ndarray:
    """Mass of the region denser than the outcome, ``(n,)``.

    With several outputs the mass is estimated from draws. If all draws are denser, the score is 1
    plus the log-density of the densest component mean minus that of the outcome, so that far
    outcomes differ from farther ones.
    """
    with np.errstate(under="ignore"):
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

    This is twice the smaller tail, which stays accurate far out.
    """
    outputs = y.reshape(len(y), -1).T
    with np.errstate(under="ignore"):
        tails = [
            2.0 * np.minimum(part.cdf(values), part.sf(values))
            for part, values in zip(_marginals(mixture), outputs, strict=True)
        ]
    return np.stack(tails, axis=1)


def hdr(mixture: Mixture, limit: float) -> np.ndarray:
    """Region of one output that holds the outcomes with scores up to the limit, ``(n, J, 2)``."""
    with np.errstate(under="ignore"):
        return _marginals(mixture)[0].hdr(min(limit, 1.0))


def central_interval(mixture: Mixture, tail_mass: np.ndarray) -> np.ndarray:
    """Interval with half of the mass ``(D,)`` on either side of it, ``(n, 2, D)``."""
    with np.errstate(under="ignore"):
        ends = [
            (part.ppf(0.5 * mass), -part.affine(0.0, -1.0).ppf(0.5 * mass))
            for part, mass in zip(_marginals(mixture), tail_mass, strict=True)
        ]
    return np.moveaxis(np.array(ends), -1, 0).swapaxes(1, 2)


def _marginals(mixture: Mixture) -> list[Mixture]:
    """Every output by itself, without an outputs axis."""
    if mixture.univariate:
        return [mixture]
    return [mixture.marginal(j) for j in range(mixture.n_outputs)]
