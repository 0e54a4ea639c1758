"""Rescaling of a network: new units for inputs and targets, but the same function."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from skmdn._engine import OptimizerState
from skmdn._network.forward import HeadLayout
from skmdn._network.linear_path import LinearPath, for_line
from skmdn._network.preparation import FILLING, Preparation, write_z_scores

# Nodes of a standard normal feature, at which old inputs are fitted by new ones.
_NODES, _NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(15)


class Rescaling(NamedTuple):
    """Linear changes of a network's inputs and outputs.

    Old inputs are ``input_factors * new + input_shifts``; inputs that did not exist before have the
    factor 0. The indicator of a gap stands for what the old inputs of its feature were there, which
    is no such function. New raw outputs are ``output_factors * old + output_shifts``.
    """

    places: np.ndarray  # (new inputs,), the position of each among the old ones, or -1
    input_factors: np.ndarray  # (new inputs,)
    input_shifts: np.ndarray  # (new inputs,)
    indicators: np.ndarray  # (g,), positions of the indicators of gaps among the new inputs
    at_gaps: np.ndarray  # (g, old inputs), without the shifts
    output_factors: np.ndarray  # (out,)
    output_shifts: np.ndarray  # (out,)

    @classmethod
    def between(cls, old: Preparation, new: Preparation, layout: HeadLayout) -> "Rescaling":
        """Changes from one preparation to another.

        They are exact for targets, except for the floor of the scales, and for spherical
        covariances of outputs whose scales change by different factors. Targets that did not vary
        so far had no unit: what the network says of them is taken to be in the new one, as it is in
        a fresh network. Old inputs are no linear function of new ones, because both are
        clipped. The best linear fit for a normal feature is used.
        """
        places = _places(old, new)
        input_factors, input_shifts = np.where(places < 0, 0.0, 1.0), np.zeros(len(places))
        numbers = new.numbers
        of_z_scores, shifts = _input_changes(old, new)
        input_factors[: len(numbers)], input_shifts[: len(numbers)] = (
            of_z_scores[numbers],
            shifts[numbers],
        )
        had_unit = old.y_varies & (old.y_count > 0)
        outputs = layout.in_other_units(
            np.where(had_unit, old.y_scale / new.y_scale, 1.0),
            np.where(had_unit, (old.y_mean - new.y_mean) / new.y_scale, 0.0),
        )
        start = sum(new.lengths[:2])
        indicators = np.arange(start, start + new.lengths[2])
        at_gaps = _at_gaps(old, new, shifts)
        return cls(places, input_factors, input_shifts, indicators, at_gaps, *outputs)

    def layers(self, layers: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Layers ``(in + 1, out)`` of the same function."""
        changed = [self.first_layer(layers[0]), *layers[1:]]
        changed[-1] = changed[-1] * self.output_factors
        changed[-1][-1] += self.output_shifts
        return changed

    def first_layer(self, old: np.ndarray) -> np.ndarray:
        """A layer ``(in + 1, out)`` that takes the new inputs."""
        first = self._of_inputs([old], np.multiply)[0]
        first[-1] += self.input_shifts @ self._taken(old)
        first[self.indicators] = self.at_gaps @ old[:-1]
        return first

    def state(self, state: OptimizerState) -> OptimizerState:
        """The optimiser's state, with gradients for the parameters in their new units."""
        return OptimizerState(
            self.layers(state.layers),
            self._moments(state.first, 1),
            self._moments(state.second, 2),
            state.n_steps,
        )

    def _moments(self, layers: Sequence[np.ndarray], power: int) -> list[np.ndarray]:
        """Moments of gradients of this power; 0 for inputs that did not exist before."""
        inverse = np.zeros_like(self.input_factors)
        np.divide(1.0, self.input_factors, out=inverse, where=self.input_factors > 0)
        changed = self._of_inputs(layers, lambda rows, _: rows * inverse[:, np.newaxis] ** power)
        most = np.finfo(layers[0].dtype).max
        for _ in range(power):  # the square of a factor may underflow
            with np.errstate(over="ignore"):
                changed[-1] = np.clip(changed[-1] / self.output_factors, -most, most)
        return changed

    def _of_inputs(
        self,
        layers: Sequence[np.ndarray],
        change: Callable[[np.ndarray, np.ndarray], np.ndarray],
    ) -> list[np.ndarray]:
        """Layers with changed rows of the first one; its intercepts stay."""
        first, *rest = layers
        rows = change(self._taken(first), self.input_factors[:, np.newaxis])
        return [np.vstack([rows, first[-1:]]).astype(first.dtype), *rest]

    def _taken(self, first: np.ndarray) -> np.ndarray:
        """First-layer weights for the new inputs, taken from their old positions."""
        return first[:-1][np.maximum(self.places, 0)]


