"""Leave-one-out kernel regression, against fits without the row and against quadrature."""

import numpy as np
import pytest
from scipy import integrate, stats
from sklearn.kernel_ridge import KernelRidge

from skmdn._training import kernel_regression
from skmdn._training.kernel_regression import leave_one_out_log_densities

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3))
MEAN = np.tanh(X[:, 0]) + X[:, 1]


def test_the_kernel_is_that_of_random_rectifiers():
    """A Monte Carlo mean over the weights of the layer."""
    x = X[:20] - X[:20].mean(axis=0)
    x = np.column_stack([x / np.sqrt(np.mean(np.sum(x**2, axis=1))), np.full(20, 0.5)])
    hidden = np.maximum(x @ np.random.default_rng(1).normal(size=(4, 400_000)), 0.0)
    found = kernel_regression._rectifier_kernel(X[:20])
    np.testing.assert_allclose(found, 2 * hidden @ hidden.T / hidden.shape[1], atol=0.03)


def test_residuals_are_those_of_fits_without_the_row(monkeypatch):
    """With a column of ones, whose coefficient hardly shrinks, in place of the centred kernel."""
    monkeypatch.setattr(kernel_regression, "_RIDGES", np.array([0.1]))
    basis = kernel_regression._basis(X)
    found = kernel_regression._residuals(basis, MEAN[:, np.newaxis])[:, 0]
    kernel = (basis.vectors * basis.values) @ basis.vectors.T + 1e6
    ridge = KernelRidge(alpha=0.1 * basis.values.mean(), kernel="precomputed")
    for i in range(5):
        others = np.delete(np.arange(len(X)), i)
        ridge.fit(kernel[np.ix_(others, others)], MEAN[others])
        expected = MEAN[i] - ridge.predict(kernel[[i]][:, others])[0]
        assert found[i] == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_the_best_ridge_is_taken_for_each_target():
    targets = np.column_stack([MEAN, np.random.default_rng(1).normal(size=120)])
    basis = kernel_regression._basis(X)
    smooth, noise = np.mean(kernel_regression._residuals(basis, targets) ** 2, axis=0)
    assert smooth < 0.1 * targets[:, 0].var()
    assert noise < 1.2 * targets[:, 1].var()


def test_the_density_estimate_integrates_to_one():
    values = stats.t(3).rvs(60, random_state=0)

    def density(t):
        """Of one further row, whose own place does not count."""
        return np.exp(kernel_regression._log_densities(np.append(values, t))[-1])

    grid = np.sinh(np.linspace(-9, 9, 4001))
    total = integrate.trapezoid([density(t) for t in grid], grid)
    assert total == pytest.approx(1, abs=0.03)  # quantiles and width move a little with the row


def test_log_densities_are_near_the_truth():
    """With spreads that vary, of targets of any unit; a wrong model is worse."""
    spread = 0.3 * np.exp(0.7 * X[:, 2])
    rng = np.random.default_rng(2)
    y = MEAN + spread * rng.normal(size=120)
    truth = stats.norm.logpdf(y, MEAN, spread).mean()
    found = leave_one_out_log_densities(X, np.column_stack([y, 1e3 * y, rng.permutation(y)]))
    own, scaled, shuffled = found.mean(axis=0)
    assert scaled == pytest.approx(own - np.log(1e3), abs=1e-6)
    assert truth - 0.5 < own < truth + 0.2
    assert shuffled < own - 0.3


def test_spreads_vary_where_that_is_likelier():
    # Of its own, so that the numbers do not depend on the tests before.
    rng = np.random.default_rng(6)
    y = MEAN + np.exp(2 * X[:, 2]) * rng.normal(size=120)
    residuals = kernel_regression._residuals(kernel_regression._basis(X), y[:, np.newaxis])
    constant = kernel_regression._log_densities(residuals[:, 0]).mean()
    assert leave_one_out_log_densities(X, y[:, np.newaxis]).mean() > constant + 0.3
    y = MEAN + rng.normal(size=120)  # its spread is constant, so varying ones only add noise
    residuals = kernel_regression._residuals(kernel_regression._basis(X), y[:, np.newaxis])
    constant = kernel_regression._log_densities(residuals[:, 0]).mean()
    assert leave_one_out_log_densities(X, y[:, np.newaxis]).mean() >= constant - 1e-9


@pytest.mark.parametrize("target", [np.zeros(120), np.arange(120) % 2, np.repeat([0.0, 1e9], 60)])
@pytest.mark.parametrize("inputs", [X, np.zeros((120, 2)), np.repeat(X[:40], 3, axis=0)])
def test_degenerate_rows_give_numbers(inputs, target):
    with np.errstate(all="raise"):
        found = leave_one_out_log_densities(inputs, target[:, np.newaxis].astype(float))
    assert np.isfinite(found).all()
