"""Predictions of the ensemble for many rows: in chunks, within bounded memory."""

import tracemalloc

import numpy as np
import pytest
from cases.ensemble import SMALL

from skmdn import MDNEnsembleRegressor
from skmdn.ensemble import view_densities


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 2))
    return X, 50 + 10 * (X[:, 0] + rng.normal(size=120))


@pytest.mark.parametrize("target_transform", [None, "log"])
def test_rows_in_chunks_have_the_same_densities(data, monkeypatch, target_transform):
    X, y = data
    model = MDNEnsembleRegressor(
        [("small", SMALL)], cv=2, target_transform=target_transform, random_state=0
    ).fit(X, np.exp(y / 50))
    whole, split = model.predict_proba(X), model.decompose(X)
    monkeypatch.setattr(view_densities, "CHUNK_ROWS", 17)
    chunks = model.predict_proba(X)
    # On some processors the last bit of a product of matrices depends on the number of rows.
    np.testing.assert_allclose(np.asarray(chunks), np.asarray(whole), rtol=1e-12)
    assert type(chunks) is type(whole)
    for name, part in model.decompose(X).items():
        np.testing.assert_allclose(part, split[name], rtol=1e-9)


def test_memory_of_a_prediction_is_bounded(data):
    X, y = data
    model = MDNEnsembleRegressor([("small", SMALL)], cv=2, random_state=0).fit(X, y)
    beyond = []
    for n_rows in (8192, 32_768):
        rows = np.resize(X, (n_rows, X.shape[1]))
        tracemalloc.start()
        density = model.predict_proba(rows)
        answer = density.weights.nbytes + density.means.nbytes + density.scales.nbytes
        beyond.append(tracemalloc.get_traced_memory()[1] - answer)
        tracemalloc.stop()
    # The answer is four times as large.
    assert beyond[1] < 1.5 * beyond[0]
