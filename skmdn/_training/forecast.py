"""A forecast of the last rows from those before, where consecutive rows depend on each other.

Runs of rows that validate have rows on both sides that train. Rows to come have no such neighbours:
relations drift, and features leave their range. On a year of half-hourly demand for power, networks
whose 90 % intervals held .9 of the validating rows held .6 of those of the next two months, and .8
once their spreads were as wide as a forecast of the last quarter of their own rows called for.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from skmdn._calibration import MAX_ROWS
from skmdn._engine.budget import passes_for_share
from skmdn._estimators.later_rows import earlier_and_later
from skmdn._estimators.observations import Observations
from skmdn._network.scaling import value_range
from skmdn._predictor import Predictor
from skmdn._training.settings import Settings

# A quarter of the steps finds the same widening, and so does a network with a validation part:
# folds are for networks that are to predict.
_SHARE_OF_STEPS, _VALIDATION_FRACTION = 0.25, 0.1

# Fits a network with such settings to the data.
Fit = Callable[[Settings, Observations], Predictor]


def forecast_of_last(
    settings: Settings, data: Observations, rng: np.random.Generator, fit: Fit
) -> tuple[Predictor, np.ndarray]:
    """A network fitted to the earlier rows, and the later ones that it is to predict.

    Scaling and bins come from all rows. Outside the range that features have in the earlier rows
    the forecast goes on as the network that is kept will do outside the range of all.
    """
    earlier, later = earlier_and_later(data.rows, MAX_ROWS)
    n = len(earlier)
    passes = passes_for_share(_SHARE_OF_STEPS, n, settings.batch_size, settings.n_passes)
    # A copy: a fit draws the same numbers with and without a forecast.
    seed = int(rng.spawn(1)[0].integers(2**31))
    fraction = settings.validation_fraction
    short = replace(
        settings,
        n_passes=passes,
        validation_fraction=_VALIDATION_FRACTION if isinstance(fraction, str) else fraction,
        random_state=seed,
        verbose=False,
    )
    return _of_range(fit(short, data.select(earlier)), data, int(earlier[-1]) + 1), later


def _of_range(predictor: Predictor, data: Observations, end: int) -> Predictor:
    """The network with features that end where they do in the rows before `end`."""
    weights = None if data.weights is None else data.weights[:end]
    low, high = value_range(data.X[:end], weights)
    old = predictor.preparation
    has_range = np.isfinite(old.X_min)  # as categories have not
    return predictor._replace(
        preparation=old._replace(
            X_min=np.where(has_range, low, old.X_min), X_max=np.where(has_range, high, old.X_max)
        )
    )
