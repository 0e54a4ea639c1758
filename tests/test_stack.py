"""Compared networks together: their weights, the density that they teach, and its spreads."""

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import check_grad, minimize_scalar

from skmdn import MDNRegressor, Mixture
from skmdn._calibration import pooling_weights
from skmdn._estimators.observations import Observations
from skmdn._training import fitting
from skmdn._training import stack as module
from skmdn._training.calibration import Judged, Spreads
from skmdn._training.cross_validation import CrossValidation
from skmdn._training.stack import Stack

RNG = np.random.default_rng
N = 7


def trial(means=(), spreads=None, line=False):
    """A network whose folds predict a normal density each, whatever the rows."""
    judged = [Judged(Normal(mean), None) for mean in means]
    settings = SimpleNamespace(linear_path=line)
    return CrossValidation(settings, None, judged, [], spreads or Spreads())


class Normal(NamedTuple):
    """A network that predicts a normal density, before calibration of standard deviation 1."""

    mean: float
    spread_factor: float = 1.0
    spread_noise: float = 0.0
    atom_temperature: float = 1.0
    architecture: SimpleNamespace = SimpleNamespace(scale_floor=1e-3)

    def density(self, X):
        return normal(self.mean, len(X), np.hypot(self.spread_factor, self.spread_noise))


def normal(mean, n, std=1.0):
    return Mixture(np.ones((n, 1)), np.full((n, 1), mean), np.full((n, 1), std))


def stack_of(trials, weights):
    return Stack(trials[0], trials, np.array(weights), 0.5)


# Weights -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("more", [1.0, 5.0])
def test_weights_of_two_views_against_a_search_on_a_line(weighted, more):
    log_densities = RNG(0).normal(size=(30, 2))
    w = RNG(1).uniform(size=30) if weighted else np.ones(30)
    w = w / w.sum()

    def loss(logit):
        share = 1 / (1 + np.exp(-logit))
        pool = np.log(np.exp(log_densities) @ [share, 1 - share])
        # Of two logits with this difference, each with a standard deviation of 1.4.
        return -w @ pool + (w @ w) * (logit - np.log(more)) ** 2 / (4 * 1.4**2)

    logit = minimize_scalar(loss, bracket=(-1, 1), tol=1e-12).x
    found = pooling_weights(log_densities, w, np.array([more, 1.0]))
    np.testing.assert_allclose(found[0], 1 / (1 + np.exp(-logit)), atol=1e-5)
    assert found.sum() == pytest.approx(1.0)


def test_weights_of_more_views_are_where_no_direction_is_better():
    log_densities, w = RNG(2).normal(size=(40, 4)), np.ones(40)
    best = np.log(pooling_weights(log_densities, w, np.ones(4)))

    def loss(theta):
        share = np.exp(theta) / np.exp(theta).sum()
        penalty = np.sum((theta - theta.mean()) ** 2) / (2 * 1.4**2 * 40)
        return penalty - np.log(np.exp(log_densities) @ share).mean()

    assert check_grad(loss, lambda theta: np.zeros(4), best) < 1e-4


def test_equal_views_weigh_the_same_and_a_better_one_more_with_more_rows():
    same = np.tile(RNG(0).normal(size=(50, 1)), 3)
    np.testing.assert_allclose(pooling_weights(same, np.ones(50), np.ones(3)), 1 / 3, atol=1e-6)
    better = [
        pooling_weights(np.tile([0.0, -1.0], (n, 1)), np.ones(n), np.ones(2))[0]
        for n in (1, 10, 100)
    ]
    assert 0.5 < better[0] < better[1] < better[2] < 1.0
    np.testing.assert_array_equal(pooling_weights(np.zeros((9, 1)), np.ones(9), np.ones(1)), [1.0])


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_views_without_a_density_weigh_nothing(bad):
    log_densities = np.column_stack([np.zeros(20), np.full(20, bad), np.full(20, -0.1)])
    found = pooling_weights(log_densities, np.ones(20), np.ones(3))
    assert np.isfinite(found).all()
    assert found[1] < 0.05 < found[2] < found[0]


