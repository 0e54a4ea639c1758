"""Units and extremes: weighted standardisation against exact sums, and fits that ignore units."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skmdn import MDNRegressor
from skmdn._scaling import location_and_scale, weighted_quantiles

PROPERTY = settings(derandomize=True, database=None, max_examples=60, deadline=None)


# Location and scale ------------------------------------------------------------------------------


def exact_moments(column, weights):
    """Mean and variance as exact fractions, rounded once."""
    values = [Fraction(float(value)) for value in column]
    w = [Fraction(float(weight)) for weight in weights]
    mean = sum(a * b for a, b in zip(w, values, strict=True)) / sum(w)
    variance = sum(a * (b - mean) ** 2 for a, b in zip(w, values, strict=True)) / sum(w)
    return float(mean), math.sqrt(variance)


@PROPERTY
@given(
    values=st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=12),
    counts=st.lists(st.integers(0, 3), min_size=12, max_size=12),
    exponent=st.integers(-12, 12),
    offset=st.sampled_from([0.0, 1.0, -3e3]),
)
def test_moments_are_exact(values, counts, exponent, offset):
    column = np.array(values) * 10.0**exponent + offset
    weights = np.array(counts[: len(values)], dtype=float)
    weights[0] += 1
    mean, std = exact_moments(column, weights)
    location, scale = location_and_scale(column[:, None], weights)
    reach = np.abs(column).max()
    assert location[0] == pytest.approx(mean, rel=1e-12, abs=1e-15 * reach)
    if std > 1e-13 * abs(mean):
        assert scale[0] == pytest.approx(std, rel=1e-6)
    repeated = np.repeat(column, weights.astype(int))[:, None]
    for weighted, plain in zip((location, scale), location_and_scale(repeated, None), strict=True):
        np.testing.assert_allclose(weighted, plain, rtol=1e-9, atol=1e-15 * reach)


@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1.0, 1e12, 1e150])
@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_moments_of_extreme_columns(scale, offset):
    column = (np.random.default_rng(0).normal(size=500) + offset) * scale
    mean, std = exact_moments(column, np.ones(500))
    location, deviation = location_and_scale(column[:, None], None)
    assert location[0] == pytest.approx(mean, rel=1e-13)
    assert deviation[0] == pytest.approx(std, rel=1e-7)


def test_moments_of_many_rows_and_columns_in_blocks():
    values = np.random.default_rng(0).normal(3, 2, size=(20_000, 17))
    weights = np.random.default_rng(1).uniform(size=20_000)
    location, scale = location_and_scale(values, weights)
    mean = np.average(values, axis=0, weights=weights)
    np.testing.assert_allclose(location, mean, rtol=1e-12)
    std = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weights))
    np.testing.assert_allclose(scale, std, rtol=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.1, -7.0, 1e8 + 0.1, 1e-30, 1e30])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_constant_column_has_scale_zero(value, dtype):
    column = np.full((50, 1), value, dtype=dtype)
    location, scale = location_and_scale(column, None)
    assert location[0] == column[0, 0]
    assert scale[0] == 0.0
    column[7] = 5.0
    weights = np.ones(50)
    weights[7] = 0.0
    location, scale = location_and_scale(column, weights)
    assert location[0] == column[0, 0]
    assert scale[0] == 0.0


@PROPERTY
@given(
    values=st.lists(st.integers(-5, 5), min_size=1, max_size=15),
    counts=st.lists(st.integers(0, 3), min_size=15, max_size=15),
    levels=st.lists(st.floats(0, 1), min_size=1, max_size=5),
)
def test_weighted_quantiles_are_those_of_repeated_values(values, counts, levels):
    column = np.array(values, dtype=float)
    weights = np.array(counts[: len(values)], dtype=float)
    weights[-1] += 1
    found = weighted_quantiles(column, weights, np.array(levels))
    repeated = np.repeat(column, weights.astype(int))
    unweighted = weighted_quantiles(repeated, None, np.array(levels))
    np.testing.assert_array_equal(found, unweighted)
    # The definition: the smallest value with at least the level's share at or below it.
    for value, level in zip(found, levels, strict=True):
        assert np.mean(repeated <= value) >= level - 1e-9
        assert value == repeated.min() or np.mean(repeated < value) <= level + 1e-9


# Fits in any unit --------------------------------------------------------------------------------


def bimodal(n, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    y = rng.choice([-1.0, 1.0], n) * (1 + X[:, 0]) + 0.2 * rng.normal(size=n)
    return X, y


def short(**options):
    return MDNRegressor(
        **{"n_components": 3, "hidden_layer_sizes": (16,), "max_iter": 30, "random_state": 0}
        | options
    )


X_FIT, Y_FIT = bimodal(300, 0)
X_TEST, Y_TEST = bimodal(300, 1)
UNITS = [(1e-12, 0.0), (1e12, 0.0), (1.0, 1e8), (-1e-12, 0.0), (1e12, 1e20), (1e-3, 1e4)]


def standard_log_likelihood(model, X, y, unit=1.0):
    """Held-out log-likelihood, moved to standard units by the Jacobian."""
    return np.mean(model.predict_proba(X).logpdf(y)) + math.log(abs(unit))


@pytest.fixture(scope="module")
def plain_likelihood():
    return standard_log_likelihood(short().fit(X_FIT, Y_FIT), X_TEST, Y_TEST)


@pytest.mark.parametrize(("unit", "offset"), UNITS)
def test_the_unit_of_y_does_not_matter(unit, offset, plain_likelihood):
    model = short().fit(X_FIT, Y_FIT * unit + offset)
    found = standard_log_likelihood(model, X_TEST, Y_TEST * unit + offset, unit)
    # A change of sign is another start; units and offsets are next to nothing.
    assert found == pytest.approx(plain_likelihood, abs=0.1)
    if unit > 0:
        np.testing.assert_allclose(
            (model.predict(X_TEST) - offset) / unit,
            short().fit(X_FIT, Y_FIT).predict(X_TEST),
            atol=0.02,
        )


@pytest.mark.parametrize(("unit", "offset"), UNITS)
@pytest.mark.parametrize("encoding", ["piecewise", None])
def test_the_unit_of_X_does_not_matter(unit, offset, encoding):
    # A change of sign is another start: without validation rows luck has less to choose from.
    options = {"encoding": encoding, "validation_fraction": None}
    plain = short(**options).fit(X_FIT, Y_FIT)
    expected = standard_log_likelihood(plain, X_TEST, Y_TEST)
    model = short(**options).fit(X_FIT * unit + offset, Y_FIT)
    found = standard_log_likelihood(model, X_TEST * unit + offset, Y_TEST)
    assert found == pytest.approx(expected, abs=0.1)
    if unit > 0:
        np.testing.assert_allclose(
            model.predict(X_TEST * unit + offset), plain.predict(X_TEST), atol=0.02
        )


def test_columns_in_very_different_units_learn_together(plain_likelihood):
    units, offsets = np.array([1e12, 1e-12]), np.array([0.0, 1e-9])
    model = short().fit(X_FIT * units + offsets, Y_FIT)
    found = standard_log_likelihood(model, X_TEST * units + offsets, Y_TEST)
    assert found == pytest.approx(plain_likelihood, abs=0.1)


@pytest.mark.parametrize("covariance_type", ["spherical", "diag", "full"])
def test_outputs_in_very_different_units_learn_together(covariance_type):
    units, offsets = np.array([1e-12, 1e12]), np.array([0.0, 1e20])
    Y, Y_test = (np.column_stack([y, y - X[:, 1]]) for X, y in ((X_FIT, Y_FIT), (X_TEST, Y_TEST)))
    options = {"covariance_type": covariance_type, "max_iter": 15}
    plain, scaled = short(**options).fit(X_FIT, Y), short(**options).fit(X_FIT, Y * units + offsets)
    expected = standard_log_likelihood(plain, X_TEST, Y_test)
    found = standard_log_likelihood(scaled, X_TEST, Y_test * units + offsets)
    assert found == pytest.approx(expected, abs=0.1)
    _, cov = plain.predict(X_TEST, return_cov=True)
    _, scaled_cov = scaled.predict(X_TEST, return_cov=True)
    np.testing.assert_allclose(scaled_cov / np.outer(units, units), cov, atol=0.05)


@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_losses_are_in_nats_of_the_users_unit(unit):
    plain, scaled = short().fit(X_FIT, Y_FIT), short().fit(X_FIT, Y_FIT * unit)
    for name in ("loss_curve_", "validation_loss_curve_"):
        np.testing.assert_allclose(
            np.array(getattr(scaled, name)) - math.log(unit), getattr(plain, name), atol=0.1
        )


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_parts_in_any_unit(unit):
    model = short().partial_fit(X_FIT * unit, Y_FIT * unit).partial_fit(X_FIT * unit, Y_FIT * unit)
    plain = short().partial_fit(X_FIT, Y_FIT).partial_fit(X_FIT, Y_FIT)
    np.testing.assert_allclose(
        model.predict(X_TEST * unit) / unit, plain.predict(X_TEST), atol=0.02
    )


# What must simply work ---------------------------------------------------------------------------


def assert_finite_answers(model, X, y=None):
    density = model.predict_proba(X)
    point, std = model.predict(X, return_std=True)
    assert np.isfinite(point).all()
    assert np.isfinite(std).all()
    assert (std > 0).all()
    assert np.isfinite(model.sample(X, 2, random_state=0)).all()
    assert np.isfinite(density.median()).all()
    assert np.isfinite(density.interval(0.9)).all()
    if y is not None:
        assert np.isfinite(density.logpdf(y)).all()
    for curve in (model.loss_curve_, model.validation_loss_curve_):
        assert np.isfinite(curve).all()


@pytest.mark.parametrize("constant", [0.0, 0.1, -7.0, 1e8 + 0.1, 1e-12, 1e300])
@pytest.mark.parametrize("encoding", ["piecewise", None])
def test_a_constant_column_has_no_influence(constant, encoding):
    X = np.insert(X_FIT[:80], 1, constant, axis=1)
    model = short(max_iter=5, encoding=encoding).fit(X, Y_FIT[:80])
    expected = model.predict_proba(X)
    assert_finite_answers(model, X)
    for other in (0.0, 1.0, -1e12, 1e-12, 1e300):
        X[:, 1] = other
        assert model.predict_proba(X) == expected


def test_a_column_that_is_constant_where_there_is_weight_has_no_influence():
    X, weights = X_FIT[:80].copy(), np.ones(80)
    X[10:, 1], weights[:10] = 3.0, 0.0
    model = short(max_iter=5).fit(X, Y_FIT[:80], sample_weight=weights)
    expected = model.predict(X)
    X[:, 1] = -50.0
    np.testing.assert_array_equal(model.predict(X), expected)


@pytest.mark.parametrize("n_columns", [1, 3])
def test_nothing_but_constant_columns_gives_the_density_of_y(n_columns):
    X = np.full((300, n_columns), 0.1)
    model = short().fit(X, Y_FIT)
    assert_finite_answers(model, X, Y_FIT)
    density = model.predict_proba(X[:1])
    assert density.mean()[0] == pytest.approx(Y_FIT.mean(), abs=0.3)
    assert density.std()[0] == pytest.approx(Y_FIT.std(), rel=0.2)


@pytest.mark.parametrize("constant", [0.0, 5.0, -1e8, 1e-12])
def test_a_constant_target(constant):
    y = np.full(300, constant)
    model = short().fit(X_FIT, y)
    assert_finite_answers(model, X_TEST, y)
    point, std = model.predict(X_TEST, return_std=True)
    np.testing.assert_allclose(point, constant, atol=0.05 * max(1.0, abs(constant)))
    assert std.max() < max(1.0, abs(constant))


@pytest.mark.parametrize("covariance_type", ["spherical", "diag", "full"])
def test_a_constant_output_among_others(covariance_type):
    Y = np.column_stack([Y_FIT, np.full(300, 4.0), Y_FIT])  # one of them repeated, too
    model = short(covariance_type=covariance_type, max_iter=10).fit(X_FIT, Y)
    assert_finite_answers(model, X_TEST, Y)
    assert np.abs(model.predict(X_TEST)[:, 1] - 4).max() < 1


@pytest.mark.parametrize("covariance_type", ["diag", "full"])
@pytest.mark.parametrize("outliers", [[1e6], [-1e6, 1e6], [1e12]])
def test_targets_with_outliers(outliers, covariance_type):
    y = Y_FIT.copy()
    y[: len(outliers)] = np.array(outliers) * Y_FIT.std()
    for target in (y, np.column_stack([Y_FIT, y])):
        model = short(covariance_type=covariance_type, max_iter=10).fit(X_FIT, target)
        assert_finite_answers(model, X_TEST, target)
        assert_finite_answers(model, X_FIT[:1])


def test_targets_that_lie_far_outside_those_of_the_training():
    model = short().fit(X_FIT, Y_FIT)
    y = Y_TEST.copy()
    y[:3] = 1e6, -1e6, 1e12
    logpdf = model.predict_proba(X_TEST).logpdf(y)
    assert np.isfinite(logpdf).all()
    assert (logpdf[:3] < -1e6).all()
    assert_finite_answers(short().fit(X_FIT, Y_FIT, X_val=X_TEST, y_val=y), X_TEST)


@pytest.mark.parametrize("encoding", ["piecewise", None])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("far", [1e6, 1e30])
def test_inputs_that_lie_far_outside_those_of_the_training(far, dtype, encoding):
    model = short(max_iter=10, encoding=encoding).fit(X_FIT, Y_FIT)
    X = X_TEST.astype(dtype)
    X[0], X[1], X[2, 0] = far, -far, far
    assert_finite_answers(model, X)
    spoiled = X_FIT.astype(dtype)
    spoiled[0] = far
    assert_finite_answers(short(max_iter=10, encoding=encoding).fit(spoiled, Y_FIT), X)


@pytest.mark.parametrize("n_rows", [1, 3])
def test_duplicated_rows(n_rows):
    X, y = np.tile(X_FIT[:n_rows], (40, 1)), np.tile(Y_FIT[:n_rows], 40)
    assert_finite_answers(short(max_iter=50).fit(X, y), X, y)
    Y = np.column_stack([y, -y])
    assert_finite_answers(short(covariance_type="full").fit(X, Y), X, Y)


@pytest.mark.parametrize("kind", [np.int8, np.int64, np.uint8, np.float16, bool, object])
def test_numbers_of_any_kind(kind):
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 2, (60, 3)), rng.integers(0, 2, 60)
    model = short(max_iter=5).fit(X.astype(kind), y.astype(kind))
    expected = short(max_iter=5).fit(X.astype(float), y.astype(float))
    np.testing.assert_allclose(
        model.predict(X.astype(kind)), expected.predict(X.astype(float)), rtol=1e-6
    )
    assert model.predict(X.astype(kind)).dtype == np.float64


def test_integer_targets_are_not_cut_short():
    y = np.arange(60)
    X = np.column_stack([y, y]) / 7.0
    model = short(max_iter=10).fit(X, y)
    expected = short(max_iter=10).fit(X, y.astype(float))
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))


def test_float32_data_give_nearly_the_model_of_float64():
    X, y = X_FIT.astype(np.float32), Y_FIT.astype(np.float32)
    model, other = short(max_iter=10).fit(X, y), short(max_iter=10).fit(X_FIT, Y_FIT)
    np.testing.assert_allclose(model.predict(X), other.predict(X_FIT), atol=0.02)
    np.testing.assert_allclose(model.X_mean_, other.X_mean_, atol=1e-6)
    offset = (X_FIT + 1e4).astype(np.float32)
    assert_finite_answers(short(max_iter=10).fit(offset, y), offset, y)


def test_one_row_at_predict():
    model = short(max_iter=5).fit(X_FIT, Y_FIT)
    many = model.predict_proba(X_TEST)
    for row in (0, 17, 299):
        one = model.predict_proba(X_TEST[row : row + 1])
        assert len(one) == 1
        np.testing.assert_allclose(one.mean(), many.mean()[row : row + 1], rtol=1e-10)
        assert model.predict([X_TEST[row].tolist()]).shape == (1,)


FEW = [
    {},
    {"validation_fraction": None},
    {"covariance_type": "full", "n_components": 5},
    {"n_components": 30, "encoding": None},
    {"hidden_layer_sizes": (), "dtype": "float64", "n_components": 1},
]


@pytest.mark.parametrize("options", FEW, ids=str)
@pytest.mark.parametrize("n", [2, 3, 4, 5, 7, 10, 20])
def test_few_rows(n, options):
    X, y = X_FIT[:n], Y_FIT[:n]
    for target in (y, y[:, None], np.column_stack([y, X[:, 0], -y])):
        model = short(**{"max_iter": 15} | options).fit(X, target)
        assert_finite_answers(model, X_TEST[:20])
        assert_finite_answers(model, X, target)
    model.fit(X, y, sample_weight=np.arange(n)).partial_fit(X, y)
    assert_finite_answers(model, X)


def test_few_rows_with_the_whole_budget():
    for n in (2, 5):
        model = MDNRegressor(random_state=0).fit(X_FIT[:n], Y_FIT[:n])
        assert_finite_answers(model, X_TEST[:20])
        density = model.predict_proba(X_TEST[:20])
        assert np.abs(density.mean() - Y_FIT[:n].mean()).max() < 10 * Y_FIT.std()


def test_one_row_with_weight_is_enough():
    """All weight on one row: the answers are finite, and near that row's target."""
    weights = np.zeros(300)
    weights[3] = 2.0
    model = short(max_iter=10).fit(X_FIT, Y_FIT, sample_weight=weights)
    assert_finite_answers(model, X_TEST)
    np.testing.assert_allclose(model.predict(X_TEST), Y_FIT[3], atol=0.5)


