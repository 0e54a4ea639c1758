"""Mixture density networks as scikit-learn regressors: predict the whole density p(y | x)."""

from skmdn.ensemble import MDNEnsembleRegressor
from skmdn.mixture import Mixture
from skmdn.regressor import MDNRegressor

__all__ = ["MDNEnsembleRegressor", "MDNRegressor", "Mixture"]
__version__ = "0.1.0"
