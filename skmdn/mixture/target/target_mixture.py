"""`TargetMixture`: the predictive distribution of a transformed target, or of one with atoms."""

from typing import final

from skmdn.mixture.target.methods.export import Exports
from skmdn.mixture.target.methods.score import ScoreMethods
from skmdn.mixture.target.methods.shape import ShapeMethods
from skmdn.mixture.underflow import methods_ignore_float_errors


@final
@methods_ignore_float_errors
class TargetMixture(ShapeMethods, ScoreMethods, Exports):
    """Gaussian mixtures behind a monotone map, with atoms; one for each of n rows, immutable.

    With probability ``atom_weights[i, a]`` y is exactly ``atoms[a]``. Else y is the inverse of
    ``transform`` at z, a draw from the `Mixture` ``base``. The methods, their shapes and errors are
    those of `Mixture`.

    Parameters
    ----------
    base : Mixture
        The mixtures of z.
    transform : str, object of skmdn.transforms or sequence of these, default None
        The map from y to z: "log", "logit", "asinh", or an object such as ``Log(lower=0)``. None is
        the identity. A sequence gives a map for each output.
    atoms : array_like (A,), default None
        Distinct finite values, which need not lie in the support of the map. They are kept in
        ascending order. One output only.
    atom_weights : array_like (n, A), default None
        Probabilities of the atoms. Each row sums to one at most.

    Raises
    ------
    ValueError
        If an argument has the wrong shape or holds a number that is not allowed, or if there are
        atoms for several outputs.

    Notes
    -----
    Densities are with respect to counting at the atoms and length elsewhere. "log" and "asinh" are
    closed throughout, but for the modes of asinh, which are searched for on a grid. "logit" needs
    quadrature for moments, `crps` and `entropy`; each says its tolerance.

    Examples
    --------
    >>> from skmdn import Mixture, TargetMixture
    >>> base = Mixture([[1.0]], [[2.0]], [[0.5]])
    >>> rain = TargetMixture(base, "log", atoms=[0.0], atom_weights=[[0.7]])
    >>> rain.cdf([0.0]), rain.mean().round(3)
    (array([0.7]), array([2.512]))
    """

    __slots__ = ()


TargetMixture.__module__ = "skmdn.mixture"
