"""The loss of a network on the validation part."""

import numpy as np
import torch
from torch import Tensor

from skmdn._engine.batches import Batch, Batches
from skmdn._engine.head import HOPELESS
from skmdn._engine.network import Passes

# Rows of one batch: large enough for full speed, and on the CPU small enough for the cache.
BATCH_SIZE = {"cpu": 1024, "cuda": 16384}
# Factors of the scales at which checkpoints are compared. Calibration after the training corrects
# overconfident scales, so they should not decide at which checkpoint the means are best.
_SCALE_FACTORS = (0.7, 0.85, 1.0, 1.2, 1.5, 1.9, 2.5, 3.3, 4.5)


class Validation:
    """Judges the present parameters on the validation part.

    With `calibrate`, the loss is that at the best common factor of the scales. `log_unit` turns the
    loss of standardised targets into that of y. Their log-densities count as at `least` so much.
    """

    def __init__(
        self, passes: Passes, batches: Batches, *, calibrate: bool, log_unit: float, least: float
    ) -> None:
        self._passes, self._batches = passes, batches
        like = passes.parameters.flat
        self._scale_factors = like.new_tensor(_SCALE_FACTORS) if calibrate else None
        self._log_unit, self._least = log_unit, least

    def loss(self) -> float:
        """Mean loss of all rows."""
        return float(self.losses().min())

    def losses(self) -> np.ndarray:
        """Mean losses ``(A,)`` of all rows, one for every factor of the scales.

        No row counts as less likely than the least log-density, but overflown outputs are worse.
        """
        totals = self._passes.parameters.flat.new_zeros((), dtype=torch.float64)
        for batch in self._batches.one_pass():
            values = self._log_densities(batch)
            values = values.clamp(min=self._least).nan_to_num(nan=HOPELESS, neginf=HOPELESS)
            if batch.weights is not None:
                values = values * batch.weights
            totals = totals - values.sum(dim=1, dtype=torch.float64)
        # Weights have a mean of one.
        return np.atleast_1d(totals.cpu().numpy()) / self._batches.n + self._log_unit

    def _log_densities(self, batch: Batch) -> Tensor:
        """Log-densities ``(A, b)`` for every factor of the scales; A is 1 without calibration."""
        network_pass = self._passes.forward_only(batch.n_rows)
        network_pass.forward(batch.x)
        head = network_pass.head
        head.log_scales.clamp_(max=self._passes.layout.largest_log_scale)
        head.evaluate(batch.y)
        if self._scale_factors is not None:
            return head.evaluate_scaled(self._scale_factors)
        return head.log_likelihood()[None]
