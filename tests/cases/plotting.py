"""Models, densities and axes that the tests of the Displays share."""

import numpy as np
from matplotlib.figure import Figure

from cases.linear_gaussian import LinearGaussian, linear_data
from skmdn import Mixture


def new_axes():
    return Figure(layout="constrained").subplots()


def linear_model():
    X, y = linear_data(200)
    return LinearGaussian().fit(X, y), X, y


def two_peaks(n=40):
    """Peaks at -1 - x (weight 0.3) and 1 + x (weight 0.7) over x in [0, 1]."""
    x = np.linspace(0, 1, n)
    weights = np.tile([0.3, 0.7], (n, 1))
    means = np.column_stack([-1 - x, 1 + x])
    return x, Mixture(weights, means, np.tile([0.2, 0.1], (n, 1)))


def two_outputs():
    weights, means = [[0.5, 0.5]] * 4, np.array([[[0.0, 0.0], [3.0, 2.0]]] * 4)
    tril = np.broadcast_to([[1.0, 0.0], [0.6, 0.8]], (4, 2, 2, 2))
    return Mixture(weights, means, scale_tril=tril)


def text_of(ax):
    labels = [text.get_text() for text in ax.get_legend().get_texts()] if ax.get_legend() else []
    return [ax.get_xlabel(), ax.get_ylabel(), *labels]


def saved(display, tmp_path):
    """Draw for real: layout and rendering raise no warning."""
    file = tmp_path / "picture.png"
    display.figure_.savefig(file, dpi=40)
    return file.stat().st_size
