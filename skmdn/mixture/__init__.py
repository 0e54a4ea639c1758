"""The predictive distribution: one Gaussian mixture for each row, perhaps behind a map."""

from skmdn.mixture.mixture import Mixture
from skmdn.mixture.target.target_mixture import TargetMixture

__all__ = ["Mixture", "TargetMixture"]
