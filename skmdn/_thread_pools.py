"""Thread pools of the libraries called here, for work that is too little to share."""

from contextlib import AbstractContextManager
from functools import cache

from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[object]:
    """BLAS and OpenMP on one thread, restored at the end.

    A second thread gains nothing on little work, costs up to ten times as much where cores are
    busy, and goes on waiting for more work beside what comes next.

    The number of BLAS belongs to the process: where calling threads overlap, it is the first one's.
    """
    return _pools().limit(limits=1)


@cache
def _pools() -> ThreadpoolController:
    """The pools of this process, which take milliseconds to find."""
    return ThreadpoolController()
