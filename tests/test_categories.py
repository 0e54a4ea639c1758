"""Frames at the door: which columns are categories, their codes, and what is refused."""

import copy
import datetime
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from cases.regressor import short
from cases.tables import (
    COLUMNS,
    FRAMES,
    NUMBERS,
    TEXTS,
    TREES,
    N,
    Y,
    objects,
    skip_without_names,
    small,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from skmdn._estimators.categories import only_of_rows
from skmdn._estimators.features import check_features

EXPECTED = np.column_stack(
    [
        [np.nan if x is None else x for x in COLUMNS["size"]],
        [np.nan if text is None else TREES.index(text) for text in TEXTS],
        [np.nan if truth is None else float(truth) for truth in COLUMNS["wet"]],
        [np.nan if count is None else count for count in COLUMNS["count"]],
    ]
)


def matrix_of(X, **options):
    """What the door makes of X, and the categories that it learns."""
    model = small(**options)
    return check_features(model, X, reset=True), model.categories_


def assert_categories(found, expected):
    assert [None if levels is None else levels.tolist() for levels in found] == expected


@pytest.mark.parametrize("kind", FRAMES)
def test_every_kind_of_frame_gives_the_same_matrix(kind):
    matrix, categories = matrix_of(FRAMES[kind](COLUMNS))
    np.testing.assert_array_equal(matrix, EXPECTED)
    assert_categories(categories, [None, TREES, [False, True], None])


@pytest.mark.parametrize("kind", FRAMES)
def test_every_kind_of_frame_gives_the_same_answers(kind):
    model = small().fit(FRAMES["pandas"](COLUMNS), Y)
    expected, frame = model.predict(FRAMES["pandas"](COLUMNS)), FRAMES[kind](COLUMNS)
    assert np.ptp(expected) > 0
    np.testing.assert_array_equal(small().fit(frame, Y).predict(frame), expected)
    skip_without_names(frame)
    np.testing.assert_array_equal(model.predict(frame), expected)


@pytest.mark.parametrize("kind", FRAMES)
def test_columns_in_another_order_give_the_same_answers(kind):
    model = small().fit(FRAMES["pandas"](COLUMNS), Y)
    frame = FRAMES[kind](COLUMNS)
    skip_without_names(frame)
    turned = frame.select(["count", "wet", "tree", "size"]) if hasattr(frame, "select") else None
    turned = frame[["count", "wet", "tree", "size"]] if turned is None else turned
    np.testing.assert_array_equal(model.predict(turned), model.predict(frame))


def codes(entries, **options):
    """Codes and categories of the last column, beside one of numbers."""
    matrix, categories = matrix_of(pd.DataFrame({"x": NUMBERS, "c": entries}), **options)
    np.testing.assert_array_equal(matrix[:, 0], NUMBERS)
    return matrix[:, 1], None if categories is None else categories[1]


def test_integers_are_categories_only_when_named():
    numbers = np.tile([30, 10, 20], N // 3)
    found, levels = codes(numbers)
    np.testing.assert_array_equal(found, numbers)
    assert levels is None
    for word in ([1], [-1], [False, True], ["c"], np.array([1]), pd.Index(["c"])):
        found, levels = codes(numbers, categorical_features=word)
        np.testing.assert_array_equal(found, np.tile([2, 0, 1], N // 3))
        np.testing.assert_array_equal(levels, [10, 20, 30])
    for word in (None, [], [False, False]):
        np.testing.assert_array_equal(codes(numbers, categorical_features=word)[0], numbers)


def test_named_columns_of_an_array_are_categories():
    X = np.column_stack([NUMBERS, np.tile([7.5, np.nan, -1.0], N // 3)])
    matrix, categories = matrix_of(X, categorical_features=[1])
    np.testing.assert_array_equal(matrix[:, 1], np.tile([1, np.nan, 0], N // 3))
    assert_categories(categories, [None, [-1.0, 7.5]])
    assert X[0, 1] == 7.5  # the caller's array is only read
    assert matrix_of(X)[1] is None


def test_names_mean_columns_of_the_frame_that_fit_got():
    frame = pd.DataFrame({"b": np.tile([1, 2], N // 2), "a": np.tile([3, 4], N // 2)})
    model = small(categorical_features=["a"]).fit(frame, Y)
    assert_categories(model.categories_, [None, [3, 4]])
    np.testing.assert_array_equal(model.predict(frame[["a", "b"]]), model.predict(frame))


def test_none_takes_booleans_as_numbers():
    found, levels = codes(np.tile([True, False], N // 2), categorical_features=None)
    np.testing.assert_array_equal(found, np.tile([1.0, 0.0], N // 2))
    assert levels is None


WORDS = {
    "an index beyond the last": [2],
    "an index before the first": [-3],
    "a mask too short": [True],
    "a mask too long": [True, False, False],
    "an unknown name": ["size"],
    "fractions": [0.5],
    "ragged": [[0], [0, 1]],
    "names and numbers": ["c", 1],
    "no hash": np.array([{1}, "c"], dtype=object),
    "a set": {1},
}


@pytest.mark.parametrize("kind", WORDS)
def test_a_word_that_names_no_features_is_refused(kind):
    model = small(categorical_features=WORDS[kind])
    with pytest.raises(ValueError, match=r"'categorical_features'.*the 2 features of X.*Got"):
        model.fit(pd.DataFrame({"x": NUMBERS, "c": np.arange(N) % 3}), Y)
    assert not hasattr(model, "categories_")


def test_names_of_an_array_are_refused_with_the_reason():
    with pytest.raises(ValueError, match=r"their names \(this X has none\)"):
        small(categorical_features=["c"]).fit(NUMBERS[:, None], Y)


def series(entries, dtype=object):
    return pd.Series(entries, dtype=dtype)


DAY = datetime.date(2024, 1, 1)
REFUSED = {
    "text and numbers": (series(["a", 1] * (N // 2)), "one kind, got numbers and text.*astype"),
    "booleans and numbers": (series([True, 2.5] * (N // 2)), "got booleans and numbers"),
    "mixed categories": (pd.Categorical(["a", 1] * (N // 2)), "got numbers and text"),
    "lists and text": (series([[1.0], "a"] * (N // 2)), "got list and text"),
    "lists": (series([[1.0]] * N), "expected numbers, got list"),
    "arrays": (series([np.ones(1)] * N), "expected numbers, got ndarray"),
    "pairs": (series([(1.0, 2.0)] * N), "expected numbers, got tuple"),
    "bytes": (series([b"a"] * N), "expected numbers, got bytes"),
    "complex": (NUMBERS + 1j, "expected numbers, got complex"),
    "names": ([f"name {i}" for i in range(N)], r"nearly unique text \(60 different entries in 60"),
    "names as categories": (pd.Categorical([f"n{i}" for i in range(N)]), "nearly unique text"),
    "cut": (pd.cut(NUMBERS, 3), "got Interval; make them text.*astype"),
    "intervals": (pd.arrays.IntervalArray.from_breaks(np.arange(N + 1)), "got Interval"),
    "dates": (pd.date_range(DAY, periods=N), r"dates or durations \(Timestamp\); pass parts"),
    "durations": (pd.to_timedelta(np.arange(N), unit="s"), r"durations \(Timedelta\)"),
    "periods": (pd.period_range(DAY, periods=N, freq="D"), r"durations \(Period\)"),
    "dates as categories": (pd.Categorical(pd.date_range(DAY, periods=N)), "dates or durations"),
    "durations as categories": (pd.Categorical(pd.to_timedelta(np.arange(N))), "dates or dur"),
    "dates as objects": (series([None, *[DAY] * (N - 1)]), r"dates or durations \(date\)"),
    "dates behind text": (series(["a", *[DAY] * (N - 1)]), "got date and text"),
    "infinity as objects": (series([1.0, np.inf] * (N // 2)), "infinity"),
    "infinite categories": (pd.Categorical([1.0, np.inf] * (N // 2)), "infinity"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_column_of_numbers_or_categories_is_refused_by_name(kind):
    entries, match = REFUSED[kind]
    frame = pd.DataFrame({"x": NUMBERS, "odd one": entries})
    match = (
        rf"X contains {match} .* column 'odd one'\."
        if "infinity as" in kind
        else f"X, column 'odd one': .*{match}"
    )
    model = small()
    with pytest.raises(ValueError, match=match):
        model.fit(frame, Y)
    assert not hasattr(model, "n_features_in_")


@pytest.mark.parametrize("kind", sorted(REFUSED.keys() - {"booleans and numbers"}))
def test_what_is_no_number_is_refused_in_a_column_of_numbers(kind):
    model, frame = fitted(**{"odd one": np.arange(N)})
    other = frame.assign(**{"odd one": REFUSED[kind][0]})
    match = "infinity" if "infinity as" in kind else "column 'odd one': expected numbers, got|inf"
    with pytest.raises(ValueError, match=match):
        model.predict(other)
    with pytest.raises(ValueError, match="X_val"):
        model.fit(frame, Y, X_val=other, y_val=Y)


@pytest.mark.parametrize(
    ("row", "match"),
    [
        (lambda frame: frame.to_numpy(), "Pass a DataFrame with the columns of fit"),
        (lambda frame: frame.iloc[0], r"one axis of 2 values .* frame.iloc\[\[0\]\]"),
        (lambda frame: dict(frame.iloc[0]), r"pandas.DataFrame\(\[row\]\)"),
        (lambda frame: [dict(frame.iloc[0])], r"pandas.DataFrame\(\[row\]\)"),
    ],
    ids=["array", "series", "dict", "dicts"],
)
def test_rows_that_lost_their_frame_are_told_how_to_be_one(row, match):
    model, frame = fitted(city=["a", "b"] * (N // 2))
    with pytest.raises((TypeError, ValueError), match=match):
        model.predict(row(frame))


IDS = np.array([2**53 + 1, 2**53 + 2, 998877665544332211])[np.arange(N) % 3]
LARGE = {
    "categories": (pd.DataFrame({"id": pd.Categorical(IDS)}), "from_dtype", "'id'"),
    "beyond float64": (pd.DataFrame({"id": pd.Categorical(IDS * [10**400])}), "from_dtype", "'id'"),
    "a column": (pd.DataFrame({"id": IDS}), ["id"], "'id'"),
    "an array": (IDS[:, None], [0], "0"),
    "objects": (IDS[:, None].astype(object), [0], "0"),
}


@pytest.mark.parametrize("kind", LARGE)
def test_numbers_too_large_to_be_told_apart_are_no_categories(kind):
    X, word, name = LARGE[kind]
    with pytest.raises(ValueError, match=rf"X, column {name}: .*below 2\*\*53.*astype\(str\)"):
        small(categorical_features=word).fit(X, Y)
    levels = matrix_of(pd.DataFrame({"id": IDS.astype(str)}))[1]
    assert_categories(levels, [sorted(set(IDS.astype(str)))])


def test_text_is_kept_to_its_last_character_and_without_room_to_spare():
    texts = ["a", "a\0", "a\0\0", "b" * 100_000]
    frame = pd.DataFrame({"c": pd.Series([texts[i % 4] for i in range(N)], dtype="str")})
    matrix, levels = matrix_of(frame)
    assert_categories(levels, [texts])
    np.testing.assert_array_equal(matrix[:, 0], np.arange(N) % 4)
    assert len(pickle.dumps(levels)) < 101_000


def test_numbers_beyond_float64_and_columns_without_a_date_are_called_what_they_are():
    with pytest.raises(ValueError, match="expected numbers, got a number beyond float64"):
        small().fit(pd.DataFrame({"x": [1, 10**400] * (N // 2)}), Y)
    with pytest.raises(ValueError, match=r"column 'x': .*dates or durations"):
        small().fit(pd.DataFrame({"x": pd.to_datetime([None] * N)}), Y)


POLARS_REFUSED = {
    "list": pl.Series([[1.0]] * N),
    "pairs": pl.Series([[1.0, 2.0]] * N, dtype=pl.Array(pl.Float64, 2)),
    "struct": pl.Series([{"a": 1.0}] * N),
    "binary": pl.Series([b"a"] * N),
    "date": pl.Series([DAY] * N),
    "time": pl.Series([datetime.time(1)] * N),
    "duration": pl.Series([datetime.timedelta(1)] * N),
}


@pytest.mark.parametrize("kind", POLARS_REFUSED)
def test_columns_of_polars_that_are_no_numbers_are_refused_by_name(kind):
    frame = pl.DataFrame({"x": NUMBERS, "odd one": POLARS_REFUSED[kind]})
    with pytest.raises(ValueError, match="X, column 'odd one': expected numbers"):
        small().fit(frame, Y)


def test_arrays_of_text_are_refused_with_the_way_out():
    for X in (np.array([["a", "b"]] * N), [[0.5, "a"]] * N, np.array([["a"]] * N, dtype=object)):
        with pytest.raises(ValueError, match=r"got text such as 'a'.*DataFrame"):
            small().fit(X, Y)


@pytest.mark.parametrize("entries", [TEXTS, NUMBERS])
def test_columns_that_share_a_name_are_refused(entries):
    frame = pd.concat([pd.Series(NUMBERS), pd.Series(entries)], axis=1, keys=["a", "a"])
    with pytest.raises(ValueError, match="different names, got 'a' 2 times"):
        small().fit(frame, Y)
    pa = pytest.importorskip("pyarrow")
    with pytest.raises(ValueError, match="different names, got 'a' 2 times"):
        small().fit(pa.table([pa.array(NUMBERS), pa.array(entries)], names=["a", "a"]), Y)


def fitted(**columns):
    frame = pd.DataFrame({"x": NUMBERS, **(columns or {"c": ["u", "v", "w"] * (N // 3)})})
    return small().fit(frame, Y), frame


CHANGED = {
    "numbers": (np.arange(N), "categories of text as in fit, got numbers"),
    "fractions": (NUMBERS, "categories of text as in fit, got numbers"),
    "booleans": ([True, False] * (N // 2), "categories of text as in fit, got booleans"),
    "mixed": (series(["u", 1] * (N // 2)), "categories of text as in fit, got numbers"),
    "lists": (series([["u"]] * N), "categories of text as in fit, got list"),
    "dates": (pd.date_range(DAY, periods=N), "dates or durations"),
    "complex": (NUMBERS + 1j, "categories of text as in fit, got complex"),
}


@pytest.mark.parametrize("kind", CHANGED)
@pytest.mark.parametrize("method", ["predict", "sample", "partial_fit"])
def test_categories_that_come_as_something_else_are_refused(method, kind):
    entries, match = CHANGED[kind]
    model, frame = fitted()
    before = copy.deepcopy(vars(model))
    with pytest.raises(ValueError, match=f"X, column 'c': .*{match}"):
        getattr(model, method)(frame.assign(c=entries), *([Y] if method == "partial_fit" else []))
    np.testing.assert_equal(vars(model), before)


def test_numbers_that_come_as_text_are_refused():
    model, frame = fitted(c=np.arange(N))
    with pytest.raises(ValueError, match="column 'c': expected numbers, got text such as 'u'"):
        model.predict(frame.assign(c=["u", "v"] * (N // 2)))


def test_an_array_of_numbers_has_no_categories_of_text():
    model, _ = fitted()
    array = np.column_stack([NUMBERS, np.arange(N)])
    with (
        pytest.warns(UserWarning, match="does not have valid feature names"),
        pytest.raises(ValueError, match="column 1: expected categories of text"),
    ):
        model.predict(array)


@pytest.mark.parametrize("names", [["x", "d"], ["x"], ["x", "c", "d"]])
def test_other_names_are_refused(names):
    model, frame = fitted()
    other = pd.DataFrame({name: frame.get(name, frame["c"]) for name in names})
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(other)


def test_a_column_with_nothing_but_gaps_in_fit_has_no_influence():
    for empty in ([None] * N, pd.Categorical([None] * N), pd.array([None] * N, dtype="string")):
        model, frame = fitted(c=empty)
        answers = model.predict(frame)
        assert np.isfinite(answers).all()
        texts = frame.assign(c=["u", "v"] * (N // 2))
        np.testing.assert_array_equal(model.predict(texts), answers)


@pytest.mark.parametrize("encoding", ["piecewise", None])
@pytest.mark.parametrize("hidden_layer_sizes", [(4,), ()])
def test_a_table_that_says_nothing_still_has_a_density(hidden_layer_sizes, encoding):
    for entries in (["u"] * N, [None] * N):
        frame = pd.DataFrame({"c": pd.array(entries, dtype="string")})
        model = small(hidden_layer_sizes=hidden_layer_sizes, encoding=encoding).fit(frame, Y)
        assert np.ptp(model.predict(frame.assign(c=["u", "new"] * (N // 2)))) == 0
        assert model.partial_fit(frame, Y).predict_proba(frame).logpdf(Y).shape == (N,)


def test_a_column_with_nothing_but_gaps_at_predict_is_missing_in_every_row():
    model, frame = fitted(c=["u", "v", None] * (N // 3))
    missing = model.predict(frame)[2::3]
    for empty in (pd.array([None] * N, dtype="string"), [None] * N, np.full(N, np.nan)):
        np.testing.assert_array_equal(model.predict(frame.assign(c=empty))[2::3], missing)
    assert np.any(model.predict(frame.assign(c="u"))[2::3] != missing)


def test_new_categories_all_have_the_same_answer_that_is_not_that_of_a_gap():
    model, frame = fitted(c=["u", "v", None] * (N // 3))
    new, newer = (model.predict(frame.assign(c=text)) for text in ("new", "newer"))
    np.testing.assert_array_equal(new, newer)
    gaps = model.predict(frame.assign(c=pd.array([None] * N, dtype="string")))
    assert np.any(new != gaps)


def test_categories_of_rows_without_weight_are_unseen():
    frame = pd.DataFrame({"x": NUMBERS, "c": ["u", "v", "w"] * (N // 3)})
    weights = np.tile([1.0, 0.0, 1.0], N // 3)
    model = small().fit(frame, Y, sample_weight=weights)
    assert_categories(model.categories_, [None, ["u", "w"]])
    without = small().fit(frame[weights > 0], Y[weights > 0])
    assert_categories(without.categories_, [None, ["u", "w"]])
    for name in ("X_mean_", "X_scale_", "y_mean_", "y_scale_"):
        np.testing.assert_array_equal(getattr(model, name), getattr(without, name))
    np.testing.assert_array_equal(
        model.predict(frame.assign(c="v")), model.predict(frame.assign(c="new"))
    )


def test_only_categories_of_some_rows_keep_codes():
    X = np.array([[0.0], [2.0], [1.0], [np.nan], [-1.0], [2.0]])
    (left,) = only_of_rows([np.array(["a", "b", "c"])], X, np.array([1, 3]))
    np.testing.assert_array_equal(left, ["c"])
    np.testing.assert_array_equal(X[:, 0], [-1, 0, -1, np.nan, -1, 0])


def test_ten_thousand_categories():
    n = 30_000
    rng = np.random.default_rng(0)
    zip_code = rng.integers(0, 10_000, n)
    frame = pd.DataFrame({"x": rng.normal(size=n), "zip": [f"{code:05}" for code in zip_code]})
    y = rng.normal(size=10_000)[zip_code] + 0.1 * rng.normal(size=n)
    model = small(max_iter=1).fit(frame, y)
    assert len(model.categories_[1]) == len(np.unique(zip_code)) > 9_000
    assert len(model.coefs_[0]) <= 2048
    assert np.isfinite(model.predict(frame)).all()
    model.predict(frame.iloc[:2].assign(zip="new"))


def test_text_is_nearly_unique_only_where_there_are_enough_rows():
    texts = [f"n{i}" for i in range(19)]
    small().fit(pd.DataFrame({"c": texts}), Y[:19])
    with pytest.raises(ValueError, match="nearly unique"):
        small().fit(pd.DataFrame({"c": [*texts, "n20"]}), Y[:20])
    small().fit(pd.DataFrame({"c": [*texts, "n1", "n2", "n3"]}), Y[:22])  # 19 of 22
    small(categorical_features=[0]).fit(np.arange(N, dtype=float)[:, None], Y)  # named numbers


def test_later_calls_keep_the_categories_of_the_first():
    model, frame = fitted()
    more = frame.assign(c=["u", "new"] * (N // 2))
    for method in ("partial_fit", "fit"):
        getattr(model.set_params(warm_start=True), method)(more, Y)
        assert_categories(model.categories_, [None, ["u", "v", "w"]])
    model.set_params(warm_start=False).fit(more, Y)
    assert_categories(model.categories_, [None, ["new", "u"]])


@pytest.mark.parametrize("method", ["partial_fit", "fit"])
def test_other_categorical_features_are_refused_where_training_goes_on(method):
    model, frame = fitted()
    model.set_params(warm_start=True)
    getattr(model.set_params(categorical_features=["c"]), method)(frame, Y)
    getattr(model.set_params(categorical_features=[False, True]), method)(frame, Y)
    for word in (None, ["x"], ["x", "c"]):
        with pytest.raises(ValueError, match="categorical_features must name the features"):
            getattr(model.set_params(categorical_features=word), method)(frame, Y)


def test_a_failed_fit_keeps_the_old_categories():
    model, frame = fitted()
    before = copy.deepcopy(vars(model))
    for bad in (frame.assign(c=[f"n{i}" for i in range(N)]), frame.assign(c=NUMBERS + 1j)):
        with pytest.raises(ValueError, match="column 'c'"):
            model.fit(bad, Y)
    with pytest.raises(ValueError, match="inconsistent"):
        model.fit(frame.assign(c=["p", "q"] * (N // 2)), Y[:-1])
    np.testing.assert_equal(vars(model), before)


def test_categories_in_the_fitted_state_are_plain_arrays():
    frame = pd.DataFrame({"x": NUMBERS, "c": pd.Categorical(["u", "v", None] * (N // 3))})
    model = small().fit(frame, Y)
    names = ("categories_", "category_indicators_", "category_shares_", "category_means_")
    for name in names:
        values = getattr(model, name)
        assert type(values) is list
        assert len(values) == 2
        assert values[0] is None
        assert values[1] is None or type(values[1]) is np.ndarray
    assert b"pandas" not in pickle.dumps(model)
    assert b"narwhals" not in pickle.dumps(model)
    without = small().fit(frame[["x"]], Y)
    assert [getattr(without, name) for name in names] == [None] * 4


ENTRIES = {
    "text": st.sampled_from(["a", "b", "", " a", "é"]),
    "truths": st.booleans(),
    "whole": st.integers(-5, 5),
    "fractions": st.floats(-9, 9),
    "none": st.none(),
}


@st.composite
def tables(draw):
    """Columns of entries of one kind or of several, with gaps."""
    n = draw(st.integers(1, 8))
    kinds = st.lists(st.sampled_from(sorted(ENTRIES)), min_size=1, max_size=2)
    columns = {}
    for j in range(draw(st.integers(1, 3))):
        entry = st.one_of(st.none(), *(ENTRIES[kind] for kind in draw(kinds)))
        columns[f"c{j}"] = draw(st.lists(entry, min_size=n, max_size=n))
    return columns


@settings(derandomize=True, database=None, max_examples=150, deadline=None)
@given(tables(), st.sampled_from(["from_dtype", "named", None]))
def test_any_frame_is_taken_or_refused_by_column(columns, word):
    """A frame of objects gives every entry back by its code, or an error that names a column."""
    frame = objects(columns)
    options = {"categorical_features": list(columns) if word == "named" else word}
    try:
        matrix, categories = matrix_of(frame, **options)
    except ValueError as error:
        assert "X, column 'c" in str(error)  # noqa: PT017 (most tables are taken)
        return
    for j, entries in enumerate(columns.values()):
        levels = None if categories is None else categories[j]
        is_gap = np.array([entry is None for entry in entries])
        np.testing.assert_array_equal(np.isnan(matrix[:, j]), is_gap)
        found = matrix[~is_gap, j]
        if levels is not None:
            assert sorted(set(levels.tolist())) == levels.tolist()
            found = levels[found.astype(int)]
        assert found.tolist() == [entry for entry in entries if entry is not None]


def test_rows_without_weight_do_not_change_a_network_of_categories():
    """Not even its random numbers."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.choice(["u", "v", "w"], 90)})
    y, weights = rng.normal(size=90), np.repeat([0.0, 1.0], [30, 60])
    options = {"validation_fraction": None, "dtype": "float64"}
    with_them = short(**options).fit(frame, y, sample_weight=weights)
    without = short(**options).fit(frame[30:], y[30:])
    np.testing.assert_allclose(with_them.predict(frame), without.predict(frame), rtol=1e-9)
