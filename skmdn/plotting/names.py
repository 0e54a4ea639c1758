"""Names of features and outputs, as the data have them."""

from __future__ import annotations

from typing import Any

import numpy as np


def feature_name(estimator: Any, X: Any, column: int) -> str:
    """Name of a column of X: from X, from the estimator, or x0, x1, ... as in scikit-learn."""
    names = getattr(X, "columns", None)
    if names is None:
        names = getattr(estimator, "feature_names_in_", None)
    return f"x{column}" if names is None else str(list(names)[column])


def target_names(y: Any, n_outputs: int) -> list[str]:
    """Names of the outputs: from a Series or DataFrame, or y, or y0, y1, ..."""
    columns = getattr(y, "columns", None)
    if columns is not None and len(columns) == n_outputs:
        return [str(name) for name in columns]
    name = getattr(y, "name", None)
    if n_outputs == 1:
        return ["y" if name is None or name == "" else str(name)]  # polars' default is empty
    return [f"y{j}" for j in range(n_outputs)]


def output_index(output: int | None, n_outputs: int, names: list[str]) -> int:
    """Number of the output to draw; None stands for the only one."""
    if output is None and n_outputs == 1:
        return 0
    if isinstance(output, int | np.integer) and 0 <= output < n_outputs:
        return int(output)
    raise ValueError(
        f"output: expected the number of one of {n_outputs} outputs ({', '.join(names)}), "
        f"got {output!r}."
    )
