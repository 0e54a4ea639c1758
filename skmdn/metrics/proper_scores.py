"""Proper scores of the whole distribution: log-likelihood, CRPS and energy score."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from skmdn.metrics.arguments import gather
from skmdn.metrics.rounded import check_resolution, rounded_log_density
from skmdn.mixture.underflow import ignores_float_errors


@ignores_float_errors
def log_likelihood_score(
    y_true: npt.ArrayLike,
    mixture: Any,
    *,
    resolution: float | None = None,
    sample_weight: npt.ArrayLike | None = None,
) -> float:
    """Mean log-density of the outcomes; more is better.

    ``Σ w log p(y) / Σ w``, with the natural logarithm, joint over the outputs. It is the log score,
    proper and local [1]_, which the network is trained to maximise. A density has the unit of 1/y,
    so the value may have any sign, and only compares models of the same y.

    With a `resolution` h it is ``Σ w log((F(y + h/2) - F(y - h/2)) / h) / Σ w``: the log score of
    targets that are known to h. Use it for rounded targets, and wherever models differ in
    `target_atoms`. The log-density at an atom is that of a probability, elsewhere that of a
    density, and the two do not compare. Nor does the log-density of a rounded target have a bound.

    Parameters
    ----------
    y_true : array-like of shape (n,) or (n, D)
        Outcomes.
    mixture : Mixture, TargetMixture or scipy.stats distribution
        Predictive distributions of the same rows. With a resolution also SamplePrediction and
        QuantilePrediction.
    resolution : float, default=None
        Width of the cell around each outcome, in the unit of y, such as 1 for whole numbers. It
        needs predictions of one output. None is the density at the outcome.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows.

    Returns
    -------
    float
        The score; minus infinity if an outcome has density zero, or its cell no probability.

    Raises
    ------
    ValueError
        If shapes disagree, a number is not finite, the prediction has no density, or the resolution
        is not as described.

    Notes
    -----
    Cells are half-open, ``(y - h/2, y + h/2]``, as by F, so that those of a grid tile the line. An
    atom at y counts fully, and one at an end of the cell (to within rounding) counts at the upper
    end alone. Densities of this package give cells to a relative error of 1e-10 of the logarithm,
    also far out in the tails; for other kinds of predictions see their notes.

    References
    ----------
    .. [1] Good (1952). Rational decisions. J. R. Stat. Soc. B 14.

    Examples
    --------
    >>> from skmdn import Mixture
    >>> from skmdn.metrics import log_likelihood_score
    >>> mixture = Mixture([[0.5, 0.5]], [[-1.0, 1.0]], [[0.5, 0.5]])
    >>> print(f"{log_likelihood_score([1.0], mixture):.3f}")
    -0.919
    >>> print(f"{log_likelihood_score([1.0], mixture, resolution=1.0):.3f}")
    -1.073
    """
    width = None if resolution is None else check_resolution(resolution)
    arguments = gather(y_true, mixture, sample_weight)
    if width is None:
        return arguments.mean(arguments.prediction.logpdf(arguments.y))
    return arguments.mean(rounded_log_density(arguments, width))


@ignores_float_errors
def crps_loss(
    y_true: npt.ArrayLike, mixture: Any, *, sample_weight: npt.ArrayLike | None = None
) -> float:
    """Mean continuous ranked probability score; less is better.

    ``CRPS(F, y) = ∫ (F(x) - 1{x >= y})² dx = E|X - y| - E|X - X'| / 2`` [1]_, in the unit of y. For
    a point prediction it is the absolute error; for a mixture it has a closed form [2]_. With
    several outputs it is the mean over the marginals, which ignores their dependence:
    :func:`energy_loss` does not.

    Parameters
    ----------
    y_true : array-like of shape (n,) or (n, D)
        Outcomes.
    mixture : Mixture, TargetMixture, SamplePrediction, QuantilePrediction or scipy distribution
        Predictive distributions of the same rows.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows.

    Returns
    -------
    float
        The loss. It is not negative, except that the unbiased estimate from samples may be.

    Raises
    ------
    ValueError
        If shapes disagree or a number is not finite.

    Notes
    -----
    For a scipy.stats distribution it is computed by quadrature, with a relative error below 1e-8
    for a smooth density and 1e-4 for one with a kink. For samples it is the fair estimator, for
    quantiles the midpoint rule: see :class:`SamplePrediction` and :class:`QuantilePrediction`.

    References
    ----------
    .. [1] Gneiting & Raftery (2007). Strictly proper scoring rules, prediction, and estimation.
       J. Am. Stat. Assoc. 102.
    .. [2] Grimit, Gneiting, Berrocal & Johnson (2006). The continuous ranked probability score for
       circular variables and its application to mesoscale forecast ensemble verification.
       Q. J. R. Meteorol. Soc. 132.

    Examples
    --------
    >>> from skmdn import Mixture
    >>> from skmdn.metrics import crps_loss
    >>> mixture = Mixture([[1.0]], [[0.0]], [[1.0]])
    >>> print(f"{crps_loss([0.0], mixture):.4f}")
    0.2337
    """
    arguments = gather(y_true, mixture, sample_weight)
    return arguments.mean(arguments.prediction.crps(arguments.y))


@ignores_float_errors
def energy_loss(
    y_true: npt.ArrayLike, mixture: Any, *, sample_weight: npt.ArrayLike | None = None
) -> float:
    """Mean energy score; less is better.

    ``E||X - y|| - E||X - X'|| / 2`` with the Euclidean norm [1]_: the CRPS of a vector. It depends
    on the dependence between outputs, and outputs with larger spreads count more. With one output
    it equals :func:`crps_loss`. With several, the value of a mixture is a Monte Carlo estimate with
    a fixed seed (see ``Mixture.energy_score``, which also takes the number of draws).

    Parameters
    ----------
    y_true : array-like of shape (n,) or (n, D)
        Outcomes.
    mixture : Mixture, TargetMixture, scipy.stats distribution or SamplePrediction
        Predictive distributions of the same rows.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows.

    Returns
    -------
    float
        The loss.

    Raises
    ------
    ValueError
        If shapes disagree, a number is not finite, or only quantiles are known.

    References
    ----------
    .. [1] Gneiting & Raftery (2007). Strictly proper scoring rules, prediction, and estimation.
       J. Am. Stat. Assoc. 102.

    Examples
    --------
    >>> from skmdn import Mixture
    >>> from skmdn.metrics import energy_loss
    >>> mixture = Mixture([[1.0]], [[0.0]], [[1.0]])
    >>> print(f"{energy_loss([0.0], mixture):.4f}")
    0.2337
    """
    arguments = gather(y_true, mixture, sample_weight)
    return arguments.mean(arguments.prediction.energy_score(arguments.y))
