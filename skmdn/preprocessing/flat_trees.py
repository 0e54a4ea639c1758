"""Fitted regression trees as plain arrays, all of which are asked at once.

A tree of scikit-learn takes 72 bytes per node, and asking it costs microseconds before the first
row. As plain arrays a node takes five to nine bytes. The answers are the same: the least threshold
in single precision parts numbers of single precision as the threshold itself does.

Axes: n rows, p features, D outputs; T trees of N nodes and L leaves together; c rows of a block.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, repeat
from typing import Any, NamedTuple

import numpy as np

from skmdn.preprocessing.leaf_masks import MOST_LEAVES, LeafMasks

# Trees times rows that are asked at once: few enough for the cache.
_CELLS = 1 << 15
# Rows from which masks are worth their making.
_ROWS_FOR_MASKS = 400
# Steps down the trees after which those that have arrived are left behind: copying the others costs
# more than a few steps.
_FIRST_STEPS, _FURTHER_STEPS = 10, 4
# Features up to which they are faster than a walk down the trees.
_FEATURES_FOR_MASKS = 100


class TreeNodes(NamedTuple):
    """Nodes of one tree in any order, the root first; as scikit-learn keeps them."""

    left: np.ndarray  # (N,) number of the left child, -1 at leaves
    right: np.ndarray  # (N,)
    feature: np.ndarray  # (N,)
    threshold: np.ndarray  # (N,) float64; rows up to it go left
    gaps_go_left: np.ndarray  # (N,) bool
    values: np.ndarray  # (N, D)


class _Walkers(NamedTuple):
    """Pairs of a tree and a row that are on their way to a leaf."""

    place: np.ndarray  # (w,) in the answer
    node: np.ndarray  # (w,)
    start: np.ndarray  # (w,) of the row in the flat array of inputs


class FlatTrees:
    """Fitted regression trees as plain arrays, as `StandardizedRegressor.flatten` keeps them.

    The prediction is the offset and the values of a row's leaf in every tree, summed and divided.
    Gaps (NaN) go the way that each node has for them.

    The nodes of a tree are numbered level by level, so that the children of its k-th node that is
    no leaf have the numbers 2 k + 1 and 2 k + 2. So a node need not name its children.

    Parameters
    ----------
    columns : ndarray of int, shape (N,)
        Feature that a node asks; plus p, where gaps go right; 0 at leaves.
    thresholds : ndarray of shape (N,)
        Rows up to the threshold go left; infinite at leaves. Rows are compared in its dtype.
    leaf_values : ndarray of shape (L, D)
        Values of the leaves, in the order of the nodes.
    sizes : ndarray of int, shape (T,)
        Number of nodes of every tree, whose sum is N.
    offset : ndarray of shape (D,)
        What is added to the sum.
    divisor : float
        What the sum is divided by.

    Examples
    --------
    >>> import numpy as np
    >>> from skmdn.preprocessing import FlatTrees
    >>> stump = [0, 0, 0], [0.5, np.inf, np.inf], [[-1.0], [1.0]], [3]
    >>> FlatTrees(*map(np.array, stump), np.zeros(1), 1.0).predict(np.array([[0.5], [0.6]]))
    array([-1.,  1.])
    """

    def __init__(
        self,
        columns: np.ndarray,
        thresholds: np.ndarray,
        leaf_values: np.ndarray,
        sizes: np.ndarray,
        offset: np.ndarray,
        divisor: float,
    ) -> None:
        # Arrays that joblib maps into memory are slow as long as they are of a class of their own.
        self.columns = np.asarray(columns)
        self.thresholds = np.asarray(thresholds)
        self.leaf_values = np.asarray(leaf_values)
        self.sizes = np.asarray(sizes)
        self.offset = offset
        self.divisor = divisor
        # As NumPy indexes quickest.
        self._columns = columns.astype(np.intp)
        self._roots, self._links, self._leaf_ranks = _links(self.thresholds, self.sizes)

    def __getstate__(self) -> dict[str, Any]:
        """The arguments; what follows from them would take half of a pickle."""
        return {name: value for name, value in vars(self).items() if name[0] != "_"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make anew what follows from the arguments."""
        FlatTrees.__init__(self, **state)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict all trees' mean or sum.

        Parameters
        ----------
        X : ndarray of shape (n, p)
            Numbers within single precision; gaps are NaN.

        Returns
        -------
        ndarray of shape (n,) or (n, D)
            The first shape for one output.
        """
        answer = np.empty((len(X), len(self.offset)))
        masks = self._masks(X)
        step = max(1, _CELLS // len(self.sizes))
        for start in range(0, len(X), step):
            rows = slice(start, start + step)
            inputs = _inputs(X[rows], self.thresholds.dtype)
            ranks = (
                self._leaf_ranks.take(self._walk(inputs))
                if masks is None
                else masks.of_rows(inputs)
            )
            answer[rows] = self._summed(ranks)
        return answer[:, 0] if answer.shape[1] == 1 else answer

    def _summed(self, ranks: np.ndarray) -> np.ndarray:
        """Predictions ``(c, D)`` from the leaves of every tree ``(T, c)``."""
        values = self.leaf_values.take(ranks, axis=0).astype(np.float64)  # (T, c, D)
        values[0] += self.offset
        # Added one tree after the other, so that a row's sum does not depend on other rows.
        return np.asarray(np.add.accumulate(values, axis=0, out=values)[-1] / self.divisor)

    def _walk(self, inputs: np.ndarray) -> np.ndarray:
        """The leaf in which each row ends, by tree, ``(T, c)``."""
        shape = len(self._roots), len(inputs)
        walkers = _Walkers(
            np.arange(shape[0] * shape[1]),
            np.repeat(self._roots, shape[1]),
            np.tile(np.arange(shape[1]) * inputs.shape[1], shape[0]),
        )
        cells, answer = inputs.ravel(), np.empty(len(walkers.node), np.intp)
        for steps in chain((_FIRST_STEPS,), repeat(_FURTHER_STEPS)):
            walkers, last = self._steps(walkers, cells, steps)
            answer[walkers.place] = walkers.node
            # A leaf is followed by itself.
            going = np.flatnonzero(walkers.node != last)
            if not len(going):
                break
            walkers = _Walkers(*(array.take(going) for array in walkers))
        return answer.reshape(shape)

    def _steps(
        self, walkers: _Walkers, cells: np.ndarray, steps: int
    ) -> tuple[_Walkers, np.ndarray]:
        """The walkers after some steps down, and their nodes before the last one."""
        node, at, last = walkers.node, np.empty_like(walkers.node), walkers.node
        for _ in range(steps):
            self._columns.take(node, out=at, mode="clip")  # other modes copy
            at += walkers.start
            last, node = node, self._links.take(node)
            node += cells.take(at) > self.thresholds.take(last)
        return walkers._replace(node=node), last

    def _masks(self, X: np.ndarray) -> LeafMasks | None:
        """Masks of the leaves, if they are faster for so many rows."""
        n_rows, n_features = X.shape
        largest = (int(self.sizes.max()) + 1) // 2
        if n_rows < _ROWS_FOR_MASKS or largest > MOST_LEAVES or n_features > _FEATURES_FOR_MASKS:
            return None
        # Without gaps both copies of a feature are the same.
        columns = self._columns if np.isnan(X).any() else self._columns % n_features
        return LeafMasks.of(columns, self.thresholds, self._links, self._roots)


def _flat(
    trees: Sequence[TreeNodes],
    n_features: int,
    dtype: type[np.floating[Any]],
    offset: np.ndarray,
    divisor: float,
) -> FlatTrees:
    """Trees for inputs of a dtype, in which their leaf values are kept too."""
    sizes = np.array([len(tree.left) for tree in trees], np.int32)
    starts = np.cumsum(sizes) - sizes
    nodes = TreeNodes(*(np.concatenate(arrays) for arrays in zip(*trees, strict=True)))
    children = [
        np.where(side >= 0, side + np.repeat(starts, sizes), -1)
        for side in (nodes.left, nodes.right)
    ]
    tree = np.repeat(np.arange(len(sizes)), sizes)
    order = _by_level(children[0], children[1], starts, tree)
    is_leaf = nodes.left[order] < 0
    columns = nodes.feature + n_features * ~nodes.gaps_go_left
    columns = np.where(is_leaf, 0, columns[order])
    thresholds = np.where(is_leaf, np.inf, _rounded_down(nodes.threshold[order], dtype))
    return FlatTrees(
        columns.astype(np.min_scalar_type(2 * n_features)),
        thresholds.astype(dtype),
        nodes.values[order[is_leaf]].astype(dtype),
        sizes,
        offset,
        divisor,
    )


def flat_forest(forest: Any) -> FlatTrees:
    """The trees of a fitted random or extra-trees forest of scikit-learn."""
    trees = [_nodes_of(tree.tree_) for tree in forest.estimators_]
    offset = np.zeros(trees[0].values.shape[1])
    return _flat(trees, forest.n_features_in_, np.float32, offset, float(len(trees)))


def flat_boosting(boosting: Any) -> Any:
    """The trees of a fitted `HistGradientBoostingRegressor`, or itself where it has categories.

    scikit-learn does not say how it keeps these trees. So the arrays must give its predictions for
    some rows, to the bit; else, as with another release, it stays itself.
    """
    rows = np.random.default_rng(0).normal(size=(32, boosting.n_features_in_))
    rows[::8] = np.nan
    try:
        if boosting.is_categorical_ is not None:
            return boosting
        offset = np.ravel(boosting._baseline_prediction)
        trees = [_nodes_of_predictor(one.nodes) for (one,) in boosting._predictors]
        flat = _flat(trees, boosting.n_features_in_, np.float64, offset, 1.0)
    except (AttributeError, TypeError, ValueError):
        return boosting
    return flat if np.array_equal(flat.predict(rows), boosting.predict(rows)) else boosting


def _nodes_of(tree: Any) -> TreeNodes:
    """The nodes of a `sklearn.tree.Tree`."""
    return TreeNodes(
        tree.children_left,
        tree.children_right,
        tree.feature,
        tree.threshold,
        tree.missing_go_to_left.astype(bool),
        tree.value[:, :, 0],
    )


def _nodes_of_predictor(nodes: np.ndarray) -> TreeNodes:
    """The nodes of a tree of boosting, whose leaves have zeros for children."""
    inner = nodes["is_leaf"] == 0
    return TreeNodes(
        np.where(inner, nodes["left"].astype(np.intp), -1),
        np.where(inner, nodes["right"].astype(np.intp), -1),
        nodes["feature_idx"].astype(np.intp),
        nodes["num_threshold"],
        nodes["missing_go_to_left"].astype(bool),
        nodes["value"][:, np.newaxis],
    )


def _by_level(
    left: np.ndarray, right: np.ndarray, roots: np.ndarray, tree: np.ndarray
) -> np.ndarray:
    """The nodes of all trees, tree after tree, and those of a tree level by level."""
    levels = [roots]
    while len(levels[-1]):
        inner = levels[-1][left[levels[-1]] >= 0]
        levels.append(np.stack([left[inner], right[inner]], axis=1).ravel())
    order = np.concatenate(levels)
    return order[np.argsort(tree[order], kind="stable")]


def _rounded_down(thresholds: np.ndarray, dtype: type[np.floating[Any]]) -> np.ndarray:
    """The largest numbers of the dtype up to the thresholds; finite, as numbers of X are."""
    largest = np.finfo(dtype).max
    thresholds = np.clip(thresholds, -float(largest), float(largest))
    rounded = thresholds.astype(dtype)
    return np.where(rounded > thresholds, np.nextafter(rounded, dtype(-np.inf)), rounded)


def _links(thresholds: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Roots ``(T,)``; the left child or at a leaf itself, and the leaves before, ``(N,)``."""
    is_leaf = np.isinf(thresholds)
    node = np.arange(len(thresholds))
    leaves_before = np.cumsum(is_leaf) - is_leaf
    root = np.repeat(np.cumsum(sizes) - sizes, sizes)
    inner_before = node - leaves_before
    links = np.where(is_leaf, node, root + 1 + 2 * (inner_before - inner_before[root]))
    roots = np.cumsum(sizes, dtype=np.intp) - sizes
    return roots, links, leaves_before


def _inputs(X: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Features of a block of rows twice, ``(c, 2 p)``, without gaps."""
    X = X.astype(dtype)
    gaps = np.isnan(X)
    if not gaps.any():
        return np.hstack([X, X])
    return np.hstack([np.where(gaps, -np.inf, X), np.where(gaps, np.inf, X)]).astype(dtype)
