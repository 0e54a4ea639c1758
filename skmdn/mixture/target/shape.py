"""Modes and highest-density regions of one output behind a map, with atoms.

A region holds atoms first, the likeliest first, and then the stretches on which the density is
highest. Atoms are stretches of length zero.

Axes: n rows, A atoms, G points, Q levels, J intervals; K components, c rows of a block.
"""

from __future__ import annotations

import numpy as np

from skmdn._arrays import FloatArray
from skmdn.mixture.blocks import CELLS, chunks
from skmdn.mixture.landscape import Landscape
from skmdn.mixture.modes import by_height
from skmdn.mixture.regions import region_masses_of, regions_of
from skmdn.mixture.target.line import TargetLine
from skmdn.mixture.target.tilting import landscape, n_hills


def line_modes(line: TargetLine) -> FloatArray:
    """Maxima of the density, highest first, NaN-padded, ``(n, J)``; where it is zero the atom."""
    width = n_hills(line.transform, line.base.n_components)
    z = np.empty((len(line.base), width))
    for rows in chunks(len(line.base), 4 * width):
        land = _landscape(line, rows)
        shape = width, land.line.weights.shape[1]
        own, top = land.hills.row, land.hills.top
        heights = land.smooth.take(own).log_density(top)
        z[rows] = by_height(own, heights, top[np.newaxis], shape)[0].T
    modes = line.transform.inverse(z)
    if len(line.atoms):
        no_density = line.rest == 0
        modes[no_density] = np.nan
        modes[no_density, 0] = line.atoms[line.masses[no_density].argmax(axis=1)]
    return modes


def line_regions(line: TargetLine, levels: FloatArray) -> FloatArray:
    """Regions from left to right, NaN-padded, ``(n, Q, J, 2)``; levels ``(Q,)``."""
    width, n_atoms = n_hills(line.transform, line.base.n_components), len(line.atoms)
    answer = np.empty((len(line.base), len(levels), width + n_atoms, 2))
    for rows in chunks(len(answer), width * (1 + n_atoms) * max(1, len(levels)), 2 * CELLS):
        part = line.take(rows)
        in_region, shares = _atoms_in_regions(part, levels)
        z = regions_of(_landscape(line, rows), shares.T, width)
        ends = line.transform.inverse(z.T)
        answer[rows] = _with_atoms(part, ends, in_region) if n_atoms else ends
    return answer


def _landscape(line: TargetLine, rows: slice) -> Landscape:
    """Hills of the density over z."""
    weights, means, scales = line.base._block(rows)
    return landscape(line.transform, weights, means[0], scales[0])


def _denser_atoms(line: TargetLine) -> FloatArray:
    """Probability of the likelier atoms of each atom, ``(n, A)``; of equal ones the lower first."""
    order = np.argsort(-line.masses, axis=1, kind="stable")
    ordered = np.take_along_axis(line.masses, order, axis=1)
    before = np.cumsum(ordered, axis=1) - ordered
    answer = np.empty_like(before)
    np.put_along_axis(answer, order, before, axis=1)
    return answer


def _atoms_in_regions(line: TargetLine, levels: FloatArray) -> tuple[np.ndarray, FloatArray]:
    """Whether atoms are in the regions ``(n, Q, A)``, and levels left to the density ``(n, Q)``."""
    before = _denser_atoms(line)[:, np.newaxis]
    in_region = (line.masses[:, np.newaxis] > 0) & (before <= levels[:, np.newaxis])
    rest = line.rest[:, np.newaxis]
    total = 1.0 - rest if len(line.atoms) else np.zeros_like(rest)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.minimum((levels - total) / rest, 1.0)
    reached = (rest > 0) & ((levels > total) | (total == 0))
    share = np.where(levels >= 1.0, 1.0, share)
    return in_region, np.where(reached, share, np.nan)


def _with_atoms(line: TargetLine, ends: FloatArray, in_region: np.ndarray) -> FloatArray:
    """Intervals and the atoms that lie outside of them, from left to right."""
    atoms = line.atoms[np.newaxis, np.newaxis]
    with np.errstate(invalid="ignore"):
        covered = (ends[..., 0, np.newaxis] <= line.atoms) & (
            line.atoms <= ends[..., 1, np.newaxis]
        )
    alone = in_region & ~covered.any(axis=2)
    points = np.where(alone, atoms, np.nan)
    every = np.concatenate([ends, np.stack([points, points], axis=-1)], axis=2)
    order = np.argsort(every[..., 0], axis=2, kind="stable")  # NaN goes last
    return np.take_along_axis(every, order[..., np.newaxis], axis=2)


def region_masses(line: TargetLine, y: FloatArray) -> FloatArray:
    """Probability of what is denser than at y ``(n, G)``."""
    z = line.transform.forward(y)
    mass = np.empty(y.shape)
    cells = 4 * n_hills(line.transform, line.base.n_components) * max(1, y.shape[1])
    for rows in chunks(len(y), cells):
        mass[rows] = region_masses_of(_landscape(line, rows), z[rows])
    if not len(line.atoms):
        return mass
    rest = line.rest[:, np.newaxis]
    mass = np.minimum((1.0 - rest) + rest * mass, 1.0)
    for atom, own, denser in zip(line.atoms, line.masses.T, _denser_atoms(line).T, strict=True):
        # An atom without probability is not in any region.
        at_atom = np.where(own > 0, denser, 1.0)[:, np.newaxis]
        mass = np.where(y == atom, at_atom, mass)
    return mass
