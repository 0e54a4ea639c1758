"""A fitted network as arrays, and the densities it predicts: all that prediction needs."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from skmdn._arrays import Array
from skmdn._network import forward as _forward
from skmdn._network.preparation import Preparation
from skmdn.mixture import Mixture

# Rows of one chunk: its mixtures stay in the cache.
_CHUNK_ROWS = 4096


class Predictor(NamedTuple):
    """Preparation, network and calibration; `architecture` holds plain values."""

    preparation: Preparation
    coefs: list[Array]  # (in, out)
    intercepts: list[Array]  # (out,)
    architecture: dict[str, Any]
    spread_factor: float
    spread_noise: float
    y_ndim: int
    device: str

    def density(self, X: Array) -> Mixture:
        """Mixtures of all rows, in the units of y."""
        return Mixture.concatenate(self.densities(X))

    def densities(self, X: Array) -> Iterator[Mixture]:
        """The same in chunks of rows that stay in the cache."""
        for raw in self._raw_outputs(X):
            yield self._in_units_of_y(self._calibrated(self._mixture(raw)))

    def uncalibrated_density(self, X: Array) -> Mixture:
        """Mixtures of all rows, for standardised targets, as the network has them."""
        return Mixture.concatenate(self._mixture(raw) for raw in self._raw_outputs(X))

    def _raw_outputs(self, X: Array) -> Iterator[Array]:
        """The network's outputs ``(c, out)`` in chunks, computed in the dtype of X.

        They are float64, each output's numbers side by side: so the mixtures will be read.
        """
        evaluate = self._network(X.dtype, min(len(X), _CHUNK_ROWS))
        for start in range(0, len(X), _CHUNK_ROWS):
            part = X[start : start + _CHUNK_ROWS]
            raw = np.empty((len(self.intercepts[-1]), len(part))).T
            evaluate(part, raw, self.preparation.inputs)
            yield raw

    def _network(self, dtype: DTypeLike, n_rows: int) -> Callable[[Array, Array, Any], None]:
        """NumPy's network, or the GPU's where the model asks for one and one is there."""
        layers = self.coefs, self.intercepts, self.architecture["activation"], dtype
        if self.device not in ("cpu", "auto"):
            from skmdn import _engine

            if _engine.cuda_is_available():
                return _engine.DeviceNetwork(*layers, self.device).evaluate
        return _forward.Network(*layers, n_rows).evaluate

    def _mixture(self, raw: Array) -> Mixture:
        """Mixtures as the network has them, for standardised targets."""
        a, n_outputs = self.architecture, len(self.preparation.y_mean)
        logits, means, spread = _forward.mixture_parameters(
            raw, a["n_components"], n_outputs, a["covariance_type"], a["scale_floor"]
        )
        if self.y_ndim == 1:
            means, spread = means[..., 0], {"scales": spread["scales"][..., 0]}
        return Mixture.from_logits(logits, means, **spread)

    def _calibrated(self, density: Mixture) -> Mixture:
        """Mixtures with covariances ``a^2 Sigma + b^2 I``."""
        if (self.spread_factor, self.spread_noise) == (1.0, 0.0):
            return density
        return density.widen(self.spread_factor, self.spread_noise)

    def _in_units_of_y(self, density: Mixture) -> Mixture:
        return density.affine(self.preparation.y_mean, self.preparation.y_scale)
