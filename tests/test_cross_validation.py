"""Few rows without a validation part: folds tell when to stop, and how wide spreads must be."""

import numpy as np
import pandas as pd
import pytest
from cases.series import series
from sklearn.model_selection import KFold

from skmdn import MDNRegressor
from skmdn._estimators.observations import Observations
from skmdn._predictor import Predictor
from skmdn._training import calibration, cross_validation, fitting
from skmdn._training.calibration import Judged, Spreads, spreads_of_folds, with_spreads
from skmdn._training.cross_validation import cross_validated, folds_of
from skmdn._training.residual_dependence import _in_order, _run_lengths
from skmdn._training.settings import Settings

pytestmark = pytest.mark.usefixtures("with_cross_validation")
SET = {"alpha": 1.0, "encoding": None}
SMALL = {"n_components": 2, "hidden_layer_sizes": (8,), "max_iter": 20, "random_state": 0, **SET}
RNG = np.random.default_rng


def settings_of(**options):
    return Settings.of(MDNRegressor(**SMALL | options))


def data_of(n=60, p=2, weights=None):
    rng = RNG(0)
    X = rng.normal(size=(n, p))
    return Observations.of(X, X[:, :1] + rng.normal(size=(n, 1)), weights)


def arrays(data):
    return data.X, data.y[:, 0]


# Folds -------------------------------------------------------------------------------------------


def test_of_a_constant_target_no_networks_are_compared(monkeypatch):
    def fails(*args):
        raise AssertionError("compared")

    monkeypatch.setattr("skmdn._training.network_choice.cross_validated", fails)
    X = np.random.default_rng(0).normal(size=(60, 3))
    model = MDNRegressor(random_state=0).fit(X, np.full(60, 7.0))
    assert model.n_copies_ == 1
    assert model.predict(X) == pytest.approx(np.full(60, 7.0), abs=0.5)


def test_each_row_is_in_one_fold():
    folds = folds_of(settings_of(), data_of(), None, RNG(0))
    assert folds.kind == "shuffled"
    tests = np.concatenate([test for _, test in folds.parts])
    np.testing.assert_array_equal(np.sort(tests), np.arange(60))
    for train, test in folds.parts:
        np.testing.assert_array_equal(np.sort([*train, *test]), np.arange(60))


@pytest.mark.parametrize(
    ("n", "has_folds"), [(9, False), (10, True), (9999, True), (10_000, False)]
)
def test_of_which_numbers_of_rows_there_are_folds(n, has_folds):
    assert (folds_of(settings_of(), data_of(n), None, RNG(0)) is not None) == has_folds


def test_there_are_no_folds_of_very_wide_rows():
    narrow, wide = (Observations.of(np.empty((50, p)), data_of(50).y) for p in (400_000, 400_001))
    assert folds_of(settings_of(), narrow, None, RNG(0)) is not None
    assert folds_of(settings_of(), wide, None, RNG(0)) is None


def test_rows_without_weight_take_no_part():
    weights = np.ones(60)
    weights[::2] = 0.0
    data = data_of(weights=weights)
    folds = folds_of(settings_of(), data, None, RNG(0))
    found = cross_validated(settings_of(), data, folds, 0)
    judged = np.concatenate([rows.rows for _, rows in found.judged])
    np.testing.assert_array_equal(np.sort(judged), np.arange(1, 60, 2))


def test_groups_stay_together_and_a_single_one_has_no_folds():
    groups = np.arange(60) // 6
    folds = folds_of(settings_of(), data_of(), groups, RNG(0))
    assert folds.kind == "groups"
    for train, test in folds.parts:
        assert not np.intersect1d(groups[train], groups[test]).size
    assert folds_of(settings_of(), data_of(), np.zeros(60), RNG(0)) is None


def test_the_order_is_asked_unless_the_settings_tell():
    X = np.zeros((300, 1))
    rows, alike = Observations.of(X, data_of(300).y), Observations.of(X, series(300)[:, None])

    def kind(way, data):
        folds = folds_of(settings_of(validation_split=way), data, None, RNG(0))
        return folds.kind, folds.p_value is None

    assert kind("auto", alike) == ("blocks", False)
    assert kind("shuffled", alike) == ("shuffled", True)
    assert kind("auto", rows) == ("shuffled", False)
    assert kind("blocks", rows) == ("blocks", True)


