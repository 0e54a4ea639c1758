"""Means of the targets by category, for features with more categories than inputs can be."""

import numpy as np

from skmdn._arrays import FloatArray, IntArray

# Parts of the rows, each of which gets the means of the rows of the others.
N_FOLDS = 5


def shrunk_means(
    place: IntArray, n_places: int, z: FloatArray, weights: FloatArray | None, folds: IntArray
) -> FloatArray:
    """Shrunk means ``(N_FOLDS + 1, n_places, D)`` of standardised targets ``z (m, D)``.

    Row i belongs to category ``place[i]`` and to part ``folds[i]``. Entry f has the means of the
    rows that are not in part f, for the rows in it, so that no row's own target is among its
    inputs; the last entry has those of all rows, for new ones.

    A mean of rows with total weight W is multiplied by ``W / (W + s^2 / t^2)``, the best linear
    predictor of a random effect, where s^2 and t^2 are the variances within and between categories,
    estimated by the moments of a one-way analysis of variance (S. R. Searle, G. Casella and C. E.
    McCulloch, "Variance components", Wiley 1992). The unit is t. Where categories do not differ,
    all means are 0.
    """
    w = np.ones(len(z)) if weights is None else weights * np.count_nonzero(weights) / weights.sum()
    cells, n_cells = place + n_places * folds, N_FOLDS * n_places
    total = _sums(cells, w, n_cells).reshape(N_FOLDS, n_places)
    tables = np.zeros((N_FOLDS + 1, n_places, z.shape[1]))
    without = _left_out(total)
    for d, target in enumerate(z.T):
        of_folds = _sums(cells, w * target, n_cells).reshape(N_FOLDS, n_places)
        sums, squares = of_folds.sum(axis=0), np.sum(w * target**2)
        between, ratio = _variance_components(total.sum(axis=0), sums, squares)
        if between > 0:
            tables[:, :, d] = _quotients(_left_out(of_folds), without + ratio) / np.sqrt(between)
    return tables


def _sums(cells: IntArray, values: FloatArray, n_cells: int) -> FloatArray:
    return np.bincount(cells, values, n_cells).astype(np.float64, copy=False)


def _quotients(sums: FloatArray, totals: FloatArray) -> FloatArray:
    """Means; 0 where there are no rows."""
    return np.divide(sums, totals, out=np.zeros_like(sums), where=totals > 0)


def _left_out(of_folds: FloatArray) -> FloatArray:
    """Sums without each part, and the sum of all."""
    total = of_folds.sum(axis=0)
    return np.concatenate([total - of_folds, total[np.newaxis]])


def _variance_components(
    weights: FloatArray, sums: FloatArray, squares: float
) -> tuple[float, float]:
    """Variance between categories, and that within them as a multiple of it.

    From the total weight and the weighted sum of targets of every category, and the weighted sum of
    all squared targets.
    """
    there = weights > 0
    weights, means, n = weights[there], sums[there] / weights[there], weights.sum()
    n_means = len(means)
    if n_means < 2 or n <= n_means:
        return 0.0, np.inf
    grand = np.average(means, weights=weights)
    among = np.sum(weights * (means - grand) ** 2)
    within = max(squares - np.sum(weights * means**2), 0.0) / (n - n_means)
    spread = n - np.sum(weights**2) / n
    between = max((among - (n_means - 1) * within) / spread, 0.0)
    return between, within / between if between > 0 else np.inf
