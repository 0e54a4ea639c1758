"""One output of rows that share a map and atoms: distribution function and quantiles.

Axes: n rows, A atoms, G points, Q levels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skmdn._arrays import BoolArray, FloatArray, IntArray
from skmdn.mixture.blocks import chunks
from skmdn.mixture.mixture import Mixture
from skmdn.transforms import Transform

_SLACK = 4.0 * float(np.finfo(np.float64).eps)
"""Rounding of sums of atoms' probabilities, so that a level of 0.9 reaches 0.4 + 0.3 + 0.2."""


class TargetLine(NamedTuple):
    """With probability ``masses[i, a]`` y is the atom a, else z comes from the base."""

    base: Mixture  # univariate
    transform: Transform
    atoms: FloatArray  # (A,), ascending
    masses: FloatArray  # (n, A)
    rest: FloatArray  # (n,), what atoms leave to the density

    def take(self, rows: slice) -> TargetLine:
        """Some of the rows."""
        return TargetLine(
            self.base[rows], self.transform, self.atoms, self.masses[rows], self.rest[rows]
        )


def lower_tail(line: TargetLine, y: FloatArray) -> FloatArray:
    """P(Y <= y) at y ``(n, G)``."""
    tail = line.base.cdf(line.transform.forward(y))
    return _with_atoms(line, tail, y, np.less_equal)


def upper_tail(line: TargetLine, y: FloatArray) -> FloatArray:
    """P(Y > y) at y ``(n, G)``."""
    tail = line.base.sf(line.transform.forward(y))
    return _with_atoms(line, tail, y, np.greater)


def _with_atoms(line: TargetLine, tail: FloatArray, y: FloatArray, compare: np.ufunc) -> FloatArray:
    """The tail of the density, and of the atoms that compare with y."""
    if not len(line.atoms):
        return tail
    tail = line.rest[:, np.newaxis] * tail
    for atom, mass in zip(line.atoms, line.masses.T, strict=True):
        tail += mass[:, np.newaxis] * compare(atom, y)
    return np.minimum(tail, 1.0)


def probability_at(line: TargetLine, y: FloatArray) -> FloatArray:
    """P(Y = y) at y ``(n, G)``."""
    answer = np.zeros(y.shape)
    for atom, mass in zip(line.atoms, line.masses.T, strict=True):
        answer += mass[:, np.newaxis] * (atom == y)
    return answer


def is_atom(line: TargetLine, y: FloatArray) -> BoolArray:
    """Whether each y is an atom."""
    return np.isin(y, line.atoms)


def quantiles(line: TargetLine, levels: FloatArray) -> FloatArray:
    """The smallest y with P(Y <= y) >= level, ``(n, Q)``; levels ``(Q,)`` or ``(n, Q)``."""
    if not len(line.atoms):
        return line.transform.inverse(line.base.ppf(levels))
    levels = np.broadcast_to(levels, (len(line.base), levels.shape[-1]))
    answer = np.empty(levels.shape)
    for rows in chunks(len(levels), levels.shape[1] * len(line.atoms)):
        answer[rows] = _quantiles_with_atoms(line.take(rows), levels[rows])
    return answer


def _quantiles_with_atoms(line: TargetLine, levels: FloatArray) -> FloatArray:
    """The same of a block of rows, levels ``(n, Q)``."""
    low = levels <= 0.5
    below = _lower_quantiles(line, np.where(low, levels, 0.5))
    above = _upper_quantiles(line, np.where(low, 0.5, 1.0 - levels))
    return _rising(levels, np.where(low, below, above))


def central_intervals(line: TargetLine, levels: FloatArray) -> FloatArray:
    """Ends ``(n, Q, 2)`` with a tail of at most (1 - level) / 2 beyond either of them."""
    if not len(line.atoms):
        return line.transform.inverse(line.base.interval(levels))
    tails = 0.5 * (1.0 - np.broadcast_to(levels, (len(line.base), levels.shape[-1])))
    answer = np.empty((*tails.shape, 2))
    for rows in chunks(len(tails), tails.shape[1] * len(line.atoms)):
        part = line.take(rows)
        low, high = _lower_quantiles(part, tails[rows]), _upper_quantiles(part, tails[rows])
        answer[rows] = np.stack([low, np.maximum(low, high)], axis=-1)
    return answer


