"""Lazy answers and scores of DaskMDNRegressor beside those of the local model."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("distributed")
import dask
import dask.array as da
import dask.dataframe as dd
from cases.cluster import (
    SETTINGS,
    SIZES,
    cluster_in_threads,
    in_blocks,
    in_partitions,
    of_unknown_size,
    rows,
    table,
)
from cloudpickle import dumps
from dask.distributed import Client
from sklearn.exceptions import NotFittedError
from sklearn.metrics import r2_score

from skmdn import MDNRegressor, metrics
from skmdn.dask import DaskMDNRegressor, answers
from skmdn.ensemble import PooledMDNRegressor

pytestmark = pytest.mark.filterwarnings("ignore:X does not have valid feature names")


def fitted(local):
    """A DaskMDNRegressor around a local model, as its `fit` leaves it."""
    model = DaskMDNRegressor(**SETTINGS)
    model.estimator_ = local
    return model


def local_model(X, y, **words):
    return MDNRegressor(**SETTINGS | words).fit(X, y)


@pytest.fixture(scope="module")
def single():
    X, y = rows()
    return X, y, local_model(X, y)


@pytest.fixture(scope="module")
def double():
    X, y = rows()
    y = np.column_stack([y, X[:, 1] - y])
    return X, y, local_model(X, y)


@pytest.mark.parametrize("kind", ["single", "double"])
def test_words_that_count_in_predictions_may_be_changed_after_fit(kind, request):
    """As in `MDNRegressor`."""
    X, _, local = request.getfixturevalue(kind)
    far, model = 3 * X, fitted(local).set_params(extrapolation="continue")
    expected = model.to_local().predict_proba(far).median()
    model.set_params(point_estimate="median")
    np.testing.assert_array_equal(model.to_local().predict(far), expected)
    answer = model.predict(da.from_array(far, chunks=(50, -1))).compute(scheduler="sync")
    np.testing.assert_allclose(answer, expected)
    model.set_params(extrapolation="constant")
    assert not np.allclose(model.to_local().predict(far), expected)
    assert local.point_estimate == "mean"
    with pytest.raises(ValueError, match="'point_estimate' parameter"):
        model.set_params(point_estimate="middle").predict(da.from_array(X))


@pytest.fixture(scope="module")
def pooled():
    X, y = rows()
    members = [local_model(X, y, random_state=seed) for seed in (0, 1)]
    return X, y, PooledMDNRegressor.calibrated(members, X, y)


@pytest.fixture(scope="module")
def with_frame():
    X, y = table()
    return X, y, local_model(X, y)


def computed(lazy):
    """The answer; what Dask said of it before must be true, block by block."""
    answer = lazy.compute(scheduler="sync")
    assert lazy.dtype == answer.dtype
    assert lazy.ndim == answer.ndim == lazy._meta.ndim
    blocks = [block.compute(scheduler="sync").shape for block in lazy.blocks.ravel()]
    sizes = [(n, *answer.shape[1:]) for n in SIZES]
    assert blocks == sizes
    if not np.isnan(lazy.shape[0]):
        assert lazy.shape == answer.shape
        assert lazy.chunks == (SIZES, *((n,) for n in answer.shape[1:]))
    return answer


QUESTIONS = [
    ("mean",),
    ("std",),
    ("var",),
    ("median",),
    ("mode",),
    ("cov",),
    ("entropy",),
    ("interval", 0.9),
    ("interval", [0.5, 0.9]),
    ("ppf", 0.1),
    ("ppf", [0.1, 0.5, 0.9]),
    ("sf", 0.5),
    ("cdf", 0.5),
    ("pdf", "y"),
    ("logpdf", "y"),
    ("crps", "y"),
    ("pit", "y"),
    ("responsibilities", "y"),
    ("energy_score", "y"),
    ("hdr_mass", "y"),
]


def by_block(ask, *arrays):
    """What the local model answers to each block: its last bits depend on the number of rows."""
    ends = np.cumsum(SIZES)
    return np.concatenate(
        [ask(*(a[end - n : end] for a in arrays)) for end, n in zip(ends, SIZES, strict=True) if n]
    )


@pytest.mark.parametrize("data", ["single", "double", "pooled"])
@pytest.mark.parametrize(("method", "arguments"), [(q[0], q[1:]) for q in QUESTIONS], ids=str)
def test_answers_of_arrays_are_the_local_ones(request, data, method, arguments):
    X, y, local = request.getfixturevalue(data)
    dX, dy = in_blocks(X, y)
    if data == "double" and method in ("cdf", "sf"):
        arguments = ([[[0.5, 0.1]]],)

    def ask(X, y):
        given = [y if argument == "y" else argument for argument in arguments]
        return getattr(local.predict_proba(X), method)(*given)

    ours = [dy if argument == "y" else argument for argument in arguments]
    answer = computed(fitted(local).predict_with(dX, method, *ours))
    np.testing.assert_array_equal(answer, by_block(ask, X, y))
    if method not in ("energy_score", "hdr_mass", "entropy"):  # which draw, from a seed per call
        np.testing.assert_allclose(answer, ask(X, y), rtol=1e-6, atol=1e-9)


def test_every_method_is_asked():
    asked = {question[0] for question in QUESTIONS} | {"sample", "atom_probability"}
    assert asked == answers.METHODS


@pytest.mark.parametrize("data", ["single", "double", "pooled"])
def test_points_are_the_local_ones(request, data):
    X, _, local = request.getfixturevalue(data)
    (dX,) = in_blocks(X)
    found = computed(fitted(local).predict(dX))
    np.testing.assert_array_equal(found, by_block(local.predict, X))


def test_unknown_sizes_and_blocks_of_columns(single):
    X, y, local = single
    dX, dy = (of_unknown_size(one) for one in in_blocks(X, y))
    model = fitted(local)
    expected = by_block(local.predict, X)
    np.testing.assert_array_equal(computed(model.predict(dX)), expected)
    found = computed(model.predict_with(dX, "logpdf", dy))
    np.testing.assert_allclose(found, local.predict_proba(X).logpdf(y), rtol=1e-9)
    (dX,) = in_blocks(X)
    np.testing.assert_array_equal(computed(model.predict(dX.rechunk({1: 1}))), expected)


def test_an_array_and_a_column_of_small_files(single, tmp_path):
    X, y, local = single
    table = pd.DataFrame({**{f"x{j}": X[:, j] for j in range(3)}, "y": y})
    for i in range(4):
        table[50 * i : 50 * (i + 1)].to_parquet(tmp_path / f"{i}.parquet")
    data = dd.read_parquet(tmp_path)
    (dX,) = in_blocks(X, sizes=(50,) * 4)
    with dask.config.set(scheduler="sync"):
        found = fitted(local).predict_with(dX, "logpdf", data["y"]).compute()
        np.testing.assert_allclose(found, local.predict_proba(X).logpdf(y), rtol=1e-9)


def test_float32_is_the_fast_path(single):
    X, _, local = single
    (dX,) = in_blocks(X.astype(np.float32))
    found = computed(fitted(local).predict(dX))
    np.testing.assert_array_equal(found, by_block(local.predict, X.astype(np.float32)))


def test_large_partitions_are_answered_in_parts(single, monkeypatch):
    X, y, local = single
    monkeypatch.setattr(answers, "_ROWS", 7)
    dX, dy = in_blocks(X, y)
    found = computed(fitted(local).predict_with(dX, "crps", dy))
    np.testing.assert_allclose(found, local.predict_proba(X).crps(y), rtol=1e-9)
    with dask.config.set(scheduler="sync"):
        assert fitted(local).score(dX, dy) == pytest.approx(local.score(X, y), abs=1e-12)


@pytest.mark.parametrize("data", ["single", "double"])
def test_samples_have_a_seed_for_every_partition(request, data):
    X, _, local = request.getfixturevalue(data)
    (dX,) = in_blocks(np.repeat(X[:1], 200, axis=0))
    model = fitted(local)
    first, again = (model.predict_with(dX, "sample", 4, random_state=0) for _ in range(2))
    answer = computed(first)
    assert answer.shape == (200, 4, *([2] if data == "double" else []))
    np.testing.assert_array_equal(answer, computed(again))
    other = computed(model.predict_with(dX, "sample", 4, random_state=1))
    assert not np.isin(answer, other).any()
    assert len(np.unique(answer)) == answer.size  # also across partitions
    fresh = model.predict_with(dX, "sample", 4)
    np.testing.assert_array_equal(computed(fresh), computed(fresh))
    assert not np.isin(computed(fresh), computed(model.predict_with(dX, "sample", 4))).any()


def test_answers_of_frames_keep_index_and_divisions(with_frame):
    X, y, local = with_frame
    X.index, y.index = (pd.RangeIndex(1000, 1200, name="key"),) * 2
    model = fitted(local)
    dX, dy = in_partitions(X, y)
    found = model.predict(dX)
    assert found._meta.index.name == "key"
    pd.testing.assert_series_equal(
        found.compute(scheduler="sync"),
        pd.Series(local.predict(X), X.index, name="predict"),
        rtol=1e-9,
    )
    density = local.predict_proba(X)
    for method, arguments, expected in [
        ("logpdf", [dy], density.logpdf(y)),
        ("std", [], density.std()),
    ]:
        found = model.predict_with(dX, method, *arguments)
        expected = pd.Series(expected, X.index, name=method)
        pd.testing.assert_series_equal(found.compute(scheduler="sync"), expected, rtol=1e-9)
    found = model.predict_with(dX, "interval", 0.9)
    assert list(found.columns) == ["interval_0", "interval_1"]
    assert [part.compute(scheduler="sync").shape for part in found.partitions] == [
        (n, 2) for n in SIZES
    ]
    pd.testing.assert_frame_equal(
        found.compute(scheduler="sync"),
        pd.DataFrame(density.interval(0.9), X.index, ["interval_0", "interval_1"]),
        rtol=1e-7,
    )
    sorted_parts = dd.from_pandas(X, npartitions=3)
    assert model.predict(sorted_parts).divisions == sorted_parts.divisions


@pytest.fixture(params=["Parquet", "CSV"])
def files(request, tmp_path):
    """A table in files, of which every one counts its rows from zero, and a model of it."""
    X, y = rows()
    table = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": y})
    for i in range(4):
        part = table[50 * i : 50 * (i + 1)].reset_index(drop=True)
        if request.param == "CSV":
            part.to_csv(tmp_path / f"{i}.csv", index=False)
        else:
            part.to_parquet(tmp_path / f"{i}.parquet")
    data = dd.read_csv(tmp_path / "*.csv") if request.param == "CSV" else dd.read_parquet(tmp_path)
    return data, local_model(table[["a", "b"]], y)


@pytest.mark.parametrize("with_cluster", [False, True])
def test_answers_go_beside_the_rows_of_files(files, with_cluster):
    """The index tells nothing there: an answer belongs to the partition that it was asked for."""
    data, local = files
    model, X = fitted(local), data[["a", "b"]]
    if with_cluster:
        with cluster_in_threads() as cluster, Client(cluster):
            check_rows(data, X, model, local)
    else:
        with dask.config.set(scheduler="sync"):
            check_rows(data, X, model, local)


def check_rows(data, X, model, local):
    score, drawn = model.predict_with(X, "logpdf", data["y"]), model.predict_with(X, "sample", 2)
    found = data.assign(point=model.predict(X), score=score, draw=drawn["sample_1"]).compute()
    density = local.predict_proba(found[["a", "b"]])
    np.testing.assert_allclose(found["point"], density.mean(), rtol=1e-9)
    np.testing.assert_allclose(found["score"], density.logpdf(found["y"]), rtol=1e-9)
    assert len(np.unique(found["draw"])) == 200
    found = data[model.predict_with(X, "sf", 0.0) > 0.5].compute()
    assert (local.predict_proba(found[["a", "b"]]).sf(0.0) > 0.5).all()
    assert len(found) == np.sum(local.predict_proba(X.compute()).sf(0.0) > 0.5)
    residual = data["y"] - model.predict(X)
    expected = data["y"].compute() - local.predict(X.compute())
    np.testing.assert_allclose(
        (residual**2).sum().compute(),
        np.sum(expected**2),
    )


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # that Dask uses
def test_answers_of_files_can_be_written(files, tmp_path):
    data, local = files
    model, X = fitted(local), data[["a", "b"]]
    with dask.config.set(scheduler="sync"):
        model.predict_with(X, "interval", 0.9).to_parquet(tmp_path / "written")
        model.predict(X).to_frame().to_parquet(tmp_path / "written_points")
        assert len(dd.read_parquet(tmp_path / "written")) == 200


def test_an_array_of_targets_does_not_go_with_a_frame(with_frame):
    X, y, local = with_frame
    dX, dy = in_partitions(X, y)
    with pytest.raises(ValueError, match="expected a dask Series or DataFrame, as X is one"):
        fitted(local).predict_with(dX, "logpdf", dy.to_dask_array())


CODES = {
    "numbers": lambda place: pd.Categorical(place),
    "booleans": lambda place: pd.Categorical(place > 0),
    "nullable": lambda place: pd.array(place, dtype="Int64"),
    "objects": lambda place: place.astype(object),
    "gaps": lambda place: np.full(len(place), None),
}


@pytest.mark.parametrize("kind", CODES)
def test_types_that_dask_cannot_show_an_example_of(kind):
    """Dask's example of these has text, a gap, or an object that is nothing."""
    X, y = table()
    place = X.pop("letter").cat.codes.to_numpy().astype(int)
    X = X[["number"]].assign(code=CODES[kind](place))
    local = local_model(X, y)
    with dask.config.set({"scheduler": "sync", "dataframe.convert-string": False}):
        dX = dd.from_pandas(X, npartitions=3)
        if isinstance(X["code"].dtype, pd.CategoricalDtype):
            dX["code"] = dX["code"].cat.as_unknown()
        found = fitted(local).predict(dX).compute()
    np.testing.assert_allclose(found, local.predict(X), rtol=1e-9)


