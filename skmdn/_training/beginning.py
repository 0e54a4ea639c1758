"""How a training begins: a network, and the line beside it whose residuals the network learns."""

from typing import NamedTuple

import numpy as np

from skmdn import _engine
from skmdn._estimators.observations import Observations
from skmdn._network.linear_path import LinearPath
from skmdn._predictor import Predictor
from skmdn._thread_pools import one_thread
from skmdn._training.rescaling import moved_line
from skmdn._training.residual_targets import less_line, line_of, with_scaling_of
from skmdn._training.settings import Settings
from skmdn._training.start import continued_start, fresh_start
from skmdn._training.validation_split import ValidationSplit


class Beginning(NamedTuple):
    """The initial state of a training, and the line beside the network."""

    start: _engine.Start
    line: LinearPath | None = None
    residual: Observations | None = None  # the data less the line

    def split_of_network(
        self, split: ValidationSplit, validation: Observations | None = None
    ) -> ValidationSplit:
        """The rows with the targets that the network learns.

        Validating rows are those of the split, unless there is `validation` data of their own.
        """
        if self.line is None or self.residual is None:
            return split
        if validation is not None:
            preparation = self.start.preparation
            validation = less_line(validation, self.line, preparation, left_out=False)
        elif split.validation is not None:
            validation = self.residual.select(split.validation.rows)
        learning = self.residual.select(split.learning.rows)
        return split._replace(learning=learning, validation=validation)


def fresh_beginning(settings: Settings, data: Observations, rng: np.random.Generator) -> Beginning:
    """A fresh network, and a line where the settings ask for one."""
    start = fresh_start(settings, data, rng)
    if not settings.linear_path or data.of_density().is_constant():
        return Beginning(start)
    with one_thread():
        line = line_of(start.preparation, data)
        residual = less_line(data, line, start.preparation, left_out=True)
    preparation = with_scaling_of(start.preparation, residual)
    return Beginning(start._replace(preparation=preparation), line, residual)


def continued_beginning(
    settings: Settings,
    data: Observations,
    before: Predictor,
    rng: np.random.Generator,
    *,
    state: _engine.OptimizerState | None = None,
    keeps_scaling: bool = True,
) -> Beginning:
    """The network `before`, with its line."""
    line, old, residual = before.line, before.preparation, data
    if line is not None:
        with one_thread():
            residual = less_line(data, line, old, left_out=keeps_scaling)
    start = continued_start(
        settings, residual, before, rng, state=state, keeps_scaling=keeps_scaling
    )
    if line is not None:
        line = moved_line(line, old, start.preparation, before.layout)
    return Beginning(start, line, residual)
