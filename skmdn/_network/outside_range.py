"""Rows with features outside their range of training, and how far a line would go on there.

A network tells nothing of such rows. Its inputs end where the range does; beyond, the means go on
as a ridge regression's line does, or by a part of it, as a trend of a damped forecast (E. S.
Gardner and E. McKenzie, "Forecasting trends in time series", Management Science 31 (1985)), and the
spreads widen as the line goes on. The line also tells how much a value may matter that nobody
knows: a gap in a feature that had none in the fit.

Axes: n rows, q features of numbers, D outputs.
"""

from typing import NamedTuple

import numpy as np

from skmdn._arrays import Array, FloatArray, IntArray
from skmdn._network.preparation import Z_LIMIT, Preparation, write_z_scores

# Part of the line's change that is doubted; twice as much is the standard deviation of what may
# come. Of 20 samples of 25 to 491 rows, the means are best between none of the line and half of it,
# without a clear difference. But a line that leaves hardly anything is hardly doubted: by the root
# of the part of the variance that it leaves, times the second number.
_DOUBT, _DOUBT_PER_ROOT = 0.5, 1.6
# What `extrapolation` may be where a line goes on outside the range.
ALONG_LINE = ("damped", "linear")


class OutsideLine(NamedTuple):
    """The line along which densities go on, by z-score and in units of the targets."""

    coef: FloatArray  # (q, D)
    doubt: FloatArray  # (D,)
    limit: float = Z_LIMIT  # at which z-scores are cut off

    @classmethod
    def of(cls, coef: FloatArray, unexplained: FloatArray, limit: float) -> "OutsideLine":
        """A line that leaves such parts ``(D,)`` of the variances, in rows new to it."""
        return cls(coef, np.minimum(_DOUBT, _DOUBT_PER_ROOT * np.sqrt(unexplained)), limit)

    def goes_on(self, preparation: Preparation, X: Array) -> tuple[FloatArray, FloatArray] | None:
        """Shifts ``(n, D)`` of the means for the rows X, and what is added to standard deviations.

        There is None where no row is outside, nor has a gap that no row of the fit had.
        """
        beyond = beyond_range(preparation, self.coef, X, self.limit)
        unknown = _unknown(preparation, self, X)
        if beyond is None:
            return None if unknown is None else (np.zeros_like(unknown), unknown)
        noise = 2 * self.doubt * np.abs(beyond)
        shifts = self.followed(preparation) * beyond
        return shifts, noise if unknown is None else np.hypot(noise, unknown)

    def followed(self, preparation: Preparation) -> FloatArray:
        """Part ``(D,)`` of the line's change by which the means go on."""
        return np.ones_like(self.doubt) if preparation.extrapolation == "linear" else 1 - self.doubt


def without_indicator(preparation: Preparation) -> IntArray:
    """Places among the features of numbers of those in which no row of the fit had a gap."""
    return np.flatnonzero(~np.isin(preparation.numbers, preparation.with_gaps))


def _unknown(preparation: Preparation, line: OutsideLine, X: Array) -> FloatArray | None:
    """Standard deviations ``(n, D)`` by which a line varies with the values in gaps."""
    is_gap = np.isnan(X)
    if not is_gap.any():  # which is all to ask of most rows
        return None
    places = without_indicator(preparation)
    is_gap = is_gap[:, preparation.numbers[places]]
    if not is_gap.any():
        return None
    variances = np.zeros((len(X), line.coef.shape[1]))
    for gap, slope in zip(is_gap.T, line.coef[places], strict=True):
        variances[gap] += slope**2
    return np.sqrt(variances)


def beyond_range(
    preparation: Preparation, slopes: FloatArray, X: Array, limit: float = Z_LIMIT
) -> FloatArray | None:
    """How much a line with slopes ``(q, D)`` changes from the ends of the range to the rows X.

    The slopes are by z-score, which is cut off at the limit. There is None where no row is outside.
    """
    rows = _outside(preparation, X)
    if len(rows) == 0:
        return None
    change = np.zeros((len(X), slopes.shape[1]))
    # Feature by feature: the bits of a matrix product depend on the number of rows.
    for excess, slope in zip(_excess(preparation, X[rows], limit), slopes, strict=True):
        change[rows] += excess[:, np.newaxis] * slope
    return change


def _outside(preparation: Preparation, X: Array) -> IntArray:
    low, high = preparation.ends()
    return np.flatnonzero(((low > X) | (high < X)).any(axis=1))


def _excess(preparation: Preparation, X: Array, limit: float) -> FloatArray:
    """How far z-scores ``(q, n)`` are from those at the ends of the range; 0 within and at gaps."""
    numbers = preparation.numbers
    mean, scale = preparation.X_mean[numbers], preparation.X_scale[numbers]
    low, high = (end[numbers, np.newaxis] for end in preparation.ends())
    columns = X.T[numbers].astype(np.float64)
    z, of_end = np.empty_like(columns), np.empty_like(columns)
    write_z_scores(np.clip(columns, low, high), mean, scale, of_end, straight_to=limit)
    write_z_scores(columns, mean, scale, z, straight_to=limit)
    return np.nan_to_num(z - of_end)
