"""The mixture head: log-likelihood of a batch and its closed-form gradient.

The network's output for a batch of b rows is one feature-major buffer, ``(K + A + D K + S, b)``:
logits of K components and A atoms, means ``(D, K, b)`` and raw spreads. Components stand on a
leading axis because reductions over it are many times faster than over the last one.

With the log-kernels ``c_k = log pi_k + log N(y; mu_k, Sigma_k)`` and the responsibilities
``r = softmax(c)`` the gradient of a row's log-likelihood is ``r - pi`` for the logits, and ``r``
times the gradient of the component's own log-density for its parameters (Bishop 1994, section 3).

An atom is a further class of the same softmax, whose kernel is ``log pi_a``. A row at an atom
excludes all other classes, and a row off the atoms excludes those: excluded kernels are next to
``-inf``, so that their responsibilities are 0 and the formulas above hold for both.

Gradients here ascend the log-likelihood, summed over rows.
"""

import math

import torch
from torch import Tensor

from skmdn._engine.covariances import Components, make_covariance
from skmdn._network.forward import HeadLayout

LOG_2PI = math.log(2 * math.pi)
# Log-density where outputs overflow, as after steps that are far too long: worse than any other,
# but a number, so that losses can be compared and drawn.
HOPELESS = -1e30
# Added to the kernels of excluded classes; finite, so that no product with 0 is NaN.
EXCLUDED = -1e30


class MixtureHead:
    """Buffers and formulas of the head for batches of one size.

    Attributes
    ----------
    output : Tensor of shape (n_raw, b)
        The buffer into which the network writes its output.
    gradient : Tensor of shape (n_raw, b)
        Gradient of the summed log-likelihood with respect to `output`.
    raw_spreads : Tensor of shape (S, b)
        The part of `output` from which the spreads are computed.
    log_scales : Tensor of shape (n_scales, b)
        The part of `raw_spreads` that holds logarithms.
    log_terms : Tensor of shape (4, K + A, b)
        The input of `log_likelihoods`, written by `evaluate`.
    """

    def __init__(
        self,
        layout: HeadLayout,
        n_rows: int,
        like: Tensor,
    ) -> None:
        K, D, b = layout.architecture.n_components, layout.n_outputs, n_rows
        lengths = list(layout.lengths)
        n_classes = lengths[0]
        # Responsibilities, mixing proportions, log-kernels and logits are contiguous, so that one
        # softmax of the last two gives the first two.
        buffer = like.new_zeros(3 * n_classes + sum(lengths), b)
        self.output = buffer[3 * n_classes :]
        self.gradient = torch.empty_like(self.output)
        logits, means, self.raw_spreads = torch.split(self.output, lengths)
        self.log_scales = self.output[layout.scales]
        self._logit_gradient, mean_gradient, raw_gradient = torch.split(self.gradient, lengths)
        self.log_terms = buffer[: 4 * n_classes].view(4, n_classes, b)
        self._shares, self._pair = self.log_terms[:2], self.log_terms[2:]
        self._responsibilities, self._proportions = self._shares
        self._logits, self._atom_logits = logits[:K], logits[K:]
        self._kernels, self._atom_kernels = self._pair[0, :K], self._pair[0, K:]
        self._means = means.view(D, K, b)
        self._residuals = torch.empty_like(self._means)
        self._spread = make_covariance(
            layout.architecture.covariance_type,
            Components(
                self._residuals,
                self.raw_spreads,
                self._kernels,
                self._responsibilities[:K],
                mean_gradient.view(D, K, b),
                raw_gradient,
            ),
            layout.architecture.scale_floor,
        )
        self._n_outputs, self._has_atoms = D, n_classes > K
        self._constant = -0.5 * D * LOG_2PI

    def evaluate(self, y: Tensor) -> None:
        """Work out shares and log-terms of ``y (D, 1, b)`` under the mixtures in `output`.

        With atoms y is ``(D + 1 + A, 1, b)``: the targets, and what is added to the kernels of the
        components and of each atom (`readers.kernel_terms`).
        """
        torch.sub(y[: self._n_outputs] if self._has_atoms else y, self._means, out=self._residuals)
        self._spread.neg_log_density()
        torch.sub(self._logits, self._kernels, out=self._kernels)
        if self._has_atoms:
            added = y[self._n_outputs :, 0]
            self._kernels.add_(added[0])
            torch.add(self._atom_logits, added[1:], out=self._atom_kernels)
        torch.softmax(self._pair, 1, out=self._shares)

    def log_likelihood(self) -> Tensor:
        """Log-density of every row's target after `evaluate`, ``(b,)``."""
        return log_likelihoods(self.log_terms) + self._constant

    def evaluate_scaled(self, factors: Tensor) -> Tensor:
        """Log-densities ``(A, b)`` after `evaluate`, with all scales times ``factors (A,)``."""
        scales = factors[:, None]
        shrinkage = 0.5 * (1 - scales**-2)
        kernels = self._kernels + shrinkage[..., None] * self._spread.squared_distances()
        log_normaliser = _log_sums(self.log_terms)[1]
        widening = self._n_outputs * scales.log()
        if self._has_atoms:  # which no factor changes
            kernels = torch.cat([kernels, self._atom_kernels + widening[..., None]], 1)
        constants = self._constant - widening
        return torch.logsumexp(kernels, 1) - log_normaliser + constants

    def differentiate(self, weights: Tensor | None) -> Tensor:
        """Gradient with respect to `output` after `evaluate`, rows weighted by ``weights (b,)``."""
        torch.sub(self._responsibilities, self._proportions, out=self._logit_gradient)
        self._spread.gradients()
        if weights is not None:
            self.gradient.mul_(weights)
        return self.gradient


def log_likelihoods(log_terms: Tensor) -> Tensor:
    """Log-densities ``(..., b)`` of heads' log-terms ``(..., 4, K, b)``, without their constant."""
    of_kernels, of_logits = torch.unbind(_log_sums(log_terms), -2)
    return of_kernels - of_logits


def _log_sums(log_terms: Tensor) -> Tensor:
    """``log sum exp`` over the components of log-kernels and logits, ``(..., 2, b)``.

    Computed as the maximum minus the logarithm of the largest share. That cannot overflow, and
    needs no second pass of exp.
    """
    maxima = torch.amax(log_terms, -2)
    return maxima[..., 2:, :] - maxima[..., :2, :].log_()
