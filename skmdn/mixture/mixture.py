"""`Mixture`, the predictive distribution: an immutable value with scipy's methods."""

from typing import final

from skmdn.mixture.export import Exports
from skmdn.mixture.methods.algebra import AlgebraMethods
from skmdn.mixture.methods.density import DensityMethods
from skmdn.mixture.methods.score import ScoreMethods
from skmdn.mixture.methods.shape import ShapeMethods
from skmdn.mixture.methods.summary import SummaryMethods


@final
class Mixture(DensityMethods, SummaryMethods, ShapeMethods, ScoreMethods, AlgebraMethods, Exports):
    """n Gaussian mixtures, one per row: an immutable value.

    Answers have the row axis first, then the axis of what was asked many of (points, levels,
    samples), then the outputs; a univariate mixture's answers have no outputs axis.

    Parameters
    ----------
    weights : array_like (n, K)
        Not negative; each row sums to one within 1e-6 and is renormalised where it is off by
        more than rounding. Zero is allowed.
    means : array_like (n, K) or (n, K, D)
        Finite. ``(n, K)`` makes a univariate mixture.
    scales : array_like of the shape of means
        Standard deviations, positive: the outputs are independent within each component.
    scale_tril : array_like (n, K, D, D)
        Instead of scales: lower triangular factors L of the covariances L Lᵀ, with a positive
        diagonal.

    Raises
    ------
    ValueError
        If a shape or a number does not fit; it names the argument, what was expected, what came.

    Notes
    -----
    Float64 arrays are kept without a copy, memory-mapped ones included, as read-only views: do
    not write to them afterwards. No answer of a row depends on the other rows, random draws aside.

    Variances, modes, highest-density regions and energy scores square numbers: they hold for means
    and scales from 1e-150 to 1e150 in size.

    Examples
    --------
    >>> from skmdn.mixture import Mixture
    >>> mixture = Mixture([[0.5, 0.5]], [[-2.0, 2.0]], [[1.0, 1.0]])
    >>> mixture.mean(), mixture.cdf([0.0])
    (array([0.]), array([0.5]))
    """

    __slots__ = ()


Mixture.__module__ = "skmdn.mixture"
