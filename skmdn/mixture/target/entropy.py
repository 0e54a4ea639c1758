"""Entropy behind a map: the mean logarithm of dy/dz, and the choice between atoms and density.

Axes: n rows, A atoms; K components, c rows of a block.
"""

from __future__ import annotations

import numpy as np

from skmdn._arrays import FloatArray
from skmdn.mixture.blocks import weighted_sum
from skmdn.mixture.mixture import Mixture
from skmdn.mixture.target.line import TargetLine
from skmdn.mixture.target.logistic import expected_log_cosh
from skmdn.transforms import Asinh, Log, Logit, Transform


def expected_log_stretch(transform: Transform, base: Mixture) -> FloatArray:
    """E log(dy/dz) under the base, ``(n,)``."""
    if isinstance(transform, Log):
        return transform.side * base.mean()
    if isinstance(transform, Asinh):
        return np.log(transform.scale) + _mean_log_cosh(base, 1.0)
    if isinstance(transform, Logit):
        # dy/dz is width / (4 cosh²(z / 2)).
        return np.log(0.25 * transform.width) - 2.0 * _mean_log_cosh(base, 0.5)
    return np.zeros(len(base))


def _mean_log_cosh(base: Mixture, factor: float) -> FloatArray:
    """E log cosh(factor z), ``(n,)``."""
    answer = np.empty(len(base))
    for rows in base._row_chunks(4):
        weights, means, scales = base._block(rows)
        parts = expected_log_cosh(factor * means[0], factor * scales[0])
        answer[rows] = weighted_sum(weights, parts)
    return answer


def atoms_entropy(line: TargetLine, of_density: FloatArray) -> FloatArray:
    """Entropy with atoms, ``(n,)``, from that of the density alone."""
    total = np.where(line.rest > 0, line.rest * (of_density - np.log(line.rest)), 0.0)
    for mass in line.masses.T:
        total -= np.where(mass > 0, mass * np.log(mass), 0.0)
    return total
