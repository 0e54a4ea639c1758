"""The public door: what data an estimator accepts, checked once."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import issparse
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import check_consistent_length, indexable
from sklearn.utils.validation import check_is_fitted, validate_data

from skmdn._arrays import AnyArray, Array, FloatArray
from skmdn._estimators.columns import check_no_dates
from skmdn._estimators.features import (
    check_features,
    check_rows,
    check_same_features,
    forget_unweighted_categories,
    in_order_of_fit,
    n_categories,
)
from skmdn._estimators.groups import missing
from skmdn._estimators.observations import Observations
from skmdn._estimators.rows import Rows
from skmdn.mixture.real_numbers import (
    as_array,
    check_no_dask,
    check_no_mask,
    checked_array,
    even_array,
)

_EXTREME = 1e100  # of weights
_LARGEST_TARGET = 1e300


def check_inputs(estimator: Any, X: ArrayLike, *, reset: bool = False) -> Array:
    """Inputs with the features of fit; `reset` takes their number, names and categories from X.

    Gaps are NaN, categories are codes.
    """
    check_numeric(X)
    return check_features(estimator, X, reset=reset)


def check_training_data(
    estimator: Any,
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    *,
    reset: bool,
) -> Observations:
    """Data to fit; `reset` takes the number, names and categories of features from X."""
    _check_target_is_there(estimator, y)
    check_numeric(X)
    if not reset:
        check_same_features(estimator)
    inputs = check_features(estimator, X, reset=reset)
    targets, y_ndim = check_targets(y, "y", stacklevel=4)
    check_consistent_length(inputs, targets)
    weights = relative_weights(sample_weight, len(targets), "sample_weight")
    if reset and weights is not None:
        forget_unweighted_categories(estimator, inputs, np.flatnonzero(weights))
    return Observations.of(inputs, targets, weights, y_ndim, n_categories(estimator))


def check_training_rows(
    estimator: Any,
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    groups: ArrayLike | None,
    *,
    min_rows: int,
) -> Rows:
    """Data for estimators inside this one to fit, whose features this one notes."""
    _check_target_is_there(estimator, y)
    check_numeric(X)
    rows = check_rows(estimator, X, reset=True, min_rows=min_rows)
    targets, _ = check_targets(y, "y", stacklevel=5)
    check_consistent_length(rows, targets)
    weights = check_weights(sample_weight, len(targets), "sample_weight")
    return Rows(rows, targets, weights, check_groups(groups, len(targets)))


def _check_target_is_there(estimator: Any, y: ArrayLike) -> None:
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None."
        )


def check_validation_data(
    estimator: Any,
    X_val: ArrayLike | None,
    y_val: ArrayLike | None,
    sample_weight_val: ArrayLike | None,
    like: Observations,
) -> Observations | None:
    """The user's validation data, which must have the features and outputs of the training data."""
    if X_val is None and y_val is None:
        if sample_weight_val is not None:
            raise ValueError("sample_weight_val expects X_val and y_val beside it; got neither.")
        return None
    if X_val is None or y_val is None:
        missing, given = ("X_val", "y_val") if X_val is None else ("y_val", "X_val")
        raise ValueError(f"X_val and y_val go together: got {given} but no {missing}.")
    check_numeric(X_val, "X_val")
    table = X_val if hasattr(X_val, "shape") else even_array(X_val, "X_val")
    shape, p = tuple(table.shape), like.X.shape[1]
    if len(shape) != 2 or shape[1] != p:
        raise ValueError(f"X_val must have the features of X, shape (n, {p}); got shape {shape}.")
    X = check_features(estimator, X_val, "X_val")
    targets, y_ndim = check_targets(y_val, "y_val", stacklevel=4)
    if len(X) != len(targets):
        raise ValueError(
            f"X_val and y_val must have equally many rows; got {len(X)} and {len(targets)}."
        )
    if (y_ndim, targets.shape[1]) != (like.y_ndim, like.y.shape[1]):
        raise ValueError(
            f"y_val must have the outputs of y, of shape (n,{_outputs(like.y_ndim, like.y)}); "
            f"got shape (n,{_outputs(y_ndim, targets)})."
        )
    weights = relative_weights(sample_weight_val, len(targets), "sample_weight_val")
    return Observations.of(X, targets, weights, y_ndim, like.n_categories)


def check_table(X: Any) -> Any:
    """X as rows that can be selected: with two or more axes, or one text or other object per row.

    The estimators that get the rows check their contents.
    """
    check_in_memory(X)
    rows = X if hasattr(X, "shape") else _array_of(X)
    if len(rows.shape) < 2 and (len(rows.shape) < 1 or np.asarray(rows).dtype.kind not in "OUS"):
        raise ValueError(
            f"X: expected rows and columns, got shape {rows.shape}. Reshape your data: X[:, None] "
            "for a single feature, X[None] for a single row."
        )
    if rows.shape[0] == 0:
        raise ValueError(f"X: expected at least one row, got shape {rows.shape}.")
    (rows,) = indexable(rows)
    return rows


def check_fitted_table(estimator: Any, X: Any) -> Any:
    """Rows with the features of fit; the estimators inside this one check the rest."""
    check_is_fitted(estimator)
    rows = in_order_of_fit(estimator, check_table(X))
    validate_data(estimator, rows, reset=False, skip_check_array=True)
    return rows


