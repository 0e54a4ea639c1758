"""Preparation of inputs and targets, and the piecewise-linear encoding."""

import numpy as np
import pytest

from skmdn._estimators.observations import rows_with_weight
from skmdn._network.encoding import MAX_INPUTS, PiecewiseLinear, affordable_bins, bin_edges
from skmdn._network.gaps import features_with_gaps, filled
from skmdn._network.preparation import Preparation


def edges_of(X, weights=None, n_bins=4, **kwargs):
    rows = rows_with_weight(weights, len(X))
    return bin_edges(
        np.asarray(X, float), weights, rows, n_bins, np.random.default_rng(0), **kwargs
    )


def test_edges_are_quantiles():
    x = np.random.default_rng(0).gamma(2.0, size=(401, 1))
    expected = np.quantile(x, [0, 0.25, 0.5, 0.75, 1], method="inverted_cdf")
    np.testing.assert_array_equal(edges_of(x)[0], expected)


def test_weights_count_as_repetition():
    rng = np.random.default_rng(1)
    X, counts = rng.normal(size=(50, 3)), rng.integers(0, 4, 50)
    weighted = edges_of(X, counts.astype(float), n_bins=16)
    repeated = edges_of(np.repeat(X, counts, axis=0), n_bins=16)
    for one, two in zip(weighted, repeated, strict=True):
        np.testing.assert_array_equal(one, two)


def test_equal_quantiles_are_merged():
    x = np.array([0.0] * 90 + list(range(1, 11)))[:, None]
    edges = edges_of(x, n_bins=16)[0]
    assert np.all(np.diff(edges) > 0)
    assert len(edges) < 6


def test_edges_come_from_a_part_of_very_many_rows():
    x = np.arange(1000.0)[:, None]
    few = edges_of(x, max_rows=100)[0]
    assert len(few) == 5
    assert not np.array_equal(few, edges_of(x)[0])
    np.testing.assert_allclose(few, edges_of(x)[0], atol=150)


def test_rows_without_weight_are_not_counted_as_many():
    x, weights = np.arange(101.0)[:, None], np.ones(101)
    weights[7] = 0
    without = edges_of(np.delete(x, 7, axis=0), max_rows=100)[0]
    np.testing.assert_array_equal(edges_of(x, weights, max_rows=100)[0], without)


def test_encoding_is_the_cumulated_part_of_every_bin():
    encoding = PiecewiseLinear.from_edges([np.array([0.0, 1.0, 3.0, 7.0])])
    x = np.array([-9.0, -1.0, 0.5, 1.0, 2.0, 5.0, 11.0, 99.0])[:, None]
    expected = [
        [-2.0, 0.0, 0.0],
        [-1.0, 0.0, 0.0],
        [0.5, 0.0, 0.0],
        [1.0, 0.0, 0.0],
        [1.0, 0.5, 0.0],
        [1.0, 1.0, 0.5],
        [1.0, 1.0, 2.0],
        [1.0, 1.0, 3.0],
    ]
    np.testing.assert_allclose(encoding.encode(x), expected)


def test_inside_the_data_widths_times_encoding_add_up_to_x():
    x = np.random.default_rng(2).normal(size=(200, 2))
    encoding = PiecewiseLinear.from_edges(edges_of(x, n_bins=7))
    columns = encoding.encode(x) * encoding.width
    for j in range(2):
        total = columns[:, encoding.feature == j].sum(axis=1) + x[:, j].min()
        np.testing.assert_allclose(total, x[:, j], rtol=1e-12, atol=1e-12)


def test_features_of_few_values_have_no_columns():
    rng = np.random.default_rng(3)
    X = np.column_stack([np.ones(40), rng.integers(0, 2, 40), rng.normal(size=40)])
    encoding = PiecewiseLinear.from_edges(edges_of(X))
    np.testing.assert_array_equal(encoding.feature, [2, 2, 2, 2])
    alone = PiecewiseLinear.from_edges(edges_of(X), min_bins=1)
    np.testing.assert_array_equal(alone.feature, [1, 2, 2, 2, 2])
    assert PiecewiseLinear.from_edges(edges_of(X[:, :2])).encode(X[:, :2]).shape == (40, 0)


@pytest.mark.parametrize("n_features", [1, 10, 150, 700, 5000])
def test_many_features_have_fewer_bins(n_features):
    n_bins = affordable_bins(16, n_features)
    assert n_bins == 1 or n_features * (1 + n_bins) <= MAX_INPUTS
    assert n_bins == 16 or n_features * (2 + n_bins) > MAX_INPUTS


def test_network_inputs_are_soft_clipped_z_scores_beside_the_encoding():
    rng = np.random.default_rng(4)
    X, y = rng.normal(3, 2, (100, 2)), rng.normal(size=(100, 1))
    encoding = PiecewiseLinear.from_edges(edges_of(X))
    preparation = Preparation.of(X, y, None, encoding)
    inputs = preparation.inputs(X)
    assert inputs.shape == (100, preparation.n_inputs) == (100, 10)
    z = (X - X.mean(axis=0)) / X.std(axis=0)
    np.testing.assert_allclose(inputs[:, :2], z / np.sqrt(1 + z**2 / 25), rtol=1e-12)
    np.testing.assert_array_equal(inputs[:, 2:], encoding.encode(X))


def test_inputs_are_bounded_and_reach_their_bounds_smoothly():
    X = np.random.default_rng(5).normal(size=(100, 1))
    preparation = Preparation.of(X, X, None, PiecewiseLinear.from_edges(edges_of(X)))
    far = preparation.inputs(np.array([[-1e300], [-1e6], [1e6], [1e300]]))
    assert np.abs(far).max() <= 5
    np.testing.assert_allclose(far[0], far[1], atol=1e-9)
    np.testing.assert_allclose(far[2], far[3], atol=1e-9)


