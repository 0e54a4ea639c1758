"""Covariances of the components: two kinds, diagonal and full, with the same operations.

Both kinds store the row axis first. ``factor`` gives the standard deviations or triangular factors
of some rows with the component axis first. The operations on densities take that factor.

Axes: n rows, c rows of a block, K components, D outputs, S samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import numpy as np
from scipy.special import ndtr

from skmdn._arrays import FloatArray, IntArray
from skmdn.mixture.arguments import frozen
from skmdn.mixture.blocks import chunks, component_sum, components_first, weighted_sum
from skmdn.mixture.joint_cdf import normal_orthant
from skmdn.mixture.triangular import lower_factor

RowIndex: TypeAlias = "slice | np.ndarray[tuple[int, ...], np.dtype[np.intp | np.bool_]]"

# A sum of squares above this has all its digits: squares that underflowed were too small to matter.
_LEAST_SQUARE = 1e-280


class Spread(Protocol):
    """Covariances of all components: the operations that both kinds have."""

    @property
    def kind(self) -> str:
        """Either "diag" or "full"."""

    @property
    def array(self) -> FloatArray:
        """The stored array, ``(n, K, D)`` or ``(n, K, D, D)``."""

    def scales(self) -> FloatArray:
        """Standard deviation of each output in each component, ``(n, K, D)``."""

    def scale_tril(self) -> FloatArray:
        """Lower triangular factors, ``(n, K, D, D)``."""

    def marginal_scale(self, output: int) -> FloatArray:
        """Standard deviation of one output in each component, ``(n, K, 1)``."""

    def diagonal(self) -> FloatArray:
        """The numbers that must be positive, ``(n, K, D)``."""

    def table(self) -> FloatArray:
        """Free parameters, ``(n, K * ...)``."""

    def take(self, rows: RowIndex) -> Spread:
        """The spread of some rows."""

    def scaled(self, scale: FloatArray) -> Spread:
        """The spread of ``scale * y``; scale ``(D,)``, of either sign."""

    def widened(self, factor: float, noise: FloatArray) -> Spread:
        """The spread with covariances ``factor^2 Sigma + diag(noise^2)``; noise ``(D,)``."""

    def select(self, outputs: Sequence[int]) -> Spread:
        """The spread of some outputs, in the order given."""

    def condition(
        self, known: Sequence[int], rest: Sequence[int], residual: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The distribution of the other outputs, given the known ones.

        ``residual`` is the known values minus their means, ``(n, K, len(known))``. Returns the
        shift of the other means ``(n, K, len(rest))``, the array of their spread, and the log
        density of the known values in each component ``(n, K)``, up to a constant.
        """

    def factor(self, rows: slice) -> FloatArray:
        """Scales or triangular factors of some rows, component axis first, ``(D, [D,] K, c)``."""

    def log_determinant(self, factor: FloatArray) -> FloatArray:
        """Log determinant of the factor, ``(K, ...)``."""

    def squared_distance(self, factor: FloatArray, means: FloatArray, y: FloatArray) -> FloatArray:
        """Squared Mahalanobis distance; means ``(D, K, ...)``, y ``(D, ...)``."""

    def orthant(self, factor: FloatArray, limits: FloatArray) -> FloatArray:
        """Probability that centred outputs are at most the limits ``(D, K, ...)``."""

    def colour(self, factor: FloatArray, choice: IntArray, normal: FloatArray) -> None:
        """Give normal numbers ``(..., D)`` the covariance of the chosen components, in place.

        ``choice`` holds one index into a flattened ``(K, c)`` for each draw.
        """

    def precision(self, factor: FloatArray) -> FloatArray:
        """Inverse covariances, ``(D, D, K, ...)``."""

    def covariance(self, factor: FloatArray, i: int, j: int) -> FloatArray:
        """Covariance of outputs i and j within each component, ``(K, ...)``."""


