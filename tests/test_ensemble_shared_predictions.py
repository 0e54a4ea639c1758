"""First steps that are cross-fitted for all members of a view at once."""

import numpy as np
import pandas as pd
import pytest
from cases.ensemble import Spy
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skmdn import MDNEnsembleRegressor, MDNRegressor
from skmdn._estimators.rows import Rows
from skmdn.ensemble.shared_predictions import can_share, cross_fit_together
from skmdn.ensemble.view_densities import view_densities
from skmdn.ensemble.views import default_views
from skmdn.preprocessing import CrossFittedPredictions


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3))
    return X, 50 + 10 * (X[:, 0] + rng.normal(size=120))


@pytest.mark.parametrize("passthrough", [True, False])
@pytest.mark.parametrize("gap", [0, 5])
def test_predictions_know_nothing_of_the_member_s_fold(data, gap, passthrough):
    """Models stand for pairs of folds; rows of neither fold train them."""
    X, y = data
    rows = Rows(X, y, np.random.default_rng(1).uniform(0.5, 2, 120))
    # A splitter may leave out rows besides the fold.
    parts = [(train[gap:], test) for train, test in KFold(5).split(X)]
    line = CrossFittedPredictions([("line", LinearRegression())], passthrough=passthrough)
    transformers = [clone(line).set_params(random_state=i) for i in range(5)]
    shared = cross_fit_together(transformers, rows, parts, n_jobs=None)
    for i, (transformer, of_member) in enumerate(zip(transformers, shared, strict=True)):
        own = parts[i][1]
        models = {}
        for j, (_, test) in enumerate(parts):
            if j != i:
                train = np.intersect1d(parts[i][0], parts[j][0])
                models[j] = LinearRegression().fit(X[train], y[train], rows.weights[train])
                found = of_member.predictions[test, 0]
                np.testing.assert_allclose(found, models[j].predict(X[test]))
        mean = np.mean([model.predict(X) for model in models.values()], axis=0)
        np.testing.assert_allclose(of_member.predictions[own, 0], mean[own])
        expected = np.column_stack([X[own], mean[own]])[:, 0 if passthrough else 3 :]
        np.testing.assert_allclose(of_member.take(own), expected)
        np.testing.assert_allclose(transformer.transform(X[own]), expected)
        # Whatever the own fold's targets are, nothing the member sees changes.
        other = y.copy()
        other[own] += 100
        changed = rows._replace(y=other)
        again = cross_fit_together([clone(t) for t in transformers], changed, parts, None)
        np.testing.assert_array_equal(again[i].predictions, of_member.predictions)


def test_of_averaged_forests_each_keeps_its_part(data):
    X, y = data
    parts = list(KFold(5).split(X))
    transformers = [CrossFittedPredictions(random_state=0) for _ in parts]
    cross_fit_together(transformers, Rows(X, y), parts, None)
    assert [len(t.estimators_) for t in transformers] == [4] * 5
    forests = [forest for t in transformers for forest, _ in t.estimators_]
    assert all(len(forest.regressor_.sizes) == 25 for forest in forests)


def test_pairs_of_folds_that_leave_no_weight_are_named(data):
    X, y = data
    rows = Rows(X, y, 1.0 * (np.arange(120) < 50))
    line = CrossFittedPredictions([("line", LinearRegression())])
    with pytest.raises(ValueError, match=r"sample_weight: expected weight .* none in split 0 of 6"):
        cross_fit_together([line] * 4, rows, list(KFold(4).split(X)), None)


def view_with_memory():
    """What a member validates on would be remembered."""
    memory = CrossFittedPredictions([("memory", KNeighborsRegressor(1))])
    return Pipeline([("predictions", memory), ("nothing", "passthrough"), ("spy", Spy())])


def test_shared_predictions_tell_a_member_nothing_of_its_fold(data):
    X, y = data
    cv = KFold(4)
    spies, others = (
        [member[-1] for member in MDNEnsembleRegressor([("view", view_with_memory())], cv=cv)
         .fit(X, targets).estimators_[0]]
        for targets in (y, np.where(np.arange(120) < 30, y + 1000, y))
    )  # fmt: skip
    unchanged = [
        np.array_equal(spy.rows_, other.rows_)
        and np.array_equal(spy.validation_[0], other.validation_[0])
        for spy, other in zip(spies, others, strict=True)
    ]
    assert unchanged == [True, False, False, False]


NEXT_ONLY = [(np.arange(30) + 30 * ((i + 1) % 4), np.arange(30) + 30 * i) for i in range(4)]


