"""The network's forward pass in NumPy: what a fitted model needs to predict on a CPU."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


def raw_outputs(
    z: Array, coefs: Sequence[Array], intercepts: Sequence[Array], activation: str
) -> Array:
    """Raw outputs ``(n, out)`` for standardised rows ``z (n, p)``, computed in the dtype of z."""
    function = ACTIVATIONS[activation]
    h = z
    for W, b in zip(coefs[:-1], intercepts[:-1], strict=True):
        h = h @ W.astype(z.dtype, copy=False)
        h += b.astype(z.dtype, copy=False)
        function(h)
    raw = h @ coefs[-1].astype(z.dtype, copy=False)
    raw += intercepts[-1].astype(z.dtype, copy=False)
    return np.asarray(raw)


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
    return np.exp(raw, dtype=np.float64) + floor


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


def _relu(h: Array) -> None:
    np.maximum(h, 0, out=h)


def _logistic(h: Array) -> None:
    # exp(-h) may overflow to infinity, whose inverse is the right limit.
    with np.errstate(over="ignore"):
        np.exp(np.negative(h, out=h), out=h)
    h += 1
    np.reciprocal(h, out=h)


def _silu(h: Array) -> None:
    with np.errstate(over="ignore"):
        denominator = np.exp(-h)
    denominator += 1
    h /= denominator


def _tanh(h: Array) -> None:
    np.tanh(h, out=h)


def _identity(h: Array) -> None:
    pass


ACTIVATIONS: dict[str, Callable[[Array], None]] = {
    "relu": _relu,
    "silu": _silu,
    "tanh": _tanh,
    "logistic": _logistic,
    "identity": _identity,
}
