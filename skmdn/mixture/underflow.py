"""Underflow of numbers to zero, which is harmless in densities and in what follows from them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")


def ignores_underflow(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """The function without errors of underflow, where the caller lets NumPy raise them."""

    @functools.wraps(function)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with np.errstate(under="ignore"):
            return function(*args, **kwargs)

    return guarded


def methods_ignore_underflow(cls: type[_T]) -> type[_T]:
    """The class with all its public methods, and its constructor, guarded in this way."""
    for name in dir(cls):
        method = inspect.getattr_static(cls, name)
        if name.startswith("_") and name != "__init__":
            continue
        if isinstance(method, classmethod):
            setattr(cls, name, classmethod(ignores_underflow(method.__func__)))
        elif inspect.isfunction(method):
            setattr(cls, name, ignores_underflow(method))
    return cls
