"""The site's sources: code that runs, pages that name all that is public, links that lead there."""

import re
import shutil
from inspect import ismodule
from pathlib import Path

import pytest
from cases.pages import python_blocks, run_blocks
from sklearn.ensemble import RandomForestRegressor

import skmdn
import skmdn.ensemble
import skmdn.export
from skmdn import ConformalMDNRegressor, MDNEnsembleRegressor, MDNRegressor, preprocessing
from skmdn.ensemble import ProcessDensity

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
# These have tests of their own, test_neighbours.py and test_large_data_page.py.
APART = {"neighbours.md", "large_data.md"}
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if page.name not in APART]
WITH_CODE = [page for page in PAGES if python_blocks(page.read_text(encoding="utf-8"))]


def text_of(name):
    return (DOCS / name).read_text(encoding="utf-8")


def name_of(page):
    return page.relative_to(DOCS).as_posix()


@pytest.mark.parametrize("page", WITH_CODE, ids=name_of)
def test_code_runs(page, tmp_path, monkeypatch):
    (tmp_path / "examples").mkdir()
    shutil.copy(ROOT / "examples" / "flat_rents.csv", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    run_blocks(python_blocks(page.read_text(encoding="utf-8")), name_of(page))


def test_printed_regions_are_those_of_the_guide(capsys):
    text = text_of("guide/regions.md")
    (shown,) = re.findall(r"^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    run_blocks(python_blocks(text), "regions.md")
    printed, expected = (
        [float(number) for number in re.findall(r"-?\d+\.\d*", output)]
        for output in (capsys.readouterr().out, shown)
    )
    assert printed == pytest.approx(expected, abs=1e-6)


def test_figures_beside_other_packages_are_those_of_the_benchmarks():
    """Of both estimators, on every set; the benchmarks add standard errors and splits."""
    figures = r"^\| (\w+) \| \**(-?\d\.\d+)\** \| \**(-?\d\.\d+)"
    rows = re.findall(figures, text_of("comparison.md"), re.MULTILINE)
    assert len(rows) == 7
    benchmarks = (ROOT / "examples" / "benchmarks" / "README.md").read_text(encoding="utf-8")
    for name, single, ensemble in rows:
        row = rf"^\| {name}, [^|]*\| {single} ± \d\.\d\d \| {ensemble} ± "
        assert re.search(row, benchmarks, re.MULTILINE), name


def public_names(module, path=""):
    for name in module.__all__:
        member = getattr(module, name)
        if ismodule(member):
            yield from public_names(member, f"{name}.")
        else:
            yield f"{path}{name}"


def test_api_names_all_that_is_public():
    listed = re.findall(r"^   ([A-Za-z]\S*)$", text_of("api.rst"), re.MULTILINE)
    assert len(listed) == len(set(listed))
    public = {*public_names(skmdn), *public_names(skmdn.export, "export.")}
    others = ("ensemble.PooledMDNRegressor", "ensemble.ProcessDensity", "dask.DaskMDNRegressor")
    public |= {*others}
    assert public == set(listed)


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (MDNRegressor(), "MDNRegressor"),
        (MDNEnsembleRegressor(), "MDNEnsembleRegressor"),
        (ConformalMDNRegressor(), "ConformalMDNRegressor"),
        (ProcessDensity(), "ensemble.ProcessDensity"),
        (preprocessing.PiecewiseLinearEncoder(), "preprocessing.PiecewiseLinearEncoder"),
        (preprocessing.CrossFittedPredictions(), "preprocessing.CrossFittedPredictions"),
        (preprocessing.RepeatedValues(), "preprocessing.RepeatedValues"),
        (
            preprocessing.StandardizedForest(RandomForestRegressor()),
            "preprocessing.StandardizedForest",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_html_repr_leads_to_the_page_of_the_class(estimator, name):
    link = f"https://skmdn.readthedocs.io/en/latest/api/skmdn.{name}.html"
    assert f'href="{link}"' in estimator._repr_html_()
    assert f"   {name}\n" in text_of("api.rst")
