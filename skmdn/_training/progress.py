"""Progress of a training, for people who wait: a bar where tqdm is installed, else plain lines."""

from types import TracebackType
from typing import Any

try:
    from tqdm import tqdm
except ImportError:
    tqdm = None


class ProgressDisplay:
    """Shows passes over the data and losses; silent where `verbose` is 0."""

    def __init__(self, verbose: int) -> None:
        self._verbose = bool(verbose)
        self._bar: Any = None

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

    def show(
        self, n_passes: float, planned: float, loss: float, validation_loss: float | None
    ) -> None:
        """Show the passes made and planned, and the losses in nats per row."""
        if not self._verbose:
            return
        losses = {"loss": f"{loss:.4f}"}
        if validation_loss is not None:
            losses["validation_loss"] = f"{validation_loss:.4f}"
        if tqdm is None:
            text = "  ".join(f"{name} {value}" for name, value in losses.items())
            print(f"MDNRegressor: pass {n_passes:.1f} of {planned:.1f}  {text}")
            return
        if self._bar is None:
            self._bar = tqdm(unit="pass", desc="MDNRegressor")
        self._bar.total = round(planned, 1)  # which shrinks where training ends early
        self._bar.set_postfix(losses, refresh=False)
        self._bar.update(round(n_passes, 1) - self._bar.n)
