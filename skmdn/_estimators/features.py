"""Features at the door: a frame or an array becomes one matrix, with gaps as NaN and codes."""

from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from skmdn._arrays import Array, FloatArray, IntArray
from skmdn._estimators.categories import (
    Categories,
    categorical_mask,
    codes_of,
    codes_of_numbers,
    distinct,
    learnt_levels,
    only_of_rows,
)
from skmdn._estimators.columns import text_is_named
from skmdn._estimators.misread_text import warn_of_misread_text
from skmdn._estimators.tables import (
    TEXT_ADVICE,
    Frame,
    columns_of,
    frame_of,
    in_order,
    is_plain_text,
    numbers_of,
    objects_as_numbers,
)
from skmdn.mixture.real_numbers import checked_array

_FLOATS = (np.float64, np.float32)
_OF_FRAME = "Pass a DataFrame with the columns of fit, of which text may be a category."


def check_features(
    estimator: Any, X: Any, name: str = "X", *, reset: bool = False, min_rows: int = 1
) -> Array:
    """Rows ``(n, p)`` with the features of fit; `reset` takes their number, names and categories.

    An array of floats comes back as it is. An estimator without a `categorical_features` has
    numbers only.
    """
    X = _as_read(X) if reset else in_order_of_fit(estimator, _as_read(X))
    frame = frame_of(X)
    options = {"ensure_min_samples": min_rows, **_checks(estimator)}
    if frame is None or _is_plain(frame):
        is_of_frame = not reset and hasattr(estimator, "feature_names_in_")
        with text_is_named(X, name, _OF_FRAME if is_of_frame else TEXT_ADVICE):
            columns = None if frame is None else frame.columns
            matrix = checked_array(X, name, columns=columns, **options)
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        categories = _categories(estimator, frame, matrix, name, reset=reset)
        return matrix if categories is None else _encoded(matrix, categories, frame, name)
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    categories = _categories(estimator, frame, None, name, reset=reset)
    matrix = _matrix(frame, categories, name)
    return checked_array(matrix, name, columns=frame.columns, **options)


def check_rows(estimator: Any, X: Any, *, reset: bool = False, min_rows: int = 1) -> Any:
    """Rows for estimators inside this one: a matrix of numbers, or a frame with other columns too.

    The estimators check what the other columns hold.
    """
    frame = frame_of(X)
    if frame is None or all(column.dtype.is_numeric() for column in columns_of(frame)):
        return check_features(estimator, X, reset=reset, min_rows=min_rows)
    if not reset:
        X = in_order_of_fit(estimator, X)
    if len(frame) < min_rows:
        raise ValueError(f"X: expected at least {min_rows} rows, got n_samples = {len(frame)}.")
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    return X


def in_order_of_fit(estimator: Any, X: Any) -> Any:
    """A frame with its columns in the order of fit; anything else as it is."""
    names = getattr(estimator, "feature_names_in_", None)
    return X if names is None else in_order(X, names.tolist())


def forget_unweighted_categories(estimator: Any, X: Array, rows: IntArray) -> None:
    """Make categories unseen that only rows without weight have; codes in X change, in place."""
    categories = getattr(estimator, "categories_", None)
    if categories is not None and len(rows) < len(X):
        estimator.categories_ = only_of_rows(categories, X, rows)


def n_categories(estimator: Any) -> IntArray | None:
    """Number of categories ``(p,)`` of every feature in fit, -1 for features of numbers."""
    categories = getattr(estimator, "categories_", None)
    if categories is None:
        return None
    return np.array([-1 if levels is None else len(levels) for levels in categories])


def check_same_features(estimator: Any) -> None:
    """Refuse to go on with a fitted model and other features that hold categories.

    What the types of X say is taken from the first call, as a later X may be an array.
    """
    word = estimator.categorical_features
    if isinstance(word, str):
        return
    names, n_features = getattr(estimator, "feature_names_in_", None), estimator.n_features_in_
    mask = categorical_mask(word, None, names, n_features)
    categories = estimator.categories_ or [None] * n_features
    if mask.tolist() != [levels is not None for levels in categories]:
        raise ValueError(
            "To go on with a fitted model, categorical_features must name the features that hold "
            f"categories there; got {word!r}. Fit anew, with warm_start=False or on a clone, to "
            "change it."
        )


def _checks(estimator: Any) -> Any:
    return {"dtype": _FLOATS, "ensure_all_finite": "allow-nan", "estimator": estimator}


def _as_read(X: Any) -> Any:
    """Numbers of an array or list of objects, in which None and pandas' NA are gaps."""
    if isinstance(X, list | tuple) or (isinstance(X, np.ndarray) and X.dtype.kind == "O"):
        try:
            objects = np.asarray(X)
            return objects_as_numbers(objects) if objects.dtype.kind == "O" else X
        except (TypeError, ValueError, OverflowError):
            return X  # ragged, or text: for later checks to refuse
    return X


def _is_plain(frame: Frame) -> bool:
    """Whether all columns are numbers that an array can hold as they are."""
    return all(
        column.dtype.is_numeric() and (column.dtype.is_float() or column.null_count() == 0)
        for column in columns_of(frame)
    )


def _label(frame: Frame | None, name: str, j: int) -> str:
    return f"{name}, column {j if frame is None else frame.columns[j]!r}"


def _categories(
    estimator: Any, frame: Frame | None, matrix: Array | None, name: str, *, reset: bool
) -> Categories | None:
    """The estimator's categories, with `reset` those of this X; None if it has none at all."""
    if reset and hasattr(estimator, "categorical_features"):
        estimator.categories_ = _learnt(estimator, frame, matrix, name)
    return getattr(estimator, "categories_", None)


def _learnt(
    estimator: Any, frame: Frame | None, matrix: Array | None, name: str
) -> Categories | None:
    names = getattr(estimator, "feature_names_in_", None)
    word = estimator.categorical_features
    mask = categorical_mask(word, frame, names, estimator.n_features_in_)
    if not mask.any():
        return None
    categories: Categories = [None] * len(mask)
    for j in np.flatnonzero(mask).tolist():
        label = _label(frame, name, j)
        if matrix is not None:
            categories[j] = distinct(matrix[:, j], label)
        elif frame is not None:
            categories[j] = levels = learnt_levels(frame[:, j], label)
            if isinstance(word, str) and is_plain_text(frame[:, j]):
                warn_of_misread_text(levels.tolist(), label)
    return categories


def _matrix(frame: Frame, categories: Categories | None, name: str) -> FloatArray:
    """A frame's numbers and codes ``(n, p)``."""
    matrix = np.empty(frame.shape)
    for j, column in enumerate(columns_of(frame)):
        levels, label = None if categories is None else categories[j], _label(frame, name, j)
        matrix[:, j] = (
            numbers_of(column, label) if levels is None else codes_of(column, levels, label)
        )
    return matrix


def _encoded(matrix: Array, categories: Categories, frame: Frame | None, name: str) -> Array:
    """A copy of a matrix of numbers with codes in place of categories."""
    encoded = np.array(matrix)
    for j, levels in enumerate(categories):
        if levels is not None:
            encoded[:, j] = codes_of_numbers(matrix[:, j], levels, _label(frame, name, j))
    return encoded
