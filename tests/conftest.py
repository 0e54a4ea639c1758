"""Fixtures that several files of tests ask for by name, the cores of a process, and a marker."""

import os
import re
from functools import cache
from pathlib import Path

import pytest

# Where tests run side by side, each process keeps to one core. Libraries read this when imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

CASES = Path(__file__).parent / "cases"
TRAINABLE = re.compile(r"\b(MDNRegressor|MDNEnsembleRegressor|_engine)\b")


def pytest_collection_modifyitems(items):
    """Mark what is trained: networks differ with the processor, by their roundings."""
    for item in items:
        if trains(item.path):
            item.add_marker(pytest.mark.trains)


@cache
def trains(file):
    """Whether a file, or a file of cases that it imports, names what can be trained."""
    text = file.read_text(encoding="utf-8")
    imported = re.findall(r"^from cases\.(\w+) import", text, re.MULTILINE)
    return bool(TRAINABLE.search(text)) or any(trains(CASES / f"{name}.py") for name in imported)


@pytest.fixture(scope="session", autouse=True)
def no_cross_validation():
    """Few rows are cross-validated, which takes some 10 fits: only tests that ask for it do so.

    The most rows of it, for those that ask.
    """
    from skmdn._training import cross_validation  # not before the cores of the process are set

    most_rows = cross_validation.MOST_ROWS
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cross_validation, "MOST_ROWS", 0)
        yield most_rows


@pytest.fixture
def with_cross_validation(no_cross_validation, monkeypatch):
    """Few rows are cross-validated, as they are for users."""
    monkeypatch.setattr("skmdn._training.cross_validation.MOST_ROWS", no_cross_validation)


@pytest.fixture(params=["validation part", "folds"])
def judges(request):
    """What tells when few rows no longer help: a validation part, as in most tests, and folds."""
    if request.param == "folds":
        request.getfixturevalue("with_cross_validation")
    return request.param


@pytest.fixture
def no_screen():
    """Draw without a screen, and close what was opened."""
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    backend = mpl.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(backend)
