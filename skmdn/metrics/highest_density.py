"""Mass and size of highest-density regions, from the density at draws."""

from __future__ import annotations

import numpy as np


def mass_above(log_density: np.ndarray, border: np.ndarray) -> np.ndarray:
    """Return the share of draws, (n, S), whose density is above the border's, (n,)."""
    return np.asarray((log_density > border[:, None]).mean(axis=1), dtype=np.float64)


def region_measure(log_density: np.ndarray, level: float) -> np.ndarray:
    """Return length, area or volume of the region that contains `level` of the mass, (n,).

    With draws X of density f, of which a share `level` has a density above t,
    ``|{f >= t}| = E[1{f(X) >= t} / f(X)]``. The terms are bounded, as 1/f <= 1/t inside.
    """
    border = np.quantile(log_density, 1.0 - level, axis=1, keepdims=True)
    inside = log_density >= border
    volume = np.exp(-np.maximum(log_density, border))  # clipped outside, where it is not used
    return np.asarray((inside * volume).mean(axis=1), dtype=np.float64)
