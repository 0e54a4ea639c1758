"""`MDNRegressor(target_transform=)`: the same network, and the density of y behind a map."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from cases.regressor import linear_rows, short
from scipy import integrate, stats
from sklearn.base import clone

from skmdn import MDNRegressor, Mixture, TargetMixture
from skmdn.transforms import Asinh, Identity, Log, Logit, as_transform

X, Z = linear_rows()
MAPS = {
    "log": ("log", Log(0), np.exp(Z)),
    "from above": (Log(upper=7), Log(upper=7), 7 - np.exp(-Z)),
    "logit": (Logit(-2, 3), Logit(-2, 3), -2 + 5 / (1 + np.exp(-Z))),
    "asinh": (Asinh(1, 2), Asinh(1, 2), 1 + 2 * np.sinh(Z)),
}


def parts_are_equal(density, other):
    for part in ("weights", "means", "scales"):
        np.testing.assert_allclose(getattr(density, part), getattr(other, part), rtol=1e-4)


@pytest.mark.parametrize("kind", MAPS)
def test_the_base_is_the_network_of_mapped_targets(kind):
    """All that training does depends on mapped targets only."""
    word, expected, y = MAPS[kind]
    options = {"dtype": "float64", "validation_fraction": None}
    model = short(target_transform=word, **options).fit(X, y)
    plain = short(**options).fit(X, expected.forward(y))
    density = model.predict_proba(X)
    assert isinstance(density, TargetMixture)
    assert model.target_transform_ == density.transform == expected
    parts_are_equal(density.base, plain.predict_proba(X))
    np.testing.assert_allclose(model.y_mean_, plain.y_mean_)


@pytest.mark.parametrize("kind", MAPS)
def test_the_density_integrates_to_one_and_its_mean_is_predicted(kind):
    word, one, y = MAPS[kind]
    model = short(target_transform=word).fit(X, y)
    density = model.predict_proba(X[:1])
    low, high = one.inverse(density.base.ppf([1e-12, 1 - 1e-12])[0])

    def moment(power):
        def integrand(t):
            return t**power * float(density.pdf([t])[0])

        ends = [low, *density.ppf(np.linspace(0.01, 0.99, 15))[0], high]
        return sum(integrate.quad(integrand, *pair)[0] for pair in pairwise(ends))

    assert moment(0) == pytest.approx(1, abs=1e-6)
    assert model.predict(X[:1])[0] == pytest.approx(moment(1), rel=1e-4)


@pytest.mark.parametrize("covariance_type", ["diag", "full"])
def test_components_are_bounded_so_that_means_are_finite(covariance_type):
    """Also where the network extrapolates, and where it has a component as wide as can be."""
    Y = np.exp(np.column_stack([Z, X[:, 0]]))
    model = short(target_transform="log", covariance_type=covariance_type).fit(X, Y)
    low, high = model.target_range_.T
    np.testing.assert_allclose([low, high], [np.log(Y).min(axis=0), np.log(Y).max(axis=0)])
    model.intercepts_[-1][-5:] += 50.0
    density = model.predict_proba(1e6 * X)
    assert density.base.covariance_type == covariance_type
    means, scales, margin = density.base.means, density.base.scales, 0.25 * model.y_scale_
    assert np.all((low - margin <= means) & (means <= high + margin))
    assert np.all(means + 0.5 * scales**2 <= (high + margin + 0.5) * (1 + 1e-9))
    assert np.isfinite(density.mean()).all()
    assert np.isfinite(density.logpdf(Y)).all()


@pytest.mark.parametrize("word", ["log", "logit", "asinh"])
def test_noise_that_is_rare_is_as_wide_behind_a_map_as_without(word):
    """A tenth of the rows has twenty times the noise, and more than the scale of all targets."""
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(1000, 1))
    noisy = x[:, 0] > 0.9
    z = np.where(noisy, 2.0, 0.1) * rng.normal(size=1000)
    y = as_transform(word).inverse(z)
    words = {"hidden_layer_sizes": (16,), "max_iter": 60, "batch_size": 64, "random_state": 0}
    plain, mapped = (
        MDNRegressor(validation_fraction=0.2, alpha=0.04, target_transform=map_, **words)
        for map_ in (None, word)
    )
    low, high = plain.fit(x, z).predict_proba(x[noisy]).interval(0.9).T
    ends = as_transform(word).forward(mapped.fit(x, y).predict_proba(x[noisy]).interval(0.9))
    assert np.median(ends[:, 1] - ends[:, 0]) > 0.8 * np.median(high - low)


def test_parts_widen_the_range():
    model = short(target_transform="log").partial_fit(X[:40], np.exp(Z[:40]))
    model.partial_fit(X[40:], np.exp(Z[40:]))
    np.testing.assert_allclose(model.target_range_, [[Z.min(), Z.max()]])


def test_losses_are_in_nats_of_y():
    """Those of mapped targets, and the weighted mean of the logarithm of dy/dz."""
    y, weights = np.exp(Z), np.random.default_rng(0).integers(0, 3, len(Z)).astype(float)
    options = {"dtype": "float64"}
    rows = {"sample_weight": weights, "X_val": X[:20], "sample_weight_val": weights[:20]}
    model = short(target_transform="log", **options).fit(X, y, y_val=y[:20], **rows)
    plain = short(**options).fit(X, Z, y_val=Z[:20], **rows)
    shift, shift_val = np.average(Z, weights=weights), np.average(Z[:20], weights=weights[:20])
    np.testing.assert_allclose(model.loss_curve_, np.add(plain.loss_curve_, shift), rtol=1e-6)
    np.testing.assert_allclose(
        model.validation_loss_curve_, np.add(plain.validation_loss_curve_, shift_val), rtol=1e-6
    )


def test_a_log_normal_target_is_found():
    """Parameters of a linear network with one component are those of the simulation."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2000, 1))
    y = np.exp(1 + 0.5 * x[:, 0] + 0.3 * rng.normal(size=2000))
    model = short(
        n_components=1, hidden_layer_sizes=(), encoding=None, max_iter=60, target_transform="log"
    ).fit(x, y)
    found = model.predict_proba([[0.0], [1.0]])
    expected = stats.lognorm(0.3, scale=np.exp([1.0, 1.5]))
    np.testing.assert_allclose(found.median(), expected.median(), rtol=0.05)
    np.testing.assert_allclose(found.std() / found.mean(), expected.std() / expected.mean(), 0.15)
    np.testing.assert_array_equal(found.cdf(0.0), 0)


