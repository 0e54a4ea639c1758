"""Files larger than memory: every row once a pass, read in runs."""

import resource

import numpy as np
import pytest
import torch
from cases.engine import make_data
from cases.regressor import linear_rows, mean_log_likelihood, short

from skmdn._engine import memory, runs
from skmdn._engine import readers as readers_module
from skmdn._engine.batches import Batches
from skmdn._engine.memory import is_larger_than_memory, memory_limit
from skmdn._engine.readers import ResidentReader, StreamReader
from skmdn._engine.runs import RunReader, kept_in_memory
from skmdn._estimators.observations import Observations
from skmdn._network.preparation import Preparation

N, P = 103, 3


def mapped(tmp_path, X, order="C"):
    np.save(tmp_path / "X.npy", np.asarray(X, order=order))
    return np.load(tmp_path / "X.npy", mmap_mode="r")


@pytest.fixture
def little_memory(monkeypatch):
    """A file of `N` rows is larger than memory; a run has four rows, and a group some runs."""
    row = 8 * P
    monkeypatch.setitem(readers_module._BLOCK_CELLS, "cpu", 40)  # blocks of ten rows
    monkeypatch.setattr(readers_module, "_RESIDENT_BYTES", 0)
    monkeypatch.setattr(runs, "_RUN_BYTES", 4 * row)
    monkeypatch.setattr(runs, "_LOADED_BYTES", 35 * row)  # three blocks
    monkeypatch.setattr(runs, "_LOADED_SHARE", 1.0)
    monkeypatch.setattr(memory, "memory_limit", lambda: 1.5 * N * row)
    monkeypatch.setattr(runs, "memory_limit", lambda: 1.5 * N * row)


def passes(data, preparation, n, batch_size=5):
    like = torch.zeros(0, dtype=torch.float64)
    batches, rng = Batches(data, preparation, batch_size, like), np.random.default_rng(0)
    found = []
    for _ in range(n):
        parts = [
            (b.x.T.numpy().copy(), b.y[:, 0].T.numpy().copy(), b.weights.numpy().copy())
            for b in batches.one_pass(rng)
        ]
        found.append([np.concatenate(arrays) for arrays in zip(*parts, strict=True)])
    return batches, found


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("rows", [np.arange(N), np.arange(1, N, 2), np.arange(30)])
def test_a_pass_is_every_row_once(little_memory, tmp_path, order, rows):
    X, y, weights = make_data()
    X[:, 0] = np.arange(N)
    file = mapped(tmp_path, X, order)
    preparation = Preparation.of(X, y, weights)
    streamed = StreamReader(
        Observations(X, y, weights, rows, 2), preparation, len(rows), torch.float64
    )
    streamed.read(rows)
    batches, found = passes(Observations(file, y, weights, rows, 2), preparation, 3)
    assert isinstance(batches._reader, RunReader)
    for x, targets, w in found:
        order_of_pass = np.argsort(x[:, 0])
        np.testing.assert_array_equal(x[order_of_pass], streamed.x.numpy())
        np.testing.assert_array_equal(targets[order_of_pass], streamed.y.numpy().T)
        np.testing.assert_array_equal(w[order_of_pass], streamed.weights.numpy())
    assert not np.array_equal(found[0][0], found[1][0])
    assert not np.array_equal(found[1][0], found[2][0])


def test_rows_are_read_in_runs_and_mixed_within_a_group(little_memory, tmp_path, monkeypatch):
    X, y, weights = make_data()
    X[:, 0] = np.arange(N)
    reads, take = [], runs._taken

    def recorded(X, rows):
        reads.append(rows)
        return take(X, rows)

    monkeypatch.setattr(runs, "_taken", recorded)
    preparation = Preparation.of(X, y, weights)
    data = Observations(mapped(tmp_path, X), y, weights, np.arange(N), 2)
    _, ((x, *_),) = passes(data, preparation, 1)
    assert [len(rows) for rows in reads] == [30, 30, 30, 13]
    for rows in reads:
        pieces = np.split(rows, 1 + np.flatnonzero(np.diff(rows) != 1))
        assert np.all(np.diff(rows) > 0)
        assert len(pieces) <= 1 + len(rows) // 4 + 1
    assert np.ptp(reads[0]) > 60  # from all over the file
    order = np.argsort(np.argsort(x[:, 0]))  # rows in the order of the pass
    assert np.mean(np.diff(order[:30]) == 1) < 0.3


