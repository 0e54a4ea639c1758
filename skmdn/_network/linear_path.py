"""The linear path beside the network: a ridge regression whose residuals the network learns.

Few rows tell a line far better than a network: with a line beside it, a network of firm decay that
learns nothing still predicts as the line does. The network must not see residuals of rows that the
line was fitted to, as they are too small. It gets those of every row from a line fitted to all the
others, in closed form (R. D. Cook and S. Weisberg, "Residuals and Influence in Regression", Chapman
and Hall 1982, section 2.2).

Axes: n rows, q inputs of the line, D outputs.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from skmdn._arrays import Array, FloatArray, IntArray
from skmdn._network.preparation import Z_LIMIT, Preparation
from skmdn._network.scaling import location_and_scale

# Penalties that are tried, times the sum of the weights. With the last one there is hardly a line.
_PENALTIES = np.logspace(-6, 3, 37)
# A line through all rows leaves nothing of the residuals, and of their ratios only roundings.
_LEAST_LEFT = 1e-9
# Directions with less than this part of the largest variance take no part.
_NEGLIGIBLE = 1e-12
# Straight z-scores are cut off here if that predicts better by so many standard errors. No row of
# 400 is farther out.
_FAR_LIMIT, _DOUBTS = 20.0, 2.0


class LinearPath(NamedTuple):
    """A line in the inputs of the network but for the bins, in units of the targets."""

    coef: FloatArray  # (q, D)
    intercept: FloatArray  # (D,)
    penalty: FloatArray  # (D,), of a mean weight of one
    # (q + 1, r), intercepts last: maps inputs to scores, of which the sum of squares is a row's
    # leverage, by how much the line near the row follows a change of all targets there.
    leverage: FloatArray
    mean_leverage: float  # of the rows that the line was fitted to
    limit: float = Z_LIMIT  # at which z-scores are cut off

    def values(self, inputs: FloatArray) -> FloatArray:
        """The line ``(n, D)`` at the inputs ``(n, q)``."""
        return _affine(inputs, self.coef, self.intercept)

    def widening(self, inputs: FloatArray) -> FloatArray:
        """Factors ``(n,)`` of the spreads, at least 1, for rows away from those of the fit.

        The error of a line at a row has the variance of the noise times one plus the leverage. At
        the mean leverage it is in the residuals already that the network learns.
        """
        own = np.sum(_affine(inputs, self.leverage[:-1], self.leverage[-1]) ** 2, axis=1)
        return np.sqrt(np.maximum(1.0, (1.0 + own) / (1.0 + self.mean_leverage)))

    def residuals(self, inputs: FloatArray, y: FloatArray, weights: FloatArray) -> FloatArray:
        """Residuals ``(n, D)`` of the rows, as if each had been left out of the line."""
        return _residuals(_Design.of(inputs, weights), y, self)


class _Design(NamedTuple):
    """Centred inputs in their principal axes."""

    inputs: FloatArray  # (n, q)
    mean: FloatArray  # (q,)
    axes: FloatArray  # (q, r)
    variances: FloatArray  # (r,)
    scores: FloatArray  # (n, r), of the centred inputs
    weights: FloatArray  # (n,), which sum to one

    @classmethod
    def of(cls, inputs: FloatArray, weights: FloatArray) -> "_Design":
        w = weights / weights.sum()
        mean = w @ inputs
        centred = inputs - mean
        variances, axes = _principal_axes(centred, w)
        kept = variances > _NEGLIGIBLE * max(variances.max(initial=0.0), np.finfo(float).tiny)
        axes = axes[:, kept]
        return cls(inputs, mean, axes, variances[kept], centred @ axes, w)

    def leverages(self, penalty: float) -> FloatArray:
        """How much of a change of its target each row's own line follows ``(n,)``."""
        own = 1.0 + self.scores**2 @ (1.0 / (self.variances + penalty))
        return np.asarray(self.weights * own)


def linear_inputs(
    preparation: Preparation, X: Array, limit: float, folds: IntArray | None = None
) -> FloatArray:
    """Inputs of the line ``(n, q)``, in float64: see `for_line`."""
    return np.asarray(for_line(preparation, limit).inputs(X, folds=folds))


def for_line(preparation: Preparation, limit: float = Z_LIMIT) -> Preparation:
    """Its inputs are those of the network without the bins, with z-scores straight to a limit."""
    return preparation._replace(encoding=None, feature_weights=None, straight_to=limit)


