"""The pool of all members: their weights and spreads, and a background component."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skmdn._calibration import BACKGROUND_SCALE, Calibration, calibrate, pooling_factor
from skmdn._network.scaling import location_and_unit
from skmdn.mixture import Mixture

# Weight of the background where nothing is calibrated.
_BACKGROUND_WEIGHT = 1e-4


@dataclass(frozen=True)
class Pool:
    """Weights and spreads of V views, and the background; all in units of y."""

    weights: np.ndarray  # (V,)
    factors: np.ndarray  # (V,)
    pooling_factor: float
    noise: np.ndarray  # (D,)
    background_weight: float
    background_mean: np.ndarray  # (D,)
    background_scale: np.ndarray  # (D,)

    def out_of_fold(self, views: Sequence[Mixture]) -> Mixture:
        """The pool of one density per view, from the member that was not fitted on the row."""
        widened = [
            density.widen(factor, self.noise)
            for density, factor in zip(views, self.factors, strict=True)
        ]
        return self._with_background(widened, self.weights)

    def of_members(self, views: Sequence[Sequence[Mixture]]) -> Mixture:
        """The pool of the densities of all members, which are given by view."""
        return self._with_background(*self.calibrated(views))

    def calibrated(self, views: Sequence[Sequence[Mixture]]) -> tuple[list[Mixture], np.ndarray]:
        """Calibrated densities of all members, given by view, and the members' weights."""
        factors = self.factors * self.pooling_factor
        members = [
            density.widen(factor, self.noise)
            for densities, factor in zip(views, factors, strict=True)
            for density in densities
        ]
        F = len(views[0])
        return members, np.repeat(self.weights / F, F)

    def _with_background(self, densities: Sequence[Mixture], weights: np.ndarray) -> Mixture:
        """The pool of densities and background."""
        ones = np.ones((len(densities[0]), 1, len(self.background_mean)))
        means, scales = self.background_mean * ones, self.background_scale * ones
        if densities[0].univariate:
            means, scales = means[..., 0], scales[..., 0]
        background = Mixture(np.ones((len(ones), 1)), means, scales)
        share = self.background_weight
        return Mixture.pool([*densities, background], np.append((1 - share) * weights, share))


def calibrated_pool(
    out_of_fold: Sequence[Mixture], y: np.ndarray, weights: np.ndarray | None, n_members: int
) -> Pool:
    """The likeliest pool for out-of-fold densities of targets ``y (n, D)``, one per view.

    In predictions every view is the mean of `n_members` members.
    """
    mean, scale = location_and_unit(y, weights)
    standard = [view.affine(-mean / scale, 1 / scale) for view in out_of_fold]
    z = (y - mean) / scale
    found = calibrate(standard, z, weights, background=True)
    factor = pooling_factor(standard, z, weights, found, n_members)
    return _pool(found, factor, mean, scale)


def equal_pool(n_views: int, y: np.ndarray, weights: np.ndarray | None) -> Pool:
    """The pool that weighs views equally and leaves their spreads as they are."""
    equal = np.full(n_views, 1 / n_views)
    as_they_are = Calibration(equal, np.ones(n_views), 0.0, _BACKGROUND_WEIGHT)
    return _pool(as_they_are, 1.0, *location_and_unit(y, weights))


def _pool(found: Calibration, factor: float, mean: np.ndarray, scale: np.ndarray) -> Pool:
    """A calibration of standardised targets in units of y."""
    weights, factors, noise, background = found
    width = BACKGROUND_SCALE * scale
    return Pool(weights, factors, factor, noise * scale, background, mean, width)
