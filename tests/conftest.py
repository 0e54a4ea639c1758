"""Fixtures that several files of tests ask for by name."""

import pytest


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
