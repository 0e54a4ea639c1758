"""The pool of all members: their weights and spreads, and a background component."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skmdn._calibration import BACKGROUND_SCALE, Calibration, calibrate, pooling_factor
from skmdn._network.scaling import location_and_unit
from skmdn.ensemble.mapped_targets import MappedTargets, as_attribute, as_maps
from skmdn.mixture import Mixture, TargetMixture
from skmdn.mixture.bounding import bounded
from skmdn.mixture.joining import Density, concatenate_chunks

# Weight of the background where nothing is calibrated.
_BACKGROUND_WEIGHT = 1e-4


@dataclass(frozen=True, eq=False)
class Pool:
    """Weights and spreads of V views, and the background; all in units of the mapped targets."""

    weights: np.ndarray  # (V,)
    factors: np.ndarray  # (V,)
    pooling_factor: float
    noise: np.ndarray  # (D,)
    background_weight: float
    background_mean: np.ndarray  # (D,)
    background_scale: np.ndarray  # (D,)
    maps: tuple[Any, ...] | None = None  # from y to the mapped targets, one per output
    target_range: np.ndarray | None = None  # (D, 2), of the mapped targets
    # Part of each view's weight (V,) that one more network has, which the pool has taught.
    taught_shares: np.ndarray | None = None
    # Widening by a forecast, which the other factors and the noise hold already.
    forecast_factor: float = 1.0
    forecast_noise: np.ndarray | float = 0.0  # (D,)

    @classmethod
    def of(cls, ensemble: Any, taught_shares: np.ndarray | None = None) -> Pool:
        """Pool from the attributes of a fitted `MDNEnsembleRegressor`."""
        return cls(
            ensemble.view_weights_,
            ensemble.view_factors_,
            ensemble.pooling_factor_,
            ensemble.noise_,
            ensemble.background_weight_,
            ensemble.background_mean_,
            ensemble.background_scale_,
            as_maps(ensemble.target_transform_),
            ensemble.target_range_,
            taught_shares,
            ensemble.forecast_factor_,
            ensemble.forecast_noise_,
        )

    def set_on(self, ensemble: Any) -> None:
        """Make it the attributes of an ensemble."""
        ensemble.view_weights_, ensemble.view_factors_ = self.weights, self.factors
        ensemble.pooling_factor_, ensemble.noise_ = self.pooling_factor, self.noise
        ensemble.background_weight_ = self.background_weight
        ensemble.background_mean_ = self.background_mean
        ensemble.background_scale_ = self.background_scale
        ensemble.target_transform_ = as_attribute(self.maps)
        ensemble.target_range_ = self.target_range
        ensemble.forecast_factor_ = self.forecast_factor
        ensemble.forecast_noise_ = self.forecast_noise * np.ones_like(self.noise)

    def widened(self, factor: float, noise: np.ndarray) -> Pool:
        """The pool with covariances as wide as a forecast needs, for a factor and noise (D,)."""
        return replace(
            self,
            factors=factor * self.factors,
            noise=np.hypot(factor * self.noise, noise),
            forecast_factor=factor,
            forecast_noise=noise,
        )

    def out_of_fold(self, views: Sequence[Mixture]) -> Density:
        """The pool of one density per view, from the member that was not fitted on the row."""
        widened = [
            self._widened(density, factor)
            for density, factor in zip(views, self.factors, strict=True)
        ]
        return self._of_y(self._with_background(widened, self.weights))

    def of_members(self, chunks: Iterable[Sequence[Sequence[Mixture]]], n_rows: int) -> Density:
        """The pool of the densities of all members, which are given by view, in chunks of rows.

        With shares for a taught network, its densities come after the last view.
        """
        pooled = (self._with_background(*self._calibrated(views)) for views in chunks)
        return self._of_y(concatenate_chunks(pooled, n_rows))

    def members(self, views: Sequence[Sequence[Mixture]]) -> tuple[list[Density], np.ndarray]:
        """Calibrated densities of all members, given by view, and the members' weights."""
        members, weights = self._calibrated(views)
        return [self._of_y(member) for member in members], weights

    def _calibrated(self, views: Sequence[Sequence[Mixture]]) -> tuple[list[Mixture], np.ndarray]:
        """The same for the mapped targets."""
        V, F = len(self.weights), len(views[0])
        factors, shares = self.factors * self.pooling_factor, self.taught_shares
        members = [
            self._widened(density, factor)
            for densities, factor in zip(views[:V], factors, strict=True)
            for density in densities
        ]
        if shares is None:
            return members, np.repeat(self.weights / F, F)
        # What the pool has taught has its spreads, but for those of a forecast.
        forecast = self.forecast_factor, self.forecast_noise
        members += [self._bounded(density.widen(*forecast)) for density in views[V]]
        left = np.repeat((1 - shares) * self.weights / F, F)
        return members, np.append(left, shares @ self.weights)

    def _widened(self, density: Mixture, factor: float) -> Mixture:
        """A density with its calibrated spread."""
        return self._bounded(density.widen(factor, self.noise))

    def _bounded(self, density: Mixture) -> Mixture:
        """A density within the bounds that keep means of y finite behind a map."""
        if self.maps is None or self.target_range is None:
            return density
        return bounded(density, self.maps, self.background_scale, self.target_range)

    def _of_y(self, density: Mixture) -> Density:
        """The density of y, given that of the mapped targets."""
        return density if self.maps is None else TargetMixture(density, self.maps)

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
    out_of_fold: Sequence[Mixture],
    targets: MappedTargets,
    weights: np.ndarray | None,
    n_members: int,
    expected_weights: np.ndarray | None = None,
) -> Pool:
    """The likeliest pool for out-of-fold densities of the targets, one per view.

    In predictions every view is the mean of `n_members` members. The views' weights ``(V,)`` are
    expected to be equal, unless others are given.
    """
    mean, scale = location_and_unit(targets.values, weights)
    standard = [view.affine(-mean / scale, 1 / scale) for view in out_of_fold]
    z, width = (targets.values - mean) / scale, _background_width(targets)
    found = calibrate(
        standard, z, weights, background_scale=width, expected_weights=expected_weights
    )
    factor = pooling_factor(standard, z, weights, found, n_members, width)
    return _pool(found, factor, mean, scale, targets)


def equal_pool(n_views: int, targets: MappedTargets, weights: np.ndarray | None) -> Pool:
    """The pool that weighs views equally and leaves their spreads as they are."""
    equal = np.full(n_views, 1 / n_views)
    as_they_are = Calibration(equal, np.ones(n_views), 0.0, _BACKGROUND_WEIGHT)
    return _pool(as_they_are, 1.0, *location_and_unit(targets.values, weights), targets)


def _pool(
    found: Calibration, factor: float, mean: np.ndarray, scale: np.ndarray, targets: MappedTargets
) -> Pool:
    """A calibration of standardised targets in units of the mapped targets."""
    weights, factors, noise, background = found
    width = _background_width(targets) * scale
    spread = weights, factors, factor, noise * scale
    return Pool(*spread, background, mean, width, targets.maps, targets.range)


def _background_width(targets: MappedTargets) -> np.ndarray:
    """Width of the background ``(D,)`` in standard deviations: one where an output is mapped."""
    n_outputs = targets.values.shape[1]
    if targets.range is None:
        return np.full(n_outputs, BACKGROUND_SCALE)
    return np.where(np.isinf(targets.range[:, 0]), BACKGROUND_SCALE, 1.0)
