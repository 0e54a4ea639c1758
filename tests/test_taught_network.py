"""The network of all rows that the pool of an ensemble teaches."""

import numpy as np
import pytest
import scoringrules
from cases.ensemble import SMALL, two_views
from cases.linear_gaussian import LinearGaussian
from scipy import stats
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from skmdn import MDNEnsembleRegressor, MDNRegressor, Mixture, TargetMixture
from skmdn._estimators.rows import Rows
from skmdn._estimators.unexplained import unexplained
from skmdn._training import fitting
from skmdn.ensemble import taught_network as module
from skmdn.ensemble.pool import Pool
from skmdn.ensemble.taught_network import (
    shares_for_taught,
    taught_network,
    unexplained_part,
)

RNG = np.random.default_rng
SHORT = clone(SMALL).set_params(max_iter=12)


def data(n=60, D=None):
    rng = RNG(0)
    X = rng.normal(size=(n, 2))
    y = X[:, 0] + rng.normal(size=n)
    return X, y if D is None else np.column_stack([y] * D)


def pool_of(weights, background=0.0):
    """A pool of one output that leaves the densities of the views as they are."""
    ones, zero = np.ones(len(weights)), np.zeros(1)
    return Pool(np.array(weights), ones, 1.0, zero, background, zero, np.ones(1))


def taught(pool, views, members, rows):
    """What a pool teaches that explains all of the targets out of fold."""
    y = rows.y[:, None]
    known = Mixture(np.ones_like(y), y, 1e-6 * np.ones_like(y))
    return taught_network(pool, views, members, rows, known, RNG(0))


def taught_by(monkeypatch, density, y, n_views=1, weights=None, view=SHORT):
    """A network that a pool has taught which predicts this density, whatever the rows."""
    predicted = [[density] for _ in range(n_views)]
    monkeypatch.setattr(module, "densities_by_chunk", lambda members, X: [predicted])
    views = [(str(v), view) for v in range(n_views)]
    rows = Rows(RNG(0).normal(size=(len(y), 1)), y, weights)
    pool = pool_of([1 / n_views] * n_views, background=0.3)
    members = [[view]] * n_views
    return taught(pool, views, members, rows), rows.X


# What it learns ----------------------------------------------------------------------------------


def test_it_learns_own_targets_and_those_of_the_pool_one_to_two(monkeypatch):
    n, y = 200, RNG(1).normal(size=200)
    density = Mixture(np.ones((n, 1)), np.full((n, 1), 3.0), np.ones((n, 1)))
    view = MDNRegressor(n_components=2, alpha=1.0, encoding=None)
    model, X = taught_by(monkeypatch, density, y, view=view)
    found = model.predict_proba(X)
    np.testing.assert_allclose(found.mean(), 2.0, atol=0.4)
    np.testing.assert_allclose(1 - found.cdf(np.full(n, 1.5)), 0.644, atol=0.12)
    assert model.n_copies_ == 50


def test_it_learns_all_rows_with_weight():
    X, y = data()
    weights = np.where(np.arange(60) < 10, 0.0, 2.0)
    model = MDNEnsembleRegressor([("small", SHORT)], cv=2, random_state=0).fit(X, y, weights)
    taught = model.taught_estimator_
    assert taught.n_samples_seen_ == 50
    np.testing.assert_allclose(taught.X_mean_, X[10:].mean(axis=0))
    assert sum(member.n_samples_seen_ for member in model.estimators_[0]) == 50


def test_it_is_like_the_heaviest_view_that_is_a_network(monkeypatch):
    X, y = data()
    alphas = (0.1, 0.2, 0.3)
    views = [(str(a), clone(SHORT).set_params(alpha=a)) for a in alphas]
    views += [("pipe", make_pipeline(clone(SHORT))), ("line", LinearGaussian())]
    members = [[view] for _, view in views]
    density = Mixture(np.ones((60, 1)), np.zeros((60, 1)), np.ones((60, 1)))
    monkeypatch.setattr(module, "densities_by_chunk", lambda members, X: [[[density]] * 5])
    np.testing.assert_array_equal(shares_for_taught(members), np.array([1, 1, 1, 0, 0]) / 3)
    for weights, alpha in [((0.1, 0.2, 0.1, 0.3, 0.3), 0.2), ((0.1, 0.1, 0.2, 0.6, 0.0), 0.3)]:
        model = taught(pool_of(weights), views, members, Rows(X, y))
        assert model.alpha == alpha
    few = pool_of((0.03, 0.03, 0.03, 0.4, 0.51))
    assert taught(few, views, members, Rows(X, y)) is None


