"""Densities of both kinds, `Mixture` and `TargetMixture`: joined, and asked for what both answer.

Where all that are joined are plain mixtures, so is the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from numpy.typing import ArrayLike

from skmdn._arrays import FloatArray
from skmdn.mixture.cells import cells_around, log_probability
from skmdn.mixture.mixture import Mixture
from skmdn.mixture.target.cells import log_target_probability
from skmdn.mixture.target.target_mixture import TargetMixture
from skmdn.mixture.underflow import ignores_float_errors

Density: TypeAlias = "Mixture | TargetMixture"
DENSITIES = (Mixture, TargetMixture)


def concatenate(densities: Sequence[Density]) -> Density:
    """Rows of several densities, one after the other; each row keeps its map and atoms."""
    return _kind(densities).concatenate(densities)  # type: ignore[arg-type]


def pool(densities: Sequence[Density], weights: ArrayLike | None = None) -> Density:
    """Weighted mixture of several densities of the same rows, of the same map and atoms."""
    return _kind(densities).pool(densities, weights)  # type: ignore[arg-type]


@ignores_float_errors
def log_cell_probability(density: Density, y: FloatArray, width: float) -> FloatArray:
    """Log P(y - width / 2 < Y <= y + width / 2), ``(n,)``, of one output; y ``(n,)``."""
    if isinstance(density, TargetMixture):
        return log_target_probability(density, y, width)
    return log_probability(density, cells_around(y, width))


def _kind(densities: Sequence[Density]) -> type[Mixture] | type[TargetMixture]:
    """The class that can hold all of them."""
    plain = not any(isinstance(density, TargetMixture) for density in densities)
    return Mixture if plain else TargetMixture
