"""The choice of decay, encoding, linear path and feature weights, by cross-validation.

Many rows want little decay and no line, and so do few rows without noise. Few noisy rows want a
firm decay, often no encoding, and sometimes a line. No rule on the number of rows can tell
the two apart.
"""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from skmdn import _engine
from skmdn._estimators.folds import Folds
from skmdn._estimators.observations import Observations
from skmdn._estimators.unexplained import unexplained
from skmdn._estimators.wide_tables import is_wide
from skmdn._network.scaling import weighted_quantiles
from skmdn._predictor import Predictor
from skmdn._training.calibration import with_spreads
from skmdn._training.cross_validation import (
    CrossValidation,
    are_for_folds,
    cross_validated,
    folds_of,
)
from skmdn._training.feature_weights import can_be_weighed, feature_weights, root_mean_square
from skmdn._training.settings import Settings
from skmdn._training.stack import Stack

# What many rows get.
_ALPHA, _ENCODING = 0.04, "piecewise"
# Alternatives: the decay times the number of rows, the encoding, and whether there is a linear
# path. More rows hardly tell decays apart, but a smooth relation is still learned better without
# encoding.
_FEW_ROWS = 999
_ALTERNATIVES_OF_FEW = (
    (100.0, "piecewise", False),
    (100.0, None, False),
    (300.0, None, False),
    (100.0, "piecewise", True),
)
_ALTERNATIVES = ((100.0, None, False), (100.0, "piecewise", True))
# With fewer rows the network with a line is taken unless another is better by so many standard
# errors of the mean difference.
_LINE_FIRST, _CHOSEN = 60, 0.7
# A network that is this many nats behind the best one at the same checkpoint is given up, divided
# by the root of the number of rows: by so much the mean losses of two may differ by chance.
_FAR_BEHIND = 5.0
# A log-likelihood counts as no less than the median of its network and so many nats below.
_TAIL = 8.0


class Score(NamedTuple):
    """Scores of m rows that did not train."""

    log_likelihood: np.ndarray  # (m,)
    crps: np.ndarray  # (m, D)
    y: np.ndarray  # (m, D)
    weights: np.ndarray  # (m,)


def chosen_network(
    settings: Settings,
    of_y: Observations,
    data: Observations,
    groups: np.ndarray | None,
    rng: np.random.Generator,
    *,
    needs_folds: bool,
) -> tuple[Settings, Stack | None]:
    """The settings with a decay, an encoding and a linear path where they were left to choose.

    Of several networks the one is taken that predicts held-out rows best, by their log-likelihood
    and by their CRPS in units of its mean. Where the fit `needs_folds`, or there is a choice, the
    cross-validations come with the settings; without folds, features have no weights here. A
    constant y leaves nothing to compare, nor to judge in folds. `of_y` are the rows as the user has
    them; the targets of `data` are behind the maps.
    """
    if data.n_atoms == 0 and data.is_constant():
        return networks(replace(settings, feature_weights=None), len(data))[0], None
    if not (needs_folds and can_be_weighed(data)):
        settings = replace(settings, feature_weights=None)
    found = networks(settings, len(data))
    if not needs_folds:
        found = _worth_folds(found, len(data), data.X.shape[1])
    folds = folds_of(settings, data, groups, rng) if needs_folds or len(found) > 1 else None
    if folds is None:
        return found[0], None
    seed = int(rng.integers(2**31))
    weights = None
    if settings.feature_weights is not None:
        weights = feature_weights(data, [train for train, _ in folds.parts], seed)
    trials = _trials(found, data, folds, seed, weights)
    scores = [score(trial, of_y) for trial in trials]
    expected = _expected(trials) if len(data) < _LINE_FIRST else None
    best = best_of(scores, expected)
    log_likelihoods = [_clipped(one) for one in scores]
    of_best = scores[best]
    left = unexplained(of_best.crps, of_best.y, of_best.weights)
    stack = Stack.of(trials[best], trials, log_likelihoods, of_best.weights, left)
    if weights is not None and stack.best.settings.feature_weights is not None:
        stack = stack._replace(feature_weights=root_mean_square(weights))
    return stack.best.settings, stack


def _trials(
    found: list[Settings],
    data: Observations,
    folds: Folds,
    seed: int,
    weights: list[np.ndarray] | None,
) -> list[CrossValidation]:
    """Cross-validations of all networks that are not given up."""
    trials: list[CrossValidation] = []
    for one in found:
        own = None if one.feature_weights is None else weights
        trial = cross_validated(one, data, folds, seed, _rival(trials, len(data)), own)
        if trial is not None:
            trials.append(trial)
    return trials


