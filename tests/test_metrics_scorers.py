"""Scorers: in every tool of scikit-learn that takes ``scoring=``, and with metadata routing."""

import pickle

import numpy as np
import pytest
from cases.linear_gaussian import LinearGaussian, linear_data
from sklearn import config_context
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmdn import metrics

SCORERS = {
    "log_likelihood": (metrics.log_likelihood_scorer, metrics.log_likelihood_score, 1.0, {}),
    "rounded": (
        metrics.rounded_log_likelihood_scorer(0.5),
        metrics.log_likelihood_score,
        1.0,
        {"resolution": 0.5},
    ),
    "crps": (metrics.neg_crps_scorer, metrics.crps_loss, -1.0, {}),
    "energy": (metrics.neg_energy_scorer, metrics.energy_loss, -1.0, {}),
    "pinball": (metrics.neg_pinball_scorer(0.8), metrics.pinball_loss, -1.0, {"level": 0.8}),
    "interval": (
        metrics.neg_interval_scorer(0.8),
        metrics.interval_score_loss,
        -1.0,
        {"level": 0.8},
    ),
    "coverage": (metrics.coverage_scorer(0.8), metrics.coverage_loss, -1.0, {"level": 0.8}),
}
WRONG_SPREADS = {"inflation": [0.25, 1.0, 4.0]}


@pytest.mark.parametrize("name", SCORERS)
def test_scorer_is_the_signed_metric(name):
    scorer, metric, sign, kwargs = SCORERS[name]
    X, y = linear_data(80)
    weights = np.arange(80)
    model = LinearGaussian().fit(X, y)
    mixture = model.predict_proba(X)
    assert scorer(model, X, y) == sign * metric(y, mixture, **kwargs)
    expected = sign * metric(y, mixture, sample_weight=weights, **kwargs)
    assert scorer(model, X, y, sample_weight=weights) == expected
    assert scorer.score(model, X, y, weights) == expected


@pytest.mark.parametrize("name", SCORERS)
def test_more_is_better(name):
    X, y = linear_data(400)
    search = GridSearchCV(LinearGaussian(), WRONG_SPREADS, scoring=SCORERS[name][0], cv=3)
    assert search.fit(X, y).best_params_ == {"inflation": 1.0}


@pytest.mark.parametrize("name", SCORERS)
def test_scorers_can_be_copied(name):
    X, y = linear_data(50)
    model = LinearGaussian().fit(X, y)
    scorer = SCORERS[name][0]
    for copy in (clone(scorer), pickle.loads(pickle.dumps(scorer))):
        assert copy is not scorer
        assert copy(model, X, y) == scorer(model, X, y)
        assert repr(copy) == repr(scorer)
        assert copy.get_params() == scorer.get_params()


def test_repr_names_the_metric():
    assert "metric=<function log_likelihood_score " in repr(metrics.log_likelihood_scorer)
    scorer = clone(metrics.neg_crps_scorer).set_params(response_method="pred_dist")
    assert "greater_is_better=False" in repr(scorer)
    assert "response_method='pred_dist'" in repr(scorer)
    assert "metric_params={'level': 0.9}" in repr(metrics.neg_pinball_scorer(0.9))
    search = GridSearchCV(LinearGaussian(), WRONG_SPREADS, scoring=metrics.log_likelihood_scorer)
    assert "scoring=DistributionScorer(" in repr(search)


def test_scores_have_names_for_the_axes_of_pictures():
    assert metrics.log_likelihood_scorer.__name__ == "log_likelihood_score"
    assert metrics.neg_crps_scorer.__name__ == "neg_crps_loss"


def test_a_metric_must_be_a_function():
    X, y = linear_data(20)
    with pytest.raises(TypeError, match=r"metric: expected a function of .*, got 'r2'"):
        metrics.DistributionScorer("r2")(LinearGaussian().fit(X, y), X, y)


def test_pickles_name_public_places_only():
    names = pickle.dumps([getattr(metrics, name) for name in metrics.__all__], protocol=0)
    assert b"cskmdn.metrics\n" in names
    assert b"skmdn.metrics." not in names


