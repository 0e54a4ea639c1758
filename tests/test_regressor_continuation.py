"""MDNRegressor: going on with partial_fit and warm_start."""

import warnings
from importlib import import_module

import numpy as np
import pytest
from cases.engine import spied_rates
from cases.regressor import (
    linear_rows,
    mean_log_likelihood,
    short,
)

from skmdn import MDNRegressor
from skmdn._engine.batches import Batches
from skmdn._training.validation_split import hold_out

# Whether a call gains depends on the trajectory; one test is about the warning that says so.
pytestmark = pytest.mark.filterwarnings("ignore:warm_start")

# partial_fit -------------------------------------------------------------------------------------


def test_partial_fit_makes_one_pass_a_call():
    X, y = linear_rows()
    model = short()
    for n in range(1, 4):
        assert model.partial_fit(X, y) is model
        assert model.n_iter_ == n
        assert len(model.loss_curve_) == n
    assert model.validation_loss_curve_ == []


def test_partial_fit_keeps_to_a_third_of_the_rate(monkeypatch):
    rates = spied_rates(monkeypatch)
    short(learning_rate_init=0.03).partial_fit(*linear_rows())
    assert rates
    np.testing.assert_allclose(rates, 0.01)


def test_many_partial_fits_learn_as_a_fit_does():
    X, y = linear_rows(400)
    options = {"n_components": 1, "encoding": None, "calibrate": False}
    model = short(**options)
    for _ in range(80):
        model.partial_fit(X, y)
    whole = short(**options, max_iter=160).fit(X, y)
    X_test, y_test = linear_rows(200, seed=9)
    likelihoods = [mean_log_likelihood(m, X_test, y_test) for m in (model, whole)]
    assert likelihoods[0] > likelihoods[1] - 0.15
    assert likelihoods[0] > -0.4  # the true density scores -0.21
    assert model.score(X_test, y_test) > 0.95


