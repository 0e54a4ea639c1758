"""Folds, as every estimator with a `cv` takes them."""

import numpy as np
import pytest
import sklearn
from cases.ensemble import SMALL, LinearGaussian
from cases.series import series
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.metadata_routing import get_routing_for_object

from skmdn import ConformalMDNRegressor, MDNEnsembleRegressor
from skmdn._estimators.dependence import dependence
from skmdn._estimators.random_state import new_generator
from skmdn._estimators.runs import folds_of_runs, run_length
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


@pytest.mark.parametrize("fit", [fit_ensemble, fit_conformal, predict_out_of_fold, cross_fit])
@pytest.mark.parametrize(
    ("cv", "match"),
    [
        ([1, 2], "cv: expected pairs of training and test rows.* split 0 of 2 is 1"),
        ([(range(9), [0]), ([0, 1],)], r"split 1 of 2 is \(\[0, 1\],\)"),
        ([("a", "b")], "cv: expected splits .* indices or masks of .* rows; got others"),
        ([([0], [10**6])], "cv: expected splits .* rows; got others: index 1000000"),
    ],
    ids=["numbers", "one part", "text", "no such row"],
)
def test_a_list_of_something_else_than_splits_is_refused(fit, cv, match):
    with pytest.raises(ValueError, match=match):
        fit(cv)


# Which folds an integer makes -------------------------------------------------------------------