@pytest.mark.parametrize(("left", "times"), [(0.0, 1), (0.05, 1), (0.2, 4), (0.3, 6), (1.0, 6)])
def test_its_decay_is_firmer_where_there_is_noise(left, times, monkeypatch):
    X, y = data()
    density = Mixture(np.ones((60, 1)), np.zeros((60, 1)), np.ones((60, 1)))
    monkeypatch.setattr(module, "densities_by_chunk", lambda members, X: [[[density]]])
    monkeypatch.setattr(module, "unexplained_part", lambda *_: left)
    for alpha in (0.5, "auto"):
        view = clone(SHORT).set_params(alpha=alpha, max_iter=1)
        found = taught(pool_of([1.0]), [("one", view)], [[view]], Rows(X, y))
        assert found.alpha == ("auto" if alpha == "auto" else pytest.approx(times * alpha))


@pytest.mark.parametrize(("left", "own"), [(0.0, 4), (1.0, 1)])
def test_fewer_of_its_targets_are_the_rows_own_where_there_is_noise(left, own, monkeypatch):
    seen, original = [], fitting.drawn_targets

    def spied(of_y, density, like, maps, n_draws, rng):
        seen.append(n_draws)
        return original(of_y, density, like, maps, n_draws, rng)

    monkeypatch.setattr(fitting, "drawn_targets", spied)
    monkeypatch.setattr(module, "unexplained_part", lambda *_: left)
    density = Mixture(np.ones((60, 1)), np.zeros((60, 1)), np.ones((60, 1)))
    taught_by(monkeypatch, density, RNG(0).normal(size=60))
    assert seen == [12 - own]


@pytest.mark.parametrize("D", [1, 2])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_part_of_the_variation_that_a_pool_leaves(weighted, D):
    rng = RNG(0)
    y = rng.normal(size=(50, D))
    means = 0.3 * y + 0.2 * rng.normal(size=(50, D))
    w = np.where(np.arange(50) < 5, 0.0, rng.uniform(size=50)) if weighted else np.ones(50)
    crps = scoringrules.crps_normal(y, means, 0.5)
    expected = unexplained(crps[w > 0], y[w > 0], w[w > 0])
    y[w == 0] = np.nan  # whatever it is
    shape = (50, 1, D) if D > 1 else (50, 1)
    density = Mixture(np.ones((50, 1)), means.reshape(shape), np.full(shape, 0.5))
    rows = Rows(np.zeros((50, 1)), y if D > 1 else y[:, 0], w if weighted else None)
    assert 0.1 < expected < 0.9
    assert unexplained_part(density, rows) == pytest.approx(expected)


def test_nothing_is_held_out_or_calibrated():
    X, y = data()
    view = clone(SHORT).set_params(validation_fraction=0.3)
    model = MDNEnsembleRegressor([("small", view)], cv=2, random_state=0).fit(X, y)
    taught = model.taught_estimator_
    assert (taught.validation_fraction, taught.calibrate) == (0.3, True)  # as it was asked
    assert (taught.spread_factor_, taught.spread_noise_) == (1.0, 0.0)
    assert taught.validation_loss_curve_ == []
    assert taught.validation_split_ is None


def test_a_network_with_a_past_begins_anew():
    X, y = data()
    view = clone(SHORT).set_params(warm_start=True)
    model = MDNEnsembleRegressor([("small", view)], cv=2, random_state=0)
    models = [model.fit(X, y).taught_estimator_ for _ in range(2)]
    np.testing.assert_array_equal(*(model.coefs_[0] for model in models))


# Where there is one ------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "there"), [(9, False), (10, True), (999, True), (1000, False)])
def test_rows_must_be_neither_too_few_nor_many(n, there, monkeypatch):
    density = Mixture(np.ones((n, 1)), np.zeros((n, 1)), np.ones((n, 1)))
    view = clone(SHORT).set_params(max_iter=1)
    model, _ = taught_by(monkeypatch, density, RNG(0).normal(size=n), view=view)
    assert (model is not None) == there


def test_only_rows_with_weight_count(monkeypatch):
    density = Mixture(np.ones((20, 1)), np.zeros((20, 1)), np.ones((20, 1)))
    weights = np.where(np.arange(20) < 9, 1.0, 0.0)
    assert taught_by(monkeypatch, density, RNG(0).normal(size=20), weights=weights)[0] is None


