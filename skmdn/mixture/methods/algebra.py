"""Methods that return new mixtures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from skmdn._arrays import FloatArray
from skmdn.mixture.algebra import member_shares, padded, reweighted, same_spread, spread_of
from skmdn.mixture.arguments import as_floats, as_output, as_outputs, check_finite, check_positive
from skmdn.mixture.blocks import chunks
from skmdn.mixture.spread import Spread
from skmdn.mixture.value import MixtureValue

Self = TypeVar("Self", bound="AlgebraMethods")


class AlgebraMethods(MixtureValue):
    """affine, marginal, condition, widen, pool and concatenate; abstract, a part of `Mixture`."""

    __slots__ = ()

    def affine(self: Self, shift: ArrayLike, scale: ArrayLike) -> Self:
        """Mixture of ``shift + scale * y``, exact.

        Parameters
        ----------
        shift : float or array_like (D,)
            Finite.
        scale : float or array_like (D,)
            Finite and not zero. A negative scale mirrors the density.

        Returns
        -------
        Mixture

        Raises
        ------
        ValueError
            If an argument has the wrong shape or holds a number that is not allowed, or if the
            result overflows or underflows.

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> Mixture([[1.0]], [[2.0]], [[1.0]]).affine(10.0, -3.0).means
        array([[[4.]]])
        """
        shift, scale = self._per_output(shift, "shift"), self._per_output(scale, "scale")
        if not np.all(scale):
            raise ValueError("scale must not be zero")
        with np.errstate(over="ignore"):
            # Laid out as the other methods will read it: component axis first.
            means = np.multiply(self._means, scale, order="F")
            means += shift
            spread = self._spread.scaled(scale)
        check_finite(means, "shift + scale * means")
        _check_spread(spread, "abs(scale) *")
        return self._trusted(self._weights, means, spread, self._univariate)

    def widen(self: Self, factor: float = 1.0, noise: ArrayLike = 0.0) -> Self:
        """Mixture whose components have the covariances ``factor**2 Sigma + diag(noise**2)``.

        The means do not change. A factor of 1 gives the density of y plus independent Gaussian
        noise.

        Parameters
        ----------
        factor : float, default=1.0
            Finite and positive.
        noise : float or array_like (D,), default=0.0
            Standard deviation to add to each output, finite and not negative.

        Returns
        -------
        Mixture

        Raises
        ------
        ValueError
            If an argument has the wrong shape or holds a number that is not allowed.

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> Mixture([[1.0]], [[2.0]], [[3.0]]).widen(noise=4.0).std()
        array([5.])
        """
        number, noise = as_floats(factor, "factor"), self._per_output(noise, "noise")
        if number.shape != () or not 0 < number < np.inf:
            raise ValueError(f"factor must be one positive finite number; got {factor}")
        if np.any(noise < 0):
            raise ValueError(f"noise must not be negative; got {noise}")
        spread = self._spread.widened(float(number), noise)
        _check_spread(spread, "widened")
        return self._trusted(self._weights, self._means, spread, self._univariate)

    def marginal(self: Self, outputs: int | Sequence[int]) -> Self:
        """Mixture of some of the outputs, exact.

        Parameters
        ----------
        outputs : int or sequence of int
            An integer gives a univariate mixture, without an axis of outputs. A sequence keeps
            that axis, with the outputs in the order given. Negative numbers count from the end.

        Returns
        -------
        Mixture

        Raises
        ------
        ValueError
            If an output does not exist or is given twice, or if none is given.

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> mixture = Mixture([[1.0]], [[[0.0, 5.0]]], [[[1.0, 2.0]]])
        >>> mixture.marginal(1).mean(), mixture.marginal([1]).mean()
        (array([5.]), array([[5.]]))
        """
        if not isinstance(outputs, Sequence | np.ndarray):
            return self._output(as_output(outputs, self.n_outputs, "outputs"))
        chosen = as_outputs(list(outputs), self.n_outputs, "outputs")
        spread = self._spread.select(chosen)
        return self._trusted(self._weights, self._means[:, :, chosen], spread, False)

    def condition(self: Self, values: Mapping[int, ArrayLike]) -> Self:
        """Mixture of the other outputs, given the values of some outputs; exact.

        Components are weighted by their density at the known values. With full covariances the
        means shift and the covariances shrink as well. If the values are so far out that even
        logarithms of densities overflow, the weights do not change.

        Parameters
        ----------
        values : mapping of int to float or array_like (n,)
            Known outputs and their values: finite, one for all rows or one per row.

        Returns
        -------
        Mixture
            Of the remaining outputs in their order. It keeps the axis of outputs.

        Raises
        ------
        ValueError
            If no output is known or none remains, or if a value has the wrong shape or is not
            finite.

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> tril = [[[[1.0, 0.0], [0.8, 0.6]]]]
        >>> mixture = Mixture([[1.0]], [[[0.0, 0.0]]], scale_tril=tril)
        >>> given = mixture.condition({0: 2.0})
        >>> given.mean(), given.std()
        (array([[1.6]]), array([[0.6]]))
        """
        known, at = self._known(values)
        rest = [j for j in range(self.n_outputs) if j not in known]
        if not rest:
            raise ValueError("values must leave at least one output unknown; got all of them")
        shape = (len(self), self.n_components)
        log_factors, means = np.empty(shape), np.empty((*shape, len(rest)))
        spread = np.empty((*shape, *[len(rest)] * (self._spread.array.ndim - 2)))
        for rows in chunks(len(self), self.n_components * self.n_outputs**2):
            residual = at[rows, np.newaxis] - self._means[rows][:, :, known]
            with np.errstate(over="ignore"):  # infinitely far out
                shift, spread[rows], log_factors[rows] = self._spread.take(rows).condition(
                    known, rest, residual
                )
                means[rows] = self._means[rows][:, :, rest] + shift
        check_finite(means, "means given values")
        weights = reweighted(self._weights, log_factors)
        return self._trusted(weights, means, spread_of(spread), False)

    @classmethod
    def pool(cls: type[Self], mixtures: Iterable[Self], weights: ArrayLike | None = None) -> Self:
        """Weighted mixture of several mixtures of the same rows, exact.

        Parameters
        ----------
        mixtures : iterable of Mixture
            M members with the same rows and outputs. Their numbers of components may differ.
            If any member has full covariances, the result has.
        weights : array_like (M,) or (n, M), default None
            Not negative and not all zero; they are scaled to sum to one. None: equal weights.

        Returns
        -------
        Mixture
            With the components of all members.

        Raises
        ------
        ValueError
            If the members differ in rows or outputs, or if a weight is not allowed.

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> members = [Mixture([[1.0]], [[m]], [[1.0]]) for m in (0.0, 4.0)]
        >>> Mixture.pool(members, weights=[1, 3]).mean()
        array([3.])
        """
        mixtures = listed(mixtures)
        first = _check_members(mixtures, "pool")
        if any(len(mixture) != len(first) for mixture in mixtures):
            raise ValueError(
                f"mixtures must have the same number of rows; got {[len(m) for m in mixtures]}"
            )
        share = member_shares(weights, len(first), len(mixtures))
        return cls._trusted(
            np.concatenate([m.weights * share[:, [i]] for i, m in enumerate(mixtures)], axis=1),
            np.concatenate([m.means for m in mixtures], axis=1),
            spread_of(np.concatenate(same_spread([m._spread for m in mixtures]), axis=1)),
            first.univariate,
        )

    @classmethod
    def concatenate(cls: type[Self], mixtures: Iterable[Self]) -> Self:
        """Rows of several mixtures, one after the other.

        Parameters
        ----------
        mixtures : iterable of Mixture
            With the same outputs. Those with fewer components are padded with components of
            weight zero. If any mixture has full covariances, the result has.

        Returns
        -------
        Mixture

        Raises
        ------
        ValueError
            If the mixtures differ in outputs.

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> mixture = Mixture([[1.0]], [[0.0]], [[1.0]])
        >>> len(Mixture.concatenate([mixture, mixture]))
        2
        """
        mixtures = listed(mixtures)
        first = _check_members(mixtures, "concatenate")
        if len(mixtures) == 1:
            return first
        k = max(mixture.n_components for mixture in mixtures)
        spreads = same_spread([mixture._spread for mixture in mixtures])
        return cls._trusted(
            np.concatenate([padded(m.weights, k, fill_first=False) for m in mixtures]),
            np.concatenate([padded(m.means, k, fill_first=True) for m in mixtures]),
            spread_of(np.concatenate([padded(array, k, fill_first=True) for array in spreads])),
            first.univariate,
        )

    def _known(self, values: Mapping[int, ArrayLike]) -> tuple[list[int], FloatArray]:
        """The known outputs, and their values ``(n, len(known))``."""
        if not isinstance(values, Mapping):
            raise ValueError(f"values must be a mapping of output to values; got {values!r}")
        known = as_outputs(list(values), self.n_outputs, "values")
        columns = []
        for output, value in zip(known, values.values(), strict=True):
            column = as_floats(value, f"values[{output}]")
            if column.shape not in ((), (len(self),)):
                raise ValueError(
                    f"values[{output}] must be a number or have shape ({len(self)},); "
                    f"got {column.shape}"
                )
            check_finite(column, f"values[{output}]")
            columns.append(np.broadcast_to(column, (len(self),)))
        return known, np.stack(columns, axis=1)

    def _per_output(self, value: ArrayLike, name: str) -> FloatArray:
        """A finite number for each output, ``(D,)``."""
        array = as_floats(value, name)
        if array.shape not in ((), (self.n_outputs,)):
            raise ValueError(
                f"{name} must be a number or have shape ({self.n_outputs},); got {array.shape}"
            )
        check_finite(array, name)
        return np.full(self.n_outputs, array)


def listed(mixtures: object) -> list[Any]:
    """The mixtures of an iterable."""
    if not isinstance(mixtures, Iterable):
        raise TypeError(f"mixtures must be an iterable of Mixture objects; got {mixtures!r}")
    return list(mixtures)


def _check_members(mixtures: Sequence[Self], method: str) -> Self:
    """The first of the mixtures, which must all have the same outputs."""
    if len(mixtures) == 0:
        raise ValueError(f"{method} needs at least one mixture; got none")
    for mixture in mixtures:
        if not isinstance(mixture, AlgebraMethods):
            raise ValueError(f"mixtures must be Mixture objects; got {type(mixture).__name__}")
    first = mixtures[0]
    for mixture in mixtures:
        if (mixture.n_outputs, mixture.univariate) != (first.n_outputs, first.univariate):
            raise ValueError(
                "mixtures must have the same outputs; got "
                f"{[(m.n_outputs, 'univariate' if m.univariate else 'kept') for m in mixtures]}"
            )
    return first


def _check_spread(spread: Spread, origin: str) -> None:
    """Refuse scales that overflow or underflow; ``origin`` tells where they come from."""
    check_positive(spread.diagonal(), f"{origin} scales")
    if spread.kind == "full":
        check_finite(spread.scales(), f"{origin} scale_tril")
