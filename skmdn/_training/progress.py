"""Progress of a training: a bar if tqdm is installed, otherwise plain lines."""

from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skmdn import _engine

try:
    from tqdm import tqdm
except ImportError:
    tqdm = None


class ProgressDisplay:
    """Shows passes over the data and losses; silent if `verbose` is 0."""

    def __init__(self, verbose: bool) -> None:
        self._verbose = verbose
        self._bar: Any = None
        self._planned = 0.0

    def __enter__(self) -> "ProgressDisplay":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, progress: "_engine.Progress") -> None:
        """Show the passes made and planned, and the losses in nats per row."""
        if not self._verbose:
            return
        self._planned = progress.planned
        phase = "fine-tuning" if progress.is_fine_tuning else "training"
        losses = {"loss": f"{progress.loss:.4f}"}
        if progress.validation_loss is not None:
            losses["validation_loss"] = f"{progress.validation_loss:.4f}"
        if tqdm is None:
            text = "  ".join(f"{name} {value}" for name, value in losses.items())
            passes = f"pass {progress.n_passes:.1f} of {progress.planned:.1f}"
            print(f"MDNRegressor {phase}: {passes}  {text}")
            return
        if self._bar is None:
            self._bar = tqdm(unit="pass", total=round(progress.planned, 1))
        self._bar.set_description(f"MDNRegressor {phase}", refresh=False)
        self._bar.set_postfix(losses, refresh=False)
        self._bar.update(round(progress.n_passes, 1) - self._bar.n)

    def finish(self, trained: "_engine.Trained") -> None:
        """Show which checkpoint was the best, and its loss."""
        losses = trained.validation_loss_curve
        if not self._verbose or not losses:
            return
        n_checkpoints = len(losses) - 1  # the first loss is that before training
        best = losses.index(min(losses))
        text = (
            f"checkpoint {best} of {n_checkpoints} is the best, validation_loss {losses[best]:.4f}"
        )
        if trained.n_passes < self._planned:
            text += ", training ended early"
        if tqdm is None:
            print(f"MDNRegressor: {text}")
        elif self._bar is not None:
            self._bar.set_description(f"MDNRegressor: {text}")


def show_folds(losses: list[float], verbose: bool) -> None:
    """Show at which checkpoint the networks of the folds ended, and their loss."""
    if verbose:
        text = f"folds end at checkpoint {len(losses) - 1}, validation_loss {losses[-1]:.4f}"
        print(f"MDNRegressor: {text}")
