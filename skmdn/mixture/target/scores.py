"""The continuous ranked probability score of one output behind a map, with atoms.

For the identity, logarithms and the inverse hyperbolic sine it is closed. Distances of a
log-normal mixture follow from

    CRPS(y) = 2 E max(y - Y, 0) - y + E min(Y, Y'),

whose terms stay of the size of y, however heavy the tail. With y = sinh(z), dy is half of
d(e^z) - d(e^-z), so that the score is half the sum of the scores of e^z and of e^-z.

Axes: n rows, A atoms, G points; K components, c rows of a block.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy.special import expit

from skmdn._arrays import FloatArray, IntArray
from skmdn.mixture.blocks import CELLS, chunks
from skmdn.mixture.entropy import cuts_of
from skmdn.mixture.landscape import Line
from skmdn.mixture.quadrature import NODES, WEIGHTS, integrate, panels_between
from skmdn.mixture.scores import crps, same_side
from skmdn.mixture.tails import lower_tail
from skmdn.mixture.target.line import TargetLine
from skmdn.mixture.target.log_normal import expected_minimum, minimum_with, shortfall
from skmdn.transforms import Asinh, Log, Logit

TOLERANCE = 1e-12
"""Largest accepted difference between a panel and its two halves, in widths of the support."""

_POINT = 1e-300
"""Scale of an atom among normal components."""

_REACH = 40.0
"""Beyond it, the logistic distribution has less than 1e-17 of its probability."""

_LOGISTIC_CUTS = np.array([-_REACH, -20.0, -10.0, -5.0, -2.5, 0.0, 2.5, 5.0, 10.0, 20.0, _REACH])


def line_crps(line: TargetLine, y: FloatArray) -> FloatArray:
    """Scores at y ``(n, G)``."""
    answer = np.empty(y.shape)
    cells = max(1, y.shape[1]) * (line.base.n_components + len(line.atoms))
    for rows in chunks(len(y), cells, CELLS):
        answer[rows] = _block_crps(line.take(rows), y[rows])
    return answer


def _block_crps(line: TargetLine, y: FloatArray) -> FloatArray:
    """Scores of a block of rows, ``(c, G)``."""
    transform = line.transform
    if isinstance(transform, Log):
        sign = transform.side
        away = transform.distance(line.atoms)
        return _log_normal_crps(line, sign, transform.distance(y), away)
    if isinstance(transform, Asinh):
        z, atoms = transform.forward(y), transform.forward(line.atoms)
        total = _log_normal_crps(line, 1.0, np.exp(z), np.exp(atoms))
        total += _log_normal_crps(line, -1.0, np.exp(-z), np.exp(-atoms))
        return 0.5 * transform.scale * total
    if isinstance(transform, Logit):
        return _logit_crps(line, transform, y)
    return _normal_crps(line, y)


def _normal_crps(line: TargetLine, y: FloatArray) -> FloatArray:
    """Atoms are components of scale zero."""
    if not len(line.atoms):
        return line.base.crps(y)
    atoms = np.broadcast_to(line.atoms, line.masses.shape)
    weights = np.concatenate([line.rest[:, np.newaxis] * line.base.weights, line.masses], axis=1)
    means = np.concatenate([line.base.means[..., 0], atoms], axis=1)
    scales = np.concatenate([line.base.scales[..., 0], np.full(atoms.shape, _POINT)], axis=1)
    weights, means, scales = (array.T[:, np.newaxis] for array in (weights, means, scales))
    return crps(weights, means, scales, y.T).T


def _log_normal_crps(line: TargetLine, sign: float, y: FloatArray, atoms: FloatArray) -> FloatArray:
    """Scores at y of exp(sign z) and of atoms, whose numbers are those of that variable."""
    weights, means, scales = (array.T for array in _parameters(line))
    means = sign * means
    least = line.rest**2 * expected_minimum(weights, means, scales)
    short = line.rest * shortfall(
        weights[:, np.newaxis], means[:, np.newaxis], scales[:, np.newaxis], y.T
    )
    for a, (atom, mass) in enumerate(zip(atoms, line.masses.T, strict=True)):
        with_density = minimum_with(weights, means, scales, atom)
        least = least + np.where(line.rest > 0, 2.0 * line.rest * mass * with_density, 0.0)
        for other, other_mass in zip(atoms[: a + 1], line.masses.T, strict=False):
            both = mass * other_mass * min(atom, other)
            least = least + (both if other == atom else 2.0 * both)
        short = short + mass * np.maximum(y.T - atom, 0.0)
    return np.maximum(2.0 * short - y.T + least, 0.0).T


def _parameters(line: TargetLine) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weights, means and scales of the base, ``(n, K)``."""
    return line.base.weights, line.base.means[..., 0], line.base.scales[..., 0]


