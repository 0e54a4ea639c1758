"""The network's forward pass in NumPy: what a fitted model needs to predict on a CPU."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import DTypeLike

from skmdn._arrays import Array

# Numbers in the working arrays of a block of rows, together: they stay in the cache.
_BLOCK_CELLS = 1 << 18
# A network of few rows, or one that learned too fast, may guess log-scales whose exponentials
# overflow: they stop here, where predicting as where validating.
LARGEST_LOG_SCALE = 80.0


class Network:
    """Layers and their working arrays, which all blocks of rows share; for one call at a time.

    `n_rows` are the most that the caller will hand over.

    Every layer but the last has one more output, which is always one: its weights in the next layer
    are the intercepts, so that these cost no pass over the arrays.
    """

    def __init__(
        self,
        coefs: Sequence[Array],
        intercepts: Sequence[Array],
        activation: str,
        dtype: DTypeLike,
        n_rows: int,
    ) -> None:
        self._activation = ACTIVATIONS[activation]
        self._layers = [
            np.concatenate([W, b[np.newaxis]], dtype=dtype, casting="same_kind")
            for W, b in zip(coefs, intercepts, strict=True)
        ]
        widths = [len(layer) for layer in self._layers]
        widest = max(widths[1:], default=0)  # of the hidden layers
        affordable = max(256, _BLOCK_CELLS // (sum(widths) + widest))
        # A power of two, which divides the caller's chunks and suits the matrix product.
        self._n_rows = min(n_rows, 1 << (affordable.bit_length() - 1))
        # The inputs are written feature by feature, so there a feature's numbers lie side by side.
        self._arrays = [np.empty((widths[0], self._n_rows), dtype).T]
        self._arrays += [np.empty((self._n_rows, width), dtype) for width in widths[1:]]
        for array in self._arrays:
            array[:, -1] = 1
        self._scratch = np.zeros(self._n_rows * widest, dtype)

    def evaluate(self, X: Array, out: Array, prepare: Callable[[Array, Array], object]) -> None:
        """Write the raw outputs for ``X (n, p)`` to `out`; `prepare` writes a block's inputs."""
        for start in range(0, len(X), self._n_rows):
            rows = slice(start, start + self._n_rows)
            part = X[rows]
            arrays = [array[: len(part)] for array in self._arrays]
            prepare(part, arrays[0][:, :-1])
            for layer, array, following in zip(self._layers, arrays, arrays[1:], strict=False):
                np.matmul(array, layer, out=following[:, :-1])
                # On the whole, contiguous array: far quicker than on all columns but one.
                scratch = self._scratch[: following.size].reshape(following.shape)
                self._activation(following, scratch)
                following[:, -1] = 1
            out[rows] = arrays[-1] @ self._layers[-1]


def mixture_parameters(
    raw: Array, n_components: int, n_outputs: int, covariance_type: str, scale_floor: float
) -> tuple[Array, Array, dict[str, Array]]:
    """Logits ``(n, K)``, means ``(n, K, D)`` and the spread as `Mixture`'s keyword.

    The one place where prediction asks the covariance type. Layout and formulas are those of the
    training head: logits, means by output, raw spreads.
    """
    K, D = n_components, n_outputs
    logits, means, spread = raw[:, :K], raw[:, K : K + D * K], raw[:, K + D * K :]
    return logits, _by_component(means, K), _SPREADS[covariance_type](spread, K, D, scale_floor)


def _by_component(columns: Array, n_components: int) -> Array:
    """``(n, R K)`` with components innermost to ``(n, K, R)``."""
    return columns.reshape(len(columns), -1, n_components).swapaxes(1, 2)


def _scales(raw: Array, floor: float) -> Array:
    # The same sum as in training; float64, as scales far below one must keep their digits.
    scales = np.minimum(raw, LARGEST_LOG_SCALE, dtype=np.float64)
    np.exp(scales, out=scales)
    scales += floor
    return scales


def _diagonal(raw: Array, K: int, D: int, floor: float) -> dict[str, Array]:
    return {"scales": _scales(_by_component(raw, K), floor)}


def _spherical(raw: Array, K: int, D: int, floor: float) -> dict[str, Array]:
    return {"scales": np.repeat(_scales(_by_component(raw, K), floor), D, axis=2)}


def _triangular(raw: Array, K: int, D: int, floor: float) -> dict[str, Array]:
    """Cholesky factor of the covariance, ``(I + N)^-1 diag(s)``, by forward substitution."""
    if D == 1:
        return _diagonal(raw, K, D, floor)
    rows = _by_component(raw, K)
    scales, below = _scales(rows[..., :D], floor), rows[..., D:].astype(np.float64)
    L = np.zeros((len(raw), K, D, D))
    start = 0
    for i in range(D):
        L[..., i, i] = scales[..., i]
        for j in range(i):
            L[..., i, : j + 1] -= below[..., start + j, None] * L[..., j, : j + 1]
        start += i
    return {"scale_tril": L}


_SPREADS: dict[str, Callable[[Array, int, int, float], dict[str, Array]]] = {
    "diag": _diagonal,
    "spherical": _spherical,
    "full": _triangular,
}


def _relu(h: Array, scratch: Array) -> None:
    # The scratch array still holds its zeros: with them it is four times as fast as with a number.
    np.maximum(h, scratch, out=h)


def _logistic(h: Array, scratch: Array) -> None:
    # exp(-h) may overflow to infinity, whose inverse is the right limit.
    with np.errstate(over="ignore"):
        np.exp(np.negative(h, out=h), out=h)
    h += 1
    np.reciprocal(h, out=h)


def _silu(h: Array, scratch: Array) -> None:
    with np.errstate(over="ignore"):
        np.exp(np.negative(h, out=scratch), out=scratch)
    scratch += 1
    h /= scratch


def _tanh(h: Array, scratch: Array) -> None:
    np.tanh(h, out=h)


def _identity(h: Array, scratch: Array) -> None:
    pass


# In place; the second array, zeros at first, is theirs to use.
ACTIVATIONS: dict[str, Callable[[Array, Array], None]] = {
    "relu": _relu,
    "silu": _silu,
    "tanh": _tanh,
    "logistic": _logistic,
    "identity": _identity,
}
