"""Copies of rows: which rows differ from all before them."""

import numpy as np

from skmdn._arrays import Array, FloatArray, IntArray


def first_copies(X: Array, y: FloatArray) -> IntArray:
    """The first of the rows ``(X, y)`` with each content, by a hash of 64 bits.

    All gaps are equal, and so are the two zeros.
    """
    return np.unique(contents(X, y[:, np.newaxis]), return_index=True)[1]


def merged(X: Array, y: FloatArray, weights: FloatArray | None) -> tuple[IntArray, FloatArray]:
    """The first of the rows ``X (n, p)``, ``y (n, D)`` with each content, and weights for all.

    The order is the same for copies of a row as for a weight.
    """
    _, first, of_row = np.unique(contents(X, y), return_index=True, return_inverse=True)
    return first, np.bincount(of_row.ravel(), weights).astype(np.float64)


def effective_number(X: Array, y: FloatArray, weights: FloatArray | None) -> float:
    """The number of distinct rows ``X (n, p)``, ``y (n, D)``, less where weights differ.

    This is the squared sum of the distinct rows' weights over the sum of their squares: the same
    for copies of a row as for a weight, and for all weights times a factor.
    """
    _, w = merged(X, y, weights)
    w = w / w.max()  # whose squares are within float64
    return float(w.sum() ** 2 / (w @ w))


def contents(X: Array, y: FloatArray) -> IntArray:
    """Hashes of the contents of rows ``X (n, p)``, ``y (n, D)``."""
    hashes = _bits(np.zeros(len(y)))
    for column in (*y.T, *X.T):
        hashes = _mixed(hashes ^ _bits(column))
    return hashes


def _bits(values: Array) -> IntArray:
    numbers = values.astype(np.float64) + 0.0
    return np.where(np.isnan(numbers), np.nan, numbers).view(np.uint64)


def _mixed(hashes: IntArray) -> IntArray:
    """The finaliser of splitmix64 (G. L. Steele, D. Lea and C. H. Flood, OOPSLA 2014)."""
    hashes = hashes + np.uint64(0x9E3779B97F4A7C15)
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))
