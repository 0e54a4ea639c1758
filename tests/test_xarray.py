"""Densities as datasets of xarray: the same numbers, with names."""

import numpy as np
import pytest
from cases.mixture_oracles import tame

from skmdn import MDNRegressor, Mixture, TargetMixture

xarray = pytest.importorskip("xarray")

KINDS = [{"d": None}, {"d": 1}, {"d": 3}, {"d": 3, "full": True}]


@pytest.mark.parametrize("kind", KINDS)
def test_datasets_hold_all_parameters(kind):
    mixture = tame(n=4, k=2, **kind)
    data = mixture.to_xarray()
    assert isinstance(data, xarray.Dataset)
    axes = ("row", "component") if mixture.univariate else ("row", "component", "output")
    assert data["weight"].dims == ("row", "component")
    assert data["mean"].dims == data["scale"].dims == axes
    shape = mixture.means.shape[: len(axes)]
    np.testing.assert_array_equal(data["weight"], mixture.weights)
    np.testing.assert_array_equal(data["mean"], mixture.means.reshape(shape))
    np.testing.assert_array_equal(data["scale"], mixture.scales.reshape(shape))
    assert ("scale_tril" in data) == (mixture.covariance_type == "full")
    if "scale_tril" in data:
        assert data["scale_tril"].dims == (*axes, "factor")
        np.testing.assert_array_equal(data["scale_tril"], mixture.scale_tril)
    for axis, n in zip(axes, shape, strict=True):
        np.testing.assert_array_equal(data[axis], np.arange(n))


def test_means_follow_from_the_dataset():
    mixture = tame(n=4, k=3, d=2)
    data = mixture.to_xarray()
    mean = (data["weight"] * data["mean"]).sum("component")
    np.testing.assert_allclose(mean.transpose("row", "output"), mixture.mean(), rtol=1e-12)


def test_maps_and_atoms_have_names():
    base = Mixture([[0.5, 0.5], [1.0, 0.0]], [[0.0, 1.0]] * 2, [[1.0, 2.0]] * 2)
    target = TargetMixture(base, "log", [3.0, 0.0], [[0.1, 0.3], [0.0, 0.5]])
    data = target.to_xarray()
    assert data["transform"].item() == "Log(lower=0.0)"
    np.testing.assert_allclose(data["atom_weight"].sel(atom=3.0), [0.1, 0.0])
    np.testing.assert_allclose(data["weight"], [[0.3, 0.3], [0.5, 0.0]])
    total = data["weight"].sum("component") + data["atom_weight"].sum("atom")
    np.testing.assert_allclose(total, 1.0)
    several = TargetMixture(tame(n=2, k=2, d=2), ["log", None]).to_xarray()
    assert list(several["transform"].values) == ["Log(lower=0.0)", "Identity()"]
    assert "atom_weight" not in several


def test_rows_of_different_maps_are_refused():
    base = tame(n=2, k=2, d=None)
    both = TargetMixture.concatenate([TargetMixture(base, "log"), TargetMixture(base)])
    with pytest.raises(
        ValueError, match="to_xarray needs rows with the same maps and atoms; got 2"
    ):
        both.to_xarray()
    assert both[:2].to_xarray()["transform"].item() == "Log(lower=0.0)"


def test_no_rows():
    assert tame(n=3, k=2, d=None)[:0].to_xarray().sizes["row"] == 0


def test_arrays_in_memory_are_taken_and_those_of_dask_refused():
    X = np.random.default_rng(0).normal(size=(40, 2))
    model = MDNRegressor(alpha=0.04, encoding=None, max_iter=2, random_state=0)
    expected = model.fit(X, X[:, 0]).predict(X)
    rows = xarray.DataArray(X, dims=("row", "feature"))
    found = model.fit(rows, rows[:, 0]).predict(rows)
    np.testing.assert_array_equal(found, expected)
    pytest.importorskip("dask.array")
    with pytest.raises(TypeError, match=r"X: expected rows in memory, got a dask DataArray"):
        model.fit(rows.chunk({"row": 10}), X[:, 0])
    np.testing.assert_array_equal(model.predict(rows.chunk({"row": 10}).compute()), expected)
