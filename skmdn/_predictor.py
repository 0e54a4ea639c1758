"""A fitted network as arrays, and the densities that it predicts."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from skmdn._network import forward
from skmdn._network.architecture import Architecture
from skmdn._network.atom_shares import atom_weights
from skmdn._network.category_inputs import CategoryInputs
from skmdn._network.encoding import PiecewiseLinear
from skmdn._network.linear_path import LinearPath, linear_inputs
from skmdn._network.outside_range import ALONG_LINE, OutsideLine
from skmdn._network.preparation import Preparation
from skmdn.mixture import Mixture, TargetMixture
from skmdn.mixture.bounding import bounded
from skmdn.mixture.joining import Density, concatenate, pool
from skmdn.mixture.sampling import CHUNK_ROWS
from skmdn.mixture.shifting import blurred, shifted

__all__ = ["Density", "Predictor", "common_density"]


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
    target_atoms: np.ndarray | None = None  # (A,)
    atom_temperature: float = 1.0
    line: LinearPath | None = None
    outside: OutsideLine | None = None  # of the targets behind their maps

    @classmethod
    def of(cls, estimator: Any) -> "Predictor":
        """Predictor from the attributes of a fitted `MDNRegressor`."""
        edges, indicators = estimator.bin_edges_, estimator.category_indicators_
        maps, word = estimator.target_transform_, estimator.extrapolation
        if word == "auto":
            word = estimator.extrapolation_
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
                estimator.y_count_,
                None if edges is None else PiecewiseLinear.from_edges(edges),
                None
                if indicators is None
                else CategoryInputs.of_features(
                    indicators, estimator.category_shares_, estimator.category_means_
                ),
                word,
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
            estimator.target_atoms_,
            estimator.atom_temperature_,
            None
            if estimator.linear_coef_ is None
            else LinearPath(
                estimator.linear_coef_,
                estimator.linear_intercept_,
                estimator.linear_penalty_,
                estimator.linear_leverage_,
                estimator.linear_mean_leverage_,
                estimator.line_limit_,
            ),
            None
            if estimator.outside_coef_ is None
            else OutsideLine(
                estimator.outside_coef_, estimator.outside_doubt_, estimator.line_limit_
            ),
        )

    @property
    def layout(self) -> forward.HeadLayout:
        """Order of the network's outputs."""
        return forward.head_layout(self.architecture, self.preparation)

    def for_fold(self, fold: int) -> "Predictor":
        """The same for the rows of one fold of the training data, or for new rows (-1)."""
        return self._replace(preparation=self.preparation.for_fold(fold))

    def density(self, X: np.ndarray) -> Density:
        """Densities of all rows, in the units of y."""
        return concatenate([*self.densities(X)])

    def densities(self, X: np.ndarray) -> Iterator[Density]:
        """The same in chunks of rows."""
        for part, raw in self._raw_outputs(X):
            # Underflow is harmless. The yield is outside the block, so that the caller keeps its
            # own error state between chunks.
            with np.errstate(under="ignore"):
                density = self._of_targets(self._mapped(part, raw), raw)
            yield density

    def mapped_density(self, X: np.ndarray) -> Mixture:
        """Mixtures of all rows, of the targets behind their maps that are at no atom."""
        with np.errstate(under="ignore"):
            return Mixture.concatenate(self._mapped(*each) for each in self._raw_outputs(X))

    def uncalibrated_density(self, X: np.ndarray, folds: np.ndarray | None = None) -> Mixture:
        """Mixtures of all rows for standardised targets, before calibration and without the line.

        Rows of the training data have `folds`, if there are features with categories.
        """
        if folds is not None:
            order, parts = self._by_fold(folds)
            densities = [one.uncalibrated_density(X[rows]) for one, rows in parts]
            return Mixture.concatenate(densities)[np.argsort(order)]
        with np.errstate(under="ignore"):
            return Mixture.concatenate(
                _gone_on(self._mixture(raw), self, part, self.preparation.y_scale)
                for part, raw in self._raw_outputs(X)
            )

    def log_shares(self, X: np.ndarray, folds: np.ndarray | None = None) -> np.ndarray:
        """Log-probabilities of the atoms and of the rest ``(n, A + 1)``, before calibration."""
        if folds is not None:
            order, parts = self._by_fold(folds)
            return np.concatenate([one.log_shares(X[rows]) for one, rows in parts])[
                np.argsort(order)
            ]
        with np.errstate(under="ignore"):
            return np.concatenate([self.layout.log_shares(raw) for _, raw in self._raw_outputs(X)])

    def _by_fold(
        self, folds: np.ndarray
    ) -> tuple[np.ndarray, Iterable[tuple["Predictor", np.ndarray]]]:
        """The rows in the order of their folds; the predictor and the rows of each fold."""
        order = np.argsort(folds, kind="stable")
        numbers, starts = np.unique(folds[order], return_index=True)
        predictors = map(self.for_fold, numbers)
        return order, zip(predictors, np.split(order, starts[1:]), strict=True)

    def _raw_outputs(self, X: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Chunks of rows, and the network's outputs ``(c, out)``, computed in the dtype of X.

        They are float64, and the numbers of each output are contiguous, as mixtures read them.
        """
        with np.errstate(under="ignore"):
            evaluate = self._network(X.dtype, min(len(X), CHUNK_ROWS))
        for start in range(0, len(X), CHUNK_ROWS):
            part = X[start : start + CHUNK_ROWS]
            raw = np.empty((len(self.intercepts[-1]), len(part))).T
            with np.errstate(under="ignore"):
                evaluate(part, raw, self.preparation.inputs)
            yield part, raw

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

    def _mapped(self, X: np.ndarray, raw: np.ndarray) -> Mixture:
        """Mixtures of the targets behind their maps, in units of these."""
        density = self._calibrated(self._mixture(raw))
        density = density.affine(self.preparation.y_mean, self.preparation.y_scale)
        if self.line is not None:
            # The line ends where the features do, but a row outside is as uncertain as it is far.
            unclipped = self.preparation._replace(extrapolation="continue")
            limit = self.line.limit
            shifts = self.line.values(linear_inputs(self.preparation, X, limit))
            wider = self.line.widening(linear_inputs(unclipped, X, limit))
            density = shifted(density, shifts, wider)
        return _gone_on(density, self, X, 1.0)

    def _of_targets(self, density: Mixture, raw: np.ndarray) -> Density:
        """The densities of y, given those of the targets behind their maps and the raw outputs."""
        if self.target_maps is not None and self.target_range is not None:
            scale = self.preparation.y_scale
            density = bounded(density, self.target_maps, scale, self.target_range)
        if self.target_atoms is None:
            maps = self.target_maps
            return density if maps is None else TargetMixture(density, maps)
        weights = atom_weights(self.layout.log_shares(raw), self.atom_temperature)
        return TargetMixture(density, self.target_maps, self.target_atoms, weights)


def _gone_on(
    density: Mixture, predictor: Predictor, X: np.ndarray, unit: np.ndarray | float
) -> Mixture:
    """Mixtures for the rows X, of targets in some unit ``(D,)``, as they go on outside the range.

    They come as those at the ends of the features' range.
    """
    outside = predictor.outside
    if outside is None or predictor.preparation.extrapolation not in ALONG_LINE:
        return density
    found = outside._replace(coef=outside.coef / unit).goes_on(predictor.preparation, X)
    return density if found is None else blurred(density, *found)


def common_density(predictors: Sequence[Predictor], X: np.ndarray, weights: np.ndarray) -> Density:
    """What several predictors say together: the weighted mean of their densities of y."""
    return pool([predictor.density(X) for predictor in predictors], weights)
