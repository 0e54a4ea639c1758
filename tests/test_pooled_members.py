"""PooledMDNRegressor: the mean of its members' densities, calibrated on other rows."""

import pickle

import numpy as np
import pytest
from cases.regressor import linear_rows, several_outputs, short
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import r2_score

from skmdn import Mixture, TargetMixture
from skmdn.ensemble import PooledMDNRegressor
from skmdn.mixture.joining import pool

# Spreads as the network learned them: none is calibrated by a member itself.
PLAIN = {"validation_fraction": None, "max_iter": 30}


def members(X, y, n=3, **words):
    return [short(random_state=m, **PLAIN | words).fit(X, y) for m in range(n)]


@pytest.fixture(scope="module")
def plain():
    X, y = linear_rows(120)
    return X, y, members(X, y)


def test_without_calibration_it_is_the_pool(plain):
    X, y, fitted = plain
    pooled = PooledMDNRegressor.of(fitted)
    density = pooled.predict_proba(X)
    expected = pool([member.predict_proba(X) for member in fitted])
    assert isinstance(density, Mixture)
    np.testing.assert_array_equal(density.logpdf(y), expected.logpdf(y))
    mean = np.mean([member.predict_proba(X).pdf(y) for member in fitted], axis=0)
    np.testing.assert_allclose(density.pdf(y), mean, rtol=1e-10)
    assert pooled.n_features_in_ == 3
    assert not hasattr(pooled, "feature_names_in_")


def test_calibration_finds_how_wide_spreads_should_be(plain):
    X, _, fitted = plain
    expected = pool([member.predict_proba(X) for member in fitted])
    rng = np.random.default_rng(0)
    rows = np.repeat(X, 40, axis=0)
    wide = np.repeat(expected.mean(), 40)
    drawn = np.concatenate([expected.sample(40, rng).ravel()])
    y = wide + 2.5 * (drawn - wide)
    pooled = PooledMDNRegressor.calibrated(fitted, rows, y)
    before = expected[np.repeat(np.arange(len(X)), 40)]
    assert pooled.predict_proba(rows).logpdf(y).mean() > before.logpdf(y).mean() + 0.3
    spread = np.sqrt(np.mean(pooled.predict_proba(X).var()) / np.mean(expected.var()))
    assert 1.5 < spread < 3.5
    assert pooled.spread_noise_.shape == (1,)
    base = expected.widen(pooled.spread_factor_, pooled.spread_noise_)
    np.testing.assert_array_equal(pooled.predict_proba(X).means, base.means)
    np.testing.assert_array_equal(pooled.predict_proba(X).scales, base.scales)


def test_rows_without_weight_calibrate_nothing(plain):
    X, y, fitted = plain
    weights = np.where(np.arange(120) < 60, 1.0, 0.0)
    of_all = PooledMDNRegressor.calibrated(fitted, X, np.where(weights > 0, y, 1e3), weights)
    of_half = PooledMDNRegressor.calibrated(fitted, X[:60], y[:60])
    assert of_all.spread_factor_ == pytest.approx(of_half.spread_factor_, rel=1e-6)


def test_several_outputs_of_full_covariance():
    X, y = several_outputs(120)
    pooled = PooledMDNRegressor.calibrated(members(X, y, covariance_type="full"), X, y)
    density = pooled.predict_proba(X)
    assert density.covariance_type == "full"
    assert pooled.spread_noise_.shape == (2,)
    point, cov = pooled.predict(X, return_cov=True)
    np.testing.assert_allclose(point, density.mean(), rtol=1e-12)
    np.testing.assert_allclose(cov, density.cov(), rtol=1e-12)
    assert pooled.sample(X, 3, random_state=0).shape == (120, 3, 2)


