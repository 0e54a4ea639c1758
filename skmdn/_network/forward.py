"""The network's forward pass in NumPy, for prediction on a CPU, and the layout of its head."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike
from scipy.special import log_softmax, logsumexp

from skmdn._arrays import Array, FloatArray
from skmdn._network.activations import ACTIVATIONS
from skmdn._network.architecture import Architecture
from skmdn._network.preparation import Preparation

# Size of all working arrays for a block of rows together, which should fit into the cache.
_BLOCK_CELLS = 1 << 18
# Logarithms of scales are clipped to this, both in prediction and in validation, or to less: see
# `head_layout`. It is the root of nine million.
LARGEST_LOG_SCALE = 8.0


class Network:
    """Layers and their working arrays, which all blocks of rows share; for one call at a time.

    `n_rows` is the largest number of rows that the caller will pass at once.

    Every layer but the last has an additional output that is always one. Its weights in the next
    layer are the intercepts, so that adding them needs no extra pass over the arrays.
    """

    def __init__(
        self,
        coefs: Sequence[Array],
        intercepts: Sequence[Array],
        activation: str,
        dtype: DTypeLike,
        n_rows: int,
    ) -> None:
        self._activate = ACTIVATIONS[activation].apply
        self._layers = [
            np.concatenate([W, b[np.newaxis]], dtype=dtype, casting="same_kind")
            for W, b in zip(coefs, intercepts, strict=True)
        ]
        widths = [len(layer) for layer in self._layers]
        widest = max(widths[1:], default=0)  # of the hidden layers
        affordable = max(256, _BLOCK_CELLS // (sum(widths) + widest))
        # A power of two divides the chunks of the caller, and suits the matrix product.
        self._n_rows = max(2, min(n_rows, 1 << (affordable.bit_length() - 1)))
        # Inputs are written feature by feature, so the numbers of a feature are contiguous.
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
            # A single row is computed twice: BLAS multiplies a vector by other sums than a matrix,
            # and the answer of a row must not depend on how many there are.
            arrays = [array[: max(2, len(part))] for array in self._arrays]
            prepare(part, arrays[0][: len(part), :-1])
            arrays[0][len(part) :] = arrays[0][0]
            for layer, array, following in zip(self._layers, arrays, arrays[1:], strict=False):
                np.matmul(array, layer, out=following[:, :-1])
                # On the whole array, which is contiguous: far faster than on all but one column.
                scratch = self._scratch[: following.size].reshape(following.shape)
                self._activate(following, scratch)
                following[:, -1] = 1
            out[rows] = (arrays[-1] @ self._layers[-1])[: len(part)]


@dataclass(frozen=True)
class HeadLayout:
    """Order of a network's outputs: logits, means by output, raw spreads.

    The logits of the components come first, then those of the atoms; one softmax over all of them
    gives every component its joint share. Raw spreads are the logarithms of scales, followed for
    full covariances by the entries below the diagonal. Within each part the components are
    innermost. Initialisation, training, calibration and prediction all take the order from here.
    """

    architecture: Architecture
    n_outputs: int
    largest_log_scale: float = LARGEST_LOG_SCALE  # for standardised targets

    @property
    def lengths(self) -> tuple[int, int, int]:
        """Numbers of logits K + A, of means D K and of raw spreads."""
        K, D = self.architecture.n_components, self.n_outputs
        covariance = COVARIANCES[self.architecture.covariance_type]
        return (
            K + self.architecture.n_atoms,
            D * K,
            covariance.n_scales(K, D) + covariance.n_below(K, D),
        )

    @property
    def scales(self) -> slice:
        """Positions of the logarithms of the scales."""
        K, D = self.architecture.n_components, self.n_outputs
        start = K + self.architecture.n_atoms + D * K
        return slice(start, start + COVARIANCES[self.architecture.covariance_type].n_scales(K, D))

    def in_other_units(
        self, factors: FloatArray, shifts: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Factors and shifts of the raw outputs ``(out,)`` if targets become ``f y + s``.

        `factors` and `shifts` are ``(D,)``. The mixtures are the same in other units, except for
        the floor of the scales. A spherical scale is multiplied by the geometric mean of the
        factors.
        """
        covariance = COVARIANCES[self.architecture.covariance_type]
        of_spreads, spread_shifts = covariance.in_other_units(factors)
        # One logit, D means and the raw spreads of a component; the same for all components.
        of_component = np.concatenate([[1.0], factors, of_spreads])
        shift = np.concatenate([[0.0], shifts, spread_shifts])
        K, A = self.architecture.n_components, self.architecture.n_atoms
        places = np.full(A, K)  # of the atoms' logits, which stay
        return (
            np.insert(np.repeat(of_component, K), places, 1.0),
            np.insert(np.repeat(shift, K), places, 0.0),
        )

    def parameters(self, raw: Array) -> "MixtureParameters":
        """Parameters of the mixtures with the raw outputs ``(n, out)``, without the atoms."""
        a, D = self.architecture, self.n_outputs
        n_logits, n_means, _ = self.lengths
        stops = [a.n_components, n_logits, n_logits + n_means]
        logits, _, means, spread = np.split(raw, stops, axis=1)
        read = COVARIANCES[a.covariance_type].read
        spreads = read(spread, a.n_components, D, a.scale_floor, self.largest_log_scale)
        return MixtureParameters(logits, _by_component(means, a.n_components), *spreads)

    def log_shares(self, raw: FloatArray) -> FloatArray:
        """Logarithms of the probabilities of the atoms and of the rest, ``(n, A + 1)``."""
        K = self.architecture.n_components
        logits = raw[:, : self.lengths[0]]
        rest = logsumexp(logits[:, :K], axis=1, keepdims=True)
        return np.asarray(log_softmax(np.concatenate([logits[:, K:], rest], axis=1), axis=1))


