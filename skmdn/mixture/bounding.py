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
    exponentially, means are within the range or a part of the ``scale (D,)`` outside, and the mean
    of y in a component is at most a little more than the largest target, times its weight if it is
    wider than the scale and than one. Elsewhere none is wider than half the range. Within the range
    there is room for any noise that many targets show.
    """
    with np.errstate(divide="ignore"):
        log_weights = np.log(density.weights)
    means, factors = np.array(density.means), np.ones(density.scales.shape)
    for d, one in enumerate(maps):
        low, high = bounds(one, target_range[d], scale[d])
        np.clip(means[..., d], low, high, out=means[..., d])
        room = _room(means[..., d], one, low, high)
        widest: FloatArray | float = widest_in(target_range[d], scale[d])
        if room is not None:
            of_any_weight = np.minimum(harmless(scale[d]), room)
            widest = np.sqrt(2.0 * np.maximum(room + log_weights, of_any_weight))
        factors[..., d] = np.minimum(1.0, widest / density.scales[..., d])
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
    """How wide components may be where y does not grow exponentially: half the range of targets.

    By Popoviciu's inequality no group of targets spreads more. An output that stays as it is has no
    ends. If all targets are the same, it is their scale.
    """
    return max(0.5 * float(ends[1] - ends[0]), scale)


def harmless(scale: float) -> float:
    """By how much the width of a component of any weight may raise the logarithm of its mean of y.

    As by the scale of the targets, or by a width of one.
    """
    return 0.5 * max(float(scale), 1.0) ** 2


def _room(means: FloatArray, one: Transform, low: float, high: float) -> FloatArray | None:
    """By how much the logarithm of y may grow with the width of components, ``(n, K)``.

    None where y does not grow exponentially.
    """
    if isinstance(one, Log):
        return (high - means if one.side > 0 else means - low) + EXCESS
    if isinstance(one, Asinh):
        return max(high, -low) - np.abs(means) + EXCESS
    return None
