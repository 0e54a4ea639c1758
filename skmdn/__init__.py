"""Mixture density networks as scikit-learn regressors: predict the whole density p(y | x)."""

from skmdn import metrics, model_selection, plotting, preprocessing
from skmdn.conformal import ConformalMDNRegressor
from skmdn.ensemble import MDNEnsembleRegressor
from skmdn.mixture import Mixture
from skmdn.regressor import MDNRegressor

__all__ = [
    "ConformalMDNRegressor",
    "MDNEnsembleRegressor",
    "MDNRegressor",
    "Mixture",
    "metrics",
    "model_selection",
    "plotting",
    "preprocessing",
]
__version__ = "0.1.0"
