"""What every estimator refuses at its door, in any container, and what it says."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import r2_score

from skmdn import ConformalMDNRegressor, MDNEnsembleRegressor, MDNRegressor
from skmdn.preprocessing import CrossFittedPredictions, PiecewiseLinearEncoder

N = 24
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 2))
Y = X[:, 0] + 0.1 * RNG.normal(size=N)
DAYS = pd.date_range("2024-01-01", periods=N, freq="D")


def small():
    return MDNRegressor(n_components=1, hidden_layer_sizes=(4,), max_iter=2, random_state=0)


ESTIMATORS = {
    "network": small,
    "ensemble": lambda: MDNEnsembleRegressor([("small", small())], cv=2, random_state=0),
    "conformal": lambda: ConformalMDNRegressor(small(), cv=2, random_state=0),
    "cross-fitted": lambda: CrossFittedPredictions(cv=2, random_state=0),
}
DATES = {
    "datetime64": DAYS.to_numpy(),
    "series": pd.Series(DAYS),
    "time zone": pd.Series(DAYS.tz_localize("Europe/Berlin")),
    "durations": pd.Series(DAYS - DAYS[0]),
    "objects": [datetime.date(2024, 1, 1 + day) for day in range(N)],
    "polars": pl.Series(DAYS.to_numpy()),
}


@pytest.mark.parametrize("kind", DATES)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_dates_are_no_targets(name, kind):
    with pytest.raises(ValueError, match=r"y: expected numbers, got dates or durations.*in a unit"):
        ESTIMATORS[name]().fit(X, DATES[kind])


@pytest.mark.parametrize("kind", DATES)
def test_dates_are_no_validation_targets_weights_or_new_outcomes(kind):
    with pytest.raises(ValueError, match="y_val: expected numbers, got dates"):
        small().fit(X, Y, X_val=X, y_val=DATES[kind])
    with pytest.raises(ValueError, match="sample_weight: expected numbers, got dates"):
        small().fit(X, Y, sample_weight=DATES[kind])
    model = ESTIMATORS["conformal"]().fit(X, Y)
    with pytest.raises(ValueError, match="y: expected numbers, got dates"):
        model.contains(X, DATES[kind], 0.5)


FRAMES = {
    "pandas": pd.DataFrame({"a": X[:, 0], "when": DAYS}),
    "time zone": pd.DataFrame({"a": X[:, 0], "when": DAYS.tz_localize("UTC")}),
    "durations": pd.DataFrame({"a": X[:, 0], "when": DAYS - DAYS[0]}),
    "objects": pd.DataFrame({"a": X[:, 0], "when": pd.Series(DATES["objects"], dtype=object)}),
    "polars": pl.DataFrame({"a": X[:, 0], "when": DAYS.to_numpy()}),
}


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("make", [small, PiecewiseLinearEncoder])
def test_dates_are_no_features_and_the_column_is_named(make, kind):
    with pytest.raises(ValueError, match="X, column 'when': expected numbers, got dates"):
        make().fit(FRAMES[kind], Y)
    numbers = pd.DataFrame({"a": X[:, 0], "when": X[:, 1]})
    model = make().fit(numbers, Y)
    ask = model.predict if hasattr(model, "predict") else model.transform
    with pytest.raises(ValueError, match="column 'when'"):
        ask(FRAMES[kind])


@pytest.mark.parametrize("kind", [*DATES, "text", "mask"])
@pytest.mark.parametrize("name", ["network", "ensemble", "conformal"])
def test_what_fit_refuses_as_a_target_score_refuses_too(name, kind):
    model = ESTIMATORS[name]().fit(X, Y)
    others = {"text": np.full(N, "1.5"), "mask": np.ma.masked_less(Y, 0)}
    y = DATES.get(kind, others.get(kind))
    with pytest.raises(ValueError, match="y: expected"):
        model.score(X, y)
    with pytest.raises(ValueError, match="sample_weight: expected"):
        model.score(X, Y, sample_weight=y)
    assert model.score(X, Y) == pytest.approx(r2_score(Y, model.predict(X)))


CATEGORIES = pd.Categorical(DAYS.tz_localize("UTC"))


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"a": X[:, 0], "when": pd.Categorical(DAYS)}),
        pd.DataFrame({"a": X[:, 0], "when": CATEGORIES}),
        pd.DataFrame({"a": X[:, 0], "when": DAYS.to_period("M")}),
        [[np.datetime64(day)] for day in DAYS],
        [[1.0, day] for day in DATES["objects"]],
    ],
    ids=["categories", "time zone", "periods", "list", "mixed list"],
)
def test_dates_inside_categories_and_lists_are_no_features(table):
    with pytest.raises(ValueError, match=r"column .*: expected numbers, got dates"):
        small().fit(table, Y)


def test_periods_and_single_numbers_are_no_targets():
    with pytest.raises(ValueError, match=r"y: expected numbers, got dates or durations \(Period\)"):
        small().fit(X, pd.Series(DAYS.to_period("D")))
    model = ESTIMATORS["conformal"]().fit(X, Y)
    with pytest.raises(ValueError, match=r"y: expected one value per row, got 0\.3"):
        model.contains(X, 0.3, 0.5)


def test_datetimes_of_another_unit_are_not_read_as_numbers():
    for unit in ("ns", "s"):
        dates = DAYS.to_numpy().astype(f"M8[{unit}]")[:, None]
        with pytest.raises(ValueError, match="column 0: expected numbers, got dates"):
            small().fit(dates, Y)


def without_categories():
    return small().set_params(categorical_features=None)


@pytest.mark.parametrize("container", [pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize("make", [without_categories, PiecewiseLinearEncoder])
def test_text_is_named_by_column_and_entry(make, container):
    frame = container({"a": X[:, 0], "district": ["north", "south"] * (N // 2)})
    with pytest.raises(ValueError, match=r"column 'district'.*text such as 'north'.*OneHotEncoder"):
        make().fit(frame, Y)


NUMBERS_AS_TEXT = {
    "list": ["1.5"] * N,
    "array": np.full(N, "1.5"),
    "bytes": np.full(N, b"1.5"),
    "objects": np.full(N, "1.5", dtype=object),
    "pandas": pd.Series(["1.5"] * N),
    "pandas' string": pd.Series(["1.5"] * N, dtype="string"),
    "polars": pl.Series(["1.5"] * N),
    "frame": pd.DataFrame({"y": ["1.5"] * N}),
}


@pytest.mark.parametrize("kind", NUMBERS_AS_TEXT)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_text_is_no_target_even_where_it_looks_like_numbers(name, kind):
    with pytest.raises(ValueError, match="y: expected numbers, got text"):
        ESTIMATORS[name]().fit(X, NUMBERS_AS_TEXT[kind])


@pytest.mark.parametrize("name", ["network", "ensemble", "conformal"])
def test_a_table_of_one_target_warns_where_fit_is_called(name):
    with pytest.warns(DataConversionWarning, match="one column") as caught:
        ESTIMATORS[name]().fit(X, pd.DataFrame({"price": Y}))
    assert caught[0].filename == __file__


@pytest.mark.parametrize("container", [pd.DataFrame, pl.DataFrame])
def test_a_table_of_one_target_is_told_of_the_outputs_axis(container):
    frame = container({"price": Y})
    with pytest.warns(DataConversionWarning, match=r"y\['price'\]"):
        model = small().fit(X, frame)
    assert model.predict(X).shape == (N, 1)
    small().fit(X, Y[:, None])  # an array means it


def test_a_subclass_with_a_constructor_of_its_own_can_be_fitted():
    class Narrow(MDNRegressor):
        def __init__(self, width=4):
            super().__init__(hidden_layer_sizes=(width,), n_components=1, max_iter=2)
            self.width = width

    model = Narrow(6).fit(X, Y)
    assert model.coefs_[0].shape[1] == 6
    assert model.partial_fit(X, Y).predict(X).shape == (N,)

    class Forgetful(MDNRegressor):
        def __init__(self, width=4):
            self.width = width

    with pytest.raises(ValueError, match=r"no attribute 'n_components'.*super\(\).__init__"):
        Forgetful().fit(X, Y)
