"""The temperature of atoms' probabilities, fitted on rows that did not train."""

import numpy as np
from scipy.optimize import minimize_scalar

from skmdn._network.atom_shares import tempered

# Standard deviation of the prior on the logarithm of the temperature, which is centred at 1.
_PRIOR = 0.5
_BOUNDS = (np.log(0.2), np.log(10.0))


def fitted_temperature(
    log_shares: np.ndarray, classes: np.ndarray, weights: np.ndarray | None
) -> float:
    """Penalised maximum likelihood temperature of log-shares ``(n, A + 1)``.

    ``classes (n,)`` are numbers of atoms, or A for the rest. A weak prior, which counts as one row,
    pulls the temperature towards 1, so that a few rows change little (C. Guo et al., "On
    calibration of modern neural networks", ICML 2017).
    """
    w = np.ones(len(classes)) if weights is None else weights
    w = w / w.sum()
    prior = float(np.sum(w * w))  # one by the effective number of rows

    def loss(log_temperature: float) -> float:
        of_classes = tempered(log_shares, np.exp(log_temperature))
        observed = np.take_along_axis(of_classes, classes[:, np.newaxis], axis=1)[:, 0]
        return float(0.5 * prior * (log_temperature / _PRIOR) ** 2 - w @ observed)

    return float(np.exp(minimize_scalar(loss, bounds=_BOUNDS, method="bounded").x))
