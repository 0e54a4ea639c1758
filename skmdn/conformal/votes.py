"""The vote of several models: the points that at least half of their regions contain.

Axes: n rows, J intervals, M models, e = 2 M J ends of intervals.
"""

import numpy as np


def majority_region(regions: list[np.ndarray]) -> np.ndarray:
    """Points that at least half of the regions contain, as disjoint closed intervals.

    Every region, ``(n, J, 2)``, is a union of disjoint closed intervals, padded with NaN. So is the
    answer, in ascending order. Going through all ends in order, a lower end adds one to the number
    of regions that contain the point, and an upper end takes one away.
    """
    intervals = np.concatenate(regions, axis=1)  # (n, MJ, 2)
    ends = np.concatenate([intervals[..., 0], intervals[..., 1]], axis=1)  # (n, e)
    steps = np.where(np.arange(ends.shape[1]) < intervals.shape[1], 1, -1)
    # A stable sort puts lower ends first, as closed intervals that touch have a point in common.
    order = np.argsort(ends, axis=1, kind="stable")  # NaN last
    ends = np.take_along_axis(ends, order, axis=1)
    depth = np.cumsum(np.where(np.isnan(ends), 0, steps[order]), axis=1)
    inside = 2 * depth >= len(regions)
    before = np.pad(inside[:, :-1], ((0, 0), (1, 0)))
    return np.stack([_packed(ends, inside & ~before), _packed(ends, before & ~inside)], axis=2)


def median_interval(intervals: np.ndarray) -> np.ndarray:
    """From the median of lower ends to the median of upper ends, (M, n, 2, ...) to (n, 2, ...).

    If M is even, this is the outer one of the two middle ends. A point in at least half of the
    intervals is then inside: half of the lower ends are below it, and half of the upper ends above.
    """
    ordered = np.sort(intervals, axis=0)
    lower, upper = ordered[(len(ordered) - 1) // 2, :, 0], ordered[len(ordered) // 2, :, 1]
    return np.stack([lower, upper], axis=1)


def _packed(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The chosen values of every row, ``(n, J)``, padded with NaN at the end."""
    width = max(1, int(chosen.sum(axis=1).max(initial=0)))
    front = np.argsort(~chosen, axis=1, kind="stable")[:, :width]
    found = np.take_along_axis(np.where(chosen, values, np.nan), front, axis=1)
    return np.asarray(found)