@pytest.mark.parametrize("levels", [2, 3, 10])
@pytest.mark.parametrize("max_iter", [10, 100])
def test_discrete_targets(levels, max_iter):
    y = np.floor(np.random.default_rng(levels).uniform(0, levels, 300))
    model = short(max_iter=max_iter, n_components=levels).fit(X_FIT, y)
    assert_finite_answers(model, X_TEST, y)
    # No spread falls below the floor, so that no density is higher than the floor's peak.
    peak = 1 / (math.sqrt(2 * math.pi * 1e-6) * y.std())
    assert model.predict_proba(X_FIT).pdf(y).max() < peak


@settings(derandomize=True, database=None, max_examples=25, deadline=None)
@given(
    n=st.integers(2, 12),
    p=st.integers(1, 4),
    n_outputs=st.integers(1, 3),
    n_components=st.integers(1, 6),
    covariance_type=st.sampled_from(["spherical", "diag", "full"]),
    exponents=st.tuples(st.integers(-12, 12), st.integers(-12, 12)),
    discrete=st.booleans(),
    seed=st.integers(0, 100),
)
def test_any_small_data(n, p, n_outputs, n_components, covariance_type, exponents, discrete, seed):
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(n, p)), rng.normal(size=(n, n_outputs))
    if discrete:
        X, Y = np.round(X), np.round(Y)
    X, Y = X * 10.0 ** exponents[0], Y * 10.0 ** exponents[1]
    model = short(n_components=n_components, covariance_type=covariance_type, max_iter=3)
    assert_finite_answers(model.fit(X, Y), X, Y)
    assert model.predict(X).shape == (n, n_outputs)
