"""Progress of an ensemble, for people who wait: a bar where tqdm is installed, else plain lines."""

from __future__ import annotations

from threading import Lock
from types import TracebackType
from typing import Any

from sklearn.utils.parallel import Parallel


class MemberProgress:
    """Shows how many members are fitted, of all; silent where `verbose` is 0."""

    def __init__(self, n_members: int, verbose: int) -> None:
        self._n_members, self._n_done, self._lock = n_members, 0, Lock()
        self._verbose = bool(verbose)
        self._bar = _bar(n_members) if verbose else None

    def __enter__(self) -> MemberProgress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def announce(self, work: str) -> None:
        """Show what is done now."""
        if self._bar is not None:
            self._bar.set_postfix_str(work)
        elif self._verbose:
            print(f"MDNEnsembleRegressor: {work}")

    def show(self, n_done: int) -> None:
        """Show the number of fitted members, unless it is shown already."""
        with self._lock:  # jobs report from threads of their own, the last one perhaps late
            n_more = n_done - self._n_done
            if n_more <= 0:
                return
            self._n_done = n_done
            if self._bar is not None:
                self._bar.update(n_more)
            elif self._verbose:
                print(f"MDNEnsembleRegressor: {n_done} of {self._n_members} members fitted")


class ShownParallel(Parallel):
    """Parallel jobs, one per member, that report to a progress."""

    def __init__(self, n_jobs: int | None, progress: MemberProgress) -> None:
        super().__init__(n_jobs=n_jobs)
        self._progress = progress

    def print_progress(self) -> None:
        """Show the jobs that are done; joblib calls this after each."""
        self._progress.show(self.n_completed_tasks)


def _bar(n_members: int) -> Any:
    """A bar of tqdm, or None where it is not installed."""
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm(total=n_members, unit="member", desc="MDNEnsembleRegressor")
