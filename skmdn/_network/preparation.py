"""Preparation of X and y for the network: standardising, soft clipping, encoding."""

from typing import NamedTuple

import numpy as np

from skmdn._arrays import Array, BoolArray, FloatArray
from skmdn._network.encoding import PiecewiseLinear
from skmdn._network.scaling import location_and_scale, merged

# z-scores approach this limit smoothly, so that no row lies far outside all others.
_Z_LIMIT = 5.0


def soft_clip(z: FloatArray, out: Array) -> None:
    """Write ``z / sqrt(1 + (z / 5)^2)``, computed in the dtype of `out`."""
    # Beyond 1e18 the square of z would overflow in float32, and z is at its limit anyway.
    np.clip(z, -1e18, 1e18, out=out, casting="same_kind")
    bend = out * out
    bend *= 1.0 / _Z_LIMIT**2
    bend += 1.0
    out /= np.sqrt(bend, out=bend)


class Preparation(NamedTuple):
    """Location and scale of inputs and targets, and the encoding of the inputs.

    The network's inputs are soft-clipped z-scores ``z / sqrt(1 + (z / 5)^2)`` and, beside them, the
    encoded columns. An infinite scale switches an input off.
    """

    X_mean: FloatArray  # (p,)
    X_scale: FloatArray  # (p,)
    y_mean: FloatArray  # (D,)
    y_scale: FloatArray  # (D,)
    y_varies: BoolArray  # (D,); the scale of a constant target is 1
    encoding: PiecewiseLinear | None

    @classmethod
    def of(
        cls,
        X: Array,
        y: FloatArray,
        weights: FloatArray | None,
        encoding: PiecewiseLinear | None = None,
    ) -> "Preparation":
        """Preparation computed from the given data; a constant target keeps its unit."""
        return cls.by(location_and_scale(X, weights), location_and_scale(y, weights), encoding)

    @classmethod
    def by(
        cls,
        of_X: tuple[FloatArray, FloatArray],
        of_y: tuple[FloatArray, FloatArray],
        encoding: PiecewiseLinear | None,
    ) -> "Preparation":
        """Preparation from locations and scales; a scale of 0 means a constant column."""
        (X_mean, X_scale), (y_mean, y_scale) = of_X, of_y
        return cls(
            X_mean,
            np.where(X_scale > 0, X_scale, np.inf),
            y_mean,
            np.where(y_scale > 0, y_scale, 1.0),
            y_scale > 0,
            encoding,
        )

    @property
    def n_inputs(self) -> int:
        """Columns of the network's input."""
        return len(self.X_mean) + (0 if self.encoding is None else len(self.encoding.feature))

    def inputs(self, X: Array, out: Array | None = None) -> Array:
        """Network inputs ``(n, n_inputs)`` of the rows ``X (n, p)``, written to `out` if given.

        They are standardised in float64; everything after that is computed in the dtype of `out`.
        """
        p = X.shape[1]
        if out is None:
            out = np.empty((len(X), self.n_inputs))
        # Features first, so that NumPy's inner loops run over the rows, of which there are many.
        columns = X.T.astype(np.float64, order="C")
        if self.encoding is not None:
            self.encoding.encode_into(columns, out[:, p:].T)
        columns -= self.X_mean[:, np.newaxis]
        with np.errstate(over="ignore"):  # infinitely far out
            columns /= self.X_scale[:, np.newaxis]
        soft_clip(columns, out[:, :p].T)
        return out

    def learnt(self, n: int, X: Array, y: FloatArray, weights: FloatArray | None) -> "Preparation":
        """Preparation from more rows together with the n rows of this one."""
        X_scale = np.where(np.isfinite(self.X_scale), self.X_scale, 0.0)
        y_scale = np.where(self.y_varies, self.y_scale, 0.0)
        return Preparation.by(
            merged(n, self.X_mean, X_scale, X, weights),
            merged(n, self.y_mean, y_scale, y, weights),
            self.encoding,
        )

    def but_where_constant(self, other: "Preparation") -> "Preparation":
        """The same, with the scaling of `other` for columns that do not vary here."""
        X, y = np.isfinite(self.X_scale), self.y_varies
        return Preparation(
            np.where(X, self.X_mean, other.X_mean),
            np.where(X, self.X_scale, other.X_scale),
            np.where(y, self.y_mean, other.y_mean),
            np.where(y, self.y_scale, other.y_scale),
            y | other.y_varies,
            other.encoding,
        )

    def targets(self, y: FloatArray) -> FloatArray:
        """Standardised targets ``(n, D)``."""
        return np.asarray((y - self.y_mean) / self.y_scale)
