"""The rows of a calibration report: one measure each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from skmdn.metrics.advice import MOST_BELOW_ZERO
from skmdn.metrics.arguments import Arguments
from skmdn.metrics.calibration import CalibrationError
from skmdn.metrics.coverage import sharpness
from skmdn.metrics.diagnosis import SMALLEST_DISTANCE, Diagnosis, Finding, reading
from skmdn.metrics.outcome_values import OutcomeValues
from skmdn.metrics.proper_scores import crps_loss, energy_loss, log_likelihood_score
from skmdn.metrics.quantile_losses import interval_score_loss, pinball_loss
from skmdn.metrics.regions import has_jumps, in_central_interval

MISSES = "too low", "too high"  # of a coverage
_USUAL = 2.0  # a right model's calibration error is rarely more than twice the expected one


class ReportRow(NamedTuple):
    """One measure of a calibration report; entries that do not apply are NaN or empty."""

    measure: str
    value: float = np.nan
    expected: float = np.nan
    p_value: float = np.nan
    reading: str = ""


def score_rows(arguments: Arguments) -> list[ReportRow]:
    """Return the proper scores of the whole distribution."""
    y, prediction, weights = arguments
    rows = []
    if has_density(arguments):
        score = log_likelihood_score(y, prediction, sample_weight=weights)
        rows.append(ReportRow("log-likelihood", score))
    rows.append(ReportRow("CRPS", crps_loss(y, prediction, sample_weight=weights)))
    if prediction.n_outputs > 1:
        rows.append(ReportRow("energy", energy_loss(y, prediction, sample_weight=weights)))
    return rows


def quantile_rows(arguments: Arguments, levels: list[float]) -> list[ReportRow]:
    """Return the losses of the quantiles and intervals at the levels."""
    y, prediction, weights = arguments
    ends = sorted({0.5, *(0.5 + sign * 0.5 * level for level in levels for sign in (-1, 1))})
    rows = [
        ReportRow(f"pinball {end:g}", pinball_loss(y, prediction, level=end, sample_weight=weights))
        for end in ends
    ]
    for level in levels:
        loss = interval_score_loss(y, prediction, level=level, sample_weight=weights)
        rows.append(ReportRow(f"interval score {level:g}", loss))
    return rows


def region_rows(
    arguments: Arguments,
    levels: list[float],
    values: tuple[np.ndarray, np.ndarray | None],
    significance: float,
) -> list[ReportRow]:
    """Return coverage and size of the regions of every level, central and densest.

    Values are the PIT, (n, D), and what is denser than the outcome, (n,).
    """
    pit, masses = values
    inside = {"central": [_in_central(arguments, pit, level) for level in levels]}
    if masses is not None:
        inside["hdr"] = [np.asarray(masses <= level, dtype=np.float64) for level in levels]
    y, prediction, weights = arguments
    rows = []
    for region, hits in inside.items():
        for level, hit in zip(levels, hits, strict=True):
            size = sharpness(y, prediction, level=level, region=region, sample_weight=weights)
            rows.append(_coverage_row(arguments, f"{region} {level:g}", level, hit, significance))
            rows.append(ReportRow(f"sharpness {region} {level:g}", size))
    return rows


def _in_central(arguments: Arguments, pit: np.ndarray, level: float) -> np.ndarray:
    """Tell which outcomes the central interval holds; where it ends in a jump, by their PIT."""
    if not has_jumps(arguments):
        return in_central_interval(arguments, level)
    return np.asarray(np.abs(2.0 * pit - 1.0) <= level, dtype=np.float64)


def _coverage_row(
    arguments: Arguments, region: str, level: float, hit: np.ndarray, significance: float
) -> ReportRow:
    """Return coverage, with a p-value by the normal approximation of the binomial."""
    share = arguments.mean(hit)
    distance = abs(share - level)
    p_value = 2.0 * float(ndtr(-distance * _root_of_rows(arguments, level)))
    too_low, too_high = MISSES
    fault = too_low if share < level else too_high
    said = reading(p_value < significance, distance >= SMALLEST_DISTANCE, fault)
    return ReportRow(f"coverage {region}", share, level, p_value, said)


def _root_of_rows(arguments: Arguments, level: float) -> float:
    """Return the inverse of the standard error of a coverage."""
    return float(np.sqrt(arguments.n_effective / (level * (1.0 - level))))


def error_row(error: CalibrationError) -> ReportRow:
    """Return the calibration error, which is read as a multiple of the expected one."""
    ratio = error.value / error.expected
    said = "as expected" if ratio <= _USUAL else f"{ratio:.1f} times the expected value"
    return ReportRow("calibration error", *error, reading=said)


def below_zero_rows(values: Sequence[OutcomeValues]) -> list[ReportRow]:
    """Return the mass predicted below zero, of each output that never is."""
    rows = []
    for j, found in enumerate(values):
        if found.lowest >= 0.0:
            number = f" [{j}]" if len(values) > 1 else ""
            said = "too high" if found.below_zero > MOST_BELOW_ZERO else "as expected"
            rows.append(ReportRow("mass below zero" + number, found.below_zero, 0.0, reading=said))
    return rows


def finding_rows(diagnosis: Diagnosis) -> list[ReportRow]:
    """Return one row per test, numbered by output where there are several."""
    rows = []
    for j, findings in enumerate(diagnosis.outputs):
        number = f" [{j}]" if len(diagnosis.outputs) > 1 else ""
        rows += [_finding_row(finding, number) for finding in [*findings, diagnosis.order[j]]]
    return rows + [_finding_row(finding, "") for finding in diagnosis.joint]


def _finding_row(finding: Finding, number: str) -> ReportRow:
    """Return the row of a test."""
    test, value, expected, p_value, said, _ = finding
    return ReportRow(test + number, value, expected, p_value, said)


def has_density(arguments: Arguments) -> bool:
    """Tell whether the prediction has a density, as every Mixture has."""
    return getattr(arguments.prediction, "has_density", True)
