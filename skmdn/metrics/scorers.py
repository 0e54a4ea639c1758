"""Scorers: the metrics in the form that ``scoring=`` accepts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import UNUSED

from skmdn.metrics.arguments import check_fraction
from skmdn.metrics.coverage import coverage_loss
from skmdn.metrics.proper_scores import crps_loss, energy_loss, log_likelihood_score
from skmdn.metrics.quantile_losses import interval_score_loss, pinball_loss
from skmdn.metrics.regions import check_region
from skmdn.metrics.rounded import check_resolution


class DistributionScorer(BaseEstimator):
    """Score the predictive distributions of an estimator: more is better.

    It does for densities what :func:`sklearn.metrics.make_scorer` does for point predictions. An
    instance is a callable ``scorer(estimator, X, y, sample_weight=None)`` for every ``scoring=`` of
    scikit-learn, alone or in a dict. It can be cloned and pickled. With metadata routing enabled it
    can request weights: ``clone(log_likelihood_scorer).set_score_request(sample_weight=True)``.
    (Clone a ready-made scorer first, as a request changes the object itself.)

    Parameters
    ----------
    metric : callable
        ``metric(y_true, mixture, *, sample_weight=None, **metric_params)``, which returns a number.
    greater_is_better : bool, default=True
        Whether a higher value is better; if not, the score is minus the metric.
    metric_params : dict, default=None
        Further keyword arguments of the metric.
    response_method : str, default="predict_proba"
        Name of the estimator's method that returns a :class:`skmdn.Mixture`, or another prediction
        that the metric accepts. For NGBoost it is "pred_dist".

    Examples
    --------
    >>> from skmdn.metrics import DistributionScorer, pinball_loss
    >>> upper = DistributionScorer(
    ...     pinball_loss, greater_is_better=False, metric_params={"level": 0.95}
    ... )
    >>> upper.get_params()["metric_params"]
    {'level': 0.95}
    """

    # Here `score` has an argument `estimator`, which is not metadata to be routed.
    __metadata_request__score: ClassVar[dict[str, str]] = {"estimator": UNUSED}

    def __init__(
        self,
        metric: Callable[..., float],
        *,
        greater_is_better: bool = True,
        metric_params: Mapping[str, Any] | None = None,
        response_method: str = "predict_proba",
    ) -> None:
        self.metric = metric
        self.greater_is_better = greater_is_better
        self.metric_params = metric_params
        self.response_method = response_method

    def score(
        self,
        estimator: Any,
        X: Any,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
    ) -> float:
        """Predict for the rows of X, and score the predictions on y.

        Parameters
        ----------
        estimator : object
            A fitted estimator with the response method.
        X : array-like of shape (n, p)
            The rows.
        y : array-like of shape (n,) or (n, D)
            Outcomes.
        sample_weight : array-like of shape (n,), default=None
            Weights of the rows.

        Returns
        -------
        float
            The metric, or minus the metric if less of it is better.

        Raises
        ------
        TypeError
            If the metric is no function, or the estimator has no such response method.
        """
        if not callable(self.metric):
            raise TypeError(
                f"metric: expected a function of (y_true, mixture), got {self.metric!r}."
            )
        respond = getattr(estimator, self.response_method, None)
        if respond is None:
            raise TypeError(
                f"estimator: expected one with {self.response_method}, "
                f"got {type(estimator).__name__}."
            )
        params = self.metric_params or {}
        value = self.metric(y, respond(X), sample_weight=sample_weight, **params)
        return value if self.greater_is_better else -value

    def __call__(
        self,
        estimator: Any,
        X: Any,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
    ) -> float:
        """Do as :meth:`score` does."""
        return self.score(estimator, X, y, sample_weight=sample_weight)

    @property
    def __name__(self) -> str:
        """Name of the score, for the axes of scikit-learn's Displays."""
        name = getattr(self.metric, "__name__", type(self.metric).__name__)
        return name if self.greater_is_better else f"neg_{name}"

    def _accept_sample_weight(self) -> bool:
        """Tell a multi-metric search of scikit-learn >= 1.9 that weights are accepted."""
        return True


