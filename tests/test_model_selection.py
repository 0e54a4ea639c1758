"""Out-of-fold mixtures: values by hand, folds, containers, metadata and refusals."""

import numpy as np
import pandas as pd
import pytest
from cases.linear_gaussian import LinearGaussian, linear_data
from joblib import parallel_config
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneOut,
    RepeatedKFold,
    ShuffleSplit,
    cross_val_predict,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmdn import metrics
from skmdn.mixture import Mixture
from skmdn.model_selection import cross_val_predict_proba

FOLDS = KFold(4, shuffle=True, random_state=0)


def by_hand(X, y, folds=FOLDS, weights=None):
    """Return the out-of-fold means and scales of LinearGaussian."""
    means, scales = np.empty(y.shape), np.empty(y.shape)
    for train, test in folds.split(X):
        kwargs = {} if weights is None else {"sample_weight": weights[train]}
        model = LinearGaussian().fit(X[train], y[train], **kwargs)
        means[test], scales[test] = model.predict(X[test]), model.scale_
    return means, scales


@pytest.mark.parametrize("n_outputs", [None, 1, 2])
def test_rows_come_back_in_their_order(n_outputs):
    X, y = linear_data(50, n_outputs=n_outputs)
    mixture = cross_val_predict_proba(LinearGaussian(), X, y, cv=FOLDS)
    means, scales = by_hand(X, y)
    assert isinstance(mixture, Mixture)
    assert mixture.univariate == (n_outputs is None)
    np.testing.assert_array_equal(mixture.means.reshape(y.shape), means)
    np.testing.assert_array_equal(mixture.scales.reshape(y.shape), scales)


def test_means_agree_with_scikit_learn():
    X, y = linear_data(50)
    mixture = cross_val_predict_proba(LinearGaussian(), X, y)
    np.testing.assert_allclose(mixture.mean(), cross_val_predict(LinearGaussian(), X, y))


def test_scikit_learns_own_function_dies():
    X, y = linear_data(50)
    with pytest.raises((IndexError, ValueError, TypeError, AttributeError)):
        cross_val_predict(LinearGaussian(), X, y, method="predict_proba")


@pytest.mark.parametrize("cv", [None, 3, FOLDS, LeaveOneOut(), list(FOLDS.split(np.zeros(24)))])
def test_every_way_to_name_folds(cv):
    X, y = linear_data(24)
    mixture = cross_val_predict_proba(LinearGaussian(), X, y, cv=cv)
    assert len(mixture) == 24
    assert metrics.log_likelihood_score(y, mixture) > -2.0


def test_folds_as_masks():
    X, y = linear_data(24)
    masks = [(np.arange(24) % 3 != k, np.arange(24) % 3 == k) for k in range(3)]
    numbers = [(np.flatnonzero(train), np.flatnonzero(test)) for train, test in masks]
    mixture = cross_val_predict_proba(LinearGaussian(), X, y, cv=masks)
    assert mixture == cross_val_predict_proba(LinearGaussian(), X, y, cv=numbers)


def test_folds_with_different_numbers_of_components():
    class Grows(LinearGaussian):
        def predict_proba(self, X):
            mixture = super().predict_proba(X)
            count = 1 + int(self.coef_[0] * 1e6) % 3
            return Mixture.pool([mixture] * count)

    X, y = linear_data(40)
    mixture = cross_val_predict_proba(Grows(), X, y, cv=FOLDS)
    np.testing.assert_allclose(mixture.mean(), by_hand(X, y)[0], rtol=1e-12)


def test_containers():
    X, y = linear_data(40)
    expected = cross_val_predict_proba(LinearGaussian(), X, y, cv=FOLDS)
    index = np.arange(40)[::-1]
    frame, series = pd.DataFrame(X, index=index), pd.Series(y, index=index)
    for given in ((frame, series), (X.tolist(), y.tolist()), (frame, y)):
        mixture = cross_val_predict_proba(LinearGaussian(), *given, cv=FOLDS)
        np.testing.assert_allclose(mixture, expected, rtol=1e-9)


def test_sparse_rows():
    class Dense(LinearGaussian):
        @staticmethod
        def _design(X):
            return LinearGaussian._design(X.toarray())

    X, y = linear_data(40)
    expected = cross_val_predict_proba(LinearGaussian(), X, y, cv=FOLDS)
    assert cross_val_predict_proba(Dense(), sparse.coo_matrix(X), y, cv=FOLDS) == expected


def test_polars_rows():
    polars = pytest.importorskip("polars")
    X, y = linear_data(40)
    expected = cross_val_predict_proba(LinearGaussian(), X, y, cv=FOLDS)
    frame, series = polars.DataFrame(X), polars.Series(y)
    mixture = cross_val_predict_proba(LinearGaussian(), frame, series, cv=FOLDS)
    np.testing.assert_allclose(mixture, expected, rtol=1e-9)


def test_pipeline_is_fitted_inside_the_folds():
    X, y = linear_data(40)
    pipeline = make_pipeline(StandardScaler(), LinearGaussian())
    mixture = cross_val_predict_proba(pipeline, X, y, cv=FOLDS)
    np.testing.assert_allclose(mixture.mean(), by_hand(X, y)[0], rtol=1e-6)
    assert not hasattr(pipeline[-1], "coef_")