def test_members_that_do_not_belong_together_are_refused(plain):
    X, y, fitted = plain
    others = {
        "features": short(**PLAIN).fit(X[:, :2], y),
        "outputs": short(**PLAIN).fit(X, np.column_stack([y, y])),
        "map": short(**PLAIN, target_transform="asinh").fit(X, y),
        "atoms": short(**PLAIN, target_atoms=[0.0]).fit(X, np.maximum(y, 0)),
    }
    for other in others.values():
        with pytest.raises(ValueError, match="members: expected the same features, outputs, map"):
            PooledMDNRegressor.of([fitted[0], other])
    with pytest.raises(ValueError, match="members: expected at least one"):
        PooledMDNRegressor.of([])
    with pytest.raises(NotFittedError):
        PooledMDNRegressor.of([short()])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"y": np.ones(7)}, "inconsistent numbers of samples"),
        ({"y": np.ones((120, 2))}, r"y: expected 1 outputs in 1 axes.* got shape \(120, 2\)"),
        ({"X": np.ones((120, 2))}, "X has 2 features"),
        ({"sample_weight": np.ones(7)}, "sample_weight must have one weight per row"),
        ({"sample_weight": -np.ones(120)}, "sample_weight must not be negative"),
        ({"sample_weight": np.full(120, np.nan)}, "sample_weight contains NaN"),
    ],
)
def test_rows_to_calibrate_on_are_checked(plain, change, match):
    X, y, fitted = plain
    with pytest.raises(ValueError, match=match):
        PooledMDNRegressor.calibrated(fitted, **{"X": X, "y": y} | change)


def test_a_point_is_one_of_three(plain):
    X, _, fitted = plain
    pooled = PooledMDNRegressor.of(fitted).set_params(point_estimate="middle")
    with pytest.raises(ValueError, match="'point_estimate' parameter of PooledMDNRegressor"):
        pooled.predict(X)


def test_maps_and_atoms_and_bounds():
    X, z = linear_rows(300)
    y = np.where(z > -1, np.exp(z), 0.0)
    fitted = members(X, y, target_transform="log", target_atoms=[0])
    pooled = PooledMDNRegressor.calibrated(fitted, X, y)
    density = pooled.predict_proba(X)
    assert isinstance(density, TargetMixture)
    shares = np.mean([member.predict_proba(X).atom_probability() for member in fitted], axis=0)
    np.testing.assert_allclose(density.atom_probability(), shares, rtol=1e-10)
    low = min(member.target_range_[0, 0] for member in fitted)
    assert pooled.target_range_[0, 0] == low
    scale = max(member.y_scale_[0] for member in fitted)
    pooled.spread_factor_ = 1e6
    base, highest = pooled.predict_proba(X).base, z.max() + 0.25 * scale + 0.5
    largest = base.means + 0.5 * base.scales**2
    assert highest - 5 < largest.max() <= highest * (1 + 1e-12)
    np.testing.assert_array_equal(pooled.target_atoms_, [0.0])


def test_only_atoms_calibrate_nothing():
    X, _ = linear_rows(100)
    y = np.where(X[:, 0] > 0, 1.0, 0.0)
    fitted = members(X, y, target_atoms="auto")
    pooled = PooledMDNRegressor.calibrated(fitted, X, y)
    assert pooled.spread_factor_ == 1.0
    assert pooled.predict_proba(X).atom_probability().shape == (100, 2)


def test_points_samples_and_score_in_chunks(plain, monkeypatch):
    X, y, fitted = plain
    pooled = PooledMDNRegressor.calibrated(fitted, X, y)
    whole = pooled.predict_proba(X)
    monkeypatch.setattr("skmdn.ensemble.pooled_members.CHUNK_ROWS", 50)
    point, std = pooled.predict(X, return_std=True)
    np.testing.assert_allclose(point, whole.mean(), rtol=1e-9)
    np.testing.assert_allclose(std, whole.std(), rtol=1e-9)
    drawn = pooled.sample(X, 200, random_state=0)
    np.testing.assert_allclose(drawn.mean(axis=1), whole.mean(), atol=6 * std.max() / 14)
    assert pooled.score(X, y) == pytest.approx(r2_score(y, point))
    pooled.point_estimate = "median"
    np.testing.assert_allclose(pooled.predict(X), whole.median(), rtol=1e-6)


def test_it_cannot_be_fitted(plain):
    X, y, fitted = plain
    with pytest.raises(TypeError, match=r"Fit skmdn\.dask\.DaskMDNRegressor"):
        PooledMDNRegressor.of(fitted).fit(X, y)
    with pytest.raises(NotFittedError):
        clone(PooledMDNRegressor.of(fitted)).predict(X)


def test_a_pickle_answers_the_same(plain):
    X, y, fitted = plain
    pooled = PooledMDNRegressor.calibrated(fitted, X, y)
    loaded = pickle.loads(pickle.dumps(pooled))
    np.testing.assert_array_equal(loaded.predict(X), pooled.predict(X))


def test_wrong_features_are_refused(plain):
    X, _, fitted = plain
    with pytest.raises(ValueError, match="3 features"):
        PooledMDNRegressor.of(fitted).predict_proba(X[:, :2])