# Networks of the folds ---------------------------------------------------------------------------


def test_no_network_sees_the_fold_that_it_judges(monkeypatch):
    data, seen = data_of(), []
    original = cross_validation.fresh_beginning

    def spied(settings, learning, rng, feature_weights):
        seen.append(learning.rows)
        return original(settings, learning, rng, feature_weights)

    monkeypatch.setattr(cross_validation, "fresh_beginning", spied)
    folds = folds_of(settings_of(), data, None, RNG(0))
    found = cross_validated(settings_of(linear_path=True), data, folds, 0)
    for rows, judged, (train, test) in zip(seen, found.judged, folds.parts, strict=True):
        np.testing.assert_array_equal(rows, train)
        np.testing.assert_array_equal(judged.rows.rows, test)


class OfWidth:
    """A network that predicts normal densities in units of standardised targets."""

    def __init__(self, predictor, std):
        self.preparation, self._predictor, self._std = predictor.preparation, predictor, std

    def mapped_density(self, X):
        density = self._predictor.mapped_density(X)
        mean, scale = self.preparation.y_mean, self.preparation.y_scale
        ones = np.ones((len(X), 1))
        return type(density)(ones, 0.0 * ones, self._std * ones).affine(mean, scale)


@pytest.mark.parametrize(
    ("std", "least", "most"), [(0.25, 3.4, 4.6), (1.0, 0.9, 1.1), (4.0, 0.2, 0.3)]
)
def test_spreads_of_folds_are_those_of_the_rows(std, least, most):
    y = RNG(0).normal(3.0, 5.0, size=400)
    y = 3.0 + 5.0 * (y - y.mean()) / y.std()
    data = Observations.of(np.zeros((400, 1)), y[:, None])
    data.X[:] = RNG(1).normal(size=(400, 1))
    model = MDNRegressor(validation_fraction=None, **SMALL).fit(data.X, y)
    network = OfWidth(Predictor.of(model), std)
    parts = [Judged(network, data.select(rows)) for rows in np.split(np.arange(400), 4)]
    found = spreads_of_folds(parts)
    # Variances, noise and all.
    assert least <= np.hypot(found.factor * std, found.noise) / std <= most
    assert found.temperature is None


def test_networks_that_teach_together_are_more_certain():
    found = Spreads(4.0, 0.5, 2.0).of_teachers()
    assert found == pytest.approx((4.0**0.75, 0.75**0.5 * 0.5, 2.0))
    assert Spreads(0.5).of_teachers().factor == pytest.approx(0.5**0.75)


def test_what_calibrated_densities_teach_needs_no_calibration():
    folds = Spreads(4.0, 0.5, 2.0)
    assert folds.of_taught(0.0) == (1.0, 0.0, 1.0)
    assert folds.of_taught(1 / 3) == pytest.approx((4.0**0.25, 0.5 * 0.5, 2.0 ** (1 / 3)))
    assert folds.of_taught(1.0) == folds.of_teachers()
    assert Spreads(4.0, 0.5).of_taught(1 / 3).temperature is None


def test_spreads_stay_above_the_floor_and_the_least_noise():
    predictor = Predictor.of(MDNRegressor(**SMALL).fit(*arrays(data_of())))
    floor = predictor.architecture.scale_floor
    narrow = with_spreads(predictor, Spreads(0.6, 0.0))
    assert narrow.spread_factor == 0.6
    assert np.hypot(0.6 * floor, narrow.spread_noise) == pytest.approx(floor)
    assert with_spreads(predictor, Spreads(1.0, 0.1), 0.3).spread_noise == 0.3


# The estimator -----------------------------------------------------------------------------------


def spied_trainings(monkeypatch):
    """A list to which every training in the engine adds its data, and those that validate."""
    seen, original = [], fitting._engine.train

    def spied(data, *arguments, **keywords):
        seen.append((data, keywords["validation"]))
        return original(data, *arguments, **keywords)

    monkeypatch.setattr(fitting._engine, "train", spied)
    return seen


