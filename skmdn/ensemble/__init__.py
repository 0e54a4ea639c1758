"""An ensemble of views and folds whose prediction is one mixture."""

from skmdn.ensemble.regressor import MDNEnsembleRegressor

__all__ = ["MDNEnsembleRegressor"]
