"""Coverage and sharpness: how often regions contain the outcome, and how large they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skmdn.metrics.arguments import check_fraction, gather
from skmdn.metrics.regions import (
    central_width,
    check_region,
    densest_measure,
    in_central_interval,
    in_densest_region,
)
from skmdn.mixture.underflow import ignores_float_errors

_CONTAINS = {"central": in_central_interval, "hdr": in_densest_region}
_MEASURE = {"central": central_width, "hdr": densest_measure}


@ignores_float_errors
def coverage_score(
    y_true: npt.ArrayLike,
    mixture: Any,
    *,
    level: float = 0.9,
    region: str = "central",
    sample_weight: npt.ArrayLike | None = None,
) -> float:
    """Share of the outcomes that lie in their predicted region; best at `level`.

    It should equal `level`: above means too cautious, below means over-confident. Wide regions
    cover easily, so look at :func:`sharpness` too. :func:`coverage_loss` is the distance from
    `level`. Where a prediction has atoms, a region may not have the mass `level` exactly; it has
    more, and even the right model then covers more.

    Parameters
    ----------
    y_true : array-like of shape (n,) or (n, D)
        Outcomes.
    mixture : Mixture, TargetMixture, SamplePrediction, QuantilePrediction or scipy distribution
        Predictive distributions of the same rows.
    level : float, default=0.9
        Mass of the region, strictly between 0 and 1.
    region : {"central", "hdr"}, default="central"
        "central": the interval between the quantiles at (1 - level) / 2 and (1 + level) / 2 of each
        marginal; the share is averaged over the outputs. "hdr": the highest-density region [1]_,
        joint over the outputs. It may consist of several intervals, and needs a density.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If shapes disagree, a number is not finite, `level` or `region` is not as described, or the
        region cannot be computed from the prediction.

    References
    ----------
    .. [1] Hyndman (1996). Computing and graphing highest density regions. Am. Stat. 50.

    Examples
    --------
    >>> from skmdn import Mixture
    >>> from skmdn.metrics import coverage_score
    >>> mixture = Mixture([[0.5, 0.5]] * 2, [[-4.0, 4.0]] * 2, [[1.0, 1.0]] * 2)
    >>> coverage_score([4.0, 0.0], mixture, level=0.9)
    1.0
    >>> coverage_score([4.0, 0.0], mixture, level=0.9, region="hdr")
    0.5
    """
    level, region = check_fraction("level", level), check_region(region)
    arguments = gather(y_true, mixture, sample_weight)
    return arguments.mean(_CONTAINS[region](arguments, level))


@ignores_float_errors
def coverage_loss(
    y_true: npt.ArrayLike,
    mixture: Any,
    *,
    level: float = 0.9,
    region: str = "central",
    sample_weight: npt.ArrayLike | None = None,
) -> float:
    """Distance of the observed coverage from the nominal one; less is better.

    ``|coverage_score - level|``. It is not proper: a model that ignores X can reach 0. Choose
    models by a proper score such as :func:`interval_score_loss`, and use this one as a check.

    Parameters
    ----------
    y_true : array-like of shape (n,) or (n, D)
        Outcomes.
    mixture : Mixture, TargetMixture, SamplePrediction, QuantilePrediction or scipy distribution
        Predictive distributions of the same rows.
    level : float, default=0.9
        Mass of the region, strictly between 0 and 1.
    region : {"central", "hdr"}, default="central"
        As in :func:`coverage_score`.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    ValueError
        As :func:`coverage_score`.

    Notes
    -----
    For n rows, a calibrated model has a loss of about ``sqrt(level (1 - level) / n)``.

    Examples
    --------
    >>> from skmdn import Mixture
    >>> from skmdn.metrics import coverage_loss
    >>> mixture = Mixture([[1.0]] * 2, [[0.0]] * 2, [[1.0]] * 2)
    >>> coverage_loss([0.0, 5.0], mixture, level=0.5)
    0.0
    """
    observed = coverage_score(
        y_true, mixture, level=level, region=region, sample_weight=sample_weight
    )
    return abs(observed - level)


@ignores_float_errors
def sharpness(
    y_true: npt.ArrayLike,
    mixture: Any,
    *,
    level: float = 0.9,
    region: str = "central",
    sample_weight: npt.ArrayLike | None = None,
) -> float:
    """Mean size of the predicted regions; of two calibrated models the smaller is better.

    To be sharp subject to calibration is the aim of a forecast [1]_.

    Parameters
    ----------
    y_true : array-like of shape (n,) or (n, D)
        Outcomes, as for every metric. The size of a region does not depend on their values.
    mixture : Mixture, TargetMixture, SamplePrediction, QuantilePrediction or scipy distribution
        Predictive distributions of the same rows.
    level : float, default=0.9
        Mass of the region, strictly between 0 and 1.
    region : {"central", "hdr"}, default="central"
        "central": width of the central interval of each marginal, averaged over the outputs. "hdr":
        length of the highest-density region, without its gaps; with several outputs its area or
        volume, estimated from 1,000 draws per row with a fixed seed.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows.

    Returns
    -------
    float
        In the unit of y; an area or volume in the product of the outputs' units.

    Raises
    ------
    ValueError
        If shapes disagree, a number is not finite, `level` or `region` is not as described, or the
        region cannot be computed from the prediction.

    Notes
    -----
    The volume is ``E[1{p(X) >= t} / p(X)]``, where X is drawn from p and t is the density that a
    share `level` of the draws exceeds. For one row of two outputs, its relative standard error is
    about 4 % at level 0.9 and 9 % at 0.99; it falls with the square root of the number of rows. As
    t is estimated from the same draws, the volume is too large: for two outputs by 0.2 % at level
    0.9, 1 % at 0.99 and 8 % at 0.999, for five outputs by two or three times that.

    References
    ----------
    .. [1] Gneiting, Balabdaoui & Raftery (2007). Probabilistic forecasts, calibration and
       sharpness. J. R. Stat. Soc. B 69.

    Examples
    --------
    >>> from skmdn import Mixture
    >>> from skmdn.metrics import sharpness
    >>> mixture = Mixture([[0.5, 0.5]], [[-4.0, 4.0]], [[1.0, 1.0]])
    >>> print(f"{sharpness([0.0], mixture, level=0.9):.2f}")
    10.56
    >>> print(f"{sharpness([0.0], mixture, level=0.9, region='hdr'):.2f}")
    6.58
    """
    level, region = check_fraction("level", level), check_region(region)
    arguments = gather(y_true, mixture, sample_weight)
    return arguments.mean(np.asarray(_MEASURE[region](arguments, level)))
