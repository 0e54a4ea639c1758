"""The variance of a pool, split by the law of total variance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.utils import Bunch

from skmdn.mixture.joining import Density


def decomposed_variance(members: Sequence[Density], weights: np.ndarray) -> Bunch:
    """Mean of the members' variances, variance of their means, and the sum of both."""
    means = np.array([member.mean() for member in members])
    variances = np.array([member.var() for member in members])
    aleatoric = np.average(variances, axis=0, weights=weights)
    centre = np.average(means, axis=0, weights=weights)
    epistemic = np.average((means - centre) ** 2, axis=0, weights=weights)
    return Bunch(total=aleatoric + epistemic, aleatoric=aleatoric, epistemic=epistemic)
