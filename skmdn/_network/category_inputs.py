"""Inputs of the network for features with categories: indicators, and means of the targets."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from skmdn._arrays import Array, FloatArray, IntArray
from skmdn._network.target_means import shrunk_means

# A category has an indicator of its own from n / 200 rows on, but at least 5 and at most 10.
_LEAST_SHARE, _LEAST_ROWS, _ENOUGH_ROWS = 1 / 200, 5, 10
# Where more than this share of the rows shares an indicator, means of the targets tell them apart.
_LARGE_SHARE = 0.05

Item = TypeVar("Item")


class CategoryInputs(NamedTuple):
    """One indicator for each frequent category of a feature, one for all rare ones, one for gaps.

    A category that fit has not seen, and a gap where fit had none, are taken at the centre: their
    indicators are the shares of the rows. The places of a feature with L categories are 0 to L - 1,
    then that of an unseen one and that of a gap.
    """

    features: IntArray  # (f,), of X
    indicator: list[IntArray]  # of every feature: (L + 2,), which of its indicators, or -1
    shares: list[FloatArray]  # of every feature: (c,), mean of each indicator
    # Of every feature (folds, L + 2, D), the last fold for new rows; (0, 0, 0) without any.
    means: list[FloatArray]

    @classmethod
    def of_features(
        cls,
        indicator: list[IntArray | None],
        shares: list[FloatArray | None],
        means: list[FloatArray | None],
    ) -> "CategoryInputs":
        """From lists with one entry for every feature of X, as a fitted estimator keeps them."""
        features = [j for j, places in enumerate(indicator) if places is not None]
        return cls(
            np.array(features, dtype=np.intp),
            [places for places in indicator if places is not None],
            [share for share in shares if share is not None],
            [_as_new_rows(means[j]) for j in features],
        )

    def by_feature(
        self, n_features: int
    ) -> tuple[list[IntArray | None], list[FloatArray | None], list[FloatArray | None]]:
        """Indicators, shares and means ``(L + 2, D)`` of new rows; None for other features of X."""
        means = [means[-1] if means.size else None for means in self.means]
        return (
            _spread(self.indicator, self.features, n_features),
            _spread(self.shares, self.features, n_features),
            _spread(means, self.features, n_features),
        )

    @property
    def n_inputs(self) -> int:
        """Columns of the network's input."""
        return sum(self.lengths)

    @property
    def lengths(self) -> list[int]:
        """Columns of the network's input for every feature."""
        return [
            len(shares) + means.shape[2]
            for shares, means in zip(self.shares, self.means, strict=True)
        ]

    def fill(self, codes: FloatArray, out: Array, folds: IntArray | None) -> None:
        """Write the inputs for codes ``(f, n)`` into ``out (n, n_inputs)``.

        Rows get the means of their fold, new rows (no folds) those of the last one.
        """
        start = 0
        of_features = zip(codes, self.indicator, self.shares, self.means, strict=True)
        for column, indicator, shares, means in of_features:
            place = places(column, len(indicator) - 2)
            stop = start + len(shares)
            _fill_indicators(indicator[place], shares, out[:, start:stop])
            start, stop = stop, stop + means.shape[2]
            if means.size:
                out[:, start:stop] = means[-1 if folds is None else folds, place]
            start = stop

    def for_fold(self, fold: int) -> "CategoryInputs":
        """The same with the means of one fold only; that of new rows is the last one."""
        return self._replace(means=[means[fold:][:1] for means in self.means])

    def cross_fitted(
        self, X: Array, z: FloatArray, weights: FloatArray | None, rows: IntArray, folds: IntArray
    ) -> "CategoryInputs":
        """The same with means by fold of the given rows, whose standardised targets are z."""
        w = None if weights is None else weights[rows]
        means = list(self.means)
        for i, (j, indicator) in enumerate(zip(self.features, self.indicator, strict=True)):
            if means[i].size:
                place = places(X[rows, j], len(indicator) - 2)
                by_fold = shrunk_means(place, len(indicator), z, w, folds[rows])[:-1]
                means[i] = np.concatenate([by_fold, means[i][-1:]])
        return self._replace(means=means)


