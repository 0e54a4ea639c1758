"""Sources of rows: the user's arrays as they are, or prepared data on the training device.

A file that does not fit into memory has a reader of its own, in `runs`.

The user's arrays are not copied, even if they are memory-mapped. Beyond a fixed size, only one
block of rows at a time exists in prepared form, so training needs no second copy of the data.
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from skmdn._arrays import Array, FloatArray, IntArray
from skmdn._engine.head import EXCLUDED, LOG_2PI
from skmdn._estimators.observations import Observations
from skmdn._network.preparation import Preparation

# Cells of one block. On the CPU a block in float64 (1 MiB) fits into the cache of a core. On a GPU
# blocks are large, because each needs a transfer of its row numbers.
_BLOCK_CELLS = {"cpu": 1 << 17, "cuda": 1 << 25}
# Prepared data up to this size are kept, and not prepared anew in every pass.
_RESIDENT_BYTES = 64 << 20


class Reader(Protocol):
    """Fills its buffers with the rows asked for."""

    index: IntArray  # the numbers by which rows are read, in the order of the data
    x: Tensor  # (capacity, n_inputs + 1)
    y: Tensor  # (D, capacity); with atoms (D + 1 + A, capacity), see `kernel_terms`
    weights: Tensor | None  # (capacity,)

    def shuffle(self, rng: np.random.Generator) -> None:
        """Put the rows into another order."""

    def load(self, places: slice) -> None:
        """Put the rows at consecutive places of the order into the first places of the buffers."""


class StreamReader:
    """Reads from the user's arrays: gathers, prepares and casts the rows asked for."""

    def __init__(
        self, data: Observations, preparation: Preparation, capacity: int, dtype: torch.dtype
    ) -> None:
        self._data = data
        self._preparation = preparation
        self.index = data.rows.copy()
        cpu = torch.device("cpu")
        self.x = torch.ones(capacity, preparation.n_inputs + 1, dtype=dtype, device=cpu)
        n_terms = 0 if data.atom is None else 1 + data.n_atoms
        self.y = torch.empty(data.y.shape[1] + n_terms, capacity, dtype=dtype, device=cpu)
        self.weights = None
        if data.weights is not None:
            self.weights = torch.empty(capacity, dtype=dtype, device=cpu)
        self._weight_unit = data.mean_weight()
        self._gathered = np.empty((capacity, data.X.shape[1]), data.X.dtype)

    def shuffle(self, rng: np.random.Generator) -> None:
        """Put the rows into another order."""
        rng.shuffle(self.index)

    def load(self, places: slice) -> None:
        """Gather and prepare the rows at consecutive places of the order."""
        self.read(self.index[places])

    def read(self, index: IntArray) -> None:
        """Gather and prepare rows of the data."""
        self.read_from(self._data, index)

    def read_from(self, data: Observations, index: IntArray) -> None:
        """Gather and prepare rows of the given data, which may be a part of all."""
        folds = None if data.folds is None else data.folds[index]
        x = self.x.numpy()[: len(index), :-1]
        self._preparation.inputs(self._gather(data.X, index), x, folds)
        self._read_targets(data, index)

    def read_targets(self, index: IntArray) -> None:
        """Prepare targets and weights alone."""
        self._read_targets(self._data, index)

    def _read_targets(self, data: Observations, index: IntArray) -> None:
        m, D = len(index), data.y.shape[1]
        with np.errstate(over="ignore"):  # the loss will not be finite, and training goes back
            self.y.numpy()[:D, :m] = self._preparation.targets(data.y[index]).T
        if data.atom is not None:
            terms = kernel_terms(data.atom[index], data.n_atoms, self._preparation)
            self.y.numpy()[D:, :m] = terms
        if self.weights is not None and data.weights is not None:
            self.weights.numpy()[:m] = data.weights[index] / self._weight_unit

    def _gather(self, X: Array, index: IntArray) -> Array:
        # numpy.take would first copy the whole of an array that is not C-contiguous.
        if not X.flags.c_contiguous:
            return np.asarray(X[index])
        return np.take(X, index, axis=0, out=self._gathered[: len(index)], mode="clip")


def kernel_terms(atom: IntArray, n_atoms: int, preparation: Preparation) -> FloatArray:
    """What rows at the given atoms add to the log-kernels of components and atoms ``(1 + A, b)``.

    It excludes the components at an atom, and an atom anywhere else. At an atom it also makes up
    for the constants of a density, which losses count for all rows alike: that of the normal
    distribution, and the unit of y.
    """
    at = atom == np.arange(n_atoms)[:, np.newaxis]
    constant = np.sum(0.5 * LOG_2PI + np.log(preparation.y_scale))
    off = np.where(atom < 0, 0.0, EXCLUDED)
    return np.vstack([off, np.where(at, constant, EXCLUDED)])


