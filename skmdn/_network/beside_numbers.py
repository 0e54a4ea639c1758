"""What a line in the features of numbers leaves of the targets, of which categories get the means.

A category of few rows has a mean that is as noisy as its targets. What numbers explain of these is
no noise, and a network sees the numbers anyway: so the means are those of what a line leaves, as in
a model of random effects with a line (S. R. Searle, G. Casella and C. E. McCulloch, "Variance
components", Wiley 1992).
"""

from collections.abc import Callable

import numpy as np
from sklearn.utils import gen_batches

from skmdn._arrays import Array, BoolArray, FloatArray, IntArray
from skmdn._network.linear_path import fitted_line, linear_inputs
from skmdn._network.preparation import Z_LIMIT, Preparation

# The line is fitted to at most so many rows, and its inputs are computed for so many at once.
_MAX_ROWS, _CHUNK_ROWS = 5000, 8192


def beside_numbers(
    preparation: Preparation,
    X: Array,
    z: FloatArray,
    weights: FloatArray | None,
    rows: IntArray,
    is_number: BoolArray,
) -> FloatArray:
    """Standardised targets ``z (m, D)`` of some rows of X, less a line in the numbers.

    The preparation need not know of categories yet; `is_number (p,)` tells which have none.
    """
    of_numbers = preparation._replace(
        X_scale=np.where(is_number, preparation.X_scale, np.inf),
        X_count=np.where(is_number, preparation.X_count, preparation.n_seen),
        categories=None,
    )
    w = None if weights is None else weights[rows]
    return _left(lambda part: linear_inputs(of_numbers, X[rows[part]], Z_LIMIT), z, w)


def beside_columns(columns: FloatArray, z: FloatArray, weights: FloatArray | None) -> FloatArray:
    """The same for standardised numbers ``columns (m, q)``, in which gaps are NaN."""
    return _left(lambda part: np.clip(np.nan_to_num(columns[part]), -Z_LIMIT, Z_LIMIT), z, weights)


def _left(
    inputs: Callable[[slice | IntArray], FloatArray], z: FloatArray, weights: FloatArray | None
) -> FloatArray:
    some = np.linspace(0, len(z), min(len(z), _MAX_ROWS), endpoint=False).astype(np.intp)
    w = np.ones(len(some)) if weights is None else weights[some]
    line = fitted_line(inputs(some), z[some], w)
    return np.concatenate(
        [z[part] - line.values(inputs(part)) for part in gen_batches(len(z), _CHUNK_ROWS)]
    )
