"""Adam on one flat vector, with gradient clipping, decoupled weight decay and a schedule."""

import math

import torch
from torch import Tensor

from skmdn._engine.network import Parameters

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


class Adam:
    """Ascend a log-likelihood by Adam (Kingma & Ba 2015), weights decayed apart from it.

    Decoupled decay is that of Loshchilov & Hutter (2019): weights shrink by
    ``learning_rate * alpha`` a step. The gradient's mean over rows is clipped by its global norm.
    Epsilon stands inside the root, ``m / sqrt(v + epsilon^2)``: it rides on v's own update.
    """

    def __init__(self, parameters: Parameters, *, alpha: float, max_grad_norm: float) -> None:
        self._parameters = parameters
        self._alpha = alpha
        # Constants as tensors: a Python number in their place costs more than the operation.
        self._max_grad_norm = parameters.flat.new_tensor(max_grad_norm)
        self.first = torch.zeros_like(parameters.flat)
        self.second = torch.zeros_like(parameters.flat)
        self._inverse_root = torch.empty_like(parameters.flat)
        self._norm = parameters.flat.new_empty(())
        self._floor = parameters.flat.new_tensor((1 - BETA_2) * EPSILON**2)
        self.n_steps = 0

    def state(self) -> tuple[Tensor, Tensor, int]:
        """Copies of the moments, and the number of steps behind them."""
        return self.first.clone(), self.second.clone(), self.n_steps

    def restore(self, state: tuple[Tensor, Tensor, int]) -> None:
        """Take the moments back from `state`."""
        first, second, self.n_steps = state
        self.first.copy_(first)
        self.second.copy_(second)

    def ascend(self, learning_rate: float, n_rows: int) -> None:
        """Step along the gradient, which is a sum over `n_rows` rows."""
        self.n_steps += 1
        rate, decay = self.factors(learning_rate, self.n_steps)
        self._update_moments(n_rows)
        flat = self._parameters.flat
        if self._alpha > 0:
            flat.addcmul_(flat, self._parameters.decayed, value=-decay)
        flat.addcmul_(self.first, self._inverse_root, value=rate)

    def ascend_by(self, rate: Tensor, decay: Tensor, n_rows: int) -> None:
        """The same by a step's `factors`, which lie on the device; the caller counts the steps."""
        self._update_moments(n_rows)
        flat = self._parameters.flat
        if self._alpha > 0:
            flat.addcmul_(flat, torch.mul(self._parameters.decayed, decay), value=-1)
        flat.addcmul_(self.first, self._inverse_root.mul_(rate))

    def factors(self, learning_rate: float, n_steps: int) -> tuple[float, float]:
        """Learning rate of the last of `n_steps`, the moments' bias put right, and its decay."""
        unbias = math.sqrt(1 - BETA_2**n_steps) / (1 - BETA_1**n_steps)
        return learning_rate * unbias, learning_rate * self._alpha

    def _update_moments(self, n_rows: int) -> None:
        """Clip the gradient's mean over rows, and take it into the moments."""
        gradient = self._parameters.gradient
        # One division does both: mean over rows, and clipping where the mean's norm is too large.
        norm = torch.linalg.vector_norm(gradient, out=self._norm)
        gradient.div_(norm.div_(self._max_grad_norm).clamp_(min=n_rows))
        self.first.lerp_(gradient, 1 - BETA_1)
        torch.add(self._floor, self.second, alpha=BETA_2, out=self.second)
        self.second.addcmul_(gradient, gradient, value=1 - BETA_2)
        # The inverse root and a product: twice as fast as the root and a quotient.
        torch.rsqrt(self.second, out=self._inverse_root)


class Schedule:
    """Learning rate of every step: a linear warm-up over a part of the steps, then a cosine to 0.

    Without warm-up the rate is constant.
    """

    def __init__(self, peak: float, warmup: float | None, n_steps: int) -> None:
        self._peak, self._warmup, self._n_steps = peak, warmup, n_steps

    def rate(self, step: int) -> float:
        """Learning rate of a step, the first of which is 0."""
        if self._warmup is None:
            return self._peak
        rising = min(1.0, (step + 1) / (self._warmup * self._n_steps))
        return self._peak * (rising * 0.5 * (1 + math.cos(math.pi * step / self._n_steps)))

    def halve(self) -> None:
        """Learn half as fast from here on."""
        self._peak *= 0.5
