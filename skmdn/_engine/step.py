"""One training step: forward pass, likelihood, gradient, backward pass, update.

On a CPU its operations run one by one. On a GPU, where launching an operation costs more than most
of them take, they are recorded once as a CUDA graph and launched together.
"""

import threading
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from skmdn._engine.batches import Batch
from skmdn._engine.network import Pass
from skmdn._engine.optimizer import Adam

# Recordings share a stream of torch's: fits in other threads wait for their turn.
_RECORDING = threading.Lock()


class Step(Protocol):
    """Trains on batches of one size."""

    def __call__(self, batch: Batch, learning_rate: float, total: Tensor) -> None:
        """Update the parameters, and write the batch's log-likelihood to `total`."""


class DirectStep:
    """Operations one by one, on the batch where it lies."""

    def __init__(self, network_pass: Pass, adam: Adam) -> None:
        self._pass, self._adam = network_pass, adam

    def __call__(self, batch: Batch, learning_rate: float, total: Tensor) -> None:
        """Update the parameters, and write the batch's log-likelihood to `total`."""
        _differentiate(self._pass, batch, total)
        self._adam.ascend(learning_rate, batch.n_rows)


class RecordedStep:
    """The same operations on buffers of its own, recorded in the second call and then replayed.

    All that changes from step to step is copied into the buffers: a recording keeps addresses and
    plain numbers as they were. The first call runs the operations one by one, as a recording must
    not be the first to use a kernel. `record` turns a function into its replay.
    """

    def __init__(
        self,
        network_pass: Pass,
        adam: Adam,
        like: Batch,
        record: Callable[[Callable[[], None]], Callable[[], None]],
    ) -> None:
        self._pass, self._adam, self._record = network_pass, adam, record
        weights = None if like.weights is None else torch.empty_like(like.weights)
        y = like.y.new_empty(like.y.shape)
        self._batch = Batch(torch.empty_like(like.x), y, weights, like.n_rows)
        self._total, self._rate, self._decay = (like.x.new_zeros(()) for _ in range(3))
        self._replay: Callable[[], None] | None = None
        self._has_run = False

    def __call__(self, batch: Batch, learning_rate: float, total: Tensor) -> None:
        """Update the parameters, and write the batch's log-likelihood to `total`."""
        self._take(batch)
        rate, decay = self._adam.next_factors(learning_rate)
        self._rate.fill_(rate)
        self._decay.fill_(decay)
        if self._replay is not None:
            self._replay()
        elif self._has_run:
            self._replay = self._record(self._work)
            self._replay()
        else:
            self._work()
            self._has_run = True
        total.copy_(self._total)

    def _take(self, batch: Batch) -> None:
        self._batch.x.copy_(batch.x)
        self._batch.y.copy_(batch.y)
        if self._batch.weights is not None and batch.weights is not None:
            self._batch.weights.copy_(batch.weights)

    def _work(self) -> None:
        _differentiate(self._pass, self._batch, self._total)
        self._adam.ascend_by(self._rate, self._decay, self._batch.n_rows)


def _differentiate(network_pass: Pass, batch: Batch, total: Tensor) -> None:
    """Write the batch's log-likelihood, and its gradient to the parameters' gradient."""
    network_pass.forward(batch.x)
    network_pass.head.evaluate(batch.y)
    network_pass.head.total(batch.weights, total)
    network_pass.head.differentiate(batch.weights)
    network_pass.backward(batch.x)


def cuda_graph(work: Callable[[], None]) -> Callable[[], None]:
    """Record `work`, which runs on the current GPU without it, as a CUDA graph."""
    graph = torch.cuda.CUDAGraph()
    with _RECORDING, torch.cuda.graph(graph, capture_error_mode="thread_local"):
        work()
    return graph.replay


def make_step(network_pass: Pass, adam: Adam, batch: Batch) -> Step:
    """A step for batches like the given one."""
    if batch.x.is_cuda:
        return RecordedStep(network_pass, adam, batch, cuda_graph)
    return DirectStep(network_pass, adam)
