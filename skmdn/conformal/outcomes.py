"""Outcomes whose membership in regions is asked for."""

import numpy as np
from numpy.typing import ArrayLike

from skmdn._estimators.inputs import check_targets


def check_outcomes(y: ArrayLike, n_rows: int, n_outputs: int, y_ndim: int) -> np.ndarray:
    """One outcome per row, in the shape that y had in `fit`."""
    outcomes, _ = check_targets(y, "y", stacklevel=4)
    expected = (n_rows,) if y_ndim == 1 else (n_rows, n_outputs)
    if np.shape(y) != expected:
        raise ValueError(f"y: expected shape {expected}, got {np.shape(y)}.")
    return outcomes.reshape(expected)


def check_one_output(n_outputs: int) -> None:
    """Refuse several outputs, whose region is not a list of intervals."""
    if n_outputs > 1:
        raise ValueError(
            f"predict_region: expected one output, got {n_outputs}, whose region is not a list of "
            "intervals; use contains(X, y, level)."
        )
