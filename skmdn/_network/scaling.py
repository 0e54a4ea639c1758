"""Weighted location, scale and quantiles of columns; the same for any number of threads.

A gap, a cell without a value, is NaN. It counts as a cell of weight zero.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np
from sklearn.utils import gen_batches

from skmdn._arrays import Array, FloatArray, IntArray

_BLOCK_CELLS = 1 << 17
# Rows of less weight, in units of the largest, have no say in the range of a feature.
NEGLIGIBLE = 1e-6


def location_and_scale(values: Array, weights: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """Weighted mean and standard deviation of every column of ``values (n, p)``.

    A weight of two counts as the row twice; only ratios of weights matter. Gaps (NaN) are skipped,
    and a column without any cell has location and scale 0. Both are computed in float64 from
    distances to the first cell with weight, in units of the largest distance. So neither offsets
    nor extreme units cost digits. The scale of a constant column (up to rounding of its values) is
    exactly 0.
    """
    w = np.ones(len(values)) if weights is None else weights / weights.max()
    with np.errstate(over="ignore", invalid="ignore"):
        location, scale = _moments(values, w)
    for j in np.flatnonzero(~np.isfinite(scale)):  # where distances are beyond float64
        quarter = _moments(0.25 * values[:, j : j + 1], w)
        location[j], scale[j] = (4.0 * moment[0] for moment in quarter)
    return location, _above_rounding(scale, location, values.dtype)


def _moments(values: Array, w: FloatArray) -> tuple[FloatArray, FloatArray]:
    p = values.shape[1]
    is_full = n_present(values, w) == np.count_nonzero(w)
    origin = _first_cells(values, w)
    cells = partial(_distances, values, origin, w, has_gaps=not is_full.all())
    reach, total = np.zeros(p), np.zeros(p)
    for distances, cell_weights in cells():
        np.maximum(reach, np.abs(distances).max(axis=0), out=reach)
        total += cell_weights.sum(axis=0)
    unit = np.where(reach > 0, reach, 1.0)
    # The same to the bit in a column without gaps, whether others have some or not.
    total = np.where(is_full, w[w > 0].sum(), np.where(total > 0, total, 1.0))
    mean, variance = np.zeros(p), np.zeros(p)
    # Plain sums, because the result of a matrix product would depend on the number of threads.
    for distances, cell_weights in cells():
        mean += np.sum(distances / unit * cell_weights, axis=0) / total
    for distances, cell_weights in cells():
        z = distances / unit - mean
        variance += np.sum(z * z * cell_weights, axis=0) / total
    scale = np.sqrt(variance) * unit
    return origin + mean * unit, scale


def _above_rounding(scale: FloatArray, location: FloatArray, dtype: np.dtype) -> FloatArray:
    """The scale, or 0: values that differ only by their own rounding carry no information.

    Below the normal numbers all digits are such rounding, and the scale has no finite inverse.
    """
    rounding = np.maximum(np.finfo(dtype).eps * np.abs(location), np.finfo(np.float64).tiny)
    return np.where(scale > rounding, scale, 0.0)


def location_and_unit(values: Array, weights: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """The same, where a constant column has the scale 1 and so keeps its unit."""
    location, scale = location_and_scale(values, weights)
    return location, np.where(scale > 0, scale, 1.0)


def value_range(values: Array, weights: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """Least and greatest cell ``(p,)`` of every column.

    Rows of less than a millionth of the largest weight do not count. Gaps (NaN) are skipped; a
    column without any cell has the range from ``inf`` to ``-inf``.
    """
    p = values.shape[1]
    low, high = np.full(p, np.inf), np.full(p, -np.inf)
    least = 0.0 if weights is None else NEGLIGIBLE * weights.max()
    for rows in _blocks(values):
        block = values[rows] if weights is None else values[rows][weights[rows] > least]
        np.fmin(low, np.fmin.reduce(block, axis=0, initial=np.inf), out=low)
        np.fmax(high, np.fmax.reduce(block, axis=0, initial=-np.inf), out=high)
    return low, high


def n_present(values: Array, weights: FloatArray | None) -> IntArray:
    """Number of cells ``(p,)`` of every column that are no gaps, in rows with weight."""
    counts = np.zeros(values.shape[1], dtype=np.intp)
    for rows in _blocks(values):
        has_weight = np.ones(len(values[rows]), bool) if weights is None else weights[rows] > 0
        counts += np.count_nonzero(has_weight)
        gaps = np.isnan(values[rows])
        if gaps.any():
            counts -= np.count_nonzero(gaps[has_weight], axis=0)
    return counts


def _blocks(values: Array) -> list[slice]:
    n, p = values.shape
    return list(gen_batches(n, max(1, _BLOCK_CELLS // p)))


def _first_cells(values: Array, weights: FloatArray) -> FloatArray:
    """First cell with weight ``(p,)`` of every column; 0 for a column without any."""
    first = values[np.flatnonzero(weights)[0]].astype(np.float64)
    for rows in _blocks(values):
        open_ends = np.flatnonzero(np.isnan(first))
        if len(open_ends) == 0:
            break
        block = values[rows][:, open_ends][weights[rows] > 0]
        if len(block) > 0:
            found = np.argmin(np.isnan(block), axis=0)
            first[open_ends] = block[found, np.arange(len(open_ends))]
    return np.where(np.isnan(first), 0.0, first)


def _distances(
    values: Array, origin: FloatArray, weights: FloatArray, *, has_gaps: bool
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Distances from the origin and weights of the cells, in blocks of rows with weight.

    The weights are ``(m, 1)``, or ``(m, p)`` if there are gaps. Gaps have distance 0 and weight 0.
    Rows without weight are left out, as zeros in later sums would change how these round. Distances
    are C-contiguous whatever the layout of the values, for the same reason.
    """
    for rows in _blocks(values):
        block, cell_weights = values[rows], weights[rows, np.newaxis]
        has_weight = weights[rows] > 0
        if not has_weight.all():
            block, cell_weights = block[has_weight], cell_weights[has_weight]
        if len(block) == 0:
            continue
        distances = np.subtract(block, origin, order="C")
        if has_gaps:
            gaps = np.isnan(distances)
            np.copyto(distances, 0.0, where=gaps)
            cell_weights = cell_weights * ~gaps
        yield distances, cell_weights


