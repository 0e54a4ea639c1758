"""Atoms of the targets: the values that a `target_atoms` says or finds, and the rows at them."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from skmdn._arrays import BoolArray, FloatArray, IntArray
from skmdn._estimators.distinct_rows import first_copies
from skmdn._estimators.observations import Observations

# The rule of "auto", as `MDNRegressor` states it. Targets of so few values, each with so many
# distinct rows in the mean, are all atoms.
_FEW_VALUES, _ROWS_PER_VALUE = 12, 10
# Otherwise an atom has at least so many distinct rows and this share of the rows, and there are at
# most so many.
_LEAST_ROWS, _LEAST_SHARE, _MOST_ATOMS = 10, 0.01, 3
# It is so many times as frequent as the values that it is compared with. At an end of y these are
# the nearest ones, and peaks elsewhere, by which heaps at round numbers are told from a bound.
_TIMES, _TIMES_PEAK, _NEAREST = 5, 3, 10


def target_atoms(word: Any, data: Observations) -> FloatArray | None:
    """The atoms ``(A,)`` that a `target_atoms` means, ascending; None for none.

    Raises
    ------
    ValueError
        If the word is neither None, "auto" nor a list of distinct finite numbers, or if there are
        several outputs.
    """
    if word is None:
        return None
    if data.y.shape[1] > 1:
        raise ValueError(
            f"target_atoms={word!r} expects one output; got {data.y.shape[1]}. Fit one model for "
            "each output, or set target_atoms=None."
        )
    if isinstance(word, str) and word == "auto":
        return found_atoms(data)
    return _listed(word)


def _listed(word: Any) -> FloatArray:
    """The atoms of a list."""
    try:
        values = np.unique(np.asarray(word, dtype=np.float64))
    except (TypeError, ValueError):
        values = np.empty(0)
    is_numbers = np.ndim(word) == 1 and np.asarray(word).dtype.kind in "iuf"
    if not is_numbers or len(values) != len(word) or not 0 < np.isfinite(values).sum() == len(word):
        raise ValueError(
            "The 'target_atoms' parameter must be None, 'auto', or a list of at least one value, "
            f"all finite and distinct, such as [0]. Got {word!r} instead."
        )
    return values + 0.0  # no negative zero


def at_atoms(data: Observations, atoms: FloatArray | None) -> Observations:
    """The data with the number of the atom at which each target is."""
    if atoms is None:
        return data
    y = data.y[:, 0]
    atom = np.minimum(np.searchsorted(atoms, y), len(atoms) - 1)
    return replace(data, atom=np.where(atoms[atom] == y, atom, -1), atoms=atoms)


class _Values(NamedTuple):
    """The distinct values of y, ascending, and how many rows have each."""

    values: FloatArray  # (U,)
    counts: FloatArray  # (U,), rows; distinct rows where these are few
    distinct: IntArray  # (U,), distinct rows

    @classmethod
    def of(cls, data: Observations) -> "_Values":
        """Those of the rows with weight."""
        y = data.y[data.rows, 0]
        values, place, counts = np.unique(y, return_inverse=True, return_counts=True)
        distinct = np.bincount(place[first_copies(data.X[data.rows], y)], minlength=len(values))
        return cls(values, np.where(distinct < _LEAST_ROWS, distinct, counts), distinct)


def found_atoms(data: Observations) -> FloatArray | None:
    """The values that so many rows share exactly that no density explains it; None for none."""
    found = _Values.of(data)
    n_values = len(found.values)
    if n_values <= _FEW_VALUES:
        return found.values if found.distinct.sum() >= _ROWS_PER_VALUE * n_values else None
    least = max(_LEAST_ROWS, _LEAST_SHARE * len(data))
    frequent = np.flatnonzero((found.counts >= least) & (found.distinct >= _LEAST_ROWS))
    atoms = _largest_set(found.counts, _candidates(found.counts, frequent))
    return found.values[np.sort(atoms)] if atoms else None


def _candidates(counts: FloatArray, frequent: IntArray) -> list[int]:
    """The most frequent values, and both ends."""
    ends = {0, len(counts) - 1} & set(frequent.tolist())
    most = frequent[np.argsort(-counts[frequent], kind="stable")][:_MOST_ATOMS]
    return sorted(ends | set(most.tolist()))


def _largest_set(counts: FloatArray, candidates: list[int]) -> list[int]:
    """The largest set of candidates that are atoms if the others are; the most frequent of these.

    Sets rather than values, because an atom may stand beside another one.
    """
    peaks = _peaks(counts, candidates)
    for size in range(min(_MOST_ATOMS, len(candidates)), 0, -1):
        sets = [
            s for s in map(list, combinations(candidates, size)) if _are_atoms(counts, s, peaks)
        ]
        if sets:
            return max(sets, key=lambda s: float(counts[s].sum()))
    return []


def _peaks(counts: FloatArray, candidates: Iterable[int]) -> BoolArray:
    """Mask ``(U,)`` of values that stand out from their nearest ones, among the frequent ones."""
    peaks, half = np.zeros(len(counts), dtype=bool), _NEAREST // 2
    least = min((counts[i] for i in candidates), default=np.inf) / _TIMES_PEAK
    for i in np.flatnonzero(counts >= max(least, _TIMES)):
        around = [counts[max(0, i - half) : i], counts[i + 1 : i + 1 + half]]
        peaks[i] = counts[i] >= _TIMES * np.concatenate(around).max()
    return peaks


def _are_atoms(counts: FloatArray, atoms: list[int], peaks: BoolArray) -> bool:
    """Whether each value is frequent enough beside those that are no atoms."""
    others = np.delete(np.arange(len(counts)), atoms)
    other_peaks = others[peaks[others]]
    for i in atoms:
        if others[0] < i < others[-1]:
            enough = counts[i] >= _TIMES * counts[others].max()
        else:
            nearest = others[:_NEAREST] if i < others[0] else others[-_NEAREST:]
            enough = counts[i] >= _TIMES * counts[nearest].max()
            enough &= counts[i] >= _TIMES_PEAK * counts[other_peaks].max(initial=0)
        if not enough:
            return False
    return True
