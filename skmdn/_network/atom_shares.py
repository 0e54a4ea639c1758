"""Probabilities of atoms, from the logarithms of their shares and that of the rest."""

import numpy as np
from scipy.special import log_softmax

from skmdn._arrays import FloatArray

# Besides atoms, the density has at least this probability, so that no y of its support is
# impossible.
LEAST_SHARE = 1e-4


def tempered(log_shares: FloatArray, temperature: float) -> FloatArray:
    """Log-shares ``(n, A + 1)`` at a temperature, each row summing to one; 1 changes nothing."""
    return np.asarray(log_softmax(log_shares / temperature, axis=1))


def atom_weights(log_shares: FloatArray, temperature: float) -> FloatArray:
    """Probabilities of the atoms ``(n, A)``, which leave at least `LEAST_SHARE` to the density."""
    shares = np.exp(tempered(log_shares, temperature))
    atoms, rest = shares[:, :-1], shares[:, -1:]
    with np.errstate(divide="ignore"):  # atoms of no share, where the rest is all
        factor = np.where(
            rest < LEAST_SHARE, (1 - LEAST_SHARE) / atoms.sum(axis=1, keepdims=True), 1.0
        )
    return np.asarray(atoms * factor)
