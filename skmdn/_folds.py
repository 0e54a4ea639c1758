"""Folds of the rows: splitting, taking, and putting back into order."""

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Rows = NDArray[np.intp]


def splits(
    cv: Any, X: Any, y: Any, rng: np.random.Generator, groups: ArrayLike | None = None
) -> list[tuple[Rows, Rows]]:
    """Training and test rows of every split.

    An integer stands for so many folds, or as many as there are rows. They are shuffled, as rows
    often come in an order that means something; with groups they keep these together instead.
    """
    # Half the weight of scikit-learn, which predicting does not need.
    from sklearn.model_selection import GroupKFold, KFold, check_cv

    if isinstance(cv, Integral) and groups is not None:
        cv = GroupKFold(cv)
    elif isinstance(cv, Integral):
        cv = KFold(min(cv, len(y)), shuffle=True, random_state=int(rng.integers(2**31)))
    rows = np.arange(len(y))
    return [(rows[train], rows[test]) for train, test in check_cv(cv).split(X, y, groups)]


def folds(
    cv: Any, X: Any, y: Any, rng: np.random.Generator, groups: ArrayLike | None = None
) -> list[tuple[Rows, Rows]]:
    """Splits whose test rows are a partition of the rows."""
    parts = splits(cv, X, y, rng, groups)
    order_of([test for _, test in parts], len(y))
    return parts


def order_of(tests: list[Rows], n_rows: int) -> Rows:
    """Place of every row in the concatenated test parts."""
    places = np.concatenate(tests)
    if not np.array_equal(np.sort(places), np.arange(n_rows)):
        raise ValueError(
            f"cv: expected test parts that hold each of {n_rows} rows exactly once, got "
            f"{len(tests)} parts of {places.size} rows, {np.unique(places).size} of them distinct."
        )
    return np.argsort(places)


def take(container: Any, rows: Rows) -> Any:
    """Rows of a DataFrame, an array or a list."""
    if hasattr(container, "iloc"):
        return container.iloc[rows]
    if hasattr(container, "shape"):
        return container[rows]
    return [container[row] for row in rows]
