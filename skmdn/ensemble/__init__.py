"""An ensemble of views and folds whose prediction is one mixture."""

from skmdn.ensemble.pooled_members import PooledMDNRegressor
from skmdn.ensemble.process_view import ProcessDensity
from skmdn.ensemble.regressor import MDNEnsembleRegressor

__all__ = ["MDNEnsembleRegressor", "PooledMDNRegressor", "ProcessDensity"]

# Pickles name the classes by their public path, whatever files they live in later.
for _name in __all__:
    globals()[_name].__module__ = __name__
