"""Thread count of torch during training."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Below this a second thread costs more than it gains (measured on two cores).
_MULTIPLY_ADDS_FOR_MORE_THREADS = 10_000_000


@contextmanager
def threads_for(multiply_adds: int) -> Iterator[None]:
    """Run small steps on one thread; never raise the caller's count, and restore it at the end."""
    before = torch.get_num_threads()
    small = multiply_adds < _MULTIPLY_ADDS_FOR_MORE_THREADS
    if not small or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