def check_in_memory(X: Any, name: str = "X") -> None:
    """Refuse what is no table yet: a LazyFrame of polars, a collection of Dask, a RecordBatch."""
    check_no_dask(X, name)
    if type(X).__name__ == "RecordBatch":  # of pyarrow; nothing would read its names
        raise TypeError(
            f"{name}: expected a Table of pyarrow, got a RecordBatch; pass "
            f"pyarrow.Table.from_batches([{name}])."
        )
    if hasattr(type(X), "collect"):  # not a column of that name
        raise TypeError(
            f"{name}: expected rows in memory, got a {type(X).__name__}; pass {name}.collect()."
        )


def check_numeric(X: Any, name: str = "X") -> None:
    """Refuse what would be converted to numbers wrongly, or not at all."""
    check_dense(X, name)
    check_no_mask(X, name)
    check_no_dates(X, name)


def check_dense(X: Any, name: str = "X") -> None:
    """Refuse sparse matrices and queries, and say how to get an array instead."""
    check_in_memory(X, name)
    if issparse(X):
        raise TypeError(  # begins as scikit-learn's own message
            f"Sparse data was passed for {name}, but dense data is required. Use '.toarray()', or "
            "in a Pipeline OneHotEncoder(sparse_output=False) or "
            "ColumnTransformer(..., sparse_threshold=0)."
        )


def _array_of(X: Any) -> AnyArray:
    """A list as an array, in which numbers beside texts stay numbers."""
    values = even_array(X, "X")
    return np.asarray(X, dtype=object) if values.dtype.kind in "US" else values


def check_groups(groups: ArrayLike | None, n: int) -> AnyArray | None:
    """Labels ``(n,)`` for a splitter."""
    if groups is None:
        return None
    check_in_memory(groups, "groups")
    check_no_mask(groups, "groups")
    labels = even_array(groups, "groups")
    if labels.shape != (n,):
        raise ValueError(f"groups must have one label per row, shape ({n},); got {labels.shape}.")
    gaps = missing(labels)
    if len(gaps):
        raise ValueError(
            f"groups: expected labels without gaps; got {len(gaps)}, the first at row {gaps[0]}. "
            "Leave these rows out, or give each of them a label of its own."
        )
    return labels


def _outputs(y_ndim: int, y: FloatArray) -> str:
    return "" if y_ndim == 1 else f" {y.shape[1]}"


def check_targets(y: ArrayLike, name: str, stacklevel: int = 3) -> tuple[FloatArray, int]:
    """Targets as float64 ``(n, D)``, and the number of axes they came with.

    A warning points `stacklevel` calls up: with 3, to the caller of the method that calls this.
    """
    values = _numbers(y, name)
    if (largest := max(values.max(initial=0.0), -values.min(initial=0.0))) > _LARGEST_TARGET:
        raise ValueError(
            f"{name}: expected numbers up to {_LARGEST_TARGET:g} in size, so that densities around "
            f"them are within float64; got {largest:g}. Divide {name} by a larger unit."
        )
    if values.ndim == 1:
        return values.reshape(-1, 1), 1
    if values.shape[1:] == (1,) and hasattr(y, "columns"):
        warnings.warn(
            f"{name} is a table of one column, so all answers keep an axis of outputs, (n, 1). "
            f"Pass the column itself, {name}[{_first_column(y)!r}], for answers (n,).",
            DataConversionWarning,
            stacklevel=stacklevel,
        )
    return np.ascontiguousarray(values), 2


def check_scored(y: ArrayLike, sample_weight: ArrayLike | None) -> FloatArray:
    """Targets to score by; those and weights that a metric would take for numbers are refused."""
    values = _numbers(y, "y")
    check_weights(sample_weight, len(values), "sample_weight")
    return values


def check_weights(weights: ArrayLike | None, n: int, name: str) -> FloatArray | None:
    """Non-negative weights ``(n,)`` as they are, for estimators to which their unit may matter.

    Extreme ones are in units of the largest, so that no sum overflows.
    """
    if weights is None:
        return None
    check_in_memory(weights, name)
    if as_array(weights, name).ndim == 0:
        raise ValueError(f"{name} must have one weight per row, shape ({n},); got {weights!r}.")
    w = _numbers(weights, name)
    if w.shape != (n,):
        raise ValueError(f"{name} must have one weight per row, shape ({n},); got shape {w.shape}.")
    if w.min() < 0:
        raise ValueError(f"{name} must not be negative; got {w.min():g} at row {w.argmin()}.")
    if w.max() == 0:
        raise ValueError(f"{name} must be positive for at least one row; got only zeros.")
    return w if 1 / _EXTREME < w.max() < _EXTREME else np.asarray(w / w.max())


def relative_weights(weights: ArrayLike | None, n: int, name: str) -> FloatArray | None:
    """Checked weights ``(n,)`` in units of the largest, where only their ratios matter."""
    w = check_weights(weights, n, name)
    return None if w is None else np.asarray(w / w.max())


def _first_column(table: Any) -> Any:
    """Name of the first column; pyarrow's `columns` are no names."""
    return next(iter(getattr(table, "column_names", table.columns)))


def _numbers(values: ArrayLike, name: str) -> FloatArray:
    """Finite float64 numbers; errors name the argument."""
    check_in_memory(values, name)
    if as_array(values, name).ndim == 0:
        raise ValueError(f"{name}: expected one value per row, got {values!r}.")
    return checked_array(values, name, dtype=np.float64, ensure_2d=False)
