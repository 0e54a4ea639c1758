"""What a call of `fit` is to do: the words and seeds of its members."""

from __future__ import annotations

from copy import deepcopy
from inspect import signature
from numbers import Integral
from typing import Any

import numpy as np

from skmdn._estimators.random_state import new_seed
from skmdn.regressor import MDNRegressor

_WORDS = list(signature(MDNRegressor).parameters)


def local_one(estimator: Any) -> MDNRegressor:
    """An `MDNRegressor` of the same words, not fitted."""
    return MDNRegressor(**{name: getattr(estimator, name) for name in _WORDS})


def seed_of(estimator: Any) -> int:
    """The seed of a call: an integer as it is; None draws fresh entropy.

    A call that goes on has the seed of the first one, so that the same rows train and validate.
    """
    if estimator.warm_start and hasattr(estimator, "seed_"):
        return int(estimator.seed_)
    word = estimator.random_state
    return int(word) if isinstance(word, Integral) else new_seed(word)


def members_to_fit(estimator: Any, seed: int) -> list[MDNRegressor]:
    """Members to fit, or with `warm_start` the fitted ones; the first has the seed itself."""
    before = _fitted_members(estimator) if estimator.warm_start else []
    more = np.random.SeedSequence(seed).generate_state(estimator.n_members - 1) >> 1
    words, members = local_one(estimator).get_params(deep=False), []
    for m, own in enumerate([seed, *more.tolist()]):
        member = deepcopy(before[m]) if before else MDNRegressor()
        members.append(member.set_params(**words | {"random_state": own, "verbose": 0}))
    return members


def _fitted_members(estimator: Any) -> list[MDNRegressor]:
    """The members of the last fit, if there was one; their number must stay."""
    if not hasattr(estimator, "estimator_"):
        return []
    members = getattr(estimator.estimator_, "estimators_", [estimator.estimator_])
    if len(members) != estimator.n_members:
        raise ValueError(
            f"To go on with a fitted model, n_members must stay {len(members)}; got "
            f"{estimator.n_members}. Fit anew, with warm_start=False, to change it."
        )
    return list(members)
