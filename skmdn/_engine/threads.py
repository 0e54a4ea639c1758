"""Thread count of torch during training."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

# A thread with less to do in a step costs more than it gains: measured on two cores. On sixteen,
# all together took five times as long as one for steps of 14 million.
_MULTIPLY_ADDS_PER_THREAD = 5_000_000


@contextmanager
def threads_for(multiply_adds: int) -> Iterator[None]:
    """As many threads as a step is worth; never more than the caller's, restored at the end."""
    before = torch.get_num_threads()
    worth = max(1, multiply_adds // _MULTIPLY_ADDS_PER_THREAD)
    if worth >= before:
        yield
        return
    torch.set_num_threads(worth)
    try:
        yield
    finally:
        torch.set_num_threads(before)
