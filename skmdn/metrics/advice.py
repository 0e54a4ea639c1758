"""What to do about the faults of predictive distributions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from skmdn.metrics.arguments import Arguments
from skmdn.metrics.diagnosis import ALIKE, DEPENDENCE, FEW_ROWS, SHAPE, Diagnosis
from skmdn.metrics.outcome_values import OutcomeValues

MOST_BELOW_ZERO = 0.01  # of the predicted mass, where no outcome is

_SKEWED = 1.0  # skewness of an exponential distribution is 2, of a normal one 0
_BIAS = "check whether these rows differ from the training rows (time, groups, units)"
_CONFORMAL = "ConformalMDNRegressor, whose regions have guaranteed coverage"
_SPREAD = f"use MDNEnsembleRegressor, which calibrates densities, or {_CONFORMAL}"
_SPREAD_OF_ATOMS = f"use {_CONFORMAL}"  # which the ensemble does not take
_BY_FAULT = {
    "biased low": _BIAS,
    "biased high": _BIAS,
    "over-confident": _SPREAD,
    "under-confident": _SPREAD,
    SHAPE: "raise n_components",
    DEPENDENCE: 'use covariance_type="full"',
}
_ORDER = (
    "as neighbouring rows have similar errors, hold out whole blocks or groups of rows "
    "(KFold without shuffling, GroupKFold)"
)
_FEW = (
    f"judge at least {FEW_ROWS} rows, such as the out-of-fold densities of cross_val_predict_proba"
)
_COVERAGE = "judge more rows: the coverage is off, but no test of the whole distribution finds why"
_NOTHING = "nothing; compare calibrated models by log-likelihood or CRPS"


def advise(
    arguments: Arguments,
    diagnosis: Diagnosis,
    values: Sequence[OutcomeValues],
    *,
    coverage_is_off: bool,
) -> str:
    """Return in one line what to do about all that was found."""
    faults = diagnosis.faults()
    steps = [*_atom_steps(values)]  # first, as they may explain all other faults
    with_atoms = bool(steps) or any(found.has_atoms for found in values)
    instead = {_SPREAD: _SPREAD_OF_ATOMS} if with_atoms else {}
    if getattr(arguments.prediction, "covariance_type", None) == "full":
        instead[_BY_FAULT[DEPENDENCE]] = _BY_FAULT[SHAPE]
    by_fault = [_BY_FAULT[fault] for of_output in faults for fault in of_output]
    steps += [instead.get(step, step) for step in by_fault]
    y = arguments.y.reshape(len(arguments.y), -1)[arguments.weights > 0.0]
    is_skewed = [bool(of_output) and _is_skewed(y[:, j]) for j, of_output in enumerate(faults)]
    steps += _transform_steps(values, is_skewed)
    if not steps:
        nothing = _COVERAGE if coverage_is_off else _NOTHING
        steps.append(_FEW if diagnosis.n_effective < FEW_ROWS else nothing)
    if any(finding.is_fault and finding.reading == ALIKE for finding in diagnosis.order):
        steps.append(_ORDER)
    return "; ".join(dict.fromkeys(steps))


def _atom_steps(values: Sequence[OutcomeValues]) -> Iterator[str]:
    """Name the words for values that many rows share; of one output, as atoms need it."""
    if len(values) > 1 or values[0].shared is None:
        return
    found, (value, share) = values[0], values[0].shared
    if found.zeros and found.lowest == 0.0 and not found.are_few:
        yield (
            f'set target_atoms=[0], target_transform="log", as y is zero in {found.zeros:.0%} of '
            "the rows and positive else"
        )
    else:
        yield (
            f'set target_atoms="auto", or [{value!r}] if that finds none, as many rows share '
            f"values ({share:.0%} have y = {value:g})"
        )


def _transform_steps(values: Sequence[OutcomeValues], is_skewed: Sequence[bool]) -> Iterator[str]:
    """Name the map for positive outcomes, where predictions reach below zero."""
    logs = [
        (found.below_zero > MOST_BELOW_ZERO or skewed)
        and not (found.is_bounded or found.are_few)
        and found.lowest >= 0.0
        and found.lowest_else > 0.0
        for found, skewed in zip(values, is_skewed, strict=True)
    ]
    if not any(logs):
        return
    word = str(["log" if log else None for log in logs]) if len(logs) > 1 else '"log"'
    below = max(found.below_zero for found, log in zip(values, logs, strict=True) if log)
    reason = "skewed"
    if below > MOST_BELOW_ZERO:
        reason = f"{below:.0%} of the predicted mass is below zero"
    beside = " beside its atoms" if any(found.has_atoms for found in values) else ""
    yield f"set target_transform={word}, as y is positive{beside} and {reason}"


def _is_skewed(y: np.ndarray) -> bool:
    """Tell whether outcomes have a long upper tail, as those of a log-normal."""
    centred = y - y.mean()
    skewness = np.mean(centred**3) / max(np.mean(centred**2) ** 1.5, np.finfo(float).tiny)
    return bool(skewness > _SKEWED)
