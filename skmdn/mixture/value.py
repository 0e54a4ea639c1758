"""The value: parameters of n Gaussian mixtures, with indexing of rows, equality and pickling.

Axes: n rows, K components, D outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from skmdn._arrays import AnyArray, FloatArray
from skmdn.mixture.arguments import (
    as_floats,
    check_means,
    check_positive,
    check_shape,
    check_tril,
    frozen,
    normalised_weights,
    softmax,
)
from skmdn.mixture.blocks import CELLS, Block, chunks, components_first
from skmdn.mixture.points import Points
from skmdn.mixture.spread import DiagonalSpread, Spread, TriangularSpread

Self = TypeVar("Self", bound="MixtureValue")
LevelFunction: TypeAlias = Callable[[FloatArray, FloatArray, FloatArray, FloatArray], FloatArray]
LineFunction: TypeAlias = Callable[[FloatArray, FloatArray, FloatArray, FloatArray], FloatArray]


class MixtureValue:
    """Parameters of n mixtures; subclasses add the methods of a distribution."""

    __slots__ = ("_means", "_spread", "_univariate", "_weights")

    _weights: FloatArray  # (n, K)
    _means: FloatArray  # (n, K, D)
    _spread: Spread
    _univariate: bool

    def __init__(
        self,
        weights: ArrayLike,
        means: ArrayLike,
        scales: ArrayLike | None = None,
        *,
        scale_tril: ArrayLike | None = None,
    ) -> None:
        means = as_floats(means, "means")
        check_means(means)
        weights = as_floats(weights, "weights")
        check_shape(weights, means.shape[:2], "weights")
        spread = _checked_spread(means, scales, scale_tril)
        self._set(normalised_weights(weights), _with_outputs(means), spread, means.ndim == 2)

    @classmethod
    def from_logits(
        cls: type[Self],
        logits: ArrayLike,
        means: ArrayLike,
        scales: ArrayLike | None = None,
        *,
        scale_tril: ArrayLike | None = None,
    ) -> Self:
        """Mixture whose weights are the softmax of ``logits``, computed in float64.

        Parameters
        ----------
        logits : array_like (n, K)
            Any finite numbers; -inf gives a weight of zero.
        means, scales, scale_tril
            As in the constructor.

        Returns
        -------
        Mixture

        Raises
        ------
        ValueError
            If an argument has the wrong shape or holds a number that is not allowed, or if all
            logits of a row are -inf.

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> Mixture.from_logits([[0.0, 0.0]], [[-1.0, 1.0]], [[1.0, 1.0]]).weights
        array([[0.5, 0.5]])
        """
        means = as_floats(means, "means")
        check_means(means)
        weights = softmax(logits)
        check_shape(weights, means.shape[:2], "logits")
        spread = _checked_spread(means, scales, scale_tril)
        return cls._trusted(weights, _with_outputs(means), spread, means.ndim == 2)

    @classmethod
    def _trusted(
        cls: type[Self], weights: FloatArray, means: FloatArray, spread: Spread, univariate: bool
    ) -> Self:
        """Mixture of arrays that need no checks; means ``(n, K, D)``."""
        self = cls.__new__(cls)
        self._set(weights, means, spread, univariate)
        return self

    def _set(
        self, weights: FloatArray, means: FloatArray, spread: Spread, univariate: bool
    ) -> None:
        """Keep read-only views of the arrays; a spread already holds one."""
        self._weights = frozen(weights)
        self._means = frozen(means)
        self._spread = spread
        self._univariate = univariate

    @property
    def weights(self) -> FloatArray:
        """Weights, ``(n, K)``, read-only; each row sums to one."""
        return self._weights

    @property
    def means(self) -> FloatArray:
        """Means, ``(n, K, D)``, read-only."""
        return self._means

    @property
    def scales(self) -> FloatArray:
        """Standard deviation of each output in each component, ``(n, K, D)``, read-only."""
        return frozen(self._spread.scales())

    @property
    def scale_tril(self) -> FloatArray:
        """Lower triangular factors of the covariances, ``(n, K, D, D)``, read-only.

        For diagonal covariances these are diagonal matrices, made anew at each access.
        """
        return frozen(self._spread.scale_tril())

    @property
    def n_components(self) -> int:
        """Number of components K."""
        return self._means.shape[1]

    @property
    def n_outputs(self) -> int:
        """Number of outputs D."""
        return self._means.shape[2]

    @property
    def covariance_type(self) -> str:
        """Either "diag" (outputs are independent within a component) or "full"."""
        return self._spread.kind

    @property
    def univariate(self) -> bool:
        """Whether answers have no axis of outputs."""
        return self._univariate

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of ``numpy.asarray(mixture)``: the number of rows and of parameters per row."""
        n_outputs = self.n_outputs
        n_spread = n_outputs
        if isinstance(self._spread, TriangularSpread):
            n_spread = n_outputs * (n_outputs + 1) // 2
        return len(self), self.n_components * (1 + n_outputs + n_spread)

    def __len__(self) -> int:
        return len(self._weights)

    def __getitem__(self: Self, index: Any) -> Self:
        rows = row_index(index, len(self))
        return self._trusted(
            self._weights[rows], self._means[rows], self._spread.take(rows), self._univariate
        )

    def __iter__(self: Self) -> Iterator[Self]:
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> AnyArray:
        if copy is False:
            raise ValueError("the array form of a mixture is always a new array; got copy=False")
        parts = (
            self._weights,
            self._means.reshape(len(self), self.n_components * self.n_outputs),
            self._spread.table(),
        )
        return np.concatenate(parts, axis=1, dtype=dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if ufunc in (np.equal, np.not_equal) and method == "__call__":
            return ufunc is np.not_equal  # no array is equal to a mixture
        raise TypeError(
            f"numpy.{ufunc.__name__} of a Mixture is not defined: a Mixture is a distribution, not "
            "an array. Ask it for numbers, such as pdf(y), logpdf(y) or ppf(q); affine(shift, "
            "scale) gives the distribution of shift + scale * y, and numpy.asarray(mixture) the "
            "table of parameters."
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MixtureValue):
            return NotImplemented
        return (
            self._univariate == other._univariate
            and self._spread.kind == other._spread.kind
            and np.array_equal(self._weights, other._weights)
            and np.array_equal(self._means, other._means)
            and np.array_equal(self._spread.array, other._spread.array)
        )

    def __getstate__(self) -> dict[str, Any]:
        """State of a pickle: nothing but arrays under public names."""
        spread = "scale_tril" if isinstance(self._spread, TriangularSpread) else "scales"
        return {
            "weights": self._weights,
            "means": self._means,
            spread: self._spread.array,
            "univariate": self._univariate,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore without copies: arrays that joblib maps into memory stay mapped."""
        spread: Spread
        if "scale_tril" in state:
            spread = TriangularSpread(np.asarray(state["scale_tril"]))
        else:
            spread = DiagonalSpread(np.asarray(state["scales"]))
        weights, means = np.asarray(state["weights"]), np.asarray(state["means"])
        self._set(weights, means, spread, state["univariate"])

    def _block(self, rows: slice, axis: int | None = None) -> Block:
        """Rows with the component axis first; ``axis`` is that of points, of length one."""
        block = Block(
            components_first(self._weights, rows),
            components_first(self._means, rows),
            self._spread.factor(rows),
        )
        if axis is None:
            return block
        return Block(*(np.expand_dims(array, axis) for array in block))

    def _output(self: Self, output: int) -> Self:
        """The marginal of one output as a univariate mixture; no copy if the spread is diagonal."""
        scales = self._spread.marginal_scale(output)
        means = self._means[:, :, output : output + 1]
        return self._trusted(self._weights, means, DiagonalSpread(scales), True)

    def _each_output(self: Self, method: Callable[[Self, int], FloatArray]) -> FloatArray:
        """``method(marginal, output)`` of each output, on a last axis unless univariate."""
        if self._univariate:
            return method(self, 0)
        first = method(self._output(0), 0)
        answer = np.empty((*first.shape, self.n_outputs))
        answer[..., 0] = first
        for j in range(1, self.n_outputs):
            answer[..., j] = method(self._output(j), j)
        return answer

    def _points(self, y: ArrayLike) -> Points:
        """The points of y, after checks."""
        return Points(y, len(self), self.n_outputs, self._univariate)

    def _on_line(self, function: LineFunction, points: Points) -> FloatArray:
        """``function(weights, means, scales, y)`` of a univariate mixture at all points."""

        def kernel(rows: slice, axis: int, at: FloatArray) -> FloatArray:
            weights, means, scales = self._block(rows, axis)
            return function(weights, means[0], scales[0], at[0])

        return points.evaluate(kernel, self.n_components)

    def _row_chunks(self, cells_per_number: int = 1) -> Iterator[slice]:
        """Blocks of rows for work with a few numbers per component and output."""
        return chunks(len(self), self.n_components * self.n_outputs * cells_per_number)

    def _at_levels(
        self, function: LevelFunction, levels: FloatArray, *trailing: int, cells: int = CELLS
    ) -> FloatArray:
        """``function(weights, means, scales, levels)`` of a univariate mixture, ``(n, Q, ...)``.

        Levels are ``(Q,)``, or ``(n, Q)`` for each row.

        The function returns ``(..., Q, c)``, whose leading axes are ``trailing`` in reverse order.
        ``cells`` is the size of a block: rows by components by levels.
        """
        n_levels = levels.shape[-1]
        answer = np.empty((len(self), n_levels, *trailing))
        for rows in chunks(len(self), self.n_components * max(1, n_levels), cells):
            weights, means, scales = self._block(rows)
            here = levels[rows].T if levels.ndim == 2 else levels
            answer[rows] = function(weights, means[0], scales[0], here).T
        return answer


def _with_outputs(means: FloatArray) -> FloatArray:
    """Means ``(n, K, D)``."""
    return means[:, :, np.newaxis] if means.ndim == 2 else means


def _checked_spread(
    means: FloatArray, scales: ArrayLike | None, scale_tril: ArrayLike | None
) -> Spread:
    """The spread of the constructor's arguments, after checks."""
    if scales is not None and scale_tril is not None:
        raise ValueError("exactly one of scales and scale_tril must be given; got both")
    if scales is not None:
        array = as_floats(scales, "scales")
        check_shape(array, means.shape, "scales")
        check_positive(array, "scales")
        return DiagonalSpread(_with_outputs(array))
    if scale_tril is None:
        raise ValueError("exactly one of scales and scale_tril must be given; got neither")
    if means.ndim == 2:
        raise ValueError(f"scale_tril needs means of shape (n, K, D); got {means.shape}")
    tril = as_floats(scale_tril, "scale_tril")
    check_shape(tril, (*means.shape, means.shape[2]), "scale_tril")
    check_tril(tril)
    return TriangularSpread(tril)


def row_index(index: Any, n_rows: int) -> Any:
    """A slice or an array that selects rows; an integer becomes a slice of one row."""
    if isinstance(index, tuple) and len(index) == 2 and index[1] is Ellipsis:
        index = index[0]  # scikit-learn indexes rows as array[rows, ...]
    if isinstance(index, slice):
        return index
    if isinstance(index, tuple):
        raise IndexError(f"rows are chosen by one index; got {index!r}")
    array = np.asarray(index)
    if array.ndim == 0 and array.dtype.kind in "iu":
        if not -n_rows <= array < n_rows:
            raise IndexError(f"row {index} is out of bounds for a mixture of {n_rows} rows")
        start = int(array) % n_rows
        return slice(start, start + 1)
    if array.ndim == 1 and (array.dtype.kind in "iub" or array.size == 0):
        return array if array.size else array.astype(np.intp)
    raise IndexError(f"rows are chosen by an integer, slice, mask or index array; got {index!r}")
