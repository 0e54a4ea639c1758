"""Mass and size of highest-density regions, from the density at draws."""

from __future__ import annotations

import numpy as np


def mass_above(
    log_density: np.ndarray, draws: np.ndarray, border: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Return the share of draws, (n, S), that is denser than the outcomes y, (n,).

    Where the density is flat, of equally dense draws those below y count, so that the share is
    uniform there too.
    """
    equal = log_density == border[:, None]
    denser = (log_density > border[:, None]) | (equal & (draws < y[:, None]))
    return np.asarray(denser.mean(axis=1), dtype=np.float64)


def region_measure(log_density: np.ndarray, level: float) -> np.ndarray:
    """Return length, area or volume of the region that contains `level` of the mass, (n,).

    With draws X of density f, of which a share `level` has a density above t,
    ``|{f >= t}| = E[1{f(X) >= t} / f(X)]``. The terms are bounded, as 1/f <= 1/t inside. Of a part
    where the density is t, the region has as much as it needs.
    """
    border = np.quantile(log_density, 1.0 - level, axis=1, keepdims=True)
    inside, at = log_density > border, log_density == border
    missing, there = level - inside.mean(axis=1), at.mean(axis=1)
    share = np.divide(missing, there, out=np.zeros_like(there), where=there > 0)
    part = np.where(at, np.clip(share, 0.0, 1.0)[:, None], inside)
    volume = np.exp(-np.maximum(log_density, border))  # clipped outside, where it is not used
    return np.asarray((part * volume).mean(axis=1), dtype=np.float64)
