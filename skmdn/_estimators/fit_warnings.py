"""Warnings of a fit: issued as usual, or collected where nobody would see them."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from sklearn.exceptions import ConvergenceWarning


class FitWarning(NamedTuple):
    """What a fit has to say about itself."""

    message: str
    category: type[Warning]


class DeadComponentsWarning(ConvergenceWarning):
    """Components without weight, which are no fault of a network that predicts with others."""


_COLLECTED: ContextVar[list[FitWarning] | None] = ContextVar("warnings of fits", default=None)


@contextmanager
def collected_fit_warnings() -> Iterator[list[FitWarning]]:
    """Collect the warnings of the fits in the block, in this thread, and issue none of them.

    `warnings.catch_warnings` would change the filters of all threads, and after two threads have
    left it in the wrong order, for good.
    """
    found: list[FitWarning] = []
    token = _COLLECTED.set(found)
    try:
        yield found
    finally:
        _COLLECTED.reset(token)


def warn_of_fit(message: str, category: type[Warning] = UserWarning, *, stacklevel: int) -> None:
    """Issue a warning, or add it to those that are collected."""
    collected = _COLLECTED.get()
    if collected is None:
        warnings.warn(message, category, stacklevel=stacklevel + 1)
    else:
        collected.append(FitWarning(message, category))
