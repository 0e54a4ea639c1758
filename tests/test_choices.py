"""`target_transform="auto"` and its like inside other estimators: one choice for all folds."""

import numpy as np
import pytest
from cases.mapped_views import Choosing, MappedLine, choosing, positive_rows
from sklearn import config_context
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skmdn import ConformalMDNRegressor, MDNEnsembleRegressor, Mixture, TargetMixture
from skmdn._estimators.choices import parameter_of
from skmdn.model_selection import cross_val_predict_proba
from skmdn.transforms import Log

X, Y = positive_rows(60)
WEIGHTS = np.random.default_rng(1).uniform(0.5, 2, len(Y))
FOLDS = KFold(3)


def auto(**options):
    return choosing(target_transform="auto", random_state=0, **options)


def wrapped(network):
    """The network inside others, by name."""
    return {
        "alone": network,
        "pipeline": make_pipeline(StandardScaler(), network),
        "search": GridSearchCV(network, {"n_components": [1, 2]}, cv=2),
        "searched pipeline": GridSearchCV(
            Pipeline([("scale", StandardScaler()), ("network", network)]),
            {"network__n_components": [2]},
            cv=2,
        ),
        "ensemble": MDNEnsembleRegressor(
            [("network", clone(network).set_params(target_transform=None))],
            target_transform=network.target_transform,
            cv=2,
            random_state=0,
        ),
    }


@pytest.mark.parametrize("kind", wrapped(auto()))
def test_out_of_fold_densities_have_one_map(kind):
    """They are those of an estimator that names the map."""
    estimator = wrapped(auto())[kind]
    density = cross_val_predict_proba(estimator, X, Y, cv=FOLDS)
    ((rows, targets, *_),) = Choosing.calls
    is_scaled = "pipeline" in kind
    np.testing.assert_allclose(rows, StandardScaler().fit_transform(X) if is_scaled else X)
    np.testing.assert_array_equal(targets, Y)
    named = wrapped(auto().set_params(target_transform=Log()))[kind]
    assert density == cross_val_predict_proba(named, X, Y, cv=FOLDS)
    assert density.transform == Log()
    assert "auto" in {str(value) for value in estimator.get_params().values()}


@pytest.mark.parametrize("kind", wrapped(auto()))
def test_conformal_models_have_one_map(kind):
    words = {"cv": 3, "random_state": 0}
    model = ConformalMDNRegressor(wrapped(auto())[kind], **words).fit(X, Y, WEIGHTS)
    ((_, _, weights, *_),) = Choosing.calls
    np.testing.assert_array_equal(weights, WEIGHTS)
    named = wrapped(auto().set_params(target_transform=Log()))[kind]
    expected = ConformalMDNRegressor(named, **words).fit(X, Y, WEIGHTS)
    assert isinstance(model.predict_proba(X), TargetMixture)
    assert model.predict_proba(X) == expected.predict_proba(X)
    np.testing.assert_array_equal(model.predict_interval(X, 0.5), expected.predict_interval(X, 0.5))


@pytest.mark.parametrize("cv", ["last", KFold(2), [(np.arange(30), np.arange(30, 60))]])
def test_one_model_chooses_on_its_own_rows(cv):
    """So that rows which calibrate it take no part in the choice."""
    model = ConformalMDNRegressor(auto(), cv=cv).fit(X, Y)
    assert len(Choosing.calls) == (len(model.estimators_) > 1)


def test_conformal_choices_are_seeded():
    network = auto().set_params(random_state=None)
    seeds = []
    for _ in range(2):
        ConformalMDNRegressor(network, cv=3, random_state=0).fit(X, Y)
        seeds += [call[-1] for call in Choosing.calls]
    assert seeds[0] is not None
    assert seeds[0] == seeds[-1]


def test_weights_and_groups_take_part_in_the_choice():
    groups = np.arange(len(Y)) // 3
    estimator = make_pipeline(StandardScaler(), auto())
    weights = {"choosing__sample_weight": WEIGHTS}
    cross_val_predict_proba(estimator, X, Y, cv=GroupKFold(3), groups=groups, params=weights)
    ((_, _, found, labels, _),) = Choosing.calls
    np.testing.assert_array_equal(found, WEIGHTS)
    np.testing.assert_array_equal(labels, groups)