def weights_of_all(data: Observations, rng: np.random.Generator) -> np.ndarray | None:
    """Weights of the features from all rows, which train; None of other rows than folds are for."""
    if not (are_for_folds(data) and can_be_weighed(data)):
        return None
    return feature_weights(data, [np.arange(len(data))], int(rng.integers(2**31)))[0]


def _rival(trials: list[CrossValidation], n: int) -> _engine.Rival | None:
    """The best network so far."""
    if not trials:
        return None
    best = min((trial.losses for trial in trials), key=min)
    return _engine.Rival(best, _FAR_BEHIND / math.sqrt(n))


def networks(settings: Settings, n: int) -> list[Settings]:
    """What may be chosen for n rows; the first one is for many rows.

    Where features may have weights, it is there without and with them; all others have them.
    """
    alternatives = _ALTERNATIVES_OF_FEW if n <= _FEW_ROWS else _ALTERNATIVES
    chooses = settings.alpha is None or settings.encoding == "auto"
    words: list[tuple[float, str | None, bool]] = []
    for decay, encoding, line in ((n * _ALPHA, _ENCODING, False), *alternatives):
        alpha = float(max(_ALPHA, decay / n) if settings.alpha is None else settings.alpha)
        encoding = encoding if settings.encoding == "auto" else settings.encoding
        is_free = isinstance(settings.linear_path, str)
        line = line and chooses if is_free else bool(settings.linear_path)
        if (alpha, encoding, line) not in words:
            words.append((alpha, encoding, line))
    found = [
        replace(settings, alpha=alpha, encoding=encoding, linear_path=line)
        for alpha, encoding, line in words
    ]
    if settings.feature_weights is None:
        return found
    return [replace(found[0], feature_weights=None), *found]


def _worth_folds(found: list[Settings], n: int, p: int) -> list[Settings]:
    """The networks of n rows of p features for which to make folds that nothing else needs.

    In a wide table a line may be much better.
    """
    if n <= _FEW_ROWS:
        return found
    first, *others = found
    return [first, *(one for one in others if is_wide(n, p) and one.linear_path)]


def score(trial: CrossValidation, of_y: Observations) -> Score:
    """Scores of all rows in units of y, each by the network that has not seen it."""
    parts = []
    for predictor, rows in trial.judged:
        judging = of_y.select(rows.rows)
        parts.append(_score(with_spreads(predictor, trial.spreads), judging))
    return Score(*map(np.concatenate, zip(*parts, strict=True)))


def best_of(scores: list[Score], expected: int | None = None) -> int:
    """Which scores are the best; others than expected ones must be better beyond doubt.

    Scores that are no numbers, as of numbers near the ends of float64, are not the best.
    """
    first, doubt = (0, 0.0) if expected is None else (expected, _CHOSEN)
    gains = np.nan_to_num([gain(one, scores[first], doubt) for one in scores], nan=-np.inf)
    return int(np.argmax(gains)) if gains.max() > 0 else first


def gain(score: Score, other: Score, doubt: float = 0.0) -> float:
    """Mean gain over other scores of the same rows, less so many of its standard errors."""
    w = score.weights / score.weights.sum()
    unit = w @ other.crps
    gains = _clipped(score) - _clipped(other)
    for d in np.flatnonzero(unit > 0):
        gains -= (score.crps[:, d] - other.crps[:, d]) / unit[d]
    mean = float(w @ gains)
    return mean - doubt * math.sqrt(float(w**2 @ (gains - mean) ** 2))


def _expected(trials: list[CrossValidation]) -> int | None:
    """Index of the network with a line, if there is one."""
    has_line = [bool(trial.settings.linear_path) for trial in trials]
    return has_line.index(True) if True in has_line else None


def _score(predictor: Predictor, data: Observations) -> Score:
    y = data.y[data.rows]
    density = predictor.density(data.X[data.rows])
    targets = y[:, 0] if predictor.y_ndim == 1 else y
    weights = np.ones(len(y)) if data.weights is None else data.weights[data.rows]
    with np.errstate(under="ignore"):
        return Score(density.logpdf(targets), density.crps(targets).reshape(y.shape), y, weights)


def _clipped(score: Score) -> np.ndarray:
    """Log-likelihoods, none far below their weighted median."""
    values, half = score.log_likelihood, np.array([0.5])
    # Of an even number of rows, there are two middle ones.
    lower = weighted_quantiles(values, score.weights, half)
    upper = -weighted_quantiles(-values, score.weights, half)
    if len(lower) == 0:  # of no numbers
        return values
    return np.maximum(values, np.mean([lower, upper]) - _TAIL)
