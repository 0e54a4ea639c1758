"""The variance of a pool, split by the law of total variance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from sklearn.utils import Bunch

from skmdn.mixture.joining import Density


def decomposed_variance(chunks: Iterable[tuple[Sequence[Density], np.ndarray]]) -> Bunch:
    """Mean of the members' variances, variance of their means, and the sum of both.

    Members and their weights are given for chunks of rows.
    """
    parts = [_parts(*chunk) for chunk in chunks]
    aleatoric, epistemic = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Bunch(total=aleatoric + epistemic, aleatoric=aleatoric, epistemic=epistemic)


def _parts(members: Sequence[Density], weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The aleatoric and the epistemic part of the variance of some rows."""
    means = np.array([member.mean() for member in members])
    variances = np.array([member.var() for member in members])
    centre = np.average(means, axis=0, weights=weights)
    return (
        np.average(variances, axis=0, weights=weights),
        np.average((means - centre) ** 2, axis=0, weights=weights),
    )
