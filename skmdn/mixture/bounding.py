"""Components within bounds, for mixtures whose moments behind a map must stay finite.

Axes: K components, D outputs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skmdn._arrays import FloatArray
from skmdn.mixture.mixture import Mixture
from skmdn.transforms import Asinh, Log, Transform

# How far means may lie outside the range of targets, in units of the scale.
MARGIN = 0.25
# How far the logarithm of a component's mean of y may exceed that of the largest target, beyond
# the margin.
EXCESS = 0.5


def bounded(
    density: Mixture,
    maps: Sequence[Transform],
    scale: FloatArray,
    target_range: FloatArray,
) -> Mixture:
    """Components no wider than ``scale (D,)``, with means near the ``target_range (D, 2)``.

    A wide component of hardly any weight does no harm, but behind an exponential it would have most
    of the mean: its width s adds ``s^2 / 2`` to the logarithm. So where y grows exponentially, a
    component whose mean would be far beyond the largest target is narrower still.
    """
    low, high = target_range.T
    means = np.clip(density.means, low - MARGIN * scale, high + MARGIN * scale)
    rooms = [
        _room(means[..., d], maps[d], low[d] - MARGIN * scale[d], high[d] + MARGIN * scale[d])
        for d in range(len(maps))
    ]
    widest = np.minimum(scale, np.sqrt(2.0 * np.stack(rooms, axis=-1)))
    # An output that stays as it is has no ends, and no bounds.
    factors = np.where(np.isinf(low), 1.0, np.minimum(1.0, widest / density.scales))
    if density.covariance_type == "full":
        scale_tril = density.scale_tril * factors[..., np.newaxis]
        return Mixture(density.weights, means, scale_tril=scale_tril)
    scales = density.scales * factors
    if density.univariate:
        means, scales = means[..., 0], scales[..., 0]
    return Mixture(density.weights, means, scales)


def _room(means: FloatArray, one: Transform, low: float, high: float) -> FloatArray:
    """By how much the logarithm of y may grow with the width of components, ``(n, K)``.

    It is infinite where y does not grow exponentially.
    """
    if isinstance(one, Log):
        end, position = (high, means) if one.side > 0 else (-low, -means)
    elif isinstance(one, Asinh):
        end, position = max(high, -low), np.abs(means)
    else:
        return np.full(means.shape, np.inf)
    return end + EXCESS - position
