"""Tests of PIT values for bias, spread and shape, and the faults that they show."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import chdtr, chdtrc, kolmogorov, ndtri, stdtr

from skmdn._arrays import FloatArray
from skmdn.metrics.calibration import greatest_distance

# Smaller deviations are not called faults, even if they are significant.
SMALLEST_BIAS = 0.05  # predicted standard deviations
SMALLEST_SPREAD = 0.05  # of the logarithm: 5 %
SMALLEST_DISTANCE = 0.02  # of the PIT's distribution function
# With fewer rows, finding no fault does not mean that there is none.
FEW_ROWS = 30
# Normal scores are clipped here. Beyond, 1 - PIT is below the resolution of doubles; and a single
# outlier should not decide the test.
_FARTHEST = 8.0


class Finding(NamedTuple):
    """One test: its statistic, the value expected under calibration, the p-value, and the fault."""

    test: str
    value: float
    expected: float
    p_value: float
    fault: str


def examine(
    pit: FloatArray,
    weights: FloatArray,
    n_effective: float,
    significance: float,
) -> list[Finding]:
    """Test one output's PIT values, (n,), for bias, spread and shape.

    Bias and spread are mean and standard deviation of the normal scores ``Φ⁻¹(PIT)``, standard
    normal under calibration (Berkowitz 2001): the first by Student's t, the second by chi-squared.
    Shape is Kolmogorov's test.
    """
    scores = np.clip(ndtri(pit), -_FARTHEST, _FARTHEST)
    cut = float(np.average(np.abs(scores) == _FARTHEST, weights=weights))
    bias = float(np.average(scores, weights=weights))
    spread = _standard_deviation(scores - bias, weights, n_effective)
    return [
        _bias_finding(bias, spread, n_effective, significance),
        _spread_finding(spread, cut, n_effective, significance),
        uniformity("pit uniformity", pit, weights, n_effective, significance),
    ]


def _standard_deviation(centred: FloatArray, weights: FloatArray, n_effective: float) -> float:
    """Return the weighted standard deviation with n - 1, kept above zero."""
    variance = float(np.average(np.square(centred), weights=weights))
    return max(math.sqrt(variance * n_effective / (n_effective - 1.0)), 1e-12)


def _bias_finding(bias: float, spread: float, n_rows: float, significance: float) -> Finding:
    """Return the finding on bias: outcomes above the predictions mean that these are low."""
    statistic = abs(bias) / spread * np.sqrt(n_rows)
    p_value = 2.0 * float(stdtr(n_rows - 1.0, -statistic))
    found = p_value < significance and abs(bias) >= SMALLEST_BIAS
    fault = ("biased low" if bias > 0.0 else "biased high") if found else ""
    return Finding("pit bias", bias, 0.0, p_value, fault)


def _spread_finding(spread: float, cut: float, n_rows: float, significance: float) -> Finding:
    """Return the finding on spread: outcomes farther out than predicted mean over-confidence.

    Where scores were clipped, as by a huge bias, a small spread is no fault: it is due to clipping.
    """
    size = abs(np.log(spread))
    freedom = n_rows - 1.0
    tails = chdtr(freedom, freedom * spread**2), chdtrc(freedom, freedom * spread**2)
    p_value = min(1.0, 2.0 * float(min(tails)))
    seen = size >= SMALLEST_SPREAD and (spread > 1.0 or cut < 0.01)
    found = p_value < significance and seen
    fault = ("over-confident" if spread > 1.0 else "under-confident") if found else ""
    return Finding("pit spread", spread, 1.0, p_value, fault)


def uniformity(
    test: str,
    values: FloatArray,
    weights: FloatArray,
    n_effective: float,
    significance: float,
) -> Finding:
    """Test values for uniformity by Kolmogorov's statistic, in Stephens' form (1970) for n rows."""
    distance = greatest_distance(values, weights)
    root = np.sqrt(n_effective)
    factor = root + 0.12 + 0.11 / root
    p_value = float(kolmogorov(factor * distance))
    found = p_value < significance and distance >= SMALLEST_DISTANCE
    expected = np.sqrt(0.5 * np.pi) * np.log(2.0) / factor  # mean of Kolmogorov's distribution
    return Finding(test, distance, float(expected), p_value, "not uniform" if found else "")


def verdict(findings: list[Finding], n_effective: float) -> str:
    """Put the faults of one output into words; the shape is named if there is no other fault."""
    faults = [finding.fault for finding in findings if finding.fault]
    plainer = [fault for fault in faults if fault != "not uniform"]
    if faults:
        return " and ".join(plainer) or "wrong shape"
    return "too few rows to tell" if n_effective < FEW_ROWS else "well calibrated"
