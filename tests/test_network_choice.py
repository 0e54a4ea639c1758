"""Decay, encoding and linear path that few rows choose by cross-validation."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, TimeSeriesSplit

from skmdn import MDNRegressor
from skmdn._estimators.observations import Observations
from skmdn._training import network_choice
from skmdn._training.cross_validation import CrossValidation
from skmdn._training.network_choice import Score, best_of, gain, networks
from skmdn._training.settings import Settings

pytestmark = pytest.mark.usefixtures("with_cross_validation")
SMALL = {"n_components": 2, "hidden_layer_sizes": (8,), "n_bins": 4, "max_iter": 10}
FIRST = (0.04, "piecewise", False)
OTHERS = [
    (100 / 60, "piecewise", False),
    (100 / 60, None, False),
    (5.0, None, False),
    (100 / 60, "piecewise", True),
]


def settings_of(**options):
    return Settings.of(MDNRegressor(**SMALL | {"feature_weights": None} | options))


def words(settings):
    return settings.alpha, settings.encoding, settings.linear_path


def rows(n=60, D=1, weights=None, p=1):
    rng = np.random.default_rng(0)
    X = np.repeat(np.arange(n, dtype=float)[:, None], p, axis=1)
    return Observations.of(X, rng.normal(size=(n, D)), weights)


def choose(monkeypatch, data, errors, groups=None, *, losses=(), needs_folds=True, **options):
    """What is chosen where it is told how wrong each network is, by row; and the folds it asked."""
    asked, losses = [], dict(losses)

    def told(settings, data, folds, seed, rival, feature_weights):
        assert (feature_weights is None) == (settings.feature_weights is None)
        asked.append((words(settings), folds))
        loss = losses.get(words(settings), 0.0)
        is_behind = rival is not None and rival.is_ahead_of([loss])
        return None if is_behind else CrossValidation(settings, folds, [], [loss], None)

    def score(trial, of_y):
        error = np.broadcast_to(errors.get(words(trial.settings), 1.0), len(of_y))
        D = of_y.y.shape[1]
        w = np.ones(len(of_y)) if of_y.weights is None else of_y.weights[of_y.rows]
        crps = np.repeat(np.abs(error)[:, None], D, axis=1)
        return Score(-(error**2) / 2, crps, of_y.y[of_y.rows], w)

    monkeypatch.setattr(network_choice, "cross_validated", told)
    monkeypatch.setattr(network_choice, "score", score)
    found, _ = network_choice.chosen_network(
        settings_of(**options),
        data,
        data,
        groups,
        np.random.default_rng(0),
        needs_folds=needs_folds,
    )
    return words(found), asked


def test_the_networks_of_few_rows():
    found = networks(settings_of(), 50)
    assert [words(each) for each in found] == [
        FIRST,
        (2.0, "piecewise", False),
        (2.0, None, False),
        (6.0, None, False),
        (2.0, "piecewise", True),
    ]


def test_the_networks_of_more_rows():
    assert [words(each) for each in networks(settings_of(), 1000)] == [
        FIRST,
        (0.1, None, False),
        (0.1, "piecewise", True),
    ]
    assert len(networks(settings_of(), 999)) == 5


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
def test_the_best_network_on_held_out_rows_is_chosen(monkeypatch, best, D):
    assert choose(monkeypatch, rows(D=D), {best: 0.2})[0] == best
    assert choose(monkeypatch, rows(D=D), {best: 0.99})[0] == best


def test_of_equal_networks_the_first_one_is_chosen(monkeypatch):
    assert choose(monkeypatch, rows(), {})[0] == FIRST


def test_of_very_few_rows_the_line_has_the_benefit_of_the_doubt(monkeypatch):
    line = (100 / 59, "piecewise", True)
    assert choose(monkeypatch, rows(59), {})[0] == line
    assert choose(monkeypatch, rows(59), {FIRST: 0.2})[0] == FIRST
    # Better in the mean by .61 and by .79 standard errors of this mean; .7 are needed.
    for square, chosen in [(1.835, line), (1.795, FIRST)]:
        error = np.where(np.arange(59) % 2 == 0, 0.5, np.sqrt(square))
        assert choose(monkeypatch, rows(59), {FIRST: error})[0] == chosen
        assert choose(monkeypatch, rows(60), {OTHERS[0]: np.append(error, 1.0)})[0] == OTHERS[0]
    assert choose(monkeypatch, rows(59), {}, linear_path=False)[0] == FIRST
    assert choose(monkeypatch, rows(59), {}, linear_path=True)[0] == (0.04, "piecewise", True)


def test_all_networks_see_the_same_folds(monkeypatch):
    _, asked = choose(monkeypatch, rows(), {})
    assert [network for network, _ in asked] == [FIRST, *OTHERS]
    assert len({id(folds) for _, folds in asked}) == 1


def test_networks_far_behind_are_given_up(monkeypatch):
    line, error = (100 / 59, "piecewise", True), {OTHERS[2]: 0.1}
    # 5 / sqrt(60) = .645 nats are allowed.
    losses = {FIRST: 2.0, OTHERS[0]: 1.0, OTHERS[1]: 1.7, OTHERS[2]: 1.6, OTHERS[3]: 1.6}
    assert choose(monkeypatch, rows(), error, losses=losses)[0] == OTHERS[2]
    assert choose(monkeypatch, rows(), error, losses=losses | {OTHERS[2]: 1.7})[0] == FIRST
    # Also the one that is expected of very few rows.
    assert choose(monkeypatch, rows(59), {}, losses={line: 0.6})[0] == line
    assert choose(monkeypatch, rows(59), {}, losses={line: 0.7})[0] == FIRST


def test_weights_count(monkeypatch):
    weights = np.where(np.arange(60) < 50, 1e-3, 1.0)
    error = np.where(np.arange(60) < 50, 3.0, 0.1)  # bad only where the weight is small
    best = OTHERS[1]
    assert choose(monkeypatch, rows(weights=weights), {best: error})[0] == best
    assert choose(monkeypatch, rows(), {best: error})[0] == FIRST


@pytest.mark.parametrize(
    ("n", "n_asked"), [(9, 0), (10, 5), (999, 5), (1000, 3), (9999, 3), (10_000, 0)]
)
def test_very_few_and_many_rows_compare_nothing(monkeypatch, n, n_asked):
    assert len(choose(monkeypatch, rows(n), {})[1]) == n_asked
    if n_asked == 0:
        best = networks(settings_of(), n)[1]
        assert choose(monkeypatch, rows(n), {words(best): 0.1})[0] == words(
            networks(settings_of(), n)[0]
        )


@pytest.mark.parametrize(
    ("n", "p", "n_asked"), [(999, 2, 5), (1000, 2, 0), (1500, 150, 0), (1500, 151, 2)]
)
def test_where_nothing_else_needs_folds_few_rows_and_wide_tables_make_some(
    monkeypatch, n, p, n_asked
):
    assert len(choose(monkeypatch, rows(n, p=p), {}, needs_folds=False)[1]) == n_asked


def test_a_wide_table_of_more_rows_compares_a_line_without_folds_too(monkeypatch):
    line = words(networks(settings_of(), 1500)[-1])
    assert line == (100 / 1500, "piecewise", True)
    for better in (line, FIRST):
        data = rows(1500, p=151)
        chosen, asked = choose(monkeypatch, data, {better: 0.1}, needs_folds=False)
        assert [name for name, _ in asked] == [FIRST, line]
        assert chosen == better
    options = {"linear_path": False, "needs_folds": False}
    assert len(choose(monkeypatch, rows(1500, p=151), {}, **options)[1]) == 0


def test_the_first_network_is_there_without_weights_of_features_and_with_them():
    found = networks(settings_of(feature_weights="auto"), 60)
    assert [words(each) for each in found] == [FIRST, FIRST, *OTHERS]
    assert [each.feature_weights for each in found] == [None, *["auto"] * 5]
    set_to = settings_of(feature_weights="auto", alpha=0.5, encoding=None)
    assert [each.feature_weights for each in networks(set_to, 60)] == [None, "auto"]


@pytest.mark.parametrize(("n", "p", "n_asked"), [(60, 11, 6), (60, 10, 5), (1500, 11, 4)])
def test_many_features_may_have_weights(monkeypatch, n, p, n_asked):
    _, asked = choose(monkeypatch, rows(n, p=p), {}, feature_weights="auto")
    assert len(asked) == n_asked
    # Only the rows outside a fold may tell weights for it.
    options = {"feature_weights": "auto", "needs_folds": False}
    assert len(choose(monkeypatch, rows(60, p=p), {}, **options)[1]) == 5


@pytest.mark.parametrize("n", [100, 1500])
@pytest.mark.parametrize("share", [0.99, 1.01])
def test_a_network_is_given_up_by_a_margin_that_falls_with_the_rows(monkeypatch, n, share):
    line = words(networks(settings_of(), n)[-1])
    losses = {words(one): 2.0 for one in networks(settings_of(), n)}
    losses[line] += share * 5 / np.sqrt(n)
    chosen, _ = choose(monkeypatch, rows(n), {line: 0.1}, losses=losses)
    assert chosen == (line if share < 1 else FIRST)


def test_one_network_is_compared_with_none(monkeypatch):
    values = {"alpha": 1.0, "encoding": None}
    assert len(choose(monkeypatch, rows(), {}, **values)[1]) == 1
    assert choose(monkeypatch, rows(), {}, needs_folds=False, **values)[1] == []
    assert len(choose(monkeypatch, rows(), {}, needs_folds=False)[1]) == 5


def test_gain_against_a_plain_computation():
    rng = np.random.default_rng(1)
    weights = rng.uniform(size=12)
    a, b = (
        Score(*each, rng.normal(size=(12, 2)), weights)
        for each in zip(rng.normal(size=(2, 12)), rng.uniform(size=(2, 12, 2)), strict=True)
    )
    unit = np.average(b.crps, axis=0, weights=weights)
    gains = a.log_likelihood - b.log_likelihood - ((a.crps - b.crps) / unit).sum(axis=1)
    mean = np.average(gains, weights=weights)
    error = np.sqrt(np.sum((weights / weights.sum()) ** 2 * (gains - mean) ** 2))
    assert gain(a, b) == pytest.approx(mean)
    assert gain(a, b, 2.0) == pytest.approx(mean - 2 * error)


@pytest.mark.parametrize("expected", [None, 0])
def test_scores_that_are_no_numbers_are_not_the_best(expected):
    rest = np.arange(9.0)[:, None], np.ones(9)
    near, far = (Score(np.full(9, -loss), np.ones((9, 1)), *rest) for loss in (1.0, 2.0))
    broken = Score(np.full(9, np.nan), np.full((9, 1), np.nan), *rest)
    assert best_of([far, broken, near], expected) == 2
    assert best_of([near, broken, far], expected) == 0


def test_one_row_does_not_decide():
    ones = np.ones((9, 1)), np.ones((9, 1)), np.ones(9)
    far, near = np.zeros(9), np.full(9, -0.5)
    far[0] = -1e6
    assert gain(Score(far, *ones), Score(near, *ones)) == pytest.approx(-3.5 / 9)
    assert best_of([Score(near, *ones), Score(far, *ones)]) == 0


def test_rows_of_weight_two_decide_as_two_rows():
    """Where an outlier is cut off depends on the median of the rows."""
    rng = np.random.default_rng(0)
    a, b = 4 * rng.standard_t(1.2, size=(2, 40))
    crps, y = rng.uniform(size=(2, 40, 1)), rng.normal(size=(40, 1))
    weights = np.where(a > np.median(a), 1.0, 9.0)
    rows = np.repeat(np.arange(40), weights.astype(int))
    weighted, repeated = (
        gain(*(Score(one[at], c[at], y[at], w) for one, c in zip((a, b), crps, strict=True)))
        for at, w in ((np.arange(40), weights), (rows, np.ones(len(rows))))
    )
    assert weighted == pytest.approx(repeated, rel=1e-12)


# The estimator -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    return X, X[:, 0] + rng.normal(size=60)


def test_a_choice_has_the_folds_of_the_values_set(data):
    X, y = data
    chosen = MDNRegressor(random_state=0, **SMALL).fit(X, y)
    line = chosen.linear_coef_ is not None
    values = {"alpha": chosen.alpha_, "encoding": chosen.encoding_, "linear_path": line}
    fitted = MDNRegressor(random_state=0, **SMALL, **values).fit(X, y)
    assert chosen.validation_loss_curve_ == fitted.validation_loss_curve_
    # What it learns is another matter: all networks that were compared teach it.
    assert np.any(chosen.coefs_[0] != fitted.coefs_[0])
    assert words(networks(settings_of(), 60)[0]) == FIRST


def test_a_noisy_line_wants_a_firm_decay_and_a_smooth_curve_does_not():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 5))
    line, decays = X[:, 0] + rng.normal(size=150), []
    for seed in range(3):
        model = MDNRegressor(
            n_components=2, hidden_layer_sizes=(32, 32), max_iter=60, random_state=seed
        )
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


def test_a_network_without_calibration_is_not_widened(data):
    X, y = data
    model = MDNRegressor(calibrate=False, random_state=0, **SMALL).fit(X, y)
    assert (model.spread_factor_, model.spread_noise_) == (1.0, 0.0)
