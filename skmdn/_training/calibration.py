"""Calibration of a trained network's spreads, and the rule for small samples."""

import math
from typing import NamedTuple

import numpy as np

from skmdn._calibration import (
    MAX_ROWS,
    MOST_FACTOR,
    MOST_OF_FORECAST,
    calibrate,
    calibrate_parts,
)
from skmdn._estimators.observations import Observations
from skmdn._network.preparation import Preparation
from skmdn._predictor import Predictor
from skmdn._training.temperature import fitted_temperature

# The spreads of a network trained on about so few rows are uncertain. They get noise of .8 standard
# deviations of y with 10 rows, .4 with 20, .03 with 40: chosen by held-out likelihoods of small
# samples.
_SMALL_SAMPLE_ROWS = 21.0
# A network of four fifths of the rows is further from new rows than several such networks together,
# and than one of all rows that has learned from them. Those take this share of the logarithm of its
# factor and of the variance of its noise. On eight samples of 25 to 270 rows, what they taught had
# a worse CRPS with .5 and a worse log-likelihood with 1.
_SHARE_OF_FOLDS = 0.75


class Judged(NamedTuple):
    """A network, and rows that it has not trained on, with the targets behind the maps."""

    predictor: Predictor
    rows: Observations


class Spreads(NamedTuple):
    """What held-out rows say of the spreads, and of the probabilities of atoms."""

    factor: float = 1.0
    noise: float = 0.0  # in standard deviations of the targets
    temperature: float | None = None  # None without atoms

    def of_teachers(self) -> "Spreads":
        """For networks of folds that predict together, where these are for each of them alone."""
        return self._partly(_SHARE_OF_FOLDS)

    def of_taught(self, share_of_own: float) -> "Spreads":
        """For a network of all rows, of whose targets a share are the rows' own.

        The others are drawn from densities that are calibrated, and so teach it their spreads.
        """
        spreads, temperature = self._partly(_SHARE_OF_FOLDS * share_of_own), self.temperature
        if temperature is not None:
            spreads = spreads._replace(temperature=temperature**share_of_own)
        return spreads

    def _partly(self, share: float) -> "Spreads":
        """A share of the logarithm of the factor, and of the noise's variance."""
        return self._replace(factor=self.factor**share, noise=math.sqrt(share) * self.noise)


def calibrated(
    predictor: Predictor,
    held_out: Observations,
    rng: np.random.Generator,
    least_noise: float,
) -> Predictor:
    """Fit the spreads, and the probabilities of atoms, on rows that did not train.

    The noise of the spreads, in standard deviations of y, is at least `least_noise`.
    """
    rows = held_out.rows
    if len(rows) > MAX_ROWS:
        rows = rng.choice(rows, MAX_ROWS, replace=False)
    held_out = held_out.select(rows)
    temperature = _fitted_temperature([Judged(predictor, held_out)])
    held_out = held_out.off_atoms()
    rows, folds = held_out.rows, held_out.folds
    spreads = Spreads()
    if len(rows) > 0:
        own_folds = None if folds is None else folds[rows]
        found = calibrate(
            [predictor.uncalibrated_density(held_out.X[rows], own_folds)],
            predictor.preparation.targets(held_out.y[rows]),
            _weights([held_out]),
        )
        spreads = Spreads(float(found.factors[0]), found.noise)
    return with_spreads(predictor, spreads._replace(temperature=temperature), least_noise)


def spreads_of_folds(parts: list[Judged]) -> Spreads:
    """Fit a common factor, a common noise and a common temperature to all folds."""
    spreads = _spreads_in_units(parts, [part.predictor.preparation for part in parts])
    return spreads._replace(temperature=_fitted_temperature(parts))


def _spreads_in_units(
    parts: list[Judged], units: list[Preparation], most_factor: float = MOST_FACTOR
) -> Spreads:
    """Fit a factor and a noise to the rows off the atoms, in the units of these preparations.

    The densities are those of the targets behind the maps. They have a line's part in the errors of
    rows that it has not seen.
    """
    densities, targets, judged = [], [], []
    for (predictor, data), preparation in zip(parts, units, strict=True):
        data = data.off_atoms()
        if len(data) == 0:
            continue
        mean, scale = preparation.y_mean, preparation.y_scale
        density = predictor.mapped_density(data.X[data.rows])
        densities.append(density.affine(-mean / scale, 1 / scale))
        targets.append((data.y[data.rows] - mean) / scale)
        judged.append(data)
    if not judged:
        return Spreads()
    found = calibrate_parts(densities, np.concatenate(targets), _weights(judged), most_factor)
    return Spreads(float(found.factors[0]), found.noise)


def with_spreads(predictor: Predictor, spreads: Spreads, least_noise: float = 0.0) -> Predictor:
    """The network with such spreads and probabilities of atoms."""
    if spreads.temperature is not None:
        predictor = predictor._replace(atom_temperature=spreads.temperature)
    factor, floor = spreads.factor, predictor.architecture.scale_floor
    # If scales shrink, noise keeps every variance above the floor.
    of_floor = floor * math.sqrt(max(0.0, 1 - factor**2))
    noise = max(spreads.noise, of_floor, least_noise)
    return predictor._replace(spread_factor=factor, spread_noise=noise)


def _fitted_temperature(parts: list[Judged]) -> float | None:
    """The temperature of the atoms' probabilities, given the atom of each row; None without any."""
    log_shares, atoms = [], []
    for predictor, data in parts:
        if data.atom is None:
            return None
        rows, folds = data.rows, data.folds
        own_folds = None if folds is None else folds[rows]
        log_shares.append(predictor.log_shares(data.X[rows], own_folds))
        atoms.append(np.where(data.atom[rows] < 0, data.n_atoms, data.atom[rows]))
    weights = _weights([data for _, data in parts])
    return fitted_temperature(np.concatenate(log_shares), np.concatenate(atoms), weights)


def _weights(parts: list[Observations]) -> np.ndarray | None:
    weights = [data.weights[data.rows] for data in parts if data.weights is not None]
    return np.concatenate(weights) if weights else None


def widened(
    predictor: Predictor, forecast: tuple[Predictor, np.ndarray], data: Observations
) -> Predictor:
    """Wider spreads where a network of the earlier rows was too sure of the later ones.

    They are never narrower ones. Rows to come are as far from those of the fit as the later ones
    are from the earlier ones, so the whole widening is taken. The targets of the data are those
    behind the maps.
    """
    earlier, later = forecast
    if data.of_density().is_constant():
        return predictor
    judged = [Judged(earlier, data.select(later))]
    found = _spreads_in_units(judged, [predictor.preparation], most_factor=MOST_OF_FORECAST)
    a = max(1.0, found.factor)
    noise = math.hypot(a * predictor.spread_noise, found.noise)
    return predictor._replace(spread_factor=a * predictor.spread_factor, spread_noise=noise)


def small_sample_noise(data: Observations, before: Predictor | None) -> float:
    """Noise, in standard deviations of y, for the epistemic uncertainty with few rows.

    A handful of rows, both for training and for validation, may all lie near their means by luck.
    With constant targets there is no such uncertainty. A network that goes on from one `before` has
    at most the noise of that one, as it has learned from more rows.
    """
    data = data.of_density()
    if data.is_constant():
        return 0.0
    noise = math.exp(-((len(data) / _SMALL_SAMPLE_ROWS) ** 2))
    return noise if before is None else min(noise, before.spread_noise)
