"""Metrics and scorers: how well predictive distributions match the observed y.

Scores end in ``_score`` (more is better), losses in ``_loss`` (less is better). The arguments that
metrics share are described here.

`y_true`: array-like of shape (n,) or (n, D)
    The outcomes, one per row: finite numbers. A single output may also be a column, (n, 1).
`mixture`: a prediction for the same rows
    What ``predict_proba(X)`` returns, a :class:`skmdn.Mixture` or :class:`skmdn.TargetMixture`; or
    another model's predictions: a continuous scipy.stats distribution (a batch of n, or one for all
    rows), a :class:`SamplePrediction` or a :class:`QuantilePrediction`. Samples have no density,
    and quantiles have neither a density nor a distribution function: a metric that needs one raises
    ValueError. Plain arrays raise TypeError, as they may be point forecasts, intervals or samples.
`sample_weight`: array-like of shape (n,), default=None
    Weights of the rows: nonnegative, at least one positive. A weight of 2 counts as two rows of
    weight 1. None gives all rows the same weight.

Metrics of marginal distributions (CRPS, pinball and interval losses, central intervals, PIT) are
averaged over the outputs where there are several. The others are joint over the outputs.
"""

from skmdn.metrics.calibration import CalibrationError, calibration_error, hdr_values, pit_values
from skmdn.metrics.coverage import coverage_loss, coverage_score, sharpness
from skmdn.metrics.proper_scores import crps_loss, energy_loss, log_likelihood_score
from skmdn.metrics.quantile_losses import interval_score_loss, pinball_loss
from skmdn.metrics.quantiles import QuantilePrediction
from skmdn.metrics.report import CalibrationReport, calibration_report
from skmdn.metrics.report_rows import ReportRow
from skmdn.metrics.samples import SamplePrediction
from skmdn.metrics.scorers import (
    DistributionScorer,
    coverage_scorer,
    log_likelihood_scorer,
    neg_crps_scorer,
    neg_energy_scorer,
    neg_interval_scorer,
    neg_pinball_scorer,
    rounded_log_likelihood_scorer,
)

__all__ = [
    "CalibrationError",
    "CalibrationReport",
    "DistributionScorer",
    "QuantilePrediction",
    "ReportRow",
    "SamplePrediction",
    "calibration_error",
    "calibration_report",
    "coverage_loss",
    "coverage_score",
    "coverage_scorer",
    "crps_loss",
    "energy_loss",
    "hdr_values",
    "interval_score_loss",
    "log_likelihood_score",
    "log_likelihood_scorer",
    "neg_crps_scorer",
    "neg_energy_scorer",
    "neg_interval_scorer",
    "neg_pinball_scorer",
    "pinball_loss",
    "pit_values",
    "rounded_log_likelihood_scorer",
    "sharpness",
]

# A pickled search keeps its scorer: by these public names, whatever file they live in later.
for _name in __all__:
    if not isinstance(globals()[_name], DistributionScorer):
        globals()[_name].__module__ = __name__
