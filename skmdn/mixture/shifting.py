"""Mixtures moved by a shift of each row."""

from __future__ import annotations

import numpy as np

from skmdn._arrays import FloatArray
from skmdn.mixture.mixture import Mixture


def shifted(density: Mixture, shifts: FloatArray) -> Mixture:
    """Mixtures of ``y + shift``, with the finite shifts ``(n, D)`` of the rows."""
    means = density.means + shifts[:, np.newaxis]
    if density.covariance_type == "full":
        return Mixture(density.weights, means, scale_tril=density.scale_tril)
    scales = density.scales
    if density.univariate:
        means, scales = means[..., 0], scales[..., 0]
    return Mixture(density.weights, means, scales)
