"""MDNRegressor: its warnings of dead components and of spreads on their floor."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from cases.regressor import linear_rows, short
from sklearn.exceptions import ConvergenceWarning

from skmdn import Mixture
from skmdn._training.collapse import collapse_warnings

FLOOR = 1e-3


def told(density):
    """The kinds of collapse that are told of a network's densities, each with its number."""
    network = SimpleNamespace(
        architecture=SimpleNamespace(scale_floor=FLOOR), uncalibrated_density=lambda X: density
    )
    found = collapse_warnings(network, np.empty((len(density), 1)))
    return [re.sub(r"(:| of the training rows).*", "", text) for text in found]


@pytest.mark.parametrize(
    ("share", "expected"), [(0.9e-4, ["2 of 4 components are dead"]), (1.1e-4, [])]
)
def test_components_with_next_to_no_weight_in_the_mean_are_dead(share, expected):
    weights = np.zeros((100, 4))
    weights[::2, 2] = weights[1::2, 3] = 2 * share  # in every second row
    weights[:, :2] = (1 - 2 * share) / 2
    assert told(Mixture(weights, np.zeros((100, 4)), np.ones((100, 4)))) == expected


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    ("n_rows", "expected"), [(0, []), (1, []), (4, ["Spreads are on their floor for 2%"])]
)
def test_spreads_on_their_floor_count_by_rows_and_weights(n_rows, expected, full):
    scales = np.full((100, 2, 2), 1.2 * FLOOR)  # near it is not on it
    scales[:n_rows, 0, 1] = 1.01 * FLOOR
    half, means = np.full((100, 2), 0.5), np.zeros((100, 2, 2))
    spread = {"scale_tril": np.eye(2) * scales[..., None]} if full else {"scales": scales}
    assert told(Mixture(half, means, **spread)) == expected


def test_a_fit_tells_of_the_component_that_it_leaves_dead():
    X, y = linear_rows()
    model = short(n_components=3, warm_start=True).fit(X, y)
    model.intercepts_[-1][0] -= 100  # the first logit
    model.set_params(max_iter=1, learning_rate_init=1e-9)
    with pytest.warns(ConvergenceWarning, match=r"1 of 3 components are dead.*n_components"):
        model.fit(X, y)


@pytest.mark.parametrize("covariance_type", ["spherical", "diag", "full"])
@pytest.mark.parametrize("calibrate", [True, False])
def test_no_spread_falls_below_the_floor(calibrate, covariance_type):
    X = np.repeat(np.arange(4.0), 10)[:, None]
    Y = np.column_stack([X[:, 0], X[:, 0] ** 2])  # known exactly: a spread of zero would be best
    model = short(
        covariance_type=covariance_type, reg_covar=0.01, max_iter=200, calibrate=calibrate
    )
    with pytest.warns(ConvergenceWarning, match="floor"):
        model.fit(X, Y)
    density = model.predict_proba(X)
    tril = density.scale_tril[:, :, [0, 1], [0, 1]] / Y.std(axis=0)
    assert tril.min() >= 0.1 * (1 - 1e-6)
    assert tril.min() < 0.2


@pytest.mark.filterwarnings("error")
def test_one_component_and_constant_targets_are_fitted_without_a_warning():
    X, y = linear_rows()
    short(n_components=1, max_iter=100).fit(X, y)
    short(n_components=1, max_iter=100, reg_covar=0.5).fit(X, np.full(len(y), 3.0))
