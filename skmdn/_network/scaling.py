"""Weighted location, scale and quantiles of columns; the same for any number of threads."""

import numpy as np
from sklearn.utils import gen_batches

from skmdn._arrays import Array, FloatArray, IntArray

_BLOCK_CELLS = 1 << 17


def location_and_scale(values: Array, weights: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """Weighted mean and standard deviation of every column of ``values (n, p)``.

    A weight of two counts as the row twice; only ratios of weights matter. Both are computed in
    float64 from distances to the first row with weight, in units of the largest distance. So
    neither offsets nor extreme units cost digits. The scale of a constant column (up to rounding of
    its values) is exactly 0.
    """
    n, p = values.shape
    w = np.ones(n) if weights is None else weights / weights.max()
    blocks = list(gen_batches(n, max(1, _BLOCK_CELLS // p)))
    present = np.flatnonzero(w)[0]
    origin = values[present].astype(np.float64)
    reach = np.zeros(p)
    for rows in blocks:
        np.maximum(reach, np.abs(_distances(values[rows], origin, w[rows])).max(axis=0), out=reach)
    unit = np.where(reach > 0, reach, 1.0)
    total, mean, variance = w.sum(), np.zeros(p), np.zeros(p)
    # Plain sums, because the result of a matrix product would depend on the number of threads.
    for rows in blocks:
        z = _distances(values[rows], origin, w[rows]) / unit
        mean += np.sum(z * w[rows, None], axis=0) / total
    for rows in blocks:
        z = _distances(values[rows], origin, w[rows]) / unit - mean
        variance += np.sum(z * z * w[rows, None], axis=0) / total
    scale = np.sqrt(variance) * unit
    location = origin + mean * unit
    # Values that differ only by their own rounding carry no information.
    rounding = np.finfo(values.dtype).eps * np.abs(location)
    return location, np.where(scale > rounding, scale, 0.0)


def location_and_unit(values: Array, weights: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """The same, where a constant column has the scale 1 and so keeps its unit."""
    location, scale = location_and_scale(values, weights)
    return location, np.where(scale > 0, scale, 1.0)


def _distances(values: Array, origin: FloatArray, weights: FloatArray) -> FloatArray:
    """Distances from the origin; zero for rows without weight.

    They are C-contiguous whatever the layout of the values, as the order of later sums depends on
    it.
    """
    distances = np.subtract(values, origin, order="C")
    distances[weights == 0] = 0.0
    return np.asarray(distances)


def weighted_quantiles(values: Array, weights: FloatArray | None, levels: FloatArray) -> FloatArray:
    """Smallest values at which the cumulative weight reaches the levels ``(Q,)``."""
    return np.asarray(values[quantile_rows(values, weights, levels)], dtype=np.float64)


def quantile_rows(values: Array, weights: FloatArray | None, levels: FloatArray) -> IntArray:
    """Rows at the quantiles of ``values (n,)``; a weight of two counts as the row twice."""
    order = np.argsort(values, kind="stable")
    if weights is None:
        cumulative = np.arange(1.0, len(values) + 1)
    else:
        order = order[weights[order] > 0]
        cumulative = np.cumsum(weights[order])
    # With the tolerance, the sums of repeated and of weighted rows reach a level at the same row.
    places = np.searchsorted(cumulative, levels * cumulative[-1] * (1 - 1e-12))
    return np.asarray(order[np.minimum(places, len(order) - 1)])


def merged(
    n: int, location: FloatArray, scale: FloatArray, more: Array, weights: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """Location and scale of n rows with the given ones and of `more` rows together.

    T. F. Chan, G. H. Golub and R. J. LeVeque, "Updating formulae and a pairwise algorithm for
    computing sample variances", COMPSTAT 1982. Rows of `more` without weight do not count.
    """
    m = len(more) if weights is None else np.count_nonzero(weights)
    new_location, new_scale = location_and_scale(more, weights)
    share = m / (n + m)
    distance = new_location - location
    # In units of the largest, so that no square overflows or underflows.
    unit = np.maximum(np.maximum(np.abs(distance), scale), new_scale)
    unit = np.where(unit > 0, unit, 1.0)
    within = (1 - share) * (scale / unit) ** 2 + share * (new_scale / unit) ** 2
    between = share * (1 - share) * (distance / unit) ** 2
    location = location + share * distance
    scale = np.sqrt(within + between) * unit
    rounding = np.finfo(more.dtype).eps * np.abs(location)
    return location, np.where(scale > rounding, scale, 0.0)
