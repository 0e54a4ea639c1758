"""Rows that are sorted by a feature, which look like a series."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from cases.regressor import short
from sklearn.model_selection import KFold

from skmdn import MDNEnsembleRegressor
from skmdn._estimators.sorted_rows import advice_on_sorted_rows


def table(n=60, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"noise": rng.normal(size=n), "place": np.linspace(0, 1, n)})


SORTED = {
    "rising": lambda n: np.linspace(0, 1, n),
    "falling": lambda n: -np.linspace(0, 1, n),
    "in steps": lambda n: np.arange(n) // 7,
    "text in pieces": lambda n: np.repeat(["v", "u", "w"], n // 3),
    "numbers in pieces": lambda n: np.repeat([2, 1, 3], n // 3),
    "booleans": lambda n: np.arange(n) < n // 2,
}
OTHERS = {
    "constant": lambda n: np.zeros(n),
    "random": lambda n: np.random.default_rng(1).normal(size=n),
    "with gaps": lambda n: np.where(np.arange(n) == 5, np.nan, np.arange(n)),
    "text in turns": lambda n: np.tile(["u", "v", "w"], n // 3),
    "a piece that comes again": lambda n: np.repeat(["u", "v", "u"], n // 3),
}


@pytest.mark.parametrize("library", [pd.DataFrame, lambda X: pl.DataFrame(X.to_dict("list"))])
@pytest.mark.parametrize("kind", [*SORTED, *OTHERS])
def test_which_columns_are_sorted(kind, library):
    X = table().drop(columns="place").assign(place=(SORTED | OTHERS)[kind](60))
    found = advice_on_sorted_rows(library(X), 2.0, "do so")
    if kind in SORTED:
        ((message, category),) = found
        assert category is UserWarning
        assert "2.0 times as wide" in message
        assert "sorted by column 'place'" in message
        assert message.endswith("do so.")
    else:
        assert found == []


def test_arrays_have_numbers_of_columns():
    ((message, _),) = advice_on_sorted_rows(table().to_numpy(), 2.0, "do so")
    assert "sorted by column 1:" in message


def test_a_small_widening_is_not_worth_a_word():
    assert advice_on_sorted_rows(table(), 1.2, "do so") == []


@pytest.fixture
def by_groups():
    """Every group has a level of its own, of which the others tell nothing."""
    rng = np.random.default_rng(0)
    levels = np.array([0.0, 40.0, -30.0, 90.0, -60.0, 20.0, 70.0, -80.0])
    X = pd.DataFrame({"noise": rng.normal(size=400), "group": np.repeat(list("abcdefgh"), 50)})
    return X, np.repeat(levels, 50) + rng.normal(size=400)


WARNING = r"Consecutive rows are alike.*sorted by column 'group'.*"


def test_a_table_sorted_by_groups_is_told_and_the_way_out_helps(by_groups):
    X, y = by_groups
    words = {"validation_fraction": 0.2, "n_components": 1, "max_iter": 100}
    with pytest.warns(UserWarning, match=WARNING + "validation_split='shuffled'"):
        wide = short(**words).fit(X, y)
    assert wide.validation_split_ == "blocks"
    narrow = short(**words, validation_split="shuffled").fit(X, y)
    assert narrow.predict_proba(X).std().mean() < 0.7 * wide.predict_proba(X).std().mean()
    short(**words, validation_split="blocks").fit(X, y)  # as the user wants it, without a word


def test_the_ensemble_tells_it_too(by_groups):
    X, y = by_groups
    views = [("view", short(n_components=1, max_iter=100))]
    with pytest.warns(UserWarning, match=WARNING + r"cv=KFold\(5, shuffle=True\)"):
        MDNEnsembleRegressor(views, cv=3, random_state=0).fit(X, y)
    shuffled = KFold(3, shuffle=True, random_state=0)
    MDNEnsembleRegressor(views, cv=shuffled, random_state=0).fit(X, y)
