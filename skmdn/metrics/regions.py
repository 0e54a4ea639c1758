"""Regions of a prediction: the central interval and the highest-density region."""

from __future__ import annotations

import numpy as np

from skmdn.metrics.arguments import Arguments, Prediction
from skmdn.metrics.highest_density import region_measure
from skmdn.mixture import TargetMixture
from skmdn.mixture.joining import DENSITIES, Density

_DRAWS = 1000  # per row, for volumes of regions of several outputs
_CELLS = 2_000_000  # numbers drawn at once


def check_region(region: str) -> str:
    """Return the kind of region, which is "central" or "hdr"."""
    if region not in ("central", "hdr"):
        raise ValueError(f"region: expected 'central' or 'hdr', got {region!r}.")
    return region


def central_interval(arguments: Arguments, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the quantiles at (1 - level) / 2 and (1 + level) / 2, each (n,) or (n, D)."""
    bounds = arguments.prediction.ppf(np.array([0.5 * (1.0 - level), 0.5 * (1.0 + level)]))
    return bounds[:, 0], bounds[:, 1]


def central_width(arguments: Arguments, level: float) -> np.ndarray:
    """Return the width of each central interval, (n,) or (n, D)."""
    lower, upper = central_interval(arguments, level)
    return upper - lower


def in_central_interval(arguments: Arguments, level: float) -> np.ndarray:
    """Return 1.0 where the outcome lies in the central interval, else 0.0, (n,) or (n, D)."""
    lower, upper = central_interval(arguments, level)
    return np.asarray((lower <= arguments.y) & (arguments.y <= upper), dtype=np.float64)


def in_densest_region(arguments: Arguments, level: float) -> np.ndarray:
    """Return 1.0 where the outcome lies in the highest-density region, else 0.0, (n,)."""
    mass = arguments.prediction.hdr_mass(arguments.y)
    return np.asarray(mass <= level, dtype=np.float64)


def has_jumps(arguments: Arguments) -> bool:
    """Tell whether the prediction has atoms, so that its distribution function jumps."""
    prediction = arguments.prediction
    return isinstance(prediction, TargetMixture) and prediction.atom_weights.shape[1] > 0


def uniform_masses(arguments: Arguments) -> np.ndarray:
    """Return the mass of what is denser than the outcome, (n,); at atoms at random in the jump.

    It is uniform if the model is right.
    """
    prediction, y = arguments.prediction, arguments.y
    return prediction.hdr_mass(y, jump="random") if has_jumps(arguments) else prediction.hdr_mass(y)


def densest_measure(arguments: Arguments, level: float) -> np.ndarray:
    """Return length, area or volume of each highest-density region, (n,)."""
    prediction: Prediction = arguments.prediction
    if not isinstance(prediction, DENSITIES):
        return prediction.hdr_measure(level)
    if prediction.n_outputs > 1:
        return _drawn_volume(prediction, level)
    intervals = prediction.hdr(level).reshape(len(prediction), -1, 2)  # absent ones are NaN
    return np.asarray(np.nansum(intervals[..., 1] - intervals[..., 0], axis=1))


def _drawn_volume(mixture: Density, level: float) -> np.ndarray:
    """Return Monte Carlo volumes of the regions of several outputs, (n,), chunk by chunk."""
    generator = np.random.default_rng(0)
    volumes = np.empty(len(mixture))
    step = max(1, _CELLS // (_DRAWS * mixture.n_outputs))
    for start in range(0, len(mixture), step):
        rows = mixture[start : start + step]
        draws = rows.sample(_DRAWS, random_state=generator)  # (n, S, D)
        volumes[start : start + step] = region_measure(rows.logpdf(draws), level)
    return volumes