def test_samples_of_frames(with_frame):
    X, y, local = with_frame
    dX, _ = in_partitions(X, y)
    drawn = fitted(local).predict_with(dX, "sample", 3, random_state=5)
    answer = drawn.compute(scheduler="sync")
    assert answer.shape == (200, 3)
    assert len(np.unique(answer)) == answer.size
    pd.testing.assert_frame_equal(answer, drawn.compute(scheduler="sync"))


def test_atoms(single):
    X, y, _ = single
    local = local_model(X, np.where(y > 0, y, 0.0), target_atoms=[0])
    (dX,) = in_blocks(X)
    found = computed(fitted(local).predict_with(dX, "atom_probability"))
    np.testing.assert_allclose(found, local.predict_proba(X).atom_probability(), rtol=1e-9)


@pytest.mark.parametrize(
    ("error", "match", "ask"),
    [
        (TypeError, "X: expected a dask DataFrame or array", lambda m, X, y: m.predict(np.ones(3))),
        (ValueError, "method: expected one that answers one array per row", lambda m, X, y: (
            m.predict_with(X, "modes")
        )),
        (ValueError, "got 'marginal'", lambda m, X, y: m.predict_with(X, "marginal", 0)),
        (ValueError, "random_state: expected an integer", lambda m, X, y: (
            m.predict_with(X, "sample", random_state=np.random.default_rng())
        )),
        (ValueError, "expecting 3 features", lambda m, X, y: m.predict(X[:, :2])),
        (ValueError, r"one number, or a grid \(1, G\).* shape \(2,\)", lambda m, X, y: (
            m.predict_with(X, "cdf", [1.0, 3.0])
        )),
        (ValueError, r"got plain values of shape \(4, 1\)", lambda m, X, y: (
            m.predict_with(X, "logpdf", np.ones((4, 1)))
        )),
        (ValueError, "y: expected the 4 partitions of X, got 1", lambda m, X, y: (
            m.predict_with(X, "logpdf", y.rechunk(200))
        )),
        (ValueError, "level", lambda m, X, y: m.predict_with(X, "interval", 2.0)),
        (ValueError, "atom_probability", lambda m, X, y: m.predict_with(X, "atom_probability")),
        (ValueError, "expected the rows of X in every partition", lambda m, X, y: (
            m.predict_with(X, "logpdf", of_unknown_size(y.rechunk(((89, 1, 1, 109),))))
            .compute(scheduler="sync")
        )),
        (ValueError, "In partition 0 of 4: y: expected the rows of X", lambda m, X, y: (
            m.crps(X, of_unknown_size(y.rechunk(((89, 1, 1, 109),))))
        )),
    ],
)  # fmt: skip
def test_bad_questions_are_refused_at_once(single, error, match, ask):
    X, y, local = single
    with pytest.raises(error, match=match), dask.config.set(scheduler="sync"):
        ask(fitted(local), *in_blocks(X, y))