def test_metadata_routing_reaches_the_choice():
    with config_context(enable_metadata_routing=True):
        network = auto().set_fit_request(sample_weight=True, groups=False)
        params = {"sample_weight": WEIGHTS, "groups": np.arange(len(Y)) // 3}
        cross_val_predict_proba(network, X, Y, cv=GroupKFold(3), params=params)
    ((_, _, found, labels, _),) = Choosing.calls
    np.testing.assert_array_equal(found, WEIGHTS)
    np.testing.assert_array_equal(labels, params["groups"])


def test_lists_and_columns_are_taken():
    density = cross_val_predict_proba(auto(), X.tolist(), Y.tolist(), cv=FOLDS)
    assert density == cross_val_predict_proba(auto(), X, Y, cv=FOLDS)
    column = cross_val_predict_proba(auto(), X, Y[:, None], cv=FOLDS)
    assert not column.univariate
    assert column.transform == Log()


class Atoms(MappedLine):
    """A line for the targets that are at no atom; it finds the zeros, and then a map."""

    def __init__(self, alpha=1e-6, inflation=1.0, target_transform=None, target_atoms=None):
        super().__init__(alpha, inflation, target_transform)
        self.target_atoms = target_atoms

    def _chosen_target_atoms(self, X, y, sample_weight=None, groups=None):
        assert self.target_transform == "auto"
        return [0.0] if np.any(y == 0) else None

    def _chosen_target_transform(self, X, y, sample_weight=None, groups=None):
        assert self.target_atoms in ([0.0], None)
        return "log" if self.target_atoms else None

    def fit(self, X, y, sample_weight=None):
        self.share_ = np.mean(y == 0)
        return super().fit(X[y != 0], y[y != 0])

    def predict_proba(self, X):
        density, shares = super().predict_proba(X), np.full((len(X), 1), self.share_)
        if self.target_atoms is None:
            return density
        return TargetMixture(density.base, density.transform, self.target_atoms, shares)


def test_atoms_are_chosen_before_the_map():
    """Also where some folds have none, whose densities could not be pooled with the others."""
    y = np.where(np.arange(len(Y)) < 20, 0.0, Y)
    estimator = Atoms(target_transform="auto", target_atoms="auto")
    density = cross_val_predict_proba(estimator, X, y, cv=KFold(3))
    np.testing.assert_array_equal(density.atoms, [0.0])
    assert density.transform == Log()
    model = ConformalMDNRegressor(estimator, cv=KFold(3)).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X).atoms, [0.0])
    assert cross_val_predict_proba(estimator, X, Y, cv=KFold(3)).univariate
    assert isinstance(cross_val_predict_proba(estimator, X, Y, cv=KFold(3)), Mixture)


class WordOnly(MappedLine):
    """An estimator of others, whose "auto" is its own affair."""

    def fit(self, X, y, sample_weight=None):
        self.found_ = self.target_transform
        return clone(self).set_params(target_transform=None)._fit_into(self, X, y)

    def _fit_into(self, other, X, y):
        super().fit(X, y)
        other.coef_, other.scale_ = self.coef_, self.scale_
        return other

    def predict_proba(self, X):
        return super(MappedLine, self).predict_proba(X)


def test_words_of_other_estimators_are_left_alone():
    model = ConformalMDNRegressor(WordOnly(target_transform="auto"), cv=2).fit(X, Y)
    assert [part.found_ for part in model.estimators_] == ["auto", "auto"]


def test_fitted_estimators_are_left_alone():
    fitted = auto().fit(X, Y)
    Choosing.calls.clear()
    frozen = FrozenEstimator(fitted)
    assert parameter_of(frozen, "target_transform") is None
    model = ConformalMDNRegressor(frozen, cv=2).fit(X, Y)
    ConformalMDNRegressor(fitted, cv="prefit").fit(X, Y)
    assert Choosing.calls == []
    assert model.estimators_[0].estimator is fitted


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (MappedLine(), "target_transform"),
        (make_pipeline(StandardScaler(), MappedLine()), "mappedline__target_transform"),
        (GridSearchCV(MappedLine(), {}), "estimator__target_transform"),
        (
            make_pipeline(GridSearchCV(make_pipeline(MappedLine()), {})),
            "gridsearchcv__estimator__mappedline__target_transform",
        ),
        (ConformalMDNRegressor(MappedLine()), "estimator__target_transform"),
        (ConformalMDNRegressor(), None),
        (MDNEnsembleRegressor(), "target_transform"),
        (StandardScaler(), None),
        (make_pipeline(StandardScaler(), "passthrough"), None),
        ("text", None),
    ],
)
def test_the_name_of_the_word(estimator, expected):
    assert parameter_of(estimator, "target_transform") == expected