def test_folds_and_atoms_go_with_their_rows(little_memory, tmp_path):
    X, y, weights = make_data()
    folds = np.arange(N) % 5
    data = Observations(mapped(tmp_path, X), y, weights, np.arange(N), 2, folds=folds)
    taken, places = runs._in_memory(data, np.array([9, 4, 6, 5]))
    np.testing.assert_array_equal(places, [3, 0, 2, 1])
    np.testing.assert_array_equal(taken.X, X[[4, 5, 6, 9]])
    np.testing.assert_array_equal(taken.y, y[[4, 5, 6, 9]])
    np.testing.assert_array_equal(taken.weights, weights[[4, 5, 6, 9]])
    np.testing.assert_array_equal(taken.folds, folds[[4, 5, 6, 9]])
    assert len(taken) == 4


def test_rows_that_validate_are_kept_in_memory(little_memory, tmp_path, monkeypatch):
    X, y, weights = make_data()
    data = Observations(mapped(tmp_path, X), y, weights, np.arange(3, 13), 2)
    kept = kept_in_memory(data)
    assert not is_larger_than_memory(kept.X)
    np.testing.assert_array_equal(kept.X, X[3:13])
    np.testing.assert_array_equal(kept.y, y[3:13])
    assert kept.rows.tolist() == list(range(10))
    monkeypatch.setattr(runs, "memory_limit", lambda: 8 * 4 * 8 * P)  # an eighth is four rows
    np.testing.assert_array_equal(kept_in_memory(data).X, X[[3, 6, 9, 12]])
    in_memory = Observations(X, y, weights, np.arange(3, 13), 2)
    assert kept_in_memory(in_memory) is in_memory


def test_what_is_larger_than_memory(tmp_path, monkeypatch):
    X = np.zeros((100, 3))
    file = mapped(tmp_path, X)
    monkeypatch.setattr(memory, "memory_limit", lambda: X.nbytes)
    for view in (file, file[:90], np.asarray(file), file.T):
        assert is_larger_than_memory(view)
    for other in (X, X[:90], file[:40], np.array(file)):
        assert not is_larger_than_memory(other)
    monkeypatch.setattr(memory, "memory_limit", lambda: 2 * X.nbytes)
    assert not is_larger_than_memory(file)


def test_the_limit_is_the_least_one(tmp_path, monkeypatch):
    assert 0 < memory_limit() < np.inf
    before = memory_limit()
    limit = tmp_path / "memory.max"
    limit.write_text("1000\n")
    monkeypatch.setattr(memory, "_LIMIT_FILES", (tmp_path / "none", limit))
    assert memory_limit() == 1000
    limit.write_text("max\n")
    assert memory_limit() >= before
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (500, resource.RLIM_INFINITY))
    assert memory_limit() == 500


def test_small_files_are_resident(little_memory, tmp_path, monkeypatch):
    monkeypatch.setattr(readers_module, "_RESIDENT_BYTES", 1 << 20)
    X, y, weights = make_data()
    data = Observations(mapped(tmp_path, X), y, weights, np.arange(N), 2)
    batches, _ = passes(data, Preparation.of(X, y, weights), 1)
    assert isinstance(batches._reader, ResidentReader)


def test_a_fit_learns_as_much_from_runs(tmp_path, monkeypatch):
    """Sorted by y, the hardest order of a file."""
    X, y = linear_rows(2000)
    X, y = X[np.argsort(y)], np.sort(y)
    words = {"max_iter": 30, "validation_split": "shuffled"}
    whole = mean_log_likelihood(short(**words).fit(X, y), X, y)
    read = []
    load = RunReader.load
    monkeypatch.setattr(RunReader, "load", lambda self, rows: read.append(rows) or load(self, rows))
    monkeypatch.setitem(readers_module._BLOCK_CELLS, "cpu", 2000)
    monkeypatch.setattr(readers_module, "_RESIDENT_BYTES", 0)
    monkeypatch.setattr(runs, "_RUN_BYTES", 20 * X.itemsize * 3)
    monkeypatch.setattr(runs, "_LOADED_BYTES", 400 * X.itemsize * 3)
    monkeypatch.setattr(memory, "memory_limit", lambda: X.nbytes)
    model = short(**words).fit(mapped(tmp_path, X), y)
    assert read
    assert mean_log_likelihood(model, X, y) > whole - 0.1
