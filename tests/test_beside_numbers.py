"""What a line in the numbers leaves of the targets, of which categories get the means."""

import numpy as np
import pandas as pd
import pytest
from cases.tables import small
from sklearn.linear_model import LinearRegression

from skmdn._network import beside_numbers as of_line
from skmdn._network.beside_numbers import beside_columns, beside_numbers
from skmdn._network.preparation import Preparation


def rows(n=300, n_levels=75, seed=0):
    """A number with a steep slope, and categories of four rows with levels of their own."""
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.arange(n) % n_levels).astype(float)
    levels = rng.normal(size=n_levels)
    number = rng.normal(size=n)
    y = levels[codes.astype(int)] + 3 * number + 0.3 * rng.normal(size=n)
    return np.column_stack([codes, number]), y, levels


def left(X, y, weights=None, rows=None):
    preparation = Preparation.of(X, y[:, None], weights)
    rows = np.arange(len(y)) if rows is None else rows
    z = preparation.targets(y[rows, None])
    return beside_numbers(preparation, X, z, weights, rows, np.array([False, True])), z


def test_it_is_what_a_line_in_the_numbers_leaves():
    X, y, _ = rows()
    found, z = left(X, y)
    line = LinearRegression().fit(X[:, 1:], z)
    np.testing.assert_allclose(found, z - line.predict(X[:, 1:]), atol=0.02)
    scores = (X[:, 1:] - X[:, 1].mean()) / X[:, 1].std()
    np.testing.assert_allclose(beside_columns(scores, z, None), found, atol=1e-9)


def test_weights_and_rows_count():
    X, y, _ = rows()
    weights = np.where(np.arange(300) < 200, 1.0, 0.0)
    some = np.flatnonzero(weights)
    wild = np.where(weights > 0, y, 1e6)
    found, z = left(X, wild, weights, some)
    line = LinearRegression().fit(X[some, 1:], z)
    np.testing.assert_allclose(found, z - line.predict(X[some, 1:]), atol=0.02)


def test_codes_do_not_matter():
    X, y, _ = rows()
    found, _ = left(X, y)
    X[:, 0] = np.random.default_rng(1).permutation(75)[X[:, 0].astype(int)]
    X[0, 0] = np.nan
    np.testing.assert_allclose(left(X, y)[0], found, atol=1e-12)


def test_gaps_in_numbers_have_an_effect_of_their_own():
    X, y, _ = rows()
    gaps = np.arange(300) % 5 == 0
    X[gaps, 1] = np.nan
    y = np.where(gaps, 20.0, y)
    found, _ = left(X, y)
    assert abs(found[gaps].mean()) < 1e-3
    assert np.isfinite(found).all()


def test_without_numbers_targets_stay():
    X, y, _ = rows()
    z = y[:, None]
    none = np.zeros(2, dtype=bool)
    preparation = Preparation.of(X, z, None)
    found = beside_numbers(preparation, X, z, None, np.arange(300), none)
    np.testing.assert_allclose(found, z - z.mean(), atol=1e-12)


def test_many_rows_are_gone_through_in_parts(monkeypatch):
    X, y, _ = rows()
    expected, _ = left(X, y)
    monkeypatch.setattr(of_line, "_CHUNK_ROWS", 17)
    np.testing.assert_allclose(left(X, y)[0], expected, atol=1e-12)
    monkeypatch.setattr(of_line, "_MAX_ROWS", 150)
    np.testing.assert_allclose(left(X, y)[0], expected, atol=0.2)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_means_of_categories_do_not_have_the_noise_of_the_numbers(n_outputs):
    X, y, levels = rows()
    table = pd.DataFrame({"place": [f"p{int(code):02}" for code in X[:, 0]], "x": X[:, 1]})
    targets = y if n_outputs == 1 else np.column_stack([y, -2 * y])
    means = small().fit(table, targets).category_means_[0][:75]
    raw = pd.Series(y).groupby(X[:, 0]).mean()
    assert np.corrcoef(raw, levels)[0, 1] < 0.7
    assert np.corrcoef(means[:, 0], levels)[0, 1] > 0.95
    if n_outputs == 2:
        np.testing.assert_allclose(means[:, 1], -means[:, 0], rtol=1e-6)
