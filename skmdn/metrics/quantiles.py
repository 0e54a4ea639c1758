"""Another model's prediction, given by some of its quantiles."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from skmdn.metrics.partial_prediction import PartialPrediction
from skmdn.metrics.real_numbers import as_numbers
from skmdn.mixture.cells import in_cell


class QuantilePrediction(PartialPrediction):
    """Predictive distributions given by Q quantiles per row.

    This is the prediction of a quantile forest, or of one quantile regression per level. Pinball
    loss, interval score, central coverage and sharpness use the quantiles at their own levels. The
    CRPS is approximated from all of them, and so is the log-likelihood of a resolution. Other
    metrics that need a density or a distribution function raise ValueError.

    Parameters
    ----------
    quantiles : array-like of shape (n, Q) or (n, Q, D)
        The quantiles, in the order of `levels`. They may be infinite, as ends of intervals may.
    levels : array-like of shape (Q,)
        Distinct levels, each strictly between 0 and 1.

    Raises
    ------
    ValueError
        If shapes disagree, levels repeat or are outside (0, 1), or an entry is NaN. A metric raises
        it for a level that is not among `levels`.

    Notes
    -----
    ``CRPS = 2 ∫ pinball_τ(y, q_τ) dτ`` [1]_ is approximated by the midpoint rule. Its cells end
    halfway between neighbouring levels, and at 0 and 1.

    A log-likelihood needs a resolution and at least two levels. Between sorted quantiles the
    distribution function is linear; where quantiles are equal it jumps. Beyond them the tails are
    exponential: the logarithm of the tail's probability goes on in the straight line through the
    two outermost quantiles, and falls by 2 at most per resolution.

    References
    ----------
    .. [1] Laio & Tamea (2007). Verification tools for probabilistic forecasts of continuous
       hydrological variables. Hydrol. Earth Syst. Sci. 11.

    Examples
    --------
    >>> from skmdn.metrics import QuantilePrediction, interval_score_loss
    >>> forest = QuantilePrediction([[-1.6, 0.0, 1.6]], levels=[0.05, 0.5, 0.95])
    >>> interval_score_loss([0.3], forest, level=0.9)
    3.2
    """

    kind: ClassVar[str] = "an array of quantiles"

    def __init__(self, quantiles: npt.ArrayLike, levels: npt.ArrayLike) -> None:
        values = as_numbers(quantiles, "quantiles", are_finite=False)
        given = _check_levels(levels)
        if values.ndim not in (2, 3) or values.shape[1] != given.size:
            raise ValueError(
                f"quantiles: expected shape (n, Q) or (n, Q, D) with Q = {given.size} levels, "
                f"got {values.shape}."
            )
        order = np.argsort(given)
        self.levels = given[order]
        self.quantiles = values[:, order]
        self.n_rows = values.shape[0]
        self.univariate = values.ndim == 2
        self.n_outputs = 1 if self.univariate else values.shape[2]

    def crps(self, y: np.ndarray) -> np.ndarray:
        """Return twice the pinball loss integrated over the levels, (n,) or (n, D)."""
        borders = np.concatenate([[0.0], 0.5 * (self.levels[1:] + self.levels[:-1]), [1.0]])
        tail = (-1,) + (1,) * (self.quantiles.ndim - 2)
        levels, widths = self.levels.reshape(tail), np.diff(borders).reshape(tail)
        error = y[:, None] - self.quantiles
        pinball = np.maximum(levels * error, (levels - 1.0) * error)
        loss: np.ndarray = 2.0 * (widths * pinball).sum(axis=1)
        return loss

    def log_cell_probability(self, y: np.ndarray, width: float) -> np.ndarray:
        """Return the log probability of the cells around y, (n,); see the notes."""
        if self.levels.size < 2:
            self._refuse("a distribution function (cdf), from quantiles at two levels at least")
        knots = np.sort(self.quantiles.reshape(self.n_rows, -1), axis=1)
        mirrored, upper_levels = -knots[:, ::-1], 1.0 - self.levels[::-1]
        with np.errstate(divide="ignore"):
            parts = (
                np.log(_between(knots, self.levels, y, width)),
                _log_lower_tail(knots, self.levels, y, width),
                _log_lower_tail(mirrored, upper_levels, -y, width),
            )
        return np.asarray(np.logaddexp.reduce(parts))

    def ppf(self, q: npt.ArrayLike) -> np.ndarray:
        """Return the given quantiles at levels `q`: (n, ...) for a scalar, else (n, Q, ...)."""
        asked = np.asarray(q, dtype=np.float64)
        match = np.isclose(asked[..., None], self.levels, rtol=0.0, atol=1e-9)
        if not match.any(axis=-1).all():
            raise ValueError(
                f"mixture: this metric expects quantiles at level(s) {asked.tolist()}, "
                f"got levels {self.levels.tolist()}."
            )
        chosen: np.ndarray = self.quantiles[:, match.argmax(axis=-1)]
        return chosen


def _between(knots: np.ndarray, levels: np.ndarray, y: np.ndarray, width: float) -> np.ndarray:
    """Return the probability of cells around y that lies between quantiles (n, Q), (n,)."""
    left, right, half = knots[:, :-1], knots[:, 1:], 0.5 * width
    overlap = np.minimum(half, right - y[:, None]) - np.maximum(-half, left - y[:, None])
    overlap, length = np.maximum(overlap, 0.0), right - left
    jump = in_cell(left, y[:, None], width)
    share = np.where(length > 0.0, overlap / np.where(length > 0.0, length, 1.0), jump)
    return np.asarray(share @ np.diff(levels))


def _log_lower_tail(
    knots: np.ndarray, levels: np.ndarray, y: np.ndarray, width: float
) -> np.ndarray:
    """Return the log probability of cells around y that lies below the lowest quantile, (n,)."""
    slope = np.maximum((knots[:, 1] - knots[:, 0]) / np.log(levels[1] / levels[0]), 0.5 * width)
    above = y + 0.5 * width - knots[:, 0]  # of the cell's upper end
    inside = np.log(-np.expm1(-np.clip(width - above, 0.0, width) / slope))
    return np.asarray(np.log(levels[0]) + np.minimum(above, 0.0) / slope + inside)


def _check_levels(levels: npt.ArrayLike) -> np.ndarray:
    """Return levels as a vector of distinct numbers within (0, 1)."""
    given = as_numbers(levels, "levels")
    inside = given.ndim == 1 and bool(np.all((given > 0.0) & (given < 1.0)))
    if not inside or np.unique(given).size != given.size:
        raise ValueError(
            "levels: expected a one-dimensional array of distinct numbers strictly between 0 and "
            f"1, got {levels!r}."
        )
    return given