def _lower_quantiles(line: TargetLine, p: FloatArray) -> FloatArray:
    """The smallest y with P(Y <= y) >= p, for the tails p ``(n, Q)``."""
    summed = np.cumsum(line.masses, axis=1)
    density = line.rest[:, np.newaxis] * line.base.cdf(_z_of_atoms(line))
    before = summed - line.masses + density
    after = summed + density
    # The first atom at which the distribution function reaches p; A where none does.
    place = np.sum(after[:, np.newaxis] < (p - _SLACK * p)[..., np.newaxis], axis=-1)
    masses_below = _pick(np.pad(summed, ((0, 0), (1, 0))), place)
    y = line.transform.inverse(line.base.ppf(_share(p - masses_below, line.rest)))
    at_atom = p > _pick(np.pad(before, ((0, 0), (0, 1)), constant_values=np.inf), place)
    return np.where(p > 0, _placed(line, y, place, at_atom), _end(line, -1.0)[:, np.newaxis])


def _upper_quantiles(line: TargetLine, p: FloatArray) -> FloatArray:
    """The smallest y with P(Y > y) <= p, for the tails p ``(n, Q)``."""
    summed = np.cumsum(line.masses[:, ::-1], axis=1)[:, ::-1]  # of each atom and those above it
    density = line.rest[:, np.newaxis] * line.base.sf(_z_of_atoms(line))
    above = summed - line.masses + density
    # The first atom beyond which no more than p is left; A where there is none.
    place = np.sum(above[:, np.newaxis] > (p + _SLACK)[..., np.newaxis], axis=-1)
    masses_above = _pick(np.pad(summed, ((0, 0), (0, 1))), place)
    mirrored = line.base.affine(0.0, -1.0)
    y = line.transform.inverse(-mirrored.ppf(_share(p - masses_above, line.rest)))
    including = np.pad(summed + density, ((0, 0), (0, 1)), constant_values=-np.inf)
    at_atom = p < _pick(including, place)
    return np.where(p > 0, _placed(line, y, place, at_atom), _end(line, 1.0)[:, np.newaxis])


def _z_of_atoms(line: TargetLine) -> FloatArray:
    """The z of the atoms for each row, ``(n, A)``."""
    z = line.transform.forward(line.atoms)
    return np.broadcast_to(z, line.masses.shape)


def _pick(table: FloatArray, place: IntArray) -> FloatArray:
    """Entries of ``(n, A + 1)`` at the places ``(n, Q)``."""
    return np.take_along_axis(table, place, axis=1)


def _share(mass: FloatArray, rest: FloatArray) -> FloatArray:
    """Level of the density with that mass, within [0, 1]."""
    rest = np.where(rest > 0, rest, 1.0)[:, np.newaxis]
    return np.clip(mass / rest, 0.0, 1.0)


def _placed(line: TargetLine, y: FloatArray, place: IntArray, at_atom: BoolArray) -> FloatArray:
    """The atom of each place, or y, kept between its neighbouring atoms."""
    edges = np.concatenate([[-np.inf], line.atoms, [np.inf]])
    y = np.clip(y, edges[place], edges[place + 1])
    return np.where(at_atom, edges[place + 1], y)


def _end(line: TargetLine, side: float) -> FloatArray:
    """The lowest or the highest y that is possible, ``(n,)``."""
    support = line.transform.support[0 if side < 0 else 1]
    end = np.where(line.rest > 0, side * support, -np.inf)
    for atom, mass in zip(line.atoms, line.masses.T, strict=True):
        end = np.maximum(end, np.where(mass > 0, side * atom, -np.inf))
    return side * end


def _rising(levels: FloatArray, answer: FloatArray) -> FloatArray:
    """Quantiles that do not decrease in the level; rounding may make neighbours cross."""
    order = np.argsort(levels, axis=1, kind="stable")
    rising = np.maximum.accumulate(np.take_along_axis(answer, order, 1), axis=1)
    fixed = np.empty_like(answer)
    np.put_along_axis(fixed, order, rising, 1)
    return fixed
