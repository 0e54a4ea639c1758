"""Targets that several models draw, from which the network of all rows learns too."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from skmdn import MDNRegressor, Mixture, TargetMixture
from skmdn._estimators.observations import Observations, concatenated
from skmdn._training import drawn_targets as module
from skmdn._training import network_choice
from skmdn._training.beginning import Beginning
from skmdn._training.drawn_targets import Copies, drawn_targets
from skmdn._training.settings import Settings
from skmdn.transforms import Log

RNG = np.random.default_rng
SET = {"alpha": 1.0, "encoding": None}


def data_of(n=50, D=1, weights=None):
    rng = RNG(0)
    return Observations.of(rng.normal(size=(n, 2)), rng.normal(size=(n, D)), weights)


def drawn(data, density, n_draws, *, maps=None, atoms=None, folds=None):
    """Targets for data as the user has them."""
    like = replace(data, atoms=atoms, folds=folds)
    return drawn_targets(data, density, like, maps, n_draws, RNG(0))


def normals(means, std, n):
    """One mixture for n rows."""
    ones = np.ones((n, len(means)))
    return Mixture(ones / len(means), ones * means, ones * std)


def settings_of(**options):
    return Settings.of(MDNRegressor(**options))


# How many copies ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "p", "own", "drawn"),
    [
        (10, 2, 334, 666),  # 10,000 together
        (10, 100, 334, 666),
        (10, 1000, 34, 66),  # a million numbers
        (40, 3000, 16, 32),
        (208, 2, 17, 32),
        (209, 2, 16, 32),
        (999, 2, 16, 32),
        (1000, 2, 4, 8),
        (9999, 2, 4, 8),
        (1000, 100, 4, 8),
        (1000, 101, 2, 10),  # fewer than ten rows for each feature
        (9999, 1000, 1, 4),  # 50 million numbers
        (500, 10_000, 4, 6),  # 50 million numbers
        (200, 100_000, 1, 2),
    ],
)
def test_copies_of_rows(n, p, own, drawn):
    found = Copies.of(n, p, settings_of(), 0.0)
    assert found[:2] == (own, drawn)
    assert found.number == own + drawn
    assert found.share_of_own == own / (own + drawn)
    # 3,200 steps of few rows, else half of what so many rows would get, in batches of their size.
    # Of a table that is not wide, half as many copies count.
    total = n * (own + drawn)
    like = total if n < 1000 or n < 10 * p else min(total, 6 * n)
    steps = 3200 if n < 1000 else 500 * max(1.0, np.sqrt(like / 1000))
    size = 2 ** int(np.clip(np.round(np.log2(like) / 2), 5, 8))
    assert found.batch_size == size
    batches = round(total / size)
    assert steps - 1 <= found.n_passes * batches < steps + batches


@pytest.mark.parametrize("n", [100, 1000, 5000])
def test_batches_are_of_the_size_that_is_set(n):
    found = Copies.of(n, 2, settings_of(batch_size=50), 0.0)
    assert found.batch_size == 50
    batches, steps = n * found.number // 50, 3200 if n < 1000 else 500 * np.sqrt(6 * n / 1000)
    assert steps - 1 <= found.n_passes * batches < steps + batches


@pytest.mark.parametrize(
    ("n_passes", "expected"),
    [
        (1, (1, 0, 1, 32)),
        (2, (1, 1, 1, 32)),
        (20, (7, 13, 1, 32)),
        (47, (16, 31, 1, 64)),
        (250, (34, 66, 2, 128)),
    ],
)
def test_no_row_is_seen_more_often_than_allowed(n_passes, expected):
    found = Copies.of(100, 2, settings_of(max_iter=n_passes), 0.0)
    assert found == expected
    assert (found.own + found.drawn) * found.n_passes <= n_passes


@pytest.mark.parametrize(
    ("n", "unexplained", "own"),
    [
        (999, 0.0, 16),
        (999, 0.05, 16),
        (999, 0.1, 8),
        (999, 0.2, 4),
        (999, 1.0, 4),
        (300, 0.0, 16),
        (300, 0.05, 10),
        (300, 0.1, 6),
        (300, 0.2, 4),
        (1000, 0.05, 4),
        (1000, 0.1, 1),
        (9999, 0.07, 2),
        (9999, 0.06, 3),
        (9999, 0.2, 1),
    ],
)
def test_the_more_noise_the_fewer_own_targets(n, unexplained, own):
    number = 48 if n < 1000 else 12
    assert Copies.of(n, 2, settings_of(), unexplained)[:2] == (own, number - own)
    # One there always is.
    assert Copies.of(100, 2, settings_of(max_iter=2), unexplained)[:2] == (1, 1)


@pytest.mark.parametrize(
    ("own", "drawn", "share"), [(16, 32, 0.5), (2, 4, 0.5), (4, 44, 0.25), (3, 33, 0.25), (1, 0, 1)]
)
def test_the_fewer_own_targets_the_less_decay(own, drawn, share):
    settings = settings_of(alpha=3.0, max_iter=100)
    found = Copies(own, drawn, 2, 64).settings(settings)
    assert found.alpha == pytest.approx(3.0 * share, rel=1e-12)
    expected = replace(settings, alpha=found.alpha, n_passes=2, batch_size=64)
    assert vars(found) == vars(expected)


# What is drawn -----------------------------------------------------------------------------------


def test_each_row_has_a_quantile_in_every_part_of_its_density():
    data, R = data_of(50), 8
    density = Mixture.pool([normals([-3.0], 1.0, 50), normals([2.0], 0.5, 50)])
    found = drawn(data, density, R)
    np.testing.assert_array_equal(found.X, np.tile(data.X, (R, 1)))
    np.testing.assert_array_equal(found.rows, np.arange(50 * R))
    y = found.y[:, 0]
    levels = (stats.norm.cdf(y, -3.0, 1.0) + stats.norm.cdf(y, 2.0, 0.5)) / 2
    np.testing.assert_array_equal(np.floor(levels.reshape(R, 50) * R).T, np.tile(range(R), (50, 1)))
    assert stats.kstest(R * levels % 1, "uniform").pvalue > 1e-3


def test_several_outputs_are_drawn_together():
    n, R = 40, 500
    covariances = np.tile([[1.0, 0.8], [0.8, 1.0]], (n, 1, 1, 1))
    means = np.zeros((n, 1, 2))
    tril = np.linalg.cholesky(covariances)
    density = Mixture.pool(
        [Mixture(np.ones((n, 1)), means + shift, scale_tril=tril) for shift in (0.0, [4.0, 0.0])]
    )
    found = drawn(data_of(n, 2), density, R)
    y = found.y.reshape(R, n, 2)
    np.testing.assert_allclose(y.mean((0, 1)), [2.0, 0.0], atol=0.1)
    np.testing.assert_allclose(np.cov(found.y.T), [[5.0, 0.8], [0.8, 1.0]], atol=0.15)
    np.testing.assert_allclose(y[:, 7].mean(0), [2.0, 0.0], atol=0.6)  # not the same in all rows


def test_outputs_that_do_not_vary_keep_their_value():
    data = data_of(20, 2)
    data.y[:, 1] = 3.0
    shape = (20, 1, 2)
    density = Mixture(np.ones((20, 1)), np.zeros(shape), np.ones(shape))
    found = drawn(data, density, 4)
    assert (found.y[:, 1] == 3.0).all()
    assert np.ptp(found.y[:, 0]) > 1


def test_targets_behind_a_map_and_at_atoms():
    n, R = 100, 10
    data = data_of(n)
    data.y[:] = np.exp(data.y)
    maps, atoms = (Log(),), np.array([0.0])
    density = TargetMixture(normals([1.0], 0.5, n), maps, atoms, np.full((n, 1), 0.3))
    found = drawn(data, density, R, maps=maps, atoms=atoms)
    at = found.atom == 0
    assert at.mean() == pytest.approx(0.3, abs=1e-12)
    y = found.y[~at, 0]
    assert stats.kstest((y - 1.0) / 0.5, "norm").pvalue > 1e-3
    np.testing.assert_allclose(found.log_jacobian[~at], -y)  # log of 1 / exp(y)


def test_what_no_map_takes_is_the_rows_own(monkeypatch):
    data = data_of(30)
    data.y[:] = np.exp(data.y)
    ends = np.tile([0.0, 1e-300, np.inf], (30, 1))  # quantiles as far out as numbers go
    monkeypatch.setattr(TargetMixture, "ppf", lambda self, levels: ends)
    density = TargetMixture(normals([0.0], 1.0, 30), (Log(),))
    found = drawn(data, density, 3, maps=(Log(),))
    own = np.log(data.y[:, 0])
    np.testing.assert_allclose(found.y.reshape(3, 30), [own, np.full(30, np.log(1e-300)), own])


def test_rows_keep_their_weights_and_folds():
    weights = np.arange(30) % 3 / 2
    data = data_of(30, weights=weights)
    found = drawn(data, normals([0.0], 1.0, 20), 2, folds=np.arange(30))
    rows = np.tile(np.flatnonzero(weights), 2)
    np.testing.assert_array_equal(found.weights, weights[rows])
    np.testing.assert_array_equal(found.folds, rows)
    np.testing.assert_array_equal(found.X, data.X[rows])


def test_rows_of_several_data_one_after_the_other():
    data = replace(data_of(6, weights=np.arange(6.0)), folds=np.arange(6), atom=np.arange(6))
    both = concatenated([data.select(np.array([1, 3])), data.select(np.array([5]))])
    rows = [1, 3, 5]
    for name in ("X", "y", "weights", "folds", "atom"):
        np.testing.assert_array_equal(getattr(both, name), getattr(data, name)[rows])
    np.testing.assert_array_equal(both.rows, range(3))
    assert both.log_jacobian is None


# In a fit ----------------------------------------------------------------------------------------


def noise(n=200, p=1):
    rng = RNG(0)
    return rng.normal(size=(n, p)), rng.normal(size=n)


@pytest.mark.usefixtures("with_cross_validation")
def test_a_network_learns_own_and_drawn_targets_one_to_eleven_of_noise(monkeypatch):
    def draws(of_y, density, atoms, maps, n_draws, rng):
        return rng.normal(3.0, 1.0, size=(n_draws * len(of_y), 1))

    monkeypatch.setattr(module, "_draws", draws)
    X, y = noise()
    model = MDNRegressor(n_components=2, calibrate=False, random_state=0, **SET).fit(X, y)
    found = model.predict_proba(X)
    np.testing.assert_allclose(found.mean(), 3 * 11 / 12, atol=0.4)
    np.testing.assert_allclose(1 - found.cdf(np.full(len(X), 1.5)), 0.861, atol=0.1)


@pytest.mark.usefixtures("with_cross_validation")
def test_drawn_targets_are_less_the_line(monkeypatch):
    seen, original = [], Beginning.targets_of_network

    def spied(self, learning, judging):
        found = original(self, learning, judging)
        seen.append((self.line, judging, found[1]))
        return found

    monkeypatch.setattr(Beginning, "targets_of_network", spied)
    monkeypatch.setattr(network_choice, "unexplained", lambda *_: 0.0)
    X, y = noise(60)
    MDNRegressor(linear_path=True, max_iter=30, random_state=0, **SET).fit(X, y + 5 * X[:, 0])
    line, drawn, residual = seen[-1]
    assert len(drawn) == 60 * 20
    slope = np.polyfit(X[:, 0], y + 5 * X[:, 0], 1)[0]
    fitted = drawn.y[:, 0] - residual.y[:, 0]
    np.testing.assert_allclose(np.polyfit(drawn.X[:, 0], fitted, 1)[0], slope, rtol=0.1)
    assert line is not None


@pytest.mark.usefixtures("with_cross_validation")
def test_the_decay_that_is_reported_is_that_of_the_folds():
    X, y = noise(30)
    assert MDNRegressor(max_iter=30, **SET).fit(X, y).alpha_ == 1.0


@pytest.mark.usefixtures("with_cross_validation")
def test_one_pass_draws_nothing(monkeypatch):
    monkeypatch.setattr(module, "_draws", None)
    X, y = noise(30)
    assert MDNRegressor(max_iter=1, **SET).fit(X, y).n_iter_ == 1


@pytest.mark.usefixtures("with_cross_validation")
def test_verbose_tells_where_the_folds_ended(capsys):
    X, y = noise(30)
    model = MDNRegressor(max_iter=20, verbose=1, **SET).fit(X, y)
    n, loss = len(model.validation_loss_curve_) - 1, model.validation_loss_curve_[-1]
    text = f"MDNRegressor: folds end at checkpoint {n}, validation_loss {loss:.4f}"
    assert text in capsys.readouterr().out
