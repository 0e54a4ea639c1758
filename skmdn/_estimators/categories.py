"""Categories of features: which features have them, what they are, and their codes."""

import sys
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from skmdn._arrays import AnyArray, Array, BoolArray, FloatArray, IntArray
from skmdn._estimators.misread_text import what_is_among
from skmdn._estimators.tables import (
    Column,
    Frame,
    columns_of,
    entries,
    holds_text_or_booleans,
    numbers_of,
    replaced,
)

# The categories of every feature, sorted; None for a feature of numbers.
Categories: TypeAlias = list[AnyArray | None]
# Code of a category that was not there in fit. Others have their place from 0 on; a gap is NaN.
UNSEEN = -1.0
# Text of which more than this share of the entries differ from one another is a name or an id; of
# fewer rows than these one cannot tell.
_NEARLY_UNIQUE, _ENOUGH_ROWS = 0.9, 20
# Kinds of categories, and the types of their arrays. An array of text would give every entry the
# room of the longest, and drop NUL characters at the end.
_TYPES: dict[str, type] = {"text": object, "booleans": bool, "numbers": float}
_KINDS = {np.dtype(type_).kind: kind for kind, type_ in _TYPES.items()}
# Whole numbers below this are exact in float64; larger ones that differ may become equal.
_TOO_LARGE = 2.0**53


def categorical_mask(
    word: Any, frame: Frame | None, names: Sequence[Any] | None, n_features: int
) -> BoolArray:
    """Which of the features ``(p,)`` hold categories, as a `categorical_features` says.

    Raises
    ------
    ValueError
        If it is none of "from_dtype", None, a mask, indices, and names of features.
    """
    mask = np.zeros(n_features, dtype=bool)
    if isinstance(word, str) and word == "from_dtype":
        columns = [] if frame is None else columns_of(frame)
        mask[: len(columns)] = [holds_text_or_booleans(column) for column in columns]
        return mask
    chosen = _as_array([] if word is None else word)
    if chosen.ndim == 1 and chosen.size == 0:
        return mask
    if chosen.ndim == 1 and chosen.dtype.kind in "OU":
        known = [] if names is None else list(names)
        chosen = np.array([known.index(n) if n in known else n_features for n in chosen.tolist()])
    is_mask = chosen.dtype.kind == "b" and chosen.shape == mask.shape
    are_places = chosen.dtype.kind in "iu" and chosen.ndim == 1
    if not is_mask and not (are_places and np.all((-n_features <= chosen) & (chosen < n_features))):
        raise ValueError(
            "The 'categorical_features' parameter must be 'from_dtype', None, a mask of the "
            f"{n_features} features of X, their indices, or their names"
            f"{' (this X has none)' if names is None else ''}. Got {word!r} instead."
        )
    mask[chosen] = True
    return mask


def _as_array(word: Any) -> AnyArray:
    """A `categorical_features` as an array; what is none has no axis."""
    try:
        return np.asarray(word)
    except ValueError:
        return np.array(None)


def learnt_levels(column: Column, label: str) -> AnyArray:
    """The categories of a column of a frame, sorted."""
    if column.dtype.is_numeric():
        numbers = numbers_of(column, label)
        _check_finite(numbers, label)
        return distinct(numbers, label)
    levels, n_rows = _sorted(entries(column), label), len(column) - column.null_count()
    is_text = levels.dtype.kind == "O"
    if is_text and n_rows >= _ENOUGH_ROWS and len(levels) > _NEARLY_UNIQUE * n_rows:
        found = what_is_among(levels.tolist())
        advice = f" Of these, {found}" if found else ""
        raise ValueError(
            f"{label}: expected categories, got nearly unique text ({len(levels)} different "
            f"entries in {n_rows} rows).{advice} Names or ids say nothing about new rows: leave "
            "them out, or derive from them what rows have in common."
        )
    return levels


def distinct(numbers: Array, label: str) -> AnyArray:
    """The categories of a column of numbers, sorted."""
    levels = np.unique(numbers[~np.isnan(numbers)])
    _check_exact(levels.tolist(), label)
    return levels


