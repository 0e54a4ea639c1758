"""Columns of numbers that a file gave as text: what is said of them, and of codes and grades."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

from skmdn import MDNEnsembleRegressor, MDNRegressor
from skmdn._estimators.misread_text import numbers_among, what_is_among

N = 120
RNG = np.random.default_rng(0)
HALVES = RNG.permutation(np.repeat(np.arange(N // 4) / 2, 4))  # 30 values, four rows each
Y = HALVES + RNG.normal(size=N)


def small(**options):
    words = {"hidden_layer_sizes": (4,), "max_iter": 1, "alpha": 0.04, "encoding": None}
    return MDNRegressor(validation_fraction=0.2, **words | options)


def texts(*, placeholder="?"):
    return [placeholder if i % 30 == 0 else str(number) for i, number in enumerate(HALVES)]


@pytest.mark.parametrize(
    "text",
    [
        "1",
        "-2.50",
        "+.5",
        "3.",
        "1e-3",
        "2,5",
        "1,234.5",
        "1.234,5",
        "1 234",
        "12 %",
        " 7 ",
    ],
)
def test_numbers_in_any_notation_are_known(text):
    levels = [text, *(str(i) for i in range(30))]
    assert numbers_among(levels).startswith(f"{len(levels)} of {len(levels)} are numbers")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "n/a",
        "12 km",
        "1.2.3",
        "10.0.0.1",
        "2020-01-31",
        "A1",
        "1-2",
        "12:30",
        "nan",
        "007",
    ],
)
def test_other_texts_are_none(text):
    levels = [text, *(str(i) for i in range(30))]
    found = numbers_among(levels)
    assert found == f"30 of 31 are numbers such as '0', others such as {text!r}"


DATES = {
    "ISO": "2020-01-{:02}",
    "with a time": "2020-01-{:02} 12:30:00",
    "ISO with a time": "2020-01-{:02}T12:30:00Z",
    "American": "1/{}/2020",
    "German": "{}.1.2020",
    "short": "{:02}/01/20",
    "with a name": "{} Jan 2020",
    "with a name first": "January {}, 2020",
}


@pytest.mark.parametrize("form", DATES.values(), ids=DATES)
def test_dates_in_usual_notations_are_known(form):
    levels = [form.format(day) for day in range(1, 29)]
    found = what_is_among(levels)
    assert found.startswith(f"28 of 28 are dates such as {levels[0]!r}. Make numbers of dates")
    assert not what_is_among(levels[:20])
    assert not what_is_among([*levels, "a", "b", "c", "d"])


@pytest.mark.parametrize("form", ["10.0.0.{}", "1-{}", "{}:30", "Main Street {}", "A-{}-2020"])
def test_other_texts_are_no_dates(form):
    assert not what_is_among([form.format(day) for day in range(1, 29)])


def test_dates_are_told_and_nearly_unique_ones_refused():
    days = [f"2020-01-{1 + i % 28:02}" for i in range(N)]
    with pytest.warns(UserWarning, match=r"28 categories, but 28 of 28 are dates such as '2020-01"):
        small().fit(pd.DataFrame({"day": days}), Y)
    days = [f"2020-{1 + i % 12:02}-{1 + i // 12:02}" for i in range(N)]
    with pytest.raises(
        ValueError, match=r"'day'.* nearly unique .* 120 of 120 are dates.*_datetime"
    ):
        small().fit(pd.DataFrame({"day": days}), Y)


def test_few_numbers_are_grades_and_some_among_texts_are_names():
    assert not numbers_among([str(i) for i in range(20)])
    assert not numbers_among([str(i) for i in range(30)] + ["a", "b", "c", "d"])
    assert numbers_among([str(i) for i in range(30)] + ["a", "b", "c"])
    assert not numbers_among([])


def test_whole_numbers_of_many_digits_all_alike_are_codes():
    postcodes = [str(10_000 + 317 * i) for i in range(60)]
    assert not numbers_among(postcodes)
    assert not numbers_among([f"{i:03d}" for i in range(60)])
    assert numbers_among([*postcodes, "9999"])
    assert numbers_among([str(1900 + i) for i in range(60)])


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_misread_text_are_warned_of_by_the_name_of_their_column(frame):
    X = frame({"x": HALVES, "power": texts()})
    match = r"X, column 'power': .* 31 categories, but 30 of 31 are numbers such as '0.0', others"
    with pytest.warns(UserWarning, match=match) as caught:
        model = small().fit(X, Y)
    assert [one.filename for one in caught] == [__file__]
    assert "to_numeric" in str(caught[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(X)


def test_codes_are_not_warned_of():
    codes = pd.Series(texts())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small().fit(pd.DataFrame({"x": HALVES, "code": codes.astype("category")}), Y)
        small(categorical_features=["code"]).fit(pd.DataFrame({"x": HALVES, "code": codes}), Y)
        small().fit(pd.DataFrame({"x": HALVES, "code": codes.map(lambda text: f"k{text}")}), Y)


def test_the_ensemble_says_it_once():
    X = pd.DataFrame({"x": HALVES, "power": texts()})
    views = [("one", small()), ("two", small())]
    with pytest.warns(UserWarning, match="X, column 'power'") as caught:
        MDNEnsembleRegressor(views, cv=2, random_state=0).fit(X, Y)
    said = [str(one.message) for one in caught if "power" in str(one.message)]
    assert len(said) == 1
    assert said[0].startswith("View 'one', 2 members; View 'two', 2 members")


def test_numbers_that_are_nearly_unique_are_no_names():
    X = pd.DataFrame({"x": HALVES, "power": [f"{number:.9f}" for number in RNG.normal(size=N)]})
    match = r"nearly unique text \(120 different .* 120 of 120 are numbers .* to_numeric"
    with pytest.raises(ValueError, match=match):
        small().fit(X, Y)
