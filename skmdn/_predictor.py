"""A fitted network as arrays, and the densities that it predicts."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from skmdn._network import forward
from skmdn._network.architecture import Architecture
from skmdn._network.category_inputs import CategoryInputs
from skmdn._network.encoding import PiecewiseLinear
from skmdn._network.preparation import Preparation
from skmdn.mixture import Mixture, TargetMixture
from skmdn.mixture.joining import Density
from skmdn.mixture.sampling import CHUNK_ROWS

# How far means may lie outside the range of training targets, in standard deviations of these.
_MARGIN = 0.25


class Predictor(NamedTuple):
    """Preparation, network and calibration."""

    preparation: Preparation
    coefs: list[np.ndarray]  # (in, out)
    intercepts: list[np.ndarray]  # (out,)
    architecture: Architecture
    spread_factor: float
    spread_noise: float
    y_ndim: int
    device: str
    # Of each output: the map from y to what the network predicts, and the least and the greatest
    # target behind it (D, 2).
    target_maps: tuple[Any, ...] | None = None
    target_range: np.ndarray | None = None

    @classmethod
    def of(cls, estimator: Any) -> "Predictor":
        """Predictor from the attributes of a fitted `MDNRegressor`."""
        edges, indicators = estimator.bin_edges_, estimator.category_indicators_
        maps = estimator.target_transform_
        return cls(
            Preparation(
                estimator.X_mean_,
                estimator.X_scale_,
                estimator.X_min_,
                estimator.X_max_,
                estimator.X_count_,
                estimator.n_samples_seen_,
                estimator.y_mean_,
                estimator.y_scale_,
                estimator.y_varies_,
                None if edges is None else PiecewiseLinear.from_edges(edges),
                None
                if indicators is None
                else CategoryInputs.of_features(
                    indicators, estimator.category_shares_, estimator.category_means_
                ),
                estimator.extrapolation,
            ),
            estimator.coefs_,
            estimator.intercepts_,
            Architecture(**estimator.architecture_),
            estimator.spread_factor_,
            estimator.spread_noise_,
            estimator.y_ndim_,
            estimator.device,
            maps if maps is None or isinstance(maps, tuple) else (maps,),
            estimator.target_range_,
        )

    @property
    def layout(self) -> forward.HeadLayout:
        """Order of the network's outputs."""
        return forward.HeadLayout(self.architecture, len(self.preparation.y_mean))

    def for_fold(self, fold: int) -> "Predictor":
        """The same for the rows of one fold of the training data, or for new rows (-1)."""
        return self._replace(preparation=self.preparation.for_fold(fold))

    def density(self, X: np.ndarray) -> Density:
        """Mixtures of all rows, in the units of y."""
        return self._of_targets(self.mapped_density(X))

    def densities(self, X: np.ndarray) -> Iterator[Density]:
        """The same in chunks of rows."""
        return map(self._of_targets, self._mapped_densities(X))

    def mapped_density(self, X: np.ndarray) -> Mixture:
        """Mixtures of all rows, of the targets behind their maps."""
        return Mixture.concatenate(self._mapped_densities(X))

    def _mapped_densities(self, X: np.ndarray) -> Iterator[Mixture]:
        for raw in self._raw_outputs(X):
            # Underflow is harmless. The yield is outside the block, so that the caller keeps its
            # own error state between chunks.
            with np.errstate(under="ignore"):
                density = self._in_units_of_targets(self._calibrated(self._mixture(raw)))
            yield density

    def uncalibrated_density(self, X: np.ndarray, folds: np.ndarray | None = None) -> Mixture:
        """Mixtures of all rows for standardised targets, before calibration.

        Rows of the training data have `folds`, if there are features with categories.
        """
        if folds is not None:
            return self._by_fold(X, folds)
        with np.errstate(under="ignore"):
            return Mixture.concatenate(self._mixture(raw) for raw in self._raw_outputs(X))

    def _by_fold(self, X: np.ndarray, folds: np.ndarray) -> Mixture:
        order = np.argsort(folds, kind="stable")
        numbers, starts = np.unique(folds[order], return_index=True)
        densities = [
            self.for_fold(number).uncalibrated_density(X[rows])
            for number, rows in zip(numbers, np.split(order, starts[1:]), strict=True)
        ]
        return Mixture.concatenate(densities)[np.argsort(order)]

    def _raw_outputs(self, X: np.ndarray) -> Iterator[np.ndarray]:
        """The network's outputs ``(c, out)`` in chunks, computed in the dtype of X.

        They are float64, and the numbers of each output are contiguous, as mixtures read them.
        """
        with np.errstate(under="ignore"):
            evaluate = self._network(X.dtype, min(len(X), CHUNK_ROWS))
        for start in range(0, len(X), CHUNK_ROWS):
            part = X[start : start + CHUNK_ROWS]
            raw = np.empty((len(self.intercepts[-1]), len(part))).T
            with np.errstate(under="ignore"):
                evaluate(part, raw, self.preparation.inputs)
            yield raw

    def _network(self, dtype: DTypeLike, n_rows: int) -> Callable[..., None]:
        """The network in NumPy, or on a GPU if the model asks for one that is available."""
        layers = self.coefs, self.intercepts, self.architecture.activation, dtype
        if self.device not in ("cpu", "auto"):
            from skmdn import _engine

            if _engine.cuda_is_available():
                return _engine.DeviceNetwork(*layers, self.device).evaluate
        return forward.Network(*layers, n_rows).evaluate

    def _mixture(self, raw: np.ndarray) -> Mixture:
        """Mixtures for standardised targets, before calibration."""
        logits, means, scales, scale_tril = self.layout.parameters(raw)
        if self.y_ndim == 1 and scales is not None:
            means, scales = means[..., 0], scales[..., 0]
        return Mixture.from_logits(logits, means, scales, scale_tril=scale_tril)

    def _calibrated(self, density: Mixture) -> Mixture:
        """Mixtures with covariances ``a^2 Sigma + b^2 I``."""
        if (self.spread_factor, self.spread_noise) == (1.0, 0.0):
            return density
        return density.widen(self.spread_factor, self.spread_noise)

    def _of_targets(self, density: Mixture) -> Density:
        """The densities of y, given those of the targets behind their maps."""
        if self.target_maps is None or self.target_range is None:
            return density
        return TargetMixture(
            _bounded(density, self.preparation.y_scale, self.target_range), self.target_maps
        )

    def _in_units_of_targets(self, density: Mixture) -> Mixture:
        return density.affine(self.preparation.y_mean, self.preparation.y_scale)


def _bounded(density: Mixture, scale: np.ndarray, target_range: np.ndarray) -> Mixture:
    """Components that are no wider than all targets together, with means near their range.

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
