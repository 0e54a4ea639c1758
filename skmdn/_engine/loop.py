"""The training loop: steps, checkpoints, recovery, history. Arrays in, arrays out."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from skmdn._arrays import Array, IntArray
from skmdn._engine.activations import ACTIVATIONS
from skmdn._engine.batches import Batch, Batches, DrawnBatches
from skmdn._engine.budget import FINE_TUNING_CHECKPOINTS, Budget, checkpoints, fine_tuning_begins
from skmdn._engine.head import LOG_2PI, MixtureHead
from skmdn._engine.network import Parameters, Pass, layer_sizes, multiply_adds
from skmdn._engine.optimizer import NAdam, Schedule
from skmdn._engine.readers import Observations, resident_rows
from skmdn._engine.step_losses import Tally
from skmdn._engine.steps import CapturedStep, DirectStep, Step, is_captured
from skmdn._engine.threads import threads_for
from skmdn._network.forward import LARGEST_LOG_SCALE
from skmdn._network.preparation import Preparation

# Passes made, passes planned, loss and validation loss in nats per row, in units of y.
Report = Callable[[float, float, float, float | None], None]

# Rows of one validation batch: large enough for full speed, on the CPU small enough for the cache.
_VALIDATION_BATCH = {"cpu": 1024, "cuda": 16384}
# Scales are compared as they are and up to several times as wide: overconfident scales are set
# right after the training, so they should not decide when the means are at their best.
_SCALE_FACTORS = (0.7, 0.85, 1.0, 1.2, 1.5, 1.9, 2.5, 3.3, 4.5)


@dataclass(frozen=True)
class TrainingOptions:
    """The network and how to train it."""

    n_components: int
    covariance_type: str
    hidden_layer_sizes: tuple[int, ...]
    activation: str
    scale_floor: float
    alpha: float
    learning_rate: float
    warmup: float | None  # part of the steps with a rising rate; None: a constant rate
    max_grad_norm: float
    batch_size: int | None  # None: by the number of rows
    n_passes: int | None  # None: by the number of rows
    validation_fraction: float | str | None  # "auto": by the number of rows
    calibrate: bool  # compare checkpoints at their best scale factor
    dtype: str
    device: str


class Moments(NamedTuple):
    """Adam's memory: two moments of the flat gradient and the number of steps behind them."""

    first: Array
    second: Array
    n_steps: int


@dataclass(frozen=True)
class Trained:
    """What training leaves behind; losses are in nats per row, in units of y."""

    layers: list[Array]  # (in + 1, out), intercepts last
    moments: Moments
    loss_curve: list[float]  # one value a pass
    validation_loss_curve: list[float]  # one value a checkpoint, the first before training
    n_passes: int
    n_recoveries: int
    interrupted: bool
    held_out: IntArray | None = None  # rows of the data that validated


@dataclass
class _Snapshot:
    flat: Tensor
    adam: tuple[Tensor, Tensor, int]


@dataclass
class _History:
    totals: Tensor  # (n_steps,) log-likelihood of a step's rows, without its constant
    validation: list[float] = field(default_factory=list)
    best: float = math.inf
    seen: int = 0  # steps that checkpoints have covered
    n_recoveries: int = 0

    def n_worse(self) -> int:
        """Checkpoints since the best one, which there must be."""
        return len(self.validation) - 1 - self.validation.index(self.best)