def weighted_quantiles(values: Array, weights: FloatArray | None, levels: FloatArray) -> FloatArray:
    """Smallest values at which the cumulative weight reaches the levels ``(Q,)``.

    Gaps do not count; where nothing counts, there are no quantiles: ``(0,)``.
    """
    return np.asarray(values[quantile_rows(values, weights, levels)], dtype=np.float64)


def quantile_rows(values: Array, weights: FloatArray | None, levels: FloatArray) -> IntArray:
    """Rows at the quantiles of ``values (n,)``; a weight of two counts as the row twice.

    Gaps and rows without weight do not count; where nothing counts, there are no rows: ``(0,)``.
    """
    order = np.argsort(values, kind="stable")
    order = order[: len(order) - np.count_nonzero(np.isnan(values))]  # gaps come last
    if weights is None:
        cumulative = np.arange(1.0, len(order) + 1)
    else:
        order = order[weights[order] > 0]
        cumulative = np.cumsum(weights[order])
    if len(order) == 0:
        return order
    # With the tolerance, the sums of repeated and of weighted rows reach a level at the same row.
    places = np.searchsorted(cumulative, levels * cumulative[-1] * (1 - 1e-12))
    return np.asarray(order[np.minimum(places, len(order) - 1)])


def merged(
    n: int | IntArray,
    location: FloatArray,
    scale: FloatArray,
    more: Array,
    weights: FloatArray | None,
) -> tuple[FloatArray, FloatArray]:
    """Location and scale of n rows with the given ones and of `more` rows together.

    T. F. Chan, G. H. Golub and R. J. LeVeque, "Updating formulae and a pairwise algorithm for
    computing sample variances", COMPSTAT 1982. Where columns have gaps, n is the number of cells
    ``(p,)`` so far. Gaps and rows of `more` without weight do not count.
    """
    m = n_present(more, weights)
    new_location, new_scale = location_and_scale(more, weights)
    share = m / np.maximum(n + m, 1)
    distance = new_location - location
    # In units of the largest, so that no square overflows or underflows.
    unit = np.maximum(np.maximum(np.abs(distance), scale), new_scale)
    unit = np.where(unit > 0, unit, 1.0)
    within = (1 - share) * (scale / unit) ** 2 + share * (new_scale / unit) ** 2
    between = share * (1 - share) * (distance / unit) ** 2
    both_scale = np.sqrt(within + between) * unit
    both_location = location + share * distance
    both_scale = _above_rounding(both_scale, both_location, more.dtype)
    only_old, only_new = m == 0, (m > 0) & (np.asarray(n) == 0)
    return (
        np.select([only_old, only_new], [location, new_location], both_location),
        np.select([only_old, only_new], [scale, new_scale], both_scale),
    )
