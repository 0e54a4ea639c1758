"""Spreads for rows to come: a forecast of the last rows from those before."""

from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from cases.regressor import short
from cases.series import series

from skmdn import MDNEnsembleRegressor, MDNRegressor, Mixture
from skmdn._engine.budget import budget_for, passes_for_share
from skmdn._estimators.later_rows import earlier_and_later
from skmdn._estimators.observations import Observations
from skmdn._estimators.rows import Rows
from skmdn._predictor import Predictor
from skmdn._training import fitting
from skmdn._training.calibration import widened
from skmdn._training.forecast import forecast_of_last
from skmdn._training.settings import Settings
from skmdn.ensemble import fitting as ensemble_fitting
from skmdn.ensemble import forecast as of_ensemble
from skmdn.ensemble.mapped_targets import MappedTargets
from skmdn.ensemble.pool import Pool

RNG = np.random.default_rng
# Nothing in X explains the series.
pytestmark = pytest.mark.filterwarnings("ignore:Residuals of held-out")


def changed_at_the_end(n=240):
    """A series, without use of X, whose last quarter lies far above the rest."""
    y = series(n) + 8.0 * (np.arange(n) >= 0.75 * n)
    return RNG(1).normal(size=(n, 2)), y


# One network -------------------------------------------------------------------------------------


@cache
def network():
    """A fitted network of one feature."""
    return Predictor.of(short(max_iter=1).fit(np.arange(20.0)[:, None], np.arange(20.0)))


def forecast_with(settings, data, rng):
    """What a forecast asks of a fit that always gives the same network, and what it answers."""
    calls = []

    def fit(*arguments):
        calls.append(arguments)
        return network()

    answer = forecast_of_last(settings, data, rng, fit)
    [asked] = calls
    return *asked, *answer


@pytest.mark.parametrize(("n", "n_first"), [(100, 75), (10, 8), (3, 2)])
def test_the_first_three_quarters_predict_the_others(n, n_first):
    settings = Settings.of(MDNRegressor(n_components=2))
    data = Observations.of(np.zeros((n, 1)), np.arange(n, dtype=float)[:, None])
    rng = RNG(0)
    short_settings, earlier, _, later = forecast_with(settings, data, rng)
    np.testing.assert_array_equal(earlier.rows, np.arange(n_first))
    np.testing.assert_array_equal(later, np.arange(n_first, n))
    assert short_settings.architecture == settings.architecture
    assert short_settings.validation_fraction == 0.1
    assert rng.random() == RNG(0).random()


def test_a_fraction_that_is_asked_for_holds_in_the_forecast():
    data = Observations.of(np.zeros((40, 1)), np.arange(40.0)[:, None])
    settings = Settings.of(MDNRegressor(validation_fraction=0.3))
    assert forecast_with(settings, data, RNG(0))[0].validation_fraction == 0.3


def test_rows_without_weight_take_no_part():
    weights = np.ones(60)
    weights[40:] = 0.0
    data = Observations.of(np.zeros((60, 1)), np.zeros((60, 1)), weights)
    *_, later = forecast_with(Settings.of(MDNRegressor()), data, RNG(0))
    np.testing.assert_array_equal(later, np.arange(30, 40))


@pytest.mark.parametrize("weighted", [False, True])
def test_later_rows_are_outside_the_range_of_the_earlier_ones(weighted):
    X = np.arange(40.0)[:, None]
    X[3], weights = np.nan, np.ones(40)
    if weighted:
        weights[:2] = 0.0
    data = Observations.of(X, np.zeros((40, 1)), weights if weighted else None)
    found = forecast_with(Settings.of(MDNRegressor()), data, RNG(0))[2].preparation
    assert (found.X_min[0], found.X_max[0]) == (2.0 if weighted else 0.0, 29.0)
    for name in ("X_mean", "X_scale", "y_mean", "y_scale"):
        np.testing.assert_array_equal(getattr(found, name), getattr(network().preparation, name))


def test_a_forecast_goes_on_as_the_network_that_is_kept(monkeypatch):
    """Along the line, from the ends of the earlier rows, and with categories as they were."""
    found = []

    def spy(predictor, forecast, data):
        found.append((predictor.preparation, forecast[0].preparation))
        return predictor

    monkeypatch.setattr(fitting, "widened", spy)
    y = series(240) + 0.05 * np.arange(240)
    frame = pd.DataFrame({"lag": np.roll(y, 1), "kind": np.where(np.arange(240) % 2, "a", "b")})
    short().fit(frame.iloc[1:], y[1:])
    for kept, forecast in found:
        assert kept.extrapolation == forecast.extrapolation == "linear"
        assert kept.X_max[0] == y[:-1].max()
        assert forecast.X_max[0] == y[:179].max() < kept.X_max[0]
        assert (forecast.X_min[1], forecast.X_max[1]) == (-np.inf, np.inf)
    assert found


def test_of_many_later_rows_some_are_looked_at():
    rows = np.arange(7, 400_007)
    earlier, later = earlier_and_later(rows, 20_000)
    np.testing.assert_array_equal(earlier, rows[:300_000])
    assert len(later) == 20_000
    assert later[0] == rows[300_000]
    assert later[-1] == rows[-1]
    assert set(np.diff(later)) <= {5, 6}


