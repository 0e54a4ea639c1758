"""Lazy answers: a method of the density for every row of a collection, partition by partition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
from dask import delayed, is_dask_collection

from skmdn.dask.collections import (
    check_collection,
    check_matching,
    delayed_partitions,
    example_of,
    is_frame,
    n_partitions,
)

# Rows whose densities a worker holds at a time.
_ROWS = 1 << 16
# Methods that answer one array per row, of a shape that does not depend on the rows.
METHODS = {
    "atom_probability", "cdf", "cov", "crps", "energy_score", "entropy", "hdr_mass", "interval",
    "logpdf", "mean", "median", "mode", "pdf", "pit", "ppf", "responsibilities", "sample", "sf",
    "std", "var",
}  # fmt: skip
# Methods of which an argument is values of y.
_OF_Y = {
    "cdf", "crps", "energy_score", "hdr_mass", "logpdf", "pdf", "pit", "responsibilities", "sf",
}  # fmt: skip
PREDICT = "predict"


@dataclass(frozen=True, eq=False)
class Question:
    """A method of the density, or `predict` of the estimator, and its plain arguments."""

    method: str
    arguments: tuple[Any, ...]  # ROWS where the values of a collection belong
    is_seeded: bool = False  # whether every partition gets a generator of its own

    def answer(self, model: Any, X: Any, of_rows: tuple[Any, ...], rng: Any) -> np.ndarray:
        """The answer for some rows in memory."""
        if self.method == PREDICT:
            return np.asarray(model.predict(X))
        left = iter(of_rows)
        arguments = [next(left) if one is ROWS else one for one in self.arguments]
        seed = {"random_state": rng} if self.is_seeded else {}
        return np.asarray(getattr(model.predict_proba(X), self.method)(*arguments, **seed))


class _Rows:
    """Stands for values that differ from row to row; there is one, also after pickling."""

    def __reduce__(self) -> str:
        return "ROWS"


ROWS = _Rows()


def question_of(
    method: str, arguments: tuple[Any, ...], random_state: Any
) -> tuple[Question, list[Any]]:
    """A question and the collections among its arguments.

    Raises
    ------
    ValueError
        If the method does not answer one array per row, or if `random_state` is no seed.
    """
    if method not in METHODS:
        raise ValueError(
            f"method: expected one that answers one array per row, of {', '.join(sorted(METHODS))};"
            f" got {method!r}. For others use to_local() on rows in memory."
        )
    if random_state is not None and not isinstance(random_state, int | np.integer):
        raise ValueError(
            f"random_state: expected an integer or None, got {random_state!r}, from which every "
            "partition gets a seed of its own."
        )
    for one in arguments:
        _check_is_of_all_rows(method, one)
    collections = [one for one in arguments if is_dask_collection(one)]
    plain = tuple(ROWS if is_dask_collection(one) else one for one in arguments)
    is_seeded = method == "sample" or random_state is not None
    return Question(method, plain, is_seeded=is_seeded), collections


def _check_is_of_all_rows(method: str, argument: Any) -> None:
    """Refuse plain values of y by row: every partition would take the same for its rows."""
    if method not in _OF_Y or is_dask_collection(argument):
        return
    shape = np.shape(argument)
    if shape != () and (len(shape) == 1 or shape[0] != 1):
        raise ValueError(
            f"y: expected a collection of values by row, one number, or a grid (1, G) for all rows "
            f"of {method!r}; got plain values of shape {shape}. A list as a grid is "
            "np.array(values)[np.newaxis]."
        )


def lazy_answer(
    model: Any, X: Any, question: Question, of_rows: list[Any], random_state: Any
) -> Any:
    """An array for an array, a Series or a DataFrame with the index of X for a frame."""
    X = check_collection(X, "X")
    for values in of_rows:
        check_matching(check_collection(values, question.method), "y", X)
        if is_frame(X) and not is_frame(values):
            raise ValueError(
                "y: expected a dask Series or DataFrame, as X is one: of an array Dask cannot know "
                "that its rows are those of X. Make it a column beside X, or X an array by "
                "to_dask_array()."
            )
    shape = _example(model, X, question, of_rows).shape[1:]
    entropy = np.random.SeedSequence(random_state).entropy
    if is_frame(X):
        return _of_frame(model, X, question, of_rows, shape, entropy)
    return _of_array(model, X, question, of_rows, shape, entropy)


def _example(model: Any, X: Any, question: Question, of_rows: list[Any]) -> np.ndarray:
    """The answer for a row or two of the types of the collections, in the client."""
    rows = example_of(X, "X")
    values = tuple(np.ones((len(rows), *one.shape[1:])) for one in of_rows)
    if question.method != PREDICT and not hasattr(model.predict_proba(rows), question.method):
        raise ValueError(
            f"method: {question.method!r} is for densities with atoms, and the model has none."
        )
    answer = question.answer(model, rows, values, np.random.default_rng(0))
    if answer.dtype.kind not in "fiub" or answer.shape[:1] != (len(rows),):
        raise ValueError(
            f"method: expected one array per row of {question.method!r}, got shape {answer.shape}."
        )
    return answer


def _of_array(
    model: Any,
    X: Any,
    question: Question,
    of_rows: list[Any],
    shape: tuple[int, ...],
    entropy: Any,
) -> Any:
    numbers = da.arange(n_partitions(X), chunks=1)
    arguments: list[Any] = []
    for values in [numbers, *map(_as_array, of_rows)]:
        arguments += [values, (0,) if values.ndim == 1 else (0, 1 + len(shape) + 1)]
    return da.blockwise(
        _answer_of_block,
        tuple(range(1 + len(shape))),
        X,
        (0, 1 + len(shape)),
        *arguments,
        new_axes={1 + axis: size for axis, size in enumerate(shape)},
        concatenate=True,
        align_arrays=False,
        meta=np.empty((0,) * (1 + len(shape))),
        dtype=np.float64,
        model=delayed(model),
        question=question,
        shape=shape,
        entropy=entropy,
    )


def _of_frame(
    model: Any,
    X: Any,
    question: Question,
    of_rows: list[Any],
    shape: tuple[int, ...],
    entropy: Any,
) -> Any:
    """The answer, partition by partition of X itself.

    Of anything else Dask would have to find the rows by their index, which few files have.
    """
    if len(shape) > 1:
        raise ValueError(
            f"X: expected a dask array, as {question.method!r} answers an array of shape {shape} "
            "per row, which no column of a DataFrame holds; pass X.to_dask_array()."
        )
    return dd.map_partitions(
        _answer_of_partition,
        X,
        *of_rows,
        meta=_as_pandas(np.empty((0, *shape)), X._meta.index[:0], question.method),
        enforce_metadata=False,
        transform_divisions=False,
        model=delayed(model),
        question=question,
        shape=shape,
        entropy=entropy,
    )


def _answer_of_block(
    X: Any,
    number: np.ndarray,
    *of_rows: Any,
    model: Any,
    question: Question,
    shape: tuple[int, ...],
    entropy: Any,
) -> np.ndarray:
    return _answer(X, int(number[0]), of_rows, model, question, shape, entropy)


def _answer_of_partition(
    X: Any,
    *of_rows: Any,
    model: Any,
    question: Question,
    shape: tuple[int, ...],
    entropy: Any,
    partition_info: dict[str, Any],
) -> Any:
    values, number = tuple(np.asarray(one) for one in of_rows), int(partition_info["number"])
    answer = _answer(X, number, values, model, question, shape, entropy)
    return _as_pandas(answer, X.index, question.method)


def _answer(
    X: Any,
    number: int,
    of_rows: tuple[Any, ...],
    model: Any,
    question: Question,
    shape: tuple[int, ...],
    entropy: Any,
) -> np.ndarray:
    """The answer for all rows of a partition, of which there may be none."""
    if any(len(values) != len(X) for values in of_rows):
        raise ValueError(
            f"y: expected the rows of X in every partition, got {[len(one) for one in of_rows]} "
            f"rows beside {len(X)} in partition {number}."
        )
    out, rng = np.empty((len(X), *shape)), np.random.default_rng([entropy, number])
    for rows in slices(len(X)):
        values = tuple(one[rows] for one in of_rows)
        out[rows] = question.answer(model, part(X, rows), values, rng)
    return out


def slices(n: int) -> Iterator[slice]:
    """All of n rows, so many at a time as a worker should hold densities of."""
    for start in range(0, n, _ROWS):
        yield slice(start, min(start + _ROWS, n))


def part(X: Any, rows: slice) -> Any:
    """Consecutive rows of an array or a table."""
    return X.iloc[rows] if hasattr(X, "iloc") else X[rows]


def _as_array(values: Any) -> Any:
    """A collection as an array of the same partitions: Dask's own conversion joins small files."""
    if not is_frame(values):
        return values
    shape = (np.nan, *values.shape[1:])
    parts = [
        da.from_delayed(delayed(np.asarray)(part, np.float64), shape, np.float64)
        for part in delayed_partitions(values)
    ]
    return da.concatenate(parts, allow_unknown_chunksizes=True)


def _as_pandas(answer: np.ndarray, index: Any, name: str) -> Any:
    """A Series of that name, or a DataFrame whose columns have it and a number."""
    if answer.ndim == 1:
        return pd.Series(answer, index, name=name)
    columns = [f"{name}_{j}" for j in range(answer.shape[1])]
    return pd.DataFrame(answer, index, columns)