N = 600
LONG_X = np.random.default_rng(2).normal(size=(N, 2))
RANDOM = LONG_X[:, 0] + np.random.default_rng(3).normal(size=N)
SERIES = LONG_X[:, 0] + 3 * series(N, 0.95)
GROUPS = np.random.default_rng(5).permutation(np.arange(N) // 10)


def new_ensemble(cv):
    return MDNEnsembleRegressor([("line", LinearGaussian())], cv=cv, random_state=0)


def new_conformal(cv):
    return ConformalMDNRegressor(LinearGaussian(), cv=cv, random_state=0)


def new_cross_fitted(cv):
    return CrossFittedPredictions([("line", LinearRegression())], cv=cv, random_state=0)


NEW = [new_ensemble, new_conformal, new_cross_fitted]
SHUFFLED = KFold(4, shuffle=True, random_state=int(new_generator(0).integers(2**31)))


def coefficients(model):
    """Of all models that were fitted, ``(folds, 3)`` or ``(folds, 2)``."""
    return [np.ravel(getattr(each, "coef_", None)) for each in np.ravel(model.estimators_)]


@pytest.mark.parametrize("new", NEW)
def test_an_integer_shuffles_rows_unless_consecutive_ones_are_alike(new):
    """The folds of rows in random order are those of a shuffled KFold with the first seed drawn."""
    model = new(4).fit(LONG_X, RANDOM)
    assert model.folds_ == "shuffled"
    assert 1e-4 < model.dependence_p_value_ <= 1
    expected = new(SHUFFLED).fit(LONG_X, RANDOM)
    assert expected.folds_ == "splitter"
    assert expected.dependence_p_value_ is None
    np.testing.assert_array_equal(coefficients(model), coefficients(expected))
    by_y = np.argsort(RANDOM)
    assert new(4).fit(LONG_X[by_y], RANDOM[by_y]).folds_ == "shuffled"
    few = slice(60)
    assert new(4).fit(LONG_X[few], SERIES[few]).folds_ == "shuffled"


@pytest.mark.parametrize("new", NEW)
def test_folds_of_a_series_are_made_of_runs(new):
    model = new(4).fit(LONG_X, SERIES)
    assert model.folds_ == "blocks"
    assert model.dependence_p_value_ < 1e-4
    length = run_length(dependence(SERIES), N // 4)
    folds = folds_of_runs(N, 4, length, new_generator(0))
    parts = [(np.setdiff1d(np.arange(N), fold), fold) for fold in folds]
    expected = new(parts).fit(LONG_X, SERIES)
    np.testing.assert_array_equal(coefficients(model), coefficients(expected))
    obeyed = new(SHUFFLED).fit(LONG_X, SERIES)
    assert obeyed.folds_ == "splitter"
    assert not np.array_equal(coefficients(obeyed), coefficients(model))


@pytest.mark.parametrize("new", NEW)
def test_rows_of_weight_zero_do_not_say_whether_rows_are_alike(new):
    weights = np.resize([1.0, 2.0, 0.0], N)
    y = np.where(weights > 0, SERIES, 1000 * RANDOM)
    model = new(4).fit(LONG_X, y, sample_weight=weights)
    assert dependence(y).p_value > 1e-4
    assert model.folds_ == "blocks"
    assert model.dependence_p_value_ == dependence(y[weights > 0]).p_value


@pytest.mark.parametrize("new", NEW)
def test_folds_with_groups_keep_them_whole(new):
    for groups in (GROUPS, GROUPS.astype(str), list(GROUPS)):
        model = new(4).fit(LONG_X, SERIES, groups=groups)
        assert model.folds_ == "groups"
        assert model.dependence_p_value_ is None
    expected = new(GroupKFold(4)).fit(LONG_X, SERIES, groups=list(GROUPS))
    np.testing.assert_array_equal(coefficients(model), coefficients(expected))
    with pytest.raises(ValueError, match="groups must have one label per row"):
        new(4).fit(LONG_X, SERIES, groups=GROUPS[1:])
    for label, message in ((None, "without gaps"), (1, "of one kind")):
        odd = np.array([label, "a"] * (N // 2), dtype=object)
        with pytest.raises(ValueError, match=f"groups: expected labels {message}"):
            new(4).fit(LONG_X, SERIES, groups=odd)


@pytest.mark.parametrize("new", NEW)
def test_groups_are_asked_for_where_metadata_are_routed(new):
    with sklearn.config_context(enable_metadata_routing=True):
        request = get_routing_for_object(new(4))
        assert request.consumes("fit", ["groups", "sample_weight"]) == {"groups"}


@pytest.mark.parametrize("new", [new_ensemble, new_conformal])
def test_a_search_with_groups_makes_folds_of_groups(new):
    for routed, kind in [(True, "groups"), (False, "shuffled")]:
        with sklearn.config_context(enable_metadata_routing=routed):
            search = GridSearchCV(new(4), {"random_state": [0]}, cv=GroupKFold(3))
            search.fit(LONG_X, RANDOM, groups=GROUPS)
        assert search.best_estimator_.folds_ == kind


def test_the_named_ways_of_a_conformal_model_are_told():
    model = new_conformal("last").fit(LONG_X, SERIES)
    assert (model.folds_, model.dependence_p_value_) == ("last", None)
    prefit = ConformalMDNRegressor(LinearGaussian().fit(LONG_X, SERIES), cv="prefit")
    assert prefit.fit(LONG_X, SERIES, groups=GROUPS).folds_ == "prefit"


# Groups on the way to estimators inside ---------------------------------------------------------


class Grouped(LinearGaussian):
    """Records the groups that it was fitted with."""

    __metadata_request__fit = {"groups": True}  # noqa: RUF012

    def fit(self, X, y, sample_weight=None, groups=None):
        self.groups_ = groups
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize("routed", [False, True])
@pytest.mark.parametrize(
    "around",
    [
        lambda model: model,
        lambda model: make_pipeline(StandardScaler(), model),
        lambda model: make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), model)),
    ],
    ids=["plain", "pipeline", "nested"],
)
def test_groups_reach_an_estimator_that_takes_them(around, routed):
    """They are those of its training rows; an estimator that takes none gets none."""
    with sklearn.config_context(enable_metadata_routing=routed):
        model = ConformalMDNRegressor(around(Grouped()), cv=GroupKFold(3))
        fitted = model.fit(LONG_X, RANDOM, groups=GROUPS).estimators_
        without = ConformalMDNRegressor(around(LinearGaussian()), cv=GroupKFold(3))
        assert len(without.fit(LONG_X, RANDOM, groups=GROUPS).estimators_) == 3
    for each, (train, _) in zip(fitted, GroupKFold(3).split(LONG_X, groups=GROUPS), strict=True):
        while isinstance(each, Pipeline):
            each = each[-1]
        np.testing.assert_array_equal(each.groups_, GROUPS[train])


@pytest.mark.parametrize("routed", [False, True])
def test_groups_reach_the_splitter_of_a_search_inside(routed):
    search = GridSearchCV(LinearGaussian(), {"alpha": [1e-6]}, cv=GroupKFold(3))
    with sklearn.config_context(enable_metadata_routing=routed):
        model = ConformalMDNRegressor(search, cv=3).fit(LONG_X, RANDOM, groups=GROUPS)
    assert model.folds_ == "groups"
    assert [each.n_splits_ for each in model.estimators_] == [3] * 3


def test_groups_reach_a_view_that_validates_by_itself():
    """And not one that is validated on its fold."""
    model = MDNEnsembleRegressor(
        [("grouped", Grouped()), ("network", SMALL)], cv=2, random_state=0
    ).fit(LONG_X, RANDOM, groups=GROUPS)
    splits = GroupKFold(2).split(LONG_X, groups=GROUPS)
    for view, (train, _) in zip(model.estimators_[0], splits, strict=True):
        np.testing.assert_array_equal(view.groups_, GROUPS[train])
    assert [network.validation_split_ for network in model.estimators_[1]] == [None, None]
    assert all(network.validation_loss_curve_ for network in model.estimators_[1])