def trained_rows(monkeypatch, n=60, groups=None, X_val=None, **options):
    """Rows of every training in the engine, of a fit of n rows."""
    seen = spied_trainings(monkeypatch)
    X, y = arrays(data_of(n))
    validation = {} if X_val is None else {"X_val": X_val, "y_val": y[: len(X_val)]}
    MDNRegressor(**SMALL | options).fit(X, y, groups=groups, **validation)
    return [(len(data), validating is not None) for data, validating in seen]


def test_all_of_few_rows_train(monkeypatch):
    # Each of 20 times, which is as many passes as are allowed.
    assert trained_rows(monkeypatch) == [(1200, False)]
    assert trained_rows(monkeypatch, groups=np.arange(60) // 4) == [(1200, False)]
    assert trained_rows(monkeypatch, 9) == [(6, True)]


@pytest.mark.parametrize("linear_path", [False, True])
def test_copies_of_the_rows_differ_in_their_targets_alone(monkeypatch, linear_path):
    seen = spied_trainings(monkeypatch)
    X, y = arrays(data_of())
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": X[:, 0], "place": pd.Categorical(rng.choice(list("abc"), len(X)))})
    table.loc[5, "x"] = np.nan
    model = MDNRegressor(**SMALL, linear_path=linear_path)
    model.fit(table, y, sample_weight=rng.integers(3, size=len(X)))
    (data, _), *none = seen
    assert not none
    assert data.n_copies == model.n_copies_ == 20
    np.testing.assert_array_equal(data.rows, np.arange(len(data)))
    for column in (data.X, data.weights, data.folds):
        first, *others = np.split(column, data.n_copies)
        for other in others:
            np.testing.assert_array_equal(other, first)
    assert (np.ptp(data.y.reshape(data.n_copies, -1), axis=0) > 0).all()


@pytest.mark.parametrize(
    ("options", "n"),
    [
        ({"validation_fraction": 0.2}, 48),
        ({"validation_split": "last"}, 40),
        ({"validation_split": KFold(3)}, 40),
    ],
)
def test_a_validation_part_that_is_asked_for_is_set_aside(monkeypatch, options, n):
    assert trained_rows(monkeypatch, **options) == [(n, True)]


def test_validation_data_take_the_place_of_folds(monkeypatch):
    assert trained_rows(monkeypatch, X_val=np.zeros((5, 2))) == [(60, True)]
    assert trained_rows(monkeypatch, validation_fraction=None) == [(60, False)]


@pytest.mark.parametrize(
    ("groups", "way", "message"),
    [
        (np.arange(60) // 4, "blocks", "expects no groups"),
        (np.zeros(60), "auto", "expected at least two groups"),
    ],
)
def test_groups_that_have_no_folds_are_refused(groups, way, message):
    with pytest.raises(ValueError, match=message):
        MDNRegressor(validation_split=way, **SMALL).fit(*arrays(data_of()), groups=groups)


def test_what_is_kept_of_the_folds():
    X, y = arrays(data_of())
    model = MDNRegressor(**SMALL).fit(X, y)
    assert model.validation_split_ == "shuffled"
    assert 0 < model.dependence_p_value_ <= 1
    # With so many passes there is a checkpoint after each, of the networks of the folds.
    assert 1 <= len(model.validation_loss_curve_) <= 1 + 20
    assert len(model.loss_curve_) == model.n_iter_ == 1
    assert model.n_copies_ == 20
    assert MDNRegressor(**SMALL, validation_fraction=0.2).fit(X, y).n_copies_ == 1
    assert model.partial_fit(X, y).n_copies_ == 1
    assert MDNRegressor(**SMALL | {"calibrate": False}).fit(X, y).spread_factor_ == 1.0


def test_folds_of_very_few_rows_tell_their_spreads_without_a_least_one():
    x = np.linspace(-1, 1, 12)
    model = MDNRegressor(**SMALL | {"max_iter": 1000}, linear_path=True).fit(x[:, None], x)
    # A part of twelve rows that validates, and may be lucky, leaves much uncertainty.
    assert model.spread_noise_ < 0.5 * np.exp(-((12 / 21) ** 2))


def test_the_loss_curve_is_in_nats_of_y_behind_a_map():
    X, y = arrays(data_of())
    plain = MDNRegressor(**SMALL).fit(X, y)
    logs = MDNRegressor(target_transform="log", **SMALL).fit(X, np.exp(y))
    expected = np.array(plain.validation_loss_curve_) + y.mean()
    np.testing.assert_allclose(logs.validation_loss_curve_, expected, rtol=1e-6)


def test_rows_of_weight_zero_change_nothing():
    X, y = arrays(data_of())
    weights = RNG(1).uniform(0.5, 2.0, 60)
    fitted = MDNRegressor(**SMALL).fit(X, y, weights)
    others = np.vstack([X, 50 * X[:20]]), np.append(y, 1e3 * y[:20])
    same = MDNRegressor(**SMALL).fit(*others, np.append(weights, np.zeros(20)))
    for ours, theirs in zip(fitted.coefs_, same.coefs_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert same.spread_factor_ == pytest.approx(fitted.spread_factor_, rel=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"target_atoms": [0.0], "linear_path": True},
        {"target_atoms": "auto", "target_transform": "log"},
        {"covariance_type": "full"},
        {"linear_path": True, "extrapolation": "continue"},
    ],
)
def test_any_targets_and_features_go_with_folds(options):
    rng = RNG(0)
    n = 90
    X = pd.DataFrame({"a": rng.normal(size=n), "b": rng.choice(["u", "v", "w"], n)})
    X.loc[::7, "a"] = np.nan
    y = np.exp(rng.normal(size=n))
    if "target_atoms" in options:
        y[::3] = 0.0
    if "covariance_type" in options:
        y = np.column_stack([y, rng.normal(size=n)])
    model = MDNRegressor(**SMALL | options).fit(X, y)
    assert np.isfinite(model.predict_proba(X).logpdf(y)).all()
    assert model.validation_split_ == "shuffled"


def test_targets_that_are_constant_in_a_fold_or_everywhere():
    X = RNG(0).normal(size=(20, 2))
    one = np.zeros(20)
    one[3] = 1.0
    for y in (one, np.zeros(20)):
        model = MDNRegressor(**SMALL).fit(X, y)
        assert np.isfinite(model.predict_proba(X).logpdf(y)).all()


def test_an_interrupt_leaves_the_model_as_it_was(monkeypatch):
    X, y = arrays(data_of())
    model = MDNRegressor(**SMALL).fit(X, y)
    before = dict(vars(model))

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(cross_validation._engine, "train_parts", interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert vars(model) == before


def test_held_out_residuals_of_folds_tell_of_dependence():
    y = series(400)
    X = RNG(0).normal(size=(400, 1))
    model = MDNRegressor(**SMALL | {"validation_split": "shuffled"})
    with pytest.warns(UserWarning, match="go together in the order of the rows"):
        model.fit(X, y)


def test_residuals_of_folds_are_in_the_order_of_the_rows():
    data = data_of()
    model = MDNRegressor(validation_fraction=None, **SMALL).fit(*arrays(data))
    predictor = Predictor.of(model)
    parts = [Judged(predictor, data.select(np.arange(k, 60, 3))) for k in range(3)]
    residuals, y = _in_order(parts, data)
    whole, _ = _in_order([Judged(predictor, data)], data)
    np.testing.assert_allclose(residuals, whole, rtol=1e-12)
    np.testing.assert_array_equal(y, data.y)
    runs = np.array([0, 0, 1, 1, 1, 2, 0, 0, 0, 0])
    few = data_of(10)
    parts = [Judged(predictor, few.select(np.flatnonzero(runs == k))) for k in range(3)]
    np.testing.assert_array_equal(_run_lengths(parts), [2, 3, 1, 4])


def test_only_a_cross_validated_network_has_spreads_of_folds(monkeypatch):
    asked = []
    original = calibration.with_spreads
    monkeypatch.setattr(
        fitting, "with_spreads", lambda *arguments: asked.append(1) or original(*arguments)
    )
    X, y = arrays(data_of())
    MDNRegressor(**SMALL).fit(X, y)
    assert asked == [1]
    MDNRegressor(**SMALL, validation_fraction=0.2).fit(X, y)
    assert asked == [1]