def test_workers_give_the_same():
    X, y = linear_data(40)
    alone = cross_val_predict_proba(LinearGaussian(), X, y, cv=FOLDS)
    with parallel_config(backend="threading"):
        assert cross_val_predict_proba(LinearGaussian(), X, y, cv=FOLDS, n_jobs=2) == alone


@pytest.mark.parametrize("container", [np.asarray, list, pd.Series])
def test_weights_are_cut_to_the_fold(container):
    X, y = linear_data(40)
    weights = np.random.default_rng(0).uniform(0.1, 3.0, size=40)
    given = {"sample_weight": container(weights)}
    mixture = cross_val_predict_proba(LinearGaussian(), X, y, cv=FOLDS, params=given)
    np.testing.assert_array_equal(mixture.mean(), by_hand(X, y, weights=weights)[0])


def test_weights_reach_a_step_of_a_pipeline():
    X, y = linear_data(40)
    weights = np.random.default_rng(0).uniform(0.1, 3.0, size=40)
    pipeline = make_pipeline(StandardScaler(), LinearGaussian())
    given = {"lineargaussian__sample_weight": weights}
    mixture = cross_val_predict_proba(pipeline, X, y, cv=FOLDS, params=given)
    np.testing.assert_allclose(mixture.mean(), by_hand(X, y, weights=weights)[0], rtol=1e-5)


def test_what_is_not_per_row_is_passed_whole():
    class Told(LinearGaussian):
        def fit(self, X, y, offset=0.0, label=None):
            super().fit(X, np.asarray(y) + offset)
            assert label == "x" * 40
            return self

    X, y = linear_data(40)
    given = {"offset": 3.0, "label": "x" * 40}
    mixture = cross_val_predict_proba(Told(), X, y, cv=FOLDS, params=given)
    np.testing.assert_allclose(mixture.mean(), by_hand(X, y + 3.0)[0], rtol=1e-12)


def test_groups_reach_the_splitter():
    X, y = linear_data(40)
    groups = np.repeat(np.arange(8), 5)[np.random.default_rng(0).permutation(40)]
    mixture = cross_val_predict_proba(LinearGaussian(), X, y, cv=GroupKFold(4), groups=groups)
    means = np.empty(40)
    for train, test in GroupKFold(4).split(X, y, groups):
        means[test] = LinearGaussian().fit(X[train], y[train]).predict(X[test])
    np.testing.assert_array_equal(mixture.mean(), means)


def test_metadata_routing():
    X, y = linear_data(40)
    weights = np.random.default_rng(0).uniform(0.1, 3.0, size=40)
    groups = np.repeat(np.arange(8), 5)
    with config_context(enable_metadata_routing=True):
        model = LinearGaussian().set_fit_request(sample_weight=True)
        mixture = cross_val_predict_proba(model, X, y, cv=FOLDS, params={"sample_weight": weights})
        np.testing.assert_array_equal(mixture.mean(), by_hand(X, y, weights=weights)[0])
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, clone(model))
        given = {"sample_weight": weights, "groups": groups}
        mixture = cross_val_predict_proba(pipeline, X, y, cv=GroupKFold(4), params=given)
        assert len(mixture) == 40
        with pytest.raises(ValueError, match="groups: expected inside `params`"):
            cross_val_predict_proba(model, X, y, cv=GroupKFold(4), groups=groups)
        with pytest.raises(ValueError, match="sample_weight"):
            cross_val_predict_proba(LinearGaussian(), X, y, params={"sample_weight": weights})


@pytest.mark.parametrize(
    "cv",
    [
        ShuffleSplit(4, random_state=0),
        RepeatedKFold(n_splits=4, n_repeats=2, random_state=0),
        [(np.arange(20, 40), np.arange(20))],
    ],
)
def test_folds_that_are_no_partition_are_refused_before_any_fit(cv):
    class Unfit(LinearGaussian):
        def fit(self, X, y):
            raise AssertionError("fitted")

    X, y = linear_data(40)
    with pytest.raises(ValueError, match="cv: expected test parts that hold each of 40 rows"):
        cross_val_predict_proba(Unfit(), X, y, cv=cv)


def test_bad_arguments_are_named():
    X, y = linear_data(40)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        cross_val_predict_proba(LinearGaussian(), X, y[:39])

    class Table(LinearRegression):
        def predict_proba(self, X):
            return np.ones((len(X), 2))

    with pytest.raises(TypeError, match=r"expected one whose predict_proba gives a Mixture.*Table"):
        cross_val_predict_proba(Table(), X, y)
    with pytest.raises(TypeError, match=r"got the class LinearGaussian; pass LinearGaussian\(\)"):
        cross_val_predict_proba(LinearGaussian, X, y)
    with pytest.raises(TypeError, match=r"got LinearRegression without predict_proba"):
        cross_val_predict_proba(LinearRegression(), X, y)


def test_rows_are_named_as_the_user_has_them():
    X, y = linear_data(30)
    spoilt = np.where(np.arange(30) == 3, np.nan, y)
    with pytest.raises(ValueError, match=r"y contains NaN.*at row 3"):
        cross_val_predict_proba(LinearGaussian(), X, spoilt, cv=3)
    with pytest.raises(ValueError, match=r"sample_weight must .* shape \(30,\); got shape \(7,\)"):
        cross_val_predict_proba(LinearGaussian(), X, y, cv=3, params={"sample_weight": np.ones(7)})
