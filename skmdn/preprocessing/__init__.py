"""Transformers that are useful in any Pipeline, and the regressors that they fit."""

from skmdn.preprocessing.cross_fitted import CrossFittedPredictions
from skmdn.preprocessing.flat_trees import FlatTrees
from skmdn.preprocessing.piecewise_linear import PiecewiseLinearEncoder
from skmdn.preprocessing.repeated_values import RepeatedValues
from skmdn.preprocessing.tree_regressors import StandardizedForest, StandardizedRegressor

__all__ = [
    "CrossFittedPredictions",
    "FlatTrees",
    "PiecewiseLinearEncoder",
    "RepeatedValues",
    "StandardizedForest",
    "StandardizedRegressor",
]

# Pickles name the classes by their public path, whatever file they live in later.
for _name in __all__:
    globals()[_name].__module__ = __name__
