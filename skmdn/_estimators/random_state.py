"""Random numbers of one call."""

from typing import Any

import numpy as np
from sklearn.utils import check_random_state


def new_generator(random_state: Any) -> np.random.Generator:
    """Random numbers for one call; None draws fresh entropy, no global state is touched."""
    if random_state is None or isinstance(random_state, np.random.Generator):
        return np.random.default_rng(random_state)
    return np.random.default_rng(check_random_state(random_state).randint(2**31 - 1))
