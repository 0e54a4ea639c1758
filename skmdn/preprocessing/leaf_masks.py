"""Small trees, asked for many rows at once by masks of the leaves that are still in question.

The leaves of a tree are numbered from left to right. A row that exceeds the threshold of a node
does not end in a leaf of its left subtree. The first leaf that no node excludes is the one in which
the row ends [1]_. So the nodes need not be visited one after the other: for every column of the
inputs, a table says which leaves are left after all nodes that ask this column.

References
----------
.. [1] C. Lucchese et al., "QuickScorer: a fast algorithm to rank documents with additive ensembles
   of regression trees", SIGIR 2015.

Axes: T trees of N nodes together; c rows of a block.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# Bits of a mask.
MOST_LEAVES = 64
_ALL = np.uint64(2**64 - 1)


class _Table(NamedTuple):
    """The leaves that are left after all nodes that ask one column."""

    column: int
    thresholds: np.ndarray  # (m,) ascending, distinct
    masks: np.ndarray  # (m + 1, T), by the number of thresholds that a row exceeds


class LeafMasks(NamedTuple):
    """Tables of all columns, and the leaves by tree."""

    tables: list[_Table]
    leaf_ranks: np.ndarray  # (L,) among all leaves, of the leaves by tree and from left to right
    first_leaves: np.ndarray  # (T,) places in `leaf_ranks` at which trees begin

    @classmethod
    def of(
        cls, columns: np.ndarray, thresholds: np.ndarray, links: np.ndarray, roots: np.ndarray
    ) -> LeafMasks:
        """Masks of trees; see `FlatTrees` for the arrays."""
        is_leaf = links == np.arange(len(links))
        levels = _levels(links, is_leaf, roots)
        count = is_leaf.astype(np.intp)  # leaves below a node
        for inner in reversed(levels):
            count[inner] = count[links[inner]] + count[links[inner] + 1]
        first = np.zeros(len(links), np.intp)  # number of the leftmost leaf below a node
        for inner in levels:
            left = links[inner]
            first[left] = first[inner]
            first[left + 1] = first[inner] + count[left]
        inner = np.concatenate(levels)
        left = links[inner]
        masks = ~(_lowest(count[left]) << first[left].astype(np.uint64))
        tree = np.searchsorted(roots, inner, side="right") - 1
        first_leaves = np.cumsum(count[roots]) - count[roots]
        leaves = np.flatnonzero(is_leaf)
        ranks = np.empty(len(leaves), np.intp)
        of_tree = np.searchsorted(roots, leaves, side="right") - 1
        ranks[first_leaves[of_tree] + first[leaves]] = np.arange(len(leaves))
        tables = _tables(columns[inner], thresholds[inner], tree, masks, len(roots))
        return cls(tables, ranks, first_leaves)

    def of_rows(self, inputs: np.ndarray) -> np.ndarray:
        """Ranks of the leaves in which rows ``(c, q)`` end, by tree, ``(T, c)``."""
        open_ = np.full((len(inputs), len(self.first_leaves)), _ALL)
        for column, thresholds, masks in self.tables:
            exceeded = np.searchsorted(thresholds, inputs[:, column])
            open_ &= masks.take(exceeded, axis=0)
        lowest = open_ & (~open_ + np.uint64(1))
        # The exponent of a power of two, read from its bits.
        number = (lowest.astype(np.float64).view(np.int64) >> 52) - 1023
        number += self.first_leaves
        return self.leaf_ranks.take(number.T)


def _levels(links: np.ndarray, is_leaf: np.ndarray, roots: np.ndarray) -> list[np.ndarray]:
    """The nodes that are no leaves, level by level."""
    levels = [roots[~is_leaf[roots]]]
    while len(levels[-1]):
        below = np.concatenate([links[levels[-1]], links[levels[-1]] + 1])
        levels.append(below[~is_leaf[below]])
    return levels


def _lowest(count: np.ndarray) -> np.ndarray:
    """So many bits, the lowest ones; fewer than 64."""
    return (np.uint64(1) << count.astype(np.uint64)) - np.uint64(1)


def _tables(
    columns: np.ndarray,
    thresholds: np.ndarray,
    tree: np.ndarray,
    masks: np.ndarray,
    n_trees: int,
) -> list[_Table]:
    """Tables of the columns that any node asks."""
    tables = []
    for column in np.unique(columns):
        nodes = np.flatnonzero(columns == column)
        distinct, place = np.unique(thresholds[nodes], return_inverse=True)
        left = np.full((len(distinct) + 1, n_trees), _ALL)
        np.bitwise_and.at(left, (place + 1, tree[nodes]), masks[nodes])
        np.bitwise_and.accumulate(left, axis=0, out=left)
        tables.append(_Table(int(column), distinct, left))
    return tables
