"""Cross-validation of rows that are not many: networks of parts of them, and what they show.

Of a hundred rows, a validation part large enough to tell a good checkpoint from a lucky one would
take a third, which then never trains. Instead, networks of four fifths of the rows are trained side
by side, and all rows together tell at which checkpoint such networks are best, and how far they are
from rows that they have not seen. They then teach one network of all rows; see `drawn_targets`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from skmdn import _engine
from skmdn._estimators.folds import Folds, splits
from skmdn._estimators.groups import group_numbers
from skmdn._estimators.observations import Observations
from skmdn._training.beginning import fresh_beginning
from skmdn._training.calibration import Judged, Spreads, spreads_of_folds
from skmdn._training.settings import Settings
from skmdn._training.training_options import training_options

# Fewer rows can hardly tell anything. Of more, a tenth is a validation part large enough, the
# others are nearly as good as all, and five networks take long. Copies of more numbers in X would
# need much memory.
LEAST_ROWS, MOST_ROWS, _MOST_CELLS = 10, 9999, 2e7
_FOLDS = 5


class CrossValidation(NamedTuple):
    """Networks with the same settings, each of the rows outside one fold, and what they show."""

    settings: Settings  # in which nothing is left to choose
    folds: Folds  # of the places of the rows
    judged: list[Judged]  # every fold by the network that has not seen it
    losses: list[float]  # of all rows, before training and at every checkpoint
    spreads: Spreads


def folds_of(
    settings: Settings, data: Observations, groups: np.ndarray | None, rng: np.random.Generator
) -> Folds | None:
    """Folds of few rows, as the settings want their order; None of other numbers of rows.

    Rows of a group stay together, and there must be at least two groups.
    """
    labels = None if groups is None else groups[data.rows]
    order = settings.validation_split
    # One group, or runs of rows that would cut groups, are refused where rows are set aside.
    has_folds = labels is None or (group_numbers(labels).max() > 0 and order != "blocks")
    if not (has_folds and are_for_folds(data)):
        return None
    y = data.y[data.rows]
    asked = order if isinstance(order, str) and order != "last" else "auto"
    return splits(_FOLDS, data.X[data.rows], y, None, labels, rng, order=asked)


def are_for_folds(data: Observations) -> bool:
    """Whether the rows are neither too many for folds nor too few."""
    n, p = len(data), data.X.shape[1]
    return LEAST_ROWS <= n <= MOST_ROWS and n * p <= _MOST_CELLS


def cross_validated(
    settings: Settings,
    data: Observations,
    folds: Folds,
    seed: int,
    rival: _engine.Rival | None = None,
    feature_weights: Sequence[np.ndarray | None] | None = None,
) -> CrossValidation | None:
    """Train a network outside each fold, up to a common checkpoint, and judge it on the fold.

    Scaling and bins come from all rows. The targets of the data are those behind the maps. There
    may be `feature_weights` from the rows outside each fold. There is None if the networks are so
    far behind a `rival` that they have no chance.
    """
    rng = np.random.default_rng(seed)
    splits_of_data = [
        (data.select(data.rows[train]), data.select(data.rows[test]).of_new_rows())
        for train, test in folds.parts
    ]
    if feature_weights is None:
        feature_weights = [None] * len(splits_of_data)
    beginnings = [
        fresh_beginning(settings, learning, rng, weights)
        for (learning, _), weights in zip(splits_of_data, feature_weights, strict=True)
    ]
    parts = [
        _engine.Part(*beginning.targets_of_network(learning, judging), beginning.start)
        for (learning, judging), beginning in zip(splits_of_data, beginnings, strict=True)
    ]
    options = training_options(
        settings, learning_rate=settings.learning_rate, n_passes=settings.n_passes
    )
    stops = settings.validation_fraction is not None
    trained = _engine.train_parts(parts, options, rng, stops=stops, rival=rival)
    if trained is None:
        return None
    judged = [
        Judged(beginning.predictor(settings, layers, learning).for_fold(-1), judging)
        for (learning, judging), beginning, layers in zip(
            splits_of_data, beginnings, trained.layers, strict=True
        )
    ]
    spreads = spreads_of_folds(judged) if settings.calibrate else Spreads()
    return CrossValidation(settings, folds, judged, trained.losses, spreads)
