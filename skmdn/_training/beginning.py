"""How a training begins: a network, and the line beside it whose residuals the network learns."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from skmdn import _engine
from skmdn._estimators.observations import Observations
from skmdn._estimators.target_maps import target_range
from skmdn._network.linear_path import LinearPath
from skmdn._network.outside_range import OutsideLine
from skmdn._predictor import Predictor
from skmdn._thread_pools import one_thread
from skmdn._training.feature_weights import for_plain_inputs, weighted
from skmdn._training.outside_line import of_linear_path, outside_line
from skmdn._training.rescaling import moved_line, moved_slopes
from skmdn._training.residual_targets import less_line, line_of, with_scaling_of
from skmdn._training.settings import Settings
from skmdn._training.start import continued_start, fresh_start
from skmdn._training.validation_split import ValidationSplit


class Beginning(NamedTuple):
    """The initial state of a training, and the line beside the network."""

    start: _engine.Start
    line: LinearPath | None = None
    residual: Observations | None = None  # the data less the line
    outside: OutsideLine | None = None

    @property
    def feature_weights(self) -> np.ndarray | None:
        """Weights ``(p,)`` of the features in training."""
        return self.start.preparation.feature_weights

    def split_of_network(
        self, split: ValidationSplit, validation: Observations | None = None
    ) -> ValidationSplit:
        """The rows with the targets that the network learns.

        Validating rows are those of the split, unless there is `validation` data of their own.
        """
        if self.line is None or self.residual is None:
            return split
        if validation is not None:
            learning, validation = self.targets_of_network(split.learning, validation)
            return split._replace(learning=learning, validation=validation)
        if split.validation is not None:
            validation = self.residual.select(split.validation.rows)
        learning = self.residual.select(split.learning.rows)
        return split._replace(learning=learning, validation=validation)

    def targets_of_network(
        self, learning: Observations, judging: Observations
    ) -> tuple[Observations, Observations]:
        """Rows of the fit, and others, with the targets that the network learns."""
        if self.line is None or self.residual is None:
            return learning, judging
        residual = less_line(judging, self.line, self.start.preparation, left_out=False)
        return self.residual.select(learning.rows), residual

    def predictor(
        self,
        settings: Settings,
        layers: list[np.ndarray],
        data: Observations,
        before: Predictor | None = None,
    ) -> Predictor:
        """The network with such layers, trained on the data, not calibrated yet."""
        so_far = None if before is None or before.preparation.y_count == 0 else before.target_range
        maps = settings.target_transform
        layers = for_plain_inputs(self.start, layers)
        return Predictor(
            preparation=self.start.preparation._replace(feature_weights=None),
            coefs=[layer[:-1] for layer in layers],
            intercepts=[layer[-1] for layer in layers],
            architecture=self.start.architecture,
            spread_factor=1.0,
            spread_noise=0.0,
            y_ndim=data.y_ndim,
            target_maps=maps,
            target_atoms=data.atoms,
            target_range=target_range(data, maps, so_far),
            device=settings.device,
            line=self.line,
            outside=self.outside,
        )


def fresh_beginning(
    settings: Settings,
    data: Observations,
    rng: np.random.Generator,
    feature_weights: np.ndarray | None = None,
) -> Beginning:
    """A fresh network, and a line where the settings ask for one."""
    start = weighted(fresh_start(settings, data, rng), feature_weights)
    if data.of_density().is_constant():
        return Beginning(start)
    if not settings.linear_path:
        return Beginning(start, outside=outside_line(start.preparation, data))
    with one_thread():
        line = line_of(start.preparation, data)
        residual = less_line(data, line, start.preparation, left_out=True)
    preparation = with_scaling_of(start.preparation, residual)
    outside = of_linear_path(line, preparation, data, residual)
    return Beginning(start._replace(preparation=preparation), line, residual, outside)


def continued_beginning(
    settings: Settings,
    data: Observations,
    before: Predictor,
    rng: np.random.Generator,
    *,
    state: _engine.OptimizerState | None = None,
    keeps_scaling: bool = True,
    same_rows: bool = False,
    feature_weights: np.ndarray | None = None,
) -> Beginning:
    """The network `before`, with its line; `same_rows` if these are the ones it was fitted to."""
    line, old, residual = before.line, before.preparation, data
    if line is not None:
        with one_thread():
            # A fitted network has no means of categories by fold.
            residual = less_line(data.of_new_rows(), line, old, left_out=same_rows)
        residual = replace(residual, folds=data.folds)
    start = continued_start(
        settings, residual, before, rng, state=state, keeps_scaling=keeps_scaling
    )
    if line is not None:
        line = moved_line(line, old, start.preparation, before.layout)
    outside = before.outside
    if outside is not None:
        coef = moved_slopes(outside.coef, old, start.preparation, outside.limit)
        outside = outside._replace(coef=coef)
    return Beginning(weighted(start, feature_weights), line, residual, outside)


def along_line(settings: Settings, beginning: Beginning) -> tuple[Settings, Beginning]:
    """The same, with means that follow the whole line outside the range.

    Rows to come want that: of the last fifths of 57 series, by their past values, the CRPS was 4 %
    lower than with a damped line, with a standard error of 1 %.
    """
    word, start = "linear", beginning.start
    start = start._replace(preparation=start.preparation._replace(extrapolation=word))
    return replace(settings, extrapolation=word), beginning._replace(start=start)
