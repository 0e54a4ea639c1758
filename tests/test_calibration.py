"""Calibration of held-out mixtures: gradient, known answers, priors."""

import numpy as np
import pytest
from scipy.optimize import check_grad, minimize_scalar
from scipy.special import softmax
from scipy.stats import multivariate_normal

from skmdn import _calibration
from skmdn._calibration import Calibration, calibrate, pooling_factor
from skmdn.mixture import Mixture


def random_mixture(rng, n, n_outputs, full):
    weights = rng.dirichlet(np.ones(3), n)
    means = rng.normal(size=(n, 3, n_outputs))
    if not full:
        return Mixture(weights, means, rng.uniform(0.1, 1, (n, 3, n_outputs)))
    L = np.tril(rng.normal(size=(n, 3, n_outputs, n_outputs)))
    diagonal = np.arange(n_outputs)
    L[..., diagonal, diagonal] = np.abs(L[..., diagonal, diagonal]) + 0.1
    return Mixture(weights, means, scale_tril=L)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("n_outputs", [1, 2, 3])  # of two, principal axes may be symmetric
def test_loss_is_that_of_the_widened_pool(n_outputs, full):
    """The loss works along principal axes; `widen` and `pdf` do not."""
    rng = np.random.default_rng(0)
    views = [random_mixture(rng, 30, n_outputs, full) for _ in range(2)]
    y, w = rng.normal(size=(30, n_outputs)), rng.dirichlet(np.ones(30))
    parts = [_calibration._principal(view, y) for view in views]
    theta = np.array([0.1, -0.3, 0.2, -0.4, -2.0])
    pool = sum(
        weight * view.widen(factor, np.exp(-2.0)).pdf(y)
        for weight, view, factor in zip(softmax(theta[:2]), views, np.exp(theta[2:4]), strict=True)
    )
    loss, _ = _calibration._loss(theta, parts, w, 0.0, None, np.zeros(2))
    np.testing.assert_allclose(loss, -w @ np.log(pool), rtol=1e-12)
    for background in (None, _calibration.background_logpdf(y)):
        data = parts, w, 0.02, background, np.array([0.0, 1.5])
        error = check_grad(
            lambda t, data: _calibration._loss(t, *data)[0],
            lambda t, data: _calibration._loss(t, *data)[1],
            theta,
            data,
        )
        assert error < 1e-6


def test_the_background_has_a_width_for_each_output():
    y, widths = np.random.default_rng(0).normal(size=(9, 2)), np.array([1.0, 3.0])
    expected = multivariate_normal([0, 0], np.diag(widths**2)).logpdf(y)
    np.testing.assert_allclose(_calibration.background_logpdf(y, widths), expected)


def normal_rows(n, scale, seed=0):
    """A view that says N(0, 1) for targets that are N(0, scale^2)."""
    y = scale * np.random.default_rng(seed).normal(size=(n, 1))
    ones = np.ones((n, 1, 1))
    return Mixture(ones[..., 0], 0 * ones, ones), y


@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_wrong_spreads_are_set_right(scale):
    view, y = normal_rows(5000, scale)
    found = calibrate([view], y)
    np.testing.assert_allclose(np.hypot(found.factors[0], found.noise), y.std(), rtol=0.01)


def test_noise_that_the_view_does_not_know_is_added():
    """Spreads of very different size that all lack the same variance."""
    rng = np.random.default_rng(1)
    scales = np.exp(rng.uniform(-6, 1, (20_000, 1, 1)))
    y = np.hypot(scales[:, 0], 0.2) * rng.normal(size=(20_000, 1))
    found = calibrate([Mixture(np.ones((20_000, 1)), 0 * scales, scales)], y)
    np.testing.assert_allclose(found.noise, 0.2, rtol=0.05)
    np.testing.assert_allclose(found.factors, 1, rtol=0.05)


