"""Estimators, metrics and mixtures refuse collections of Dask, and name the way."""

import numpy as np
import pytest

pytest.importorskip("dask.array")
import dask.array as da
import dask.dataframe as dd
import pandas as pd
from cases.regressor import linear_rows, short

from skmdn import ConformalMDNRegressor, MDNEnsembleRegressor, Mixture, metrics
from skmdn.model_selection import cross_val_predict_proba
from skmdn.preprocessing import PiecewiseLinearEncoder

X, Y = linear_rows(60)
W = np.ones(60)
DX, DY, DW = (da.from_array(array, chunks=20) for array in (X, Y, W))
FRAME = dd.from_pandas(pd.DataFrame(X), npartitions=2)
SERIES = dd.from_pandas(pd.Series(Y), npartitions=2)
DENSITY = Mixture(np.ones((60, 1)), Y[:, None], np.ones((60, 1)))

ESTIMATORS = {
    "MDNRegressor": short,
    "MDNEnsembleRegressor": lambda: MDNEnsembleRegressor([("view", short())], cv=2),
    "ConformalMDNRegressor": lambda: ConformalMDNRegressor(short(), cv=2),
}


@pytest.fixture
def nothing_is_computed():
    """Fetching a single block fails."""

    def fail(dsk, keys, **kwargs):
        raise AssertionError("rows were fetched")

    import dask

    with dask.config.set(scheduler=fail):
        yield


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize(
    ("argument", "data"),
    [
        ("X", {"X": DX, "y": Y}),
        ("X", {"X": FRAME, "y": SERIES}),
        ("y", {"X": X, "y": DY}),
        ("y", {"X": X, "y": SERIES}),
        ("sample_weight", {"X": X, "y": Y, "sample_weight": DW}),
        ("groups", {"X": X, "y": Y, "groups": DW}),
    ],
)
def test_fit_refuses(nothing_is_computed, name, argument, data):
    model = ESTIMATORS[name]()
    with pytest.raises(TypeError, match=rf"^{argument}: .* a dask .*\.DaskMDNRegressor.*compute"):
        model.fit(**data)


def test_further_arguments_of_fit(nothing_is_computed):
    for argument, data in [
        ("X_val", {"X_val": DX, "y_val": Y}),
        ("y_val", {"X_val": X, "y_val": DY}),
        ("sample_weight_val", {"X_val": X, "y_val": Y, "sample_weight_val": DW}),
    ]:
        with pytest.raises(TypeError, match=rf"^{argument}: .*DaskMDNRegressor"):
            short().fit(X, Y, **data)
    with pytest.raises(TypeError, match=r"^X: .*DaskMDNRegressor"):
        short().partial_fit(DX, Y)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_answers_refuse(nothing_is_computed, name):
    model = ESTIMATORS[name]().fit(X, Y)
    asks = [model.predict, model.predict_proba, lambda X: model.score(X, Y)]
    for ask in asks:
        for rows in (DX, FRAME):
            with pytest.raises(TypeError, match=r"^X: .*DaskMDNRegressor"):
                ask(rows)
    with pytest.raises(TypeError, match=r"^y: .*DaskMDNRegressor"):
        model.score(X, DY)


@pytest.mark.parametrize("metric", [metrics.log_likelihood_score, metrics.crps_loss])
def test_metrics_refuse(nothing_is_computed, metric):
    for y in (DY, SERIES):
        with pytest.raises(TypeError, match=r"^y_true: .*DaskMDNRegressor"):
            metric(y, DENSITY)
    with pytest.raises(TypeError, match=r"^sample_weight: .*DaskMDNRegressor"):
        metric(Y, DENSITY, sample_weight=DW)


def test_others_refuse(nothing_is_computed):
    with pytest.raises(TypeError, match=r"^y: .*DaskMDNRegressor"):
        DENSITY.logpdf(DY)
    with pytest.raises(TypeError, match=r"^X: .*DaskMDNRegressor"):
        PiecewiseLinearEncoder().fit(DX)
    for data in ((DX, Y), (X, DY)):
        with pytest.raises(TypeError, match=r"^(X|y): .*DaskMDNRegressor"):
            cross_val_predict_proba(short(), *data)
    with pytest.raises(TypeError, match=r"^groups: .*DaskMDNRegressor"):
        cross_val_predict_proba(short(), X, Y, groups=DW)
