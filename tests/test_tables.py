"""Rows in any container, at every door that hands them on to other estimators."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from cases.ensemble import Recording
from cases.linear_gaussian import LinearGaussian
from cases.regressor import short
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from skmdn import ConformalMDNRegressor, MDNEnsembleRegressor, MDNRegressor
from skmdn.model_selection import cross_val_predict_proba
from skmdn.preprocessing import PiecewiseLinearEncoder

N = 60
RNG = np.random.default_rng(0)
X = RNG.integers(0, 9, size=(N, 2)) + 0.25
Y = X[:, 0] + RNG.normal(size=N)


class ArrowTable:
    """Takes rows as a Table of pyarrow does: by a method, while an index names a column."""

    def __init__(self, values):
        self.values, self.shape = values, values.shape

    def __len__(self):
        return len(self.values)

    def __getitem__(self, column):
        return self.values[:, {"a": 0, "b": 1}[column]]

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)

    def take(self, rows):
        return ArrowTable(self.values[rows])


def arrow(values):
    return pytest.importorskip("pyarrow").table({"a": values[:, 0], "b": values[:, 1]})


TABLES = {
    "list": np.ndarray.tolist,
    "pandas": lambda values: pd.DataFrame(values, columns=["a", "collect"]),
    "polars": lambda values: pl.DataFrame({"a": values[:, 0], "b": values[:, 1]}),
    "like pyarrow": ArrowTable,
    "pyarrow": arrow,
}


def ensemble(view, rows):
    return MDNEnsembleRegressor([("view", view)], cv=3, random_state=0).fit(rows, Y).predict(rows)


def conformal(view, rows):
    return ConformalMDNRegressor(view, cv=3, random_state=0).fit(rows, Y).predict(rows)


def out_of_fold(view, rows):
    return cross_val_predict_proba(view, rows, Y, cv=3).mean()


DOORS = pytest.mark.parametrize("predictions_of", [ensemble, conformal, out_of_fold])


def dense(counts):
    return counts.toarray()


def flat(rows):
    return np.reshape(rows, (len(rows), -1))


@DOORS
@pytest.mark.parametrize("kind", TABLES)
def test_tables_give_what_arrays_give(predictions_of, kind):
    expected = predictions_of(LinearGaussian(), X)
    np.testing.assert_allclose(predictions_of(LinearGaussian(), TABLES[kind](X)), expected)


@pytest.mark.parametrize(
    "table_of",
    [
        lambda values: pd.DataFrame(values, columns=["a", "b"]),
        lambda values: pd.DataFrame(values, columns=["a", "b"], dtype="Float64"),
        TABLES["polars"],
        arrow,
    ],
    ids=["pandas", "pandas with NA", "polars", "pyarrow"],
)
def test_a_number_that_is_infinite_is_named(table_of):
    values = np.tile(X, (100, 1))
    values[5000, 1] = -np.inf
    match = r"The first is -inf at row 5000, column 'b'\. If it stands for a gap, make it NaN"
    with pytest.raises(ValueError, match=match):
        MDNRegressor().fit(table_of(values), np.tile(Y, 100))


@DOORS
def test_rows_may_have_more_than_one_axis(predictions_of):
    view = make_pipeline(FunctionTransformer(flat), LinearGaussian())
    expected = predictions_of(view, X)
    np.testing.assert_allclose(predictions_of(view, X.reshape(N, 1, 2, 1)), expected)


@DOORS
@pytest.mark.parametrize("container", [list, np.array, pd.Series, pl.Series])
def test_rows_may_be_texts(predictions_of, container):
    texts = [int(a) * "a " + int(b) * "b " for a, b in X]
    words = CountVectorizer(vocabulary=["a", "b"], token_pattern=r"\w")
    view = make_pipeline(words, FunctionTransformer(dense), LinearGaussian())
    expected = predictions_of(LinearGaussian(), X - 0.25)
    np.testing.assert_allclose(predictions_of(view, container(texts)), expected)


def test_numbers_beside_texts_stay_numbers():
    def is_number(rows):
        return np.array([[isinstance(value, float) for value in row] for row in rows], float)

    rows = [["u", float(i)] for i in range(N)]
    view = make_pipeline(FunctionTransformer(is_number), Recording())
    model = MDNEnsembleRegressor([("view", view)], cv=2).fit(rows, Y)
    np.testing.assert_array_equal(model.estimators_[0][0][-1].rows_, [[0.0, 1.0]] * (N // 2))


@DOORS
def test_one_axis_of_numbers_is_refused(predictions_of):
    with pytest.raises(ValueError, match=r"X: expected rows and columns, got shape \(60,\)"):
        predictions_of(LinearGaussian(), X[:, 0])


def network(_, rows):
    MDNRegressor().fit(rows, Y)


def network_that_predicts(_, rows):
    MDNRegressor(n_components=1, hidden_layer_sizes=(2,), max_iter=1).fit(X, Y).predict(rows)


def network_with_validation_data(_, rows):
    MDNRegressor().fit(X, Y, X_val=rows, y_val=Y)


def encoder(_, rows):
    PiecewiseLinearEncoder().fit(rows)


NETWORKS = [network, network_that_predicts, network_with_validation_data, encoder]


@pytest.mark.parametrize("predictions_of", [ensemble, conformal, out_of_fold, *NETWORKS])
def test_a_query_that_has_not_run_is_refused(predictions_of):
    lazy = TABLES["polars"](X).lazy()
    with pytest.raises(TypeError, match=r"expected rows in memory, got a LazyFrame.*\.collect\(\)"):
        predictions_of(LinearGaussian(), lazy)


@pytest.mark.parametrize("predictions_of", NETWORKS)
def test_a_record_batch_is_refused(predictions_of):
    """scikit-learn reads no names from it, so that columns would be taken by their places."""
    (batch,) = arrow(X).to_batches()
    with pytest.raises(TypeError, match=r"expected a Table.*Table\.from_batches"):
        predictions_of(LinearGaussian(), batch)


@pytest.mark.parametrize("predictions_of", NETWORKS)
def test_sparse_inputs_are_refused_with_the_way_out(predictions_of):
    with pytest.raises(TypeError, match=r"dense data is required.*sparse_output=False"):
        predictions_of(None, csr_matrix(X))


@DOORS
def test_sparse_output_of_an_encoder_is_refused_with_the_way_out(predictions_of):
    view = make_pipeline(OneHotEncoder(handle_unknown="ignore"), MDNRegressor())
    with pytest.raises(TypeError, match=r"OneHotEncoder\(sparse_output=False\)"):
        predictions_of(view, X)


def test_sparse_inputs_reach_the_views_that_take_them():
    view = make_pipeline(FunctionTransformer(dense, accept_sparse=True), LinearGaussian())
    expected = ensemble(LinearGaussian(), X)
    np.testing.assert_allclose(ensemble(view, csr_matrix(X)), expected)


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize("word", [None, ["b"]])
def test_text_that_is_not_named_is_no_number(library, word):
    X = library({"a": ["01067", "80331"] * 20, "b": [0.0, 1.0] * 20})
    with pytest.raises(ValueError, match="column 'a': expected numbers, got text such as '01067'"):
        short(categorical_features=word).fit(X, np.arange(40.0))