@pytest.mark.parametrize(("n", "n_passes"), [(50, None), (7000, None), (7000, 30), (500, 1)])
def test_a_share_of_the_steps_in_whole_passes(n, n_passes):
    found = passes_for_share(0.25, n, None, n_passes)
    wanted = 0.25 * budget_for(n, None, n_passes).n_steps
    of_pass = budget_for(n, None, 1).n_steps
    assert found >= 1
    assert wanted <= found * of_pass < wanted + of_pass


@pytest.mark.parametrize(
    ("options", "is_asked"),
    [
        ({}, True),
        ({"validation_split": "blocks"}, True),
        ({"validation_split": "last"}, False),
        ({"validation_split": "shuffled"}, False),
        ({"calibrate": False}, False),
        ({"validation_fraction": None}, False),
    ],
)
@pytest.mark.usefixtures("judges")
def test_a_forecast_is_asked_where_runs_validate(options, is_asked, monkeypatch):
    asked = []

    def spy(settings, data, rng, fit):
        asked.append(len(data))
        return forecast_of_last(settings, data, rng, fit)

    monkeypatch.setattr(fitting, "forecast_of_last", spy)
    X, y = changed_at_the_end()
    model = short(warm_start=True, **options).fit(X, y)
    assert asked == [240] * is_asked  # once: the network that forecasts is asked for none
    model.fit(X, y)
    assert asked == [240] * is_asked
    short(**options).fit(X, y, X_val=X, y_val=y)
    short(validation_split="auto").fit(X, RNG(0).permutation(y))
    assert asked == [240] * is_asked


def without_forecast(monkeypatch):
    def same(predictor, forecast, data):
        return predictor

    monkeypatch.setattr(fitting, "widened", same)


class OfWidth(NamedTuple):
    """A network that predicts zero, with a standard deviation."""

    std: float

    def mapped_density(self, X):
        ones = np.ones((len(X), 1))
        return Mixture(ones, 0.0 * ones, self.std * ones)


@pytest.mark.parametrize(
    ("std", "least", "most"), [(0.25, 3.4, 4.6), (1.0, 1.0, 1.1), (4.0, 1.0, 1.01)]
)
def test_spreads_widen_by_what_a_forecast_needs_and_never_shrink(std, least, most):
    rng = RNG(0)
    X, y = rng.normal(size=(400, 2)), rng.normal(size=400)
    y = (y - y.mean()) / y.std()
    predictor = Predictor.of(short(alpha=1.0, encoding=None, calibrate=False).fit(X, y))
    data = Observations.of(X, y[:, None])
    found = widened(predictor, (OfWidth(std), np.arange(400)), data)
    # Variances, noise and all.
    assert least <= np.hypot(found.spread_factor * std, found.spread_noise) / std <= most
    # The whole spread is wider, the noise that there was before too.
    noisy = widened(predictor._replace(spread_noise=0.5), (OfWidth(std), np.arange(400)), data)
    assert noisy.spread_factor == found.spread_factor
    expected = np.hypot(0.5 * found.spread_factor, found.spread_noise)
    assert noisy.spread_noise == pytest.approx(expected)


@pytest.mark.parametrize("far", [10.0, 100.0])
def test_wide_spreads_widen_no_more_than_three_times_by_a_factor(far):
    """Noise is what the rest of a forecast's errors calls for."""
    X, y = RNG(0).normal(size=(400, 2)), RNG(1).normal(size=(400, 1))
    y /= y.std()
    predictor = Predictor.of(short(calibrate=False, max_iter=1).fit(X, y[:, 0]))
    forecast = OfWidth(1 / far), np.arange(400)
    found = widened(predictor, forecast, Observations.of(X, y))
    assert found.spread_factor <= 3.02  # with the widening for the uncertainty of a factor
    width = np.hypot(found.spread_factor / far, found.spread_noise * predictor.preparation.y_scale)
    np.testing.assert_allclose(width, 1.0, rtol=0.1)


@pytest.mark.usefixtures("judges")
def test_a_change_at_the_end_makes_spreads_as_wide_as_it_is(monkeypatch):
    X, y = changed_at_the_end()
    wide = short().fit(X, y)
    assert wide.validation_split_ == "blocks"
    without_forecast(monkeypatch)
    narrow = short().fit(X, y)
    for one, other in zip(wide.coefs_, narrow.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)
    _, spread = wide.predict(X, return_std=True)
    _, before = narrow.predict(X, return_std=True)
    assert np.all(spread > before)
    # The forecast is some 8 wrong, where the whole of y deviates by 3.6.
    assert 5.0 < np.median(spread) < 50.0


@pytest.mark.usefixtures("judges")
def test_a_steady_series_changes_little(monkeypatch):
    y = series(600, phi=0.5)
    X = RNG(2).normal(size=(600, 1))
    spread = np.median(short().fit(X, y).predict(X, return_std=True)[1])
    without_forecast(monkeypatch)
    before = np.median(short().fit(X, y).predict(X, return_std=True)[1])
    assert before <= spread < 1.5 * before


