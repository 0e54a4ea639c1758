"""Components within bounds, for mixtures whose moments behind a map must stay finite.

Axes: K components, D outputs.
"""

from __future__ import annotations

import numpy as np

from skmdn._arrays import FloatArray
from skmdn.mixture.mixture import Mixture

# How far means may lie outside the range of targets, in units of the scale.
_MARGIN = 0.25


def bounded(density: Mixture, scale: FloatArray, target_range: FloatArray) -> Mixture:
    """Components no wider than ``scale (D,)``, with means near the ``target_range (D, 2)``.

    A wide component of hardly any weight does no harm, but behind an exponential it would have most
    of the mean: its width s adds ``s^2 / 2`` to the logarithm.
    """
    low, high = target_range.T
    means = np.clip(density.means, low - _MARGIN * scale, high + _MARGIN * scale)
    # An output that stays as it is has no ends, and no bounds.
    factors = np.where(np.isinf(low), 1.0, np.minimum(1.0, scale / density.scales))
    if density.covariance_type == "full":
        scale_tril = density.scale_tril * factors[..., np.newaxis]
        return Mixture(density.weights, means, scale_tril=scale_tril)
    scales = density.scales * factors
    if density.univariate:
        means, scales = means[..., 0], scales[..., 0]
    return Mixture(density.weights, means, scales)
