"""Calibration: where the outcomes fall within their predictive distributions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from skmdn.metrics.arguments import gather
from skmdn.metrics.regions import uniform_masses
from skmdn.mixture.underflow import ignores_float_errors


class CalibrationError(NamedTuple):
    """Result of :func:`calibration_error`, with the value expected by chance alone.

    Attributes
    ----------
    value : float
        Mean distance of the PIT's distribution function from the diagonal, between 0 and 1/2.
    expected : float
        The value expected of a perfectly calibrated model for the same number of rows.
    """

    value: float
    expected: float


@ignores_float_errors
def pit_values(y_true: npt.ArrayLike, mixture: Any) -> np.ndarray:
    """Probability integral transform of the outcomes, ``F(y)``.

    If the outcomes come from the predicted distributions, the values are uniform on (0, 1) [1]_. A
    U-shaped histogram means over-confident, a hump under-confident, a slope biased.

    Parameters
    ----------
    y_true : array-like of shape (n,) or (n, D)
        Outcomes.
    mixture : Mixture, TargetMixture, scipy.stats distribution or SamplePrediction
        Predictive distributions of the same rows. The PIT of samples is randomised within its rank
        (see :class:`SamplePrediction`), and that of an atom within its jump, with a fixed seed.

    Returns
    -------
    ndarray of shape (n,) or (n, D)
        With several outputs, the values of each marginal.

    Raises
    ------
    ValueError
        If shapes disagree, a number is not finite, or only quantiles are known.

    References
    ----------
    .. [1] Dawid (1984). Statistical theory: the prequential approach. J. R. Stat. Soc. A 147.

    Examples
    --------
    >>> from skmdn import Mixture
    >>> from skmdn.metrics import pit_values
    >>> pit_values([0.0], Mixture([[1.0]], [[0.0]], [[1.0]]))
    array([0.5])
    """
    arguments = gather(y_true, mixture, None)
    return np.asarray(arguments.prediction.pit(arguments.y))


@ignores_float_errors
def hdr_values(y_true: npt.ArrayLike, mixture: Any) -> np.ndarray:
    """Mass of the region where the density is higher than at the outcome (HPD-PIT).

    ``P(p(X) > p(y))`` with X drawn from p: 0 at the highest mode, near 1 in the far tails. An
    outcome lies in the highest-density region of a level if its value is at most that level. If the
    model is right the values are uniform [1]_, for several modes and for several outputs too.

    Parameters
    ----------
    y_true : array-like of shape (n,) or (n, D)
        Outcomes.
    mixture : Mixture, TargetMixture or scipy.stats distribution
        Predictive distributions of the same rows. At an atom the value is randomised within its
        jump, with a fixed seed.

    Returns
    -------
    ndarray of shape (n,)
        Values in [0, 1], joint over the outputs. With several outputs they are Monte Carlo
        estimates with a fixed seed (see ``Mixture.hdr_mass``).

    Raises
    ------
    ValueError
        If shapes disagree, a number is not finite, or the prediction has no density.

    References
    ----------
    .. [1] Izbicki, Shimizu & Stern (2022). CD-split and HPD-split: efficient conformal regions in
       high dimensions. J. Mach. Learn. Res. 23.

    Examples
    --------
    >>> from skmdn import Mixture
    >>> from skmdn.metrics import hdr_values
    >>> mixture = Mixture([[1.0]], [[0.0]], [[1.0]])
    >>> print(f"{hdr_values([1.959964], mixture)[0]:.3f}")
    0.950
    """
    arguments = gather(y_true, mixture, None)
    return uniform_masses(arguments)


@ignores_float_errors
def calibration_error(
    y_true: npt.ArrayLike, mixture: Any, *, sample_weight: npt.ArrayLike | None = None
) -> CalibrationError:
    """Mean distance of the PIT's distribution function from uniform; less is better.

    ``∫ |Fₙ(u) - u| du`` over (0, 1), exact, with Fₙ the (weighted) empirical distribution function
    of :func:`pit_values`; with several outputs, the mean over the marginals. By chance alone it is
    positive, so the value expected under perfect calibration is returned with it. A value near the
    expected one shows no fault; a value several times as large shows one.

    Parameters
    ----------
    y_true : array-like of shape (n,) or (n, D)
        Outcomes.
    mixture : Mixture, TargetMixture, scipy.stats distribution or SamplePrediction
        Predictive distributions of the same rows.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows. They enter `expected` by the effective number of rows
        ``(Σw)² / Σw²`` [2]_, as a repeated row carries no new information.

    Returns
    -------
    CalibrationError
        A named tuple `(value, expected)`.

    Raises
    ------
    ValueError
        If shapes disagree, a number is not finite, or only quantiles are known.

    Notes
    -----
    Under perfect calibration ``Fₙ(u) - u`` is nearly normal with variance ``u (1 - u) / n`` [1]_,
    whose mean absolute value ``sqrt(2 u (1 - u) / (π n))`` integrates to ``sqrt(π / (32 n))``:
    within 2 % of the exact expectation from n = 4 on.

    References
    ----------
    .. [1] Shorack & Wellner (1986). Empirical processes with applications to statistics. Wiley.
    .. [2] Kish (1965). Survey sampling. Wiley.

    Examples
    --------
    >>> import numpy as np
    >>> from skmdn import Mixture
    >>> from skmdn.metrics import calibration_error
    >>> y = np.random.default_rng(0).normal(size=400)
    >>> narrow = Mixture(np.ones((400, 1)), np.zeros((400, 1)), np.full((400, 1), 0.5))
    >>> error = calibration_error(y, narrow)
    >>> print(f"{error.value:.3f}, by chance {error.expected:.3f}")
    0.108, by chance 0.016
    """
    arguments = gather(y_true, mixture, sample_weight)
    pit = arguments.prediction.pit(arguments.y).reshape(len(arguments.y), -1)
    value = np.mean([mean_distance(column, arguments.weights) for column in pit.T])
    return CalibrationError(float(value), float(np.sqrt(np.pi / (32.0 * arguments.n_effective))))


def mean_distance(values: np.ndarray, weights: np.ndarray) -> float:
    """Return ``∫ |Fₙ(u) - u| du``, exact as Fₙ is constant between neighbouring values."""
    borders, height = _steps(values, weights)
    start, end = borders[:-1] - height, borders[1:] - height
    return float(0.5 * np.sum(end * np.abs(end) - start * np.abs(start)))


def greatest_distance(values: np.ndarray, weights: np.ndarray) -> float:
    """Return Kolmogorov's ``max |Fₙ(u) - u|``."""
    borders, height = _steps(values, weights)
    return float(max(np.max(height - borders[:-1]), np.max(borders[1:] - height)))


def _steps(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return 0, the points where Fₙ jumps, and 1, (n + 2,), and Fₙ between them, (n + 1,)."""
    order = np.argsort(values, kind="stable")
    height = np.concatenate([[0.0], np.cumsum(weights[order])])
    return np.concatenate([[0.0], values[order], [1.0]]), height / height[-1]
