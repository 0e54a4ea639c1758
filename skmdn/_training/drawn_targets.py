"""Targets that several models draw, from which the network of all rows learns too.

A network that learns from few noisy rows has bad luck with some of them, and with its first
weights. Several networks together have less of it, be they those of the folds or the members of an
ensemble. What they predict for a row is a density, and targets drawn from it teach that density to
a single network: "distillation" (G. Hinton, O. Vinyals and J. Dean, "Distilling the knowledge in a
neural network", arXiv:1503.02531, 2015; of predicted densities A. Korattikara et al., "Bayesian
dark knowledge", NeurIPS 2015). The network that learns from them needs no rows that tell when to
stop: there is little left to overfit.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from skmdn._engine.budget import auto_batch_size, auto_steps, passes_for_steps
from skmdn._estimators.observations import Observations
from skmdn._estimators.target_atoms import at_atoms
from skmdn._estimators.target_maps import TargetMaps, behind_maps
from skmdn._estimators.wide_tables import is_wide
from skmdn._predictor import Density
from skmdn._training.settings import Settings

# Copies of each row: of few rows, and of more. Of few rows there are more until the copies are so
# many rows, or have so many numbers: with fewer draws, the network would learn which ones happened
# to be drawn.
_FEW_ROWS, _COPIES_OF_FEW, _COPIES = 999, 48, 12
_ROWS_OF_FEW, _CELLS_OF_FEW = 10_000, 10**6
# Numbers in all copies of X, unless the fewest copies have more.
_CELLS, _FEWEST_COPIES = 5e7, 3
# One copy in three has the row's own target. Without any, what the networks of four fifths of the
# rows do not know is lost, which matters where there is little noise. Where there is much, the
# network overfits them, and the more so the fewer rows there are: of 100 rows it is one in nine if
# the teacher leaves a tenth of the variation, of 900 one in six, and with more noise one in twelve.
# Of more rows it is one in twelve if the teacher leaves a tenth. In a wide table one in three is
# too many.
_ONE_IN, _ONE_IN_OF_NOISY, _ONE_IN_OF_WIDE = 3.0, 12.0, 6.0
_PER_NOISE_OF_FEW, _PER_NOISE, _NOISE_PER_ROW, _NO_NOISE = 60.0, 180.0, 1 / 20_000, 0.05
# Steps for copies of few rows, and for copies of more rows the part of the steps that as many rows
# would get. Of the copies of more rows, so many count for steps and batches: what is seen less
# often is overfitted less. In a wide table all count.
_STEPS_OF_FEW, _SHARE_OF_STEPS, _COUNTED = 3200, 0.5, 6
# Drawn targets make gradients noisier, which shortens the steps of the optimiser, but not those of
# the decay. With half of it the weights stay about as large as those of the folds. It is the rows'
# own targets that can be overfitted: where fewer copies than one in three have them, the decay
# falls with the root of their share.
_SHARE_OF_DECAY = 0.5


class Teacher(NamedTuple):
    """What predicts the densities of y for the rows of data as the user has them."""

    density: Callable[[Observations], Density]
    unexplained: float  # about what part of the variation of y it leaves, in rows new to it


class Copies(NamedTuple):
    """How often each row is there, the number of passes over all copies, and rows of a batch."""

    own: int  # with the row's own target
    drawn: int  # with a drawn one
    n_passes: int | None  # None, without a teacher, for as many as so many rows need
    batch_size: int | None  # None, without a teacher, for as many as suit so many rows

    @classmethod
    def of(cls, n: int, p: int, settings: Settings, unexplained: float) -> "Copies":
        """Those of n rows of p features, for a teacher that leaves such a part `unexplained`.

        A pass over all copies uses up as many of the allowed passes as there are copies.
        """
        most = max(_FEWEST_COPIES, int(_CELLS / (n * p)))
        if settings.n_passes is not None:
            most = min(most, settings.n_passes)
        number = counted = min(_copies(n, p), most)
        one_in, is_few = _one_in(n, p, unexplained), n <= _FEW_ROWS
        if not (is_few or is_wide(n, p)):
            counted = min(counted, _COUNTED)
        batch_size = settings.batch_size or auto_batch_size(counted * n)
        if settings.n_passes is not None:
            n_passes = settings.n_passes // number
        else:
            n_steps = _STEPS_OF_FEW if is_few else _SHARE_OF_STEPS * auto_steps(counted * n)
            n_passes = passes_for_steps(n_steps, number * n, batch_size)
        own = math.ceil(number / one_in)
        return cls(own, number - own, n_passes, batch_size)

    @property
    def number(self) -> int:
        """Number of all copies."""
        return self.own + self.drawn

    @property
    def share_of_own(self) -> float:
        """Part of the copies with the row's own target."""
        return self.own / self.number

    def settings(self, settings: Settings) -> Settings:
        """Settings of the training."""
        share = _SHARE_OF_DECAY * math.sqrt(_ONE_IN * self.share_of_own) if self.drawn > 0 else 1.0
        return replace(
            settings,
            alpha=share * settings.alpha,
            n_passes=self.n_passes,
            batch_size=self.batch_size,
        )