def _logit_crps(line: TargetLine, transform: Logit, y: FloatArray) -> FloatArray:
    """Integrals over z of squared differences of distribution functions; no terms cancel."""
    rest = line.rest[:, np.newaxis]
    total = rest**2 * _pairs(line, transform, y, None)
    for atom, mass in zip(line.atoms, line.masses.T[:, :, np.newaxis], strict=True):
        total += 2.0 * rest * mass * _pairs(line, transform, y, atom)
        for other, other_mass in zip(line.atoms, line.masses.T[:, :, np.newaxis], strict=True):
            total += mass * other_mass * same_side(atom - y, other - y)
    return total


def _pairs(line: TargetLine, transform: Logit, y: FloatArray, atom: float | None) -> FloatArray:
    """∫ (F - H) (F' - H) over the line; F' is F, or the step of an atom; ``(c, G)``."""
    lower, upper = transform.support
    inside = _integrals(line, transform, y, atom)
    # Beyond the bounds F is 0 or 1, so that only lengths count.
    if atom is None:
        outside = np.maximum(lower - y, 0.0) + np.maximum(y - upper, 0.0)
    else:
        outside = np.maximum(np.minimum(atom, lower) - y, 0.0)
        outside += np.maximum(y - np.maximum(atom, upper), 0.0)
    return inside + outside


def _integrals(line: TargetLine, transform: Logit, y: FloatArray, atom: float | None) -> FloatArray:
    """The part of the integral between the bounds."""
    columns = Line(*(np.repeat(array.T, y.shape[1], axis=1) for array in _parameters(line)))
    z = np.clip(transform.forward(y).ravel(), -_REACH, _REACH)
    ends = np.stack([z, z])
    if atom is not None:
        ends[1] = np.clip(transform.forward(atom), -_REACH, _REACH)
    steps = np.broadcast_to(_LOGISTIC_CUTS[:, np.newaxis], (len(_LOGISTIC_CUTS), len(z)))
    # Cuts closer than the narrowest scale serve nothing.
    present = np.where(columns.weights > 0, columns.scales, np.inf)
    least = 2.0 * np.minimum.reduce(present, axis=0)
    inner = np.clip(np.round(cuts_of(columns) / least) * least, -_REACH, _REACH)
    cuts = np.concatenate([inner, steps, ends])
    if atom is not None:  # between y and the atom only
        cuts = np.clip(cuts, ends.min(axis=0), ends.max(axis=0))
    rule = partial(_panel, columns, z, 2 if atom is None else 1)
    found = integrate(rule, *panels_between(cuts), len(z), TOLERANCE)
    return transform.width * found.reshape(y.shape)


def _panel(
    line: Line, step: FloatArray, power: int, row: IntArray, low: FloatArray, high: FloatArray
) -> FloatArray:
    """∫ abs(F - H)^power d expit(z) over each panel; H jumps at the step of the row."""
    answer = np.zeros(len(row))
    radius = 0.5 * (high - low)
    middle = low + radius
    for part in chunks(len(row), len(line.weights)):
        columns = line.take(row[part])
        # Beyond the step the upper tail counts: that of the mirrored mixture.
        side = np.where(middle[part] < step[row[part]], 1.0, -1.0)
        for node, weight in zip(NODES, WEIGHTS, strict=True):
            z = middle[part] + radius[part] * node
            tail = lower_tail(columns.weights, side * columns.means, columns.scales, side * z)
            answer[part] += weight * tail**power * expit(z) * expit(-z)
    return answer * radius
