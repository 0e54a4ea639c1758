"""The default views of the ensemble."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline

from skmdn.preprocessing import CrossFittedPredictions
from skmdn.regressor import MDNRegressor

# Least number of rows for these views: the trees split the rows of a member once more.
LEAST_ROWS = 3


def default_views() -> list[tuple[str, Any]]:
    """Networks that see plain inputs, encoded inputs, and inputs with predictions of trees."""
    return [
        ("plain", MDNRegressor(encoding=None, alpha=0.06)),
        ("encoded", MDNRegressor(encoding="piecewise", alpha=0.01)),
        (
            "trees",
            Pipeline(
                [
                    ("predictions", CrossFittedPredictions()),
                    ("mdn", MDNRegressor(encoding="piecewise", alpha=0.0)),
                ]
            ),
        ),
    ]


def check_enough_rows(n_rows: int, least: int) -> None:
    """Refuse fewer rows than the folds of the views need."""
    if n_rows < least:
        raise ValueError(
            f"X: expected at least {least} rows for folds of these views, got n_samples = {n_rows}."
        )
