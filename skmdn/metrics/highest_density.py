"""Highest-density regions known by the density at draws from it: their mass and their measure."""

from __future__ import annotations

import numpy as np

from skmdn._arrays import FloatArray


def mass_above(log_density: FloatArray, border: FloatArray) -> FloatArray:
    """Return the share of the draws, (n, S), that are denser than the border, (n,)."""
    return np.asarray((log_density > border[:, None]).mean(axis=1), dtype=np.float64)


def region_measure(log_density: FloatArray, level: float) -> FloatArray:
    """Return length, area or volume of the region that holds `level` of the mass, (n,).

    With draws X of density f and the border t that `level` of them exceed,
    ``|{f >= t}| = E[1{f(X) >= t} / f(X)]``: a bounded average, as 1/f is at most 1/t inside.
    """
    border = np.quantile(log_density, 1.0 - level, axis=1, keepdims=True)
    inside = log_density >= border
    volume = np.exp(-np.maximum(log_density, border))  # clipped outside, where it does not count
    return np.asarray((inside * volume).mean(axis=1), dtype=np.float64)
