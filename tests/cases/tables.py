"""One table in the containers of all libraries, and models that take it, for tests of the door."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.preprocessing import FunctionTransformer

from skmdn import MDNRegressor

N = 60
RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=N)
TEXTS = [["oak", "ash", "elm", None][k] for k in RNG.integers(0, 4, N)]
TRUTHS = [[True, False, None][k] for k in RNG.integers(0, 3, N)]
COUNTS = [[1, 2, 30, None][k] for k in RNG.integers(0, 4, N)]
Y = NUMBERS + np.array([2.0 if text == "oak" else 0.0 for text in TEXTS]) + 0.1 * RNG.normal(size=N)
COLUMNS = {
    "size": [None if i % 7 == 3 else float(x) for i, x in enumerate(NUMBERS)],
    "tree": TEXTS,
    "wet": TRUTHS,
    "count": COUNTS,
}
TREES = ["ash", "elm", "oak"]


def objects(columns):
    return pd.DataFrame(
        {name: pd.Series(entries, dtype=object) for name, entries in columns.items()}
    )


def nullable(columns):
    return pd.DataFrame(columns).astype(
        {"size": "Float64", "tree": "string", "wet": "boolean", "count": "Int64"}
    )


def categorical(columns):
    frame = nullable(columns).astype({"size": "float64", "count": "float64"})
    return frame.assign(tree=pd.Categorical(columns["tree"], ["oak", "unused", "elm", "ash"]))


def enumerated(columns):
    return pl.DataFrame(columns).with_columns(
        pl.col("tree").cast(pl.Enum(["oak", "unused", "elm", "ash"]))
    )


def polars_categorical(columns):
    return pl.DataFrame(columns).with_columns(pl.col("tree").cast(pl.Categorical))


def polars_objects(columns):
    return pl.DataFrame(
        [pl.Series(name, entries, dtype=pl.Object) for name, entries in columns.items()]
    )


def arrow(columns):
    return pytest.importorskip("pyarrow").table(columns)


def arrow_dictionary(columns):
    table = arrow(columns)
    return table.set_column(1, "tree", table["tree"].dictionary_encode())


def arrow_views(columns):
    pa = pytest.importorskip("pyarrow")
    return arrow(columns).set_column(1, "tree", pa.array(columns["tree"], pa.string_view()))


def pandas_of_arrow(columns):
    pytest.importorskip("pyarrow")
    return pd.DataFrame(columns).convert_dtypes(dtype_backend="pyarrow")


FRAMES = {
    "pandas": pd.DataFrame,
    "pandas objects": objects,
    "pandas nullable": nullable,
    "pandas categorical": categorical,
    "pandas of arrow": pandas_of_arrow,
    "polars": pl.DataFrame,
    "polars enum": enumerated,
    "polars categorical": polars_categorical,
    "polars objects": polars_objects,
    "pyarrow": arrow,
    "pyarrow dictionary": arrow_dictionary,
    "pyarrow views": arrow_views,
}


def skip_without_names(frame):
    """Old versions of scikit-learn read no names of the columns of polars 2."""
    if not hasattr(FunctionTransformer().fit(frame), "feature_names_in_"):
        pytest.skip("scikit-learn reads no names of these columns")


def small(**options):
    return MDNRegressor(
        **{
            "n_components": 1,
            "hidden_layer_sizes": (4,),
            "n_bins": 4,
            "max_iter": 2,
            "random_state": 0,
        }
        | options
    )
