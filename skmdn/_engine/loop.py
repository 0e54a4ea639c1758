"""The training loop: steps, checkpoints, recovery, fine-tuning."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from skmdn._arrays import Array
from skmdn._engine.averaging import ParameterAverage
from skmdn._engine.batches import Batch, Batches, DrawnBatches
from skmdn._engine.budget import FINE_TUNING_CHECKPOINTS, fine_tuning_begins
from skmdn._engine.optimizer import NAdam, OptimizerState, Snapshot
from skmdn._engine.step_losses import StepLosses
from skmdn._engine.steps import Steps
from skmdn._engine.validation import Validation


class Progress(NamedTuple):
    """What a checkpoint reports; losses are in nats per row, in units of y."""

    trained: Callable[[], "Trained"]  # what the training would return if it ended here
    is_last: bool
    n_passes: float
    planned: float  # passes, fewer of which are made if training ends early
    loss: float
    validation_loss: float | None
    is_fine_tuning: bool


class Look(NamedTuple):
    """Parameters of a network, and their losses on rows that it does not learn from."""

    snapshot: Snapshot
    losses: np.ndarray  # (A,), one for each factor of the scales


# Shows the progress to others, and says whether to end the training.
Report = Callable[[Progress], bool]


@dataclass(frozen=True, eq=False)
class Trained:
    """The result of a training; losses are in nats per row, in units of y."""

    layers: list[Array]  # (in + 1, out), intercepts last; the average if one is kept
    state: OptimizerState
    loss_curve: list[float]  # one value a pass
    validation_loss_curve: list[float]  # one value a checkpoint, the first before training
    n_passes: int
    fine_tuning_start: float | None  # passes made before it; None without a fine-tuning
    n_recoveries: int
    interrupted: bool


@dataclass(eq=False)
class History:
    """Results of the checkpoints so far."""

    last_good: Snapshot
    best: Snapshot
    best_loss: float = math.inf
    validation_losses: list[float] = field(default_factory=list)
    n_steps: int = 0  # up to the last checkpoint
    fine_tuning_start: int | None = None  # steps made before it
    n_recoveries: int = 0

    def n_worse(self) -> int:
        """Number of checkpoints since the best one; there must be a best one."""
        return len(self.validation_losses) - 1 - self.validation_losses.index(self.best_loss)

    def note_validation(self, loss: float) -> None:
        """Record the loss of the last good parameters, and keep them if it is the lowest."""
        self.validation_losses.append(loss)
        if loss < self.best_loss:
            self.best_loss = loss
            self.best = self.last_good

    @property
    def chosen(self) -> Snapshot:
        """The best parameters if there is a validation part, else the last good ones."""
        return self.best if math.isfinite(self.best_loss) else self.last_good


class TrainingLoop:
    """One training, from its first step to the last checkpoint.

    `checkpoints` are step numbers; training ends at the last one.
    """

    def __init__(
        self,
        batches: Batches | DrawnBatches,
        steps: Steps,
        losses: StepLosses,
        optimizer: NAdam,
        validation: Validation | None,
        average: ParameterAverage | None,
        checkpoints: list[int],
        rng: np.random.Generator,
        report: Report | None,
    ) -> None:
        self._batches, self._steps, self._losses = batches, steps, losses
        self._optimizer, self._validation, self._average = optimizer, validation, average
        self._checkpoints = checkpoints
        self._rng, self._report = rng, report
        self._step = 0
        self._rest_of_pass: Iterator[Batch] = iter(())
        now = optimizer.snapshot()
        self._history = History(last_good=now, best=now)

    def run(self) -> Trained:
        """Train until the budget is spent, patience runs out, or the user interrupts."""
        interrupted = False
        try:
            self._run_steps()
        except KeyboardInterrupt:
            interrupted = True
            self._judge_the_rest()
        return self._result(interrupted=interrupted)

    def look(self, step: int) -> Look:
        """Train up to a step, if it is not there yet, and judge the parameters.

        If training has diverged since the last look, they are those of that one.
        """
        if step > self._step:
            if self._loss_since_last(self._advance(step)) is None:
                self._recover()
            else:
                self._history.last_good = self._optimizer.snapshot()
        losses = np.empty(0) if self._validation is None else self._validation.losses()
        return Look(self._history.last_good, losses)

    def go_back(self, snapshot: Snapshot, step: int, n_steps: int) -> int:
        """Be ready to fine-tune a snapshot of a step, in so many steps; the first of these."""
        self._history.last_good = snapshot
        self._optimizer.restore(snapshot)
        # A new pass begins, as the number of a step tells a GPU its place in the pass.
        self._rest_of_pass = iter(())
        self._step = self._history.n_steps = step - step % self._batches.n_batches
        self._steps.change_schedule(self._steps.schedule.fine_tuning(self._step, n_steps))
        return self._step

    def layers(self, snapshot: Snapshot) -> list[Array]:
        """Layers of a snapshot."""
        return self._optimizer.state(snapshot).layers

    def _run_steps(self) -> None:
        self._validate()
        while self._step < self._checkpoints[-1]:
            batch = self._advance(next(step for step in self._checkpoints if step > self._step))
            if self._checkpoint(batch):
                return

    def _advance(self, until: int) -> Batch:
        """Train up to a later step, and return the last batch."""
        while True:
            for batch in self._rest_of_pass:
                self._steps(batch, self._step)
                self._step += 1
                if self._average is not None:
                    self._average.update(self._optimizer.n_steps)
                if self._step == until:
                    return batch
            if self._step > 0:
                self._optimizer.settle()  # so that single passes one after the other give the same
            self._rest_of_pass = iter(self._batches.one_pass(self._rng))

    def _checkpoint(self, batch: Batch) -> bool:
        """Recover if training has diverged; otherwise keep the parameters, validate and report.

        Returns whether to end the training here.
        """
        history = self._history
        loss = self._loss_since_last(batch)
        if loss is None:
            self._recover()
            return False
        history.last_good = self._optimizer.snapshot()
        if self._average is not None:
            self._average.keep()
        validation_loss = self._validate()
        is_fine_tuning = history.fine_tuning_start is not None
        self._fine_tune_where_due()
        if self._report is None:
            return False
        per_pass = self._batches.n_batches
        progress = Progress(
            lambda: self._result(interrupted=False),
            self._step == self._checkpoints[-1],
            self._step / per_pass,
            self._losses.n_steps / per_pass,
            loss,
            validation_loss,
            is_fine_tuning,
        )
        return self._report(progress)

    def _judge_the_rest(self) -> None:
        """Count the steps since the last checkpoint too, if they left sound parameters.

        Of a training that is interrupted before the first checkpoint nothing else would be left.
        """
        history = self._history
        if self._step == history.n_steps or self._average is not None:
            return
        now = self._optimizer.snapshot()
        loss = self._losses.mean(history.n_steps, self._step)
        if math.isfinite(loss) and all(np.isfinite(layer).all() for layer in self.layers(now)):
            history.last_good, history.n_steps = now, self._step
            self._validate()

    def _loss_since_last(self, batch: Batch) -> float | None:
        """Mean loss of the steps since the last checkpoint; None if training has diverged."""
        loss = self._losses.mean(self._history.n_steps, self._step)
        self._history.n_steps = self._step
        return loss if math.isfinite(loss) and self._steps.is_sound(batch) else None

    def _validate(self) -> float | None:
        """Loss of the validation part; None without one."""
        if self._validation is None:
            return None
        loss = self._validation.loss()
        self._history.note_validation(loss)
        return loss

    def _fine_tune_where_due(self) -> None:
        """If training no longer helps, go on from its best parameters at a low rate."""
        history, checkpoints = self._history, self._checkpoints
        if not math.isfinite(history.best_loss):
            return
        n_seen = checkpoints.index(self._step) + 1
        if fine_tuning_begins(len(checkpoints), len(checkpoints) - n_seen, history.n_worse()):
            # Too few checkpoints are left for a second fine-tuning.
            self._checkpoints = checkpoints[: n_seen + FINE_TUNING_CHECKPOINTS]
            history.last_good, history.fine_tuning_start = history.best, self._step
            self._optimizer.restore(history.best)
            n_steps = self._checkpoints[-1] - self._step
            self._steps.change_schedule(self._steps.schedule.fine_tuning(self._step, n_steps))

    def _recover(self) -> None:
        """Return to the last good parameters, and halve the learning rate."""
        self._optimizer.restore(self._history.last_good)
        if self._average is not None:
            self._average.go_back()
        self._steps.change_schedule(self._steps.schedule.halved())
        self._history.n_recoveries += 1

    def _result(self, *, interrupted: bool) -> Trained:
        state = self._optimizer.state(self._history.chosen)
        start, per_pass = self._history.fine_tuning_start, self._batches.n_batches
        return Trained(
            layers=state.layers if self._average is None else self._average.to_numpy(),
            state=state,
            loss_curve=self._losses.curve(self._step),
            validation_loss_curve=self._history.validation_losses,
            n_passes=math.ceil(self._step / per_pass),
            fine_tuning_start=None if start is None else start / per_pass,
            n_recoveries=self._history.n_recoveries,
            interrupted=interrupted,
        )
