"""Tests of PIT values for bias, spread and shape, and the faults that they show."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import chdtr, chdtrc, kolmogorov, ndtr, ndtri, stdtr

from skmdn.metrics.arguments import Arguments
from skmdn.metrics.calibration import greatest_distance

# Smaller deviations are not called faults, even if they are significant.
SMALLEST_BIAS = 0.05  # predicted standard deviations
SMALLEST_SPREAD = 0.05  # of the logarithm: 5 %
SMALLEST_DISTANCE = 0.02  # of the PIT's distribution function, and of a coverage
SMALLEST_CORRELATION = 0.1  # of neighbouring rows
# With fewer rows, finding no fault does not mean that there is none.
FEW_ROWS = 30
# Normal scores are clipped here. Beyond, 1 - PIT is below the resolution of doubles; and a single
# outlier should not decide the test.
_FARTHEST = 8.0
SHAPE, DEPENDENCE, ALIKE = "wrong shape", "wrong dependence between outputs", "neighbours alike"


class Finding(NamedTuple):
    """One test: its statistic, the value expected under calibration, the p-value, the reading."""

    test: str
    value: float
    expected: float
    p_value: float
    reading: str
    is_fault: bool


class Diagnosis(NamedTuple):
    """All findings: of each output, of the order of its rows, and of all outputs together."""

    outputs: list[list[Finding]]
    order: list[Finding]  # they do not enter the verdict
    joint: list[Finding]  # none without a density
    significance: float  # of one test
    n_effective: float

    def faults(self) -> list[list[str]]:
        """Return the faults of each output; a wrong dependence counts as one of the last."""
        if len(self.outputs) == 1:
            return [_faults(self.outputs[0] + self.joint)]
        faults = [_faults(findings) for findings in self.outputs]
        if not any(faults) and _faults(self.joint):
            faults[-1] = [DEPENDENCE]
        return faults

    def verdict(self) -> str:
        """Return the faults as text."""
        faults = self.faults()
        if not any(faults):
            return "too few rows to tell" if self.n_effective < FEW_ROWS else "well calibrated"
        if len(faults) == 1 or DEPENDENCE in faults[-1]:
            return " and ".join(faults[-1])
        texts = (f"output {j}: {' and '.join(found)}" for j, found in enumerate(faults) if found)
        return "; ".join(texts)


def diagnose(
    arguments: Arguments,
    pit: np.ndarray,
    masses: np.ndarray | None,
    sequential: np.ndarray | None,
    significance: float,
) -> Diagnosis:
    """Test PIT values, (n, D), and HDR values, (n,); all tests share the significance.

    The `sequential` PIT values, (n, D), are of each output given those before it.
    """
    n_joint = (masses is not None) + (sequential is not None)
    share = significance / (3 * pit.shape[1] + n_joint)
    size = (arguments.weights, arguments.n_effective, share)
    joint = [] if masses is None else [_uniformity("hdr uniformity", masses, *size)]
    if sequential is not None:
        joint.append(_correlation_finding(sequential, *size))
    return Diagnosis(
        outputs=[examine(column, *size) for column in pit.T],
        order=[_order_finding(column, *size) for column in pit.T],
        joint=joint,
        significance=share,
        n_effective=arguments.n_effective,
    )


def examine(
    pit: np.ndarray, weights: np.ndarray, n_effective: float, significance: float
) -> list[Finding]:
    """Test one output's PIT values, (n,), for bias, spread and shape.

    Bias and spread are mean and standard deviation of the normal scores ``Φ⁻¹(PIT)``, standard
    normal under calibration (Berkowitz 2001): the first by Student's t, the second by chi-squared.
    Shape is Kolmogorov's test.
    """
    scores = _normal_scores(pit)
    cut = float(np.average(np.abs(scores) == _FARTHEST, weights=weights))
    bias = float(np.average(scores, weights=weights))
    spread = _standard_deviation(scores - bias, weights, n_effective)
    return [
        _bias_finding(bias, spread, n_effective, significance),
        _spread_finding(spread, cut, n_effective, significance),
        _uniformity("pit uniformity", pit, weights, n_effective, significance),
    ]


def reading(is_significant: bool, is_large: bool, fault: str) -> str:
    """Return what a test says: the fault, where it is significant and large."""
    if not is_significant:
        return "as expected"
    return fault if is_large else "significant, but small"


def _normal_scores(pit: np.ndarray) -> np.ndarray:
    """Return ``Φ⁻¹(PIT)``, clipped."""
    return np.asarray(np.clip(ndtri(pit), -_FARTHEST, _FARTHEST))


def _standard_deviation(centred: np.ndarray, weights: np.ndarray, n_effective: float) -> float:
    """Return the weighted standard deviation with n - 1, kept above zero."""
    variance = float(np.average(np.square(centred), weights=weights))
    return max(math.sqrt(variance * n_effective / (n_effective - 1.0)), 1e-12)


def _finding(
    test: str, value: float, expected: float, p_value: float, judged: tuple[float, bool, str]
) -> Finding:
    """Return a finding, judged by significance, size, and the name of the fault."""
    significance, is_large, fault = judged
    is_significant = p_value < significance
    said = reading(is_significant, is_large, fault)
    return Finding(test, value, expected, p_value, said, is_significant and is_large)


def _bias_finding(bias: float, spread: float, n_rows: float, significance: float) -> Finding:
    """Return the finding on bias: outcomes above the predictions mean that these are low."""
    statistic = abs(bias) / spread * np.sqrt(n_rows)
    p_value = 2.0 * float(stdtr(n_rows - 1.0, -statistic))
    fault = "biased low" if bias > 0.0 else "biased high"
    judged = (significance, abs(bias) >= SMALLEST_BIAS, fault)
    return _finding("pit bias", bias, 0.0, p_value, judged)


def _spread_finding(spread: float, cut: float, n_rows: float, significance: float) -> Finding:
    """Return the finding on spread: outcomes farther out than predicted mean over-confidence.

    Where scores were clipped, as by a huge bias, a small spread is no fault: it is due to clipping.
    """
    freedom = n_rows - 1.0
    tails = chdtr(freedom, freedom * spread**2), chdtrc(freedom, freedom * spread**2)
    p_value = min(1.0, 2.0 * float(min(tails)))
    is_large = abs(np.log(spread)) >= SMALLEST_SPREAD and (spread > 1.0 or cut < 0.01)
    fault = "over-confident" if spread > 1.0 else "under-confident"
    return _finding("pit spread", spread, 1.0, p_value, (significance, bool(is_large), fault))


def _uniformity(
    test: str, values: np.ndarray, weights: np.ndarray, n_effective: float, significance: float
) -> Finding:
    """Test values for uniformity by Kolmogorov's statistic, in Stephens' form (1970) for n rows."""
    distance = greatest_distance(values, weights)
    root = np.sqrt(n_effective)
    factor = root + 0.12 + 0.11 / root
    p_value = float(kolmogorov(factor * distance))
    expected = np.sqrt(0.5 * np.pi) * np.log(2.0) / factor  # mean of Kolmogorov's distribution
    judged = (significance, distance >= SMALLEST_DISTANCE, "not uniform")
    return _finding(test, distance, float(expected), p_value, judged)


def _order_finding(
    pit: np.ndarray, weights: np.ndarray, n_effective: float, significance: float
) -> Finding:
    """Test the normal scores of neighbouring rows for correlation, -1/n under independence.

    Two rows count as much as the geometric mean of their weights.
    """
    present = weights > 0.0
    scores, roots = _normal_scores(pit[present]), np.sqrt(weights[present])
    centred = roots * (scores - np.average(scores, weights=weights[present]))
    total, expected = float(np.square(centred).sum()), -1.0 / n_effective
    value = float((centred[1:] * centred[:-1]).sum() / total) if total > 0.0 else expected
    distance = abs(value - expected)
    p_value = 2.0 * float(ndtr(-distance * np.sqrt(n_effective)))
    fault = ALIKE if value > 0.0 else "neighbours opposite"
    judged = (significance, distance >= SMALLEST_CORRELATION, fault)
    return _finding("pit autocorrelation", value, expected, p_value, judged)


def _correlation_finding(
    pit: np.ndarray, weights: np.ndarray, n_effective: float, significance: float
) -> Finding:
    """Test sequential PIT values, (n, D), for correlation: that of the pair where it is largest."""
    scores = _normal_scores(pit)
    centred = scores - np.average(scores, axis=0, weights=weights)
    products = (centred.T * weights) @ centred
    scales = np.sqrt(np.diag(products))
    pairs = np.triu_indices(pit.shape[1], 1)
    scale = np.outer(scales, scales)[pairs]
    found = np.divide(products[pairs], scale, out=np.zeros_like(scale), where=scale > 0.0)
    value = float(found[np.argmax(np.abs(found))])
    p_value = min(1.0, len(found) * 2.0 * float(ndtr(-abs(value) * np.sqrt(n_effective))))
    judged = (significance, abs(value) >= SMALLEST_CORRELATION, DEPENDENCE)
    return _finding("pit correlation", value, 0.0, p_value, judged)


def _faults(findings: list[Finding]) -> list[str]:
    """Return the faults among the findings; the shape is named if there is no other fault."""
    faults = [finding.reading for finding in findings if finding.is_fault]
    plainer = [fault for fault in faults if fault != "not uniform"]
    return plainer or ([SHAPE] if faults else [])