def moved_line(
    line: LinearPath, old: Preparation, new: Preparation, layout: HeadLayout
) -> LinearPath:
    """The line of an old preparation in the inputs of a new one."""
    layer = np.hstack([np.vstack([line.coef, line.intercept]), line.leverage])
    layer = Rescaling.between(
        for_line(old, line.limit), for_line(new, line.limit), layout
    ).first_layer(layer)
    of_line, leverage = np.split(layer, [line.coef.shape[1]], axis=1)
    return line._replace(coef=of_line[:-1], intercept=of_line[-1], leverage=leverage)


def moved_slopes(
    slopes: np.ndarray, old: Preparation, new: Preparation, limit: float
) -> np.ndarray:
    """Slopes ``(q, D)`` by z-score of an old preparation as those of a new one."""
    factors, _ = _input_changes(for_line(old, limit), for_line(new, limit))
    return slopes * factors[new.numbers, np.newaxis]


def _places(old: Preparation, new: Preparation) -> np.ndarray:
    """Positions of the new inputs among the old ones; -1 for those that are new."""
    numbers, encoded, gaps, categories = np.split(
        np.arange(old.n_inputs), np.cumsum(old.lengths)[:-1]
    )
    return np.concatenate(
        [
            numbers,
            _of_features(_encoded(old), encoded, _encoded(new)),
            _of_features(old.with_gaps, gaps, new.with_gaps),
            categories,
        ]
    )


def _at_gaps(old: Preparation, new: Preparation, shifts: np.ndarray) -> np.ndarray:
    """Old inputs of each feature with a new indicator where it has a gap, less what remains there.

    These are the shifts of z-scores and the fillings of bins. Other features count 0. A feature
    without gaps so far was taken at its mean.
    """
    features, numbers = new.with_gaps, old.numbers
    rows = np.tile(old.X_mean, (len(features), 1))
    rows[np.arange(len(features)), features] = np.nan
    of_inputs = np.concatenate([numbers, _encoded(old), old.with_gaps])
    inputs = old.inputs(rows)
    z, bins, *_ = np.split(inputs, np.cumsum(old.lengths)[:-1], axis=1)
    z -= shifts[numbers]
    bins -= FILLING
    inputs[:, len(of_inputs) :] = 0.0
    inputs[:, : len(of_inputs)] *= of_inputs == features[:, np.newaxis]
    return inputs


def _encoded(preparation: Preparation) -> np.ndarray:
    """The feature of every encoded column."""
    encoding = preparation.encoding
    return np.empty(0, dtype=np.intp) if encoding is None else encoding.feature


def _of_features(old: np.ndarray, places: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Places of the columns of new features, which all old ones are among; -1 for others."""
    taken = np.full(len(new), -1)
    taken[np.isin(new, old)] = places
    return taken


def _input_changes(old: Preparation, new: Preparation) -> tuple[np.ndarray, np.ndarray]:
    """Factors and shifts ``(p,)`` of the z-scores by weighted least squares.

    A feature that was constant had no influence and gets the factor 0.
    """
    scale = np.where(np.isfinite(new.X_scale), new.X_scale, 1.0)
    with np.errstate(over="ignore"):
        x = new.X_mean + scale * _NODES[:, np.newaxis]  # (nodes, p)
    largest = np.finfo(np.float64).max
    np.clip(x, -largest, largest, out=x)
    was, becomes = (_inputs(x, preparation) for preparation in (old, new))
    w = _NODE_WEIGHTS[:, np.newaxis] / _NODE_WEIGHTS.sum()
    centre_was, centre = np.sum(w * was, axis=0), np.sum(w * becomes, axis=0)
    square = np.sum(w * (becomes - centre) ** 2, axis=0)
    product = np.sum(w * (becomes - centre) * (was - centre_was), axis=0)
    factors = np.divide(product, square, out=np.zeros_like(square), where=square > 0)
    shifts = centre_was - factors * centre
    stays = (old.X_mean == new.X_mean) & (old.X_scale == new.X_scale)
    return np.where(stays, 1.0, factors), np.where(stays, 0.0, shifts)


def _inputs(x: np.ndarray, preparation: Preparation) -> np.ndarray:
    """Clipped z-scores of ``x (nodes, p)``."""
    out, (mean, scale) = np.empty_like(x), (preparation.X_mean, preparation.X_scale)
    write_z_scores(x.T.copy(), mean, scale, out.T, straight_to=preparation.straight_to)
    return out
