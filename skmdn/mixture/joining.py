"""Densities of both kinds, `Mixture` and `TargetMixture`: joined, and asked for what both answer.

Where all that are joined are plain mixtures, so is the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from skmdn._arrays import FloatArray
from skmdn.mixture.algebra import spread_of
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


def concatenate_chunks(chunks: Iterable[Mixture], n_rows: int) -> Mixture:
    """Rows of chunks that come one by one; no more than one is held beside the answer."""
    chunks = iter(chunks)
    first = next(chunks)
    if len(first) == n_rows:
        return first
    parts = _arrays(first)
    arrays = [np.empty((n_rows, *part.shape[1:])) for part in parts]
    start = 0
    for chunk in chain([first], chunks):
        for array, part in zip(arrays, _arrays(chunk), strict=True):
            array[start : start + len(chunk)] = part
        start += len(chunk)
    weights, means, spread = arrays
    return Mixture._trusted(weights, means, spread_of(spread), first.univariate)


def _arrays(mixture: Mixture) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weights, means and the array of the spread."""
    return mixture.weights, mixture.means, mixture._spread.array


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