class ResidentRows:
    """Prepared data that reside on the training device; copies of a row share its inputs."""

    def __init__(self, stream: StreamReader, device: torch.device, n_copies: int = 1) -> None:
        n, (part, columns), D = len(stream.index), stream.x.shape, len(stream.y)
        self.n, self.device = n, device
        self._n_distinct = n // n_copies
        like = stream.x.new_empty(0, device=device)
        self._x, self._y = like.new_empty(self._n_distinct, columns), like.new_empty(D, n)
        self._weights = None if stream.weights is None else like.new_empty(n)
        for rows in _blocks(0, self._n_distinct, part):
            stream.read(stream.index[rows])
            self._x[rows] = stream.x[: rows.stop - rows.start]
            self._keep_targets(stream, rows)
        for rows in _blocks(self._n_distinct, n, part):
            stream.read_targets(stream.index[rows])
            self._keep_targets(stream, rows)

    def _keep_targets(self, stream: StreamReader, rows: slice) -> None:
        """Take targets and weights of a block of rows from the stream to the device."""
        m = rows.stop - rows.start
        self._y[:, rows] = stream.y[:, :m]
        if self._weights is not None and stream.weights is not None:
            self._weights[rows] = stream.weights[:m]

    def buffers(self, capacity: int) -> tuple[Tensor, Tensor, Tensor | None]:
        """Memory for so many rows: ``(capacity, n_columns)``, that of y, weights."""
        x = self._x.new_empty(capacity, self._x.shape[1])
        y = self._y.new_empty(len(self._y), capacity)
        return x, y, None if self._weights is None else self._weights.new_empty(capacity)

    def gather(self, places: Tensor, x: Tensor, y: Tensor, weights: Tensor | None) -> None:
        """Copy the rows at `places` into buffers, on the device."""
        distinct = places
        if self._n_distinct < self.n:
            distinct = torch.remainder(places, self._n_distinct)
        torch.index_select(self._x, 0, distinct, out=x)
        for output, gathered in zip(self._y, y, strict=True):
            torch.index_select(output, 0, places, out=gathered)
        if weights is not None and self._weights is not None:
            torch.index_select(self._weights, 0, places, out=weights)


class ResidentReader:
    """Reads from prepared data that reside on the training device."""

    def __init__(self, rows: ResidentRows, capacity: int) -> None:
        self._rows = rows
        self.index = np.arange(rows.n)
        self.x, self.y, self.weights = rows.buffers(capacity)

    def shuffle(self, rng: np.random.Generator) -> None:
        """Put the rows into another order."""
        rng.shuffle(self.index)

    def load(self, places: slice) -> None:
        """Gather the rows at consecutive places of the order."""
        self.read(self.index[places])

    def read(self, index: IntArray) -> None:
        """Gather on the device."""
        m, places = len(index), torch.from_numpy(index).to(self._rows.device)
        weights = None if self.weights is None else self.weights[:m]
        self._rows.gather(places, self.x[:m], self.y[:, :m], weights)


def _blocks(start: int, stop: int, size: int) -> Iterator[slice]:
    """The rows from start to stop, so many at a time."""
    return (slice(i, min(i + size, stop)) for i in range(start, stop, size))


def resident_rows(data: Observations, preparation: Preparation, like: Tensor) -> ResidentRows:
    """Prepare the data block by block, and keep them on the device of `like`."""
    part = min(len(data), block_rows(preparation, "cpu"))
    stream = StreamReader(data, preparation, part, like.dtype)
    return ResidentRows(stream, like.device, data.n_copies)


def is_streamed(data: Observations, preparation: Preparation, like: Tensor) -> bool:
    """Whether data are prepared anew in every pass: on a CPU, and if they are large."""
    n, n_targets = len(data), data.y.shape[1] + data.n_atoms + 1
    numbers = n // data.n_copies * (preparation.n_inputs + 1) + n * n_targets
    return like.device.type == "cpu" and numbers * like.dtype.itemsize > _RESIDENT_BYTES


def block_rows(preparation: Preparation, device_type: str) -> int:
    """Number of rows of a block."""
    return max(1, _BLOCK_CELLS[device_type] // (preparation.n_inputs + 1))
