"""A reader of files that do not fit into memory: in runs of rows, many runs at a time.

A batch of random rows would touch as many pages all over the file. Here the file is cut into runs
of rows, the runs are shuffled, and so many are read together as memory allows; the rows of these
are shuffled in memory. The rows of a batch then come from hundreds of random places of the file,
and the disk is read in long pieces.
"""

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from skmdn._arrays import AnyArray, Array, IntArray
from skmdn._engine.memory import is_larger_than_memory, memory_limit
from skmdn._engine.readers import (
    Reader,
    ResidentReader,
    StreamReader,
    is_streamed,
    resident_rows,
)
from skmdn._estimators.observations import Observations
from skmdn._network.preparation import Preparation

# Bytes of a run: long enough for the speed of a disk that reads on.
_RUN_BYTES = 1 << 20
# Bytes of the rows that are in memory at a time: a part of the limit, but no more than needed to
# mix runs from all over the file.
_LOADED_SHARE, _LOADED_BYTES = 1 / 16, 1 << 29
# Rows that validate are read at every checkpoint. They may take this part of the memory.
_KEPT_SHARE = 1 / 8


class RunReader:
    """Reads blocks of rows from groups of runs; a group is in memory at a time.

    Blocks but the last one have ``block`` rows, and a group is a whole number of blocks.
    """

    def __init__(
        self,
        data: Observations,
        preparation: Preparation,
        capacity: int,
        block: int,
        dtype: torch.dtype,
    ) -> None:
        row_bytes = data.X.itemsize * data.X.shape[1]
        loaded = min(_LOADED_BYTES, _LOADED_SHARE * memory_limit())
        self._run = max(1, _RUN_BYTES // row_bytes)
        self._group = max(1, int(loaded) // row_bytes // block) * block
        # The last block may have more rows than others, and belongs to one group.
        self._last_group = max(0, len(data) - capacity) // self._group
        self._data, self._stream = data, StreamReader(data, preparation, capacity, dtype)
        self.index = self._stream.index
        self.x, self.y, self.weights = self._stream.x, self._stream.y, self._stream.weights
        self._loaded: tuple[int, Observations, IntArray] | None = None

    def shuffle(self, rng: np.random.Generator) -> None:
        """Shuffle the runs, and then the rows of each group of runs."""
        rows, n = self._data.rows, len(self.index)
        end = 0
        for run in rng.permutation(-(-n // self._run)):
            part = rows[run * self._run : (run + 1) * self._run]
            self.index[end : end + len(part)] = part
            end += len(part)
        for group in range(self._last_group + 1):
            rng.shuffle(self.index[self._places(group)])
        self._loaded = None

    def load(self, places: slice) -> None:
        """Prepare the rows at consecutive places of the order, all of one group."""
        group = min(places.start // self._group, self._last_group)
        if self._loaded is None or self._loaded[0] != group:
            self._loaded = None  # its memory is free before the next group is read
            self._loaded = (group, *_in_memory(self._data, self.index[self._places(group)]))
        _, data, order = self._loaded
        start = self._places(group).start
        self._stream.read_from(data, order[places.start - start : places.stop - start])

    def _places(self, group: int) -> slice:
        stop = None if group == self._last_group else (group + 1) * self._group
        return slice(group * self._group, stop)


def _in_memory(data: Observations, index: IntArray) -> tuple[Observations, IntArray]:
    """The given rows in memory, read in their order in the file; and where each of them is."""
    order = np.argsort(index)
    rows, places = index[order], np.empty_like(order)
    places[order] = np.arange(len(order))
    taken = replace(
        data,
        X=_taken(data.X, rows),
        y=data.y[rows],
        weights=_of(data.weights, rows),
        rows=np.arange(len(rows)),
        folds=_of(data.folds, rows),
        log_jacobian=None,
        atom=_of(data.atom, rows),
        n_copies=1,
    )
    return taken, places


def _taken(X: Array, rows: IntArray) -> Array:
    # numpy.take would first copy the whole of an array that is not C-contiguous.
    return np.take(X, rows, axis=0) if X.flags.c_contiguous else np.asarray(X[rows])


def _of(values: AnyArray | None, rows: IntArray) -> AnyArray | None:
    return None if values is None else values[rows]


def kept_in_memory(validation: Observations) -> Observations:
    """Rows that validate, copied into memory if they are of a file that does not fit there.

    If they are too many, a part of them, evenly spaced, has to judge the checkpoints: all of them
    would be as much to read as the file, at every checkpoint.
    """
    if not is_larger_than_memory(validation.X):
        return validation
    taken = len(validation) * validation.X.itemsize * validation.X.shape[1]
    step = max(1, math.ceil(taken / (_KEPT_SHARE * memory_limit())))
    return _in_memory(validation, validation.rows[::step])[0]


def make_reader(
    data: Observations, preparation: Preparation, capacity: int, block: int, like: Tensor
) -> Reader:
    """Keep prepared data if they are small or the device is a GPU; otherwise stream them.

    Blocks have at most `capacity` rows, all but the last one `block` rows.
    """
    if not is_streamed(data, preparation, like):
        return ResidentReader(resident_rows(data, preparation, like), capacity)
    if is_larger_than_memory(data.X):
        return RunReader(data, preparation, capacity, block, like.dtype)
    return StreamReader(data, preparation, capacity, like.dtype)
