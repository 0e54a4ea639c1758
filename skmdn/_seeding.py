"""Random states of estimators inside other estimators."""

from typing import Any

import numpy as np
from sklearn.base import clone


def seeded_clone(estimator: Any, seed: int) -> Any:
    """Clone whose parameters named random_state, nested ones too, have a seed where it was None."""
    copy = clone(estimator)
    rng = np.random.default_rng(seed)
    parameters = copy.get_params(deep=True)
    names = sorted(n for n in parameters if n.split("__")[-1] == "random_state")
    seeds = {name: int(rng.integers(2**31)) for name in names}
    copy.set_params(**{name: s for name, s in seeds.items() if parameters[name] is None})
    return copy
