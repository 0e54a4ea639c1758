"""The default views of the ensemble."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from skmdn._calibration import expected_of_line
from skmdn._estimators.rows import Rows
from skmdn._estimators.wide_tables import is_wide
from skmdn.ensemble.process_view import ProcessDensity
from skmdn.preprocessing import CrossFittedPredictions
from skmdn.regressor import MDNRegressor

# Least number of rows for these views: the trees split the rows of a member once more.
_LEAST_ROWS = 3
# Fewer rows than this have other views.
_MANY_ROWS = 1000
# A firm decay, times the number of rows, and its least value.
_FIRM, _LEAST_DECAY = 100.0, 0.06


def default_views(n_rows: int, n_features: int) -> list[tuple[str, Any]]:
    """Networks that see plain inputs, encoded inputs, and inputs with predictions of trees.

    Few rows may be so noisy that all of these overfit. Then the decay of the network with plain
    inputs is firm, and there are two more views: a network of firm decay beside a line, and a
    Gaussian process. Many rows of a wide table have the first of the two.
    """
    firm = max(_LEAST_DECAY, _FIRM / n_rows)
    line = ("line", MDNRegressor(encoding="piecewise", alpha=firm, linear_path=True))
    views = [
        ("encoded", MDNRegressor(encoding="piecewise", alpha=0.01)),
        (
            "trees",
            Pipeline(
                [
                    ("predictions", _trees()),
                    ("mdn", MDNRegressor(encoding="piecewise", alpha=0.0)),
                ]
            ),
        ),
    ]
    if n_rows >= _MANY_ROWS:
        of_many = [("plain", MDNRegressor(encoding=None, alpha=_LEAST_DECAY)), *views]
        return [*of_many, line] if is_wide(n_rows, n_features) else of_many
    plain = ("plain", MDNRegressor(encoding=None, alpha=firm))
    return [plain, *views, line, ("process", ProcessDensity())]


def _trees() -> CrossFittedPredictions:
    """Their predictions beside the features: arrays, whatever the user wants of transformers."""
    return CrossFittedPredictions().set_output(transform="default")


def size_of(rows: Rows) -> tuple[int, int]:
    """Number of rows with weight, and of features.

    Raises
    ------
    ValueError
        If X has no columns, such as one text per row, which the default views do not take.
    """
    shape = np.shape(rows.X)
    if len(shape) != 2:
        raise ValueError(
            f"X: the default views expect rows and columns, got shape {shape}. Pass `estimators` "
            "that take what X holds, such as a Pipeline that begins with a vectorizer of texts."
        )
    n = shape[0] if rows.weights is None else np.count_nonzero(rows.weights)
    return int(n), int(shape[1])


def expected_weights(n_rows: int, n_features: int) -> np.ndarray:
    """Weights of the default views before they have shown anything, up to a common factor.

    Of few rows the line and the process are mostly ahead.
    """
    more = expected_of_line(n_rows)
    names = [name for name, _ in default_views(n_rows, n_features)]
    return np.array([more if name in ("line", "process") else 1.0 for name in names])


def check_enough_rows(n_rows: int, *, are_default: bool) -> None:
    """Refuse fewer rows than the folds of the views need."""
    least = _LEAST_ROWS if are_default else 2
    if n_rows < least:
        raise ValueError(
            f"X: expected at least {least} rows for folds of these views, got n_samples = {n_rows}."
        )
