"""Decay, encoding and linear path that few rows choose by cross-validation."""

from typing import NamedTuple

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, TimeSeriesSplit

from skmdn import MDNRegressor, Mixture
from skmdn._estimators.observations import Observations
from skmdn._predictor import Predictor
from skmdn._training import network_choice
from skmdn._training.calibration import Trials, widened
from skmdn._training.network_choice import chosen_network, networks
from skmdn._training.settings import Settings

pytestmark = pytest.mark.usefixtures("with_network_choice")
SMALL = {"n_components": 2, "hidden_layer_sizes": (8,), "n_bins": 4, "max_iter": 10}
FIRST = (0.04, "piecewise", False)
OTHERS = [
    (100 / 60, "piecewise", False),
    (100 / 60, None, False),
    (5.0, None, False),
    (100 / 60, "piecewise", True),
]


def settings_of(**options):
    return Settings.of(MDNRegressor(**SMALL | options))


def words(settings):
    return settings.alpha, settings.encoding, settings.linear_path


def rows(n=60, D=1, weights=None):
    rng = np.random.default_rng(0)
    X = np.arange(n, dtype=float)[:, None]
    return Observations.of(X, rng.normal(size=(n, D)), weights)


class Told(NamedTuple):
    """A prediction whose errors are known."""

    y: np.ndarray  # (N, D), by the feature, which is the number of the row
    error: np.ndarray  # (N,)
    y_ndim: int = 2

    def density(self, X):
        numbers = X[:, 0].astype(int)
        means = self.y[numbers] + self.error[numbers, None]
        return Mixture(np.ones((len(X), 1)), means[:, None], np.ones((len(X), 1, self.y.shape[1])))


class Fits:
    """Fits that are told how wrong each network is, and which remember their calls."""

    def __init__(self, data, errors, default=1.0):
        self.data, self.errors, self.default, self.calls = data, errors, default, []

    def __call__(self, settings, data, groups):
        self.calls.append((words(settings), data.rows))
        error = self.errors.get(words(settings), self.default)
        return Told(self.data.y, np.broadcast_to(error, len(self.data.y)))


def choose(data, errors, groups=None, **options):
    fits = Fits(data, errors)
    rng = np.random.default_rng(0)
    found = chosen_network(settings_of(**options), data, groups, rng, fits).settings
    return words(found), fits.calls


def test_the_networks_of_few_rows():
    found = networks(settings_of(), 50)
    assert [words(each) for each in found] == [
        FIRST,
        (2.0, "piecewise", False),
        (2.0, None, False),
        (6.0, None, False),
        (2.0, "piecewise", True),
    ]


def test_decay_is_at_least_that_of_many_rows():
    assert {each.alpha for each in networks(settings_of(), 100_000)} == {0.04}


def test_what_is_set_is_obeyed():
    assert [words(each) for each in networks(settings_of(alpha=0.5), 50)] == [
        (0.5, "piecewise", False),
        (0.5, None, False),
        (0.5, "piecewise", True),
    ]
    decays = [(0.04, None, False), (2.0, None, False), (6.0, None, False), (2.0, None, True)]
    assert [words(each) for each in networks(settings_of(encoding=None), 50)] == decays
    for set_to in (True, False):
        found = networks(settings_of(linear_path=set_to), 50)
        assert {each.linear_path for each in found} == {set_to}
        assert len(found) == 4


@pytest.mark.parametrize(("word", "line"), [("auto", False), (False, False), (True, True)])
def test_with_decay_and_encoding_set_nothing_is_left_to_choose(word, line):
    found = networks(settings_of(alpha=0.5, encoding=None, linear_path=word), 50)
    assert [words(each) for each in found] == [(0.5, None, line)]


@pytest.mark.parametrize("best", OTHERS)
@pytest.mark.parametrize("D", [1, 2])
def test_the_best_network_on_held_out_rows_is_chosen(best, D):
    assert choose(rows(D=D), {best: 0.2})[0] == best


def test_the_first_network_has_the_benefit_of_the_doubt():
    assert choose(rows(), {})[0] == FIRST
    # Better in the mean by .76 and by 1.06 standard errors of this mean; .7 + 16 / 60 are needed.
    for square, chosen in [(1.65, FIRST), (1.6, OTHERS[2])]:
        error = np.where(np.arange(60) % 2 == 0, 0.5, np.sqrt(square))
        assert choose(rows(), {OTHERS[2]: error})[0] == chosen


