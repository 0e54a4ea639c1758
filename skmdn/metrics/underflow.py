"""Underflow of numbers to zero, which is harmless in a metric."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np

_P = ParamSpec("_P")
_R = TypeVar("_R")


def ignores_underflow(metric: Callable[_P, _R]) -> Callable[_P, _R]:
    """Return the metric without errors of underflow, where the caller lets NumPy raise them."""

    @functools.wraps(metric)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with np.errstate(under="ignore"):
            return metric(*args, **kwargs)

    return guarded
