"""The calibration report: all metrics in one table, with a verdict in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from skmdn._arrays import FloatArray
from skmdn.metrics.arguments import Arguments, check_fraction, gather
from skmdn.metrics.calibration import calibration_error
from skmdn.metrics.coverage import sharpness
from skmdn.metrics.diagnosis import Finding, examine, uniformity, verdict
from skmdn.metrics.proper_scores import crps_loss, energy_loss, log_likelihood_score
from skmdn.metrics.quantile_losses import interval_score_loss, pinball_loss
from skmdn.metrics.regions import in_central_interval
from skmdn.metrics.underflow import ignores_underflow

_Masses = FloatArray | None  # HDR values (n,), where there is a density
_COLUMNS = ("value", "expected", "p_value", "reading")


class ReportRow(NamedTuple):
    """One line of the table; entries that do not apply are NaN or empty."""

    measure: str
    value: float = np.nan
    expected: float = np.nan
    p_value: float = np.nan
    reading: str = ""


class ReportTable(tuple[ReportRow, ...]):
    """The table if pandas is not installed: a tuple of rows that prints as a table."""

    def __repr__(self) -> str:
        """Return the table as text, one measure per line."""
        width = max(len(row.measure) for row in self)
        head = " ".join([" " * width, *(f"{name:>10}" for name in _COLUMNS[:-1]), " reading"])
        lines = (
            f"{row.measure:{width}} {_cell(row.value)} {_cell(row.expected)} {_cell(row.p_value)}"
            f"  {row.reading}"
            for row in self
        )
        return "\n".join(line.rstrip() for line in (head, *lines))


def _cell(value: float) -> str:
    """Return a number in a cell ten characters wide; blanks for NaN."""
    return " " * 10 if np.isnan(value) else f"{value:10.4g}"


@ignores_underflow
def calibration_report(
    y_true: npt.ArrayLike,
    mixture: Any,
    *,
    levels: float | Sequence[float] = (0.5, 0.9),
    significance: float = 0.01,
    sample_weight: npt.ArrayLike | None = None,
) -> Any:
    """Judge predictive distributions: all metrics in one table, and a verdict in plain words.

    The verdict says how the outcomes contradict the predictions: "biased low" (outcomes lie above
    the predictions), "biased high", "over-confident" (predictions too narrow), "under-confident"
    (too wide), or "wrong shape" (none of these, but still another distribution); with several
    outputs also "wrong dependence between outputs". Without a fault it is "well calibrated", or
    "too few rows to tell" for fewer than 30 rows.

    Parameters
    ----------
    y_true : array-like of shape (n,) or (n, D)
        Outcomes of at least two rows, which the model was not fitted on.
    mixture : Mixture, scipy.stats distribution or SamplePrediction
        Predictive distributions of the same rows.
        Samples have no density, so their table has no log-likelihood and no "hdr" rows.
    levels : float or sequence of float, default=(0.5, 0.9)
        Masses of the regions whose coverage and size are shown.
    significance : float, default=0.01
        Probability of finding a fault in a perfectly calibrated model. It is shared equally among
        the tests (Bonferroni).
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows. Tests use the effective number of rows ``(Σw)² / Σw²``, as a repeated
        row carries no new information.

    Returns
    -------
    pandas.DataFrame or ReportTable
        A DataFrame, with the measures as its index, if pandas is installed; otherwise a tuple of
        rows that prints as a table. Columns: `value`; `expected`, the value expected of a perfectly
        calibrated model; `p_value`; `reading`, the fault that the row shows, if any. The last row
        is "verdict". With several outputs, tests of a single one end in its number, as in "pit bias
        [0]".

    Raises
    ------
    ValueError
        If shapes disagree, a number is not finite, fewer than two rows have positive weights, only
        quantiles are known, or a level or the significance is outside (0, 1).

    Notes
    -----
    Bias and spread are the mean and the standard deviation of ``z = Φ⁻¹(PIT)``, cut at ±8. Under
    calibration z is standard normal [1]_; if predictions are normal, z is the error in units of the
    predicted standard deviation. The mean is tested by Student's t, and the variance, times n - 1,
    by the two-sided chi-squared test, both with n - 1 degrees of freedom, where n is the effective
    number of rows. Uniformity is tested by Kolmogorov's statistic: of the PIT of each output, and,
    where there is a density, of the HDR values, jointly over the outputs. Its p-value and its mean
    for n rows are those of the limit distribution in Stephens' form [2]_. Coverage is tested by the
    normal approximation of the binomial distribution, level by level without correction.

    The verdict does not count a bias below 0.05, a spread within 5 % of 1 or a distance below 0.02:
    with enough rows, every deviation is significant.

    A uniform PIT is necessary, but not sufficient [3]_: faults that cancel between rows go unseen.

    References
    ----------
    .. [1] Berkowitz (2001). Testing density forecasts, with applications to risk management. J.
       Bus. Econ. Stat. 19.
    .. [2] Stephens (1970). Use of the Kolmogorov-Smirnov, Cramer-von Mises and related statistics
       without extensive tables. J. R. Stat. Soc. B 32.
    .. [3] Hamill (2001). Interpretation of rank histograms for verifying ensemble forecasts. Mon.
       Weather Rev. 129.

    Examples
    --------
    >>> import numpy as np
    >>> from skmdn import Mixture
    >>> from skmdn.metrics import calibration_report
    >>> y = np.random.default_rng(0).normal(size=400)
    >>> narrow = Mixture(np.ones((400, 1)), np.zeros((400, 1)), np.full((400, 1), 0.5))
    >>> report = calibration_report(y, narrow)
    >>> report.loc["verdict", "reading"]
    'over-confident'
    """
    significance = check_fraction("significance", significance)
    levels = [check_fraction("levels", level) for level in np.atleast_1d(levels).tolist()]
    arguments = gather(y_true, mixture, sample_weight)
    if arguments.n_effective < 1.0 + 1e-9:
        raise ValueError("y_true: expected at least two rows of positive weight, got one.")
    # Costly, so computed once; and the first to refuse a prediction without what it needs.
    pit = arguments.prediction.pit(arguments.y).reshape(len(arguments.y), -1)
    masses = arguments.prediction.hdr_mass(arguments.y) if _has_density(arguments) else None
    rows = _score_rows(arguments) + _quantile_rows(arguments, levels)
    rows += _region_rows(arguments, levels, masses)
    return _tabulate(rows + _diagnosis_rows(arguments, pit, masses, significance))


def _score_rows(arguments: Arguments) -> list[ReportRow]:
    """Return the proper scores of the whole distribution."""
    y, prediction, weights = arguments
    rows = []
    if _has_density(arguments):
        score = log_likelihood_score(y, prediction, sample_weight=weights)
        rows.append(ReportRow("log-likelihood", score))
    rows.append(ReportRow("CRPS", crps_loss(y, prediction, sample_weight=weights)))
    if prediction.n_outputs > 1:
        rows.append(ReportRow("energy", energy_loss(y, prediction, sample_weight=weights)))
    return rows


def _quantile_rows(arguments: Arguments, levels: list[float]) -> list[ReportRow]:
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


def _region_rows(arguments: Arguments, levels: list[float], masses: _Masses) -> list[ReportRow]:
    """Return coverage and size of the regions of every level, central and densest."""
    inside = {"central": [in_central_interval(arguments, level) for level in levels]}
    if masses is not None:
        inside["hdr"] = [np.asarray(masses <= level, dtype=np.float64) for level in levels]
    return [
        row
        for region, hits in inside.items()
        for level, hit in zip(levels, hits, strict=True)
        for row in _region_pair(arguments, region, level, arguments.mean(hit))
    ]


def _region_pair(
    arguments: Arguments, region: str, level: float, share: float
) -> tuple[ReportRow, ReportRow]:
    """Return coverage, with a p-value by the normal approximation of the binomial, and size."""
    distance = abs(share - level) * np.sqrt(arguments.n_effective / (level * (1.0 - level)))
    p_value = 2.0 * float(ndtr(-distance))
    y, prediction, weights = arguments
    size = sharpness(y, prediction, level=level, region=region, sample_weight=weights)
    return (
        ReportRow(f"coverage {region} {level:g}", share, level, p_value),
        ReportRow(f"sharpness {region} {level:g}", size),
    )


def _diagnosis_rows(
    arguments: Arguments, pit: FloatArray, masses: _Masses, significance: float
) -> list[ReportRow]:
    """Return the calibration error, the tests of PIT and HDR values, and the verdict."""
    y, prediction, weights = arguments
    error = calibration_error(y, prediction, sample_weight=weights)
    n_tests = 3 * pit.shape[1] + (masses is not None)
    size = (weights, arguments.n_effective, significance / n_tests)
    outputs = [examine(column, *size) for column in pit.T]
    joint = [] if masses is None else [uniformity("hdr uniformity", masses, *size)]
    return [
        ReportRow("calibration error", *error),
        *_finding_rows(outputs, joint),
        ReportRow("verdict", reading=_overall(outputs, joint, arguments.n_effective)),
    ]


def _finding_rows(outputs: list[list[Finding]], joint: list[Finding]) -> list[ReportRow]:
    """Return one row per test, numbered by output where there are several."""
    numbered = [
        ReportRow(f"{finding.test} [{j}]" if len(outputs) > 1 else finding.test, *finding[1:])
        for j, findings in enumerate(outputs)
        for finding in findings
    ]
    return numbered + [ReportRow(*finding) for finding in joint]


def _overall(outputs: list[list[Finding]], joint: list[Finding], n_effective: float) -> str:
    """Return the verdict: on one output, or on each one with a fault and on their dependence."""
    if len(outputs) == 1:
        return verdict(outputs[0] + joint, n_effective)
    verdicts = [verdict(findings, n_effective) for findings in outputs]
    faults = [
        f"output {j}: {of_output}"
        for j, (findings, of_output) in enumerate(zip(outputs, verdicts, strict=True))
        if any(finding.fault for finding in findings)
    ]
    if not faults and any(finding.fault for finding in joint):
        faults = ["wrong dependence between outputs"]
    return "; ".join(faults) if faults else verdicts[0]


def _has_density(arguments: Arguments) -> bool:
    """Tell whether the prediction has a density, as every Mixture has."""
    return getattr(arguments.prediction, "has_density", True)


def _tabulate(rows: list[ReportRow]) -> Any:
    """Return a DataFrame if pandas is installed, otherwise a table that prints itself."""
    try:
        import pandas as pd
    except ImportError:
        return ReportTable(rows)
    return pd.DataFrame(rows).set_index("measure")
