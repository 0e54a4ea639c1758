"""Mixture density networks as scikit-learn regressors: predict the whole density p(y | x)."""

from skmdn import metrics, model_selection, plotting, preprocessing, transforms
from skmdn._distribution import check_folder
from skmdn.conformal import ConformalMDNRegressor
from skmdn.ensemble import MDNEnsembleRegressor
from skmdn.mixture import Mixture, TargetMixture
from skmdn.regressor import MDNRegressor

__all__ = [
    "ConformalMDNRegressor",
    "MDNEnsembleRegressor",
    "MDNRegressor",
    "Mixture",
    "TargetMixture",
    "metrics",
    "model_selection",
    "plotting",
    "preprocessing",
    "transforms",
]
__version__ = "0.1.0"

check_folder(__path__[0])
