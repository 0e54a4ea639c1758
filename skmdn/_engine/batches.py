"""Batches: blocks of shuffled rows, gathered, prepared and cast into reused buffers.

The user's arrays are read where they are, memory-mapped ones too. Beyond a fixed size only one
block of rows at a time exists in prepared form: training needs no second copy of the data.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skmdn._engine.budget import batches_per_pass
from skmdn._preparation import Preparation

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]

# Cells of one block: on the CPU it stays in a core's cache in float64 (1 MiB), on a GPU it is large
# because each costs a transfer of its rows' places.
_BLOCK_CELLS = {"cpu": 1 << 17, "cuda": 1 << 25}
# Prepared data up to this size are kept, instead of being prepared anew in every pass.
_RESIDENT_BYTES = 64 << 20


@dataclass(frozen=True)
class Observations:
    """Rows to learn or to validate from, as a selection of the user's arrays."""

    X: NDArray[np.floating]  # (N, p)
    y: FloatArray  # (N, D)
    weights: FloatArray | None  # (N,), relative
    rows: IndexArray  # (n,), which of the N rows

    @classmethod
    def with_weight(
        cls, X: NDArray[np.floating], y: FloatArray, weights: FloatArray | None
    ) -> "Observations":
        """All rows that have weight."""
        rows = np.arange(len(y)) if weights is None else np.flatnonzero(weights)
        return cls(X, y, weights, rows)

    def mean_weight(self) -> float:
        """Mean weight of the selected rows."""
        return 1.0 if self.weights is None else float(np.mean(self.weights[self.rows]))


class Batch(NamedTuple):
    """Prepared rows of one step."""

    x: Tensor  # (n_inputs + 1, b), the last row ones
    y: Tensor  # (D, 1, b)
    weights: Tensor | None  # (b,), mean one over the data
    n_rows: int


class Reader(Protocol):
    """Fills its buffers with the rows asked for."""

    index: IndexArray  # how the rows are asked for, in the data's order
    x: Tensor  # (capacity, n_inputs + 1)
    y: Tensor  # (D, capacity)
    weights: Tensor | None  # (capacity,)

    def read(self, index: IndexArray) -> None:
        """Put the rows of `index` into the first places of the buffers."""


class StreamReader:
    """Reads from the user's arrays: gathers, prepares and casts the rows asked for."""

    def __init__(
        self, data: Observations, preparation: Preparation, capacity: int, dtype: torch.dtype
    ) -> None:
        self._data = data
        self._preparation = preparation
        self.index = data.rows.copy()
        self.x = torch.ones(capacity, preparation.n_inputs + 1, dtype=dtype)
        self.y = torch.empty(data.y.shape[1], capacity, dtype=dtype)
        self.weights = None if data.weights is None else torch.empty(capacity, dtype=dtype)
        self._weight_unit = data.mean_weight()
        self._gathered = np.empty((capacity, data.X.shape[1]), data.X.dtype)

    def read(self, index: IndexArray) -> None:
        """Gather and prepare."""
        m = len(index)
        self._preparation.inputs(self._gather(index), out=self.x.numpy()[:m, :-1])
        self.y.numpy()[:, :m] = self._preparation.targets(self._data.y[index]).T
        if self.weights is not None and self._data.weights is not None:
            self.weights.numpy()[:m] = self._data.weights[index] / self._weight_unit

    def _gather(self, index: IndexArray) -> NDArray[np.floating]:
        X = self._data.X
        # numpy.take would first copy the whole of an array that is not C-contiguous.
        if not X.flags.c_contiguous:
            return np.asarray(X[index])
        return np.take(X, index, axis=0, out=self._gathered[: len(index)], mode="clip")


