"""Are consecutive rows alike? A rank test of targets in the order of the rows."""

import math
import zlib
from typing import NamedTuple

import numpy as np
from scipy.special import betainc

from skmdn._arrays import FloatArray
from skmdn._estimators.observations import rows_with_weight

# Share of random orders in which rows are called alike.
ERROR_RATE = 1e-4
# With fewer rows the distribution of the test is only roughly known, and its power is small.
_LEAST_ROWS = 10
# Of more rows, so many stretches of consecutive ones are looked at, evenly spaced.
_MAX_ROWS, _N_STRETCHES = 100_000, 100
# An order of so few pieces that only rise or only fall was sorted, and so was one in which at most
# this share of the steps goes against the others.
_MAX_PIECES, _MAX_AGAINST = 10, 0.1
# The autocorrelation of ranks below which rows count as unlike.
_FADED = 0.2


class Dependence(NamedTuple):
    """What the order of rows says about them."""

    p_value: float  # of the test; 1 with too few rows
    lag: int  # smallest distance at which rows are no longer alike; 1 if neighbours are not
    is_sorted: bool  # whether the rows are in the order of a target

    @property
    def are_alike(self) -> bool:
        """Whether consecutive rows depend on each other, as in a series."""
        return self.are_in_order and not self.is_sorted

    @property
    def are_in_order(self) -> bool:
        """Whether consecutive rows are alike, in a series or because they were sorted by y.

        A series that only grows looks like the latter.
        """
        return self.p_value < ERROR_RATE


def dependence(y: FloatArray, weights: FloatArray | None = None) -> Dependence:
    """Whether consecutive rows of ``y (n,)`` or ``(n, D)`` are more alike than others.

    The test is the rank version of von Neumann's ratio: the squared differences between the ranks
    of neighbours, in units of their variance. In a random order it has a mean of 2, and a beta
    distribution on (0, 4) describes its lower tail well from ten rows on [1]_. So the p-value
    depends neither on the distribution of y nor on outliers. Equal values get ranks in a random
    order, which keeps this distribution exact: with two rare values among many equal ones, chance
    often makes the two neighbours, and that is no evidence. Equal rows next to each other are
    evidence, as their ranks are neighbours too. The p-value is the smallest one of the outputs
    times D.

    Rows of weight zero are left out. Other weights do not matter: a row of weight two is no
    evidence that rows are alike.

    Rows that were sorted by y are alike without depending on each other. Such orders are told by
    their few pieces that only rise or only fall, or by steps that nearly all go in one direction.
    Rows sorted by a feature cannot be told from a series, as time may be a feature too.

    References
    ----------
    .. [1] R. Bartels, "The rank version of von Neumann's ratio test for randomness", J. Am. Stat.
       Assoc. 77 (1982).
    """
    y = y[:, np.newaxis] if y.ndim == 1 else y
    outputs = _stretches(y[rows_with_weight(weights, len(y))]).T  # (D, n)
    enough = outputs.shape[1] >= _LEAST_ROWS
    varying = [values for values in outputs if enough and values.min() < values.max()]
    if not varying:
        return Dependence(1.0, 1, is_sorted=False)
    ranks = [_ranks(values) for values in varying]
    p_value = min(1.0, len(ranks) * min(_p_value(each) for each in ranks))
    lag = max(_fading_lag(each) for each in ranks)
    return Dependence(p_value, lag, any(_is_sorted(values) for values in varying))


def _stretches(y: FloatArray) -> FloatArray:
    """All rows, or consecutive ones from all over the order; seams are neighbours by chance."""
    if len(y) <= _MAX_ROWS:
        return y
    length = _MAX_ROWS // _N_STRETCHES
    starts = np.linspace(0, len(y) - length, _N_STRETCHES).astype(np.intp)
    return y[(starts[:, np.newaxis] + np.arange(length)).ravel()]


def _ranks(values: FloatArray) -> FloatArray:
    """Ranks ``(n,)`` from 0, those of equal values in random order.

    The order of the rows is the seed, so that the same rows have the same ranks, but other orders
    others.
    """
    n, order = len(values), np.argsort(values, kind="stable")
    seed = zlib.crc32(order.astype(np.int64).tobytes())
    order = np.lexsort((np.random.default_rng(seed).permutation(n), values))
    ranks = np.empty(n)
    ranks[order] = np.arange(n)
    return ranks


def _p_value(ranks: FloatArray) -> float:
    """Probability of neighbours at least as alike in a random order."""
    n = len(ranks)
    ratio = np.sum(np.diff(ranks) ** 2) / (n * (n**2 - 1) / 12)
    variance = 4 * (n - 2) * (5 * n**2 - 2 * n - 9) / (5 * n * (n + 1) * (n - 1) ** 2)
    shape = 2 / variance - 0.5
    return float(betainc(shape, shape, ratio / 4))


def _fading_lag(ranks: FloatArray) -> int:
    """First lag at which the autocorrelation of ranks is small, beyond chance."""
    n = len(ranks)
    size = 2 ** (2 * n - 1).bit_length()  # zeros behind the ranks keep ends from meeting
    spectrum = np.abs(np.fft.rfft(ranks - ranks.mean(), size)) ** 2
    products = np.fft.irfft(spectrum, size)[:n]
    small = products < max(_FADED, 2 / math.sqrt(n)) * products[0]
    return int(np.argmax(small)) or n


def _is_sorted(values: FloatArray) -> bool:
    """Whether the values only rise, or only fall, in nearly all steps or in a few pieces."""
    before, after = values[:-1], values[1:]  # differences might overflow
    steps = 1.0 * (after > before) - 1.0 * (after < before)
    steps = steps[steps != 0]
    n_pieces = 1 + np.count_nonzero(np.diff(steps))
    n_against = min(np.count_nonzero(steps > 0), np.count_nonzero(steps < 0))
    return bool(n_pieces <= _MAX_PIECES or n_against <= _MAX_AGAINST * len(steps))
