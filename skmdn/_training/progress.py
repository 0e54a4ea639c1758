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

    def finish(self, trained: "_engine.Trained", *, by_folds: bool) -> None:
        """Show which checkpoint was the best, and its loss; folds have told it before."""
        losses = trained.validation_loss_curve
        if not self._verbose or not losses:
            return
        n_checkpoints = len(losses) - 1  # the first loss is that before training
        best = n_checkpoints if by_folds else losses.index(min(losses))
        text = (
            f"checkpoint {best} of {n_checkpoints} is the best, validation_loss {losses[best]:.4f}"
        )
        if by_folds:
            text = f"folds end at checkpoint {best}, validation_loss {losses[best]:.4f}"
        if trained.n_passes < self._planned:
            text += ", training ended early"
        if tqdm is None:
            print(f"MDNRegressor: {text}")
        elif self._bar is not None:
            self._bar.set_description(f"MDNRegressor: {text}")
