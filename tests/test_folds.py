"""Folds, as every estimator with a `cv` takes them."""

import numpy as np
import pytest
from cases.ensemble import LinearGaussian
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold

from skmdn import ConformalMDNRegressor, MDNEnsembleRegressor
from skmdn.model_selection import cross_val_predict_proba
from skmdn.preprocessing import CrossFittedPredictions

X = np.random.default_rng(0).normal(size=(30, 2))
Y = X[:, 0] + np.random.default_rng(1).normal(size=30)


def fit_ensemble(cv):
    MDNEnsembleRegressor([("line", LinearGaussian())], cv=cv).fit(X, Y)


def fit_conformal(cv):
    ConformalMDNRegressor(LinearGaussian(), cv=cv).fit(X, Y)


def predict_out_of_fold(cv):
    cross_val_predict_proba(LinearGaussian(), X, Y, cv=cv)


def cross_fit(cv):
    CrossFittedPredictions([("line", LinearRegression())], cv=cv).fit(X, Y)


@pytest.mark.parametrize("fit", [fit_ensemble, fit_conformal, predict_out_of_fold, cross_fit])
def test_a_generator_of_splits_serves_once_and_then_is_told_to_be_used_up(fit):
    cv = KFold(3).split(X)
    fit(cv)
    with pytest.raises(ValueError, match=r"cv: expected at least one split.*pass a list"):
        fit(cv)
