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

import torch
from torch import Tensor

from skmdn._engine.spreads import Components, make_spread, n_raw_spreads

LOG_2PI = math.log(2 * math.pi)


class MixtureHead:
    """Buffers and formulas of the head for batches of one size.

    Attributes
    ----------
    output : Tensor of shape (n_raw, b)
        Where the network writes its output.
    gradient : Tensor of shape (n_raw, b)
        Gradient of the summed log-likelihood with respect to `output`.
    raw_spreads : Tensor of shape (S, b)
        The part of `output` that spreads are made of.
    """

    def __init__(
        self,
        covariance_type: str,
        n_components: int,
        n_outputs: int,
        n_rows: int,
        floor: float,
        like: Tensor,
    ) -> None:
        K, D, b = n_components, n_outputs, n_rows
        lengths = [K, D * K, n_raw_spreads(covariance_type, K, D)]
        # Responsibilities, mixing proportions, log-kernels and logits stand together, so that one
        # softmax takes the last two to the first two, and one maximum serves them all.
        buffer = like.new_zeros(3 * K + sum(lengths), b)
        self.output = buffer[3 * K :]
        self.gradient = torch.empty_like(self.output)
        self._logits, means, self.raw_spreads = torch.split(self.output, lengths)
        self._logit_gradient, mean_gradient, raw_gradient = torch.split(self.gradient, lengths)
        self._stack = buffer[: 4 * K].view(4, K, b)
        self._shares, self._pair = self._stack[:2], self._stack[2:]
        self._responsibilities, self._proportions = self._shares
        self._kernels = self._pair[0]
        self._means = means.view(D, K, b)
        self._residuals = torch.empty_like(self._means)
        self._spread = make_spread(
            covariance_type,
            Components(
                self._residuals,
                self.raw_spreads,
                self._kernels,
                self._responsibilities,
                mean_gradient.view(D, K, b),
                raw_gradient,
            ),
            floor,
        )
        # log sum exp = max - log(largest share): safe, and cheaper than a second pass of exp.
        self._maxima = like.new_empty(4, b)
        self._largest_shares = self._maxima[:2]
        self._signs = like.new_tensor([-1.0, 1.0, 1.0, -1.0])
        self._all_maxima, self._all_signs = self._maxima.view(-1), self._signs.repeat_interleave(b)
        self._n_outputs = D
        self._constant = like.new_tensor(-0.5 * D * LOG_2PI)

    def evaluate(self, y: Tensor) -> None:
        """Work out shares and evidence of ``y (D, 1, b)`` under the mixtures in `output`."""
        torch.sub(y, self._means, out=self._residuals)
        self._spread.surprisals()
        torch.sub(self._logits, self._kernels, out=self._kernels)
        torch.softmax(self._pair, 1, out=self._shares)
        torch.amax(self._stack, 1, out=self._maxima)
        self._largest_shares.log_()

    def log_likelihood(self) -> Tensor:
        """Log-density of every row's target after `evaluate`, ``(b,)``."""
        return torch.addmv(self._constant, self._maxima.T, self._signs)

    def total(self, weights: Tensor | None, out: Tensor) -> None:
        """Write the weighted sum of the log-densities, without ``-D / 2 log 2 pi`` a row."""
        if weights is None:
            torch.dot(self._all_maxima, self._all_signs, out=out)
        else:
            torch.dot(torch.mv(self._maxima.T, self._signs), weights, out=out)

    def evaluate_scaled(self, factors: Tensor) -> Tensor:
        """Log-densities after `evaluate`, were all scales multiplied by ``factors (A,)``."""
        scales = factors[:, None]
        shrinkage = 0.5 * (1 - scales**-2)
        kernels = self._kernels + shrinkage[..., None] * self._spread.squared_distances()
        log_normaliser = self._maxima[3] - self._maxima[1]
        constants = self._constant - self._n_outputs * scales.log()
        return torch.logsumexp(kernels, 1) - log_normaliser + constants

    def differentiate(self, weights: Tensor | None) -> Tensor:
        """Gradient with respect to `output` after `evaluate`, rows weighted by ``weights (b,)``."""
        torch.sub(self._responsibilities, self._proportions, out=self._logit_gradient)
        self._spread.gradients()
        if weights is not None:
            self.gradient.mul_(weights)
        return self.gradient
