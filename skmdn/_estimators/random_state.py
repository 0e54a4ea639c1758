"""Random numbers of one call."""

from typing import Any

import numpy as np
from sklearn.utils import check_random_state


def new_generator(random_state: Any) -> np.random.Generator:
    """Random numbers for one call; None draws fresh entropy, no global state is touched."""
    if isinstance(random_state, np.random.Generator):
        return random_state
    return np.random.default_rng(new_seed(random_state))


def new_seed(random_state: Any) -> int:
    """A seed for the random numbers of one call; None draws fresh entropy."""
    if random_state is None:
        return int(np.random.default_rng().integers(2**31 - 1))
    return int(check_random_state(random_state).randint(2**31 - 1))
