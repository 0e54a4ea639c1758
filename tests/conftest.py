"""Fixtures that several files of tests ask for by name, and the cores of a process."""

import os

import pytest

# Where tests run side by side, each process keeps to one core. Libraries read this when imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


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