def best_line(
    inputs_to: Callable[[float], FloatArray], y: FloatArray, weights: FloatArray
) -> tuple[LinearPath, FloatArray]:
    """The line that predicts rows left out best, with z-scores cut off near or far.

    A line in a skewed feature goes on far out, but a mistyped value there would turn it. So the far
    limit must be better beyond doubt. With the line come the residuals of rows left out ``(n, D)``.
    """
    near, far = (inputs_to(limit) for limit in (Z_LIMIT, _FAR_LIMIT))
    found = _line_to(Z_LIMIT, _Design.of(near, weights), y)
    if np.array_equal(near, far):
        return found
    other = _line_to(_FAR_LIMIT, _Design.of(far, weights), y)
    _, scale = location_and_scale(y, weights)
    scale[scale == 0.0] = 1.0
    # Of squares, a few rows far out would be all that counts.
    gains = np.sum((np.abs(found[1]) - np.abs(other[1])) / scale, axis=1)
    w = weights / weights.sum()
    gain = w @ gains
    doubt = np.sqrt(w**2 @ (gains - gain) ** 2)
    return other if gain > _DOUBTS * doubt else found


def _line_to(limit: float, design: _Design, y: FloatArray) -> tuple[LinearPath, FloatArray]:
    line = _line_through(design, y)._replace(limit=limit)
    return line, _residuals(design, y, line)


def fitted_line(inputs: FloatArray, y: FloatArray, weights: FloatArray) -> LinearPath:
    """The line of least squared errors of rows left out, over penalties, for targets ``(n, D)``."""
    return _line_through(_Design.of(inputs, weights), y)


def _line_through(design: _Design, y: FloatArray) -> LinearPath:
    mean = design.weights @ y
    centred = y - mean
    slopes = design.scores.T @ (design.weights[:, np.newaxis] * centred)  # (r, D)
    chosen = np.array(
        [_best_penalty(design, centred[:, d], slopes[:, d]) for d in range(len(mean))]
    )
    coef = design.axes @ (slopes / (design.variances[:, np.newaxis] + chosen))
    # Outputs may have different penalties; the weakest follows most.
    shares = np.sum(design.weights**2) / (design.variances + chosen.min())
    leverage = design.axes * np.sqrt(shares)
    return LinearPath(
        coef,
        mean - design.mean @ coef,
        chosen,
        np.vstack([leverage, -design.mean @ leverage]),
        float(shares @ design.variances),
    )


def _best_penalty(design: _Design, y: FloatArray, slopes: FloatArray) -> float:
    """The penalty under which rows left out are predicted best."""
    errors = []
    unit = np.ldexp(1.0, int(np.clip(np.frexp(np.abs(y).max())[1], -1000, 1000)))
    y, slopes = y / unit, slopes / unit  # whose squares are within float64
    for penalty in _PENALTIES:
        residuals = y - design.scores @ (slopes / (design.variances + penalty))
        left_out = _left_out(design, residuals[:, np.newaxis], np.array([penalty]))
        errors.append(float(design.weights @ left_out[:, 0] ** 2))
    return float(_PENALTIES[np.argmin(errors)])


def _principal_axes(centred: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Variances ``(r,)`` of inputs ``(n, q)``, and their axes ``(q, r)``."""
    n, q = centred.shape
    if q <= n:
        return np.linalg.eigh((centred * weights[:, np.newaxis]).T @ centred)
    # All covariances of many inputs would take far longer than the few rows that there are.
    weighted = centred * np.sqrt(weights)[:, np.newaxis]
    _, deviations, axes = np.linalg.svd(weighted, full_matrices=False)
    return deviations**2, axes.T


def _affine(inputs: FloatArray, slopes: FloatArray, intercepts: FloatArray) -> FloatArray:
    """Feature by feature: the bits of a matrix product depend on the number of rows."""
    values = np.tile(intercepts, (len(inputs), 1))
    for column, of_input in zip(inputs.T, slopes, strict=True):
        values += column[:, np.newaxis] * of_input
    return values


def _residuals(design: _Design, y: FloatArray, line: LinearPath) -> FloatArray:
    """Residuals ``(n, D)`` of the rows of a design, as if each had been left out of the line."""
    return _left_out(design, y - line.values(design.inputs), line.penalty)


def _left_out(design: _Design, residuals: FloatArray, penalties: FloatArray) -> FloatArray:
    """Residuals of rows left out, given those of all rows."""
    leverages = np.column_stack([design.leverages(penalty) for penalty in penalties])
    return np.asarray(residuals / np.maximum(1.0 - leverages, _LEAST_LEFT))
