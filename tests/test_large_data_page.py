"""The code of docs/large_data.md runs, but for that of Ray and Spark, as the page says."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("distributed")
from cases.regressor import short
from dask.distributed import Client
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingGridSearchCV

from skmdn import MDNEnsembleRegressor
from skmdn.metrics import log_likelihood_scorer

PAGE = (Path(__file__).parents[1] / "docs" / "large_data.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def block_with(text):
    (found,) = [block for block in BLOCKS if text in block]
    return found


@pytest.fixture
def trips():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "distance": rng.gamma(2.0, size=300),
            "hour": rng.integers(24, size=300),
            "weekday": rng.integers(7, size=300),
            "zone": np.array(["north", "south"])[rng.integers(2, size=300)],
        }
    )
    return table.assign(duration=20 * table["distance"] + rng.normal(size=300))


@pytest.fixture
def here():
    """A cluster in this process, in place of the page's."""
    with Client(processes=False, dashboard_address=":0") as client:
        yield client


def run(block, names):
    block = block.replace('"tcp://scheduler:8786"', "address")
    try:
        exec(compile(block, "docs/large_data.md", "exec"), names)
    finally:
        if "client" in names:
            names["client"].close()
    return names


@pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")  # dask's to_parquet
def test_frames_of_a_cluster(trips, here, tmp_path):
    (tmp_path / "trips").mkdir()
    trips[:200].to_parquet(tmp_path / "trips" / "0.parquet")
    trips[200:].to_parquet(tmp_path / "trips" / "1.parquet")
    block = block_with("DaskMDNRegressor(n_members=4").replace("s3://bucket", str(tmp_path))
    block = block.replace("n_members=4", "n_members=2, max_iter=2")
    names = run(block, {"address": here.scheduler.address})
    late = pd.read_parquet(tmp_path / "late")["late"]
    density = names["local"].predict_proba(trips[["distance", "hour", "zone"]])
    np.testing.assert_allclose(late, density.sf(30.0), atol=1e-9)


def test_joblib_gives_the_local_result(trips, here):
    X, y = trips[["distance", "hour"]], trips["duration"]
    views = [("view", short(max_iter=2))]
    names = {
        "address": here.scheduler.address,
        "HalvingGridSearchCV": lambda model, grid, scoring: HalvingGridSearchCV(
            short(max_iter=2), grid, scoring=scoring, random_state=0, n_jobs=2
        ),
        "MDNEnsembleRegressor": lambda **words: MDNEnsembleRegressor(views, cv=2, **words),
        "MDNRegressor": short,
        "log_likelihood_scorer": log_likelihood_scorer,
        "grid": {"n_components": [1, 2]},
        "X": X,
        "y": y,
    }
    found = run(block_with("parallel_config"), names)["ensemble"]
    expected = MDNEnsembleRegressor(views, cv=2, random_state=0).fit(X, y)
    np.testing.assert_array_equal(found.predict(X), expected.predict(X))


def test_parquet_to_a_map(trips, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trips.to_parquet("trips.parquet", row_group_size=70)
    names = run(block_with("open_memmap"), {"MDNRegressor": short})
    columns = ["distance", "hour", "weekday"]
    assert isinstance(names["X"], np.memmap)
    np.testing.assert_array_equal(names["X"], trips[columns].to_numpy(np.float32))
    np.testing.assert_array_equal(names["y"], trips["duration"])
    expected = short().fit(trips[columns].to_numpy(np.float32), trips["duration"])
    np.testing.assert_array_equal(names["model"].coefs_[0], expected.coefs_[0])


def test_other_frameworks_are_said_not_to_have_been_run():
    before, after = PAGE.split("## Ray and Spark")
    assert "not been run here" in after
    assert "import ray" not in before
    assert "pyspark" not in before
