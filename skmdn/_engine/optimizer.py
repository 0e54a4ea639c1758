"""Adam on one flat vector, with gradient clipping, decoupled weight decay and a schedule."""

import math

import torch
from torch import Tensor

from skmdn._engine.network import Parameters

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
# After so many steps the moments' units are 1 again; that of the first is 3e-5 by then.
_STEPS_OF_UNITS = 100


class Adam:
    """Ascend a log-likelihood by Adam (Kingma & Ba 2015), weights decayed apart from it.

    Decoupled decay is that of Loshchilov & Hutter (2019): weights shrink by
    ``learning_rate * alpha`` a step. The gradient's mean over rows is clipped by its global norm.
    Epsilon stands inside the root, ``m / sqrt(v + epsilon^2)``: v starts with it and keeps it.

    Of ten vector operations `ascend` saves four by numbers. A moment stands in a unit of its own:
    the unit shrinks by beta every step, and the gradient comes in in that unit, its mean and its
    clipping in the same factor. `state` gives the moments as they are.
    """

    def __init__(self, parameters: Parameters, *, alpha: float, max_grad_norm: float) -> None:
        self._parameters = parameters
        self._alpha, self._max_grad_norm = alpha, max_grad_norm
        self._first = torch.zeros_like(parameters.flat)
        self._second = torch.full_like(parameters.flat, EPSILON**2)
        self._first_unit = self._second_unit = 1.0
        self._inverse_root = torch.empty_like(parameters.flat)
        self._norm = parameters.flat.new_empty(())
        self._floor = parameters.flat.new_tensor((1 - BETA_2) * EPSILON**2)
        self.n_steps = 0

    def state(self) -> tuple[Tensor, Tensor, int]:
        """Copies of the moments as they are, and the number of steps behind them."""
        return *self._moments(), self.n_steps

    def restore(self, state: tuple[Tensor, Tensor, int]) -> None:
        """Take the moments back from `state`."""
        first, second, self.n_steps = state
        self._set_moments(first, second)

    def _moments(self) -> tuple[Tensor, Tensor]:
        """The moments in units of one; looking at them changes nothing, not even a rounding."""
        second = self._second * self._second_unit
        return self._first * self._first_unit, second.add_((1 - self._second_unit) * EPSILON**2)

    def _set_moments(self, first: Tensor, second: Tensor) -> None:
        self._first.copy_(first)
        self._second.copy_(second)
        self._first_unit = self._second_unit = 1.0

    def ascend(self, learning_rate: float, n_rows: int) -> None:
        """Step along the gradient, which is a sum over `n_rows` rows."""
        self.n_steps += 1
        rate, decay = self.factors(learning_rate, self.n_steps)
        if self.n_steps % _STEPS_OF_UNITS == 0:
            self._set_moments(*self._moments())
        self._first_unit *= BETA_1
        self._second_unit *= BETA_2
        flat, gradient = self._parameters.flat, self._parameters.gradient
        # One divisor does both: mean over rows, and clipping where the mean's norm is too large.
        norm = torch.linalg.vector_norm(gradient, out=self._norm).item()
        divisor = max(n_rows, norm / self._max_grad_norm)
        self._first.add_(gradient, alpha=(1 - BETA_1) / (self._first_unit * divisor))
        share = (1 - BETA_2) / (self._second_unit * divisor * divisor)
        self._second.addcmul_(gradient, gradient, value=share)
        # The inverse root and a product: twice as fast as the root and a quotient.
        torch.rsqrt(self._second, out=self._inverse_root)
        if self._alpha > 0:
            flat.addcmul_(flat, self._parameters.decayed, value=-decay)
        rate *= self._first_unit / math.sqrt(self._second_unit)
        flat.addcmul_(self._first, self._inverse_root, value=rate)

    def ascend_by(self, rate: Tensor, decay: Tensor, n_rows: int) -> None:
        """The same by a step's `factors`, with all numbers on the device; the caller counts."""
        flat, gradient = self._parameters.flat, self._parameters.gradient
        norm = torch.linalg.vector_norm(gradient, out=self._norm)
        gradient.div_(norm.div_(self._max_grad_norm).clamp_(min=n_rows))
        self._first.lerp_(gradient, 1 - BETA_1)
        torch.add(self._floor, self._second, alpha=BETA_2, out=self._second)
        self._second.addcmul_(gradient, gradient, value=1 - BETA_2)
        torch.rsqrt(self._second, out=self._inverse_root)
        if self._alpha > 0:
            flat.addcmul_(flat, torch.mul(self._parameters.decayed, decay), value=-1)
        flat.addcmul_(self._first, self._inverse_root.mul_(rate))

    def factors(self, learning_rate: float, n_steps: int) -> tuple[float, float]:
        """Learning rate of the last of `n_steps`, the moments' bias put right, and its decay."""
        unbias = math.sqrt(1 - BETA_2**n_steps) / (1 - BETA_1**n_steps)
        return learning_rate * unbias, learning_rate * self._alpha


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
