"""Callbacks of scikit-learn, which it has from version 1.9 on; before, nothing of this happens.

A fit is a task of scikit-learn's, whose subtasks end at the checkpoints of the training, or are the
fits of the members of an ensemble.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in for scikit-learn's class: no callbacks can be set."""

    with_callbacks = None


__all__ = ["CallbackSupportMixin", "FitTask", "MemberTask", "fit_task"]


class MemberTask(NamedTuple):
    """The task of fitting a member of an ensemble; without a context it does nothing."""

    owner: Any
    context: Any

    @contextmanager
    def around(self, member: Any, X: Any, y: Any) -> Iterator[None]:
        """The fit of the member, which has the callbacks of its owner in this block."""
        if self.context is None:
            yield
            return
        with self.context.propagate_callback_context(member):
            self.context.call_on_fit_task_begin(estimator=self.owner, X=X, y=y)
            yield
            self.context.call_on_fit_task_end(estimator=self.owner, X=X, y=y)


class FitTask:
    """The task of one fit; without a context of scikit-learn it does nothing."""

    def __init__(self, estimator: Any, context: Any, X: Any, y: Any, sample_weight: Any) -> None:
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        self._context = context
        self._open: Any = None  # the context of the present checkpoint
        self._data = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}

    def begin(self) -> None:
        """Report that the fit begins."""
        if self._context is not None:
            self._context.call_on_fit_task_begin(**self._data)

    def begin_checkpoint(self) -> None:
        """Begin the subtask that ends at the next checkpoint."""
        if self._context is not None:
            self._open = self._context.subcontext(task_name="checkpoint")
            self._open.call_on_fit_task_begin(**self._data)

    def end_checkpoint(self, fitted_now: Callable[[], Any]) -> bool:
        """Whether a callback wants to stop here; it may ask for the estimator fitted so far."""
        if self._open is None:
            return False
        ended, self._open = self._open, None
        attributes = {"reconstruction_attributes": lambda: vars(fitted_now())}
        return bool(ended.call_on_fit_task_end(**self._data, **attributes))

    @contextmanager
    def members(self, n_members: int) -> Iterator[Sequence[MemberTask]]:
        """The subtask in which members are fitted, in any order; one task for each.

        Without callbacks members have none: they would carry the ensemble to other processes.
        """
        if self._context is None or not hasattr(self._data["estimator"], "_skl_callbacks"):
            yield [MemberTask(None, None)] * n_members
            return
        members = self._context.subcontext(
            task_name="members", max_subtasks=n_members, sequential_subtasks=False
        )
        members.call_on_fit_task_begin(**self._data)
        contexts = [members.subcontext("member", number) for number in range(n_members)]
        yield [MemberTask(self._data["estimator"], context) for context in contexts]
        members.call_on_fit_task_end(**self._data)

    def end(self) -> None:
        """Report that the estimator is fitted; a subtask that met no checkpoint ends with it."""
        if self._open is not None:
            self._open.call_on_fit_task_end(**self._data)
        if self._context is not None:
            self._context.call_on_fit_task_end(**self._data, reconstruction_attributes={})


@contextmanager
def fit_task(
    estimator: Any, X: Any, y: Any, sample_weight: Any, n_subtasks: int = 1
) -> Iterator[FitTask]:
    """The task of a fit with at most so many subtasks; callbacks are torn down after it."""
    if with_callbacks is None:
        yield FitTask(estimator, None, X, y, sample_weight)
        return
    try:
        context = estimator._init_callback_context(max_subtasks=n_subtasks)
        task = FitTask(estimator, context, X, y, sample_weight)
        task.begin()
        yield task
        task.end()
    finally:
        # Around a fit of its own, scikit-learn's decorator does just this.
        with_callbacks(_nothing)(estimator)


def _nothing(estimator: Any) -> None:
    """A method after which callbacks are torn down."""
