"""Conformal intervals of targets with atoms."""

import numpy as np
import pytest
from cases.regressor import short

from skmdn import ConformalMDNRegressor, Mixture, TargetMixture
from skmdn.conformal.scores import central_interval, tail_masses


def grades(weights):
    """Rows of a discrete distribution on 1, 2, 3, and hardly anything else."""
    weights = np.atleast_2d(np.asarray(weights, dtype=float))
    ones = np.ones((len(weights), 1))
    base = Mixture(ones, 2 * ones, ones)
    return TargetMixture(base, atoms=[1, 2, 3], atom_weights=0.9999 * weights)


@pytest.mark.parametrize("mass", [0.05, 0.5, 1.0, 1.3, 2.0])
def test_ends_of_an_interval_are_in_order_and_hold_a_median(mass):
    density = grades([[0.05, 0.9, 0.05], [0.5, 0.0, 0.5], [1.0, 0.0, 0.0]])
    low, high = central_interval(density, np.array([mass]))[:, :, 0].T
    median = density.median()
    assert np.all((low <= median) & (median <= high))


def test_an_interval_holds_the_outcomes_with_scores_of_at_least_the_limit():
    density = grades(np.tile([0.2, 0.7, 0.1], (3, 1)))
    masses = tail_masses(density, np.array([1.0, 2.0, 3.0]))[:, 0]
    np.testing.assert_allclose(masses, [0.4, 1.6, 0.2], atol=1e-3)
    low, high = central_interval(density[:1], np.array([0.39]))[0, :, 0]
    assert (low, high) == (1.0, 2.0)
    low, high = central_interval(density[:1], np.array([1.9]))[0, :, 0]
    assert (low, high) == (2.0, 2.0)


def test_a_bound_at_zero_is_no_negative_zero():
    density = TargetMixture(Mixture([[1.0]], [[0.0]], [[1.0]]), "log", [0], [[0.99]])
    assert not np.signbit(central_interval(density, np.array([0.5]))).any()


def test_intervals_of_a_model_with_zeros_are_in_order():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 1))
    y = np.where(rng.random(200) < 0.9, 0.0, np.exp(X[:, 0]))
    model = short(target_atoms=[0], target_transform="log")
    conformal = ConformalMDNRegressor(model, cv="last").fit(X, y)
    for level in (0.2, 0.5, 0.8):
        low, high = conformal.predict_interval(X, level).T
        assert np.all(low <= high)