def _copies(n: int, p: int) -> int:
    """How often each of n rows of p features should be there."""
    if n > _FEW_ROWS:
        return _COPIES
    return max(_COPIES_OF_FEW, math.ceil(min(_ROWS_OF_FEW, _CELLS_OF_FEW / p) / n))


def _one_in(n: int, p: int, unexplained: float) -> float:
    """In one of how many copies n rows of p features have their own target."""
    noise, per_noise, least = unexplained - _NO_NOISE, _PER_NOISE, _ONE_IN
    if n <= _FEW_ROWS:
        noise, per_noise = unexplained - _NOISE_PER_ROW * n, _PER_NOISE_OF_FEW
    elif is_wide(n, p):
        least = _ONE_IN_OF_WIDE
    return min(max(_ONE_IN + per_noise * max(0.0, noise), least), _ONE_IN_OF_NOISY)


def drawn_targets(
    of_y: Observations,
    density: Density,
    like: Observations,
    maps: TargetMaps,
    n_draws: int,
    rng: np.random.Generator,
) -> Observations:
    """All rows `n_draws` times, each time with a target drawn from the row's density.

    `of_y` are the rows as the user has them, `like` the same with targets behind the maps and at
    the atoms, as those of the answer are; the density is of y.
    """
    rows = np.tile(of_y.rows, n_draws)
    drawn = replace(
        of_y,
        X=of_y.X[rows],
        y=_draws(of_y, density, like.atoms, maps, n_draws, rng),
        weights=None if of_y.weights is None else of_y.weights[rows],
        rows=np.arange(len(rows)),
        folds=None if like.folds is None else like.folds[rows],
    )
    return behind_maps(at_atoms(drawn, like.atoms), maps)


def _draws(
    of_y: Observations,
    density: Density,
    atoms: np.ndarray | None,
    maps: TargetMaps,
    n_draws: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Targets ``(n_draws * n, D)`` in units of y.

    The row's own target stays where a drawn one is too large for a number or at a bound of its map,
    and for outputs that do not vary.
    """
    own = of_y.y[of_y.rows]
    n, D = own.shape
    if D == 1:
        # One quantile in each part of the density tells more of it than as many random numbers.
        levels = (np.arange(n_draws) + rng.random((n, n_draws))) / n_draws
        y = density.ppf(np.clip(levels, 1e-12, 1 - 1e-12)).reshape(n, n_draws, 1)
    else:
        y = density.sample(n_draws, random_state=int(rng.integers(2**31))).reshape(n, n_draws, D)
    own = np.broadcast_to(own[:, np.newaxis], y.shape)
    allowed = np.isfinite(y)
    for d, one in enumerate(maps or ()):
        allowed[..., d] &= one.contains(y[..., d])
    if atoms is not None:
        allowed |= np.isin(y, atoms)
    allowed &= np.ptp(own, axis=(0, 1)) > 0
    return np.where(allowed, y, own).swapaxes(0, 1).reshape(-1, D)
