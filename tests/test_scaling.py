"""Units and extremes: weighted standardisation against exact sums, and fits that ignore units."""

import math
from fractions import Fraction

import numpy as np
import pytest
from cases.bimodal import X_FIT, X_TEST, Y_FIT, Y_TEST
from cases.regressor import short
from hypothesis import given, settings
from hypothesis import strategies as st

from skmdn._engine.principal_axis import principal_scores
from skmdn._network.scaling import location_and_scale, weighted_quantiles

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


def standardised(values):
    mean, scale = location_and_scale(values, None)
    return (values - mean) / scale


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_principal_axis_of_two_columns_does_not_hang_on_rounding(sign):
    """Both columns have equal parts in it."""
    for seed in range(40):
        first, second = np.random.default_rng(seed).normal(size=(2, 100))
        columns = np.column_stack([first, sign * first + second])
        scores = principal_scores(standardised(columns), None)
        in_other_units = principal_scores(standardised(columns * [1000.0, 3.0]), None)
        np.testing.assert_allclose(scores, in_other_units, atol=1e-9)
        backwards = principal_scores(standardised(columns[::-1]), None)
        np.testing.assert_allclose(scores, backwards[::-1], atol=1e-9)


@pytest.mark.parametrize("n_outputs", [2, 3, 5])
def test_one_row_may_have_all_the_weight_of_several_outputs(n_outputs):
    Y = np.random.default_rng(0).normal(size=(80, n_outputs))
    weights = np.where(np.arange(80) == 0, 1.0, 1e-40)
    model = short(max_iter=3).fit(X_FIT[:80], Y, sample_weight=weights)
    assert np.isfinite(model.predict(X_TEST)).all()


# Fits in any unit --------------------------------------------------------------------------------


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
    # A change of sign is another initialisation; units and offsets are next to nothing.
    assert found == pytest.approx(plain_likelihood, abs=0.1 if unit > 0 else 1)
    if unit > 0:
        np.testing.assert_allclose(
            (model.predict(X_TEST) - offset) / unit,
            short().fit(X_FIT, Y_FIT).predict(X_TEST),
            atol=0.02,
        )


@pytest.mark.parametrize(("unit", "offset"), UNITS)
@pytest.mark.parametrize("encoding", ["piecewise", None])
def test_the_unit_of_X_does_not_matter(unit, offset, encoding):
    options = {"encoding": encoding, "validation_fraction": None}
    plain = short(**options).fit(X_FIT, Y_FIT)
    expected = standard_log_likelihood(plain, X_TEST, Y_TEST)
    model = short(**options).fit(X_FIT * unit + offset, Y_FIT)
    found = standard_log_likelihood(model, X_TEST * unit + offset, Y_TEST)
    assert found == pytest.approx(expected, abs=0.1 if unit > 0 else 1)
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
