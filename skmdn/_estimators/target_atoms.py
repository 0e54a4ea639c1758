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
# `_RAISED` is added to counts whose ratio is taken.
_TIMES, _TIMES_PEAK, _NEAREST, _RAISED = 5, 3, 10, 2


def target_atoms(word: Any, data: Observations) -> FloatArray | None:
    """The atoms ``(A,)`` that a `target_atoms` means, ascending; None for none.

    Raises
    ------
    ValueError
        If the word is neither None, "auto" nor a list of distinct finite numbers, or if it is a
        list and there are several outputs.
    """
    is_auto = isinstance(word, str) and word == "auto"
    if word is None or (is_auto and data.y.shape[1] > 1):
        return None
    if data.y.shape[1] > 1:
        raise ValueError(
            f"target_atoms={word!r} expects one output; got {data.y.shape[1]}. Fit one model for "
            "each output, or set target_atoms=None."
        )
    return found_atoms(data) if is_auto else _listed(word)


def _listed(word: Any) -> FloatArray:
    """The atoms of a list."""
    try:
        given = np.asarray(word)
    except (TypeError, ValueError):  # of unequal lengths, or what no array can be made of
        given = np.empty(0)
    is_numbers = given.ndim == 1 and given.dtype.kind in "iuf"
    values = np.unique(given.astype(np.float64)) if is_numbers else np.empty(0)
    if not 0 < np.isfinite(values).sum() == len(values) == len(given):
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
    counts: IntArray  # (U,), rows
    distinct: IntArray  # (U,), distinct rows (X, y)

    @classmethod
    def of(cls, data: Observations) -> "_Values":
        """Those of the rows with weight."""
        y = data.y[data.rows, 0]
        values, place, counts = np.unique(y, return_inverse=True, return_counts=True)
        # Only values that many rows have may be atoms, and only their rows are compared.
        many = np.flatnonzero(counts[place] >= _LEAST_ROWS)
        firsts = many[first_copies(data.X[data.rows[many]], y[many])]
        distinct = np.bincount(place[firsts], minlength=len(values))
        distinct = np.where(counts >= _LEAST_ROWS, distinct, counts)
        # Copies of a few rows are no evidence against other values either.
        counts = np.where(distinct < _LEAST_ROWS, np.minimum(counts, _LEAST_ROWS), counts)
        return cls(values, counts, distinct)


def found_atoms(data: Observations) -> FloatArray | None:
    """The values that so many rows share exactly that no density explains it; None for none."""
    found = _Values.of(data)
    n_values = len(found.values)
    if n_values <= _FEW_VALUES:
        return found.values if found.distinct.sum() >= _ROWS_PER_VALUE * n_values else None
    least = max(_LEAST_ROWS, _LEAST_SHARE * len(data))
    frequent = np.flatnonzero((found.counts >= least) & (found.distinct >= _LEAST_ROWS))
    counts = found.counts.astype(np.float64)
    atoms = _largest_set(counts, _candidates(counts, frequent))
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
    highest_peak = counts[others[peaks[others]]].max(initial=0)
    return all(_is_atom(counts, i, others, highest_peak) for i in atoms)


def _is_atom(counts: FloatArray, i: int, others: IntArray, highest_peak: float) -> bool:
    below, above = counts[others[others < i]][::-1], counts[others[others > i]]  # nearest first
    if len(below) > 0 and len(above) > 0:
        beside = counts[others].max()
    else:
        beside = np.concatenate([below, above])[:_NEAREST].max()
    density = max(_continued(side) for side in (below, above))
    return bool(
        counts[i] >= _TIMES * max(beside, density) and counts[i] >= _TIMES_PEAK * highest_peak
    )


def _continued(counts: FloatArray) -> float:
    """The count of a density that goes on to grow as from its second or third value to its first.

    Counts are raised a little, since few rows tell little about growth.
    """
    if len(counts) < 2:
        return 0.0
    growth = (counts[0] + _RAISED) / (counts[1:3].min() + _RAISED)
    return float(counts[0] * max(1.0, growth))
