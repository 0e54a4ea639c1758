"""Batches: passes over shuffled rows, prepared and cast, in reused buffers."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from skmdn._engine.budget import batches_per_pass
from skmdn._engine.readers import Observations, ResidentRows, block_rows, make_reader
from skmdn._preparation import Preparation


class Batch(NamedTuple):
    """Prepared rows of one step."""

    x: Tensor  # (n_inputs + 1, b), the last row ones
    y: Tensor  # (D, 1, b)
    weights: Tensor | None  # (b,), mean one over the data
    n_rows: int


class Batches:
    """Passes over the data in batches, views into a reader's buffers."""

    def __init__(
        self,
        data: Observations,
        preparation: Preparation,
        batch_size: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.n = len(data.rows)
        self.edges = _edges(self.n, batch_size)
        self.n_batches = len(self.edges) - 1
        self._per_block = max(1, block_rows(preparation, device.type) // batch_size)
        capacity = max(stop - start for start, stop in self._blocks())
        self._reader = make_reader(data, preparation, capacity, dtype, device)
        self._views: dict[tuple[int, ...], list[Batch]] = {}
        self._loaded = False

    def _blocks(self) -> list[tuple[int, int]]:
        """First and last row of every block of whole batches."""
        edges = self.edges[: -1 : self._per_block]
        return list(zip(edges, [*edges[1:], self.n], strict=True))

    def one_pass(self, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """Every row once, in shuffled order where `rng` is given and there are several batches."""
        index = self._reader.index
        if rng is not None and self.n_batches > 1:
            rng.shuffle(index)
        for i, (start, stop) in enumerate(self._blocks()):
            if not self._loaded:
                self._reader.read(index[start:stop])
            batches = slice(i * self._per_block, (i + 1) * self._per_block + 1)
            yield from self._batches(tuple(edge - start for edge in self.edges[batches]))
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
        return _batch_of(reader.x[rows], reader.y[:, rows], weights)


class DrawnBatches:
    """Passes over data that reside on a GPU, shuffled there.

    A pass yields batches that are not filled yet. `draw` fills one given the step's number, which
    is on the device: all that a recording of it has to be told.
    """

    def __init__(self, rows: ResidentRows, batch_size: int) -> None:
        self._rows, self._batch_size = rows, batch_size
        self.edges = _edges(rows.n, batch_size)
        self.n_batches = len(self.edges) - 1
        self._order, self._places = (torch.arange(rows.n, device=rows.device) for _ in range(2))
        self._generator = torch.Generator(rows.device)
        sizes = np.diff(self.edges).tolist()
        buffers = {b: _batch_of(*rows.buffers(b)) for b in set(sizes)}
        self._pass = [buffers[b] for b in sizes]

    def one_pass(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Every row once, in shuffled order where there are several batches."""
        if self.n_batches > 1:
            self._shuffle(rng)
        yield from self._pass

    def _shuffle(self, rng: np.random.Generator) -> None:
        self._generator.manual_seed(int(rng.integers(1 << 62)))
        torch.randperm(self._rows.n, generator=self._generator, out=self._order)

    def draw(self, step: Tensor, batch: Batch) -> None:
        """Fill the batch with the rows of a step, the number ``step (1,)`` on the device."""
        number = torch.remainder(step, self.n_batches)
        places = torch.add(self._places[: batch.n_rows], number, alpha=self._batch_size)
        rows = torch.index_select(self._order, 0, places)
        self._rows.gather(rows, batch.x.T, batch.y[:, 0], batch.weights)


def _edges(n: int, batch_size: int) -> list[int]:
    """Where batches of n rows start, and n."""
    return [*range(0, batch_size * batches_per_pass(n, batch_size), batch_size), n]


def _batch_of(x: Tensor, y: Tensor, weights: Tensor | None) -> Batch:
    """Rows ``x (b, n_inputs + 1)`` and ``y (D, b)`` as a step wants them."""
    return Batch(x.T, y[:, None], weights, len(x))