def test_answers_of_three_axes_need_an_array(with_frame):
    X, y, _ = with_frame
    local = local_model(X, pd.DataFrame({"a": y, "b": -y}))
    dX, _ = in_partitions(X, y)
    model = fitted(local)
    assert model.predict(dX).compute(scheduler="sync").shape == (200, 2)
    with pytest.raises(ValueError, match=r"expected a dask array, as 'interval'.*to_dask_array"):
        model.predict_with(dX, "interval", 0.9)


def test_nothing_is_asked_before_fit():
    (dX,) = in_blocks(rows()[0])
    model = DaskMDNRegressor()
    for ask in (
        lambda: model.predict(dX),
        lambda: model.predict_with(dX, "std"),
        lambda: model.score(dX, dX),
        lambda: model.log_likelihood(dX, dX),
        lambda: model.crps(dX, dX),
        model.to_local,
    ):
        with pytest.raises(NotFittedError):
            ask()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("data", ["single", "double", "with_frame"])
def test_scores_are_those_of_all_rows(request, data, weighted):
    X, y, local = request.getfixturevalue(data)
    weights = np.random.default_rng(0).integers(0, 3, size=200).astype(float)
    weights[:91] *= weights[:91] > 5  # partitions without weight
    if data == "with_frame":
        dX, dy = in_partitions(X, y)
    else:
        dX, dy = in_blocks(X, y)
    given = in_blocks(weights)[0] if weighted else None
    w = weights if weighted else None
    model, density, targets = fitted(local), local.predict_proba(X), np.asarray(y)
    with dask.config.set(scheduler="sync"):
        assert model.score(dX, dy, given) == pytest.approx(
            r2_score(targets, local.predict(X), sample_weight=w), abs=1e-12
        )
        assert model.log_likelihood(dX, dy, given) == pytest.approx(
            metrics.log_likelihood_score(targets, density, sample_weight=w), abs=1e-12
        )
        assert model.crps(dX, dy, given) == pytest.approx(
            metrics.crps_loss(targets, density, sample_weight=w), abs=1e-12
        )


