"""The mixture head: log-likelihood of a batch and its closed-form gradient.

The network's output for a batch of b rows is one feature-major buffer, ``(K + D K + S, b)``:
logits ``(K, b)``, means ``(D, K, b)`` and raw spreads. Components stand on a leading axis because
reductions over it are many times faster than over the last one.

With the log-kernels ``c_k = log pi_k + log N(y; mu_k, Sigma_k)`` and the responsibilities
``r = softmax(c)`` the gradient of a row's log-likelihood is ``r - pi`` for the logits, and ``r``
times the gradient of the component's own log-density for its parameters (Bishop 1994, section 3).
Gradients here ascend the log-likelihood, summed over rows.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from skmdn._engine.spreads import SPREADS, Spread

LOG_2PI = math.log(2 * math.pi)


class MixtureHead:
    """Buffers and formulas of the head for batches of one size.

    Parameters
    ----------
    spread : Spread
        The spread of the components, sized for the batch.

    Attributes
    ----------
    output : Tensor of shape (n_raw, b)
        Where the network writes its output.
    gradient : Tensor of shape (n_raw, b)
        Gradient of the summed log-likelihood with respect to `output`.
    log_likelihood : Tensor of shape (b,)
        Log-density of every row's target.
    """

    def __init__(self, spread: Spread, like: Tensor) -> None:
        K, D, b = spread.n_components, spread.n_outputs, spread.n_rows
        n_raw = K + D * K + spread.n_raw
        # The log-kernels stand just before the logits, so that one softmax over the pair gives
        # responsibilities and mixing proportions together.
        buffer = like.new_zeros(K + n_raw, b)
        self.spread = spread
        self.output = buffer[K:]
        self._pair = buffer[: 2 * K].view(2, K, b)
        self._kernels, self._logits = self._pair[0], self._pair[1]
        self._means = buffer[2 * K : 2 * K + D * K].view(D, K, b)
        self._raw = buffer[2 * K + D * K :]
        self._proportions = like.new_empty(2, K, b)  # responsibilities, mixing proportions
        self._maxima = like.new_empty(2, 2, b)
        self._residuals = like.new_empty(D, K, b)
        self.log_likelihood = like.new_empty(b)
        self.gradient = like.new_empty(n_raw, b)
        self._logit_gradient = self.gradient[:K]
        self._mean_gradient = self.gradient[K : K + D * K].view(D, K, b)
        self._raw_gradient = self.gradient[K + D * K :]
        self._constant = -0.5 * D * LOG_2PI

    def evaluate(self, y: Tensor) -> Tensor:
        """Log-density of ``y (D, 1, b)`` under the mixtures in `output`, ``(b,)``."""
        torch.sub(y, self._means, out=self._residuals)
        self.spread.log_kernels(self._raw, self._residuals, self._kernels)
        self._kernels.add_(self._logits)
        torch.softmax(self._pair, 1, out=self._proportions)
        # log sum exp = max - log(largest proportion): safe, and cheaper than a second pass of exp.
        top, largest = self._maxima
        torch.amax(self._pair, 1, out=top)
        torch.amax(self._proportions, 1, out=largest)
        top.sub_(largest.log_())
        torch.sub(top[0], top[1], out=self.log_likelihood)
        return self.log_likelihood.add_(self._constant)

    def evaluate_scaled(self, factors: Sequence[float]) -> Tensor:
        """Log-densities after `evaluate`, were all scales multiplied by each factor, ``(A, b)``."""
        distances = self.spread.squared_distances()
        log_normaliser = self._maxima[0, 1]
        return torch.stack(
            [
                torch.logsumexp(self._kernels + 0.5 * (1 - factor**-2) * distances, 0)
                - log_normaliser
                + (self._constant - self.spread.n_outputs * math.log(factor))
                for factor in factors
            ]
        )

    def differentiate(self, weights: Tensor | None) -> Tensor:
        """Gradient with respect to `output` after `evaluate`, rows weighted by ``weights (b,)``."""
        responsibilities, proportions = self._proportions
        torch.sub(responsibilities, proportions, out=self._logit_gradient)
        self.spread.gradients(responsibilities, self._mean_gradient, self._raw_gradient)
        if weights is not None:
            self.gradient.mul_(weights)
        return self.gradient


def make_head(
    covariance_type: str, n_components: int, n_outputs: int, n_rows: int, floor: float, like: Tensor
) -> MixtureHead:
    """Head for batches of `n_rows` rows; the one place where training asks the covariance type."""
    spread = SPREADS[covariance_type](n_components, n_outputs, n_rows, floor, like)
    return MixtureHead(spread, like)
