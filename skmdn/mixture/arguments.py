"""Checks of the arguments of public methods.

Every error names the argument, what was expected and what came.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import SupportsIndex, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from skmdn._arrays import FloatArray
from skmdn.mixture.blocks import chunks, component_sum, components_first
from skmdn.mixture.real_numbers import as_array

RandomState: TypeAlias = "int | np.random.Generator | np.random.RandomState | None"

SUM_TOLERANCE = 1e-6
"""Largest deviation of a sum of weights from one that is accepted."""


def as_floats(value: ArrayLike, name: str) -> FloatArray:
    """``value`` as a float64 array; one that already is float64 is not copied."""
    array = as_array(value, name)
    try:
        if np.iscomplexobj(array):
            raise TypeError("complex numbers")
        return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} must be an array of real numbers; got {error}") from error


def frozen(array: FloatArray) -> FloatArray:
    """A read-only view; the caller's own array stays writable."""
    view = array.view()
    view.flags.writeable = False
    return view


def check_shape(array: FloatArray, shape: tuple[int, ...], name: str) -> None:
    """Refuse an array that does not have this shape."""
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}; got {array.shape}")


def check_finite(array: FloatArray, name: str) -> None:
    """Refuse NaN and infinity; looking at the extremes alone needs no temporary array."""
    if array.size and not (np.isfinite(array.min()) and np.isfinite(array.max())):
        raise ValueError(f"{name} must be finite; got NaN or infinity")


def check_positive(array: FloatArray, name: str) -> None:
    """Refuse zero, negative and non-finite numbers."""
    if not array.size:
        return
    smallest, largest = array.min(), array.max()
    if not (np.isfinite(smallest) and np.isfinite(largest)):
        raise ValueError(f"{name} must be finite; got NaN or infinity")
    if smallest <= 0:
        raise ValueError(f"{name} must be positive; got a minimum of {smallest}")


def check_means(means: FloatArray) -> None:
    """Refuse means that are not ``(n, K)`` or ``(n, K, D)`` with K and D at least one."""
    if means.ndim not in (2, 3) or 0 in means.shape[1:]:
        raise ValueError(
            "means must have shape (n, K) or (n, K, D) with at least one component and one "
            f"output; got {means.shape}"
        )
    check_finite(means, "means")


def check_tril(tril: FloatArray) -> None:
    """Refuse factors that are not lower triangular with a positive diagonal."""
    check_finite(tril, "scale_tril")
    most = np.finfo(np.float64).max / np.sqrt(tril.shape[2])
    if tril.size and max(tril.max(), -tril.min()) > most:
        raise ValueError(f"scale_tril must be at most {most:g}, for its rows to have a length")
    check_positive(np.diagonal(tril, axis1=2, axis2=3), "the diagonal of scale_tril")
    for i in range(tril.shape[2]):
        if np.any(tril[:, :, i, i + 1 :]):
            raise ValueError("scale_tril must be lower triangular; got entries above the diagonal")


def normalised_weights(weights: FloatArray) -> FloatArray:
    """Weights whose rows sum to one; rows that do already are not changed in any bit."""
    check_finite(weights, "weights")
    if weights.size and weights.min() < 0:
        raise ValueError(f"weights must not be negative; got a minimum of {weights.min()}")
    total = row_totals(weights)
    error = np.abs(total - 1.0)
    if np.any(error > SUM_TOLERANCE):
        raise ValueError(
            "each row of weights must sum to one; "
            f"row {int(error.argmax())} sums to {total[error.argmax()]}"
        )
    off = error > 8 * weights.shape[1] * np.finfo(float).eps
    if not off.any():
        return weights
    return weights / np.where(off, total, 1.0)[:, np.newaxis]


def row_totals(weights: FloatArray) -> FloatArray:
    """Sum of each row, ``(n,)``."""
    totals = np.empty(len(weights))
    for rows in chunks(len(weights), weights.shape[1]):
        totals[rows] = component_sum(components_first(weights, rows))
    return totals


def softmax(logits: ArrayLike) -> FloatArray:
    """Softmax of logits ``(n, K)`` in float64; in memory the component axis comes first."""
    array = as_floats(logits, "logits")
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(f"logits must have shape (n, K) with K >= 1; got {array.shape}")
    weights = array.T.copy(order="C")
    peak = weights.max(axis=0)
    if not np.all(np.isfinite(peak)):
        raise ValueError(
            "logits must be finite or -inf, and not -inf throughout a row; "
            f"got a row whose largest is {peak[~np.isfinite(peak)][0]}"
        )
    weights -= peak
    np.exp(weights, out=weights)
    weights /= component_sum(weights)
    return weights.T


def as_levels(value: ArrayLike, name: str, n_rows: int | None = None) -> FloatArray:
    """Levels within [0, 1]: a number, a 1-D array, or with `n_rows` a 2-D array of as many rows."""
    levels = as_floats(value, name)
    is_per_row = levels.ndim == 2 and len(levels) == n_rows
    if levels.ndim > 1 and not is_per_row:
        per_row = "" if n_rows is None else f", or levels of each row, shape ({n_rows}, Q)"
        raise ValueError(
            f"{name} must be a number or a 1-D array{per_row}; got shape {levels.shape}"
        )
    if not np.all((levels >= 0) & (levels <= 1)):
        raise ValueError(f"{name} must lie within [0, 1]; got {value!r}")
    return levels


def as_count(value: int, name: str) -> int:
    """An integer of at least one."""
    count = _as_index(value)
    if count is None or count < 1:
        raise ValueError(f"{name} must be an integer of at least 1; got {value!r}")
    return count


def _as_index(value: object) -> int | None:
    """``value`` as an int, or None where it is not an integer; a bool is not one."""
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        return None
    try:
        return operator.index(value)
    except TypeError:  # arrays of several numbers
        return None


def as_output(value: int, n_outputs: int, name: str) -> int:
    """Index of an output in ``range(n_outputs)``; negative numbers count from the end."""
    output = _as_index(value)
    if output is None:
        raise ValueError(f"{name} must be integers; got {value!r}")
    if not -n_outputs <= output < n_outputs:
        raise ValueError(f"{name} must lie in [{-n_outputs}, {n_outputs}); got {output}")
    return output % n_outputs


def as_row(value: int) -> int:
    """Index of a row, whether there is such a row or not."""
    row = _as_index(value)
    if row is None:
        raise ValueError(f"row must be an integer; got {value!r}")
    return row


def as_outputs(values: Sequence[int], n_outputs: int, name: str) -> list[int]:
    """Indices of outputs: at least one, and none of them twice."""
    outputs = [as_output(value, n_outputs, name) for value in values]
    if not outputs or len(set(outputs)) < len(outputs):
        raise ValueError(f"{name} must be distinct and at least one; got {list(values)}")
    return outputs


def as_generator(random_state: RandomState) -> np.random.Generator | np.random.RandomState:
    """A random number generator; None seeds one from fresh entropy, not from the global state."""
    if isinstance(random_state, np.random.Generator | np.random.RandomState):
        return random_state
    if random_state is None:
        return np.random.default_rng()
    seed = _as_index(random_state)
    if seed is not None and seed >= 0:
        return np.random.default_rng(seed)
    raise ValueError(
        "random_state must be a non-negative integer, a numpy Generator or RandomState, or None; "
        f"got {random_state!r}"
    )
