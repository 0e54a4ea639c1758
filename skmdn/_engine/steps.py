"""One training step: forward pass, likelihood, gradient, backward pass, update.

On a CPU its operations run one by one. On a GPU, launching an operation mostly takes longer than
the operation itself. So the operations are captured once as a CUDA graph and launched together.
"""

import math
import threading
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from skmdn._engine.batches import Batch
from skmdn._engine.head import log_likelihoods
from skmdn._engine.network import Pass, Passes
from skmdn._engine.optimizer import NAdam
from skmdn._engine.schedule import Schedule
from skmdn._engine.step_losses import PendingSums, StepLosses

# Captures share one of torch's streams, so fits in several threads take turns.
_CAPTURING = threading.Lock()


# Fills a batch with the rows of a step, whose number ``(1,)`` is on the device.
Draw = Callable[[Tensor, Batch], None]


class Step(Protocol):
    """Trains on batches of one size."""

    def __call__(self, batch: Batch, step: int) -> None:
        """Update the parameters, and record the log-likelihood of the batch as the step's total."""


class Steps:
    """Training steps for each batch size, made once and again when the schedule changes.

    With `draw`, which fills batches on a GPU, they are captured as CUDA graphs.
    """

    def __init__(
        self,
        passes: Passes,
        optimizer: NAdam,
        schedule: Schedule,
        losses: StepLosses,
        draw: Draw | None,
    ) -> None:
        self._passes, self._optimizer, self.schedule = passes, optimizer, schedule
        self._losses, self._draw = losses, draw
        self._made: dict[int, Step] = {}
        self._factors: Tensor | None = None  # of captured steps

    def __call__(self, batch: Batch, step: int) -> None:
        """Make the step of this number."""
        if batch.n_rows not in self._made:
            self._made[batch.n_rows] = self._make(batch.n_rows, step)
        self._made[batch.n_rows](batch, step)

    def change_schedule(self, schedule: Schedule) -> None:
        """Go on with other learning rates. Steps keep their rates, so they are made anew."""
        self.schedule = schedule
        self._factors = None
        self._made.clear()

    def is_sound(self, batch: Batch) -> bool:
        """Whether the rows of the last step have a finite likelihood under the new parameters."""
        network_pass = self._passes.forward_and_back(batch.n_rows)
        network_pass.forward(batch.x)
        network_pass.head.evaluate(batch.y)
        # A sum is only finite if all its terms are.
        sums = self._passes.parameters.flat.sum(), network_pass.head.log_likelihood().sum()
        return all(math.isfinite(float(total)) for total in sums)

    def _make(self, n_rows: int, step: int) -> Step:
        network_pass, optimizer = self._passes.forward_and_back(n_rows), self._optimizer
        if self._draw is None:
            pending = self._losses.pending(network_pass.head)
            return DirectStep(network_pass, optimizer, self.schedule, pending)
        if self._factors is None:
            self._factors = self._factors_from(step)
        return CapturedStep(network_pass, optimizer, self._factors, self._losses.totals, self._draw)

    def _factors_from(self, step: int) -> Tensor:
        """Factors of the update at every step from this one on, ``(n_steps, 3)``."""
        optimizer, n_steps = self._optimizer, self._losses.n_steps
        made = optimizer.n_steps - step
        rows = [
            optimizer.factors(self.schedule.rate(i), made + i + 1) for i in range(step, n_steps)
        ]
        table = self._losses.totals.new_zeros(n_steps, 3)
        table[step:] = table.new_tensor(rows)
        return table


class DirectStep:
    """Operations one by one, on the batch in its buffers."""

    def __init__(
        self, network_pass: Pass, optimizer: NAdam, schedule: Schedule, pending: PendingSums
    ) -> None:
        self._pass, self._optimizer = network_pass, optimizer
        self._schedule, self._pending = schedule, pending

    def __call__(self, batch: Batch, step: int) -> None:
        """Update the parameters, and keep the log-likelihood of the batch for the step's total."""
        _differentiate(self._pass, batch)
        self._pending.keep(step, batch.weights)
        self._optimizer.ascend(self._schedule.rate(step), batch.n_rows)


class CapturedStep:
    """The same operations, captured as a CUDA graph in the second call and then replayed.

    A captured graph keeps the addresses and plain numbers of its capture. So the step number is
    written to memory that the graph reads. It determines the rows (by `draw`), the factors of the
    update (from a table of all steps to come) and the place of the total. The first call runs the
    operations one by one, because a kernel must have run once before it is captured.
    """

    def __init__(
        self,
        network_pass: Pass,
        optimizer: NAdam,
        factors: Tensor,
        totals: Tensor,
        draw: Draw,
    ) -> None:
        self._pass, self._optimizer = network_pass, optimizer
        self._factors, self._totals = factors, totals  # (n_steps, 3), (n_steps,)
        self._draw = draw
        self._step = torch.zeros(1, dtype=torch.int64, device=totals.device)
        self._replay: Callable[[], None] | None = None
        self._has_run = False

    def __call__(self, batch: Batch, step: int) -> None:
        """Update the parameters, and write the log-likelihood of the batch to the step's total."""
        self._step.fill_(step)
        self._optimizer.n_steps += 1
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
        self._optimizer.ascend_by(rate, share, decay, batch.n_rows)


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
