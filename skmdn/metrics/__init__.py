"""How good predictive distributions are for observed y: metrics and scorers.

Functions of ``(y_true, mixture)``; names end in ``_score`` (more is better) or ``_loss`` (less is
better). Beside a :class:`skmdn.Mixture` they accept another model's predictions: a batch of frozen
scipy.stats distributions, an array of samples, or a :class:`QuantilePrediction`.
"""

from skmdn.metrics.calibration import CalibrationError, calibration_error, hdr_values, pit_values
from skmdn.metrics.coverage import coverage_loss, coverage_score, sharpness
from skmdn.metrics.proper_scores import crps_loss, energy_loss, log_likelihood_score
from skmdn.metrics.quantile_losses import interval_score_loss, pinball_loss
from skmdn.metrics.quantiles import QuantilePrediction
from skmdn.metrics.report import ReportRow, ReportTable, calibration_report
from skmdn.metrics.samples import SamplePrediction
from skmdn.metrics.scorers import (
    DistributionScorer,
    coverage_scorer,
    log_likelihood_scorer,
    neg_crps_scorer,
    neg_energy_scorer,
    neg_interval_scorer,
    neg_pinball_scorer,
)

__all__ = [
    "CalibrationError",
    "DistributionScorer",
    "QuantilePrediction",
    "ReportRow",
    "ReportTable",
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
    "sharpness",
]

# A pickled search keeps its scorer: by these public names, whatever file they live in later.
for _name in __all__:
    if not isinstance(globals()[_name], DistributionScorer):
        globals()[_name].__module__ = __name__
