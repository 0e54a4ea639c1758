"""DaskMDNRegressor: what is fitted, and what is refused; on a cluster in this process."""

import inspect
import pickle
import re
from pathlib import Path

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
    nothing_is_left,
    of_unknown_size,
    rows,
    table,
)
from dask.distributed import Client
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.model_selection import TimeSeriesSplit
from threadpoolctl import threadpool_info, threadpool_limits

import skmdn.regressor
from skmdn import MDNRegressor, Mixture, TargetMixture
from skmdn._estimators.fit_warnings import (
    DeadComponentsWarning,
    collected_fit_warnings,
    warn_of_fit,
)
from skmdn.dask import DaskMDNRegressor, budget, cluster, fitting, versions
from skmdn.dask.budget import Worker, workers_of
from skmdn.dask.members import joined
from skmdn.dask.plan import seed_of
from skmdn.ensemble import PooledMDNRegressor


@pytest.fixture(scope="module")
def client():
    with cluster_in_threads() as threads, Client(threads) as running:
        yield running


def short(**words):
    return DaskMDNRegressor(**SETTINGS | words)


def local(**words):
    return MDNRegressor(**SETTINGS | words)


def assert_same(found, expected):
    """Networks and answers are equal to the bit."""
    assert type(found) is type(expected)
    layers = [one.coefs_ + one.intercepts_ for one in (found, expected)]
    for a, b in zip(*layers, strict=True):
        np.testing.assert_array_equal(a, b)
    for name in ("X_mean_", "y_scale_", "spread_factor_", "spread_noise_", "validation_split_"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert repr(found) == repr(expected)  # the words of the constructor


def test_constructors_agree():
    ours, theirs = (inspect.signature(one).parameters for one in (DaskMDNRegressor, MDNRegressor))
    assert list(ours) == ["n_members", "max_rows", *theirs]
    for name, parameter in theirs.items():
        assert ours[name].default == parameter.default
        assert ours[name].kind == parameter.kind
    assert (ours["n_members"].default, ours["max_rows"].default) == (1, "auto")
    words = {"n_members": 3, "alpha": 0.5}
    assert clone(DaskMDNRegressor(**words)).get_params() | words == (
        DaskMDNRegressor(**words).get_params()
    )


@pytest.mark.parametrize("unknown", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_one_member_of_all_rows_is_the_local_fit(client, unknown, dtype):
    X, y = rows()
    X = (10 * X).astype(dtype)
    expected = local().fit(X, y)
    dX, dy = in_blocks(X, y)
    if unknown:
        dX, dy = of_unknown_size(dX), of_unknown_size(dy)
    model = short().fit(dX.rechunk({1: 2}), dy)  # several blocks of columns
    assert_same(model.estimator_, expected)
    assert (model.n_samples_, model.n_samples_per_member_) == (200, 200)
    assert (model.n_outputs_, model.n_features_in_) == (1, 3)


@pytest.mark.parametrize("word", ["last", "blocks", TimeSeriesSplit(3)])
def test_the_order_of_the_rows_is_that_of_the_partitions(client, word):
    X, y = rows()
    expected = local(validation_split=word).fit(X, y)
    assert_same(short(validation_split=word).fit(*in_blocks(X, y)).estimator_, expected)


@pytest.mark.parametrize("known", [False, True])
def test_categories_text_booleans_and_gaps_are_those_of_the_local_fit(client, known):
    X, y = table()
    expected = local().fit(X, y)
    found = short().fit(*in_partitions(X, y, known=known)).to_local()
    assert_same(found, expected)
    assert [None if one is None else list(one) for one in found.categories_] == [
        None,
        ["u", "v", "w"],
        ["no", "yes"],
        [False, True],
    ]
    np.testing.assert_array_equal(found.feature_names_in_, X.columns)
    np.testing.assert_array_equal(
        found.predict_proba(X).logpdf(y), expected.predict_proba(X).logpdf(y)
    )


def test_small_files_stay_apart(client, tmp_path):
    """Dask joins small files of Parquet, of X and y as many as their columns are small."""
    X, y = table()
    whole = X.assign(letter=X["letter"].astype(str), y=y)
    for i in range(4):
        whole[50 * i : 50 * (i + 1)].to_parquet(tmp_path / f"{i}.parquet")
    data = dd.read_parquet(tmp_path)
    dX, dy = data[[*X.columns]], data["y"]
    model = short().fit(dX, dy)
    expected = local().fit(whole[[*X.columns]], y)
    np.testing.assert_array_equal(model.estimator_.coefs_[0], expected.coefs_[0])
    found = model.predict(dX).compute()
    np.testing.assert_allclose(found, expected.predict(whole[[*X.columns]]), rtol=1e-9)
    assert model.score(dX, dy) == pytest.approx(expected.score(whole[[*X.columns]], y))


def test_integer_categories_stay_categories_where_partitions_differ(client):
    X, y = table()
    X = X[["number"]].assign(letter=pd.Categorical(X["letter"].cat.codes + 10))
    found = short().fit(*in_partitions(X, y)).to_local()
    assert_same(found, local().fit(X, y))
    np.testing.assert_array_equal(found.categories_[1], [10, 11, 12])


TYPES = {
    "numbers in a nullable type": ("number", "Float64", "Int64"),
    "numbers as objects": ("number", object, object),
    "a column of gaps": ("nothing", object, float),
}


@pytest.mark.parametrize(("column", "of_x", "of_y"), TYPES.values(), ids=TYPES)
def test_types_that_dask_cannot_show_an_example_of(client, column, of_x, of_y):
    """Its example of a nullable type has a gap, and that of objects is no number."""
    X, y = table()
    X = X[["number"]].assign(nothing=None, letter=X["letter"].astype(str))
    X, y = X.astype({column: of_x}), y.round().astype(of_y)
    with dask.config.set({"dataframe.convert-string": False}):
        found = short().fit(dd.from_pandas(X, npartitions=3), dd.from_pandas(y, npartitions=3))
    assert_same(found.to_local(), local().fit(X, y))


def test_several_outputs(client):
    X, y = rows()
    y = np.column_stack([y, -y + X[:, 1]])
    expected = local(covariance_type="full").fit(X, y)
    assert_same(short(covariance_type="full").fit(*in_blocks(X, y)).estimator_, expected)


def test_a_column_keeps_its_axis_and_warns(client):
    X, y = table()
    dX, dy = in_partitions(X, y)
    with pytest.warns(DataConversionWarning, match="table of one column"):
        model = short().fit(dX, dy.to_frame())
    with pytest.warns(DataConversionWarning):
        expected = local().fit(X, y.to_frame())
    assert_same(model.estimator_, expected)
    assert model.estimator_.y_ndim_ == 2


def test_maps_and_atoms_are_those_of_the_local_fit(client):
    X, z = rows(400)
    y = np.where(z > 0.3, np.exp(2 * z), 0.0)
    words = {"target_transform": "log", "target_atoms": "auto"}
    expected = local(**words).fit(X, y)
    model = short(**words).fit(*in_blocks(X, y, sizes=(150, 250)))
    assert_same(model.estimator_, expected)
    assert model.estimator_.target_atoms_.tolist() == [0.0]


def test_weights_travel_with_their_rows(client):
    X, y = rows()
    weights = np.random.default_rng(1).integers(0, 4, size=200).astype(float)
    present = weights > 0
    dX, dy, dw = in_blocks(X, y, weights)
    model = short().fit(dX, dy, dw)
    assert_same(model.estimator_, local().fit(X[present], y[present], weights[present]))
    assert model.n_samples_ == present.sum()


def test_weights_do_not_enter_the_draw(client, monkeypatch):
    taken = record_rows(monkeypatch)
    X, y = rows()
    X[:, 0] = np.arange(200)
    weights = np.where(np.arange(200) < 100, 1e6, 1.0)
    weights[::5] = 0.0
    short(max_rows=80).fit(*in_blocks(X, y, weights))
    ((numbers, of_weights, _),) = taken
    np.testing.assert_array_equal(of_weights, weights[numbers])
    assert len(set(numbers)) == 80
    assert 20 <= np.sum(numbers < 100) <= 60  # half of the rows: 40, standard deviation 3.2


def record_rows(monkeypatch):
    """A list of the rows, weights and validation rows of every member."""
    taken, fit_member = [], fitting.fit_member

    def recorded(model, pieces, held_out, *others):
        of_members = joined(pieces)
        present = [piece for piece in held_out if piece is not None]
        validating = np.concatenate([p.X[:, 0] for p in present]) if present else np.empty(0)
        taken.append((of_members.X[:, 0].astype(int), of_members.weights, validating.astype(int)))
        return fit_member(model, pieces, held_out, *others)

    monkeypatch.setattr(fitting, "fit_member", recorded)
    # In this thread, where the list is.
    monkeypatch.setattr(
        fitting, "results", lambda client, tasks, report: dask.compute(*tasks, scheduler="sync")
    )
    return taken


def test_a_sample_is_seeded(client):
    dX, dy = in_blocks(*rows())
    models = [short(max_rows=60, random_state=seed).fit(dX, dy) for seed in (3, 3, 4)]
    assert_same(models[0].estimator_, models[1].estimator_)
    assert [model.estimator_.n_samples_seen_ for model in models] == [60] * 3
    means = [model.estimator_.X_mean_ for model in models]
    assert not np.array_equal(means[0], means[2])
    assert models[0].n_samples_per_member_ == 60


@pytest.mark.parametrize("n_members", [1, 2])
def test_what_a_training_of_all_rows_visits_is_gone_through_once(client, monkeypatch, n_members):
    monkeypatch.setattr(fitting, "n_visited", lambda n, *words: n - 50)
    X, y = rows()
    model = short(n_members=n_members, max_iter="auto").fit(*in_blocks(X, y)).to_local()
    for member in getattr(model, "estimators_", [model]):
        assert (member.n_iter_, member.max_iter) == (1, "auto")
        validating = 0 if n_members == 1 else 30
        assert member.n_samples_seen_ == 150 - validating


def test_states_of_random_numbers(client):
    dX, dy = in_blocks(*rows())
    state = np.random.RandomState(0)
    first, second = (short(random_state=state).fit(dX, dy).estimator_ for _ in range(2))
    assert not np.array_equal(first.coefs_[0], second.coefs_[0])
    fresh = [short(random_state=None).fit(dX, dy).estimator_ for _ in range(2)]
    assert not np.array_equal(fresh[0].coefs_[0], fresh[1].coefs_[0])
    assert fresh[0].random_state is None


@pytest.mark.parametrize("word", ["auto", "last"])
@pytest.mark.parametrize("max_rows", ["auto", 80])
def test_members_share_the_rows_that_validate_and_train_on_others(
    client, monkeypatch, word, max_rows
):
    taken = record_rows(monkeypatch)
    X, y = rows()
    X[:, 0] = np.arange(200)
    model = short(n_members=3, max_rows=max_rows, validation_split=word).fit(*in_blocks(X, y))
    n = 200 if max_rows == "auto" else 80
    n_held_out = max(n // 10, 30 if n > 90 else n // 3)
    assert len(taken) == 3
    for numbers, _, validating in taken:
        assert len(set(numbers)) == n - len(validating)
        assert abs(len(validating) - n_held_out) <= 4
        assert not set(numbers) & set(validating)
        np.testing.assert_array_equal(validating, taken[0][2])
        assert np.all(np.diff(numbers) > 0)  # in the order of the partitions
        if word == "last":
            assert validating.tolist() == list(range(200 - len(validating), 200))
    samples = {tuple(numbers) for numbers, *_ in taken}
    assert len(samples) == (1 if max_rows == "auto" else 3)
    members = model.estimator_.estimators_
    assert len({member.coefs_[0].tobytes() for member in members}) == 3
    assert [member.random_state for member in members] == [3, 3, 3]


def test_members_without_validation(client):
    X, y = rows()
    model = short(n_members=2, validation_fraction=None).fit(*in_blocks(X, y))
    pooled = model.to_local()
    assert (pooled.spread_factor_, pooled.spread_noise_.tolist()) == (1.0, [0.0])
    first = local(validation_fraction=None).fit(X, y)
    assert_same(pooled.estimators_[0], first)


def test_members_agree_about_the_targets(client):
    X, z = rows(900)
    y = np.exp(2 * z)
    words = {"target_transform": "auto", "target_atoms": "auto", "max_iter": 10}
    model = short(n_members=2, max_rows=450, **words).fit(*in_blocks(X, y, sizes=(500, 400)))
    members = model.estimator_.estimators_
    assert repr(members[0].target_transform_) == "Log(lower=0.0)"
    assert members[0].target_transform_ == members[1].target_transform_
    assert {member.target_transform for member in members} == {"auto"}
    density = model.to_local().predict_proba(X)
    assert isinstance(density, TargetMixture)
    assert density.n_components == 4


def test_members_with_atoms_and_categories(client):
    X, y = table(400)
    y = y.where(y > 1, 0.0)
    ends = (0, 150, 150, 400)
    model = short(n_members=2, target_atoms=[0]).fit(*in_partitions(X, y, ends))
    density = model.to_local().predict_proba(X)
    zeros = np.mean(density.atom_probability()[:, 0])
    assert abs(zeros - np.mean(y == 0)) < 0.15


def test_warm_start_goes_on(client):
    X, y = rows()
    dX, dy = in_blocks(X, y)
    expected = local(warm_start=True).fit(X, y)
    model = short(warm_start=True).fit(dX, dy)
    assert_same(model.estimator_, expected)
    assert_same(model.fit(dX, dy).estimator_, expected.fit(X, y))
    assert model.estimator_.n_calls_ == 2
    several = short(warm_start=True, n_members=2, target_transform="auto").fit(dX, dy)
    assert several.fit(dX, dy).estimator_.estimators_[1].n_calls_ == 2
    with pytest.raises(ValueError, match="n_members must stay 2; got 3"):
        several.set_params(n_members=3).fit(dX, dy)


@pytest.mark.parametrize("n_members", [1, 2])
def test_warm_starts_draw_and_hold_out_the_same_rows(client, n_members):
    """Without a seed too: with other rows, those that validate would have trained."""
    dX, dy = in_blocks(*rows())
    model = short(warm_start=True, random_state=None, n_members=n_members, max_rows=200)
    seed = model.fit(dX, dy).seed_
    assert seed_of(model) == seed
    assert model.set_params(random_state=5).fit(dX, dy).seed_ == seed
    assert seed_of(model.set_params(warm_start=False)) == 5


def test_a_pickle_and_a_clone_need_no_cluster(client):
    X, y = rows()
    dX, dy = in_blocks(X, y)
    for n_members in (1, 2):
        model = short(n_members=n_members).fit(dX, dy)
        loaded = pickle.loads(pickle.dumps(model))
        with dask.config.set(scheduler="sync"):
            answer = loaded.predict(dX).compute(scheduler="sync")
        # On some processors the last bit of a product of matrices depends on the number of rows.
        np.testing.assert_allclose(answer, model.to_local().predict(X), rtol=1e-12)
        assert not hasattr(clone(loaded), "estimator_")


def test_the_local_model_is_a_copy(client):
    model = short().fit(*in_blocks(*rows()))
    model.to_local().coefs_[0][:] = 0.0
    assert model.estimator_.coefs_[0].any()


def test_warnings_of_members_reach_the_client(client, monkeypatch):
    def warn(fitted):
        warn_of_fit("something is strange", ConvergenceWarning, stacklevel=1)
        warn_of_fit("none of its weight is left", DeadComponentsWarning, stacklevel=1)

    monkeypatch.setattr(skmdn.regressor, "_warn_of", warn)
    dX, dy = in_blocks(*rows())
    with pytest.warns(ConvergenceWarning) as caught:
        short().fit(dX, dy)
    assert [str(warning.message) for warning in caught] == [
        "something is strange",
        "none of its weight is left",
    ]
    assert {warning.filename for warning in caught} == {__file__}
    # Components without weight are no fault in a pool.
    with pytest.warns(ConvergenceWarning) as caught:
        short(n_members=2).fit(dX, dy)
    assert [str(warning.message) for warning in caught] == [
        "The pool, 2 members: something is strange"
    ]
    assert {warning.filename for warning in caught} == {__file__}


def test_a_member_uses_one_thread(client, monkeypatch):
    found = []

    def note(fitted):
        found.append({pool["num_threads"] for pool in threadpool_info()})

    record_rows(monkeypatch)  # in this thread
    monkeypatch.setattr(skmdn.regressor, "_warn_of", note)
    with threadpool_limits(2):
        short().fit(*in_blocks(*rows()))
    assert found == [{1}]


def test_collected_warnings_are_not_issued():
    with collected_fit_warnings() as outer:
        with collected_fit_warnings() as inner:
            warn_of_fit("one", stacklevel=1)
        warn_of_fit("two", ConvergenceWarning, stacklevel=1)
    assert (outer, inner) == ([("two", ConvergenceWarning)], [("one", UserWarning)])
    with pytest.warns(UserWarning, match="three") as caught:
        warn_of_fit("three", stacklevel=1)
    assert caught[0].filename == __file__


def test_verbose_counts_members(client, capsys):
    short(n_members=2, verbose=1).fit(*in_blocks(*rows()))
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"DaskMDNRegressor: {n} of 3 tasks of members done" for n in (1, 2, 3)]


def refused(model, error, match, *arguments, **words):
    """`fit` raises, and the estimator stays what it was."""
    before = dict(vars(model))
    with pytest.raises(error, match=match):
        model.fit(*arguments, **words)
    assert vars(model) == before


X_IN_MEMORY, Y_IN_MEMORY = rows()


@pytest.mark.parametrize(
    ("error", "match", "change"),
    [
        (TypeError, "X: expected a dask DataFrame or array, got numpy ndarray", {"X": X_IN_MEMORY}),
        (TypeError, "y: expected a dask Series, DataFrame or array", {"y": Y_IN_MEMORY}),
        (TypeError, "sample_weight: expected a dask Series", {"sample_weight": Y_IN_MEMORY}),
        (ValueError, "X: expected rows and columns", {"X": in_blocks(Y_IN_MEMORY)[0]}),
        (
            ValueError,
            "y: expected the 4 partitions of X, got 2",
            {"y": in_blocks(Y_IN_MEMORY, sizes=(90, 110))[0]},
        ),
        (
            ValueError,
            r"y: expected partitions of as many rows as those of X, \(90, 0, 1, 109\), got",
            {"y": in_blocks(Y_IN_MEMORY, sizes=(89, 0, 1, 110))[0]},
        ),
        (
            ValueError,
            "In partition 0 of 4: y: expected the rows of X in every partition, got 89 rows",
            {"y": of_unknown_size(in_blocks(Y_IN_MEMORY, sizes=(89, 0, 1, 110))[0])},
        ),
        (
            ValueError,
            "In partition 3 of 4: Input y contains NaN",
            {"y": in_blocks(np.where(np.arange(200) == 150, np.nan, Y_IN_MEMORY))[0]},
        ),
        (
            ValueError,
            "In partition 2 of 4: Input y contains NaN",
            {"y": in_blocks(np.where(np.arange(400) == 180, np.nan, 1.0).reshape(200, 2))[0]},
        ),
        (
            ValueError,
            "In partition 0 of 4: sample_weight must not be negative",
            {"sample_weight": in_blocks(np.where(np.arange(200) == 1, -1.0, 1.0))[0]},
        ),
        (
            ValueError,
            "at least one row with weight, got 200 rows, all of weight zero",
            {"sample_weight": in_blocks(np.zeros(200))[0]},
        ),
        (ValueError, "X: expected numbers, got a dask array of <U32", {"X": "text"}),
        (ValueError, "y: expected numbers, got a dask array of datetime64", {"y": "dates"}),
        (ValueError, "n_members", {"n_members": 0}),
        (ValueError, "max_rows", {"max_rows": "all"}),
        (ValueError, "n_components", {"n_components": 0}),
        (
            ValueError,
            "validation_split: with n_members > 1 expected",
            {"n_members": 2, "validation_split": TimeSeriesSplit(2)},
        ),
    ],
)
def test_bad_input_is_refused(client, error, match, change):
    dX, dy = in_blocks(X_IN_MEMORY, Y_IN_MEMORY)
    arguments = {"X": dX, "y": dy} | change
    if isinstance(arguments["X"], str):
        arguments["X"] = dX.astype(str)
    if isinstance(arguments["y"], str):
        arguments["y"] = dy.astype("datetime64[s]")
    names = {"X", "y", "sample_weight"}
    words = {name: value for name, value in arguments.items() if name not in names}
    data = {name: value for name, value in arguments.items() if name in names}
    refused(short(**words), error, match, **data)
    assert nothing_is_left(client)


def test_no_rows_are_refused(client):
    empty = da.zeros((0, 3), chunks=(0, 3)), da.zeros(0, chunks=0)
    refused(short(), ValueError, "at least one row with weight, got no row", *empty)


@pytest.mark.parametrize(
    ("column", "words", "match"),
    [
        ("word", {"categorical_features": None}, "column 'word': expected numbers, got text"),
        ("date", {}, "column 'date': expected numbers, got dates"),
        ("flag", {"categorical_features": ["colour"]}, "categorical_features"),
    ],
)
def test_columns_are_refused_before_a_row_is_read(client, monkeypatch, column, words, match):
    X, y = table()
    X = X.assign(date=pd.Timestamp("2026-01-01"))[["number", column]]
    parts = dd.from_pandas(X, npartitions=2), dd.from_pandas(y, npartitions=2)
    monkeypatch.setattr(fitting, "results", None)
    refused(short(**words), ValueError, re.escape(match), *parts)


def test_text_as_target_is_refused(client):
    X, _ = table()
    parts = dd.from_pandas(X[["number"]], npartitions=2), dd.from_pandas(X["word"], npartitions=2)
    refused(short(), ValueError, "y: expected numbers, got text", *parts)


def test_a_client_is_needed_and_must_run():
    # Not the module's client: get_client would find it.
    dX, dy = in_blocks(*rows())
    refused(short(), TypeError, "client: expected a Client, got str", dX, dy, client="tcp://x:1")
    with cluster_in_threads() as threads:
        closed = Client(threads, set_as_default=False)
        closed.close()
        refused(short(), ValueError, "one whose status is 'closed'", dX, dy, client=closed)


def test_no_client(monkeypatch):
    def none_found():
        raise ValueError("No global client found and no address provided")

    monkeypatch.setattr(cluster, "get_client", none_found)
    refused(
        short(), ValueError, "expected a running Client, found none. Start one", *in_blocks(*rows())
    )


class LostFileError(OSError):
    """What a store may say."""


def broken(block):
    if len(block) == 1:
        raise LostFileError("partition-2.parquet is gone")
    return block


@pytest.mark.parametrize("n_members", [1, 2])
def test_the_error_of_a_partition_is_raised_as_it_is(client, n_members):
    dX, dy = in_blocks(*rows())
    dX = dX.map_blocks(broken, dtype=float, meta=np.empty((0, 0)))
    refused(short(n_members=n_members), LostFileError, "partition-2.parquet is gone", dX, dy)
    assert nothing_is_left(client)


@pytest.mark.parametrize("n_members", [1, 2])
def test_the_error_of_a_member_is_raised_as_it_is(client, n_members):
    X, y = rows()
    X[7, 1] = np.inf
    refused(short(n_members=n_members), ValueError, "Input X contains infinity", *in_blocks(X, y))
    assert nothing_is_left(client)


def test_nothing_is_left_after_a_fit(client):
    short(n_members=2).fit(*in_blocks(*rows()))
    assert nothing_is_left(client)


def test_memory_of_workers_is_asked(client, monkeypatch):
    dX, dy = in_blocks(*rows())
    limit = int((budget._IDLE_BYTES + 10_000) / 0.6)  # room for 10,000 bytes
    monkeypatch.setattr(fitting, "workers_of", lambda client: [Worker(limit, 1)])
    refused(short(), ValueError, r"gives a member 200 rows.*Set max_rows=\d+", dX, dy)
    short(max_rows=200).fit(dX, dy)
    assert nothing_is_left(client)


def test_workers_are_found(client):
    (worker,) = workers_of(client)
    assert worker.n_threads == 2
    assert worker.memory_limit >= 0


@pytest.mark.parametrize("found", ["2024.12.1", None])
def test_old_versions_are_refused(monkeypatch, found):
    def version(package):
        if found is None:
            raise versions.PackageNotFoundError(package)
        return found

    monkeypatch.setattr(versions, "version", version)
    with pytest.raises(ImportError, match=r"skmdn\.dask needs dask .* or newer.*skmdn\[dask\]"):
        versions.check_versions()


def test_the_least_versions_are_those_of_the_extra():
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    for package, (year, month) in versions.OLDEST.items():
        assert re.search(rf'"{package}(\[array,dataframe\])?>={year}\.{month}\.\d+"', text)


def test_pooled_members_are_members(client):
    model = short(n_members=2, point_estimate="median").fit(*in_blocks(*rows()))
    pooled = model.to_local()
    assert isinstance(pooled, PooledMDNRegressor)
    assert isinstance(pooled.predict_proba(rows()[0]), Mixture)
    assert pooled.point_estimate == "median"
    assert SIZES[1] == 0


@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.parametrize(
    ("words", "is_series"),
    [({}, True), ({"validation_split": "shuffled"}, False), ({"extrapolation": "damped"}, False)],
)
@pytest.mark.filterwarnings("ignore:Residuals of held-out rows go together")
def test_a_series_follows_the_line_outside_in_all_members(client, n_members, words, is_series):
    y = np.cumsum(np.random.default_rng(0).normal(0.2, 1.0, size=202))
    X, y = np.column_stack([y[1:-1], y[:-2]]), y[2:]
    model = short(n_members=n_members, **words).fit(*in_blocks(X, y))
    fitted = model.to_local()
    members = getattr(fitted, "estimators_", [fitted])
    word = "linear" if is_series else "damped"
    assert [member.extrapolation_ for member in members] == n_members * [word]
    later = X[-3:] + 50.0
    found = fitted.predict(later)
    other = model.set_params(extrapolation=word).to_local().predict(later)
    np.testing.assert_array_equal(found, other)