def test_r2_of_a_constant_target(single):
    X, _, local = single
    dX, dy = in_blocks(X, np.full(200, 3.0))
    with dask.config.set(scheduler="sync"):
        assert fitted(local).score(dX, dy) == 0.0


def test_faults_of_scored_targets_are_told(single):
    X, y, local = single
    dX, dy = in_blocks(X, np.where(np.arange(200) == 199, np.nan, y))
    with (
        dask.config.set(scheduler="sync"),
        pytest.raises(ValueError, match="In partition 3 of 4: Input y contains NaN"),
    ):
        fitted(local).log_likelihood(dX, dy)


def test_the_model_travels_once(single):
    """One node of the graph holds the model, however many partitions there are."""
    X, _, local = single
    for collection in in_blocks(X)[0], in_partitions(*table())[0]:
        is_array = isinstance(collection, da.Array)
        model = fitted(local if is_array else local_model(*table()))
        graph = dict(model.predict(collection).__dask_graph__())
        holders = [key for key, task in graph.items() if b"spread_factor_" in dumps(task)]
        assert len(holders) == 1
        assert len(graph) > len(SIZES)


def test_a_cluster_answers_the_same(single):
    X, y, local = single
    dX, dy = in_blocks(X, y)
    with cluster_in_threads(2) as threads, Client(threads):
        model = fitted(local)
        np.testing.assert_array_equal(model.predict(dX).compute(), by_block(local.predict, X))
        assert model.log_likelihood(dX, dy) == pytest.approx(
            metrics.log_likelihood_score(y, local.predict_proba(X)), abs=1e-12
        )


WITHOUT_DASK = """
import pickle, sys
sys.modules["dask"] = sys.modules["distributed"] = None  # an import would fail
import numpy as np
with open(sys.argv[1], "rb") as file:
    model, X, expected = pickle.load(file)
assert np.array_equal(model.predict(X), expected)
assert "torch" not in sys.modules and "skmdn.dask" not in sys.modules
"""


@pytest.mark.parametrize("data", ["single", "pooled"])
def test_local_models_need_neither_dask_nor_torch(request, data, tmp_path):
    X, _, local = request.getfixturevalue(data)
    file = tmp_path / "model.pickle"
    taken_home = fitted(local).to_local()
    file.write_bytes(pickle.dumps((taken_home, X, local.predict(X))))
    subprocess.run(
        [sys.executable, "-c", WITHOUT_DASK, str(file)],
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
