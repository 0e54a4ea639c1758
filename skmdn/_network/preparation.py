"""What happens to X and y before the network: standardised, soft-clipped, encoded."""

from typing import NamedTuple

import numpy as np

from skmdn._arrays import Array, FloatArray
from skmdn._network.encoding import PiecewiseLinear
from skmdn._network.scaling import location_and_scale

# z-scores bend smoothly towards this limit, so that no row is far outside all others.
_Z_LIMIT = 5.0


class Preparation(NamedTuple):
    """Location and scale of inputs and targets, and the encoding of the inputs.

    The network's inputs are soft-clipped z-scores ``z / sqrt(1 + (z / 5)^2)`` and, beside them, the
    encoded columns. An infinite scale switches an input off.
    """

    X_mean: FloatArray  # (p,)
    X_scale: FloatArray  # (p,)
    y_mean: FloatArray  # (D,)
    y_scale: FloatArray  # (D,)
    encoding: PiecewiseLinear | None

    @classmethod
    def of(
        cls,
        X: Array,
        y: FloatArray,
        weights: FloatArray | None,
        encoding: PiecewiseLinear | None = None,
    ) -> "Preparation":
        """Preparation by the given data; a constant target keeps its unit."""
        X_mean, X_scale = location_and_scale(X, weights)
        y_mean, y_scale = location_and_scale(y, weights)
        return cls(
            X_mean,
            np.where(X_scale > 0, X_scale, np.inf),
            y_mean,
            np.where(y_scale > 0, y_scale, 1.0),
            encoding,
        )

    @property
    def n_inputs(self) -> int:
        """Columns of the network's input."""
        return len(self.X_mean) + (0 if self.encoding is None else len(self.encoding.feature))

    def inputs(self, X: Array, out: Array | None = None) -> Array:
        """Network inputs ``(n, n_inputs)`` of the rows ``X (n, p)``, written to `out` if given.

        They are standardised in float64; what follows is computed in the dtype of `out`.
        """
        p = X.shape[1]
        if out is None:
            out = np.empty((len(X), self.n_inputs))
        # Features first: NumPy's inner loops then run over the rows, which are many.
        columns = X.T.astype(np.float64, order="C")
        if self.encoding is not None:
            self.encoding.encode_into(columns, out[:, p:].T)
        columns -= self.X_mean[:, np.newaxis]
        with np.errstate(over="ignore"):  # infinitely far out
            columns /= self.X_scale[:, np.newaxis]
        z = out[:, :p].T
        # Beyond 1e18, where its square would overflow in float32, z is at its limit anyhow.
        np.clip(columns, -1e18, 1e18, out=z, casting="same_kind")
        bend = z * z
        bend *= 1.0 / _Z_LIMIT**2
        bend += 1.0
        z /= np.sqrt(bend, out=bend)
        return out

    def targets(self, y: FloatArray) -> FloatArray:
        """Standardised targets ``(n, D)``."""
        return np.asarray((y - self.y_mean) / self.y_scale)
