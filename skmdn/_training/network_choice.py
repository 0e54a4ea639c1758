"""The choice of decay, encoding and linear path for few rows, by cross-validation.

Many rows want little decay and no line, and so do few rows without noise. Few noisy rows want a
firm decay, often no encoding, and sometimes a line. No rule on the number of rows can tell
the two apart.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from skmdn._estimators.folds import splits
from skmdn._estimators.groups import group_numbers
from skmdn._estimators.observations import Observations
from skmdn._predictor import Predictor
from skmdn._training.settings import Settings

# What many rows get.
_ALPHA, _ENCODING = 0.04, "piecewise"
# Alternatives for few rows: the decay times the number of rows, the encoding, and whether there is
# a linear path.
_ALTERNATIVES = (
    (100.0, "piecewise", False),
    (100.0, None, False),
    (300.0, None, False),
    (100.0, "piecewise", True),
)
# With fewer rows the folds say nothing; with more the alternatives gain nothing.
LEAST_ROWS, MOST_ROWS = 10, 999
# With fewer rows the network with a line is taken unless another one is better.
_LINE_FIRST = 60
_FOLDS = 5
# After this fold and later ones, a network leaves the race that is worse than the best by so many
# standard errors.
_RACING, _DROPPED = 2, 1.5
# A network is chosen in place of the expected one if it is better by so many standard errors, and
# this divided by the number of rows more: those of few rows are uncertain themselves.
_CHOSEN, _MORE_OF_FEW = 0.7, 16.0
# A log-likelihood counts as no less than the median of its network and so many nats below.
_TAIL = 8.0

# Fits a network with such settings to the data, whose rows have these groups.
Fit = Callable[[Settings, Observations, "np.ndarray | None"], Predictor]


class _HeldOut(NamedTuple):
    """Scores of m rows that did not train."""

    log_likelihood: np.ndarray  # (m,)
    crps: np.ndarray  # (m, D)
    weights: np.ndarray  # (m,)


class Choice(NamedTuple):
    """Settings in which nothing is left to choose, and what their choice has shown."""

    settings: Settings
    # Networks with these settings, and the parts of the rows that they did not see; empty where
    # nothing was compared.
    folds: list[tuple[Predictor, np.ndarray]]


def chosen_network(
    settings: Settings,
    data: Observations,
    groups: np.ndarray | None,
    rng: np.random.Generator,
    fit: Fit,
) -> Choice:
    """The settings with a decay, an encoding and a linear path where they were left to choose.

    Of several networks the one is taken that predicts held-out rows best, by their log-likelihood
    and by their CRPS in units of its mean. One is expected for the number of rows and has the
    benefit of the doubt: that of many rows, or with very few of them the one with a line.
    """
    found = networks(settings, len(data))
    labels = None if groups is None else groups[data.rows]
    has_folds = labels is None or group_numbers(labels).max() > 0
    if not (len(found) > 1 and has_folds and LEAST_ROWS <= len(data) <= MOST_ROWS):
        return Choice(found[0], [])
    y = data.y[data.rows]
    expected = _expected(found, len(data))
    parts = splits(_FOLDS, y, y, None, labels, rng).parts
    seed = int(rng.integers(2**31))
    scores: dict[int, list[_HeldOut]] = {i: [] for i in range(len(found))}
    folds: dict[int, list[tuple[Predictor, np.ndarray]]] = {i: [] for i in scores}
    for train, test in parts:
        learning, judging = (data.select(data.rows[part]) for part in (train, test))
        for i, of_network in scores.items():
            trial = _trial(found[i], seed)
            predictor = fit(trial, learning, groups)
            folds[i].append((predictor, judging.rows))
            of_network.append(_scores(predictor, judging))
        scores = _still_running(scores, expected)
    needed = _CHOSEN + _MORE_OF_FEW / len(data)
    gains = {i: _gain(scores[i], scores[expected], -needed) for i in scores}
    best = max((expected, *gains), key=lambda i: gains[i])
    return Choice(found[best], folds[best])


def networks(settings: Settings, n: int) -> list[Settings]:
    """What may be chosen for n rows; the first one is for many rows."""
    found = []
    chooses = settings.alpha is None or settings.encoding == "auto"
    for decay, encoding, line in ((n * _ALPHA, _ENCODING, False), *_ALTERNATIVES):
        alpha = float(max(_ALPHA, decay / n) if settings.alpha is None else settings.alpha)
        encoding = encoding if settings.encoding == "auto" else settings.encoding
        is_free = isinstance(settings.linear_path, str)
        line = line and chooses if is_free else bool(settings.linear_path)
        one = replace(settings, alpha=alpha, encoding=encoding, linear_path=line)
        if one not in found:
            found.append(one)
    return found


def _expected(found: list[Settings], n: int) -> int:
    """Index of the network that is expected to suit n rows."""
    has_line = [bool(network.linear_path) for network in found]
    return has_line.index(True) if n < _LINE_FIRST and True in has_line else 0


def _trial(settings: Settings, seed: int) -> Settings:
    """Settings for a part of the rows, which the user's splitter does not know."""
    way = settings.validation_split if isinstance(settings.validation_split, str) else "auto"
    return replace(settings, validation_split=way, random_state=seed, verbose=False)


def _scores(predictor: Predictor, data: Observations) -> _HeldOut:
    """Scores of the rows in units of y."""
    y = data.y[data.rows]
    density = predictor.density(data.X[data.rows])
    targets = y[:, 0] if predictor.y_ndim == 1 else y
    weights = np.ones(len(y)) if data.weights is None else data.weights[data.rows]
    with np.errstate(under="ignore"):
        return _HeldOut(density.logpdf(targets), density.crps(targets).reshape(y.shape), weights)


def _still_running(scores: dict[int, list[_HeldOut]], expected: int) -> dict[int, list[_HeldOut]]:
    """The networks that may still be chosen, and the expected one, to which others are compared."""
    compared = scores[expected]
    if len(compared) < _RACING:
        return scores
    best = max(scores, key=lambda i: _gain(scores[i], compared, 0.0))
    return {
        i: of_network
        for i, of_network in scores.items()
        if i in (expected, best) or _gain(of_network, scores[best], _DROPPED) > 0
    }


def _gain(scores: list[_HeldOut], others: list[_HeldOut], z: float) -> float:
    """Mean gain over other scores of the same rows, plus so many of its standard errors."""
    ours, theirs = _joined(scores), _joined(others)
    w = ours.weights / ours.weights.sum()
    unit = w @ theirs.crps
    gains = _clipped(ours.log_likelihood) - _clipped(theirs.log_likelihood)
    for d in np.flatnonzero(unit > 0):
        gains -= (ours.crps[:, d] - theirs.crps[:, d]) / unit[d]
    mean = float(w @ gains)
    return mean + z * math.sqrt(float(w**2 @ (gains - mean) ** 2))


def _joined(parts: list[_HeldOut]) -> _HeldOut:
    return _HeldOut(*map(np.concatenate, zip(*parts, strict=True)))


def _clipped(log_likelihood: np.ndarray) -> np.ndarray:
    return np.maximum(log_likelihood, np.median(log_likelihood) - _TAIL)