class DiagonalSpread:
    """Diagonal covariances: a standard deviation for each output, ``(n, K, D)``."""

    kind = "diag"

    def __init__(self, array: FloatArray) -> None:
        self.array = frozen(array)

    def scales(self) -> FloatArray:
        """Standard deviation of each output in each component, ``(n, K, D)``."""
        return self.array

    def scale_tril(self) -> FloatArray:
        """Diagonal matrices, made anew, ``(n, K, D, D)``."""
        n_outputs = self.array.shape[2]
        tril = np.zeros((*self.array.shape, n_outputs))
        diagonal = np.arange(n_outputs)
        tril[..., diagonal, diagonal] = self.array
        return tril

    def marginal_scale(self, output: int) -> FloatArray:
        """A view of one output's scales, ``(n, K, 1)``."""
        return self.array[:, :, output : output + 1]

    def diagonal(self) -> FloatArray:
        """The scales."""
        return self.array

    def table(self) -> FloatArray:
        """Scales, ``(n, K * D)``."""
        return self.array.reshape(len(self.array), self.array.shape[1] * self.array.shape[2])

    def take(self, rows: RowIndex) -> DiagonalSpread:
        """The spread of some rows."""
        return DiagonalSpread(self.array[rows])

    def scaled(self, scale: FloatArray) -> DiagonalSpread:
        """The spread of ``scale * y``; in memory the component axis comes first, as it is read."""
        return DiagonalSpread(np.multiply(self.array, np.abs(scale), order="F"))

    def widened(self, factor: float, noise: FloatArray) -> DiagonalSpread:
        """The spread with variances ``factor^2 s^2 + noise^2``."""
        return DiagonalSpread(_hypotenuse(factor * self.array, noise))

    def select(self, outputs: Sequence[int]) -> DiagonalSpread:
        """The spread of some outputs."""
        return DiagonalSpread(self.array[:, :, list(outputs)])

    def condition(
        self, known: Sequence[int], rest: Sequence[int], residual: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The other outputs stay as they are: the known ones only change the weights."""
        scales = self.array[:, :, list(known)]
        log_density = -component_sum(
            np.moveaxis(0.5 * (residual / scales) ** 2 + np.log(scales), 2, 0)
        )
        rest_scales = self.array[:, :, list(rest)]
        return np.zeros_like(rest_scales), rest_scales, log_density

    def factor(self, rows: slice) -> FloatArray:
        """Scales, component axis first, ``(D, K, c)``."""
        return components_first(self.array, rows)

    def log_determinant(self, factor: FloatArray) -> FloatArray:
        """Σ_j log s_j."""
        total = np.log(factor[0])
        for scale in factor[1:]:
            total += np.log(scale)
        return total

    def squared_distance(self, factor: FloatArray, means: FloatArray, y: FloatArray) -> FloatArray:
        """Σ_j ((y_j - m_j) / s_j)²."""
        z = (y[0] - means[0]) / factor[0]
        total = np.multiply(z, z, out=z)
        for value, mean, scale in zip(y[1:], means[1:], factor[1:], strict=True):
            z = (value - mean) / scale
            total += np.multiply(z, z, out=z)
        return total

    def orthant(self, factor: FloatArray, limits: FloatArray) -> FloatArray:
        """Π_j Φ(limit_j / s_j)."""
        product = ndtr(limits[0] / factor[0])
        for limit, scale in zip(limits[1:], factor[1:], strict=True):
            product *= ndtr(limit / scale)
        return np.asarray(product, dtype=np.float64)

    def colour(self, factor: FloatArray, choice: IntArray, normal: FloatArray) -> None:
        """Replace z_j by s_j z_j."""
        for j, scales in enumerate(factor):
            normal[..., j] *= scales.ravel()[choice]

    def precision(self, factor: FloatArray) -> FloatArray:
        """1 / s_j² on the diagonal."""
        inverse = np.zeros((len(factor), *factor.shape))
        for j, scales in enumerate(factor):
            inverse[j, j] = 1.0 / (scales * scales)
        return inverse

    def covariance(self, factor: FloatArray, i: int, j: int) -> FloatArray:
        """s_j² where i = j, else zero."""
        if i == j:
            return factor[i] * factor[i]
        return np.zeros_like(factor[i])


class TriangularSpread:
    """Full covariances Σ = L Lᵀ by their lower triangular factors L, ``(n, K, D, D)``."""

    kind = "full"

    def __init__(self, array: FloatArray) -> None:
        self.array = frozen(array)

    def scales(self) -> FloatArray:
        """Row norms of L: the marginal standard deviations, ``(n, K, D)``."""
        n_outputs = self.array.shape[2]
        return np.concatenate([self.marginal_scale(j) for j in range(n_outputs)], axis=2)

    def scale_tril(self) -> FloatArray:
        """Lower triangular factors, ``(n, K, D, D)``."""
        return self.array

    def marginal_scale(self, output: int) -> FloatArray:
        """Length of one row of L, ``(n, K, 1)``."""
        row = self.array[:, :, output]
        total = np.abs(row[..., 0])
        for j in range(1, output + 1):
            total = np.hypot(total, row[..., j])
        return total[..., np.newaxis]

    def diagonal(self) -> FloatArray:
        """The diagonal of L."""
        return np.diagonal(self.array, axis1=2, axis2=3)

    def table(self) -> FloatArray:
        """Lower triangles row by row, ``(n, K * D(D+1)/2)``."""
        lower = np.tril_indices(self.array.shape[2])
        packed = self.array[:, :, lower[0], lower[1]]
        return packed.reshape(len(packed), packed.shape[1] * packed.shape[2])

    def take(self, rows: RowIndex) -> TriangularSpread:
        """The spread of some rows."""
        return TriangularSpread(self.array[rows])

    def scaled(self, scale: FloatArray) -> TriangularSpread:
        """The spread of ``scale * y``: rows of L are scaled, columns get a positive diagonal."""
        return TriangularSpread(self.array * (scale[:, np.newaxis] * np.sign(scale)))

    def widened(self, factor: float, noise: FloatArray) -> TriangularSpread:
        """The spread with covariances ``factor^2 L Lᵀ + diag(noise^2)``, without squaring L."""
        extra = np.broadcast_to(np.diag(noise), self.array.shape)
        return TriangularSpread(lower_factor(np.concatenate([factor * self.array, extra], axis=-1)))

    def select(self, outputs: Sequence[int]) -> TriangularSpread:
        """The spread of some outputs: the triangular factor of their rows of L."""
        return TriangularSpread(_chosen_factor(self.array, outputs))

    def condition(
        self, known: Sequence[int], rest: Sequence[int], residual: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """With L ordered known first: z = L_11⁻¹ r, shift L_21 z, factor L_22."""
        ordered = _chosen_factor(self.array, [*known, *rest])
        n_known = len(known)
        shift = np.zeros((*residual.shape[:2], len(rest)))
        log_density = np.zeros(residual.shape[:2])
        left = residual.copy()
        for j in range(n_known):
            z = left[:, :, j] / ordered[:, :, j, j]
            left[:, :, j:] -= z[:, :, np.newaxis] * ordered[:, :, j:n_known, j]
            shift += z[:, :, np.newaxis] * ordered[:, :, n_known:, j]
            log_density -= 0.5 * z * z + np.log(ordered[:, :, j, j])
        return shift, ordered[:, :, n_known:, n_known:], log_density

    def factor(self, rows: slice) -> FloatArray:
        """Factors, component axis first: ``factor[i, j]`` is L_ij of each component, ``(K, c)``."""
        return np.ascontiguousarray(self.array[rows].transpose(2, 3, 1, 0))

    def log_determinant(self, factor: FloatArray) -> FloatArray:
        """Σ_j log L_jj."""
        total = np.log(factor[0, 0])
        for j in range(1, len(factor)):
            total += np.log(factor[j, j])
        return total

    def squared_distance(self, factor: FloatArray, means: FloatArray, y: FloatArray) -> FloatArray:
        """‖L⁻¹ (y - m)‖² by forward substitution; infinite where y is."""
        whitened = [(y[0] - means[0]) / factor[0, 0]]
        total = whitened[0] * whitened[0]
        for i in range(1, len(factor)):
            z = y[i] - means[i]
            with np.errstate(invalid="ignore"):  # inf - inf
                for j in range(i):
                    z -= factor[i, j] * whitened[j]
            z /= factor[i, i]
            total += z * z
            whitened.append(z)
        total[np.isnan(total)] = np.inf
        return total

    def orthant(self, factor: FloatArray, limits: FloatArray) -> FloatArray:
        """P(L z <= limits)."""
        return normal_orthant(factor, limits)

    def colour(self, factor: FloatArray, choice: IntArray, normal: FloatArray) -> None:
        """Replace z by L z; the last output comes first, since it needs the earlier ones."""
        for i in reversed(range(len(factor))):
            normal[..., i] *= factor[i, i].ravel()[choice]
            for j in range(i):
                normal[..., i] += factor[i, j].ravel()[choice] * normal[..., j]

    def precision(self, factor: FloatArray) -> FloatArray:
        """Mᵀ M with M = L⁻¹ by forward substitution."""
        inverse = np.zeros_like(factor)
        for i in range(len(factor)):
            inverse[i, i] = 1.0 / factor[i, i]
            for j in range(i):
                below = weighted_sum(factor[i, j:i], inverse[j:i, j])
                inverse[i, j] = -below * inverse[i, i]
        return weighted_sum(inverse[:, :, np.newaxis], inverse[:, np.newaxis])

    def covariance(self, factor: FloatArray, i: int, j: int) -> FloatArray:
        """Σ_m L_im L_jm."""
        total = factor[i, 0] * factor[j, 0]
        for m in range(1, min(i, j) + 1):
            total += factor[i, m] * factor[j, m]
        return total


def _hypotenuse(a: FloatArray, b: FloatArray) -> FloatArray:
    """√(a² + b²) for a, b >= 0; np.hypot, which is slower, serves where the squares fail."""
    with np.errstate(over="ignore"):
        root = a * a
        root += b * b
    fails = None
    if root.size and not (root.min() > _LEAST_SQUARE and root.max() < np.inf):
        fails = ~((root > _LEAST_SQUARE) & (root < np.inf))
    np.sqrt(root, out=root)
    if fails is not None:
        root[fails] = np.hypot(a[fails], np.broadcast_to(b, a.shape)[fails])
    return root


def _chosen_factor(tril: FloatArray, outputs: Sequence[int]) -> FloatArray:
    """Lower triangular factors of the chosen outputs, ``(n, K, m, m)``."""
    n_rows, n_components, n_outputs = tril.shape[:3]
    chosen = np.empty((n_rows, n_components, len(outputs), len(outputs)))
    for rows in chunks(n_rows, n_components * n_outputs * n_outputs):
        chosen[rows] = lower_factor(tril[rows][:, :, list(outputs)])
    return chosen