def test_grid_search_by_several_metrics():
    X, y = linear_data(150)
    scoring = {name: parts[0] for name, parts in SCORERS.items()}
    search = GridSearchCV(
        LinearGaussian(), WRONG_SPREADS, scoring=scoring, refit="log_likelihood", cv=3
    ).fit(X, y)
    assert search.best_params_ == {"inflation": 1.0}
    for name, parts in SCORERS.items():
        alone = cross_val_score(LinearGaussian(), X, y, scoring=parts[0], cv=3)
        assert search.cv_results_[f"mean_test_{name}"][1] == pytest.approx(alone.mean(), rel=1e-12)
    assert search.score(X, y) == metrics.log_likelihood_scorer(search, X, y)


def test_halving_search():
    X, y = linear_data(200)
    search = HalvingGridSearchCV(
        LinearGaussian(), WRONG_SPREADS, scoring=metrics.neg_crps_scorer, random_state=0, cv=3
    ).fit(X, y)
    assert search.best_params_ == {"inflation": 1.0}
    assert clone(search).scoring.metric is metrics.crps_loss


def test_cross_validate_over_a_pipeline():
    X, y = linear_data(90)
    scoring = {"ll": metrics.log_likelihood_scorer, "r2": "r2"}
    pipeline = make_pipeline(StandardScaler(), LinearGaussian())
    scores = cross_validate(pipeline, X, y, cv=KFold(3), scoring=scoring)
    for k, (train, test) in enumerate(KFold(3).split(X)):
        mixture = clone(pipeline).fit(X[train], y[train]).predict_proba(X[test])
        expected = metrics.log_likelihood_score(y[test], mixture)
        assert scores["test_ll"][k] == pytest.approx(expected, rel=1e-12)
    assert (scores["test_r2"] > 0.8).all()


def test_permutation_importance_finds_the_columns_that_matter():
    X, y = linear_data(150)
    model = LinearGaussian().fit(X, y)
    kwargs = {"scoring": metrics.log_likelihood_scorer, "random_state": 0, "n_repeats": 3}
    plain = permutation_importance(model, X, y, **kwargs).importances_mean
    assert plain[0] > plain[1] > 1.0 > 0.1 > abs(plain[2])
    # Rows of no weight do not count, be they absurd.
    absurd, weights = y.copy(), np.ones(150)
    absurd[:30], weights[:30] = 1e6, 0.0
    weighted = permutation_importance(model, X, absurd, sample_weight=weights, **kwargs)
    assert np.abs(weighted.importances_mean).max() < 1e3


def test_learning_curve_rises():
    X, y = linear_data(300)
    _, _, scores = learning_curve(
        LinearGaussian(), X, y, scoring=metrics.log_likelihood_scorer, train_sizes=[8, 200], cv=3
    )
    assert scores[1].mean() > scores[0].mean()


def weighted_folds(X, y, weights, fit, score):
    """Return the log-likelihood of each of three folds, computed by hand."""
    values = []
    for train, test in KFold(3).split(X):
        model = LinearGaussian()
        model.fit(X[train], y[train], sample_weight=weights[train] if fit else None)
        kwargs = {"sample_weight": weights[test]} if score else {}
        values.append(metrics.log_likelihood_score(y[test], model.predict_proba(X[test]), **kwargs))
    return values


@pytest.mark.parametrize("score", [False, True])
def test_metadata_routing_of_weights(score):
    X, y = linear_data(90)
    weights = np.random.default_rng(0).uniform(0.1, 3.0, size=90)
    with config_context(enable_metadata_routing=True):
        scorer = clone(metrics.log_likelihood_scorer).set_score_request(sample_weight=score)
        model = LinearGaussian().set_fit_request(sample_weight=True)
        scores = cross_validate(
            model,
            X,
            y,
            cv=3,
            scoring={
                "ll": scorer,
                "crps": clone(metrics.neg_crps_scorer).set_score_request(sample_weight=False),
            },
            params={"sample_weight": weights},
        )
        alone = cross_val_score(
            model, X, y, cv=3, scoring=scorer, params={"sample_weight": weights}
        )
        search = GridSearchCV(model, {"alpha": [1e-6]}, scoring=scorer, cv=3)
        search.fit(X, y, sample_weight=weights)
    expected = weighted_folds(X, y, weights, fit=True, score=score)
    np.testing.assert_allclose(scores["test_ll"], expected, rtol=1e-12)
    np.testing.assert_allclose(alone, expected, rtol=1e-12)
    assert search.best_score_ == pytest.approx(np.mean(expected), rel=1e-12)