@pytest.mark.parametrize("weighted", [False, True])
def test_the_scaling_of_parts_is_that_of_all_rows(weighted):
    X, y = linear_rows(90)
    X[:, 1] = 1e9 + 1e-3 * X[:, 1]
    weights = np.random.default_rng(0).integers(0, 3, 90).astype(float) if weighted else None
    model = short()
    for rows in np.split(np.arange(90), [1, 2, 40]):
        w = None if weights is None else np.maximum(weights[rows], rows == rows[0])
        model.partial_fit(X[rows], y[rows], w)
    if weighted:
        seen = weights > 0
        seen[[0, 1, 2, 40]] = True
        assert model.n_samples_seen_ == np.sum(seen)
        return  # weights are relative to the rows of a call: there is no such whole
    np.testing.assert_allclose(model.X_mean_, X.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(model.X_scale_, X.std(axis=0), rtol=1e-3)
    np.testing.assert_allclose(model.X_scale_[[0, 2]], X[:, [0, 2]].std(axis=0), rtol=1e-10)
    np.testing.assert_allclose(model.y_mean_, y.mean(), rtol=1e-10)
    np.testing.assert_allclose(model.y_scale_, y.std(), rtol=1e-10)
    assert model.n_samples_seen_ == 90


def test_partial_fit_learns_from_single_rows():
    """The first row has no scale, not of the features and not of the target."""
    X, y = linear_rows(400)
    scores = []
    for seed in range(3):
        model = short(n_components=1, hidden_layer_sizes=(16,), random_state=seed)
        for row in range(len(X)):
            model.partial_fit(X[row : row + 1], y[row : row + 1])
        scores.append(model.score(*linear_rows(200, seed=9)))
    assert np.mean(scores) > 0.8


@pytest.mark.filterwarnings("ignore:The loss or its gradient was not finite")
@pytest.mark.parametrize("method", ["partial_fit", "fit"])
def test_a_feature_that_is_constant_at_first_counts_as_soon_as_it_varies(method):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    y = 3 * X[:, 1] + 0.1 * rng.normal(size=400)
    model = short(n_components=1, max_iter=40, warm_start=True, learning_rate_init=0.03)
    for data in [np.column_stack([X[:, 0], np.full(400, 7.0)]), *[X] * 6]:
        getattr(model, method)(data, y)
    assert model.score(X, y) > 0.6
    assert len(model.bin_edges_[1]) > 2
    assert model.coefs_[0].shape[0] == 2 + sum(len(edges) - 1 for edges in model.bin_edges_)


@pytest.mark.parametrize("covariance_type", ["spherical", "diag", "full"])
def test_new_units_leave_the_predicted_densities_as_they_are(covariance_type):
    """At next to no rate, rows of another scale change the scaling, but not the function."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 2)), rng.normal(size=(200, 2)) * [1.0, 5.0]
    model = short(max_iter=10, covariance_type=covariance_type, calibrate=False, reg_covar=1e-12)
    before = model.fit(X, y).predict_proba(X)
    scaling = model.y_scale_.copy(), model.X_scale_.copy()
    # All outputs in like units: a spherical scale has no other.
    model.set_params(learning_rate_init=1e-12).partial_fit(0.1 + 1.2 * X, 3 * y + [1.0, 5.0])
    after = model.predict_proba(X)
    assert np.all(model.y_scale_ > 1.5 * scaling[0])
    assert np.all(model.X_scale_ > 1.05 * scaling[1])
    # Soft-clipped inputs are only nearly linear in one another.
    error, size = after.mean() - before.mean(), np.std(before.mean(), axis=0)
    assert np.all(np.sqrt(np.mean(error**2, axis=0)) < 0.03 * size)
    ratio = np.log(after.std() / before.std())
    assert np.sqrt(np.mean(ratio**2)) < 0.03


def test_constant_columns_leave_the_predicted_densities_exactly_as_they_are():
    X, y = linear_rows(100)
    X[:, 2] = 5.0
    model = short(dtype="float64", calibrate=False).fit(X, y)
    before = model.predict_proba(X).logpdf(y)
    varied = X.copy()
    varied[:, 2] = np.random.default_rng(0).normal(size=100)
    # A pass at next to no rate, so that the parameters stay.
    model.set_params(learning_rate_init=1e-13).partial_fit(varied, y)
    assert np.isfinite(model.X_scale_[2])
    np.testing.assert_allclose(model.predict_proba(X).logpdf(y), before, atol=1e-9)


@pytest.mark.parametrize("n_bins", [8, np.uint8(8), np.int8(8)])
def test_few_rows_take_no_bins_yet(n_bins):
    X, y = linear_rows(100)
    many = short(n_bins=type(n_bins)(100)).partial_fit(X, y)  # twice as many is beyond an int8
    assert [len(edges) for edges in many.bin_edges_] == [0, 0, 0]
    model = short(n_bins=n_bins).partial_fit(X[:15], y[:15])
    assert [len(edges) for edges in model.bin_edges_] == [0, 0, 0]
    model.partial_fit(X[15:], y[15:])
    assert [len(edges) for edges in model.bin_edges_] == [9, 9, 9]


def test_partial_fit_goes_on_from_a_fit():
    X, y = linear_rows(200)
    model = short(max_iter=80, dtype="float64", calibrate=False).fit(X, y)
    before, mean = mean_log_likelihood(model, X, y), model.y_mean_.copy()
    n_passes = model.n_iter_
    model.set_params(learning_rate_init=1e-4).partial_fit(X, y)
    assert model.n_iter_ == n_passes + 1
    assert len(model.loss_curve_) == n_passes + 1
    np.testing.assert_allclose(model.y_mean_, mean)
    assert mean_log_likelihood(model, X, y) == pytest.approx(before, abs=0.05)


def test_partial_fit_goes_on_from_a_calibrated_fit():
    X, y = linear_rows(200)
    model = short(max_iter=80).fit(X, y)
    model.spread_noise_ = 0.0  # only the factor is carried on
    before = mean_log_likelihood(model, X, y)
    model.set_params(learning_rate_init=1e-6).partial_fit(X, y)
    # A pass at next to no rate: neither the parameters nor the calibration may be lost.
    assert mean_log_likelihood(model, X, y) == pytest.approx(before, abs=0.01)


@pytest.mark.parametrize("covariance_type", ["spherical", "diag", "full"])
def test_partial_fit_takes_the_calibrations_factor_into_the_network(covariance_type):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(100, 2)), rng.normal(size=(100, 2))
    model = short(max_iter=5, covariance_type=covariance_type).fit(X, y)
    model.spread_factor_, model.spread_noise_ = 3.0, 0.0
    before = model.predict_proba(X)
    model.set_params(learning_rate_init=1e-12).partial_fit(X, y)
    assert (model.spread_factor_, model.spread_noise_) == (1.0, 0.0)
    # Up to the floor of the scales, which is not multiplied.
    np.testing.assert_allclose(model.predict_proba(X).cov(), before.cov(), rtol=0.02, atol=1e-3)
    np.testing.assert_allclose(model.predict_proba(X).mean(), before.mean(), rtol=1e-4, atol=1e-4)


def test_going_on_with_another_encoding_is_refused():
    X, y = linear_rows(50)
    model = short(warm_start=True, max_iter=2).fit(X, y)
    other = None if model.encoding_ == "piecewise" else "piecewise"
    for go_on in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match="encoding must stay"):
            model.set_params(encoding=other) and go_on(X, y)


def test_parts_are_shuffled_anew_in_every_call(monkeypatch):
    """With a seed, too, passes over the same rows must not all see them in the same order."""
    X, y = linear_rows(96)
    seen = []
    one_pass = Batches.one_pass

    def recorded(self, rng=None):
        for batch in one_pass(self, rng):
            seen.append(float(batch.y[0, 0, 0]))
            yield batch

    monkeypatch.setattr(Batches, "one_pass", recorded)
    model = short(batch_size=1)
    passes = []
    for _ in range(3):
        seen.clear()
        model.partial_fit(X, y)
        passes.append(list(seen))
    assert sorted(passes[0]) == sorted(passes[1]) == sorted(passes[2])
    assert passes[0] != passes[1]
    assert passes[1] != passes[2]


def test_the_optimizers_state_is_arrays_and_survives_between_calls():
    X, y = linear_rows()
    model = short(dtype="float64", batch_size=1000)
    first = model.partial_fit(X, y).predict(X)
    second = model.partial_fit(X, y).predict(X)
    third = model.partial_fit(X, y).predict(X)
    # The first step moves every parameter by about the rate; forgetful calls would do so always.
    assert not np.array_equal(first, second)
    assert not np.array_equal(second, third)
    forgetful = short(dtype="float64", batch_size=1000).partial_fit(X, y)
    for name in [name for name in vars(forgetful) if "optimizer" in name]:
        delattr(forgetful, name)
    assert not np.array_equal(forgetful.partial_fit(X, y).predict(X), second)


@pytest.mark.parametrize("unit", [2.0**-20, 2.0**17])
@pytest.mark.parametrize("options", [{}, {"target_atoms": [0.0]}], ids=["constant", "at an atom"])
def test_parts_learn_the_same_in_any_unit_after_a_first_part_without_any(options, unit):
    """Powers of two round nothing."""
    X, y = linear_rows(400)
    models = []
    for scale in (1.0, unit):
        model = short(dtype="float64", encoding=None, **options)
        model.partial_fit(X[:40], np.zeros(40))
        for start in range(0, 400, 80):
            model.partial_fit(X[start : start + 80], scale * y[start : start + 80])
        models.append(model)
    plain, scaled = (model.predict_proba(X) for model in models)
    np.testing.assert_allclose(scaled.mean() / unit, plain.mean(), rtol=1e-9)
    np.testing.assert_allclose(scaled.std() / unit, plain.std(), rtol=1e-9)


# warm_start --------------------------------------------------------------------------------------


def test_warm_start_goes_on_and_keeps_the_scaling():
    X, y = linear_rows(200)
    model = short(warm_start=True, max_iter=60, calibrate=False).fit(X, y)
    reached, y_mean = model.loss_curve_[-1], model.y_mean_.copy()
    first = model.loss_curve_[0]
    model.fit(X, y)
    assert model.loss_curve_[0] < reached + 0.3 < first
    # Of 60 passes every third has a checkpoint; this training finds that it no longer helps.
    assert len(model.loss_curve_) == model.n_iter_ == 3 * (len(model.validation_loss_curve_) - 1)
    assert model.n_iter_ >= 3 * (8 + 2)
    edges = [edge.copy() for edge in model.bin_edges_]
    model.fit(2 * X, y + 0.5).fit(X, y + 0.5)
    np.testing.assert_array_equal(model.y_mean_, y_mean)
    for kept, edge in zip(model.bin_edges_, edges, strict=True):
        np.testing.assert_array_equal(kept, edge)
    assert np.mean(model.predict(X) - y) == pytest.approx(0.5, abs=0.35)


def test_warm_start_with_a_seed_does_not_repeat_itself(monkeypatch):
    """One pass a call: another order every time, the same rows set aside, a rate that falls."""
    X, y = linear_rows(96)
    rates = spied_rates(monkeypatch)
    model = short(warm_start=True, max_iter=1, batch_size=8).fit(X, y)
    lowest, n_gained = 0.02 * model.learning_rate_init, 0
    assert model.next_learning_rate_ == pytest.approx(0.5 * model.learning_rate_init)
    for _ in range(30):
        rates.clear()
        rate = model.next_learning_rate_
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(X, y)
        losses = model.validation_loss_curve_
        gained = min(losses) < losses[0]
        n_gained += gained
        assert gained != any("warm_start" in str(w.message) for w in caught)
        assert max(rates) <= rate
        expected = rate if gained else max(0.5 * rate, lowest)
        assert model.next_learning_rate_ == pytest.approx(expected)
    assert n_gained >= 3
    assert model.n_calls_ == 31


def test_warm_starts_shuffle_anew_in_every_call(monkeypatch):
    orders, original = [], Batches.one_pass

    def spied(self, rng=None):
        orders.append(None if rng is None else str(rng.bit_generator.state["state"]))
        return original(self, rng)

    X, y = linear_rows(96)
    model = short(warm_start=True, max_iter=2, batch_size=8)
    monkeypatch.setattr(Batches, "one_pass", spied)
    for _ in range(4):
        model.fit(X, y)
    shuffled = [order for order in orders if order is not None]
    assert len(shuffled) == len(set(shuffled)) >= 4 * 2


def test_warm_start_of_an_unfitted_model_is_a_fresh_start():
    X, y = linear_rows()
    np.testing.assert_array_equal(
        short(warm_start=True).fit(X, y).predict(X), short().fit(X, y).predict(X)
    )


def test_without_warm_start_nothing_is_remembered():
    X, y = linear_rows()
    Y = np.column_stack([y, y])
    model = short().fit(X[:, :2], Y).partial_fit(X[:, :2], Y).fit(X, y)
    fresh = short().fit(X, y)
    assert vars(model).keys() == vars(fresh).keys()
    np.testing.assert_array_equal(model.predict(X), fresh.predict(X))


def test_a_warm_start_keeps_to_a_lowered_rate(monkeypatch):
    X, y = linear_rows()
    model = short(warm_start=True).fit(X, y)
    rates = spied_rates(monkeypatch)
    model.set_params(learning_rate_init=1e-9).fit(X, y)
    assert max(rates) <= 0.5e-9


@pytest.fixture
def held_out(monkeypatch):
    """Rows that the calls of `fit` set aside."""
    rows = []

    def spied(*args):
        parts = hold_out(*args)
        rows.append(None if parts.validation is None else parts.validation.rows)
        return parts

    monkeypatch.setattr(import_module("skmdn._training.fitting"), "hold_out", spied)
    return rows


@pytest.mark.parametrize("random_state", [0, None, "instance"])
def test_warm_starts_hold_out_the_same_rows_in_every_call(random_state, held_out):
    if random_state == "instance":
        random_state = np.random.RandomState(0)
    X, y = linear_rows()
    model = short(warm_start=True, max_iter=1, random_state=random_state)
    for _ in range(3):
        model.fit(X, y)
    model.partial_fit(X, y).set_params(random_state=9).fit(X, y)
    assert len(held_out) == 4
    for rows in held_out[1:]:
        np.testing.assert_array_equal(rows, held_out[0])
    model.set_params(warm_start=False).fit(X, y)
    assert not np.array_equal(held_out[4], held_out[0])


@pytest.mark.usefixtures("with_cross_validation")
def test_calls_that_go_on_make_no_folds(held_out):
    X, y = linear_rows()
    model = MDNRegressor(max_iter=20, random_state=0, warm_start=True).fit(X, y)
    assert model.n_copies_ == 1
    model.fit(X, y)
    assert len(held_out[0]) == 27  # a third
    np.testing.assert_array_equal(*held_out)


ALL_TRAINED = {
    "folds": lambda X, y: MDNRegressor(max_iter=20).fit(X, y),
    "nothing held out": lambda X, y: short(validation_fraction=None).fit(X, y),
    "validation data": lambda X, y: short().fit(X, y, X_val=X, y_val=y),
    "parts": lambda X, y: short().partial_fit(X, y),
}


@pytest.mark.usefixtures("with_cross_validation")
@pytest.mark.parametrize("way", ALL_TRAINED)
def test_going_on_from_rows_that_all_trained_is_warned_of(way):
    X, y = linear_rows(60)
    model = ALL_TRAINED[way](X, y)
    assert model.seed_ is None
    model.set_params(warm_start=True, max_iter=1, validation_fraction="auto")
    says = pytest.warns(UserWarning, match="warm_start: the rows .* may have trained")
    with says:
        model.fit(X, y)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)  # the same rows are set aside
        model.fit(X, y, X_val=X, y_val=y)
        model.set_params(validation_fraction=None).fit(X, y)
    assert not any("may have trained" in str(w.message) for w in caught)


def test_spreads_stay_as_wide_as_the_errors_over_many_calls():
    """Rows that had trained would tell that a network that overfits is right.

    Of one model coverage is 0.87 with a standard deviation of 0.045, and was 0.65 with such rows.
    """
    X, y = linear_rows(100)
    X_new, y_new = linear_rows(2000, seed=9)
    covered = []
    for seed in range(5):
        rng = np.random.RandomState(seed)  # which is another state in every call
        model = short(warm_start=True, random_state=rng, max_iter=200, hidden_layer_sizes=(64, 64))
        for _ in range(4):
            model.fit(X, y)
        low, high = model.predict_proba(X_new).ppf([0.05, 0.95]).T
        covered.append(np.mean((low <= y_new) & (y_new <= high)))
    assert np.mean(covered) > 0.77
