"""What every partition holds: rows, rows with weight, and faults, which are told by partition."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from skmdn._estimators.inputs import check_targets, check_weights
from skmdn.mixture.real_numbers import check_real_numbers


class PartitionSurvey(NamedTuple):
    """One partition."""

    n_with_weight: int
    n_rows: int
    fault: str | None


def survey_partition(X: Any, y: Any, weights: Any) -> PartitionSurvey:
    """Count the rows of a partition, and check y and the weights."""
    try:
        n = len(X)
        for name, values in (("y", y), ("sample_weight", weights)):
            if values is not None and len(values) != n:
                raise ValueError(
                    f"{name}: expected the rows of X in every partition, got {len(values)} rows "
                    f"beside {n}. Give both the same partitions."
                )
        if n > 0:
            targets_of(y)
        return PartitionSurvey(len(rows_with_weight(weights, n)), n, None)
    except (TypeError, ValueError) as error:
        return PartitionSurvey(0, 0, str(error))


def targets_of(y: Any) -> np.ndarray:
    """Checked targets of a partition, ``(n,)`` or ``(n, D)``."""
    is_column = getattr(y, "ndim", 1) == 2 and hasattr(y, "iloc") and y.shape[1] == 1
    # The client has been warned of a table of one column.
    values, y_ndim = check_targets(y.iloc[:, 0] if is_column else y, "y")
    return values[:, 0] if y_ndim == 1 and not is_column else values


def rows_with_weight(weights: Any, n: int) -> np.ndarray:
    """Rows of a partition that have weight; here the weights may all be zero."""
    if weights is None or n == 0:
        return np.arange(n)
    check_real_numbers(np.asarray(weights), "sample_weight")
    values = np.asarray(weights, dtype=np.float64)
    if values.shape != (n,) or not np.all(values == 0.0):
        check_weights(values, n, "sample_weight")
    return np.flatnonzero(values)


def check_surveys(surveys: list[PartitionSurvey]) -> np.ndarray:
    """Numbers of rows with weight of all partitions ``(P,)``.

    Raises
    ------
    ValueError
        That names the first partition with a fault, or says that there are no rows.
    """
    for number, survey in enumerate(surveys):
        if survey.fault is not None:
            raise ValueError(f"In partition {number} of {len(surveys)}: {survey.fault}")
    counts = np.array([survey.n_with_weight for survey in surveys], dtype=np.int64)
    if counts.sum() == 0:
        n_rows = sum(survey.n_rows for survey in surveys)
        rows = f"{n_rows} rows, all of weight zero," if n_rows else "no row"
        raise ValueError(f"X: expected at least one row with weight, got {rows} in all partitions.")
    return counts
