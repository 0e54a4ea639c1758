"""An ensemble of views and folds whose prediction is one mixture."""

from skmdn.ensemble.process_view import ProcessDensity
from skmdn.ensemble.regressor import MDNEnsembleRegressor

__all__ = ["MDNEnsembleRegressor", "ProcessDensity"]

# Pickles name the classes by their public path, whatever files they live in later.
MDNEnsembleRegressor.__module__ = ProcessDensity.__module__ = __name__
