"""`MDNEnsembleRegressor(target_transform=)`: views, calibration and pool behind one map."""

import pickle

import numpy as np
import pytest
from cases.ensemble import Recording, two_views
from cases.linear_gaussian import LinearGaussian
from cases.mapped_views import Choosing, MappedLine, choosing, positive_rows
from scipy import stats
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import skmdn.ensemble.pool
from skmdn import MDNEnsembleRegressor, MDNRegressor, Mixture, TargetMixture
from skmdn.metrics import log_likelihood_scorer
from skmdn.preprocessing import CrossFittedPredictions
from skmdn.transforms import Asinh, Identity, Log

X, Y = positive_rows()
WEIGHTS = np.random.default_rng(1).uniform(0.5, 2, len(Y))
NETWORK = MDNRegressor(n_components=2, hidden_layer_sizes=(8,), max_iter=20, encoding=None)
CALIBRATION = ["view_weights_", "view_factors_", "pooling_factor_", "noise_"]
BACKGROUND = ["background_weight_", "background_mean_", "background_scale_"]


def lines(**words):
    return [("line", MappedLine(**words)), ("narrow", MappedLine(inflation=0.3, **words))]


# The checks fit a few rows with few distinct targets: components may die and spreads collapse.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [MDNEnsembleRegressor(two_views(), target_transform=word, cv=2) for word in ("auto", "asinh")],
    expected_failed_checks=lambda _: {
        "check_regressors_no_decision_function": "predict_proba gives a density",
        "check_sample_weight_equivalence_on_dense_data": "folds are cut by rows, not by weight",
    },
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("calibrate", [True, False])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_the_pool_is_that_of_the_logarithms(monkeypatch, calibrate, weights):
    """All but the width of the background, which is the same in both here."""
    monkeypatch.setattr(skmdn.ensemble.pool, "BACKGROUND_SCALE", 1.0)
    words = {"cv": KFold(3), "calibrate": calibrate}
    model = MDNEnsembleRegressor(lines(), target_transform="log", **words).fit(X, Y, weights)
    plain_views = [("line", LinearGaussian()), ("narrow", LinearGaussian(inflation=0.3))]
    plain = MDNEnsembleRegressor(plain_views, **words).fit(X, np.log(Y), weights)
    for name in CALIBRATION + BACKGROUND:
        np.testing.assert_allclose(getattr(model, name), getattr(plain, name), rtol=1e-10)
    assert model.target_transform_ == Log()
    assert plain.target_transform_ is None
    centre = X[np.abs(X).max(axis=1) < 0.7]
    density = model.predict_proba(centre)
    assert density == TargetMixture(density.base, "log")
    np.testing.assert_allclose(
        np.asarray(density.base), np.asarray(plain.predict_proba(centre)), rtol=1e-9
    )
    jacobian = -np.average(np.log(Y), weights=weights)
    kept = np.all(plain.oof_mixture_.means == model.oof_mixture_.base.means, axis=(1, 2))
    np.testing.assert_allclose(
        model.oof_mixture_[kept].logpdf(Y[kept]),
        plain.oof_mixture_[kept].logpdf(np.log(Y[kept])) - np.log(Y[kept]),
    )
    assert model.oof_score_ == pytest.approx(plain.oof_score_ + jacobian, abs=0.02)


def test_prediction_is_the_weighted_pool_of_bounded_members():
    """Against sums of log-normals, at rows inside and far outside."""
    model = MDNEnsembleRegressor(lines(), target_transform="log", cv=3, random_state=0).fit(X, Y)
    rows, z = np.vstack([X[:6], 30 * X[:2]]), np.log(Y)
    grid = np.exp(np.linspace(z.min() - 1, z.max() + 1, 7))[None]
    mean, scale, share = z.mean(), z.std(), model.background_weight_
    expected = share * np.repeat(stats.lognorm(scale, scale=np.exp(mean)).pdf(grid), 8, axis=0)
    for view, weight, factor in zip(
        model.estimators_, model.view_weights_, model.view_factors_, strict=True
    ):
        for member in view:
            spread = np.hypot(model.pooling_factor_ * factor * member.scale_, model.noise_)
            centre = np.clip(member.predict(rows), z.min() - scale / 4, z.max() + scale / 4)
            part = stats.lognorm(np.minimum(spread, scale), scale=np.exp(centre)[:, None])
            expected = expected + (1 - share) * weight / 3 * part.pdf(grid)
    pool = model.predict_proba(rows)
    np.testing.assert_allclose(pool.pdf(grid), expected, rtol=1e-9)
    np.testing.assert_allclose(model.background_scale_, scale)
    np.testing.assert_allclose(model.target_range_, [[z.min(), z.max()]])
    np.testing.assert_allclose(model.predict(rows), pool.mean())
    np.testing.assert_array_equal(pool.cdf(0.0), 0)


