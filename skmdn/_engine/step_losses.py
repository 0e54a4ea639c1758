"""Log-likelihoods of training steps, summed over their rows, for many steps at once."""

import torch
from torch import Tensor

from skmdn._engine.head import MixtureHead, log_likelihoods

# Log-terms that are kept until they are worth a summing up; they stay in the cache.
_KEPT = 1 << 16


class Tally:
    """Keeps the log-terms of a head's steps and writes their sums to ``totals (n_steps,)``.

    What a step's likelihood was nobody asks before the next checkpoint, and small operations on
    many steps cost little more than on one.
    """

    def __init__(self, head: MixtureHead, totals: Tensor) -> None:
        self._head, self._totals = head, totals
        n_kept = max(1, _KEPT // head.log_terms.numel())
        self._log_terms = head.log_terms[None]  # of large batches, summed up where it is
        if n_kept > 1:
            self._log_terms = head.log_terms.new_empty(n_kept, *head.log_terms.shape)
        self._weights = head.log_terms.new_ones(n_kept, head.log_terms.shape[-1])
        self._places = list(zip(self._log_terms, self._weights, strict=True))
        self._steps: list[int] = []

    def keep(self, step: int, weights: Tensor | None) -> None:
        """Remember what the head has just evaluated; rows weighted by ``weights (b,)``."""
        log_terms, kept_weights = self._places[len(self._steps)]
        log_terms.copy_(self._head.log_terms)
        if weights is not None:
            kept_weights.copy_(weights)
        self._steps.append(step)
        if len(self._steps) == len(self._places):
            self.sum_up()

    def sum_up(self) -> None:
        """Write the sums of all steps that are kept, and forget them."""
        n = len(self._steps)
        if n == 0:
            return
        values = log_likelihoods(self._log_terms[:n]).mul_(self._weights[:n])
        self._totals.index_copy_(0, torch.tensor(self._steps), values.sum(1))
        self._steps.clear()
