"""Out-of-fold densities: put together by view, and scored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skmdn._estimators.rows import Rows
from skmdn.ensemble.mapped_targets import base_of
from skmdn.ensemble.members import FittedMember
from skmdn.mixture import Mixture
from skmdn.mixture.joining import Density


def out_of_fold(members: Sequence[FittedMember], order: np.ndarray) -> Mixture:
    """Densities of all rows by a view's members, each of the fold that it did not see.

    They are those of the mapped targets.
    """
    return Mixture.concatenate([base_of(member.density) for member in members])[order]


def mean_logpdf(density: Density, rows: Rows) -> float:
    """Weighted mean log-density of the targets; rows without weight may hold anything."""
    w = np.ones(len(rows.y)) if rows.weights is None else rows.weights
    present = np.flatnonzero(w)
    return float(np.average(density[present].logpdf(rows.y[present]), weights=w[present]))