def test_every_output_has_a_map():
    Y = np.column_stack([np.exp(Z), Z])
    model = short(target_transform=["log", None], covariance_type="diag").fit(X, Y)
    assert model.target_transform_ == (Log(0), Identity())
    density = model.predict_proba(X)
    np.testing.assert_array_equal(density.marginal(0).cdf(0.0), 0)
    np.testing.assert_allclose(model.target_range_, [[Z.min(), Z.max()], [-np.inf, np.inf]])
    model.intercepts_[-1][-4:] += 3.0  # of the logarithms of scales: wider than all targets
    base = model.predict_proba(X).base
    highest = Z.max() + 0.25 * model.y_scale_[0] + 0.5
    assert np.all(base.means[..., 0] + 0.5 * base.scales[..., 0] ** 2 <= highest * (1 + 1e-9))
    assert np.all(base.scales[..., 1] > model.y_scale_[1])
    assert model.predict(X).shape == model.sample(X)[:, 0].shape == (len(X), 2)
    assert short(target_transform="asinh").fit(X, Y).target_transform_ == (Asinh(), Asinh())


def test_parts_and_warm_starts_keep_the_map():
    y = np.exp(Z)
    for options in ({}, {"warm_start": True}):
        model = short(target_transform="log", **options)
        for _ in range(2):
            (model.fit if options else model.partial_fit)(X, y)
        assert isinstance(model.predict_proba(X), TargetMixture)
        with pytest.raises(ValueError, match=r"target_transform must stay.*Fit anew"):
            clone_with_state(model, target_transform="asinh").partial_fit(X, y)
        with pytest.raises(ValueError, match=r"y: target_transform=Log.*got -1 at row 3"):
            model.partial_fit(X, np.where(np.arange(len(y)) == 3, -1.0, y))


def clone_with_state(model, **words):
    return pickle.loads(pickle.dumps(model)).set_params(**words)


def test_copies_answer_as_the_model():
    model = short(target_transform=Logit(0, 50)).fit(X, np.exp(np.clip(Z, -3, 3)))
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))
    assert clone(model).target_transform == Logit(0, 50)


def test_without_a_map_the_answer_is_a_mixture():
    model = short().fit(X, Z)
    assert model.target_transform_ is None
    assert isinstance(model.predict_proba(X), Mixture)


def test_rows_without_weight_may_lie_outside():
    y, weights = np.exp(Z), np.ones(len(Z))
    y[:5], weights[:5] = [-1.0, 0.0, -5.0, 0.0, -1e9], 0.0
    model = short(target_transform="log").fit(X, y, sample_weight=weights)
    assert np.isfinite(model.predict_proba(X).logpdf(np.exp(Z))).all()


@pytest.mark.parametrize(
    ("word", "match"),
    [
        ("exp", r"'target_transform' parameter must be None, 'auto', 'log', .* Got 'exp'"),
        (["auto"], r"'target_transform' parameter must be None"),
        (["log", "log"], r"for each of the 1 outputs. Got \['log', 'log'\]"),
        (3.0, r"'target_transform' parameter.*Got 3.0"),
        ("log", r"y: target_transform=Log.*between 0 and inf.*got -?\d.*at row \d+.*'asinh'"),
        ("logit", r"between 0 and 1, bounds excluded"),
    ],
)
def test_bad_words_and_targets_outside_are_named(word, match):
    model = short(target_transform=word)
    before = dict(vars(model))
    with pytest.raises(ValueError, match=match):
        model.fit(X, Z)
    assert vars(model) == before


def test_targets_at_a_bound_may_be_atoms():
    with pytest.raises(
        ValueError, match=r"got 0 at row 7.*or MDNRegressor\(target_atoms=\[0.0\]\)"
    ):
        short(target_transform="log").fit(X, np.where(np.arange(len(Z)) == 7, 0.0, np.exp(Z)))
    # Bounds that hold all targets help where some are beyond, and atoms are of one output.
    with pytest.raises(
        ValueError, match=r"numbers, or skmdn\.transforms\.Log with bounds that hold"
    ):
        short(target_transform="log").fit(X, -np.exp(Z))
    with pytest.raises(ValueError, match=r"takes all numbers\.$"):
        short(target_transform="log").fit(X, np.column_stack([np.exp(Z), np.maximum(Z, 0.0)]))


def test_validation_targets_outside_are_named():
    with pytest.raises(ValueError, match=r"y_val: target_transform=Log.*at row 0"):
        short(target_transform="log").fit(X, np.exp(Z), X_val=X[:2], y_val=[-1.0, 1.0])
