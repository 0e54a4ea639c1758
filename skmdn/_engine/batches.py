"""Batches: passes over shuffled rows, prepared and cast, in reused buffers."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from skmdn._engine.budget import batches_per_pass
from skmdn._engine.readers import ResidentRows, block_rows
from skmdn._engine.runs import make_reader
from skmdn._estimators.observations import Observations
from skmdn._network.preparation import Preparation


class Batch(NamedTuple):
    """Prepared rows of one step."""

    x: Tensor  # (n_inputs + 1, b), the last row ones
    y: Tensor  # (D, 1, b); with atoms (D + 1 + A, 1, b)
    weights: Tensor | None  # (b,), mean one over the data
    n_rows: int


class Batches:
    """Passes over the data in batches, views into a reader's buffers.

    They are on the device and in the precision of `like`.
    """

    def __init__(
        self,
        data: Observations,
        preparation: Preparation,
        batch_size: int,
        like: Tensor,
    ) -> None:
        self.n = len(data)
        self.edges = _edges(self.n, batch_size)
        self.n_batches = len(self.edges) - 1
        per_block = max(1, block_rows(preparation, like.device.type) // batch_size)
        blocks = [self.edges[i : i + per_block + 1] for i in range(0, self.n_batches, per_block)]
        capacity = max(edges[-1] - edges[0] for edges in blocks)
        self._reader = make_reader(data, preparation, capacity, per_block * batch_size, like)
        # Rows of every block, and its batches: all blocks but the last share theirs.
        views: dict[tuple[int, ...], list[Batch]] = {}
        self._blocks = []
        for edges in blocks:
            within = tuple(edge - edges[0] for edge in edges)
            if within not in views:
                views[within] = [self._batch(slice(*rows)) for rows in pairwise(within)]
            self._blocks.append((slice(edges[0], edges[-1]), views[within]))
        self._loaded = False

    def one_pass(self, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """Every row once, in shuffled order where `rng` is given and there are several batches."""
        if rng is not None and self.n_batches > 1:
            self._reader.shuffle(rng)
        for rows, batches in self._blocks:
            if not self._loaded:
                self._reader.load(rows)
            yield from batches
        # If all rows are in one block and keep their order, they need not be read again.
        self._loaded = len(self._blocks) == 1 and (rng is None or self.n_batches == 1)

    def _batch(self, rows: slice) -> Batch:
        reader = self._reader
        weights = None if reader.weights is None else reader.weights[rows]
        return _batch_of(reader.x[rows], reader.y[:, rows], weights)


class DrawnBatches:
    """Passes over data that reside on a GPU, shuffled there.

    A pass yields batches that are not filled yet. `draw` fills one, given the number of the step.
    This number is on the device, and is the only input of a captured graph.
    """

    def __init__(self, rows: ResidentRows, batch_size: int) -> None:
        self._rows, self._batch_size = rows, batch_size
        self.edges = _edges(rows.n, batch_size)
        self.n_batches = len(self.edges) - 1
        self._order, self._places = (
            torch.arange(rows.n, dtype=torch.int64, device=rows.device) for _ in range(2)
        )
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
    """Rows ``x (b, n_inputs + 1)`` and their y, as a reader has them, as a step wants them."""
    return Batch(x.T, y[:, None], weights, len(x))
