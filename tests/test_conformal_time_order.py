"""Conformal regions of rows in time order, and splits that give every model its own rows."""

import numpy as np
import pytest
from cases.conformal import HALF
from cases.linear_gaussian import LinearGaussian, linear_data
from scipy.stats import betabinom
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.model_selection import (
    GridSearchCV,
    RepeatedKFold,
    ShuffleSplit,
    TimeSeriesSplit,
    train_test_split,
)

from skmdn import Mixture
from skmdn._estimators.rows import Rows
from skmdn.conformal import ConformalMDNRegressor
from skmdn.conformal.calibration_rows import calibration_splits
from skmdn.metrics import log_likelihood_scorer
from skmdn.model_selection import cross_val_predict_proba


class Autoregression(RegressorMixin, BaseEstimator):
    """Knows that a value is 0.8 times the last one plus noise; learns the noise's deviation."""

    def fit(self, X, y):
        self.scale_ = np.std(y - self.predict(X))
        self.n_features_in_ = 1
        return self

    def predict(self, X):
        return 0.8 * np.asarray(X)[:, 0]

    def predict_proba(self, X):
        means = self.predict(X)[:, None]
        return Mixture(np.ones_like(means), means, np.full_like(means, self.scale_))


def series(n_rows, seed):
    """Inputs (n, 1), the last value, and outcomes (n,), the next; the noise is not normal."""
    noise = np.random.default_rng(seed).exponential(size=n_rows)
    values = np.zeros(n_rows + 1)
    for t in range(n_rows):
        values[t + 1] = 0.8 * values[t] + noise[t]
    return values[:-1, None], values[1:]


# Coverage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0.5, 0.9])
@pytest.mark.parametrize("method", ["interval", "region"])
def test_the_coverage_of_the_rows_after_the_last_block_has_its_exact_distribution(method, level):
    """Scores depend on independent noise alone: the rows covered are beta-binomially many."""
    n, m, n_new, n_series = 150, 30, 40, 40
    covered, distribution = 0, np.ones(1)
    rank = np.ceil((m + 1) * level)
    for seed in range(n_series):
        X, y = series(n + n_new, seed)
        model = ConformalMDNRegressor(Autoregression(), cv="last").fit(X[:n], y[:n])
        assert len(model.hdr_masses_[0]) == m
        if method == "interval":
            low, high = model.predict_interval(X[n:], level).T
            covered += np.sum((low <= y[n:]) & (y[n:] <= high))
        else:
            covered += model.contains(X[n:], y[n:], level).sum()
        one = betabinom(n_new, rank, m + 1 - rank).pmf(np.arange(n_new + 1))
        distribution = np.convolve(distribution, one)
    assert distribution[: covered + 1].sum() > 1e-3
    assert distribution[covered:].sum() > 1e-3


# Splits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [3, 4, 5, 6, 60])
def test_last_is_the_last_fifth_of_the_rows_calibrating_a_model_of_those_before(n):
    X, y = series(n, seed=0)
    n_first = n - int(np.ceil(n / 5))
    last = ConformalMDNRegressor(Autoregression(), cv="last").fit(X, y)
    by_hand = ConformalMDNRegressor(Autoregression().fit(X[:n_first], y[:n_first]), cv="prefit")
    by_hand.fit(X[n_first:], y[n_first:])
    np.testing.assert_array_equal(last.hdr_masses_, by_hand.hdr_masses_)
    np.testing.assert_array_equal(last.predict_interval(X, 0.3), by_hand.predict_interval(X, 0.3))
    if n == 60:
        for cv in (
            [train_test_split(np.arange(n), test_size=0.2, shuffle=False)],
            np.arange(n).reshape(1, 5, 12)[:, [0, 4]],  # an array of splits
        ):
            other = ConformalMDNRegressor(Autoregression(), cv=cv).fit(X, y)
            assert len(other.hdr_masses_[0]) == 12


def test_last_follows_the_rows_of_an_outer_split():
    X, y = series(60, seed=0)
    model = ConformalMDNRegressor(Autoregression(), cv="last")
    search = GridSearchCV(
        model, {"cv": ["last"]}, cv=TimeSeriesSplit(3), scoring=log_likelihood_scorer
    )
    assert len(search.fit(X, y).best_estimator_.hdr_masses_[0]) == 12
    assert clone(model).cv == "last"


@pytest.mark.parametrize("n_rows", [1, 0])
def test_one_row_cannot_both_fit_and_calibrate(n_rows):
    X, y = series(5, seed=0)
    with pytest.raises(ValueError, match=r"expected at least (2 rows|one row)"):
        ConformalMDNRegressor(Autoregression(), cv="last").fit(X[:n_rows], y[:n_rows])


@pytest.mark.parametrize(
    "cv", [TimeSeriesSplit(5), ShuffleSplit(3, random_state=0), RepeatedKFold(random_state=0)]
)
def test_several_splits_must_partition_the_rows_as_out_of_fold_predictions_must(cv):
    X, y = linear_data(60)
    model = ConformalMDNRegressor(LinearGaussian(), cv=cv)
    with pytest.raises(ValueError, match="each of 60 rows exactly once") as refusal:
        model.fit(X, y)
    assert not hasattr(model, "estimators_")
    with pytest.raises(ValueError, match="cv: ") as expected:
        cross_val_predict_proba(LinearGaussian(), X, y, cv=cv)
    # Here one split would do, and there it would not.
    assert str(refusal.value).startswith(str(expected.value))
    assert "single split" in str(refusal.value)
    assert "single" not in str(expected.value)


def test_the_last_groups_calibrate_whole():
    X, y = linear_data(60)
    groups = np.repeat(np.arange(12), 5)[np.random.default_rng(0).permutation(60)]
    parts = calibration_splits("last", Rows(X, y, None, groups), np.random.default_rng(0)).parts
    ((fitting, calibrating),) = parts
    assert np.intersect1d(groups[fitting], groups[calibrating]).size == 0
    assert 8 <= len(calibrating) <= 16
    first_rows = {group: int(np.argmax(groups == group)) for group in groups.tolist()}
    of_fit = max(first_rows[group] for group in groups[fitting].tolist())
    assert of_fit < min(first_rows[group] for group in groups[calibrating].tolist())
    with pytest.raises(ValueError, match="at least two groups"):
        ConformalMDNRegressor(LinearGaussian(), cv="last").fit(X, y, groups=np.zeros(60))


@pytest.mark.parametrize("cv", [HALF, list(TimeSeriesSplit(5).split(range(60)))[-1:]])
def test_one_split_need_not_hold_all_rows(cv):
    model = ConformalMDNRegressor(LinearGaussian(), cv=cv).fit(*linear_data(60))
    assert len(model.estimators_) == 1
