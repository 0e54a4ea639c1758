"""One training step: forward pass, likelihood, gradient, backward pass, update.

On a CPU its operations run one by one. On a GPU, where launching an operation costs more than most
of them take, they are captured once as a CUDA graph and launched together.
"""

import threading
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from skmdn._engine.batches import Batch
from skmdn._engine.head import log_likelihoods
from skmdn._engine.network import Pass
from skmdn._engine.optimizer import NAdam, Schedule
from skmdn._engine.step_losses import Tally

# Captures share a stream of torch's: fits in other threads wait for their turn.
_CAPTURING = threading.Lock()


class Step(Protocol):
    """Trains on batches of one size."""

    def __call__(self, batch: Batch, step: int) -> None:
        """Update the parameters, and see to the step's total, the batch's log-likelihood."""


class DirectStep:
    """Operations one by one, on the batch where it lies."""

    def __init__(self, network_pass: Pass, adam: NAdam, schedule: Schedule, tally: Tally) -> None:
        self._pass, self._adam = network_pass, adam
        self._schedule, self._tally = schedule, tally

    def __call__(self, batch: Batch, step: int) -> None:
        """Update the parameters, and keep the batch's log-likelihood for the step's total."""
        _differentiate(self._pass, batch)
        self._tally.keep(step, batch.weights)
        self._adam.ascend(self._schedule.rate(step), batch.n_rows)


class CapturedStep:
    """The same operations, captured as a CUDA graph in the second call and then replayed.

    A captured graph keeps addresses and plain numbers as they were. So the number of the step is put
    where the graph finds it, and from it follow the rows, by `draw`, the factors of the update,
    a table of all that are to come, and the place of the total. The first call runs the operations
    one by one, as a capture must not be the first to use a kernel.
    """

    def __init__(
        self,
        network_pass: Pass,
        adam: NAdam,
        factors: Tensor,
        totals: Tensor,
        draw: Callable[[Tensor, Batch], None],
    ) -> None:
        self._pass, self._adam = network_pass, adam
        self._factors, self._totals = factors, totals  # (n_steps, 3), (n_steps,)
        self._draw = draw
        self._step = torch.zeros(1, dtype=torch.int64, device=totals.device)
        self._replay: Callable[[], None] | None = None
        self._has_run = False

    def __call__(self, batch: Batch, step: int) -> None:
        """Update the parameters, and write the batch's log-likelihood to the step's total."""
        self._step.fill_(step)
        self._adam.n_steps += 1
        if self._replay is not None:
            self._replay()
        elif self._has_run:
            self._replay = cuda_graph(lambda: self._work(batch))
            self._replay()
        else:
            self._work(batch)
            self._has_run = True

    def _work(self, batch: Batch) -> None:
        self._draw(self._step, batch)
        _differentiate(self._pass, batch)
        likelihoods = log_likelihoods(self._pass.head.log_terms)
        if batch.weights is not None:
            likelihoods *= batch.weights
        self._totals.index_copy_(0, self._step, likelihoods.sum(0, keepdim=True))
        rate, share, decay = torch.index_select(self._factors, 0, self._step)[0]
        self._adam.ascend_by(rate, share, decay, batch.n_rows)


def _differentiate(network_pass: Pass, batch: Batch) -> None:
    """Write the gradient of the batch's log-likelihood to the parameters' gradient."""
    network_pass.forward(batch.x)
    network_pass.head.evaluate(batch.y)
    network_pass.head.differentiate(batch.weights)
    network_pass.backward(batch.x)


def cuda_graph(work: Callable[[], None]) -> Callable[[], None]:
    """Capture `work`, which runs on the current GPU without it, as a CUDA graph."""
    graph = torch.cuda.CUDAGraph()
    with _CAPTURING, torch.cuda.graph(graph, capture_error_mode="thread_local"):
        work()
    return graph.replay


def is_captured(device: torch.device) -> bool:
    """Whether steps are captured on the device."""
    return device.type == "cuda"