def test_of_very_few_rows_the_line_has_it():
    line = (100 / 59, "piecewise", True)
    assert choose(rows(59), {})[0] == line
    assert choose(rows(59), {FIRST: 0.2})[0] == FIRST
    for square, chosen in [(1.65, line), (1.6, FIRST)]:
        error = np.where(np.arange(59) % 2 == 0, 0.5, np.sqrt(square))
        assert choose(rows(59), {FIRST: error})[0] == chosen
    # It stays in the race, even far behind.
    _, calls = choose(rows(59), {FIRST: 0.1, line: 3.0})
    assert sum(word == line for word, _ in calls) == 5
    assert choose(rows(59), {}, linear_path=False)[0] == (0.04, "piecewise", False)
    assert choose(rows(59), {}, linear_path=True)[0] == (0.04, "piecewise", True)


def test_networks_far_behind_leave_the_race():
    _, calls = choose(rows(), {FIRST: 0.1, OTHERS[2]: 3.0})
    assert sum(word == OTHERS[2] for word, _ in calls) == 2
    assert sum(word == FIRST for word, _ in calls) == 5


def test_each_row_is_held_out_once():
    data = rows()
    _, calls = choose(data, {})
    held_out = [np.setdiff1d(data.rows, trained) for word, trained in calls if word == FIRST]
    np.testing.assert_array_equal(np.sort(np.concatenate(held_out)), data.rows)


def test_rows_without_weight_take_no_part_and_weights_count():
    weights = np.ones(60)
    weights[::3] = 0.0
    _chosen, calls = choose(rows(weights=weights), {})
    assert all(np.all(trained % 3 > 0) for _, trained in calls)
    weights = np.where(np.arange(60) < 50, 1e-3, 1.0)
    error = np.where(np.arange(60) < 50, 3.0, 0.1)  # bad only where the weight is small
    best = OTHERS[1]
    assert choose(rows(weights=weights), {best: error})[0] == best
    assert choose(rows(), {best: error})[0] == FIRST


def test_groups_stay_together():
    groups = np.arange(60) // 6
    _, calls = choose(rows(), {}, groups)
    for _, trained in calls:
        assert not np.intersect1d(groups[trained], np.delete(groups, trained)).size
    assert choose(rows(), {}, np.zeros(60)) == (FIRST, [])


@pytest.mark.parametrize("n", [9, 1000])
def test_very_few_and_many_rows_compare_nothing(n):
    assert choose(rows(n), {}) == (FIRST, [])
    assert len(choose(rows(10), {})[1]) > 0


def test_gain_against_a_plain_computation():
    rng = np.random.default_rng(1)
    parts = [
        [
            network_choice._HeldOut(*values, weights)
            for values in zip(rng.normal(size=(2, m)), rng.uniform(size=(2, m, 2)), strict=True)
        ]
        for m, weights in ((7, np.ones(7)), (5, rng.uniform(size=5)))
    ]
    ours, theirs = zip(*parts, strict=True)
    w = np.concatenate([part.weights for part in ours])
    a, b = (np.vstack([part.crps for part in each]) for each in (ours, theirs))
    unit = np.average(b, axis=0, weights=w)
    ll = [np.concatenate([p.log_likelihood for p in each]) for each in (ours, theirs)]
    gains = ll[0] - ll[1] - ((a - b) / unit).sum(axis=1)
    mean = np.average(gains, weights=w)
    error = np.sqrt(np.sum((w / w.sum()) ** 2 * (gains - mean) ** 2))
    assert network_choice._gain(list(ours), list(theirs), -2.0) == pytest.approx(mean - 2 * error)


# The estimator -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    return X, X[:, 0] + rng.normal(size=60)


