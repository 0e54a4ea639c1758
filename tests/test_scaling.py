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
from skmdn._network.scaling import (
    location_and_scale,
    merged,
    n_present,
    quantile_rows,
    weighted_quantiles,
)

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


def test_moments_of_values_further_apart_than_float64_can_say():
    location, scale = location_and_scale(np.array([[-1.7e308, 1.0], [0.8e308, 3.0]]), None)
    np.testing.assert_allclose(location, [-0.45e308, 2.0])
    np.testing.assert_allclose(scale, [1.25e308, 1.0])


# Gaps --------------------------------------------------------------------------------------------


def with_gaps(values, share=0.3, seed=5):
    """The values, with cells gone at random but for the first column."""
    is_gap = np.random.default_rng(seed).uniform(size=values.shape) < share
    is_gap[:, 0] = False
    return np.where(is_gap, np.nan, values).astype(values.dtype)


UNITS_OF_COLUMNS = np.array([1.0, 1e-150, 1e12, 1.0, 1e150, 1e-30])
OFFSETS_OF_COLUMNS = np.array([0.0, 0.0, 1e20, 1e8, 0.0, 1e-26])


@pytest.mark.parametrize("weighting", ["none", "uniform", "many zeros"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_gaps_are_skipped_in_any_unit(weighting, order):
    rng = np.random.default_rng(1)
    values = with_gaps(rng.normal(size=(400, 6)) * UNITS_OF_COLUMNS + OFFSETS_OF_COLUMNS)
    values[:30, 3] = np.nan  # so that neither the first row nor the last has all cells
    values[370:, 4] = np.nan
    weights = {
        "none": None,
        "uniform": rng.uniform(size=400),
        "many zeros": rng.uniform(size=400) * (np.arange(400) % 3 == 2),
    }[weighting]
    location, scale = location_and_scale(np.asarray(values, order=order), weights)
    for j, column in enumerate(values.T):
        present = ~np.isnan(column)
        w = np.ones(400) if weights is None else weights
        mean, std = exact_moments(column[present], w[present])
        np.testing.assert_allclose(location[j], mean, rtol=1e-12)
        np.testing.assert_allclose(scale[j], std, rtol=1e-6)
        own = location_and_scale(column[present, None], w[present])
        np.testing.assert_allclose([location[j], scale[j]], np.ravel(own), rtol=1e-12)


def test_gaps_are_skipped_in_many_blocks_and_in_float32():
    rng = np.random.default_rng(2)
    values = with_gaps(rng.normal(3, 2, size=(30_000, 17)).astype(np.float32))
    values[:20_000, 5] = np.nan  # no cell in the first blocks
    weights = rng.uniform(size=30_000)
    location, scale = location_and_scale(values, weights)
    for j, column in enumerate(values.astype(float).T):
        present = ~np.isnan(column)
        mean = np.average(column[present], weights=weights[present])
        variance = np.average((column[present] - mean) ** 2, weights=weights[present])
        np.testing.assert_allclose([location[j], scale[j]], [mean, variance**0.5], rtol=1e-12)


def test_a_column_without_gaps_has_the_same_bits_whatever_the_others_have():
    rng = np.random.default_rng(3)
    values, weights = rng.normal(3, 2, size=(30_000, 17)), rng.uniform(size=30_000)
    gappy = with_gaps(values)
    for w in (None, weights):
        for moment, plain in zip(
            location_and_scale(gappy, w), location_and_scale(values, w), strict=True
        ):
            assert moment[0] == plain[0]
            assert (moment[1:] != plain[1:]).all()


def test_gaps_in_rows_without_weight_change_no_bit():
    rng = np.random.default_rng(4)
    values, weights = rng.normal(size=(500, 3)), rng.integers(0, 2, 500).astype(float)
    gappy = values.copy()
    gappy[weights == 0] = np.nan
    for moment, plain in zip(
        location_and_scale(gappy, weights), location_and_scale(values, weights), strict=True
    ):
        np.testing.assert_array_equal(moment, plain)


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("gaps", [False, True])
def test_rows_without_weight_change_no_bit(columns, gaps):
    rng = np.random.default_rng(7)
    values, weights = rng.normal(size=(301, columns)), rng.uniform(0.5, 2.0, 301)
    if gaps:
        values[::5, 0] = np.nan
    more = np.insert(values, np.arange(0, 300, 3), 1e3, axis=0)
    with_zeros = np.insert(weights, np.arange(0, 300, 3), 0.0)
    np.testing.assert_array_equal(
        location_and_scale(more, with_zeros), location_and_scale(values, weights)
    )


def test_weight_of_a_few_cells_counts_however_small():
    """The total of a column is no difference of the totals of rows and gaps."""
    values = np.array([[1.0, np.nan], [2.0, 5.0], [3.0, 7.0], [4.0, np.nan]])
    location, scale = location_and_scale(values, np.array([1.0, 3e-200, 1e-200, 1.0]))
    np.testing.assert_allclose([location[1], scale[1]], [5.5, 0.75**0.5])


def test_a_cell_without_weight_is_no_origin():
    """Distances from it would cost all digits."""
    column = np.array([np.nan, 1e30, 0.1, 0.3, 0.1])[:, None]
    location, scale = location_and_scale(column, np.array([1.0, 0.0, 1.0, 1.0, 0.0]))
    np.testing.assert_allclose([location[0], scale[0]], [0.2, 0.1])


def test_columns_with_one_cell_or_none():
    values = np.array([[np.nan, np.nan, np.nan], [np.nan, 0.1, 4.0], [np.nan, np.nan, 4.0]])
    for weights in (None, np.array([1.0, 2.0, 0.0])):
        location, scale = location_and_scale(values, weights)
        np.testing.assert_array_equal(location, [0.0, 0.1, 4.0])
        np.testing.assert_array_equal(scale, 0.0)
    location, scale = location_and_scale(values, np.array([1.0, 0.0, 0.0]))
    np.testing.assert_array_equal([location, scale], np.zeros((2, 3)))


def test_cells_that_are_present_are_counted_in_rows_with_weight():
    values = with_gaps(np.random.default_rng(6).normal(size=(30_000, 9)))
    weights = np.random.default_rng(7).integers(0, 2, 30_000).astype(float)
    np.testing.assert_array_equal(n_present(values, None), np.sum(~np.isnan(values), axis=0))
    with_weight = values[weights > 0]
    expected = np.sum(~np.isnan(with_weight), axis=0)
    np.testing.assert_array_equal(n_present(values, weights), expected)
    np.testing.assert_array_equal(n_present(values[:, :1], weights), [len(with_weight)])


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_merged_parts_are_the_whole(share):
    rng = np.random.default_rng(8)
    values = with_gaps(rng.normal(size=(300, 6)) * UNITS_OF_COLUMNS + OFFSETS_OF_COLUMNS, share)
    if share:
        values[:150, 1] = np.nan  # comes with the last two parts only
        values[100:, 2] = np.nan  # comes with the first part only
        values[:, 4] = np.nan
    weights = (rng.uniform(size=300) < 0.8).astype(float)
    n = n_present(values[:100], weights[:100])
    moments = location_and_scale(values[:100], weights[:100])
    for rows in (slice(100, 200), slice(200, 300)):
        moments = merged(n, *moments, values[rows], weights[rows])
        n = n + n_present(values[rows], weights[rows])
    whole = location_and_scale(values, weights)
    np.testing.assert_allclose(
        moments[0] / UNITS_OF_COLUMNS, whole[0] / UNITS_OF_COLUMNS, rtol=1e-12, atol=1e-14
    )
    np.testing.assert_allclose(moments[1], whole[1], rtol=1e-6)


def test_a_number_of_rows_stands_for_all_columns_without_gaps():
    old, more = np.random.default_rng(9).normal(size=(2, 50, 3))
    moments = location_and_scale(old, None)
    by_rows = merged(50, *moments, more, None)
    by_cells = merged(np.full(3, 50), *moments, more, None)
    np.testing.assert_array_equal(by_rows, by_cells)


def test_columns_without_old_or_new_cells_keep_what_there_is():
    location, scale = np.array([0.1, 7.0, 0.3]), np.array([0.7, 3.0, 0.9])
    more = np.array([[0.1, 1e-3, np.nan], [0.4, 3e-3, np.nan]])
    found = merged(np.array([3, 0, 5]), location, scale, more, None)
    new = location_and_scale(more, None)
    np.testing.assert_array_equal([moment[1] for moment in found], [moment[1] for moment in new])
    np.testing.assert_array_equal([moment[2] for moment in found], [0.3, 0.9])
    assert 0.1 < found[0][0] < 0.25


@PROPERTY
@given(
    values=st.lists(st.integers(-5, 5) | st.just(np.nan), min_size=1, max_size=15),
    counts=st.lists(st.integers(0, 3), min_size=15, max_size=15),
    levels=st.lists(st.floats(0, 1), min_size=1, max_size=5),
)
def test_quantiles_skip_gaps(values, counts, levels):
    column, levels = np.array([*values, 2.0]), np.array(levels)
    weights = np.array([*counts[: len(values)], 1.0])
    present = ~np.isnan(column)
    for w in (None, weights):
        expected = weighted_quantiles(column[present], None if w is None else w[present], levels)
        np.testing.assert_array_equal(weighted_quantiles(column, w, levels), expected)
        np.testing.assert_array_equal(column[quantile_rows(column, w, levels)], expected)


def test_where_nothing_counts_there_are_no_quantiles():
    levels = np.array([0.0, 0.5])
    gaps = np.full(3, np.nan)
    assert weighted_quantiles(gaps, None, levels).shape == (0,)
    cell = np.array([np.nan, 1.0, np.nan])
    assert quantile_rows(cell, np.array([1.0, 0.0, 1.0]), levels).shape == (0,)


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


def test_a_scale_without_a_finite_inverse_is_none():
    values = np.resize([5e-324, -5e-324, 1e-323], 30)[:, np.newaxis]
    assert location_and_scale(values, None)[1] == 0