def test_maps_and_atoms_go_with_a_forecast():
    X, y = changed_at_the_end()
    y = np.exp(y / 4)
    y[np.arange(240) % 9 < 2] = 0.0
    model = short(target_atoms=[0.0], target_transform="asinh").fit(X, y)
    assert model.validation_split_ == "blocks"
    assert np.isfinite(model.predict_proba(X).logpdf(y)).all()
    positive = y[y > 0]
    model = short(target_transform="log").fit(X[y > 0], positive)
    assert np.isfinite(model.predict_proba(X).logpdf(np.ones(len(X)))).all()


@pytest.mark.parametrize("last", [0.0, 1.0])
def test_a_constant_beginning_is_no_hindrance(last):
    """The network that forecasts knows one value only."""
    y = np.r_[np.zeros(180), last * series(60)]
    X = RNG(3).normal(size=(240, 1))
    model = short(validation_split="blocks").fit(X, y)
    assert np.isfinite(model.predict(X)).all()
    assert np.isfinite(model.spread_noise_)


# The ensemble ------------------------------------------------------------------------------------


def small_ensemble(**options):
    views = [("plain", short(encoding=None)), ("encoded", short())]
    return MDNEnsembleRegressor(views, cv=3, random_state=0, **options)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_pool_widens_too(weighted, monkeypatch):
    X, y = changed_at_the_end()
    weights = np.where(np.arange(240) % 5 == 0, 0.0, 1.0) if weighted else None
    wide = small_ensemble().fit(X, y, sample_weight=weights)
    assert wide.folds_ == "blocks"
    monkeypatch.setattr(ensemble_fitting, "widened_by_forecast", lambda pool, *_: (pool, 1.0))
    narrow = small_ensemble().fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(wide.view_weights_, narrow.view_weights_)
    assert wide.oof_score_ == narrow.oof_score_
    spread, before = (model.predict(X, return_std=True)[1] for model in (wide, narrow))
    assert np.all(spread > before)
    assert 5.0 < np.median(spread) < 50.0


def test_members_of_the_earlier_rows_forecast_the_later_ones(monkeypatch):
    """No later row is in what the members of the forecast train or validate on."""
    seen = []
    plan = of_ensemble.plan_members

    def spy(views, rows, parts, *others):
        seen.append((rows, parts))
        return plan(views, rows, parts, *others)

    monkeypatch.setattr(of_ensemble, "plan_members", spy)
    X, y = changed_at_the_end()
    small_ensemble().fit(X, y)
    [(rows, [(train, test)])] = seen
    np.testing.assert_array_equal(rows.y, y[:180])
    np.testing.assert_array_equal(np.sort(np.r_[train, test]), np.arange(180))


@pytest.mark.parametrize("options", [{"calibrate": False}, {"groups": True}, {"shuffled": True}])
def test_an_ensemble_forecasts_only_where_it_calibrates_on_runs(options, monkeypatch):
    def refuse(*_):
        raise AssertionError

    monkeypatch.setattr(ensemble_fitting, "widened_by_forecast", refuse)
    X, y = changed_at_the_end()
    if options.pop("shuffled", False):
        y = RNG(0).permutation(y)
    groups = np.arange(240) // 40 if options.pop("groups", False) else None
    small_ensemble(**options).fit(X, y, groups=groups)


@pytest.mark.parametrize("D", [1, 2])
def test_a_widened_pool_has_the_variances_that_it_says(D):
    X, y = changed_at_the_end(90)
    y = y[:, None] + np.arange(D)
    model = small_ensemble().fit(X, y)
    pool, noise = Pool.of(model), np.arange(1.0, D + 1)
    wider = pool.widened(3.0, noise)
    old, new = (
        one.members([[m.predict_proba(X) for m in view] for view in model.estimators_])[0]
        for one in (pool, wider)
    )
    for before, after in zip(old, new, strict=True):
        np.testing.assert_allclose(after.scales**2, 9 * before.scales**2 + noise**2, rtol=1e-10)


def test_the_factor_is_that_of_the_later_rows(monkeypatch):
    """Against a density that is known: a forecast of half the width needs twice as much."""
    n, mean, std = 4000, 30.0, 4.0
    y = mean + std * RNG(0).normal(size=n)
    rows = Rows(np.zeros((n, 1)), y)
    targets = MappedTargets.of(rows, None)
    pool = Pool(np.ones(1), np.ones(1), 1.0, np.zeros(1), 1e-6, np.zeros(1), np.ones(1))

    def half_as_wide(views, rows, earlier, later, rng, n_jobs):
        ones = np.ones((len(later), 1))
        return [of_ensemble.Mixture(ones, mean * ones, 0.5 * std * ones)]

    monkeypatch.setattr(of_ensemble, "_densities", half_as_wide)
    found, wider = of_ensemble.widened_by_forecast(pool, [], rows, targets, RNG(0), None)
    np.testing.assert_allclose(wider, 2.0, rtol=0.07)
    width = np.hypot(0.5 * std * found.factors[0], found.noise[0])
    np.testing.assert_allclose(width, std, rtol=0.07)
