"""Collections of Dask at the door: what they are, and their partitions, paired."""

from __future__ import annotations

from typing import Any, NamedTuple

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
from dask.dataframe.utils import has_known_categories

from skmdn._estimators.inputs import check_inputs, check_targets


class Partitions(NamedTuple):
    """Partitions of X, y and weights, one `Delayed` each, in their order."""

    X: list[Any]
    y: list[Any]
    weights: list[Any]  # of None where there are no weights


def partitions_of(X: Any, y: Any, sample_weight: Any) -> Partitions:
    """The partitions of collections that go together.

    Raises
    ------
    TypeError
        If one of them is no collection of Dask.
    ValueError
        If their partitions do not match, as far as their sizes are known.
    """
    blocks = delayed_partitions(check_collection(X, "X"))
    of_y = _matching(check_collection(y, "y"), "y", X, len(blocks))
    weights = [None] * len(blocks)
    if sample_weight is not None:
        name = "sample_weight"
        weights = _matching(check_collection(sample_weight, name), name, X, len(blocks))
    return Partitions(blocks, of_y, weights)


def check_collection(values: Any, name: str) -> Any:
    """Return an array or a frame of Dask, an array in blocks of whole rows."""
    if isinstance(values, da.Array):
        if values.ndim not in (1, 2) or (name == "X" and values.ndim != 2):
            raise ValueError(f"{name}: expected rows and columns, got shape {values.shape}.")
        return values.rechunk({1: -1}) if values.ndim == 2 else values
    if isinstance(values, dd.DataFrame) or (name != "X" and isinstance(values, dd.Series)):
        return values
    raise TypeError(
        f"{name}: expected a dask {'' if name == 'X' else 'Series, '}DataFrame or array, got "
        f"{type(values).__module__.partition('.')[0]} {type(values).__name__}. Rows in memory are "
        "for MDNRegressor, or for the estimator that to_local() returns."
    )


def n_partitions(collection: Any) -> int:
    """Number of blocks of rows."""
    is_array = isinstance(collection, da.Array)
    return int(collection.numblocks[0] if is_array else collection.npartitions)


def is_frame(collection: Any) -> bool:
    """Whether a collection is a table or a column of pandas."""
    return not isinstance(collection, da.Array)


def known_sizes(collection: Any) -> tuple[int, ...] | None:
    """Rows of every partition, if Dask knows them."""
    if is_frame(collection) or np.isnan(collection.chunks[0]).any():
        return None
    return tuple(collection.chunks[0])


def check_matching(collection: Any, name: str, X: Any) -> None:
    """Refuse a collection whose partitions are not those of X."""
    n, expected = n_partitions(collection), n_partitions(X)
    advice = (
        "Give both the same partitions, such as two selections of columns of one DataFrame, or "
        f"{name}.rechunk(X.chunks[0])."
    )
    if n != expected:
        raise ValueError(f"{name}: expected the {expected} partitions of X, got {n}. {advice}")
    ours, theirs = known_sizes(collection), known_sizes(X)
    if ours is not None and theirs is not None and ours != theirs:
        raise ValueError(
            f"{name}: expected partitions of as many rows as those of X, {_listed(theirs)}, got "
            f"{_listed(ours)}. {advice}"
        )


def check_examples(estimator: Any, X: Any, y: Any) -> int:
    """Check the types of all columns without reading a row; the number of axes of y.

    The errors and warnings are those of the local `fit`: text without categories, dates, names that
    X does not have.
    """
    check_inputs(estimator, example_of(X, "X"), reset=True)
    _, y_ndim = check_targets(example_of(y, "y"), "y", stacklevel=6)
    return y_ndim


def example_of(collection: Any, name: str) -> Any:
    """A row of the type of a collection.

    A type that may hold text as well as numbers tells nothing: there the row has a gap in X, and
    elsewhere a number.
    """
    if is_frame(collection):
        row = collection._meta_nonempty.iloc[:1]  # a second one may have gaps
        if row.ndim == 1:
            return _or_unknown(row, name)
        columns = [_or_unknown(column, name) for _, column in row.items()]
        return pd.concat(columns, axis=1) if columns else row
    if collection.dtype.kind not in "biufO":
        raise ValueError(f"{name}: expected numbers, got a dask array of {collection.dtype}.")
    dtype = np.dtype(float) if collection.dtype.kind == "O" else collection.dtype
    return np.ones((1, *collection.shape[1:]), dtype)


def _or_unknown(column: pd.Series, name: str) -> pd.Series:
    """A column of one row, or what stands for it if its type may hold text and numbers."""
    is_category = isinstance(column.dtype, pd.CategoricalDtype)
    if column.dtype != object and (not is_category or has_known_categories(column)):
        return column
    value, dtype = (None, column.dtype) if name == "X" else (1.0, object)
    return pd.Series([value], column.index, dtype, column.name)


def _matching(collection: Any, name: str, X: Any, n: int) -> list[Any]:
    check_matching(collection, name, X)
    return delayed_partitions(collection)


def delayed_partitions(collection: Any) -> list[Any]:
    """One `Delayed` for every partition.

    A frame of Parquet reads only the columns that it needs. Further optimisations of Dask are left
    out: they join small files, those of X and of y differently.
    """
    if is_frame(collection):
        return list(collection.simplify().to_delayed(optimize_graph=False))
    return list(collection.to_delayed().ravel())


def _listed(sizes: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, sizes[:5]))
    return f"({shown}{', ...' if len(sizes) > 5 else ''})"