class ResidentReader:
    """Reads from prepared data that reside on the training device."""

    def __init__(self, stream: StreamReader, capacity: int, device: torch.device) -> None:
        n, (part, columns), D = len(stream.index), stream.x.shape, len(stream.y)
        like = stream.x.new_empty(0, device=device)
        self.index = np.arange(n)
        self.x, self._x = like.new_empty(capacity, columns), like.new_empty(n, columns)
        self.y, self._y = like.new_empty(D, capacity), like.new_empty(D, n)
        self.weights = self._weights = None
        if stream.weights is not None:
            self.weights, self._weights = like.new_empty(capacity), like.new_empty(n)
        for start in range(0, n, part):
            self._keep(stream, slice(start, min(start + part, n)))

    def _keep(self, stream: StreamReader, rows: slice) -> None:
        """Take a block of rows from the stream to the device."""
        m = rows.stop - rows.start
        stream.read(stream.index[rows])
        self._x[rows] = stream.x[:m]
        self._y[:, rows] = stream.y[:, :m]
        if self._weights is not None and stream.weights is not None:
            self._weights[rows] = stream.weights[:m]

    def read(self, index: IndexArray) -> None:
        """Gather on the device."""
        m, places = len(index), torch.from_numpy(index)
        if self._x.is_cuda:  # from pinned memory the transfer need not wait for running work
            places = places.pin_memory().to(self._x.device, non_blocking=True)
        torch.index_select(self._x, 0, places, out=self.x[:m])
        for output, gathered in zip(self._y, self.y, strict=True):
            torch.index_select(output, 0, places, out=gathered[:m])
        if self.weights is not None and self._weights is not None:
            torch.index_select(self._weights, 0, places, out=self.weights[:m])


def make_reader(
    data: Observations,
    preparation: Preparation,
    capacity: int,
    dtype: torch.dtype,
    device: torch.device,
) -> Reader:
    """Keep prepared data where they are small or the device is not the CPU; else stream them."""
    on_cpu = device.type == "cpu"
    part = capacity if on_cpu else min(capacity, _block_rows(preparation, "cpu"))
    stream = StreamReader(data, preparation, part, dtype)
    numbers = len(data.rows) * (preparation.n_inputs + data.y.shape[1] + 2)
    if on_cpu and numbers * dtype.itemsize > _RESIDENT_BYTES:
        return stream
    return ResidentReader(stream, capacity, device)


def _block_rows(preparation: Preparation, device_type: str) -> int:
    """Rows of a block, as many as make up its cells."""
    return max(1, _BLOCK_CELLS[device_type] // (preparation.n_inputs + 1))


class Batches:
    """Passes over the data in batches, views into the reader's buffers."""

    def __init__(
        self,
        data: Observations,
        preparation: Preparation,
        batch_size: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        n = len(data.rows)
        self.n = n
        self.n_batches = batches_per_pass(n, batch_size)
        starts = batch_size * np.arange(self.n_batches)
        self._edges = [*starts.tolist(), n]
        self._per_block = max(1, _block_rows(preparation, device.type) // batch_size)
        capacity = max(stop - start for start, stop in self._blocks())
        self._reader = make_reader(data, preparation, capacity, dtype, device)
        self._views: dict[tuple[int, ...], list[Batch]] = {}
        self._loaded = False

    def _blocks(self) -> list[tuple[int, int]]:
        """First and last row of every block of whole batches."""
        edges = self._edges[: -1 : self._per_block]
        return list(zip(edges, [*edges[1:], self.n], strict=True))

    def rows_of_steps(self, n_steps: int) -> FloatArray:
        """Rows of each of the first `n_steps` batches, pass after pass, ``(n_steps,)``."""
        return np.resize(np.diff(self._edges).astype(float), n_steps)

    def one_pass(self, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """Every row once, in shuffled order where `rng` is given and there are several batches."""
        index = self._reader.index
        if rng is not None and self.n_batches > 1:
            rng.shuffle(index)
        for i, (start, stop) in enumerate(self._blocks()):
            if not self._loaded:
                self._reader.read(index[start:stop])
            batches = slice(i * self._per_block, (i + 1) * self._per_block + 1)
            yield from self._batches(tuple(edge - start for edge in self._edges[batches]))
        # What stays in its order in one block need not be read again.
        self._loaded = len(self._blocks()) == 1 and (rng is None or self.n_batches == 1)

    def _batches(self, edges: tuple[int, ...]) -> list[Batch]:
        """Views of the buffers between `edges`, made once for every block length."""
        if edges not in self._views:
            self._views[edges] = [
                self._batch(slice(start, stop)) for start, stop in pairwise(edges)
            ]
        return self._views[edges]

    def _batch(self, rows: slice) -> Batch:
        reader = self._reader
        weights = None if reader.weights is None else reader.weights[rows]
        n_rows = rows.stop - rows.start
        return Batch(reader.x[rows].T, reader.y[:, None, rows], weights, n_rows)
