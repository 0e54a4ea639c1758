"""Batches: every row once, prepared, from memory or from a stream."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from cases.engine import CPU, make_data

from skmdn._engine import readers as readers_module
from skmdn._engine.batches import Batches, DrawnBatches
from skmdn._engine.readers import ResidentReader, ResidentRows, StreamReader, resident_rows
from skmdn._estimators.observations import Observations, concatenated
from skmdn._network.preparation import Preparation


def soft_clipped(z):
    return z / np.sqrt(1 + (z / 5) ** 2)


def rows_of(batches, rng=None):
    parts = [
        (b.x.T.numpy().copy(), b.y[:, 0].T.numpy().copy(), b.weights.numpy().copy())
        for b in batches.one_pass(rng)
    ]
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)], [
        len(x) for x, *_ in parts
    ]


@pytest.mark.parametrize("resident", [False, True])
@pytest.mark.parametrize("layout", ["C", "F", "memmap", "float32"])
def test_a_pass_is_every_row_once_standardised(monkeypatch, tmp_path, layout, resident):
    monkeypatch.setitem(readers_module._BLOCK_CELLS, "cpu", 100)  # several blocks
    monkeypatch.setattr(readers_module, "_RESIDENT_BYTES", 10**6 if resident else 0)
    X, y, weights = make_data()
    if layout == "F":
        X = np.asfortranarray(X)
    elif layout == "float32":
        X = X.astype(np.float32)
    elif layout == "memmap":
        np.save(tmp_path / "X.npy", X)
        X = np.load(tmp_path / "X.npy", mmap_mode="r")
    preparation = Preparation.of(X, y, weights)
    selected = np.arange(0, 103, 2)  # 52 rows
    data = Observations(X, y, weights, selected, 2)
    batches = Batches(data, preparation, 10, torch.zeros(0, dtype=torch.float64))
    rng = np.random.default_rng(0)
    (x, targets, w), sizes = rows_of(batches, rng)
    assert sizes == [10, 10, 10, 10, 12]
    expected = soft_clipped((X[selected].astype(float) - preparation.X_mean) / preparation.X_scale)
    order = np.lexsort(expected.T)
    found = np.lexsort(x[:, :-1].T)
    np.testing.assert_allclose(x[found, :-1], expected[order], rtol=1e-12)
    np.testing.assert_array_equal(x[:, -1], 1)
    z = (y[selected] - preparation.y_mean) / preparation.y_scale
    np.testing.assert_allclose(targets[found], z[order], rtol=1e-12)
    relative = weights[selected] / weights[selected].mean()
    np.testing.assert_allclose(w[found], relative[order], rtol=1e-12)
    (again, *_), _ = rows_of(batches, rng)
    assert not np.array_equal(again, x)  # another order


def test_resident_and_streamed_rows_are_the_same(monkeypatch):
    monkeypatch.setitem(readers_module._BLOCK_CELLS, "cpu", 100)
    X, y, weights = make_data()
    data = Observations(X, y, weights, np.arange(3, 90), 2)
    preparation = Preparation.of(X, y, weights)
    host = StreamReader(data, preparation, 20, torch.float32)
    rows = ResidentRows(StreamReader(data, preparation, 8, torch.float32), CPU)
    device = ResidentReader(rows, 20)
    places = np.array([5, 0, 7, 40])
    host.read(host.index[places])
    device.read(device.index[places])
    assert torch.equal(host.x[:4], device.x[:4])
    assert torch.equal(host.y[:, :4], device.y[:, :4])
    assert torch.equal(host.weights[:4], device.weights[:4])


def copies_of_rows(n_copies):
    """Copies of 40 rows with other targets, the rows as data say that they are."""
    X, y, weights = make_data()
    rows = np.tile(np.arange(40), n_copies)
    targets = np.random.default_rng(1).normal(size=(len(rows), y.shape[1]))
    data = Observations(X[rows], targets, weights[rows], np.arange(len(rows)), 2)
    return data, replace(data, n_copies=n_copies), Preparation.of(X, y, weights)


@pytest.mark.parametrize("n_copies", [1, 3, 5])
def test_copies_that_share_their_inputs_are_the_rows_that_they_are(monkeypatch, n_copies):
    monkeypatch.setitem(readers_module._BLOCK_CELLS, "cpu", 100)
    plain, copies, preparation = copies_of_rows(n_copies)
    like = torch.zeros(0, dtype=torch.float64)
    found = ResidentReader(resident_rows(copies, preparation, like), 30)
    expected = StreamReader(plain, preparation, 30, torch.float64)
    # As many inputs are prepared and kept as there are different rows.
    assert len(found._rows._x) == 40
    for reader in (found, expected):
        reader.shuffle(np.random.default_rng(0))
    for start in range(0, 40 * n_copies - 30, 30):
        for reader in (found, expected):
            reader.load(slice(start, start + 30))
        assert torch.equal(found.x, expected.x)
        assert torch.equal(found.y, expected.y)
        assert torch.equal(found.weights, expected.weights)


def test_a_gpu_draws_copies_that_share_their_inputs():
    plain, copies, preparation = copies_of_rows(3)
    like = torch.zeros(0, dtype=torch.float64)
    drawn = []
    for data in (plain, copies):
        batches = DrawnBatches(resident_rows(data, preparation, like), 25)
        for step, batch in enumerate(batches.one_pass(np.random.default_rng(0))):
            batches.draw(torch.tensor([step]), batch)
            drawn.append([batch.x.clone(), batch.y.clone(), batch.weights.clone()])
    half = len(drawn) // 2
    assert half == 5
    for one, other in zip(drawn[:half], drawn[half:], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_copies_fit_into_memory_where_as_many_other_rows_would_not(monkeypatch):
    plain, copies, preparation = copies_of_rows(5)
    like = torch.zeros(0, dtype=torch.float64)
    inputs, targets = preparation.n_inputs + 1, plain.y.shape[1] + 1
    monkeypatch.setattr(readers_module, "_RESIDENT_BYTES", 8 * (40 * inputs + 200 * targets))
    assert readers_module.is_streamed(plain, preparation, like)
    assert not readers_module.is_streamed(copies, preparation, like)


def test_parts_of_copies_are_no_copies():
    data = copies_of_rows(3)[1]
    assert data.n_copies == 3
    assert data.select(data.rows[:50]).n_copies == 1
    assert concatenated([data, data]).n_copies == 1


def test_drawn_batches_are_every_row_once_in_a_new_order():
    X, y, weights = make_data()
    preparation = Preparation.of(X, y, weights)
    data = Observations(X, y, weights, np.arange(0, 103, 2), 2)  # 52 rows
    in_order, _ = rows_of(Batches(data, preparation, 10, torch.zeros(0, dtype=torch.float64)))
    rows = ResidentRows(StreamReader(data, preparation, 8, torch.float64), CPU)
    batches = DrawnBatches(rows, 10)
    rng, passes, step = np.random.default_rng(0), [], 0
    for _ in range(2):
        parts, sizes = [], []
        for batch in batches.one_pass(rng):
            batches.draw(torch.tensor([step]), batch)
            parts.append([batch.x.T.clone(), batch.y[:, 0].T.clone(), batch.weights.clone()])
            sizes.append(batch.n_rows)
            step += 1
        assert sizes == [10, 10, 10, 10, 12]
        found = [torch.cat(arrays).numpy() for arrays in zip(*parts, strict=True)]
        order = np.argsort(found[0][:, 0])
        expected = np.argsort(in_order[0][:, 0])
        for drawn, read in zip(found, in_order, strict=True):
            np.testing.assert_array_equal(drawn[order], read[expected])
        passes.append(found[0])
    assert not np.array_equal(*passes)
    assert not np.array_equal(passes[0], in_order[0])


def test_an_infinite_scale_switches_an_input_off():
    X, y, _ = make_data()
    X[:, 1] = 7e12
    preparation = Preparation.of(X, y, None)
    assert np.isinf(preparation.X_scale[1])
    reader = StreamReader(Observations.of(X, y), preparation, 103, torch.float64)
    reader.read(np.arange(103))
    np.testing.assert_array_equal(reader.x[:, 1], 0)
