"""NAdam on one flat vector, with gradient clipping and decoupled weight decay."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from skmdn._arrays import Array
from skmdn._engine.network import Parameters

BETA_1, BETA_2, EPSILON = 0.97, 0.999, 1e-8
# The unit of the first moment gets here after some hundred steps, far from the limits of single
# precision.
_SMALLEST_UNIT = 1e-5


class OptimizerState(NamedTuple):
    """State from which the optimiser continues: parameters, two moments of their gradient, steps.

    Each is a list of layers ``(in + 1, out)``.
    """

    layers: list[Array]
    first: list[Array]
    second: list[Array]
    n_steps: int


class Snapshot(NamedTuple):
    """Copies of parameters and moments, on the device."""

    flat: Tensor
    first: Tensor
    second: Tensor
    n_steps: int


class NAdam:
    """Ascend a log-likelihood by Adam with Nesterov's momentum and decoupled weight decay.

    NAdam (Dozat 2016) steps along the value that the first moment would have after another step
    with the same gradient: ``beta_1 m + (1 - beta_1) g``, each part corrected for its bias. It
    tolerates three times the learning rate and a longer memory than Adam (Kingma & Ba 2015), and so
    takes half as many steps to the same likelihood. The weight decay is that of Loshchilov & Hutter
    (2019): weights shrink by ``learning_rate * alpha`` per step. The mean gradient over rows is
    clipped by its global norm. Epsilon is inside the root, ``m / sqrt(v + epsilon^2)``: it is the
    initial value of v, and later steps keep it there.

    Each moment is stored in a unit of its own. In every step the unit is multiplied by beta,
    instead of the moment. One factor converts the gradient to that unit, takes its mean over rows
    and clips it. So five of eleven operations on all parameters become operations on single
    numbers. `settle` sets the units back to 1.
    """

    def __init__(self, parameters: Parameters, *, alpha: float, max_grad_norm: float) -> None:
        self.parameters = parameters
        self._alpha, self._max_grad_norm = alpha, max_grad_norm
        self._first = torch.zeros_like(parameters.flat)
        self._second = torch.full_like(parameters.flat, EPSILON**2)
        self._first_unit = self._second_unit = 1.0
        self._inverse_root = torch.empty_like(parameters.flat)
        self._norm = parameters.flat.new_empty(())
        # Constants are tensors, because converting a Python number takes longer than the operation.
        self._limit = parameters.flat.new_tensor(max_grad_norm)
        self._floor = parameters.flat.new_tensor((1 - BETA_2) * EPSILON**2)
        self.n_steps = 0

    def snapshot(self) -> Snapshot:
        """Copies of the parameters, and of the moments in units of 1."""
        first, second = self._first.clone(), self._second.clone()
        self._to_units_of_one(first, second)
        return Snapshot(self.parameters.flat.clone(), first, second, self.n_steps)

    def restore(self, snapshot: Snapshot) -> None:
        """Return to the parameters and moments of a snapshot."""
        self.parameters.flat.copy_(snapshot.flat)
        self._take_moments(snapshot.first, snapshot.second, snapshot.n_steps)

    def state(self, snapshot: Snapshot) -> OptimizerState:
        """A snapshot as plain arrays."""
        *vectors, n_steps = snapshot
        layers, first, second = (self.parameters.to_numpy(flat) for flat in vectors)
        return OptimizerState(layers, first, second, n_steps)

    def restore_state(self, state: OptimizerState) -> None:
        """Go on from the parameters and moments of an earlier training."""
        *lists, n_steps = state
        flat, first, second = (self.parameters.from_numpy(layers) for layers in lists)
        second[second == 0] = EPSILON**2  # weights of inputs that are new; 0 has no inverse root
        self.restore(Snapshot(flat, first, second, n_steps))

    def _take_moments(self, first: Tensor, second: Tensor, n_steps: int) -> None:
        self._first.copy_(first)
        self._second.copy_(second)
        self._first_unit = self._second_unit = 1.0
        self.n_steps = n_steps

    def settle(self) -> None:
        """Set the units back to 1, with the same rounding as a snapshot."""
        if self._first_unit < 1:
            self._to_units_of_one(self._first, self._second)
            self._first_unit = self._second_unit = 1.0

    def _to_units_of_one(self, first: Tensor, second: Tensor) -> None:
        """Convert moments from their present units; restore the epsilon that shrank with v."""
        first.mul_(self._first_unit)
        second.mul_(self._second_unit).add_((1 - self._second_unit) * EPSILON**2)

    def ascend(self, learning_rate: float, n_rows: int) -> None:
        """Step along the gradient, a sum over `n_rows` rows, and overwrite it."""
        self.n_steps += 1
        rate, share, decay = self.factors(learning_rate, self.n_steps)
        if self._first_unit < _SMALLEST_UNIT:
            self.settle()
        self._first_unit *= BETA_1
        self._second_unit *= BETA_2
        first_unit, second_unit = self._first_unit, self._second_unit
        flat, gradient = self.parameters.flat, self.parameters.gradient
        of_mean = self._clipping(gradient, n_rows) / n_rows
        self._first.add_(gradient, alpha=(1 - BETA_1) * of_mean / first_unit)
        of_square = (1 - BETA_2) * of_mean * of_mean / second_unit
        self._second.addcmul_(gradient, gradient, value=of_square)
        # The inverse root and a product: twice as fast as the root and a quotient.
        torch.rsqrt(self._second, out=self._inverse_root)
        if self._alpha > 0:
            flat.addcmul_(flat, self.parameters.decayed, value=-decay)
        share *= of_mean / first_unit
        ahead = torch.add(self._first, gradient, alpha=share, out=gradient)
        rate *= first_unit / math.sqrt(second_unit)
        flat.addcmul_(ahead, self._inverse_root, value=rate)

    def _clipping(self, gradient: Tensor, n_rows: int) -> float:
        """Factor that shortens the mean gradient over rows to the largest norm allowed."""
        norm = math.sqrt(gradient.dot(gradient).item()) / n_rows
        if norm <= self._max_grad_norm:
            return 1.0
        if math.isinf(norm):
            # The square of a single number may overflow too, and an infinite moment stays infinite.
            gradient.mul_(0.0)
            return 1.0
        return self._max_grad_norm / norm

    def ascend_by(self, rate: Tensor, share: Tensor, decay: Tensor, n_rows: int) -> None:
        """The same with the `factors` of a step on the device; the caller counts the steps.

        All numbers are on the device here, and the units of the moments stay 1.
        """
        flat, gradient = self.parameters.flat, self.parameters.gradient
        # One division takes the mean over rows, and clips it if its norm is too large.
        norm = torch.linalg.vector_norm(gradient, out=self._norm)
        gradient.div_(norm.div_(self._limit).clamp_(min=n_rows))
        self._first.lerp_(gradient, 1 - BETA_1)
        torch.add(self._floor, self._second, alpha=BETA_2, out=self._second)
        self._second.addcmul_(gradient, gradient, value=1 - BETA_2)
        torch.rsqrt(self._second, out=self._inverse_root)
        if self._alpha > 0:
            flat.addcmul_(flat, torch.mul(self.parameters.decayed, decay), value=-1)
        ahead = torch.addcmul(self._first, gradient, share, out=gradient)
        flat.addcmul_(ahead, self._inverse_root.mul_(rate))

    def factors(self, learning_rate: float, n_steps: int) -> tuple[float, float, float]:
        """Numbers for the update in the last of `n_steps`, with corrections for the moments' bias.

        They are the learning rate for the sum of the first moment and a share of the gradient, that
        share, and the decay of the weights.
        """
        of_moment = BETA_1 / (1 - BETA_1 ** (n_steps + 1))
        of_gradient = (1 - BETA_1) / (1 - BETA_1**n_steps)
        rate = learning_rate * math.sqrt(1 - BETA_2**n_steps) * of_moment
        # A decay of 1 leaves nothing of the weights; more would turn their signs and let them grow.
        return rate, of_gradient / of_moment, min(learning_rate * self._alpha, 1.0)
