"""Thread pools of the libraries called here, for work that is too little to share."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """BLAS and OpenMP on one thread, restored at the end.

    With little work a second thread gains nothing. On busy cores it takes up to ten times as long,
    and it keeps a core busy afterwards while it waits for more work.
    """
    # OpenMP keeps its number for every thread, BLAS keeps one for the process.
    with _pools("openmp").limit(limits=1):
        _BLAS.enter()
        try:
            yield
        finally:
            _BLAS.leave()


class _SharedLimit:
    """The process-wide limit of BLAS: the first thread inside sets it, the last to leave lifts it.

    If each thread restored the number that it found, a second thread could restore the limit of the
    first after the first had left, and the process would stay at one thread.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._n_inside = 0
        self._limit: Any = None

    def enter(self) -> None:
        with self._lock:
            if self._n_inside == 0:
                _take_control()
                self._limit = _pools("blas").limit(limits=1)
            self._n_inside += 1

    def leave(self) -> None:
        with self._lock:
            self._n_inside -= 1
            if self._n_inside == 0:
                self._restore()

    def forget(self) -> None:
        """Start anew in a forked child, where the threads that were inside do not exist."""
        self._lock = Lock()
        self._n_inside = 0
        self._restore()

    def _restore(self) -> None:
        if self._limit is not None:
            _take_control()
            self._limit.restore_original_limits()
            self._limit = None
            _take_control()


def _take_control() -> None:
    """Let whichever thread calls next set the number of threads of OpenBLAS.

    OpenBLAS otherwise obeys only the thread that set a limit first. That thread regains control the
    next time it sets one, as our own limit is held only briefly.
    """
    for library in _pools("blas").lib_controllers:
        clear = getattr(library, "clear_controlling_thread", None)
        if clear is not None:
            clear(force=True)


_BLAS = _SharedLimit()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_BLAS.forget)


@cache
def _pools(user_api: str) -> ThreadpoolController:
    """The pools of this process, which take milliseconds to find."""
    return ThreadpoolController().select(user_api=user_api)
