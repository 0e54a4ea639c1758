"""Signs of a collapsed mixture: components without weight, spreads at their floor."""

import numpy as np

from skmdn._predictor import Predictor

# A component with less than this mean weight is dead. A scale below this multiple of its floor
# counts as being on the floor. From this share of the rows on, weighted by component, there is a
# warning.
_DEAD = 1e-4
_ON_FLOOR = 1.05
_SHARE = 0.01


def collapse_warnings(predictor: Predictor, X: np.ndarray) -> list[str]:
    """Faults of the densities of training rows, each with advice."""
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
    on_floor = np.any(conditional < _ON_FLOOR * predictor.architecture.scale_floor, axis=2)
    share = float(np.mean(np.sum(density.weights * on_floor, axis=1)))
    if share > _SHARE:
        found.append(
            f"Spreads are on their floor for {share:.0%} of the training rows: y repeats values or "
            "is nearly without noise there, and its density has no upper bound but reg_covar. "
            "Compare models by CRPS, or raise reg_covar to the resolution of y."
        )
    return found