class MixtureParameters(NamedTuple):
    """Parameters of n mixtures, as `Mixture.from_logits` takes them: one of the two spreads."""

    logits: Array  # (n, K)
    means: Array  # (n, K, D)
    scales: FloatArray | None  # (n, K, D)
    scale_tril: FloatArray | None  # (n, K, D, D)


class Covariance(NamedTuple):
    """Number of raw spreads of a covariance type for K and D, and how to read and rescale them."""

    n_scales: Callable[[int, int], int]
    n_below: Callable[[int, int], int]  # the diagonal
    # Given the numbers K and D, the floor of the scales and the largest logarithm.
    read: Callable[[Array, int, int, float, float], tuple[FloatArray | None, FloatArray | None]]
    # Factors and shifts of a component's raw spreads, given the factors (D,) of the outputs.
    in_other_units: Callable[[FloatArray], tuple[FloatArray, FloatArray]]


def _by_component(columns: Array, n_components: int) -> Array:
    """``(n, R K)`` with components innermost to ``(n, K, R)``."""
    return columns.reshape(len(columns), -1, n_components).swapaxes(1, 2)


def head_layout(architecture: Architecture, preparation: Preparation) -> HeadLayout:
    """The layout for targets as this preparation standardises them.

    No group of n standardised targets spreads more than the root of n. A network of few rows, or
    one that was trained too fast, may predict any scale far from them.
    """
    n = preparation.y_count
    largest = 0.5 * math.log(max(n, 4)) if n > 0 else LARGEST_LOG_SCALE
    n_outputs = len(preparation.y_mean)
    return HeadLayout(architecture, n_outputs, min(largest, LARGEST_LOG_SCALE))


def _scales(raw: Array, floor: float, largest_log: float) -> FloatArray:
    # The same sum as in training, in float64 so that scales far below one keep their digits.
    scales = np.minimum(raw, largest_log, dtype=np.float64)
    np.exp(scales, out=scales)
    scales += floor
    return scales


def _diagonal(
    raw: Array, K: int, D: int, floor: float, largest_log: float
) -> tuple[FloatArray, None]:
    return _scales(_by_component(raw, K), floor, largest_log), None


def _spherical(
    raw: Array, K: int, D: int, floor: float, largest_log: float
) -> tuple[FloatArray, None]:
    return np.repeat(_scales(_by_component(raw, K), floor, largest_log), D, axis=2), None


def _triangular(
    raw: Array, K: int, D: int, floor: float, largest_log: float
) -> tuple[FloatArray | None, FloatArray | None]:
    """Cholesky factor of the covariance, ``(I + N)^-1 diag(s)``, by forward substitution."""
    if D == 1:
        return _diagonal(raw, K, D, floor, largest_log)
    rows = _by_component(raw, K)
    scales, below = _scales(rows[..., :D], floor, largest_log), rows[..., D:].astype(np.float64)
    L = np.zeros((len(raw), K, D, D))
    start = 0
    for i in range(D):
        L[..., i, i] = scales[..., i]
        for j in range(i):
            L[..., i, : j + 1] -= below[..., start + j, None] * L[..., j, : j + 1]
        start += i
    return None, L


def _diagonal_in_other_units(factors: FloatArray) -> tuple[FloatArray, FloatArray]:
    return np.ones_like(factors), np.log(factors)


def _spherical_in_other_units(factors: FloatArray) -> tuple[FloatArray, FloatArray]:
    return np.ones(1), np.mean(np.log(factors), keepdims=True)


def _triangular_in_other_units(factors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """``n_ij`` multiplies the residual of output j in that of output i."""
    i, j = np.tril_indices(len(factors), -1)
    of_scales, shifts = _diagonal_in_other_units(factors)
    return (
        np.concatenate([of_scales, factors[i] / factors[j]]),
        np.concatenate([shifts, np.zeros(len(i))]),
    )


# All that depends on the covariance type in prediction; `_engine.covariances` has the same names.
COVARIANCES: dict[str, Covariance] = {
    "diag": Covariance(lambda K, D: D * K, lambda K, D: 0, _diagonal, _diagonal_in_other_units),
    "spherical": Covariance(lambda K, D: K, lambda K, D: 0, _spherical, _spherical_in_other_units),
    "full": Covariance(
        lambda K, D: D * K,
        lambda K, D: K * D * (D - 1) // 2,
        _triangular,
        _triangular_in_other_units,
    ),
}
