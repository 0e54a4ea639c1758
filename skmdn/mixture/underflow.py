"""Floating-point errors that are harmless in densities, whatever state the caller has set in NumPy.

Numbers underflow to zero far from a component, and squares overflow to infinity farther out. The
answers are the limits, so that NumPy need not warn of them or raise.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Literal, ParamSpec, TypeVar

import numpy as np

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")

_COMPUTED = ("scales", "scale_tril")
"""Properties of `Mixture` that are computed at each access."""


def ignores_underflow(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """The function without errors of underflow, where the caller lets NumPy raise them."""

    @functools.wraps(function)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with np.errstate(under="ignore"):
            return function(*args, **kwargs)

    return guarded


def ignores_float_errors(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """The function without floating-point errors or warnings of any kind."""
    ignore: Literal["ignore"] = "ignore"

    @functools.wraps(function)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with np.errstate(all=ignore):
            return function(*args, **kwargs)

    return guarded


def methods_ignore_float_errors(cls: type[_T]) -> type[_T]:
    """The class with its public methods, its constructor and what it computes guarded in this way.

    The array form is guarded against underflow only: a cast to float32 that overflows is a loss.
    """
    for name in dir(cls):
        member = inspect.getattr_static(cls, name)
        if name == "__array__":
            setattr(cls, name, ignores_underflow(member))
        elif isinstance(member, property):
            if name in _COMPUTED and member.fget is not None:
                setattr(cls, name, property(ignores_float_errors(member.fget)))
        elif name.startswith("_") and name != "__init__":
            continue
        elif isinstance(member, classmethod):
            setattr(cls, name, classmethod(ignores_float_errors(member.__func__)))
        elif inspect.isfunction(member):
            setattr(cls, name, ignores_float_errors(member))
    return cls