@pytest.mark.parametrize(
    ("views", "options"),
    [
        (two_views(), {"calibrate": False}),
        ([("line", LinearGaussian())], {}),
        ([("pipe", make_pipeline(SHORT))], {}),
    ],
)
def test_without_calibration_or_networks_there_is_none(views, options):
    X, y = data()
    model = MDNEnsembleRegressor(views, cv=2, random_state=0, **options).fit(X, y)
    assert model.taught_estimator_ is None
    assert model.predict(X).shape == (60,)


# In the pool -------------------------------------------------------------------------------------


def test_it_has_a_third_of_the_weight_of_the_networks():
    X, y = data()
    views = [("one", SHORT), ("line", LinearGaussian()), ("two", SHORT)]
    model = MDNEnsembleRegressor(views, cv=2, random_state=0).fit(X, y)
    grid = np.linspace(-5, 5, 7)[None]
    share, total = model.background_weight_, np.zeros((60, 7))
    for members, weight, factor in zip(
        model.estimators_, model.view_weights_, model.view_factors_, strict=True
    ):
        kept = 1.0 if isinstance(members[0], LinearGaussian) else 2 / 3
        for member in members:
            density = member.predict_proba(X).widen(model.pooling_factor_ * factor, model.noise_)
            total += kept * weight / 2 * density.pdf(grid)
    weight = (model.view_weights_[0] + model.view_weights_[2]) / 3
    total += weight * model.taught_estimator_.predict_proba(X).pdf(grid)
    background = stats.norm.pdf(grid, y.mean(), 3 * y.std())
    found = model.predict_proba(X)
    np.testing.assert_allclose(found.pdf(grid), (1 - share) * total + share * background)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1.0)


def test_means_samples_and_parts_of_the_variance_have_it_too():
    X, y = data()
    model = MDNEnsembleRegressor([("small", SHORT)], cv=2, random_state=0).fit(X, y)
    density = model.predict_proba(X)
    np.testing.assert_allclose(model.predict(X), density.mean())
    np.testing.assert_array_equal(model.sample(X, 3, 0), density.sample(3, 0))
    means = [member.predict(X) for member in [*model.estimators_[0], model.taught_estimator_]]
    centre = np.mean(means, axis=0)  # two folds have a third each, and so has it
    spread = np.mean((np.array(means) - centre) ** 2, axis=0)
    np.testing.assert_allclose(model.decompose(X).epistemic, spread)


def test_it_widens_with_a_forecast():
    X, y = data()
    model = MDNEnsembleRegressor([("small", SHORT)], cv=2, random_state=0).fit(X, y)
    assert model.forecast_factor_ == 1.0
    np.testing.assert_array_equal(model.forecast_noise_, [0.0])
    taught = model.taught_estimator_.predict_proba(X)
    model.forecast_factor_, model.forecast_noise_ = 3.0, np.array([4.0])
    found = model.predict_proba(X)
    K = taught.n_components
    of_taught = slice(-K - 1, -1)
    np.testing.assert_allclose(found.means[:, of_taught], taught.means)
    np.testing.assert_allclose(found.scales[:, of_taught], np.hypot(3 * taught.scales, 4.0))


def test_it_is_behind_the_map_of_the_ensemble():
    X, y = data()
    model = MDNEnsembleRegressor([("small", SHORT)], target_transform="log", cv=2, random_state=0)
    model.fit(X, np.exp(y))
    taught, found = model.taught_estimator_.predict_proba(X), model.predict_proba(X)
    assert isinstance(found, TargetMixture)
    of_taught = slice(-taught.base.n_components - 1, -1)
    np.testing.assert_allclose(found.base.means[:, of_taught], taught.base.means)
    assert np.isfinite(found.mean()).all()
    assert np.all(found.cdf(np.zeros(60)) == 0.0)


def test_several_outputs():
    X, Y = data(D=2)
    Y[:, 1] += RNG(1).normal(size=60)
    view = clone(SHORT).set_params(covariance_type="full")
    model = MDNEnsembleRegressor([("small", view)], cv=2, random_state=0).fit(X, Y)
    assert model.predict_proba(X).n_components == 3 * view.n_components + 1
    assert model.predict(X).shape == (60, 2)


def test_an_interrupt_of_its_training_ends_the_fit(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(MDNRegressor, "_fit_taught", interrupted)
    X, y = data()
    model = MDNEnsembleRegressor([("small", SHORT)], cv=2, random_state=0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert not hasattr(model, "estimators_")
