"""Mixtures moved and widened by another amount in each row."""

from __future__ import annotations

import numpy as np

from skmdn._arrays import FloatArray
from skmdn.mixture.mixture import Mixture


def shifted(density: Mixture, shifts: FloatArray, factors: FloatArray) -> Mixture:
    """Mixtures whose means have moved by ``shifts (n, D)``, with scales times ``factors (n,)``."""
    return _moved(density, shifts, factors[:, np.newaxis, np.newaxis])


def blurred(density: Mixture, shifts: FloatArray, noise: FloatArray) -> Mixture:
    """Mixtures whose means have moved by ``shifts (n, D)``, with variances larger by ``noise**2``.

    Correlations within the components stay.
    """
    scales = density.scales
    return _moved(density, shifts, np.hypot(scales, noise[:, np.newaxis]) / scales)


def _moved(density: Mixture, shifts: FloatArray, factors: FloatArray) -> Mixture:
    """Mixtures moved by shifts, with scales ``(n, K, D)`` times factors of a suitable shape."""
    means = density.means + shifts[:, np.newaxis]
    if density.covariance_type == "full":
        return Mixture(
            density.weights, means, scale_tril=density.scale_tril * factors[..., np.newaxis]
        )
    scales = density.scales * factors
    if density.univariate:
        means, scales = means[..., 0], scales[..., 0]
    return Mixture(density.weights, means, scales)