def test_only_weights_can_be_requested():
    with config_context(enable_metadata_routing=True):
        routing = metrics.log_likelihood_scorer.get_metadata_routing()
        assert routing.score.requests == {"sample_weight": None}
        with pytest.raises(TypeError, match="estimator"):
            clone(metrics.log_likelihood_scorer).set_score_request(estimator=True)


def test_ready_made_scorers_carry_no_request():
    with config_context(enable_metadata_routing=True):
        clone(metrics.log_likelihood_scorer).set_score_request(sample_weight=True)
        routing = metrics.log_likelihood_scorer.get_metadata_routing()
    assert routing.score.requests == {"sample_weight": None}


@pytest.mark.parametrize("several", [False, True])
def test_search_with_weights_and_no_routing(several):
    X, y = linear_data(90)
    weights = np.ones(90)
    scorer = metrics.log_likelihood_scorer
    scoring = {"ll": scorer, "crps": metrics.neg_crps_scorer} if several else scorer
    search = GridSearchCV(
        LinearGaussian(), WRONG_SPREADS, scoring=scoring, refit="ll" if several else True, cv=3
    )
    assert search.fit(X, y, sample_weight=weights).best_params_ == {"inflation": 1.0}


def test_own_metric_and_other_response_method():
    X, y = linear_data(60)

    def mean_entropy(y_true, mixture, *, sample_weight=None, base=np.e):
        return float(np.average(mixture.var(), weights=sample_weight)) * base

    scorer = metrics.DistributionScorer(
        mean_entropy, metric_params={"base": 2.0}, response_method="forecast"
    )

    class Renamed(LinearGaussian):
        def forecast(self, X):
            return self.predict_proba(X)

    model = Renamed().fit(X, y)
    expected = 2.0 * np.mean(model.predict_proba(X).var())
    assert scorer(model, X, y) == pytest.approx(expected, rel=1e-12)


def test_estimator_without_distribution_is_named():
    X, y = linear_data(20)
    model = LinearRegression().fit(X, y)
    with pytest.raises(TypeError, match="expected one with predict_proba, got LinearRegression"):
        metrics.log_likelihood_scorer(model, X, y)


def test_scorers_refuse_points_and_intervals():
    X, y = linear_data(20)
    model = LinearGaussian().fit(X, y)
    model.interval = lambda X: model.predict_proba(X).interval(0.9)
    for method in ("predict", "interval"):
        scorer = clone(metrics.neg_crps_scorer).set_params(response_method=method)
        with pytest.raises(TypeError, match=r"got ndarray of .*; pass predict_proba\(X\)"):
            scorer(model, X, y)


def test_coverage_scorer_is_best_at_its_level():
    X, y = linear_data(4000)
    model = LinearGaussian().fit(X, y)
    scorer = metrics.coverage_scorer(0.9, region="hdr")
    assert -0.02 < scorer(model, X, y) <= 0.0
    for inflation in (0.5, 2.0):
        worse = LinearGaussian(inflation=inflation).fit(X, y)
        assert scorer(worse, X, y) < -0.05


@pytest.mark.parametrize(
    ("factory", "given", "message"),
    [
        (metrics.neg_pinball_scorer, (1.0,), "level: expected"),
        (metrics.neg_interval_scorer, (0.0,), "level: expected"),
        (metrics.coverage_scorer, (2.0,), "level: expected"),
        (metrics.coverage_scorer, (0.9, "best"), "region: expected"),
    ],
)
def test_bad_scorers_are_named(factory, given, message):
    with pytest.raises(ValueError, match=message):
        factory(*given)
