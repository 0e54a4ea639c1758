"""A fitted network as arrays, and the densities it predicts: all that prediction needs."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import gen_batches

from skmdn import _forward
from skmdn._preparation import Preparation
from skmdn.mixture import Mixture

Array = NDArray[np.floating]

# Rows of one chunk, fewer where a row has many inputs: its arrays stay in the cache.
_CHUNK_ROWS = 4096
_CHUNK_CELLS = 1 << 17


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
        raw = np.empty((len(X), len(self.intercepts[-1])), X.dtype)
        for rows, part in self._raw_outputs(X):
            raw[rows] = part
        return self._in_units_of_y(self._calibrated(self._mixture(raw)))

    def densities(self, X: Array) -> Iterator[Mixture]:
        """The same in chunks of rows that stay in the cache."""
        for _, raw in self._raw_outputs(X):
            yield self._in_units_of_y(self._calibrated(self._mixture(raw)))

    def uncalibrated_density(self, X: Array) -> Mixture:
        """Mixtures of all rows, for standardised targets, as the network has them."""
        return self._mixture(np.concatenate([raw for _, raw in self._raw_outputs(X)]))

    def _raw_outputs(self, X: Array) -> Iterator[tuple[slice, Array]]:
        """The network's outputs in chunks, computed in the dtype of X."""
        function = self._forward_pass()
        affordable = max(256, _CHUNK_CELLS // self.preparation.n_inputs)
        for rows in gen_batches(len(X), min(_CHUNK_ROWS, affordable)):
            part = X[rows]
            inputs = np.empty((len(part), self.preparation.n_inputs), X.dtype)
            self.preparation.inputs(part, out=inputs)
            yield (
                rows,
                function(inputs, self.coefs, self.intercepts, self.architecture["activation"]),
            )

    def _forward_pass(self) -> Callable[..., Array]:
        """NumPy's forward pass, or the GPU's where the model asks for one and one is there."""
        if self.device not in ("cpu", "auto"):
            from skmdn import _engine

            if _engine.cuda_is_available():
                return partial(_engine.raw_outputs, device=self.device)
        return _forward.raw_outputs

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
