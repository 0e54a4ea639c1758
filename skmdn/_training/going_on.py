"""A call of `fit` that goes on from an earlier one: what it keeps, and what it says of itself."""

from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skmdn import _engine
from skmdn._estimators.fit_warnings import FitWarning
from skmdn._estimators.random_state import new_seed
from skmdn._predictor import Predictor
from skmdn._training.settings import Settings

# Learning rate of a call of `fit` that goes on, as a part of the largest. It halves after a call
# that gained nothing, down to the lowest. With this, 60 calls of one pass gain half as much again
# as at the full rate.
_GOING_ON, _LOWEST_RATE = 0.5, 0.02
_GAINED_NOTHING = FitWarning(
    "warm_start: this call found no parameters that are better on the validation part than those "
    "it started from, and kept them. To train further, fit anew with a larger max_iter.",
    ConvergenceWarning,
)
_MAY_HAVE_TRAINED = FitWarning(
    "warm_start: the rows that this call sets aside may have trained in an earlier call, which set "
    "none aside. If so, they cannot tell when to stop, and spreads become too narrow. Set "
    "warm_start=True before the first fit, or pass X_val and y_val.",
    UserWarning,
)


class Past(NamedTuple):
    """An earlier fit, from which a call of `fit` or `partial_fit` goes on."""

    predictor: Predictor
    n_calls: int
    learning_rate: float  # its largest one
    alpha: float
    encoding: str | None
    feature_weights: np.ndarray | None
    seed: int | None  # of the rows that it set aside; None if there were none

    def was_always_of(self, n: int) -> bool:
        """Whether every call so far was on n rows: then n rows may be the same ones."""
        return self.n_calls * n == self.predictor.preparation.n_seen

    @property
    def linear_path(self) -> bool:
        return self.predictor.line is not None


def seed_of_past(past: Past | None) -> int | None:
    """The seed of the rows that an earlier call set aside, if there were any."""
    return None if past is None else past.seed


def seed_of_call(settings: Settings, past: Past | None) -> int:
    """The seed of a call of `fit`, by which the rows of an earlier call are set aside again."""
    before = seed_of_past(past)
    return new_seed(settings.random_state) if before is None else before


def largest_rate(settings: Settings, past: Past | None) -> float:
    """Largest rate of a call of `fit`; one that goes on keeps to the rate its past has come to."""
    if past is None:
        return settings.learning_rate
    return min(past.learning_rate, _GOING_ON * settings.learning_rate)


def next_rate(settings: Settings, past: Past | None, trained: _engine.Trained) -> float:
    """Largest rate of a call of `fit` that goes on from this one."""
    if past is None:
        return _GOING_ON * settings.learning_rate
    rate, lowest = largest_rate(settings, past), _LOWEST_RATE * settings.learning_rate
    return max(0.5 * rate, lowest) if _gained_nothing(trained) else rate


def advice_on_going_on(
    past: Past, trained: _engine.Trained, *, holds_out: bool
) -> list[FitWarning]:
    """What the user should know of a call that goes on; `holds_out` if it set rows aside itself."""
    advice = [_GAINED_NOTHING] if _gained_nothing(trained) else []
    return [*advice, _MAY_HAVE_TRAINED] if holds_out and past.seed is None else advice


def _gained_nothing(trained: _engine.Trained) -> bool:
    """Whether no checkpoint was better than the parameters before the training."""
    losses = trained.validation_loss_curve
    return bool(losses) and min(losses) == losses[0]
