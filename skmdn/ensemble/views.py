"""The default views of the ensemble."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline

from skmdn.preprocessing import CrossFittedPredictions
from skmdn.regressor import MDNRegressor

# Least number of rows for these views: the trees split the rows of a member once more.
LEAST_ROWS = 3
# Fewer rows than this have two further views.
_MANY_ROWS = 1000
# Decays of these two, times the number of rows, and the least decay.
_FIRM, _LINE, _LEAST_DECAY = 100.0, 10.0, 0.06


def default_views(n_rows: int) -> list[tuple[str, Any]]:
    """Networks that see plain inputs, encoded inputs, and inputs with predictions of trees.

    Few rows may be so noisy that all of these overfit: they also have a network of firm decay, and
    one without hidden layers.
    """
    views = [
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
    return views if n_rows >= _MANY_ROWS else views + _views_of_few_rows(n_rows)


def _views_of_few_rows(n_rows: int) -> list[tuple[str, Any]]:
    firm, line = (max(_LEAST_DECAY, decay / n_rows) for decay in (_FIRM, _LINE))
    return [
        ("firm", MDNRegressor(encoding=None, alpha=firm)),
        (
            "line",
            MDNRegressor(n_components=2, hidden_layer_sizes=(), encoding=None, alpha=line),
        ),
    ]


def check_enough_rows(n_rows: int, least: int) -> None:
    """Refuse fewer rows than the folds of the views need."""
    if n_rows < least:
        raise ValueError(
            f"X: expected at least {least} rows for folds of these views, got n_samples = {n_rows}."
        )
