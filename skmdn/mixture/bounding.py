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
    """Components near the ``target_range (D, 2)``, whose means of y are not far beyond the targets.

    A wide component of hardly any weight does no harm to a density, but behind an exponential it
    would have most of the mean: its width s adds ``s^2 / 2`` to the logarithm. So where y grows
    exponentially, means are within the range or a part of the ``scale (D,)`` outside, and a
    component whose mean of y would be far beyond the largest target is narrower. Elsewhere none is
    wider than the range. Within the range there is room for any noise that the targets have.
    """
    ends = [bounds(one, target_range[d], scale[d]) for d, one in enumerate(maps)]
    low, high = np.transpose(ends)
    means = np.clip(density.means, low, high)
    widest = np.stack(
        [
            _widest(means[..., d], one, *ends[d], widest_in(target_range[d], scale[d]))
            for d, one in enumerate(maps)
        ],
        axis=-1,
    )
    factors = np.minimum(1.0, widest / density.scales)
    if density.covariance_type == "full":
        scale_tril = density.scale_tril * factors[..., np.newaxis]
        return Mixture(density.weights, means, scale_tril=scale_tril)
    scales = density.scales * factors
    if density.univariate:
        means, scales = means[..., 0], scales[..., 0]
    return Mixture(density.weights, means, scales)


def bounds(one: Transform, ends: FloatArray, scale: float) -> tuple[float, float]:
    """Where means may be, given the least and the greatest target."""
    if isinstance(one, Log | Asinh):
        return float(ends[0] - MARGIN * scale), float(ends[1] + MARGIN * scale)
    return -np.inf, np.inf


def widest_in(ends: FloatArray, scale: float) -> float:
    """How wide components may be where y does not grow exponentially: as the range of targets.

    An output that stays as it is has no ends. If all targets are the same, it is their scale.
    """
    return max(float(ends[1] - ends[0]), scale)


def _widest(
    means: FloatArray, one: Transform, low: float, high: float, otherwise: float
) -> FloatArray:
    """How wide components may be, ``(n, K)``."""
    if isinstance(one, Log):
        room = high - means if one.side > 0 else means - low
    elif isinstance(one, Asinh):
        room = max(high, -low) - np.abs(means)
    else:
        return np.full(means.shape, otherwise)
    return np.sqrt(2.0 * (room + EXCESS))
