"""Signs of a collapsed mixture: components without weight, spreads at their floor.

And of a floor that is too high for most of the rows.
"""

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skmdn._estimators.fit_warnings import DeadComponentsWarning, FitWarning
from skmdn._estimators.observations import Observations
from skmdn._estimators.target_atoms import found_atoms
from skmdn._predictor import Predictor

# Largest number of training rows that are searched.
_MOST_ROWS = 5000
# A component with less than this mean weight is dead. A scale below this multiple of its floor
# counts as being on the floor, and below a larger one if rows share values, which explain it. From
# this share of the rows on, weighted by component, there is a warning.
_DEAD = 1e-4
_ON_FLOOR, _NEAR_FLOOR = 1.05, 2.0
_SHARE = 0.01
# A scale above this multiple of the interquartile range of y comes from a few far values, and a
# floor above this part of it is coarse: a tenth of a standard deviation of normal targets.
_FAR, _COARSE = 10.0, 0.075


def signs_of_collapse(
    predictor: Predictor, data: Observations, rng: np.random.Generator
) -> list[FitWarning]:
    """Faults of the densities of training rows off the atoms; none where an output is constant."""
    data = data.off_atoms()
    rows = data.rows
    if len(rows) == 0 or not np.ptp(data.y[rows], axis=0).all():
        return []
    if len(rows) > _MOST_ROWS:
        rows = rng.choice(rows, _MOST_ROWS, replace=False)
    # Values far out kill components, too, and are what to see to first.
    far_out = _floor_of_outliers(predictor, data.y[rows])
    return far_out or collapse_warnings(predictor, data.X[rows], data)


def _floor_of_outliers(predictor: Predictor, y: np.ndarray) -> list[FitWarning]:
    """Outputs ``y (n, D)`` of which a few far values make the floor large for all others."""
    if predictor.target_maps is not None:
        return []
    middle = np.subtract(*np.quantile(y, [0.75, 0.25], axis=0))
    preparation, found = predictor.preparation, []
    floors = predictor.architecture.scale_floor * preparation.y_scale
    are_far = (middle > 0) & preparation.y_varies & (preparation.y_scale > _FAR * middle)
    for d in np.flatnonzero(are_far & (floors > _COARSE * middle)).tolist():
        output = "y has" if len(middle) == 1 else f"Output {d} of y has"
        near = "log" if y[:, d].min() > 0 else "asinh"
        word = near if len(middle) == 1 else [near if i == d else None for i in range(len(middle))]
        message = (
            f"{output} a few values far out: its middle half spans {middle[d]:.2g}, but no spread "
            f"is predicted below the floor, sqrt(reg_covar) * y_scale_ = {floors[d]:.2g}. Leave "
            f"these rows out if they are errors; else target_transform={word!r} brings them nearer."
        )
        found.append(FitWarning(message, ConvergenceWarning))
    return found


def collapse_warnings(predictor: Predictor, X: np.ndarray, data: Observations) -> list[FitWarning]:
    """Faults of the densities at X, which are training rows, each with advice.

    The data are all training rows off the atoms, with mapped targets.
    """
    density = predictor.uncalibrated_density(X)
    found = []
    dead = int(np.sum(density.weights.mean(axis=0) < _DEAD))
    if dead:
        message = (
            f"{dead} of {density.n_components} components are dead: their mean weight on the "
            f"training rows is below {_DEAD:g}. A smaller n_components does the same."
        )
        found.append(FitWarning(message, DeadComponentsWarning))
    scales = density.scales
    if density.covariance_type == "full":
        scales = np.diagonal(density.scale_tril, axis1=2, axis2=3)
    multiples = scales / predictor.architecture.scale_floor
    if _share(density.weights, multiples < _NEAR_FLOOR) > _SHARE:
        messages = _floor_warnings(predictor, density.weights, multiples, data)
        found += [FitWarning(message, ConvergenceWarning) for message in messages]
    return found


