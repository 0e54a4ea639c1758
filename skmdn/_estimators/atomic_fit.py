"""A fit that fails leaves the estimator as it was."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


@contextmanager
def unchanged_on_error(estimator: Any) -> Iterator[None]:
    """Restore the estimator's attributes if the block fails: no half-fitted model.

    Underflow in the block is harmless: it is ignored, even if the caller has NumPy raise an error.
    """
    before = dict(vars(estimator))
    try:
        with np.errstate(under="ignore"):
            yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
