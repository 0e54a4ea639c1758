"""Effects of values that a feature repeats."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.pipeline import Pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator

from skmdn import MDNEnsembleRegressor, MDNRegressor
from skmdn.preprocessing import CrossFittedPredictions, RepeatedValues, repeated_values
from skmdn.preprocessing.repeated_values import repeated_features, shrunk_effects


def machines(n=3000, v=100, D=1, seed=0):
    """A number that names a machine, and one that matters by its size."""
    rng = np.random.default_rng(seed)
    machine = rng.integers(v, size=n)
    effect = np.random.default_rng(7).normal(size=(v, D))
    X = np.column_stack([machine, rng.normal(size=n)])
    return X, effect[machine] + X[:, 1:] + 0.5 * rng.normal(size=(n, D)), effect


def variances(column, r):
    """Within and between groups, by an analysis of variance written out."""
    groups = [r[column == value] for value in np.unique(column)]
    n, v = len(r), len(groups)
    within = sum(np.sum((g - g.mean()) ** 2) for g in groups) / (n - v)
    spread = sum(len(g) * (g.mean() - r.mean()) ** 2 for g in groups) / (v - 1)
    size = (n - sum(len(g) ** 2 for g in groups) / n) / (v - 1)
    return within, max(spread - within, 0) / size


def test_effects_are_the_best_predictions_of_random_effects():
    rng = np.random.default_rng(0)
    column = rng.integers(8, size=60).astype(float)
    r = (rng.normal(size=8)[column.astype(int)] + rng.normal(size=60))[:, None]
    values, effects, _ = shrunk_effects(column, r, np.ones(60))
    within, between = variances(column, r[:, 0])
    for value, effect in zip(values, effects[:, 0], strict=True):
        own = r[column == value, 0]
        # The conditional mean of an effect, given the covariance of the sums.
        expected = between * own.sum() / (between * len(own) + within)
        assert effect == pytest.approx(expected, rel=1e-9)


def test_the_gain_is_that_of_rows_left_out():
    rng = np.random.default_rng(0)
    column = rng.integers(8, size=60).astype(float)
    r = (rng.normal(size=8)[column.astype(int)] + rng.normal(size=60))[:, None]
    within, between = variances(column, r[:, 0])
    errors = []
    for i in range(60):
        others = r[(column == column[i]) & (np.arange(60) != i), 0]
        errors.append(r[i, 0] - between * others.sum() / (between * len(others) + within))
    expected = 1 - np.sum(np.square(errors)) / np.sum(r**2)
    assert shrunk_effects(column, r, np.ones(60))[2] == pytest.approx(expected, rel=1e-9)


def test_a_weight_in_all_rows_changes_nothing():
    X, y, _ = machines(600, 20)
    once, twice = (shrunk_effects(X[:, 0], y, np.full(600, w)) for w in (1.0, 2.0))
    assert_allclose(once[1], twice[1])
    assert once[2] == pytest.approx(twice[2])


@pytest.mark.parametrize("D", [1, 2])
def test_a_machine_is_more_than_its_number(D):
    X, y, effect = machines(D=D)
    X_new, y_new, _ = machines(seed=1, D=D)
    model = RepeatedValues().fit(X, y)
    assert [one[0] for one in model.effects_] == [0]
    assert np.sqrt(np.mean((model.predict(X_new) - y_new) ** 2)) < 0.55
    unknown = np.array([[1e3, 0.0]])
    assert np.isfinite(model.predict(unknown)).all()
    grid = np.column_stack([np.arange(100.0), np.zeros(100)])
    assert np.corrcoef(model.predict(grid)[:, 0], effect[:, 0])[0, 1] > 0.95


def test_which_features_are_repeated():
    rng = np.random.default_rng(0)
    X = np.column_stack(
        [
            rng.integers(100, size=1000),  # is
            rng.normal(size=1000),  # never comes again
            rng.integers(20, size=1000),  # too few values
            rng.integers(500, size=1000),  # too few rows a value
        ]
    )
    assert repeated_features(X).tolist() == [0]


def test_values_without_effects_get_none():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(100, size=2000), rng.normal(size=2000)]).astype(float)
    model = RepeatedValues().fit(X, X[:, 0] / 50 + X[:, 1] + rng.normal(size=2000))
    assert model.effects_ == []


def test_gaps_and_weights():
    X, y, _ = machines()
    weights = np.ones(len(X))
    weights[::7] = 0.0
    wild = np.where(weights[:, None] > 0, y, 1e9)
    X[::11, 0] = X[::13, 1] = np.nan
    kept = weights > 0
    model = RepeatedValues().fit(X, wild[:, 0], weights)
    expected = RepeatedValues().fit(X[kept], y[kept, 0])
    assert_allclose(model.predict(X), expected.predict(X), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("estimator", "check"),
    list(estimator_checks_generator(RepeatedValues(), mark="xfail")),
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_cross_fitting_takes_effects_by_itself_where_there_are_any():
    X, y, _ = machines(1200, 60)
    names = CrossFittedPredictions(random_state=0).fit(X, y[:, 0]).get_feature_names_out()
    assert names[-1] == "crossfittedpredictions_repeated_values"
    X[:, 0] = np.random.default_rng(0).permutation(X[:, 0])
    names = CrossFittedPredictions(random_state=0).fit(X, y[:, 0]).get_feature_names_out()
    assert names[-1] == "crossfittedpredictions_boosting"


def test_the_ensemble_takes_effects_too():
    X, y, _ = machines(1200, 60)
    last = MDNRegressor(n_components=1, hidden_layer_sizes=(8,), max_iter=5, alpha=0, encoding=None)
    view = Pipeline([("predictions", CrossFittedPredictions()), ("mdn", last)])
    model = MDNEnsembleRegressor([("trees", view)], cv=4, random_state=0).fit(X, y[:, 0])
    for member in model.estimators_[0]:
        assert member.named_steps["mdn"].n_features_in_ == 5
    assert np.isfinite(model.predict(X[:3])).all()


@pytest.mark.parametrize("unit", [2.0**-1000, 2.0**-600, 2.0**600, 2.0**990])
def test_predictions_do_not_depend_on_units(unit):
    X, y, _ = machines(1200, 60)
    plain = RepeatedValues().fit(X, y)
    scaled = RepeatedValues().fit(X * unit, y * unit)
    assert len(scaled.effects_) == len(plain.effects_) > 0
    assert_allclose(scaled.predict(X[:50] * unit) / unit, plain.predict(X[:50]), rtol=1e-6)


def test_numbers_at_the_end_of_float64():
    largest = np.finfo(np.float64).max
    signs = np.resize([1.0, -1.0, 0.5], 30)
    X, y = signs[:, np.newaxis] * largest, signs[::-1] * 1e300
    model = RepeatedValues().fit(X, y)
    assert np.isfinite(model.predict(X)).all()
    near = RepeatedValues().fit(X / largest, y)
    assert np.isfinite(near.predict(X)).all()


def test_a_constant_feature_with_weights():
    weights = np.random.default_rng(3).lognormal(size=(40, 30))
    for each in weights:  # the variance of scikit-learn is below zero by rounding for some
        model = RepeatedValues().fit(np.full((30, 2), 1.57464114), each, sample_weight=each)
        assert np.isfinite(model.predict([[1.0, 2.0]])).all()


def test_the_polynomial_of_many_rows_is_fitted_to_some_of_them(monkeypatch):
    X, y, _ = machines(n=1500)
    every = RepeatedValues().fit(X, y)
    monkeypatch.setattr(repeated_values, "_MOST_ROWS", 700)
    some = RepeatedValues().fit(X, y)
    assert some.polynomial_[0].n_samples_seen_ == 700
    assert [feature for feature, *_ in some.effects_] == [0]
    assert_allclose(some.predict(X), every.predict(X), atol=0.3)
    assert np.corrcoef(some.predict(X)[:, 0], every.predict(X)[:, 0])[0, 1] > 0.99


def test_where_no_feature_is_repeated_none_is_fitted(monkeypatch):
    def fails(*args):
        raise AssertionError("fitted")

    X, y, _ = machines(n=300)
    monkeypatch.setattr(RepeatedValues, "fit", fails)
    weights = np.where(np.arange(600) < 300, 1.0, 0.0)
    copies = np.vstack([X[:, 1:], np.tile(X[:1, 1:], (300, 1))]), np.vstack([y, y])
    for model in (
        CrossFittedPredictions(cv=2).fit(X[:, 1:], y),
        CrossFittedPredictions(cv=2).fit(*copies, sample_weight=weights),
    ):
        assert not model.has_repeated_values_
