"""Whether an interrupt from the keyboard ends one training or the whole call it is part of."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ENDS_ALL = ContextVar("an interrupt ends all", default=False)


@contextmanager
def interrupt_ends_all() -> Iterator[None]:
    """Let an interrupt in the block end the whole block, not only the training that receives it.

    Without this, a loop over trainings in this process would go on with the next one, while the
    same loop over processes ends.
    """
    token = _ENDS_ALL.set(True)
    try:
        yield
    finally:
        _ENDS_ALL.reset(token)


def pass_interrupt_on() -> None:
    """Raise an interrupt that a training has received again, if it should end the whole call."""
    if _ENDS_ALL.get():
        raise KeyboardInterrupt
