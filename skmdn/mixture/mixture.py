"""`Mixture`: the predictive distribution, an immutable value with scipy's methods."""

from typing import final

from skmdn.mixture.export import Exports
from skmdn.mixture.methods.algebra import AlgebraMethods
from skmdn.mixture.methods.density import DensityMethods
from skmdn.mixture.methods.score import ScoreMethods
from skmdn.mixture.methods.shape import ShapeMethods
from skmdn.mixture.methods.summary import SummaryMethods
from skmdn.mixture.underflow import methods_ignore_float_errors


@final
@methods_ignore_float_errors
class Mixture(DensityMethods, SummaryMethods, ShapeMethods, ScoreMethods, AlgebraMethods, Exports):
    """Gaussian mixtures, one for each of n rows; an immutable value.

    The first axis of every answer is the row. Then comes the axis of points, levels or samples,
    where there are many of them, and then the axis of outputs. Answers of a univariate mixture have
    no axis of outputs.

    Parameters
    ----------
    weights : array_like (n, K)
        Not negative; zero is allowed. Each row must sum to one within 1e-6, and is renormalised
        where it is off by more than rounding.
    means : array_like (n, K) or (n, K, D)
        Finite. ``(n, K)`` makes a univariate mixture.
    scales : array_like of the shape of means
        Standard deviations, positive. The covariances are diagonal: the outputs are independent
        within each component.
    scale_tril : array_like (n, K, D, D)
        Given instead of scales: lower triangular factors L of full covariances L Lᵀ, with a
        positive diagonal.

    Raises
    ------
    ValueError
        If an argument has the wrong shape or holds a number that is not allowed.

    Notes
    -----
    Float64 arrays, memory-mapped ones included, are kept as read-only views without a copy. Do not
    write to them afterwards. The answer of a row does not depend on the other rows; random draws
    are the exception.

    Variances, modes, highest-density regions and energy scores need squares of the means and
    scales. They are correct for magnitudes from 1e-150 to 1e150.

    Examples
    --------
    >>> from skmdn.mixture import Mixture
    >>> mixture = Mixture([[0.5, 0.5]], [[-2.0, 2.0]], [[1.0, 1.0]])
    >>> mixture.mean(), mixture.cdf([0.0])
    (array([0.]), array([0.5]))
    """

    __slots__ = ()


Mixture.__module__ = "skmdn.mixture"
