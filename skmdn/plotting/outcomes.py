"""Outcomes that are drawn with their predictions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def check_outcomes(y: ArrayLike, n_rows: int, n_outputs: int) -> np.ndarray:
    """Outcomes of all rows, ``(n, D)``."""
    outcomes = np.asarray(y, dtype=np.float64)
    if outcomes.shape != (n_rows, n_outputs) and (outcomes.shape, n_outputs) != ((n_rows,), 1):
        expected = f"({n_rows},)" if n_outputs == 1 else f"({n_rows}, {n_outputs})"
        raise ValueError(
            f"y: expected outcomes of shape {expected}, as the predictions, got {outcomes.shape}."
        )
    if not np.isfinite(outcomes).all():
        raise ValueError("y: expected finite outcomes, got NaN or infinity.")
    return outcomes.reshape(n_rows, n_outputs)
