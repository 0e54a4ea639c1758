"""Copies of rows, which no fold may take for new ones."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from cases.regressor import short
from scipy.sparse import csr_matrix
from sklearn.model_selection import KFold

from skmdn import ConformalMDNRegressor, MDNEnsembleRegressor
from skmdn._estimators import copies as of_copies
from skmdn._estimators.copies import copies
from skmdn._estimators.folds import splits
from skmdn.preprocessing import CrossFittedPredictions


def rows(n=60, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    return X, X[:, 0] + 0.5 * rng.normal(size=n)


def twice(X, y, seed=1):
    """Every row twice, in random order, and its number."""
    order = np.random.default_rng(seed).permutation(np.tile(np.arange(len(y)), 2))
    return X[order], y[order], order


def test_copies_have_one_label():
    X, y, number = twice(*rows())
    labels = copies(X, y)
    assert len(np.unique(labels)) == 60
    pairs = set(zip(labels.tolist(), number.tolist(), strict=True))
    assert len(pairs) == 60


@pytest.mark.parametrize("seed", range(5))
def test_a_bootstrap_sample_has_copies(seed):
    X, y = rows(200)
    number = np.random.default_rng(seed).integers(0, 200, 200)
    labels = copies(X[number], y[number])
    assert len(np.unique(labels)) == len(np.unique(number))


def test_gaps_are_copied_too():
    X, y = rows()
    X[::3, 1] = np.nan
    X, y, _ = twice(X, y)
    assert len(np.unique(copies(X, y))) == 60


def test_frames_of_any_library_have_the_same_copies():
    X, y = rows()
    words = np.array(["u", "v", None], dtype=object)[np.arange(60) % 3]
    _, y, number = twice(X, y)
    table = {"a": X[number, 0], "b": words[number].tolist(), "c": X[number, 1] > 0}
    found = [copies(library(table), y) for library in (pd.DataFrame, pl.DataFrame)]
    assert len(np.unique(found[0])) == 60
    for labels in found:
        assert len(set(zip(labels.tolist(), number.tolist(), strict=True))) == 60


def test_large_tables_are_not_copied(monkeypatch):
    X, y, _ = twice(*rows())
    assert copies(X[np.r_[0, 0, :120]], y, np.arange(2, 122)) is not None
    monkeypatch.setattr(of_copies, "_MOST_CELLS", 300)
    assert copies(X, y) is None


def test_a_few_rows_that_come_again_and_again_are_a_catalogue():
    """New rows will be among them, too."""
    X, y = rows(8)
    again = np.arange(80) % 8
    assert copies(X[again], y[again]) is None


def test_coincidences_are_no_copies():
    rng = np.random.default_rng(0)
    X, y = rows(400)
    places = rng.integers(0, 3, size=(400, 2)).astype(float)
    assert copies(X, y) is None
    assert copies(X, rng.integers(0, 4, 400).astype(float)) is None  # counts
    assert copies(places, y) is None  # groups of rows
    assert copies(places, rng.integers(0, 4, 400).astype(float)) is None  # both
    prices = np.array([3.5, 4.25, 7.0, 1.5, 9.0, 2.0, 6.5, 8.0, 5.0])
    assert copies(places, prices[(3 * places[:, 0] + places[:, 1]).astype(int)]) is None
    some = np.r_[np.arange(400), np.arange(10)]  # too few to matter
    assert copies(X[some], y[some]) is None


@pytest.mark.parametrize("X", [csr_matrix(np.eye(4)), [["a"]] * 4, np.array([["a"]] * 4, object)])
def test_of_other_tables_nothing_is_known(X):
    assert copies(X, np.zeros(4)) is None


def numbers_on_both_sides(number, parts):
    return [np.intersect1d(number[train], number[test]).size for train, test in parts]


def test_folds_keep_copies_together():
    X, y, number = twice(*rows())
    for order in ("auto", "shuffled"):
        found = splits(5, X, y, None, None, np.random.default_rng(0), order=order)
        assert found.kind == "copies"
        assert numbers_on_both_sides(number, found.parts) == [0] * 5
        tested = np.concatenate([test for _, test in found.parts])
        np.testing.assert_array_equal(np.sort(tested), np.arange(120))
    given = splits(KFold(5), X, y, None, None, np.random.default_rng(0))
    assert given.kind == "splitter"
    assert max(numbers_on_both_sides(number, given.parts)) > 0


def test_the_validation_part_holds_whole_copies():
    """A network that saw a copy of every validating row would never stop."""
    X, y, _ = twice(*rows(100))
    model = short(validation_fraction=0.2).fit(X, y)
    assert model.validation_split_ == "copies"
    assert short(validation_fraction=0.2).fit(*rows(100)).validation_split_ == "shuffled"


@pytest.mark.parametrize("n_distinct", [1, 2, 3, 9])
def test_a_handful_of_equal_rows_is_fitted(n_distinct, with_cross_validation):
    """Of so few distinct rows no folds can be made."""
    X, y, _ = twice(*rows(n_distinct))
    for fraction in (0.2, "auto"):
        model = short(validation_fraction=fraction).fit(X, y)
        assert model.validation_split_ == "shuffled"
        assert np.isfinite(model.predict(X)).all()
    view = short(validation_fraction=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as of infinite intervals
        assert ConformalMDNRegressor(view, cv=2).fit(X, y).folds_ == "shuffled"
        ensemble = MDNEnsembleRegressor([("view", view)], cv=2, random_state=0).fit(X, y)
    assert ensemble.folds_ == "shuffled"


def test_estimators_with_folds_keep_copies_together(with_cross_validation):
    X, y, _ = twice(*rows())
    single = short(validation_fraction="auto").fit(X, y)
    assert single.validation_split_ == "copies"
    view = short(validation_fraction=None)
    table = pd.DataFrame(X, columns=["a", "b", "c"])
    ensemble = MDNEnsembleRegressor([("view", view)], cv=3, random_state=0).fit(table, y)
    assert ensemble.folds_ == "copies"
    assert ConformalMDNRegressor(view, cv=3).fit(X, y).folds_ == "copies"
    assert CrossFittedPredictions(cv=3, random_state=0).fit(X, y).folds_ == "copies"


def test_outcomes_of_copies_are_not_foretold(with_cross_validation):
    """Targets without any relation to the features: a model that knows them has learned copies."""
    rng = np.random.default_rng(0)
    X, y, _ = twice(rng.normal(size=(60, 3)), rng.normal(size=60))
    model = short(validation_fraction="auto", max_iter=100, n_components=1).fit(X, y)
    new = model.predict_proba(rng.normal(size=(500, 3)))
    assert np.median(new.std()) > 0.7


@pytest.mark.parametrize("n_copies", [2, 4, 6])
@pytest.mark.parametrize("decimals", [0, 1])
def test_copies_of_rounded_targets_are_noticed(decimals, n_copies):
    X, y = rows(150)
    order = np.random.default_rng(1).permutation(np.tile(np.arange(150), n_copies))
    labels = copies(X[order], (3 * y).round(decimals)[order])
    assert len(np.unique(labels)) == 150