class Training:
    """One fit: a network, its optimiser and the data it sees."""

    def __init__(
        self,
        layers: list[Array],
        data: Observations,
        preparation: Preparation,
        options: TrainingOptions,
        budget: Budget,
        *,
        validation: Observations | None = None,
        moments: Moments | None = None,
        rng: np.random.Generator,
        report: Report | None = None,
    ) -> None:
        device, dtype = torch.device(options.device), getattr(torch, options.dtype)
        self._options = options
        self._budget = budget
        self._report = report
        self._rng = rng
        self._parameters = Parameters(
            [torch.tensor(layer, dtype=dtype, device=device) for layer in layers]
        )
        self._adam = NAdam(
            self._parameters, alpha=options.alpha, max_grad_norm=options.max_grad_norm
        )
        if moments is not None:
            self._adam.restore(
                (
                    torch.tensor(moments.first, dtype=dtype, device=device),
                    torch.tensor(moments.second, dtype=dtype, device=device),
                    moments.n_steps,
                )
            )
        self._n_outputs = data.y.shape[1]
        # Losses of standardised targets become those of y by the preparation's Jacobian.
        self._log_unit = float(np.log(preparation.y_scale).sum())
        self._constant = 0.5 * self._n_outputs * LOG_2PI + self._log_unit
        self._batches: Batches | DrawnBatches
        if is_captured(device):
            rows = resident_rows(data, preparation, dtype, device)
            self._batches = DrawnBatches(rows, budget.batch_size)
        else:
            self._batches = Batches(data, preparation, budget.batch_size, dtype, device)
        self._rows = np.resize(np.diff(self._batches.edges), budget.n_steps)
        self._scale_factors = self._parameters.flat.new_tensor(_SCALE_FACTORS)
        self._validation = None
        if validation is not None:
            size = min(len(validation.rows), _VALIDATION_BATCH[device.type])
            self._validation = Batches(validation, preparation, size, dtype, device)
        self._passes: dict[tuple[int, bool], Pass] = {}
        self._steps: dict[int, Step] = {}
        self._tallies: dict[int, Tally] = {}
        self._factors: Tensor | None = None  # of captured steps
        n_validation = 0 if validation is None else len(validation.rows)
        self._checkpoints = checkpoints(budget, n_validation)  # the last of them is the end
        self._step = 0
        self._schedule = Schedule(options.learning_rate, options.warmup, budget.n_steps)
        self._history = _History(torch.zeros(budget.n_steps, dtype=dtype, device=device))
        self._last_good = self._best = self._snapshot()

    def run(self) -> Trained:
        """Train until the budget or patience is at its end, or the user interrupts."""
        interrupted = False
        work = multiply_adds(layer_sizes(self._parameters.layers), self._budget.batch_size)
        with threads_for(work):
            try:
                self._run_steps()
            except KeyboardInterrupt:
                interrupted = True
        return self._result(interrupted)

    def _run_steps(self) -> None:
        self._validate()
        while self._step < self._checkpoints[-1]:
            for batch in self._batches.one_pass(self._rng):
                self._train_on(batch)
                if self._step in self._checkpoints:
                    self._checkpoint(batch)
                if self._step == self._checkpoints[-1]:
                    return
            self._adam.settle()  # as it is where passes are made one by one

    def _train_on(self, batch: Batch) -> None:
        """One step."""
        if batch.n_rows not in self._steps:
            self._steps[batch.n_rows] = self._make_step(batch.n_rows)
        self._steps[batch.n_rows](batch, self._step)
        self._step += 1

    def _make_step(self, n_rows: int) -> Step:
        network_pass, totals = self._pass_for(n_rows, training=True), self._history.totals
        if isinstance(self._batches, Batches):
            if n_rows not in self._tallies:
                self._tallies[n_rows] = Tally(network_pass.head, totals)
            return DirectStep(network_pass, self._adam, self._schedule, self._tallies[n_rows])
        if self._factors is None:
            self._factors = self._factors_to_come()
        return CapturedStep(network_pass, self._adam, self._factors, totals, self._batches.draw)

    def _factors_to_come(self) -> Tensor:
        """Factors of the update at every step from here on, ``(n_steps, 3)``."""
        steps, made = range(self._step, self._budget.n_steps), self._adam.n_steps - self._step
        rows = [self._adam.factors(self._schedule.rate(i), made + i + 1) for i in steps]
        table = self._parameters.flat.new_zeros(self._budget.n_steps, 3)
        table[self._step :] = table.new_tensor(rows)
        return table

    def _pass_for(self, n_rows: int, *, training: bool) -> Pass:
        """Buffers for batches of `n_rows`, made once; a fit has two sizes of batch at most."""
        key = n_rows, training
        if key not in self._passes:
            o = self._options
            head = MixtureHead(
                o.covariance_type,
                o.n_components,
                self._n_outputs,
                n_rows,
                o.scale_floor,
                self._parameters.flat,
            )
            activation = ACTIVATIONS[o.activation]
            self._passes[key] = Pass(self._parameters, activation, head, training=training)
        return self._passes[key]

    def _checkpoint(self, batch: Batch) -> None:
        """Recover from a divergence, else remember, validate and report."""
        self._sum_up()
        recent = slice(self._history.seen, self._step)
        loss = -float(self._history.totals[recent].sum()) / float(self._rows[recent].sum())
        self._history.seen = self._step
        if not (math.isfinite(loss) and self._is_sound(batch)):
            self._recover()
            return
        self._last_good = self._snapshot()
        validation_loss = self._validate()
        self._fine_tune_where_due()
        if self._report is not None:
            per_pass = self._batches.n_batches
            made, planned = self._step / per_pass, self._checkpoints[-1] / per_pass
            self._report(made, planned, loss + self._constant, validation_loss)

    def _sum_up(self) -> None:
        """Bring the steps' totals up to date."""
        for tally in self._tallies.values():
            tally.sum_up()

    def _fine_tune_where_due(self) -> None:
        """Where training no longer helps: go back to its best, and from there on at a low rate."""
        if not math.isfinite(self._history.best):
            return
        checkpoints = self._checkpoints
        n_seen = checkpoints.index(self._step) + 1
        if fine_tuning_begins(len(checkpoints), len(checkpoints) - n_seen, self._history.n_worse()):
            self._last_good = self._best
            self._restore(self._best)
            # So few are left now that this happens once.
            self._checkpoints = checkpoints[: n_seen + FINE_TUNING_CHECKPOINTS]
            n_steps = self._checkpoints[-1] - self._step
            self._change_schedule(self._schedule.fine_tuning(self._step, n_steps))

    def _is_sound(self, batch: Batch) -> bool:
        """Whether the last step left parameters that give its own rows a finite likelihood."""
        network_pass = self._pass_for(batch.n_rows, training=True)
        network_pass.forward(batch.x)
        network_pass.head.evaluate(batch.y)
        # One number that is not finite makes the sum so.
        sums = self._parameters.flat.sum(), network_pass.head.log_likelihood().sum()
        return all(math.isfinite(float(total)) for total in sums)

    def _recover(self) -> None:
        """Go back to the last good parameters, and on with half the learning rate."""
        self._restore(self._last_good)
        self._change_schedule(self._schedule.halved())
        self._history.n_recoveries += 1

    def _change_schedule(self, schedule: Schedule) -> None:
        """Go on with other learning rates: steps, which keep theirs, are made anew."""
        self._schedule = schedule
        self._factors = None
        self._steps.clear()

    def _validate(self) -> float | None:
        """Loss of the validation part; remembers the parameters where it is the lowest so far."""
        if self._validation is None:
            return None
        loss = self._validation_loss(self._validation)
        self._history.validation.append(loss)
        if loss < self._history.best:
            self._history.best = loss
            self._best = self._last_good
        return loss

    def _validation_loss(self, batches: Batches) -> float:
        """Mean over all rows, at the best factor of the scales."""
        totals = torch.zeros((), dtype=torch.float64, device=self._parameters.flat.device)
        for batch in batches.one_pass():
            values = self._validation_values(batch)
            if batch.weights is not None:
                values = values * batch.weights
            totals = totals - values.sum(dim=1, dtype=torch.float64)
        # Weights have a mean of one.
        return float(totals.min()) / batches.n + self._log_unit

    def _validation_values(self, batch: Batch) -> Tensor:
        """Log-densities ``(A, b)``, with calibration for every factor of the scales."""
        network_pass = self._pass_for(batch.n_rows, training=False)
        network_pass.forward(batch.x)
        network_pass.head.raw_spreads.clamp_(max=LARGEST_LOG_SCALE)
        network_pass.head.evaluate(batch.y)
        if self._options.calibrate:
            return network_pass.head.evaluate_scaled(self._scale_factors)
        return network_pass.head.log_likelihood()[None]

    def _snapshot(self) -> _Snapshot:
        return _Snapshot(self._parameters.flat.clone(), self._adam.state())

    def _restore(self, snapshot: _Snapshot) -> None:
        self._parameters.flat.copy_(snapshot.flat)
        self._adam.restore(snapshot.adam)

    def _result(self, interrupted: bool) -> Trained:
        """The best parameters where there is a validation part, else the last good ones."""
        chosen = self._last_good
        if math.isfinite(self._history.best):
            chosen = self._best
        self._restore(chosen)
        first, second, n_steps = chosen.adam
        return Trained(
            layers=[layer.cpu().numpy().copy() for layer in self._parameters.layers],
            moments=Moments(first.cpu().numpy(), second.cpu().numpy(), n_steps),
            loss_curve=self._loss_curve(),
            validation_loss_curve=self._history.validation,
            n_passes=math.ceil(self._step / self._batches.n_batches),
            n_recoveries=self._history.n_recoveries,
            interrupted=interrupted,
        )

    def _loss_curve(self) -> list[float]:
        """Mean loss over the rows of every pass, the last one perhaps in part."""
        self._sum_up()
        totals = self._history.totals[: self._step].double().cpu().numpy()
        starts = np.arange(0, self._step, self._batches.n_batches)
        if len(starts) == 0:
            return []
        rows = np.add.reduceat(self._rows[: self._step], starts)
        means = -np.add.reduceat(totals, starts) / rows
        return [float(value) for value in means + self._constant]
