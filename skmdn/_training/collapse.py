"""Signs of a collapsed mixture: components without weight, spreads at their floor."""

import numpy as np

from skmdn._estimators.observations import Observations
from skmdn._estimators.target_atoms import found_atoms
from skmdn._predictor import Predictor

# A component with less than this mean weight is dead. A scale below this multiple of its floor
# counts as being on the floor. From this share of the rows on, weighted by component, there is a
# warning.
_DEAD = 1e-4
_ON_FLOOR = 1.05
_SHARE = 0.01


def collapse_warnings(predictor: Predictor, X: np.ndarray, data: Observations) -> list[str]:
    """Faults of the densities at X, which are training rows, each with advice.

    The data are all training rows off the atoms, with mapped targets.
    """
    density = predictor.uncalibrated_density(X)
    found = []
    dead = int(np.sum(density.weights.mean(axis=0) < _DEAD))
    if dead:
        found.append(
            f"{dead} of {density.n_components} components are dead: their mean weight on the "
            f"training rows is below {_DEAD:g}. A smaller n_components does the same."
        )
    conditional = density.scales
    if density.covariance_type == "full":
        conditional = np.diagonal(density.scale_tril, axis1=2, axis2=3)
    on_floor = conditional < _ON_FLOOR * predictor.architecture.scale_floor
    share = float(np.mean(np.sum(density.weights * on_floor.any(axis=2), axis=1)))
    if share > _SHARE:
        by_output = np.sum(density.weights[..., np.newaxis] * on_floor, axis=(0, 1))
        found.append(_floor_warning(predictor, data, share, int(np.argmax(by_output))))
    return found


def _floor_warning(predictor: Predictor, data: Observations, share: float, output: int) -> str:
    """What is on the floor, why, and what to do."""
    several = len(predictor.preparation.y_scale) > 1
    return (
        f"Spreads are on their floor for {share:.0%} of the training rows"
        f"{f', those of output {output} above all' if several else ''}: "
        f"{_reason(predictor, data, output)}, and its density has no upper bound but the floor. "
        f"{_floor(predictor, output)} {_atom_remedy(predictor, data)}"
        "Compare models by CRPS or by log_likelihood_score(resolution=), or raise reg_covar"
        f"{_to_resolution(predictor, output)}."
    )


def _reason(predictor: Predictor, data: Observations, output: int) -> str:
    """Why spreads are small."""
    values, counts = np.unique(data.y[data.rows, output], return_counts=True)
    if counts.max() == 1:
        return "y is nearly without noise there"
    most = _in_units_of_y(predictor, values[[np.argmax(counts)]], output)[0]
    percent = f"{counts.max() / len(data):.1%}"
    return f"y repeats values ({percent} of the rows have y = {most:g}) or is nearly without noise"


def _floor(predictor: Predictor, output: int) -> str:
    """The floor as a standard deviation of y, or of what its map makes of it."""
    maps = predictor.target_maps
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
    if predictor.target_atoms is not None:
        listed = [float(f"{atom:g}") for atom in np.union1d(predictor.target_atoms, atoms)]
        return f"Set target_atoms={listed}, as many rows share values. "
    if predictor.target_maps is None and atoms[0] == y.min() == 0.0 and not np.isin(y, atoms).all():
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
