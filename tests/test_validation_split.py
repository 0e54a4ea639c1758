"""Which rows validate, and the warning where they depend on rows that train."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from cases.engine import make_data
from cases.regressor import linear_rows, short
from cases.series import series
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    PredefinedSplit,
    ShuffleSplit,
    TimeSeriesSplit,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmdn import MDNRegressor, Mixture, _engine
from skmdn._engine.budget import n_held_out
from skmdn._estimators.observations import Observations
from skmdn._estimators.random_state import new_generator
from skmdn._network.preparation import Preparation
from skmdn._training import fitting, residual_dependence
from skmdn._training.calibration import Judged
from skmdn._training.residual_dependence import dependence_warning
from skmdn._training.settings import Settings
from skmdn._training.validation_split import ValidationSplit, hold_out, representative_groups

N = 400
X, Y = linear_rows(N)
SERIES = series(N, 0.95)
GROUPS = np.random.default_rng(5).permutation(np.arange(N) // 10)
WAYS = ["auto", "shuffled", "blocks", "last"]


def split(y, way="auto", *, weights=None, groups=None, seed=0, x=None, y_ndim=1, fraction="auto"):
    """The split of rows with targets y, as `fit` makes it."""
    Y = np.reshape(y, (len(y), -1)).astype(float)
    x = np.arange(len(Y), dtype=float)[:, None] if x is None else x
    data = Observations.of(x, Y, weights, y_ndim)
    settings = Settings.of(MDNRegressor(validation_split=way, validation_fraction=fraction))
    preparation = Preparation.of(data.X, data.y, data.weights)
    return hold_out(settings, data, preparation, groups, np.random.default_rng(seed))


def validating(*args, **options):
    return split(*args, **options).validation.rows


def assert_is_partition(found, rows):
    together = np.concatenate([found.learning.rows, found.validation.rows])
    np.testing.assert_array_equal(np.sort(together), rows)


# Single rows, runs, the last rows ---------------------------------------------------------------


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_one_row_of_every_stratum_of_targets_is_held_out(n_outputs):
    x, y, weights = make_data(n=200, n_outputs=n_outputs)
    y[:, -1] *= 1000  # another unit, and a strong relation
    y[:, 0] += y[:, -1] / 250 if n_outputs > 1 else 0
    weights[:10] = weights[190:] = 0
    weights[10:190] += 0.1
    present = y[10:190]
    places = np.empty(200, int)
    scale = np.sqrt(np.cov(present.T, aweights=weights[10:190]).reshape(n_outputs, -1).diagonal())
    places[10 + np.argsort((present / scale).sum(axis=1))] = np.arange(180)  # the main axis
    seen = set()
    for seed in range(50):
        found = split(y, "shuffled", x=x, weights=weights, seed=seed, y_ndim=2, fraction=0.1)
        assert_is_partition(found, np.arange(10, 190))
        rows = found.validation.rows
        np.testing.assert_array_equal(np.sort(places[rows] // 10), np.arange(18))
        seen.update(rows)
    assert len(seen) > 170  # every row has its chance


def test_auto_asks_whether_consecutive_rows_are_alike():
    found = {name: split(y) for name, y in [("random", Y), ("series", SERIES)]}
    assert found["random"].kind == "shuffled"
    assert found["random"].p_value > 1e-4
    np.testing.assert_array_equal(found["random"].validation.rows, validating(Y, "shuffled"))
    assert found["series"].kind == "blocks"
    assert found["series"].p_value < 1e-4
    np.testing.assert_array_equal(found["series"].validation.rows, validating(SERIES, "blocks"))
    for way in ("shuffled", "blocks", "last"):
        assert split(SERIES, way).p_value is None


@pytest.mark.parametrize("y", [np.sort(Y), -np.sort(Y), np.sort(Y.round()), np.sort(Y)[::-1] ** 3])
def test_a_table_sorted_by_y_loses_nothing(y):
    found = split(y)
    assert found.kind == "shuffled"
    assert found.p_value < 1e-4
    np.testing.assert_array_equal(found.validation.rows, validating(y, "shuffled"))


def test_copies_of_a_row_next_to_each_other_make_blocks_but_weights_do_not():
    y = Y[:200]
    assert split(np.repeat(y, 2)).kind == "blocks"
    assert split(y, weights=np.full(200, 2.0)).kind == "shuffled"


def test_few_rows_are_alike_but_too_few_for_runs():
    found = split(np.cumsum(np.random.default_rng(1).normal(size=80)))
    assert found.kind == "shuffled"
    assert found.p_value < 1e-4


def test_blocks_are_runs_over_the_whole_order():
    found = split(SERIES)
    rows = found.validation.rows
    assert len(rows) == n_held_out(N, "auto") == found.run_lengths.sum()
    assert_is_partition(found, np.arange(N))
    ends = np.cumsum(found.run_lengths)
    for start, end in zip(ends - found.run_lengths, ends, strict=True):
        assert np.all(np.diff(rows[start:end]) == 1)
    assert rows[0] < N / 10 < 9 * N / 10 < rows[-1]
    assert not np.array_equal(rows, validating(SERIES, seed=1))


def test_the_last_rows_are_held_out():
    np.testing.assert_array_equal(validating(Y, "last"), np.arange(N - 40, N))
    np.testing.assert_array_equal(validating(Y, "last", fraction=0.25), np.arange(N - 100, N))


@pytest.mark.parametrize("way", WAYS)
def test_rows_of_weight_zero_take_no_part(way):
    """The split of the others is what it is without them."""
    weights = np.resize([1.0, 2.0, 0.0], N)
    y = np.where(weights > 0, SERIES, 1e6 * np.arange(N))
    present = np.flatnonzero(weights)
    found = split(y, way, weights=weights)
    assert_is_partition(found, present)
    alone = split(y[present], way, weights=weights[present])
    np.testing.assert_array_equal(found.validation.rows, present[alone.validation.rows])
    assert found.p_value == alone.p_value


@pytest.mark.parametrize("way", WAYS)
def test_any_number_of_rows_from_two_on_is_split(way):
    for n in range(2, 25):
        for fraction in ("auto", 0.01, 0.99):
            found = split(SERIES[:n], way, fraction=fraction)
            assert_is_partition(found, np.arange(n))
            assert len(found.validation) == n_held_out(n, fraction)
    assert split(SERIES[:1], way).validation is None


# Groups -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["auto", "shuffled", "last"])
@pytest.mark.parametrize("labels", [GROUPS, GROUPS.astype(str), GROUPS - 7.5])
def test_groups_are_not_split(way, labels):
    found = split(Y, way, groups=labels)
    assert found.kind == "groups"
    assert found.p_value is None
    assert_is_partition(found, np.arange(N))
    assert len(found.validation) == 40
    assert not set(labels[found.validation.rows]) & set(labels[found.learning.rows])


def test_groups_that_are_held_out_represent_the_targets():
    """Their targets are closer to all targets than those of random groups nearly always are."""
    offsets = np.random.default_rng(0).normal(size=40)
    y = offsets[GROUPS] + 0.1 * np.random.default_rng(1).normal(size=N)

    def distance(rows):
        levels = np.linspace(0.05, 0.95, 19)
        return np.abs(np.quantile(y[rows], levels) - np.quantile(y, levels)).mean()

    rng = np.random.default_rng(2)
    by_chance = [distance(np.isin(GROUPS, rng.choice(40, 4, replace=False))) for _ in range(300)]
    ours = [distance(validating(y, groups=GROUPS, seed=seed)) for seed in range(20)]
    assert np.mean(ours) < np.quantile(by_chance, 0.15)


def test_groups_of_unequal_sizes_hold_about_the_rows_that_are_wanted():
    """Nearer to it than the groups of a single draw are."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(30), rng.geometric(0.05, 30))
    y, wanted = rng.normal(size=len(groups)), 0.2 * len(groups)
    found = [validating(y, groups=groups, fraction=0.2, seed=seed) for seed in range(20)]
    ours = np.abs([len(rows) - wanted for rows in found])
    sizes = np.bincount(groups)
    single = np.abs([rng.choice(sizes, 6, replace=False).sum() - wanted for _ in range(300)])
    assert ours.mean() < 0.5 * single.mean()
    assert ours.max() < 0.2 * wanted