def _share(weights: np.ndarray, is_small: np.ndarray) -> float:
    """Mean weight of the components with a small scale ``(n, K, D)`` of any output."""
    return float(np.mean(np.sum(weights * is_small.any(axis=2), axis=1)))


def _floor_warnings(
    predictor: Predictor, weights: np.ndarray, multiples: np.ndarray, data: Observations
) -> list[str]:
    """What is on the floor or near it, why, and what to do."""
    remedy, place, on_floor = _atom_remedy(predictor, data), "", multiples < _ON_FLOOR
    if _share(weights, on_floor) <= _SHARE:
        if not remedy:
            return []
        place, on_floor = f", or below {_NEAR_FLOOR:g} times it,", multiples < _NEAR_FLOOR
    output = int(np.argmax(np.sum(weights[..., np.newaxis] * on_floor, axis=(0, 1))))
    if multiples.shape[2] > 1:
        place += f" (of output {output} above all)"
    reason = _reason(predictor, data, output, bool(remedy))
    return [
        f"Spreads are on their floor{place} for {_share(weights, on_floor):.0%} of the training "
        f"rows: {reason}, and its density has no upper bound but the floor. "
        f"{_floor(predictor, output)} {remedy}Compare models by CRPS or by "
        f"log_likelihood_score(resolution=), or raise reg_covar{_to_resolution(predictor, output)}."
    ]


def _reason(predictor: Predictor, data: Observations, output: int, is_shared: bool) -> str:
    """Why spreads are small."""
    values, counts = np.unique(data.y[data.rows, output], return_counts=True)
    if counts.max() == 1:
        return "y is nearly without noise there"
    most = _in_units_of_y(predictor, values[[np.argmax(counts)]], output)[0]
    percent = f"{counts.max() / len(data):.1%}"
    repeats = f"y repeats values ({percent} of the rows have y = {most:.10g})"
    return repeats if is_shared else f"{repeats} or is nearly without noise there"


def _floor(predictor: Predictor, output: int) -> str:
    """The floor as a standard deviation of y, or of what its map makes of it."""
    maps = predictor.target_maps
    with np.errstate(over="ignore"):
        floor = predictor.architecture.scale_floor * predictor.preparation.y_scale[output]
    unit = "in units of y" if maps is None else f"of y behind target_transform={maps[output]!r}"
    return f"It is sqrt(reg_covar) * y_scale_ = {floor:.2g} {unit}."


def _to_resolution(predictor: Predictor, output: int) -> str:
    """What reg_covar makes the floor the resolution of y; behind a map, that differs by value."""
    if predictor.target_maps is not None:
        return ""
    scale = predictor.preparation.y_scale[output]
    return f" to (resolution / {scale:.3g})**2, with the resolution in units of y"


def _atom_remedy(predictor: Predictor, data: Observations) -> str:
    """The words for values with a probability of their own, if there are such."""
    if data.y.shape[1] > 1:
        return ""
    found = found_atoms(data)
    if found is None:
        return ""
    atoms, y = _in_units_of_y(predictor, found, 0), data.y[data.rows, 0]
    if predictor.target_atoms is not None and predictor.target_maps is None:
        listed = np.union1d(predictor.target_atoms, atoms).tolist()
        return f"Set target_atoms={listed}, as many rows share values. "
    plain = predictor.target_maps is None and predictor.target_atoms is None
    if plain and atoms[0] == y.min() == 0.0 and not np.isin(y, atoms).all():
        word = "[0]" if len(atoms) == 1 else '"auto"'
        return (
            f'Set target_atoms={word}, target_transform="log", as y has zeros and is positive '
            "else. "
        )
    return 'Set target_atoms="auto", as many rows share values. '


def _in_units_of_y(predictor: Predictor, values: np.ndarray, output: int) -> np.ndarray:
    """The user's targets, given mapped ones."""
    maps = predictor.target_maps
    return values if maps is None else np.asarray(maps[output].inverse(values))
