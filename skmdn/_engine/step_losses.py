"""Log-likelihoods of training steps, summed for many steps at once, and the resulting losses."""

import numpy as np
import torch
from torch import Tensor

from skmdn._arrays import IntArray
from skmdn._engine.head import HOPELESS, MixtureHead, log_likelihoods

# Number of log-terms that are collected before they are summed; they stay in the cache.
_KEPT = 1 << 16


class StepLosses:
    """The loss of every step of a training, per row and in units of y.

    `totals (n_steps,)`, on the device, are the log-likelihoods of the rows of each step without
    their constant. Adding `constant` to minus their mean gives the negative log-likelihood of y.
    """

    def __init__(
        self, rows_of_steps: IntArray, n_batches: int, constant: float, like: Tensor
    ) -> None:
        self._rows = rows_of_steps  # (n_steps,)
        self._n_batches = n_batches  # of a pass
        self._constant = constant
        self.totals = like.new_zeros(len(rows_of_steps))
        self._pending: dict[int, PendingSums] = {}

    @property
    def n_steps(self) -> int:
        """Steps that the budget allows."""
        return len(self._rows)

    def pending(self, head: MixtureHead) -> "PendingSums":
        """The sums still to be computed for one batch size; made once."""
        n_rows = head.log_terms.shape[-1]
        if n_rows not in self._pending:
            self._pending[n_rows] = PendingSums(head, self.totals)
        return self._pending[n_rows]

    def mean(self, first: int, stop: int) -> float:
        """Mean loss of the rows of the steps ``first, ..., stop - 1``."""
        self._sum_up()
        recent = slice(first, stop)
        loss = -float(self.totals[recent].sum()) / float(self._rows[recent].sum())
        return loss + self._constant

    def curve(self, n_steps: int) -> list[float]:
        """Mean loss of every pass within the first `n_steps`; the last pass may be incomplete."""
        self._sum_up()
        sums = self.totals[:n_steps].double().nan_to_num(nan=HOPELESS, neginf=HOPELESS)
        totals = sums.cpu().numpy()
        starts = np.arange(0, n_steps, self._n_batches)
        if len(starts) == 0:
            return []
        rows = np.add.reduceat(self._rows[:n_steps], starts)
        means = -np.add.reduceat(totals, starts) / rows
        return [float(value) for value in means + self._constant]

    def _sum_up(self) -> None:
        """Bring the steps' totals up to date."""
        for pending in self._pending.values():
            pending.sum_up()


class PendingSums:
    """Keeps the log-terms of a head's steps and writes their sums to ``totals (n_steps,)``.

    The likelihood of a step is not needed before the next checkpoint, and a small operation on many
    steps takes little longer than on one.
    """

    def __init__(self, head: MixtureHead, totals: Tensor) -> None:
        self._head, self._totals = head, totals
        n_kept = max(1, min(len(totals), _KEPT // head.log_terms.numel()))
        self._log_terms = head.log_terms[None]  # large batches: summed in place
        if n_kept > 1:
            self._log_terms = head.log_terms.new_empty(n_kept, *head.log_terms.shape)
        self._weights = head.log_terms.new_ones(n_kept, head.log_terms.shape[-1])
        self._places = list(zip(self._log_terms, self._weights, strict=True))
        self._steps: list[int] = []

    def keep(self, step: int, weights: Tensor | None) -> None:
        """Keep the log-terms that the head has just evaluated; rows have ``weights (b,)``."""
        log_terms, kept_weights = self._places[len(self._steps)]
        log_terms.copy_(self._head.log_terms)
        if weights is not None:
            kept_weights.copy_(weights)
        self._steps.append(step)
        if len(self._steps) == len(self._places):
            self.sum_up()

    def sum_up(self) -> None:
        """Write the sums of all kept steps, and clear them."""
        n = len(self._steps)
        if n == 0:
            return
        values = log_likelihoods(self._log_terms[:n]).mul_(self._weights[:n])
        steps = torch.tensor(self._steps, dtype=torch.int64, device=self._totals.device)
        self._totals.index_copy_(0, steps, values.sum(1))
        self._steps.clear()
