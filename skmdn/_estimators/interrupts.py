"""What an interrupt from the keyboard ends: one training, or all the work it is part of."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ENDS_ALL = ContextVar("an interrupt ends all", default=False)


@contextmanager
def interrupt_ends_all() -> Iterator[None]:
    """Let an interrupt in the block end the block, and not only the training that notices it.

    Without this, a loop over trainings in this process would go on with the next one, while the
    same loop over processes ends.
    """
    token = _ENDS_ALL.set(True)
    try:
        yield
    finally:
        _ENDS_ALL.reset(token)


def pass_interrupt_on() -> None:
    """Raise the interrupt that a training has noticed again, if it is to end more than that."""
    if _ENDS_ALL.get():
        raise KeyboardInterrupt
