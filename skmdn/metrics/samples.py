"""Another model's prediction, given by draws from it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from skmdn.metrics.partial_prediction import PartialPrediction
from skmdn.metrics.real_numbers import as_numbers
from skmdn.mixture.cells import in_cell


class SamplePrediction(PartialPrediction):
    """Predictive distributions given by S equally likely draws per row.

    Every metric that needs no density accepts it.

    Parameters
    ----------
    samples : array-like of shape (n, S) or (n, S, D)
        At least two draws per row.
    random_state : int, default=0
        Seed of the randomised PIT. Draws only give the rank of y among them; the PIT is drawn
        uniformly from the interval of that rank, so that it is exactly uniform for a perfect model.

    Raises
    ------
    ValueError
        If the array has another number of axes, fewer than two draws per row, or an entry that is
        not finite.

    Notes
    -----
    CRPS and energy score are the *fair* estimators of [1]_: for any S, their expectation is the
    score of the distribution that the draws come from, so they compare with closed forms. Quantiles
    are Weibull's [2]_: a further draw is below the quantile at level q with probability q, if there
    are at least ``1 / q - 1`` and ``1 / (1 - q) - 1`` draws. Of fewer draws it is the outermost
    one, and intervals hold too little: those of 90 % need 19 draws.

    A log-likelihood needs a resolution, and its cells have the probability
    ``(#{draws in the cell} + c) / (S + 1)``. Here c is the probability of the cell under a Cauchy
    distribution with the median and half the interquartile range of the draws (or half the
    resolution, if that is more). So cells without draws are possible, and the probabilities of all
    cells sum to one.

    References
    ----------
    .. [1] Ferro (2014). Fair scores for ensemble forecasts. Q. J. R. Meteorol. Soc. 140.
    .. [2] Hyndman & Fan (1996). Sample quantiles in statistical packages. Am. Stat. 50.

    Examples
    --------
    >>> import numpy as np
    >>> from skmdn.metrics import SamplePrediction, crps_loss
    >>> draws = np.random.default_rng(0).normal(size=(3, 1000))
    >>> print(f"{crps_loss([0.0, 1.0, -1.0], SamplePrediction(draws)):.2f}")
    0.46
    """

    kind: ClassVar[str] = "an array of samples"

    def __init__(self, samples: npt.ArrayLike, random_state: int = 0) -> None:
        values = as_numbers(samples, "samples")
        if values.ndim not in (2, 3) or values.shape[1] < 2:
            raise ValueError(
                "samples: expected shape (n, S) or (n, S, D) with S at least 2, "
                f"got {values.shape}."
            )
        self.samples = values
        self.random_state = random_state
        self.n_rows = values.shape[0]
        self.univariate = values.ndim == 2
        self.n_outputs = 1 if self.univariate else values.shape[2]

    def crps(self, y: np.ndarray) -> np.ndarray:
        """Return the fair CRPS ``E|X - y| - E|X - X'| / 2``, (n,) or (n, D)."""
        errors = np.sort(self.samples - y[:, None], axis=1)
        n_samples = errors.shape[1]
        ranks = np.arange(1 - n_samples, n_samples, 2, dtype=np.float64)  # 2 i - S - 1
        ranks = ranks.reshape((-1,) + (1,) * (errors.ndim - 2))
        half_spread = (ranks * errors).sum(axis=1) / (n_samples * (n_samples - 1.0))
        return np.asarray(np.abs(errors).mean(axis=1) - half_spread)

    def energy_score(self, y: np.ndarray) -> np.ndarray:
        """Return the fair energy score ``E||X - y|| - E||X - X'|| / 2``, (n,)."""
        if self.univariate:
            return self.crps(y)
        n_samples = self.samples.shape[1]
        distance = np.linalg.norm(self.samples - y[:, None], axis=-1).mean(axis=1)
        # Rolling the draws by 1 .. S - 1 places makes every pair without an (n, S, S) array.
        spread = sum(
            np.linalg.norm(self.samples - np.roll(self.samples, shift, axis=1), axis=-1).mean(
                axis=1
            )
            for shift in range(1, n_samples)
        )
        return np.asarray(distance - 0.5 * spread / (n_samples - 1))

    def ppf(self, q: npt.ArrayLike) -> np.ndarray:
        """Return Weibull quantiles: (n,) or (n, D) for a scalar, else (n, Q) or (n, Q, D)."""
        levels = np.asarray(q, dtype=np.float64)
        values = np.asarray(np.quantile(self.samples, levels, axis=1, method="weibull"))
        return np.moveaxis(values, 0, 1) if levels.ndim else values

    def log_cell_probability(self, y: np.ndarray, width: float) -> np.ndarray:
        """Return the log probability of the cells around y, (n,); see the notes."""
        draws = self.samples.reshape(self.n_rows, -1)
        count = in_cell(draws, y[:, None], width).sum(axis=1)
        low, middle, high = np.quantile(draws, [0.25, 0.5, 0.75], axis=1)
        rare = _cauchy_probability(y - middle, width, np.maximum(0.5 * (high - low), 0.5 * width))
        return np.asarray(np.log((count + rare) / (draws.shape[1] + 1.0)))

    def pit(self, y: np.ndarray) -> np.ndarray:
        """Return ``(#{X < y} + U (1 + #{X = y})) / (S + 1)``, U uniform, (n,) or (n, D)."""
        below = (self.samples < y[:, None]).sum(axis=1)
        ties = (self.samples == y[:, None]).sum(axis=1)
        uniform = np.random.default_rng(self.random_state).uniform(size=y.shape)
        return np.asarray((below + uniform * (1 + ties)) / (self.samples.shape[1] + 1.0))


def _cauchy_probability(y: np.ndarray, width: float, scale: np.ndarray) -> np.ndarray:
    """Return the probability of cells around y under a Cauchy distribution of that scale, (n,).

    The difference of arcus tangents is one arcus tangent, which loses no digits.
    """
    with np.errstate(over="ignore"):
        low, high = (y - 0.5 * width) / scale, (y + 0.5 * width) / scale
        product = np.minimum(low * high, 1e300)
    return np.arctan2(width / scale, 1.0 + product) / np.pi
