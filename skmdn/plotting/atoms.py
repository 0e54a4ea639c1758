"""What is drawn of densities with atoms: the density without them, and their probabilities.

Axes: R rows, A atoms.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skmdn.mixture import TargetMixture
from skmdn.mixture.joining import Density, concatenate


class Atoms(NamedTuple):
    """Values that have a probability of their own.

    Parameters
    ----------
    values : ndarray of shape (R, A)
        Padded with NaN.
    probabilities : ndarray of shape (R, A)
        Their probabilities.
    """

    values: np.ndarray
    probabilities: np.ndarray


def atoms_of(mixture: Density) -> Atoms:
    """The atoms of each row; a `Mixture` has none."""
    if not isinstance(mixture, TargetMixture):
        return Atoms(np.empty((len(mixture), 0)), np.empty((len(mixture), 0)))
    probabilities = mixture.atom_probability()
    return Atoms(np.broadcast_to(mixture.atoms, probabilities.shape), probabilities)


def density_alone(mixture: Density) -> tuple[Density, np.ndarray]:
    """The density that atoms leave, normalised, and its share of each row, ``(R,)``."""
    if not isinstance(mixture, TargetMixture) or not mixture.atom_weights.shape[1]:
        return mixture, np.ones(len(mixture))
    rows = [TargetMixture(row.base, row.transform) for row in mixture]
    share = np.clip(1.0 - mixture.atom_weights.sum(axis=1), 0.0, 1.0)
    return concatenate(rows), share
