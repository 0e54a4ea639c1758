"""Models load from the files of skops with the documented list of trusted types."""

import importlib
import os
from functools import partial

import numpy as np
import pandas as pd
import pytest
from cases.regressor import linear_rows, several_outputs, short
from sklearn.pipeline import make_pipeline

from skmdn import ConformalMDNRegressor, MDNEnsembleRegressor
from skmdn.export import SKOPS_TRUSTED_TYPES
from skmdn.preprocessing import CrossFittedPredictions, PiecewiseLinearEncoder
from skmdn.transforms import Logit

io = pytest.importorskip("skops.io")

X, Y = linear_rows(60)
FRAME = pd.DataFrame(X, columns=list("abc")).assign(
    tree=np.where(X[:, 0] > 0, "oak", "ash"), wet=X[:, 1] > 0
)
FRAME.loc[3, "tree"] = None
ENSEMBLE = {"cv": 2, "random_state": 0}
MODELS = {
    "network": lambda: short().fit(X, Y),
    "in parts": lambda: short().partial_fit(X, Y),
    "frame": lambda: short(target_atoms=[0.0]).fit(FRAME, np.maximum(Y, 0.0)),
    "log": lambda: short(target_transform="log").fit(X, np.exp(Y)),
    "logit": lambda: short(target_transform=Logit(-9, 9)).fit(X, np.tanh(Y)),
    "maps": lambda: short(target_transform=["asinh", None]).fit(X, several_outputs(60)[1]),
    "views": lambda: MDNEnsembleRegressor(
        [("a", short())], target_transform="asinh", **ENSEMBLE
    ).fit(X, Y),
    "trees": lambda: MDNEnsembleRegressor(
        [("a", make_pipeline(CrossFittedPredictions(cv=2), PiecewiseLinearEncoder(), short()))],
        **ENSEMBLE,
    ).fit(X, Y),
    "trees of categories": lambda: MDNEnsembleRegressor(
        [("a", make_pipeline(CrossFittedPredictions(cv=2), short()))], **ENSEMBLE
    ).fit(FRAME, Y),
    "conformal": lambda: ConformalMDNRegressor(short(), **ENSEMBLE).fit(X, Y),
}


@pytest.mark.parametrize("kind", MODELS)
def test_models_load_with_the_list(kind):
    model = MODELS[kind]()
    inputs = FRAME if kind in ("frame", "trees of categories") else X
    loaded = io.loads(io.dumps(model), trusted=SKOPS_TRUSTED_TYPES)
    assert type(loaded) is type(model)
    assert loaded.predict_proba(inputs) == model.predict_proba(inputs)


# What scikit-learn 1.6 has and later releases need not have.
OF_AN_OLDER_RELEASE = "sklearn.compose._column_transformer._RemainderColsList"


def test_nothing_is_trusted_that_is_not_there():
    for name in {*SKOPS_TRUSTED_TYPES} - {OF_AN_OLDER_RELEASE}:
        module, _, kind = name.rpartition(".")
        assert callable(getattr(importlib.import_module(module), kind))


def test_a_partial_function_of_anything_else_is_refused():
    with pytest.raises(TypeError, match=r"\bsystem\b"):
        io.loads(io.dumps(partial(os.system, "true")), trusted=SKOPS_TRUSTED_TYPES)


def test_every_public_class_with_a_fitted_state_is_trusted():
    for module in ("conformal", "ensemble", "mixture", "preprocessing", "regressor", "transforms"):
        room = importlib.import_module(f"skmdn.{module}")
        names = getattr(room, "__all__", ["MDNRegressor"])
        classes = [name for name in names if isinstance(getattr(room, name), type)]
        assert {f"skmdn.{module}.{name}" for name in classes} <= {*SKOPS_TRUSTED_TYPES}
