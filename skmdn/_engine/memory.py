"""Is a file larger than memory? Its rows are then read in runs, not one by one."""

import math
import mmap
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from skmdn._arrays import Array

try:
    import resource
except ImportError:  # of Unix only
    resource = None  # type: ignore[assignment]

# A map of more than this part of the memory does not stay in it while a training goes over it.
_SHARE = 0.5
# Limits of a container, in the two versions of Linux's control groups.
_LIMIT_FILES = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def is_larger_than_memory(X: Array) -> bool:
    """Whether an array is a memory map that does not fit into memory."""
    return X.nbytes > _SHARE * memory_limit() and _is_map(X)


def memory_limit() -> float:
    """Bytes that this process may use, as far as the machine, the container or a limit says."""
    return min(_limits(), default=math.inf)


def _is_map(X: Array) -> bool:
    """Whether an array, or the one that it is a view of, is a file."""
    base: object = X
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            return True
        base = base.base
    return isinstance(base, mmap.mmap)


def _limits() -> Iterator[float]:
    """All limits that are known."""
    with suppress(AttributeError, OSError, ValueError):  # not on this system
        yield float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    if resource is not None:
        for kind in (resource.RLIMIT_DATA, resource.RLIMIT_RSS):
            soft, _ = resource.getrlimit(kind)
            if soft != resource.RLIM_INFINITY:
                yield float(soft)
    for file in _LIMIT_FILES:
        with suppress(OSError, ValueError):  # no such file, or "max"
            yield float(file.read_text(encoding="ascii"))
