"""Calibration of a trained network's spreads, and the rule for small samples."""

import math

import numpy as np

from skmdn._calibration import MAX_ROWS, calibrate
from skmdn._estimators.observations import Observations
from skmdn._predictor import Predictor

# With fewer rows than about this, a network's spreads are poorly known. They get noise of 0.8
# standard deviations of y with 10 rows, 0.4 with 20 and 0.03 with 40. The number was chosen by
# held-out likelihoods of small samples.
_SMALL_SAMPLE_ROWS = 21.0


def calibrated(
    predictor: Predictor,
    held_out: Observations,
    rng: np.random.Generator,
    least_noise: float,
) -> Predictor:
    """Fit the factor and the noise of the spreads on rows that did not train.

    The noise, in standard deviations of y, is at least `least_noise`.
    """
    rows = held_out.rows
    if len(rows) > MAX_ROWS:
        rows = rng.choice(rows, MAX_ROWS, replace=False)
    found = calibrate(
        [predictor.uncalibrated_density(held_out.X[rows])],
        predictor.preparation.targets(held_out.y[rows]),
        None if held_out.weights is None else held_out.weights[rows],
    )
    factor, floor = float(found.factors[0]), predictor.architecture.scale_floor
    # Where scales shrink, noise keeps every variance above the floor.
    of_floor = floor * math.sqrt(max(0.0, 1 - factor**2))
    noise = max(found.noise, of_floor, least_noise)
    return predictor._replace(spread_factor=factor, spread_noise=noise)


def small_sample_noise(data: Observations, before: Predictor | None) -> float:
    """Noise, in standard deviations of y, for the epistemic uncertainty that few rows leave.

    With a handful of rows, those that train and those that validate may all lie near their means
    by luck. Constant targets leave no such uncertainty. A network that goes on from the one
    `before` has no more of it than that one had, as it learned from other rows too.
    """
    if data.is_constant():
        return 0.0
    noise = math.exp(-((len(data) / _SMALL_SAMPLE_ROWS) ** 2))
    return noise if before is None else min(noise, before.spread_noise)
