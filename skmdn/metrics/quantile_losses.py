"""Proper losses for single quantiles and for central intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skmdn.metrics.arguments import check_fraction, gather
from skmdn.metrics.regions import central_interval
from skmdn.mixture.underflow import ignores_float_errors


@ignores_float_errors
def pinball_loss(
    y_true: npt.ArrayLike,
    mixture: Any,
    *,
    level: float = 0.5,
    sample_weight: npt.ArrayLike | None = None,
) -> float:
    """Mean pinball loss of one quantile; less is better.

    ``max(α (y - q), (α - 1)(y - q))`` with q the predicted quantile at level α [1]_, as in
    :func:`sklearn.metrics.mean_pinball_loss`, in the unit of y. At 0.5 it is half the absolute
    error of the median. With several outputs it is the mean over the marginals.

    Parameters
    ----------
    y_true : array-like of shape (n,) or (n, D)
        Outcomes.
    mixture : Mixture, TargetMixture, SamplePrediction, QuantilePrediction or scipy distribution
        Predictive distributions of the same rows.
    level : float, default=0.5
        Level of the quantile, strictly between 0 and 1.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows.

    Returns
    -------
    float
        The loss, not negative.

    Raises
    ------
    ValueError
        If shapes disagree, a number is not finite, `level` is outside (0, 1), or only quantiles at
        other levels are known.

    References
    ----------
    .. [1] Koenker & Bassett (1978). Regression quantiles. Econometrica 46.

    Examples
    --------
    >>> from skmdn import Mixture
    >>> from skmdn.metrics import pinball_loss
    >>> mixture = Mixture([[1.0]], [[0.0]], [[1.0]])
    >>> pinball_loss([2.0], mixture, level=0.5)
    1.0
    """
    level = check_fraction("level", level)
    arguments = gather(y_true, mixture, sample_weight)
    error = arguments.y - arguments.prediction.ppf(level)
    return arguments.mean(np.maximum(level * error, (level - 1.0) * error))


@ignores_float_errors
def interval_score_loss(
    y_true: npt.ArrayLike,
    mixture: Any,
    *,
    level: float = 0.9,
    sample_weight: npt.ArrayLike | None = None,
) -> float:
    """Mean interval score of the central interval; less is better.

    Winkler's score [1]_ [2]_ of the interval between the quantiles at (1 - level) / 2 and
    (1 + level) / 2: its width, plus 2 / (1 - level) times the distance by which the outcome misses
    it, in the unit of y. With several outputs it is the mean over the marginals.

    Parameters
    ----------
    y_true : array-like of shape (n,) or (n, D)
        Outcomes.
    mixture : Mixture, TargetMixture, SamplePrediction, QuantilePrediction or scipy distribution
        Predictive distributions of the same rows.
    level : float, default=0.9
        Mass of the interval, strictly between 0 and 1.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows.

    Returns
    -------
    float
        The loss, not negative.

    Raises
    ------
    ValueError
        If shapes disagree, a number is not finite, `level` is outside (0, 1), or only quantiles at
        other levels are known.

    References
    ----------
    .. [1] Winkler (1972). A decision-theoretic approach to interval estimation. J. Am. Stat. Assoc.
       67.
    .. [2] Gneiting & Raftery (2007). Strictly proper scoring rules, prediction, and estimation.
       J. Am. Stat. Assoc. 102, equation 43.

    Examples
    --------
    >>> from skmdn import Mixture
    >>> from skmdn.metrics import interval_score_loss
    >>> mixture = Mixture([[1.0]], [[0.0]], [[1.0]])
    >>> print(f"{interval_score_loss([0.0], mixture, level=0.9):.3f}")
    3.290
    """
    level = check_fraction("level", level)
    arguments = gather(y_true, mixture, sample_weight)
    lower, upper = central_interval(arguments, level)
    missed = np.maximum(lower - arguments.y, 0.0) + np.maximum(arguments.y - upper, 0.0)
    return arguments.mean(upper - lower + 2.0 / (1.0 - level) * missed)
