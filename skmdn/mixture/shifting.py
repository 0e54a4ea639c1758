"""Mixtures moved and widened by another amount in each row."""

from __future__ import annotations

import numpy as np

from skmdn._arrays import FloatArray
from skmdn.mixture.mixture import Mixture


def shifted(density: Mixture, shifts: FloatArray, factors: FloatArray) -> Mixture:
    """Mixtures whose means have moved by ``shifts (n, D)``, with scales times ``factors (n,)``."""
    means = density.means + shifts[:, np.newaxis]
    if density.covariance_type == "full":
        scale_tril = density.scale_tril * factors[:, np.newaxis, np.newaxis, np.newaxis]
        return Mixture(density.weights, means, scale_tril=scale_tril)
    scales = density.scales * factors[:, np.newaxis, np.newaxis]
    if density.univariate:
        means, scales = means[..., 0], scales[..., 0]
    return Mixture(density.weights, means, scales)
