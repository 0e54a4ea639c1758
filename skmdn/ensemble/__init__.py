"""An ensemble of views and folds whose prediction is one mixture."""

from skmdn.ensemble.regressor import MDNEnsembleRegressor

__all__ = ["MDNEnsembleRegressor"]

# Pickles name the class by its public path, whatever file it lives in later.
MDNEnsembleRegressor.__module__ = __name__