def _as_new_rows(means: FloatArray | None) -> FloatArray:
    return np.empty((0, 0, 0)) if means is None else means[np.newaxis]


def _spread(found: Sequence[Item], features: IntArray, n_features: int) -> list[Item | None]:
    """Items of some features in a list of all, None for the others."""
    items: list[Item | None] = [None] * n_features
    for j, item in zip(features, found, strict=True):
        items[j] = item
    return items


def places(codes: Array, n_categories: int) -> IntArray:
    """Places of codes: of an unseen category behind all categories, then of a gap."""
    place = np.where(np.isnan(codes), n_categories + 1.0, codes)
    place[place < 0] = n_categories
    return place.astype(np.intp)


def _fill_indicators(indicator: IntArray, shares: FloatArray, out: Array) -> None:
    out[...] = 0.0
    has_one = np.flatnonzero(indicator >= 0)
    out[has_one, indicator[has_one]] = 1.0
    out[indicator < 0] = shares


def category_inputs(
    X: Array,
    z: FloatArray,
    weights: FloatArray | None,
    rows: IntArray,
    folds: IntArray,
    n_categories: IntArray,
    room: int,
) -> CategoryInputs:
    """Inputs learnt from some rows of X and their standardised targets ``z (m, D)``.

    `n_categories (p,)` is negative for features of numbers. There are at most `room` indicators, of
    the most frequent categories.
    """
    features = np.flatnonzero(n_categories >= 0)
    w = None if weights is None else weights[rows]
    of_rows = [places(X[rows, j], n_categories[j]) for j in features]
    sizes = [
        np.bincount(place, w, n_categories[j] + 2) * (1.0 if w is None else len(rows) / w.sum())
        for place, j in zip(of_rows, features, strict=True)
    ]
    least = _least_size(sizes, room)
    indicators = [_indicator(size, least) for size in sizes]
    means = [
        shrunk_means(place, len(indicator), z, w, folds[rows])
        if _share_of_rare(indicator, size) > _LARGE_SHARE
        else np.empty((0, 0, 0))
        for place, indicator, size in zip(of_rows, indicators, sizes, strict=True)
    ]
    indicators = [_without_constant(indicator) for indicator in indicators]
    shares = [_shares(*pair) for pair in zip(indicators, sizes, strict=True)]
    return CategoryInputs(features, indicators, shares, means)


def _least_size(sizes: list[FloatArray], room: int) -> float:
    """Least number of rows of a category with an indicator, so that there are `room` at most."""
    all_sizes = np.sort(np.concatenate(sizes))[::-1]
    spare = room - 2 * len(sizes)  # for those of rare categories and of gaps
    too_many = all_sizes[spare] if 0 <= spare < len(all_sizes) else 0.0 if spare >= 0 else np.inf
    n_rows = sizes[0].sum() if sizes else 0.0
    least = np.clip(_LEAST_SHARE * n_rows, _LEAST_ROWS, _ENOUGH_ROWS)
    return max(float(least), np.nextafter(too_many, np.inf))


def _indicator(size: FloatArray, least: float) -> IntArray:
    """Indicator ``(L + 2,)`` of every place of a feature: frequent ones, rare ones, gaps."""
    categories, gaps = size[:-2], size[-1]
    indicator = np.full(len(size), -1)
    is_frequent = categories >= least
    is_rare = (categories > 0) & ~is_frequent
    n = np.count_nonzero(is_frequent)
    indicator[:-2][is_frequent] = np.arange(n)
    indicator[:-2][is_rare] = n
    n += bool(is_rare.any())
    if gaps > 0:
        indicator[-1] = n
    return indicator


def _without_constant(indicator: IntArray) -> IntArray:
    """No indicators where there is just one, which would be constant."""
    return indicator if indicator.max() > 0 else np.full(len(indicator), -1)


def _shares(indicator: IntArray, size: FloatArray) -> FloatArray:
    there = indicator >= 0
    return np.bincount(indicator[there], size[there]) / size.sum()


def _share_of_rare(indicator: IntArray, size: FloatArray) -> float:
    """Share of the rows whose category shares its indicator with another."""
    there = indicator >= 0
    members = np.bincount(indicator[there])
    is_shared = members[indicator[there]] > 1
    return float(size[there][is_shared].sum() / size.sum())