def test_a_choice_is_the_same_fit_as_the_values_set(data):
    X, y = data
    chosen = MDNRegressor(random_state=0, **SMALL).fit(X, y)
    line = chosen.linear_coef_ is not None
    values = {"alpha": chosen.alpha_, "encoding": chosen.encoding_, "linear_path": line}
    fitted = MDNRegressor(random_state=0, **SMALL, **values).fit(X, y)
    for ours, theirs in zip(chosen.coefs_, fitted.coefs_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    # The folds of the choice have a say in the spreads.
    assert chosen.spread_factor_ >= fitted.spread_factor_
    assert chosen.spread_noise_ >= fitted.spread_noise_
    assert words(networks(settings_of(), 60)[0]) == FIRST


def test_a_noisy_line_wants_a_firm_decay_and_a_smooth_curve_does_not():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 5))
    line, decays = X[:, 0] + rng.normal(size=150), []
    for seed in range(3):
        model = MDNRegressor(n_components=2, max_iter=60, random_state=seed)
        noisy = clone(model).fit(X, line)
        smooth = clone(model).fit(X[:, :1], np.sin(3 * X[:, 0]))
        decays.append((noisy.alpha_, smooth.alpha_))
    noisy, smooth = np.mean(decays, axis=0)
    assert noisy > 2 * smooth


def test_going_on_keeps_what_was_chosen(data):
    X, y = data
    model = MDNRegressor(random_state=0, warm_start=True, **SMALL).fit(X, y)
    model.alpha_, kept = 0.7, model.encoding_
    model.fit(X, y)
    assert (model.alpha_, model.encoding_) == (0.7, kept)
    model.partial_fit(X, y)
    assert (model.alpha_, model.encoding_) == (0.7, kept)


def test_parts_compare_nothing(data):
    X, y = data
    model = MDNRegressor(random_state=0, **SMALL).partial_fit(X, y)
    assert (model.alpha_, model.encoding_, model.linear_coef_ is not None) == FIRST


@pytest.mark.parametrize("splitter", [TimeSeriesSplit(3), GroupKFold(3), "last"])
def test_any_validation_split_goes_with_the_choice(data, splitter):
    X, y = data
    model = MDNRegressor(validation_split=splitter, random_state=0, **SMALL)
    groups = None if isinstance(splitter, TimeSeriesSplit) else np.arange(60) // 4
    assert np.isfinite(model.fit(X, y, groups=groups).predict(X)).all()


@pytest.mark.parametrize(
    "options",
    [
        {"target_transform": "log"},
        {"target_atoms": [0.0], "target_transform": "log"},
        {"target_transform": "auto"},
        {"validation_fraction": None},
    ],
)
def test_any_target_goes_with_the_choice(data, options):
    X, y = data
    costs = np.where(y > -1, np.exp(y), 0.0) if "target_atoms" in options else np.exp(y)
    model = MDNRegressor(random_state=0, **SMALL, **options).fit(X, costs)
    assert np.isfinite(model.predict_proba(X).logpdf(costs)).all()


class OfWidth(NamedTuple):
    """A network that predicts zero, with a standard deviation."""

    std: float

    def mapped_density(self, X):
        ones = np.ones((len(X), 1))
        return Mixture(ones, 0.0 * ones, self.std * ones)


@pytest.mark.parametrize(
    ("std", "half", "whole"),
    [
        (0.25, (1.7, 2.3), (3.4, 4.6)),
        (1.0, (1.0, 1.1), (1.0, 1.1)),
        (4.0, (1.0, 1.01), (1.0, 1.01)),
    ],
)
def test_spreads_widen_where_the_trials_were_too_sure(std, half, whole):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 2)), rng.normal(size=400)
    y = (y - y.mean()) / y.std()
    model = MDNRegressor(alpha=1.0, encoding=None, calibrate=False, random_state=0, **SMALL)
    predictor = Predictor.of(model.fit(X, y))
    data = Observations.of(X, y[:, None])
    folds = [(OfWidth(std), rows) for rows in np.split(np.arange(400), 4)]

    def widening(trials):
        found = widened(predictor, trials, data)
        # Variances, noise and all.
        return np.hypot(found.spread_factor * std, found.spread_noise) / std

    # Half of the widening, on a scale of logarithms, and all of it.
    assert half[0] <= widening(Trials.of_folds(folds)) <= half[1]
    forecast = OfWidth(std), np.arange(400)
    assert whole[0] <= widening(Trials.of_forecast(forecast)) <= whole[1]
    assert widened(predictor, Trials.of_folds([]), data) == predictor


def test_a_network_without_calibration_is_not_widened(data):
    X, y = data
    model = MDNRegressor(calibrate=False, random_state=0, **SMALL).fit(X, y)
    assert (model.spread_factor_, model.spread_noise_) == (1.0, 0.0)