@pytest.mark.parametrize(
    ("folds", "frames"), [(4, False), (3, False), (4, True), (NEXT_ONLY, False)]
)
def test_members_share_regressors_of_pairs_of_folds(data, folds, frames):
    X, y = data
    view = view_with_memory()
    if frames:  # columns have names then, and every member fits its own, as with few folds
        view[0].set_output(transform="pandas")
    (members,) = MDNEnsembleRegressor([("view", view)], cv=folds).fit(X, y).estimators_
    fitted = [{id(models[0]) for models in member[0].estimators_} for member in members]
    if folds == 4 and not frames:
        assert [len(models) for models in fitted] == [3, 3, 3, 3]
        assert len(set.union(*fitted)) == 6
    else:
        assert [len(models) for models in fitted] == [5] * len(members)
        assert len(set.union(*fitted)) == 5 * len(members)
    assert isinstance(members[0][:-1].transform(X), pd.DataFrame if frames else np.ndarray)


def test_shared_regressors_stay_shared_whatever_the_number_of_jobs(data):
    X, y = data
    model = MDNEnsembleRegressor([("view", view_with_memory())], cv=4, n_jobs=2).fit(X, y)
    steps = [member[0] for member in model.estimators_[0]]
    assert len({id(models[0]) for step in steps for models in step.estimators_}) == 6
    assert [step.n_jobs for step in steps] == 4 * [None]


def short_default_views():
    """The default views, with hardly any training."""
    views = default_views(48, 2)
    for name, view in views:
        if name != "process":
            view.set_params(**{"mdn__max_iter" if name == "trees" else "max_iter": 2})
    return views


@pytest.mark.parametrize("cv", [2, 4])
@pytest.mark.parametrize("kind", ["numbers", "text"])
def test_a_column_without_cells_in_a_fold_is_taken(kind, cv):
    """scikit-learn's boosting fails at a column that is all gaps."""
    rng = np.random.default_rng(0)
    x, groups = rng.normal(size=48), np.arange(48) % 4
    cells = {"numbers": [1.5, np.nan], "text": ["a", None]}[kind]
    known = pd.Series([cells[int(group != 0)] for group in groups])
    frame = pd.DataFrame({"x": x, "known of one group": known, "never known": np.nan})
    model = MDNEnsembleRegressor(short_default_views(), cv=cv, random_state=0)
    model.fit(frame, x + rng.normal(size=48), groups=groups)
    assert np.isfinite(model.predict(frame)).all()
    assert np.isfinite(model.predict(frame.assign(**{"never known": 1.0}))).all()


@pytest.mark.parametrize(("n_groups", "cv"), [(2, 2), (2, 5), (3, 2)])
def test_few_groups_leave_one_outside_a_fold(n_groups, cv):
    rng = np.random.default_rng(0)
    X, groups = rng.normal(size=(48, 2)), np.arange(48) % n_groups
    model = MDNEnsembleRegressor(short_default_views(), cv=cv, random_state=0)
    model.fit(X, X[:, 0] + rng.normal(size=48), groups=groups)
    assert len(model.estimators_[0]) == min(cv, n_groups)
    with pytest.raises(ValueError, match="groups: expected at least two groups for folds, got one"):
        model.fit(X, X[:, 0], groups=np.zeros(48))


@pytest.mark.parametrize("scaled", [False, True])
def test_in_prediction_shared_regressors_are_asked_once(data, monkeypatch, scaled):
    X, y = data
    trees = CrossFittedPredictions([("line", LinearRegression())])
    between = [("scaler", StandardScaler()), ("nothing", "passthrough")] if scaled else []
    view = Pipeline([("trees", trees), *between, ("mdn", MDNRegressor(max_iter=3))])
    model = MDNEnsembleRegressor([("view", view)], cv=4, random_state=0).fit(X, y)
    expected = np.stack([np.asarray(member.predict_proba(X)) for member in model.estimators_[0]])
    asked = []
    answer = LinearRegression.predict
    monkeypatch.setattr(
        LinearRegression, "predict", lambda self, X: asked.append(self) or answer(self, X)
    )
    found = [np.asarray(each) for each in view_densities(model.estimators_[0], X)]
    assert len(asked) == len({id(each) for each in asked}) == 6  # pairs of four folds
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("n_rows", [50, 2000])
def test_trees_of_the_default_views_give_arrays_whatever_the_user_wants(n_rows):
    trees = dict(default_views(n_rows, 3))["trees"]
    parts = [*KFold(5).split(range(5))]
    for words in ({}, {"transform_output": "pandas"}, {"transform_output": "polars"}):
        with config_context(**words):
            assert can_share(clone(trees), parts)