def test_networks_train_as_on_logarithms():
    """Also with their validation data; seeds and folds are those of a fit without a map."""
    views = [("network", clone(NETWORK).set_params(dtype="float64", calibrate=False))]
    words = {"cv": 2, "random_state": 0}
    model = MDNEnsembleRegressor(views, target_transform="log", **words).fit(X, Y)
    plain = MDNEnsembleRegressor(views, **words).fit(X, np.log(Y))
    for member, other in zip(model.estimators_[0], plain.estimators_[0], strict=True):
        np.testing.assert_allclose(member.coefs_[0], other.coefs_[0], rtol=1e-5)
        assert member.validation_loss_curve_[-1] != other.validation_loss_curve_[-1]
        assert member.target_transform_ == Log()


def test_means_stay_near_the_targets():
    """Of heavy tails, at rows far out, with spreads that want to be wide."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(150, 2))
    y = np.exp(2 * rng.standard_t(3, size=150))
    views = [("network", NETWORK), ("line", MappedLine(inflation=20.0))]
    model = MDNEnsembleRegressor(views, target_transform="log", cv=2, random_state=0).fit(x, y)
    far = np.vstack([x, 50 * x])
    assert model.predict(far).max() < 5 * y.max()
    assert model.oof_mixture_.mean().max() < 5 * y.max()
    model.noise_ = model.noise_ + 10.0
    assert model.predict(far).max() < 5 * y.max()
    assert np.isfinite(model.decompose(far).total).all()


def test_trees_see_the_targets_themselves():
    trees = CrossFittedPredictions([("mean", LinearRegression())])
    shared = Pipeline([("predictions", trees), ("line", MappedLine())])
    cv = KFold(4)
    model = MDNEnsembleRegressor([("view", shared)], target_transform="log", cv=cv).fit(X, Y)
    plain = MDNEnsembleRegressor([("view", shared)], cv=cv).fit(X, Y)
    for member, other in zip(model.estimators_[0], plain.estimators_[0], strict=True):
        np.testing.assert_array_equal(member[0].transform(X), other[0].transform(X))
        np.testing.assert_array_equal(member[-1].y_, other[-1].y_)
        assert member[-1].target_transform == Log()
    assert shared.get_params()["line__target_transform"] is None


def test_variance_of_y_is_the_sum_of_both_parts():
    model = MDNEnsembleRegressor(lines(), target_transform="log", cv=2).fit(X, Y)
    parts, base = model.decompose(X[:20]), model.predict_proba(X[:20]).base
    members = Mixture(
        base.weights[:, :-1] / (1 - model.background_weight_),
        base.means[:, :-1, 0],
        base.scales[:, :-1, 0],
    )
    np.testing.assert_allclose(parts.total, TargetMixture(members, "log").var(), rtol=1e-8)
    np.testing.assert_allclose(parts.aleatoric + parts.epistemic, parts.total)


def test_every_output_has_a_map():
    pair = np.column_stack([Y, X[:, 0] + 5 * X[:, 1]])
    views = [("diag", NETWORK), ("full", clone(NETWORK).set_params(covariance_type="full"))]
    model = MDNEnsembleRegressor(views, target_transform=["log", None], cv=2).fit(X, pair)
    assert model.target_transform_ == (Log(), Identity())
    density = model.predict_proba(X[:5])
    assert density.covariance_type == "full"
    np.testing.assert_array_equal(density.marginal(0).cdf(0.0), 0)
    spread = [np.log(Y).std(), 3 * pair[:, 1].std()]
    np.testing.assert_allclose(model.background_scale_, spread)
    np.testing.assert_allclose(model.target_range_[1], [-np.inf, np.inf])
    assert model.decompose(X[:3]).total.shape == (3, 2)
    model.noise_ = np.array([100.0, 100.0])
    base = model.predict_proba(X[:5]).base
    wide, highest = base.scales, np.log(Y).max() + 0.25 * spread[0] + 0.5
    assert np.all(base.means[..., 0] + 0.5 * wide[..., 0] ** 2 <= highest * (1 + 1e-9))
    n_members = 2 * 2 * NETWORK.n_components  # what the pool has taught keeps its spreads
    assert np.all(wide[:, :n_members, 1] >= 99)
    same = MDNEnsembleRegressor(views, target_transform="asinh", cv=2).fit(X, pair)
    assert same.target_transform_ == (Asinh(), Asinh())


def test_rows_without_weight_may_lie_outside():
    weights, y = WEIGHTS.copy(), Y.copy()
    weights[[3, 50]], y[[3, 50]] = 0.0, [-1e9, 0.0]
    found = [
        MDNEnsembleRegressor(lines(), target_transform="log", cv=KFold(3)).fit(X, t, weights)
        for t in (Y, y)
    ]
    for name in [*CALIBRATION, *BACKGROUND, "oof_score_", "target_range_"]:
        np.testing.assert_array_equal(*(getattr(model, name) for model in found))
    assert np.isfinite(found[1].oof_score_)


def test_views_of_every_kind_take_the_map():
    views = [
        ("pipeline", make_pipeline(StandardScaler(), NETWORK)),
        ("search", GridSearchCV(NETWORK, {"n_components": [1, 2]}, cv=2)),
        ("nested", Pipeline([("scale", StandardScaler()), ("inner", make_pipeline(NETWORK))])),
        ("ensemble", MDNEnsembleRegressor([("line", MappedLine())], cv=2)),
    ]
    model = MDNEnsembleRegressor(views, target_transform=Log(lower=-1), cv=2, random_state=0)
    pipeline, search, nested, ensemble = (view[0] for view in model.fit(X, Y).estimators_)
    for member in (pipeline[-1], search.best_estimator_, nested[-1][-1], ensemble):
        assert member.target_transform_ == Log(lower=-1)
    assert all(view.get_params().get("target_transform") is None for _, view in views)
    assert isinstance(model.oof_mixture_, TargetMixture)


def test_views_may_share_a_map_of_their_own():
    same = [("line", MappedLine(target_transform="log")), ("other", MappedLine(1, 1, Log(0)))]
    own = MDNEnsembleRegressor(same, cv=KFold(3)).fit(X, Y)
    views = [("line", MappedLine()), ("other", MappedLine(alpha=1))]
    set_by_ensemble = MDNEnsembleRegressor(views, target_transform="log", cv=KFold(3)).fit(X, Y)
    assert own.target_transform_ == Log()
    assert own.predict_proba(X) == set_by_ensemble.predict_proba(X)
    auto = MDNEnsembleRegressor(same, target_transform="auto", cv=KFold(3)).fit(X, Y)
    assert auto.predict_proba(X) == own.predict_proba(X)


class Rain(LinearGaussian):
    """A density with an atom, or one whose map nobody knows beforehand."""

    def __init__(self, atoms=None, transform="log"):
        super().__init__()
        self.atoms = atoms
        self.transform = transform

    def predict_proba(self, X):
        share = None if self.atoms is None else np.full((len(X), 1), 0.1)
        return TargetMixture(super().predict_proba(X), self.transform, self.atoms, share)


def test_maps_of_densities_count_where_views_have_no_word():
    views = [("a", Rain()), ("b", Rain())]
    assert MDNEnsembleRegressor(views, cv=2).fit(X, Y).target_transform_ == Log()


AT_LOG, AT_ASINH = MappedLine(target_transform="log"), MappedLine(target_transform="asinh")
REFUSALS = {
    "applied twice": (
        "asinh",
        [("line", AT_LOG)],
        r"view 'line' has target_transform='log' of its own.*target_transform='asinh'",
    ),
    "no word": (
        "log",
        [("line", LinearGaussian())],
        r"view 'line' \(LinearGaussian\) has no target_transform.*target_transform='log'",
    ),
    "different": (
        None,
        [("a", AT_LOG), ("b", AT_ASINH)],
        "same target_transform, got 'log' in view 'a' and 'asinh' in view 'b'",
    ),
    "one of two": (None, [("a", AT_LOG), ("b", MappedLine())], "'log' in view 'a' and None"),
    "choices": (
        None,
        [("a", MDNRegressor(target_transform="auto"))],
        "view 'a' has target_transform='auto'.*of the ensemble to 'auto'",
    ),
    "unknown": ("exp", [("a", MappedLine())], "'target_transform' parameter must be None.*'exp'"),
    "outputs": (["log", "log"], [("a", MappedLine())], "each of the 1 outputs"),
    "number": (3, [("a", MappedLine())], "'target_transform' parameter"),
    "support": ("logit", [("a", MappedLine())], "y: target_transform=Logit.*between 0 and 1"),
    "own support": (None, [("a", MappedLine(1, 1, "logit"))], "y: target_transform=Logit"),
    "atoms": (None, [("a", Rain(atoms=[0.0]))], "view 'a'; set its target_atoms to None"),
    "found maps": (
        None,
        [("a", Rain()), ("b", Rain(transform="asinh"))],
        r"got Asinh.* of view 'b' beside Log\(lower=0.0\) of view 'a'",
    ),
    "search": (
        "log",
        [("a", GridSearchCV(MappedLine(), {"target_transform": ["asinh"]}, cv=2))],
        r"got Asinh.* of view 'a' beside Log\(lower=0.0\) of the ensemble.*grids of searches",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_views_that_cannot_be_pooled_are_named(case):
    word, views, match = REFUSALS[case]
    model = MDNEnsembleRegressor(views, target_transform=word, cv=2)
    before = dict(vars(model))
    with pytest.raises(ValueError, match=match):
        model.fit(X, Y)
    assert vars(model) == before


def test_the_choice_is_made_once_on_all_rows():
    groups = np.arange(len(Y)) // 3
    views = [("line", MappedLine()), ("network", choosing())]
    words = {"cv": 3, "random_state": 0}
    model = MDNEnsembleRegressor(views, target_transform="auto", **words)
    model.fit(X, Y, WEIGHTS, groups=groups)
    ((rows, targets, weights, labels, seed),) = Choosing.calls
    np.testing.assert_array_equal(rows, X)
    np.testing.assert_array_equal(targets, Y)
    np.testing.assert_array_equal(weights, WEIGHTS)
    np.testing.assert_array_equal(labels, groups)
    assert seed is not None
    assert model.target_transform_ == Log()
    named = MDNEnsembleRegressor(views, target_transform=Log(), **words)
    named.fit(X, Y, WEIGHTS, groups=groups)
    assert named.predict_proba(X) == model.predict_proba(X)


def test_a_pipeline_chooses_on_the_output_of_its_steps():
    scaler = StandardScaler()
    view = Pipeline([("scale", scaler), ("nothing", "passthrough"), ("network", choosing())])
    model = MDNEnsembleRegressor([("view", view)], target_transform="auto", cv=2).fit(X, Y)
    ((rows, *_),) = Choosing.calls
    np.testing.assert_allclose(rows, clone(scaler).fit_transform(X))
    assert not hasattr(scaler, "mean_")
    assert model.target_transform_ == Log()


def test_a_network_itself_chooses_before_one_in_a_pipeline():
    view = Pipeline([("scale", StandardScaler()), ("network", choosing())])
    views = [("pipeline", view), ("network", choosing(target_transform="auto"))]
    MDNEnsembleRegressor(views, target_transform="auto", cv=2).fit(X, Y)
    ((rows, *_),) = Choosing.calls
    np.testing.assert_array_equal(rows, X)


@pytest.mark.parametrize(
    "views",
    [
        [("line", MappedLine())],
        [("line", Recording()), ("network", choosing())],
    ],
)
def test_nothing_is_chosen_where_it_could_not_be_passed_on(views):
    Choosing.calls.clear()
    model = MDNEnsembleRegressor(views, target_transform="auto", cv=2, random_state=0).fit(X, Y)
    assert model.target_transform_ is None
    assert Choosing.calls == []
    plain = MDNEnsembleRegressor(views, cv=2, random_state=0).fit(X, Y)
    assert plain.predict_proba(X) == model.predict_proba(X)


def test_a_real_choice():
    """Of three networks for a target whose logarithm is a line."""
    x, y = positive_rows(400)
    network = MDNRegressor(n_components=2, encoding=None, hidden_layer_sizes=(16,), max_iter=200)
    model = MDNEnsembleRegressor([("network", network)], target_transform="auto", cv=2)
    assert model.fit(x, y**2).target_transform_ == Log()
    assert model.fit(x, np.log(y)).target_transform_ is None
    assert isinstance(model.predict_proba(x), Mixture)


def test_copies_answer_as_the_model():
    model = MDNEnsembleRegressor(lines(), target_transform=Log(-1), cv=2, random_state=0).fit(X, Y)
    copy = pickle.loads(pickle.dumps(model))
    assert copy.predict_proba(X) == model.predict_proba(X)
    assert copy.oof_mixture_ == model.oof_mixture_
    assert clone(model).target_transform == Log(-1)


def test_a_search_finds_the_map():
    model = MDNEnsembleRegressor([("line", MappedLine())], cv=3, random_state=0)
    words = {"target_transform": [None, "log", "asinh"]}
    search = GridSearchCV(model, words, scoring=log_likelihood_scorer, cv=2).fit(X, Y)
    assert search.best_params_ == {"target_transform": "log"}


def test_a_network_inside_a_search_chooses_if_there_is_no_other():
    X, y = positive_rows()
    search = GridSearchCV(choosing(), {"n_components": [2]}, scoring=log_likelihood_scorer, cv=2)
    model = MDNEnsembleRegressor([("search", search)], target_transform="auto", cv=2)
    assert model.fit(X, y).target_transform_ == Log()
