"""What to do about the faults of predictive distributions."""

from __future__ import annotations

import numpy as np

from skmdn.metrics.arguments import Arguments
from skmdn.metrics.diagnosis import ALIKE, DEPENDENCE, FEW_ROWS, SHAPE, Diagnosis

_SKEWED = 1.0  # skewness of an exponential distribution is 2, of a normal one 0
_BIAS = "check whether these rows differ from the training rows (time, groups, units)"
_SPREAD = (
    "use MDNEnsembleRegressor, which calibrates densities, or ConformalMDNRegressor, whose regions "
    "have guaranteed coverage"
)
_BY_FAULT = {
    "biased low": _BIAS,
    "biased high": _BIAS,
    "over-confident": _SPREAD,
    "under-confident": _SPREAD,
    SHAPE: "raise n_components",
    DEPENDENCE: 'use covariance_type="full"',
}
_LOG = "fit log(y), as y is positive and skewed"
_ORDER = (
    "as neighbouring rows have similar errors, hold out whole blocks or groups of rows "
    "(KFold without shuffling, GroupKFold)"
)
_FEW = (
    f"judge at least {FEW_ROWS} rows, such as the out-of-fold densities of cross_val_predict_proba"
)
_NOTHING = "nothing; compare calibrated models by log-likelihood or CRPS"


def advise(arguments: Arguments, diagnosis: Diagnosis) -> str:
    """Return in one line what to do about all that was found."""
    faults = diagnosis.faults()
    steps = [_BY_FAULT[fault] for of_output in faults for fault in of_output]
    y = arguments.y.reshape(len(arguments.y), -1)[arguments.weights > 0.0]
    if any(of_output and _is_skewed(y[:, j]) for j, of_output in enumerate(faults)):
        steps.append(_LOG)
    if not steps:
        steps.append(_FEW if diagnosis.n_effective < FEW_ROWS else _NOTHING)
    if any(finding.is_fault and finding.reading == ALIKE for finding in diagnosis.order):
        steps.append(_ORDER)
    return "; ".join(dict.fromkeys(steps))


def _is_skewed(y: np.ndarray) -> bool:
    """Tell whether outcomes are positive with a long upper tail, as those of a log-normal."""
    centred = y - y.mean()
    skewness = np.mean(centred**3) / max(np.mean(centred**2) ** 1.5, np.finfo(float).tiny)
    return bool(y.min() > 0.0 and skewness > _SKEWED)
