"""Copies of rows, and how many rows there are without them."""

import numpy as np
import pytest

from skmdn._estimators.distinct_rows import effective_number, first_copies, merged

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)), RNG.normal(size=(40, 2))


def test_the_first_of_each_content():
    rows = np.array([0, 1, 0, 2, 1, 3])
    np.testing.assert_array_equal(np.sort(first_copies(X[rows], Y[rows, 0])), [0, 1, 3, 5])
    gaps = np.array([[np.nan], [np.nan], [0.0], [-0.0]])
    assert len(first_copies(gaps, np.zeros(4))) == 2


def test_distinct_rows_of_equal_weight_are_counted():
    assert effective_number(X, Y, None) == pytest.approx(40)
    assert effective_number(np.empty((40, 0)), Y, None) == pytest.approx(40)
    # A different feature, or a different output, makes a different row.
    assert effective_number(X, 0 * Y, None) == pytest.approx(40)
    last = np.column_stack([0 * Y[:, 0], Y[:, 1]])
    assert effective_number(0 * X, last, None) == pytest.approx(40)
    assert effective_number(0 * X, 0 * Y, None) == pytest.approx(1)


def test_copies_are_weights_and_weights_are_relative():
    counts = RNG.integers(1, 5, 40)
    rows = RNG.permutation(np.repeat(np.arange(40), counts))
    expected = counts.sum() ** 2 / np.sum(counts**2)
    assert effective_number(X[rows], Y[rows], None) == pytest.approx(expected)
    for factor in (1.0, 1e-200, 1e200):
        assert effective_number(X, Y, factor * counts) == pytest.approx(expected)


def test_merged_copies_have_the_weight_of_all():
    counts = RNG.integers(1, 5, 40)
    rows = RNG.permutation(np.repeat(np.arange(40), counts))
    first, weights = merged(X[rows], Y[rows], None)
    places, expected = merged(X, Y, counts.astype(float))
    np.testing.assert_array_equal(X[rows][first], X[places])
    np.testing.assert_array_equal(weights, expected)
    np.testing.assert_array_equal(expected, counts[places])


def test_next_to_no_weight_is_no_row():
    weights = np.r_[np.ones(30), np.full(10, 1e-12)]
    assert effective_number(X, Y, weights) == pytest.approx(30)