log_likelihood_scorer = DistributionScorer(log_likelihood_score)
neg_crps_scorer = DistributionScorer(crps_loss, greater_is_better=False)
neg_energy_scorer = DistributionScorer(energy_loss, greater_is_better=False)


def rounded_log_likelihood_scorer(resolution: float) -> DistributionScorer:
    """Make a scorer: the log-likelihood of targets that are known to a resolution.

    Choose with it where candidates differ in `target_atoms`, or where y is rounded (see
    :func:`log_likelihood_score`). :data:`neg_crps_scorer` compares such candidates too.

    Parameters
    ----------
    resolution : float
        Width of the cell around each outcome, in the unit of y.

    Returns
    -------
    DistributionScorer
        A new scorer of :func:`log_likelihood_score`.

    Raises
    ------
    ValueError
        If `resolution` is not a positive number.

    Examples
    --------
    >>> from skmdn.metrics import rounded_log_likelihood_scorer
    >>> rounded_log_likelihood_scorer(0.5).metric_params
    {'resolution': 0.5}
    """
    params = {"resolution": check_resolution(resolution)}
    return DistributionScorer(log_likelihood_score, metric_params=params)


def neg_pinball_scorer(level: float = 0.5) -> DistributionScorer:
    """Make a scorer: minus the pinball loss of one quantile.

    Parameters
    ----------
    level : float, default=0.5
        Level of the quantile, strictly between 0 and 1.

    Returns
    -------
    DistributionScorer
        A new scorer of :func:`pinball_loss`.

    Raises
    ------
    ValueError
        If `level` is outside (0, 1).

    Examples
    --------
    >>> from skmdn.metrics import neg_pinball_scorer
    >>> neg_pinball_scorer(0.9).metric_params
    {'level': 0.9}
    """
    return _loss_scorer(pinball_loss, level=check_fraction("level", level))


def neg_interval_scorer(level: float = 0.9) -> DistributionScorer:
    """Make a scorer: minus the interval score of the central interval.

    Parameters
    ----------
    level : float, default=0.9
        Mass of the interval, strictly between 0 and 1.

    Returns
    -------
    DistributionScorer
        A new scorer of :func:`interval_score_loss`.

    Raises
    ------
    ValueError
        If `level` is outside (0, 1).

    Examples
    --------
    >>> from skmdn.metrics import neg_interval_scorer
    >>> neg_interval_scorer(0.5).metric_params
    {'level': 0.5}
    """
    return _loss_scorer(interval_score_loss, level=check_fraction("level", level))


def coverage_scorer(level: float = 0.9, region: str = "central") -> DistributionScorer:
    """Make a scorer: minus the distance of the observed coverage from `level`.

    The best score is 0, where the regions contain exactly the nominal share of the outcomes. (More
    coverage is not better: the widest region has the most.) A model that ignores X can reach 0 too,
    so use it together with a proper score, not alone.

    Parameters
    ----------
    level : float, default=0.9
        Mass of the region, strictly between 0 and 1.
    region : {"central", "hdr"}, default="central"
        As in :func:`coverage_score`.

    Returns
    -------
    DistributionScorer
        A new scorer of :func:`coverage_loss`.

    Raises
    ------
    ValueError
        If `level` is outside (0, 1) or `region` is unknown.

    Examples
    --------
    >>> from skmdn.metrics import coverage_scorer
    >>> coverage_scorer(0.8).metric_params
    {'level': 0.8, 'region': 'central'}
    """
    level, region = check_fraction("level", level), check_region(region)
    return _loss_scorer(coverage_loss, level=level, region=region)


def _loss_scorer(metric: Callable[..., float], **metric_params: Any) -> DistributionScorer:
    """Return a scorer for a metric of which less is better."""
    return DistributionScorer(metric, greater_is_better=False, metric_params=metric_params)