@pytest.mark.parametrize("n_groups", [2, 3, 5])
def test_few_groups_leave_one_to_train_and_one_to_validate(n_groups):
    groups = np.arange(30) % n_groups
    for fraction in (0.01, 0.5, 0.99):
        found = split(Y[:30], groups=groups, fraction=fraction)
        assert 0 < len(found.validation) < 30
        held_out = representative_groups(Y[:30], groups, 29, np.random.default_rng(0))
        assert 0 < held_out.sum() < n_groups


def test_the_last_groups_are_those_whose_first_rows_come_last():
    groups = np.array([5, 5, 1, 5, 1, 3, 3, 9, 3, 5])
    rows = validating(Y[:10], "last", groups=groups, fraction=0.3)
    np.testing.assert_array_equal(rows, [5, 6, 7, 8])
    rows = validating(Y[:10], "last", groups=groups, fraction=0.1)
    np.testing.assert_array_equal(rows, [7])


def test_groups_of_rows_without_weight_do_not_count():
    weights = np.where(GROUPS < 20, 1.0, 0.0)
    found = split(Y, groups=GROUPS, weights=weights)
    assert_is_partition(found, np.flatnonzero(weights))


@pytest.mark.parametrize(
    ("way", "groups", "match"),
    [
        ("blocks", GROUPS, "validation_split='blocks' expects no groups"),
        ("auto", np.zeros(N), "groups: expected at least two groups of rows with weight"),
        ("last", np.zeros(N), "groups: expected at least two groups"),
        ("auto", GROUPS[:-1], "groups must have one label per row"),
        ("auto", np.array([None, "a"] * (N // 2), dtype=object), "groups: .* without gaps"),
        ("auto", np.array([1, "a"] * (N // 2), dtype=object), "groups: expected labels of one"),
    ],
)
def test_groups_that_cannot_be_kept_whole_are_refused(way, groups, match):
    model = short(validation_split=way)
    with pytest.raises(ValueError, match=match):
        model.fit(X, Y, groups=groups)
    assert not hasattr(model, "coefs_")


# Splitters --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "splitter",
    [
        TimeSeriesSplit(3, gap=7),
        ShuffleSplit(2, test_size=0.3, random_state=0),
        KFold(4),
        PredefinedSplit(np.resize([-1, -1, 0], N)),
    ],
)
def test_of_a_splitter_the_last_split_is_taken(splitter):
    found = split(Y, splitter)
    *_, (train, test) = splitter.split(Y[:, None])
    np.testing.assert_array_equal(found.learning.rows, np.sort(train))
    np.testing.assert_array_equal(found.validation.rows, np.sort(test))
    assert found.kind == "splitter"


def test_a_splitter_gets_the_groups_and_all_rows_of_which_those_with_weight_count():
    weights = np.resize([1.0, 0.0], N)
    present = np.flatnonzero(weights)
    found = split(Y, GroupKFold(3), groups=GROUPS, weights=weights)
    *_, (train, test) = GroupKFold(3).split(Y, groups=GROUPS)
    np.testing.assert_array_equal(found.learning.rows, np.intersect1d(train, present))
    np.testing.assert_array_equal(found.validation.rows, np.intersect1d(test, present))


@pytest.mark.parametrize("target_transform", ["log", "auto"])
def test_a_splitter_knows_rows_by_their_numbers(target_transform):
    """Also where some are at atoms, and have no part in the choice of a map."""
    third = PredefinedSplit(np.resize([-1, -1, 0], N))
    y = np.where(np.arange(N) % 5 == 0, 0.0, np.exp(Y))
    weights = np.where(np.arange(N) % 7 == 0, 0.0, 1.0)
    words = {"target_atoms": [0.0], "target_transform": target_transform, "max_iter": 2}
    model = short(validation_split=third, **words).fit(X, y, sample_weight=weights)
    assert model.validation_split_ == "splitter"


class Splitter:
    """Gives the splits that it was made with."""

    def __init__(self, *parts):
        self.parts = parts

    def split(self, X, y=None, groups=None):
        return iter(self.parts)

    def get_n_splits(self, X=None, y=None, groups=None):
        return len(self.parts)


@pytest.mark.parametrize(
    ("parts", "match"),
    [
        ([], "validation_split: expected at least one split"),
        ([([0, 1], [])], "validation_split: expected a last split .* got 2 and 0 rows"),
        ([([], [0, 1])], "got 0 and 2 rows"),
        ([([0, 1, 2], [2, 3])], "got 3 and 2 rows, 1 of them in both"),
        ([([0, 1], [N])], f"validation_split: expected splits .* indices or masks of {N} rows"),
    ],
)
def test_splits_that_cannot_validate_are_refused(parts, match):
    parts = [tuple(np.array(rows, dtype=int) for rows in part) for part in parts]
    model = short(validation_split=Splitter(*parts))
    with pytest.raises(ValueError, match=match):
        model.fit(X, Y)
    assert not hasattr(model, "coefs_")


# In fit -----------------------------------------------------------------------------------------


def test_fitted_attributes_say_which_rows_validated_and_why():
    quick = {"max_iter": 1}
    series_model = short(**quick).fit(X, SERIES)
    assert series_model.validation_split_ == "blocks"
    assert series_model.dependence_p_value_ < 1e-4
    random = short(**quick).fit(X, Y)
    assert random.validation_split_ == "shuffled"
    assert 1e-4 < random.dependence_p_value_ <= 1
    for options, fit_params, kind in [
        ({"validation_split": "last"}, {}, "last"),
        ({"validation_split": KFold(3)}, {}, "splitter"),
        ({}, {"groups": GROUPS}, "groups"),
        ({"validation_fraction": None}, {"groups": GROUPS}, None),
        ({"validation_split": "blocks"}, {"X_val": X, "y_val": Y, "groups": GROUPS}, None),
    ]:
        model = short(**quick, **options).fit(X, Y, **fit_params)
        assert model.validation_split_ == kind
        assert model.dependence_p_value_ is None
        assert bool(model.validation_loss_curve_) == (kind is not None or "X_val" in fit_params)
    assert series_model.partial_fit(X, Y).validation_split_ is None
    assert series_model.dependence_p_value_ is None


@pytest.mark.filterwarnings("ignore:Residuals of held-out rows go together")
@pytest.mark.parametrize("way", [*WAYS, KFold(3)])
def test_the_rows_of_the_split_train_validate_and_calibrate(way, monkeypatch):
    seen = {}
    train, calibrated = _engine.train, fitting.calibrated

    def spied_train(data, *args, validation, **options):
        seen["train"], seen["validate"] = data.rows, validation.rows
        return train(data, *args, validation=validation, **options)

    def spied_calibrated(predictor, held_out, *args):
        seen["calibrate"] = held_out.rows
        return calibrated(predictor, held_out, *args)

    monkeypatch.setattr(_engine, "train", spied_train)
    monkeypatch.setattr(fitting, "calibrated", spied_calibrated)
    short(validation_split=way, max_iter=1).fit(X, SERIES)
    rng = new_generator(0)  # the seed of `short`; without many rows nothing else is drawn before
    data = Observations.of(X, SERIES[:, None], y_ndim=1)
    settings = Settings.of(MDNRegressor(validation_split=way))
    expected = hold_out(settings, data, Preparation.of(X, data.y, None), None, rng)
    np.testing.assert_array_equal(seen["train"], expected.learning.rows)
    np.testing.assert_array_equal(seen["validate"], expected.validation.rows)
    np.testing.assert_array_equal(seen["calibrate"], expected.validation.rows)


@pytest.mark.filterwarnings("ignore:Residuals of held-out rows go together")
@pytest.mark.parametrize("groups", [None, GROUPS])
@pytest.mark.parametrize("way", WAYS)
def test_warm_starts_hold_out_the_same_rows(way, groups, monkeypatch):
    if way == "blocks":
        groups = None
    held_out = []

    def spied(*args):
        found = hold_out(*args)
        if len(args[1]) == len(X):  # not the network that forecasts the last rows
            held_out.append(found.validation.rows)
        return found

    monkeypatch.setattr("skmdn._training.fitting.hold_out", spied)
    model = short(warm_start=True, max_iter=2, validation_split=way)
    for _ in range(3):
        model.fit(X, SERIES, groups=groups)
    first, *others = held_out
    assert len(others) == 2
    for rows in others:
        np.testing.assert_array_equal(rows, first)


def test_a_search_passes_groups_on_where_metadata_are_routed():
    """And without routing they reach its splitter only, as before."""
    model = make_pipeline(StandardScaler(), short(max_iter=1))
    grid = {"mdnregressor__n_components": [1, 2]}
    for routed, kind in [(True, "groups"), (False, "shuffled")]:
        with sklearn.config_context(enable_metadata_routing=routed):
            search = GridSearchCV(model, grid, cv=GroupKFold(3), error_score="raise")
            search.fit(X, Y, groups=GROUPS)
        assert search.best_estimator_[-1].validation_split_ == kind
    with sklearn.config_context(enable_metadata_routing=True):
        scores = cross_validate(
            model,
            X,
            Y,
            cv=GroupKFold(3),
            params={"groups": GROUPS},
            return_estimator=True,
            error_score="raise",
        )
        unasked = short(max_iter=1).set_fit_request(groups=False)
        assert (
            cross_validate(
                unasked, X, Y, cv=GroupKFold(3), params={"groups": GROUPS}, return_estimator=True
            )["estimator"][0].validation_split_
            == "shuffled"
        )
    assert [each[-1].validation_split_ for each in scores["estimator"]] == ["groups"] * 3


@pytest.mark.parametrize("labels", [list, pd.Series, pd.Categorical])
def test_groups_may_come_in_any_form(labels):
    model = short(max_iter=1).fit(X, Y, groups=labels(GROUPS.astype(str)))
    assert model.validation_split_ == "groups"


# The warning ------------------------------------------------------------------------------------


class Standard:
    """A fitted network whose densities are standard normal: residuals are the targets."""

    def mapped_density(self, X):
        ones = np.ones((len(X), 1))
        return Mixture(ones, 0 * ones, ones)


def warning_of(y, kind="shuffled", run_lengths=None):
    data = Observations.of(np.zeros((len(y), 1)), y.reshape(len(y), -1))
    split = ValidationSplit(data, data, kind, None, run_lengths)
    return dependence_warning([Judged(Standard(), data)], data, split)


def test_residuals_that_go_together_are_told_where_rows_count_as_independent():
    assert "Residuals of held-out rows go together" in warning_of(SERIES)
    for way in ("'blocks'", "groups"):
        assert way in warning_of(SERIES)
    assert "'last'" not in warning_of(SERIES)  # its forecasts are less calibrated than of blocks
    for kind in ("last", "groups", "splitter", None):
        assert warning_of(SERIES, kind) is None
    assert warning_of(np.random.default_rng(0).normal(size=N)) is None
    assert warning_of(np.sort(Y)) is None
    assert warning_of(np.append(SERIES, np.inf)) is None


def test_of_runs_only_dependence_from_run_to_run_is_told():
    rng, lengths = np.random.default_rng(0), np.resize([7, 8], 50)
    inside = np.repeat(rng.normal(size=50), lengths)
    assert warning_of(inside, "blocks", lengths) is None
    assert warning_of(inside, "shuffled") is not None
    drift = np.sin(np.arange(lengths.sum()) / 60) + rng.normal(size=lengths.sum())
    found = warning_of(drift, "blocks", lengths)
    assert "errors last longer than a run" in found
    assert "lagged targets" in found
    assert "validation_split" not in found


def test_of_many_runs_the_last_rows_are_looked_at(monkeypatch):
    """Their means are those of the runs, the first of which may be cut."""
    seen = []
    original = residual_dependence.dependence

    def spied(values):
        seen.append(values)
        return original(values)

    monkeypatch.setattr(residual_dependence, "dependence", spied)
    monkeypatch.setattr(residual_dependence, "_MAX_ROWS", 50)
    y, lengths = np.arange(200.0) % 7, np.resize([7, 8, 5], 30)
    warning_of(y, "blocks", lengths)
    ends = np.cumsum(lengths)
    runs = [y[max(150, end - m) : end] for end, m in zip(ends, lengths, strict=True) if end > 150]
    np.testing.assert_allclose(seen[-1][:, 0], [run.mean() for run in runs])


def test_fit_warns_of_a_series_that_x_does_not_explain():
    walk = np.cumsum(np.random.default_rng(0).normal(size=2000))
    x = np.random.default_rng(1).normal(size=(2000, 2))
    with pytest.warns(UserWarning, match="Residuals of held-out rows go together") as caught:
        short(max_iter=2, validation_split="shuffled").fit(x, walk)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    for way in ("last", KFold(3)):
        short(max_iter=2, validation_split=way).fit(x, walk)


@pytest.mark.parametrize("order", ["random", "sorted"])
def test_a_fit_that_learns_little_of_exchangeable_rows_does_not_warn(order):
    """Warnings are errors here."""
    x, y = linear_rows(1500)
    y = y**3
    rows = np.argsort(y) if order == "sorted" else np.arange(1500)
    model = short(max_iter=1).fit(x[rows], y[rows])
    assert model.validation_split_ == "shuffled"
