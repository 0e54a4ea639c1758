"""The examples and the README's code run as they are, and leave the checkout as it was."""

import re
import runpy
import shutil
import sys
from pathlib import Path

import pytest
from cases.pages import python_blocks, run_blocks

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON_BLOCKS = python_blocks(README)

pytestmark = pytest.mark.trains


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder to run in: what is written lands there, and the data lie where they do here."""
    (tmp_path / "examples").mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    for data in (ROOT / "examples").glob("*.csv"):
        shutil.copy(data, tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files_of_examples():
    return {file for file in (ROOT / "examples").rglob("*") if "__pycache__" not in file.parts}


def run(script, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", [str(script), *arguments])
    runpy.run_path(str(script), run_name="__main__")


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.name)
def test_example_runs(script, elsewhere, monkeypatch, capsys):
    if "onnx" in script.name:
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")
    if "dask" in script.read_text(encoding="utf-8"):
        pytest.importorskip("distributed")
    before = files_of_examples()
    run(script, monkeypatch)
    assert capsys.readouterr().out
    assert files_of_examples() == before
    assert {file.name for file in elsewhere.iterdir()} == {"examples", "temporary"}


def test_quickstart_beats_one_gaussian_and_draws(elsewhere, monkeypatch, capsys):
    run(ROOT / "examples" / "quickstart.py", monkeypatch, "drawn.png")
    printed = capsys.readouterr().out
    gain = float(re.search(r"log-likelihood: (\S+)", printed)[1])
    assert gain > -1.3  # a straight line with Gaussian noise reaches about that on these rows
    assert (elsewhere / "drawn.png").read_bytes().startswith(b"\x89PNG")


def test_readme_code_runs(elsewhere):
    assert PYTHON_BLOCKS
    run_blocks(PYTHON_BLOCKS, "README.md")


def test_readme_names_what_is_there():
    for shown in re.findall(r"\]\(([^)#:]+)\)|src=\"([^\":]+)\"", README):
        assert (ROOT / next(filter(None, shown))).exists()
    for command in (
        "pip install -e '.[plot]' && python examples/quickstart.py",
        "pip install -e '.[test]' && pytest",
    ):
        assert command in README
