"""What skops is to trust when it loads a model of skmdn."""

from __future__ import annotations

SKOPS_TRUSTED_TYPES = [
    "skmdn.conformal.ConformalMDNRegressor",
    "skmdn.ensemble.MDNEnsembleRegressor",
    "skmdn.ensemble.PooledMDNRegressor",
    "skmdn.ensemble.ProcessDensity",
    "skmdn.mixture.Mixture",
    "skmdn.mixture.TargetMixture",
    "skmdn.preprocessing.CrossFittedPredictions",
    "skmdn.preprocessing.FlatTrees",
    "skmdn.preprocessing.PiecewiseLinearEncoder",
    "skmdn.preprocessing.RepeatedValues",
    "skmdn.preprocessing.StandardizedForest",
    "skmdn.preprocessing.StandardizedRegressor",
    "skmdn.regressor.MDNRegressor",
    "skmdn.transforms.Asinh",
    "skmdn.transforms.Identity",
    "skmdn.transforms.Log",
    "skmdn.transforms.Logit",
    # Trees of scikit-learn, which the default views of the ensemble hold. Which of these types
    # skops trusts by itself depends on its version. Boosting of categories checks its inputs by a
    # partial function; of such a one, skops asks whether the function is trusted too.
    "functools.partial",
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.Interval",
    "sklearn._loss.loss.HalfSquaredError",
    "sklearn.compose._column_transformer._RemainderColsList",  # of scikit-learn 1.6
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
    "sklearn.utils.validation.check_array",
]
"""Types in the fitted estimators of skmdn that `skops.io.load` does not trust by itself.

``skops.io.load("model.skops", trusted=SKOPS_TRUSTED_TYPES)`` loads any of them. skops is another
way to keep a model than a pickle: nothing in the file is run, and a file that holds any other type
is refused. Types of your own, such as a view of the ensemble that you wrote, are yours to add.
"""
