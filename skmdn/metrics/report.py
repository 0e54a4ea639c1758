"""The calibration report: a verdict in plain words, what to do, and all metrics in one table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from skmdn.metrics.advice import advise
from skmdn.metrics.arguments import check_fraction, gather
from skmdn.metrics.calibration import calibration_error
from skmdn.metrics.diagnosis import diagnose
from skmdn.metrics.outcome_values import outcome_values
from skmdn.metrics.regions import uniform_masses
from skmdn.metrics.report_rows import (
    MISSES,
    ReportRow,
    below_zero_rows,
    error_row,
    finding_rows,
    has_density,
    quantile_rows,
    region_rows,
    score_rows,
)
from skmdn.metrics.sequential_pit import sequential_pit
from skmdn.mixture.underflow import ignores_float_errors

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, repr=False)
class CalibrationReport:
    """What :func:`calibration_report` found.

    It prints as text, ``report["pit bias"]`` is one row, and iteration is over the rows.

    Parameters
    ----------
    verdict : str
        How the outcomes contradict the predictions, or "well calibrated".
    advice : str
        What to do about it.
    rows : tuple of ReportRow
        The table. A row has a name, `measure`; a `value`; the value `expected` of a perfectly
        calibrated model and a `p_value`, both NaN where there is none; and, where there is an
        expected value, a `reading`. With several outputs, tests of a single one end in its number,
        as in "pit bias [0]".
    """

    verdict: str
    advice: str
    rows: tuple[ReportRow, ...]

    def __getitem__(self, measure: str) -> ReportRow:
        """Return the row of that name."""
        for row in self.rows:
            if row.measure == measure:
                return row
        raise KeyError(f"{measure!r} is none of {[row.measure for row in self.rows]}")

    def __iter__(self) -> Iterator[ReportRow]:
        """Iterate over the rows."""
        return iter(self.rows)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def __repr__(self) -> str:
        """Return the verdict, what to do, and the table, one measure per line."""
        width = max(len(row.measure) for row in self.rows)
        lines = [
            f"verdict:    {self.verdict}",
            f"what to do: {self.advice}",
            "",
            " ".join(
                [" " * width, *(f"{name:>10}" for name in ReportRow._fields[1:4]), " reading"]
            ),
            *(
                f"{row.measure:{width}} {_cell(row.value)} {_cell(row.expected)} "
                f"{_cell(row.p_value)}  {row.reading}"
                for row in self.rows
            ),
        ]
        return "\n".join(line.rstrip() for line in lines)

    def to_frame(self) -> pandas.DataFrame:
        """Return the table as a DataFrame, with the measures as its index; this needs pandas."""
        import pandas

        return pandas.DataFrame(list(self.rows)).set_index("measure")


def _cell(value: float) -> str:
    """Return a number in a cell ten characters wide; blanks for NaN."""
    return " " * 10 if np.isnan(value) else f"{value:10.4g}"


@ignores_float_errors
def calibration_report(
    y_true: npt.ArrayLike,
    mixture: Any,
    *,
    levels: float | Sequence[float] = (0.5, 0.9),
    significance: float = 0.01,
    sample_weight: npt.ArrayLike | None = None,
) -> CalibrationReport:
    """Judge predictive distributions: a verdict in plain words, what to do, and all metrics.

    The verdict says how the outcomes contradict the predictions: "biased low" (outcomes lie above
    the predictions), "biased high", "over-confident" (predictions too narrow), "under-confident"
    (too wide), or "wrong shape" (none of these, but still another distribution). With several
    outputs it names the output first, as in "output 0: biased low"; if none has a fault, it may be
    "wrong dependence between outputs". Without a fault it is "well calibrated", or
    "too few rows to tell" for fewer than 30 rows.

    Parameters
    ----------
    y_true : array-like of shape (n,) or (n, D)
        Outcomes of at least two rows, which the model was not fitted on.
    mixture : Mixture, TargetMixture, scipy.stats distribution or SamplePrediction
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
    CalibrationReport
        Prints the verdict, a line on what to do, and the table.

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
    normal approximation of the binomial distribution, and the correlation of z in neighbouring rows
    by its normal approximation. These two do not enter the verdict. Of mixtures of several outputs,
    z of each output given those before it is tested for correlation between outputs, in the same
    way, for the pair where it is largest; under calibration there is none [4]_. With atoms, PIT and
    HDR values are random within a jump, and coverage is that of regions with random borders, which
    is exact.

    A reading is "as expected", the fault, or "significant, but small", as with enough rows every
    deviation is significant: a bias below 0.05, a spread within 5 % of 1, a distance or a deviation
    of the coverage below 0.02, a correlation below 0.1. Small deviations do not enter the verdict.
    A calibration error is as expected up to twice the expected value.

    If no outcome is negative, the table has the mean probability of a value below zero. If all are
    positive and it exceeds 1 %, or a fault is found and y is skewed, the advice names
    `target_transform`. Where many rows share values, it names `target_atoms`. Both are parameters
    of :class:`skmdn.MDNRegressor`. They do not enter the verdict either.

    A uniform PIT is necessary, but not sufficient [3]_: faults that cancel between rows go unseen.

    References
    ----------
    .. [1] Berkowitz (2001). Testing density forecasts, with applications to risk management. J.
       Bus. Econ. Stat. 19.
    .. [2] Stephens (1970). Use of the Kolmogorov-Smirnov, Cramer-von Mises and related statistics
       without extensive tables. J. R. Stat. Soc. B 32.
    .. [3] Hamill (2001). Interpretation of rank histograms for verifying ensemble forecasts. Mon.
       Weather Rev. 129.
    .. [4] Rosenblatt (1952). Remarks on a multivariate transformation. Ann. Math. Stat. 23.

    Examples
    --------
    >>> import numpy as np
    >>> from skmdn import Mixture
    >>> from skmdn.metrics import calibration_report
    >>> y = np.random.default_rng(0).normal(size=400)
    >>> narrow = Mixture(np.ones((400, 1)), np.zeros((400, 1)), np.full((400, 1), 0.5))
    >>> report = calibration_report(y, narrow)
    >>> report.verdict
    'over-confident'
    >>> report["coverage central 0.9"].reading
    'too low'
    """
    significance = check_fraction("significance", significance)
    levels = [check_fraction("levels", level) for level in np.atleast_1d(levels).tolist()]
    arguments = gather(y_true, mixture, sample_weight)
    if arguments.n_effective < 1.0 + 1e-9:
        raise ValueError("y_true: expected at least two rows of positive weight, got one.")
    # Costly, so computed once; and the first to refuse a prediction without what it needs.
    pit = arguments.prediction.pit(arguments.y).reshape(len(arguments.y), -1)
    masses = uniform_masses(arguments) if has_density(arguments) else None
    diagnosis = diagnose(arguments, pit, masses, sequential_pit(arguments), significance)
    values = outcome_values(arguments)
    y, prediction, weights = arguments
    regions = region_rows(arguments, levels, (pit, masses), diagnosis.significance)
    rows = [
        *score_rows(arguments),
        *quantile_rows(arguments, levels),
        *regions,
        error_row(calibration_error(y, prediction, sample_weight=weights)),
        *finding_rows(diagnosis),
        *below_zero_rows(values),
    ]
    misses = any(row.reading in MISSES for row in regions)
    advice = advise(arguments, diagnosis, values, coverage_is_off=misses)
    return CalibrationReport(diagnosis.verdict(), advice, tuple(rows))