@pytest.mark.parametrize("unit", [1.0, 1e-45, 1e12])
def test_float32_inputs_are_those_of_float64(unit):
    """Also where the widths of the bins are beyond float32, and at its largest numbers."""
    rng = np.random.default_rng(8)
    X = 1e3 * unit + unit * rng.normal(size=(300, 2))
    edges = bin_edges(X, None, np.arange(300), 8, rng)
    preparation = Preparation.of(X, X[:, :1], None, PiecewiseLinear.from_edges(edges))
    x = np.concatenate([X.astype(np.float32), np.full((1, 2), 3.4e38, np.float32)])
    out = np.empty((301, preparation.n_inputs), np.float32)
    for layout in (out, np.asfortranarray(out)):
        inputs = preparation.inputs(x, out=layout)
        np.testing.assert_allclose(inputs, preparation.inputs(x.astype(float)), rtol=1e-6)


def test_targets_are_standardised_and_constant_ones_keep_their_unit():
    rng = np.random.default_rng(6)
    y = np.column_stack([rng.normal(1e8, 1e-3, 500), np.full(500, 7e11)])
    preparation = Preparation.of(rng.normal(size=(500, 1)), y, None)
    z = preparation.targets(y)
    np.testing.assert_allclose(z[:, 0].std(), 1, rtol=1e-4)
    np.testing.assert_array_equal(z[:, 1], 0)
    assert preparation.y_scale[1] == 1


# Gaps --------------------------------------------------------------------------------------------


def test_edges_skip_gaps():
    rng = np.random.default_rng(9)
    X, weights = rng.normal(size=(90, 3)), rng.integers(0, 3, 90).astype(float)
    X[::3, 1] = np.nan
    X[:, 2] = np.nan
    for w in (None, weights):
        edges = edges_of(X, w, n_bins=7)
        np.testing.assert_array_equal(edges[0], edges_of(X[:, :1], w, n_bins=7)[0])
        present = ~np.isnan(X[:, 1])
        own = edges_of(X[present, 1:2], None if w is None else w[present], n_bins=7)[0]
        np.testing.assert_array_equal(edges[1], own)
        assert edges[2].shape == (0,)


def test_a_feature_without_edges_has_no_columns():
    encoding = PiecewiseLinear.from_edges([np.empty(0), np.array([0.0, 1.0, 3.0]), np.empty(0)])
    np.testing.assert_array_equal(encoding.feature, [1, 1])
    X = np.array([[9.0, 2.0, 9.0]])
    np.testing.assert_array_equal(encoding.encode(X), [[1.0, 0.5]])
    none = PiecewiseLinear.from_edges([np.empty(0)] * 2)
    assert none.encode(X[:, :2]).shape == (1, 0)


def test_features_with_gaps_have_cells_and_gaps_in_rows_with_weight():
    X = np.array([[1.0, np.nan, np.nan, 1.0], [2.0, np.nan, 5.0, np.nan]])
    np.testing.assert_array_equal(features_with_gaps(X, None), [2, 3])
    np.testing.assert_array_equal(features_with_gaps(X, np.array([1.0, 0.0])), [])
    assert features_with_gaps(np.ones((3, 2)), None).shape == (0,)


def test_gaps_are_filled_by_the_centre_and_reported_where_there_is_an_indicator():
    columns = np.array([[1.0, np.nan], [np.nan, 4.0], [5.0, np.nan]])
    gaps = filled(columns, np.array([10.0, 20.0, 30.0]), np.array([1, 2]))
    np.testing.assert_array_equal(columns, [[1.0, 10.0], [20.0, 4.0], [5.0, 30.0]])
    np.testing.assert_array_equal(gaps, [[True, False], [False, True]])


def test_without_gaps_at_indicators_nothing_is_reported():
    columns = np.array([[1.0, np.nan], [3.0, 4.0]])
    assert filled(columns[1:].copy(), np.zeros(1), np.array([0])) is None
    assert filled(columns.copy(), np.zeros(2), np.array([], dtype=np.intp)) is None
    assert filled(columns, np.array([7.0, 0.0]), np.array([1])) is None
    np.testing.assert_array_equal(columns, [[1.0, 7.0], [3.0, 4.0]])


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_bins_of_a_gap_get_a_filling(order, dtype):
    encoding = PiecewiseLinear.from_edges(
        [np.arange(4.0), np.empty(0), np.arange(3.0), np.arange(5.0)]
    )
    full = np.full((9, 2), 0.25, dtype=dtype, order=order)
    features = np.array([1, 2, 3])  # of the first, gaps are of no interest; the second has no bin
    gaps = np.array([[True, True], [False, True], [True, False]])
    encoding.fill_gaps(0.75, gaps, features, full)
    np.testing.assert_array_equal(full[:, 0], [0.25] * 5 + [0.75] * 4)
    np.testing.assert_array_equal(full[:, 1], [0.25] * 3 + [0.75] * 2 + [0.25] * 4)


def test_a_bin_as_wide_as_float64():
    largest = np.finfo(np.float64).max
    encoding = PiecewiseLinear.from_edges([np.array([-largest, largest])], min_bins=1)
    found = encoding.encode(np.array([[-largest], [0.0], [largest]]))
    assert np.isfinite(found).all()
    assert (np.diff(found[:, 0]) > 0).all()