def test_the_better_view_gets_the_weight():
    good, y = normal_rows(2000, 1.0)
    bad = Mixture(np.ones((2000, 1)), good.means + 3, good.scales)
    found = calibrate([good, bad], y)
    assert found.weights[0] > 0.95
    np.testing.assert_allclose(found.weights.sum(), 1)


def test_the_prior_is_about_the_expected_weights():
    """Where views are the same, nothing else decides; many rows decide by themselves."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=(4000, 1))

    def view(n, mean):
        ones = np.ones((n, 1, 1))
        return Mixture(ones[:, :, 0], mean * ones, ones)

    expected = np.array([1.0, 4.0])
    for n in (10, 4000):
        found = calibrate([view(n, 0.0), view(n, 0.0)], y[:n], expected_weights=expected)
        np.testing.assert_allclose(found.weights, [0.2, 0.8], atol=0.03)
        other = calibrate([view(n, 0.0), view(n, 0.0)], y[:n], expected_weights=7 * expected)
        np.testing.assert_allclose(other.weights, found.weights, atol=0.002)
    good, bad = view(4000, 0.0), view(4000, 2.0)
    assert calibrate([good, bad], y, expected_weights=expected).weights[0] > 0.9


@pytest.mark.parametrize("n", [1, 3])
def test_few_rows_change_little(n):
    view, _ = normal_rows(n, 1.0)
    found = calibrate([view], np.zeros((n, 1)))
    assert 0.3 < found.factors[0] / (1 + 2 / (n + 10)) < 1  # but for the widening
    assert found.noise < 0.1
    other = calibrate([view, view], np.ones((n, 1)))
    np.testing.assert_allclose(other.weights, 0.5, atol=1e-6)


@pytest.mark.parametrize("n", [2, 5, 15, 45])
def test_few_rows_do_little_harm_where_nothing_is_to_be_set_right(n):
    """Divergence of the calibrated Gaussian from the true one, in the mean over many samples."""
    rng = np.random.default_rng(0)
    view, _ = normal_rows(n, 1.0)
    divergences = []
    for _ in range(200):
        y = rng.normal(size=(n, 1))
        found = calibrate([view], y)
        s = np.hypot(found.factors[0], found.noise)
        divergences.append(np.log(s) + 0.5 / s**2 - 0.5)
    assert np.mean(divergences) < 0.6 / n


@pytest.mark.parametrize("weighted", [False, True])
def test_spreads_widen_with_the_uncertainty_of_their_factor(monkeypatch, weighted):
    view, y = normal_rows(30, 1.0)
    weights = np.repeat([1.0, 0.0], 15) if weighted else None
    found = calibrate([view], y, weights)
    monkeypatch.setattr(_calibration, "_WIDENING", 0.0)
    likeliest = calibrate([view], y, weights)
    n = 15 if weighted else 30
    np.testing.assert_allclose(found.factors, likeliest.factors * (1 + 2 / (n + 10)), rtol=1e-12)
    assert found.noise == likeliest.noise


def test_weights_of_rows_are_relative_and_count_as_repetition_but_for_the_prior():
    view, y = normal_rows(400, 2.0)
    counts = np.random.default_rng(3).integers(1, 3, 400)
    rows = np.repeat(np.arange(400), counts)
    weighted = calibrate([view], y, counts.astype(float))
    repeated = calibrate([view[rows]], y[rows])
    np.testing.assert_allclose(weighted.factors, repeated.factors, rtol=1e-2)
    scaled = calibrate([view], y, 100.0 * counts)
    np.testing.assert_allclose(weighted.factors, scaled.factors, rtol=1e-6)


def test_rows_of_next_to_no_weight_make_the_prior_no_weaker():
    view, y = normal_rows(40, 2.0)
    found = calibrate([view], y, np.repeat([1.0, 1e-9], 20))
    expected = calibrate([view[:20]], y[:20])
    np.testing.assert_allclose(found.factors, expected.factors, rtol=1e-3)


def test_spreads_may_be_ten_times_too_narrow():
    rng = np.random.default_rng(0)
    scales = 10.0 ** rng.uniform(-2, -1, 2000)
    y = 10 * scales * rng.normal(size=2000)
    found = calibrate([gaussian(np.zeros(2000), scales)], y[:, None])
    assert 8 < found.factors[0] < 12


def test_noise_may_be_all_that_there_is():
    rng = np.random.default_rng(0)
    view = gaussian(np.zeros(2000), 10.0 ** rng.uniform(-3, -1, 2000))
    assert 0.9 < calibrate([view], rng.normal(size=(2000, 1))).noise < 1.1


def test_a_background_that_changes_nothing_has_the_weight_that_is_expected():
    y, ones = np.random.default_rng(0).normal(size=(50, 1)), np.ones(50)
    parts = [_calibration._principal(gaussian(0 * ones, 3 * ones), y)]
    behind = _calibration.background_logpdf(y, 3.0)
    theta = np.array([0.0, 0.0, np.log(1e-6)])
    found = _calibration._background_weight(theta, parts, ones / 50, 1 / 50, behind)
    np.testing.assert_allclose(found, 1e-3, rtol=1e-2)


def test_background_takes_the_outliers():
    view, y = normal_rows(3000, 1.0)
    y[:60] = 8.0
    found = calibrate([view], y, background_scale=3.0)
    assert 0.01 < found.background < 0.1
    narrow = calibrate([view], y, background_scale=1.0)  # cannot, so that the view widens
    assert narrow.factors[0] > 1.3
    np.testing.assert_allclose(found.factors[0], 1, atol=0.1)
    clean, z = normal_rows(3000, 1.0)
    assert calibrate([clean], z, background_scale=3.0).background < 1e-3
    assert calibrate([clean], z).background == 0


def gaussian(mean, scale):
    scales = np.broadcast_to(scale, len(mean))[:, None]
    return Mixture(np.ones((len(mean), 1)), mean[:, None], scales)


def test_pools_of_members_with_errors_of_their_own_get_less_spread():
    """Fifteen members where the calibration saw three; the likeliest factor is found by trial."""
    rng = np.random.default_rng(0)
    n, V, F, error, noise = 2000, 3, 5, 0.5, 0.5
    truth = rng.normal(size=n)
    y = (truth + noise * rng.normal(size=n))[:, None]
    members = [
        [gaussian(truth + error * rng.normal(size=n), np.hypot(error, noise)) for _ in range(F)]
        for _ in range(V)
    ]
    views = [view[0] for view in members]
    found = calibrate(views, y)
    factor = pooling_factor(views, y, None, found, F)

    def score(pooling):
        pool = [
            member.widen(pooling * a, 0.0)
            for view, a in zip(members, found.factors, strict=True)
            for member in view
        ]
        return Mixture.pool(pool, np.repeat(found.weights / F, F)).logpdf(y[:, 0]).mean()

    trials = np.linspace(0.5, 1.1, 31)
    best = trials[np.argmax([score(trial) for trial in trials])]
    assert best < 0.9
    assert best < factor < 1
    assert score(factor) - score(1.0) > 0.4 * (score(best) - score(1.0))


def factor_where_pooling_gained(monkeypatch, n, gain, weights=(0.5, 0.3, 0.2), n_members=5):
    """The pooling factor of n rows where every view alone needs spreads exp(gain) times as wide."""
    alone = Calibration(np.ones(1), np.exp([gain]), 0.0, 0.0)
    pool = Calibration(np.array(weights), np.ones(len(weights)), 0.0, 0.0)
    view, y = normal_rows(n, 1.0)
    with monkeypatch.context() as patch:
        patch.setattr(_calibration, "calibrate", lambda *args, **options: alone)
        return pooling_factor(len(weights) * [view], y, None, pool, n_members)


@pytest.mark.parametrize("n", [20, 400])
def test_pooling_factor_is_that_of_a_ridge_on_one_gain(monkeypatch, n):
    """Of log a = const - c (1 - S) the gain at S = sum w^2 tells c, beside a prior on c."""
    gain, left = 0.4, 0.5**2 + 0.3**2 + 0.2**2
    variance = 0.3**2 + 10 / n  # of what was gained, as a part of a variance
    c = minimize_scalar(lambda c: (gain - c * (1 - left)) ** 2 + variance * c**2).x
    expected = np.exp(-c * (left - left / 5))
    np.testing.assert_allclose(
        factor_where_pooling_gained(monkeypatch, n, gain), expected, rtol=1e-6
    )


def test_few_rows_say_little_of_pooling(monkeypatch):
    many, few, two = (factor_where_pooling_gained(monkeypatch, n, 0.4) for n in (400, 20, 2))
    assert many < few < two < 1
    assert two > 0.98
    assert factor_where_pooling_gained(monkeypatch, 400, -0.4) == 1  # a loss is no gain


def test_rows_without_weight_say_nothing_of_pooling():
    rng = np.random.default_rng(1)
    y, error = rng.normal(size=(2, 3, 400))
    y, views = y[0, :, None], [gaussian(y[0] + e, 1.0) for e in error]
    weights = np.repeat([1e-3, 0.0], [20, 380])
    factors = [
        pooling_factor(part, targets, w, calibrate(part, targets, w), 5)
        for part, targets, w in (
            (views, y, weights),
            ([view[:20] for view in views], y[:20], None),
        )
    ]
    np.testing.assert_allclose(*factors, rtol=1e-6)


def test_members_that_agree_keep_their_spread():
    view, y = normal_rows(2000, 1.0)
    views = 3 * [view]
    assert pooling_factor(views, y, None, calibrate(views, y), 5) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("n_views", "n_members"), [(1, 5), (3, 1)])
def test_without_a_pool_there_is_no_pooling_factor(n_views, n_members):
    rng = np.random.default_rng(0)
    y = rng.normal(size=(300, 1))
    views = [gaussian(y[:, 0] + rng.normal(size=300), 1.0) for _ in range(n_views)]
    assert pooling_factor(views, y, None, calibrate(views, y), n_members) == 1


def test_targets_that_no_view_foresaw():
    y, far = np.random.default_rng(0).normal(size=30), np.resize([0.0, 1e200], 30)
    view = Mixture(np.ones((30, 1)), far[:, np.newaxis], np.ones((30, 1)))
    found = calibrate([view, view], y[:, np.newaxis], None, background_scale=10.0)
    for numbers in found:
        assert np.isfinite(numbers).all()


# Rows far out ------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("far", [30.0, 1e3, 1e6])
def test_a_single_row_far_out_leaves_the_spreads_of_all_others(n_outputs, far):
    rng = np.random.default_rng(0)
    y = rng.normal(size=(300, n_outputs))
    view = Mixture(np.ones((300, 1)), np.zeros((300, 1, n_outputs)), np.ones((300, 1, n_outputs)))
    expected = calibrate([view], y)
    y[7, 0] = far
    found = calibrate([view], y)
    spreads = [np.hypot(one.factors[0], one.noise) for one in (expected, found)]
    assert spreads[1] == pytest.approx(spreads[0], rel=0.03)


@pytest.mark.parametrize("scale", [20.0, 28.0])
def test_spreads_are_set_right_where_most_rows_are_far_out(scale):
    """There the loss has no slope until spreads are wide."""
    view, y = normal_rows(2000, scale)
    assert np.mean(view.logpdf(y) < _calibration.LEAST_LOG_DENSITY) > 0.5
    found = calibrate([view], y)
    np.testing.assert_allclose(np.hypot(found.factors[0], found.noise), y.std(), rtol=0.01)


def test_a_group_of_rows_far_out_widens_all_spreads():
    """One row in six is no mistyped one."""
    view, y = normal_rows(300, 1.0)
    y[::6] *= 20.0
    found = calibrate([view], y)
    assert np.hypot(found.factors[0], found.noise) == pytest.approx(y.std(), rel=0.1)