def _check_exact(levels: list[Any], label: str) -> None:
    largest = max(map(abs, levels), default=0.0)
    if largest >= _TOO_LARGE:
        got = float(min(largest, sys.float_info.max))
        raise ValueError(
            f"{label}: expected categories of numbers below 2**53 in size, as larger ones that "
            f"differ may be equal in float64; got {got:.17g}. Make them text, for instance by "
            "astype(str)."
        )


def _sorted(found: list[Any], label: str) -> AnyArray:
    """Categories of one kind: text, booleans or numbers."""
    kinds = {_kind(entry) for entry in found}
    if len(kinds) > 1:
        raise ValueError(
            f"{label}: expected categories of one kind, got {' and '.join(sorted(kinds))} in one "
            "column; make them all text, for instance by astype(str)."
        )
    kind = kinds.pop() if kinds else "numbers"
    if kind not in _TYPES:
        raise ValueError(
            f"{label}: expected categories of text, booleans or numbers, got {kind}; make them "
            "text, for instance by astype(str)."
        )
    if kind == "numbers":
        _check_finite(found, label)
        _check_exact(found, label)
    return np.array(sorted(found), dtype=_TYPES[kind])


def _kind(entry: Any) -> str:
    if isinstance(entry, bool | np.bool_):
        return "booleans"
    if isinstance(entry, int | float | np.number):
        return "numbers"
    return "text" if isinstance(entry, str) else type(entry).__name__


def codes_of(column: Column, levels: AnyArray, label: str) -> FloatArray:
    """Codes ``(n,)`` of a column of a frame."""
    if column.dtype.is_numeric():
        numbers = numbers_of(column, label)
        _check_finite(numbers, label)
        return codes_of_numbers(numbers, levels, label)
    expected, found = _KINDS[levels.dtype.kind], entries(column)
    for kind in sorted({_kind(entry) for entry in found} - {expected}):
        if len(levels) or kind not in _TYPES:
            raise _other_kind(label, expected, kind)
    _check_finite(found, label)
    place = {level: float(i) for i, level in enumerate(levels.tolist())}
    return replaced(column, found, [place.get(entry, UNSEEN) for entry in found])


def _check_finite(entries: Array | list[Any], label: str) -> None:
    values = np.asarray(entries)
    if values.dtype.kind == "f" and np.isinf(values).any():
        raise ValueError(f"{label}: expected finite numbers, got infinity.")


def codes_of_numbers(numbers: Array, levels: AnyArray, label: str) -> FloatArray:
    """Codes ``(n,)`` of categories that came as numbers."""
    expected = _KINDS[levels.dtype.kind]
    if expected != "numbers" and len(levels) and not np.isnan(numbers).all():
        raise _other_kind(label, expected, "numbers")
    codes = np.full(len(numbers), UNSEEN)
    codes[np.isnan(numbers)] = np.nan
    if len(levels) and expected == "numbers":
        places = np.minimum(np.searchsorted(levels, numbers), len(levels) - 1)
        is_seen = levels[places] == numbers
        codes[is_seen] = places[is_seen]
    return codes


def _other_kind(label: str, expected: str, got: str) -> ValueError:
    return ValueError(
        f"{label}: expected categories of {expected} as in fit, got {got}. Convert the column to "
        "what it was in fit."
    )


def only_of_rows(categories: Categories, X: Array, rows: IntArray) -> Categories:
    """Only the categories that the given rows have; codes in X change, in place.

    Those of other rows, which have no weight, are then unseen.
    """
    left = list(categories)
    for j, levels in enumerate(categories):
        if levels is None:
            continue
        codes = X[rows, j]
        is_left = np.zeros(len(levels), dtype=bool)
        is_left[codes[codes >= 0].astype(np.intp)] = True
        new = np.where(is_left, np.cumsum(is_left) - 1.0, UNSEEN)
        is_seen = X[:, j] >= 0
        X[is_seen, j] = new[X[is_seen, j].astype(np.intp)]
        left[j] = levels[is_left]
    return left
