"""Piecewise-linear encoding of numerical features over their quantiles."""

from typing import NamedTuple

import numpy as np

from skmdn._arrays import Array, BoolArray, FloatArray, IntArray
from skmdn._network.scaling import weighted_quantiles

# Largest number of inputs of the network, z-scores included.
MAX_INPUTS = 2048
# Largest number of rows from which edges are computed.
MAX_ROWS = 200_000
# The first and the last bin extend linearly outwards by this many of their own widths.
OVERHANG = 2.0


class PiecewiseLinear(NamedTuple):
    """One column for every bin: the fraction of the bin that lies below x.

    Y. Gorishniy, I. Rubachev and A. Babenko, "On embeddings for numerical features in tabular deep
    learning", NeurIPS 2022.

    Column t of a feature is ``clip((x - start) / width, lower, upper)``. The limits are 0 and 1,
    except for the lower limit of the first bin and the upper limit of the last.
    """

    edges: list[FloatArray]  # of every feature
    feature: IntArray  # (q,), the feature that the column encodes
    start: FloatArray  # (q,)
    width: FloatArray  # (q,)
    lower: FloatArray  # (q,)
    upper: FloatArray  # (q,)

    @classmethod
    def from_edges(cls, edges: list[FloatArray], min_bins: int = 2) -> "PiecewiseLinear":
        """Encoding with the given edges; features with fewer than `min_bins` bins have no column.

        A single bin would add nothing to the z-score. A feature without edges has no bins.
        """
        counts = [len(e) - 1 if len(e) > min_bins else 0 for e in edges]
        feature = np.repeat(np.arange(len(edges)), counts)
        first = np.concatenate([[True], feature[1:] != feature[:-1]])[: len(feature)]
        last = np.concatenate([feature[1:] != feature[:-1], [True]])[: len(feature)]
        start, stop = (
            np.concatenate([e[side:][:n] for e, n in zip(edges, counts, strict=True)])
            for side in (0, 1)
        )
        with np.errstate(over="ignore"):
            width = np.minimum(stop - start, np.finfo(np.float64).max)
        return cls(
            edges,
            feature,
            start,
            width,
            np.where(first, -OVERHANG, 0.0),
            np.where(last, 1.0 + OVERHANG, 1.0),
        )

    def encode(self, X: Array) -> FloatArray:
        """Encode ``X (n, p)`` into ``(n, q)``."""
        out = np.empty((len(X), len(self.feature)))
        self.encode_into(X.T.astype(np.float64, order="C"), out.T)
        return out

    def encode_into(self, columns: FloatArray, out: Array) -> None:
        """Encode features ``(p, n)``, whose gaps are filled, into ``out (q, n)``.

        Digits cancel in the distances from the starts of the bins, so these are computed in
        float64. The rest is computed in the dtype of `out`, or in float64 if that dtype cannot hold
        the widths.
        """
        limits = np.finfo(out.dtype)
        is_held = np.all((self.width > limits.tiny * 1e8) & (self.width < limits.max * 1e-8))
        work = out if is_held else np.empty(out.shape)
        width, lower, upper = (
            numbers.astype(work.dtype)[:, np.newaxis]
            for numbers in (self.width, self.lower, self.upper)
        )
        distance = columns[self.feature]
        with np.errstate(over="ignore"):  # infinitely far out
            distance -= self.start[:, np.newaxis]
            np.divide(distance, width, out=work, casting="same_kind", dtype=work.dtype)
        np.maximum(work, lower, out=work)
        np.minimum(work, upper, out=out, casting="same_kind")

    def fill_gaps(self, filling: float, gaps: BoolArray, features: IntArray, out: Array) -> None:
        """Put the filling into the bins of `features (g,)` in ``out (q, n)`` at ``gaps (g, n)``."""
        first = np.searchsorted(self.feature, features)
        last = np.searchsorted(self.feature, features, side="right")
        for rows, start, stop in zip(gaps, first, last, strict=True):
            np.copyto(out[start:stop], filling, where=rows)


def affordable_bins(n_bins: int, n_features: int, n_others: int = 0) -> int:
    """Bins per feature, so that z-scores, encoding and `n_others` fit into `MAX_INPUTS` columns."""
    return min(n_bins, max(1, (MAX_INPUTS - n_others) // max(1, n_features) - 1))


def bin_edges(
    X: Array,
    weights: FloatArray | None,
    rows: IntArray,
    n_bins: int,
    rng: np.random.Generator,
    max_rows: int | None = MAX_ROWS,
) -> list[FloatArray]:
    """Distinct quantiles at the levels 0, 1 / n_bins, ..., 1 of the cells of every feature.

    Gaps (NaN) are skipped; a feature that is all gaps has no edges.
    They are computed from `rows`, which have positive weight, or from `max_rows` random ones of
    them if there are more.
    """
    if max_rows is not None and len(rows) > max_rows:
        rows = np.sort(rng.choice(rows, max_rows, replace=False))
        X, weights = X[rows], None if weights is None else weights[rows]
    levels = np.linspace(0.0, 1.0, n_bins + 1)
    return [np.unique(weighted_quantiles(X[:, j], weights, levels)) for j in range(X.shape[1])]