@pytest.mark.parametrize(("n", "times"), [(20, 11.0), (100, 3.0), (500, 1.4)])
def test_of_few_rows_a_line_is_expected_to_weigh_more(n, times):
    alike = [np.zeros(n)] * 3
    trials = [trial(line=line) for line in (False, True, False)]
    weights = Stack.of(trials[0], trials, alike, np.ones(n), 0.5).weights
    np.testing.assert_allclose(weights, np.array([1.0, times, 1.0]) / (2 + times), atol=1e-5)


# What they teach ---------------------------------------------------------------------------------


def test_the_density_is_the_weighted_mean_of_all_folds():
    stack = stack_of([trial((0.0, 1.0)), trial((5.0, 6.0))], [0.8, 0.2])
    of_y = Observations.of(np.zeros((N, 1)), np.zeros((N, 1)), np.arange(N) % 2.0)
    found, grid = stack.density(of_y), np.linspace(-2, 8, 5)[None]
    expected = sum(
        weight * normal(mean, 3).pdf(grid)
        for mean, weight in [(0.0, 0.4), (1.0, 0.4), (5.0, 0.1), (6.0, 0.1)]
    )
    np.testing.assert_allclose(found.pdf(grid), expected)  # of the three rows with weight


def test_networks_teach_with_the_spreads_of_their_folds():
    first, second = Spreads(2.0, 0.5), Spreads(0.5, 0.0)
    stack = stack_of([trial((0.0,), first), trial((5.0,), second)], [0.8, 0.2])
    found = stack.density(Observations.of(np.zeros((N, 1)), np.zeros((N, 1))))
    grid = np.linspace(-2, 8, 5)[None]
    of_first = stats.norm(0.0, np.sqrt(2.0**1.5 + 0.75 * 0.5**2)).pdf(grid)
    of_second = stats.norm(5.0, 0.5**0.75).pdf(grid)
    expected = np.tile(0.8 * of_first + 0.2 * of_second, (N, 1))
    np.testing.assert_allclose(found.pdf(grid), expected, rtol=1e-5)  # of a noise at the floor


def test_spreads_are_means_of_those_of_the_networks_and_half_the_best_ones():
    first, second = Spreads(2.0, 0.3, 1.5), Spreads(0.5, 0.1, 9.0)
    found = stack_of([trial((), first), trial((), second)], [0.5, 0.5]).spreads
    assert found.factor == pytest.approx(2**0.5)
    assert found.noise == pytest.approx(np.sqrt(0.75 * 0.09 + 0.25 * 0.01))
    assert found.temperature == 1.5  # of the best one
    alone = stack_of([trial((), first)], [1.0]).spreads
    np.testing.assert_allclose(alone, first)


@pytest.mark.usefixtures("with_cross_validation")
def test_all_networks_that_were_compared_teach(monkeypatch):
    taught_by, original = [], module.common_density

    def spied(networks, X, weights):
        taught_by.append((len(networks), weights))
        return original(networks, X, weights)

    monkeypatch.setattr(module, "common_density", spied)
    X = RNG(0).normal(size=(40, 2))
    y = X[:, 0] + RNG(1).normal(size=40)
    small = {"n_components": 2, "hidden_layer_sizes": (8,), "n_bins": 4, "max_iter": 10}
    kept, choose = [], fitting.chosen_network

    def spied_choice(*arguments, **options):
        kept.append(choose(*arguments, **options))
        return kept[-1]

    monkeypatch.setattr(fitting, "chosen_network", spied_choice)
    MDNRegressor(random_state=0, **small).fit(X, y)
    MDNRegressor(alpha=1.0, encoding=None, random_state=0, **small).fit(X, y)
    for (n_networks, weights), (_, stack) in zip(taught_by, kept, strict=True):
        assert n_networks == 5 * len(stack.trials)
        assert weights.sum() == pytest.approx(1.0)
    assert taught_by[0][0] > taught_by[1][0] == 5
