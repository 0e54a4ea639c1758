"""Thread count of torch during training."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# With less work per step than this, a further thread costs more than it gains (measured on two
# cores). On sixteen cores, all of them together took five times as long as one for steps of 14
# million.
_MULTIPLY_ADDS_PER_THREAD = 5_000_000
# The process that imported torch. Processes forked from it have none of its OpenMP threads.
_ORIGINAL_PROCESS = os.getpid()


@contextmanager
def threads_for(multiply_adds: int) -> Iterator[None]:
    """As many threads as a step is worth, never more than the caller's; restored at the end.

    In a forked process that is one thread. If the parent had started OpenMP's threads, the child
    would wait for them forever (github.com/pytorch/pytorch/issues/17199).
    """
    before = torch.get_num_threads()
    worth = max(1, multiply_adds // _MULTIPLY_ADDS_PER_THREAD)
    if os.getpid() != _ORIGINAL_PROCESS:
        worth = 1
    if worth >= before:
        yield
        return
    torch.set_num_threads(worth)
    try:
        yield
    finally:
        torch.set_num_threads(before)
