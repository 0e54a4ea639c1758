"""The Gaussian process of few rows."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import cho_factor, cho_solve
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.utils.estimator_checks import estimator_checks_generator

from skmdn.ensemble import ProcessDensity
from skmdn.ensemble.gaussian_process import Posterior, loss, posterior


def rows(n=60, p=3, D=1, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    y = np.sin(X[:, :1]) + X[:, 1:2] * np.arange(1, D + 1) + 0.1 * rng.normal(size=(n, D))
    return X, y


def kernel_of(lengths, variance=1.7, noise=0.3):
    return ConstantKernel(variance) * RBF(lengths) + WhiteKernel(noise)


@pytest.mark.parametrize("D", [1, 2])
@pytest.mark.parametrize("lengths", [[0.7, 2.0, 1.3], 0.9])
def test_the_marginal_likelihood_and_its_gradient_are_those_of_scikit_learn(D, lengths):
    X, z = rows(D=D)
    kernel = kernel_of(lengths)
    process = GaussianProcessRegressor(kernel, alpha=0.0, optimizer=None).fit(X, z)
    value, slope = process.log_marginal_likelihood(kernel.theta, eval_gradient=True)
    found, gradient = loss(kernel.theta, X, z, np.ones(60))
    assert found == pytest.approx(-value, rel=1e-9)
    assert_allclose(gradient, -slope, rtol=1e-7)


def test_in_the_marginal_likelihood_every_row_has_its_share_of_the_noise():
    """scikit-learn takes the noises of rows as `alpha`, without a gradient for them."""
    X, z = rows()
    shares = np.random.default_rng(0).uniform(0.1, 5, 60)
    kernel = ConstantKernel(1.7) * RBF(0.9)
    process = GaussianProcessRegressor(kernel, alpha=0.3 * shares, optimizer=None).fit(X, z)
    value, slope = process.log_marginal_likelihood(kernel.theta, eval_gradient=True)
    theta = np.append(kernel.theta, np.log(0.3))
    found, gradient = loss(theta, X, z, shares)
    assert found == pytest.approx(-value, rel=1e-9)
    assert_allclose(gradient[:-1], -slope, rtol=1e-7)
    step = np.array([0.0, 0.0, 1e-5])
    above, below = (loss(theta + sign * step, X, z, shares)[0] for sign in (1, -1))
    assert gradient[-1] == pytest.approx((above - below) / 2e-5, rel=1e-6)


def test_weights_tell_which_rows_have_little_noise():
    """Half of the rows have a hundredth of the variance, and a hundred times the weight."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-3, 3, (120, 1))
    weights = np.where(np.arange(120) % 2, 100.0, 1.0)
    y = np.sin(2 * X[:, 0]) + 0.7 * rng.normal(size=120) / np.sqrt(weights)
    model = ProcessDensity(random_state=0).fit(X, y, weights)
    grid = np.linspace(-2.8, 2.8, 100)[:, None]
    error = model.predict(grid) - np.sin(2 * grid[:, 0])
    assert np.sqrt(np.mean(error**2)) < 0.05
    # The noise of a row of mean weight is 0.7 / sqrt(50.5) = 0.0985.
    np.testing.assert_allclose(model.predict_proba(grid).std(), 0.0985, rtol=0.4)


def test_predictions_are_those_of_scikit_learn_with_the_same_hyperparameters():
    X, z = rows()
    given = posterior(X, z, np.ones(60), np.random.default_rng(0))
    kernel = kernel_of(given.lengths, given.variance, given.noise)
    process = GaussianProcessRegressor(kernel, alpha=0.0, optimizer=None).fit(X, z[:, 0])
    X_new = rows(seed=1)[0]
    means, stds = given.predict(X_new)
    expected, spread = process.predict(X_new, return_std=True)
    assert_allclose(means[:, 0], expected, rtol=1e-8, atol=1e-10)
    # scikit-learn's variance has the noise in it; the factor is kept in single precision.
    assert_allclose(stds, spread, rtol=1e-4)


def test_a_smaller_weight_is_a_larger_noise():
    X, z = rows(30)
    weights = np.random.default_rng(0).uniform(0.2, 3, 30)
    given = posterior(X, z, weights, np.random.default_rng(0))
    scaled = X / given.lengths
    squares = np.sum((scaled[:, None] - scaled) ** 2, axis=2)
    covariances = given.variance * np.exp(-0.5 * squares)
    noise = np.diag(given.noise * weights.mean() / weights)
    expected = cho_solve(cho_factor(covariances + noise), z)
    assert_allclose(given.coef, expected, rtol=1e-6, atol=1e-8)


def test_hyperparameters_are_likelier_than_where_they_start():
    X, z = rows(80)
    given = posterior(X, z, np.ones(80), np.random.default_rng(0))
    best = np.log([given.variance, *given.lengths, given.noise])
    start = np.log([1.0, *np.full(3, np.sqrt(3)), 0.1])
    assert loss(best, X, z, np.ones(80))[0] < loss(start, X, z, np.ones(80))[0] - 1
    assert given.lengths[2] > 3 * given.lengths[0]  # the last feature has no influence


# The estimator -----------------------------------------------------------------------------------


def test_it_predicts_a_smooth_function_and_its_noise():
    X, y = rows(150)
    X_new, y_new = rows(2000, seed=1)
    density = ProcessDensity(random_state=0).fit(X, y[:, 0]).predict_proba(X_new)
    low, high = density.interval(0.9).T
    assert 0.84 < np.mean((low <= y_new[:, 0]) & (y_new[:, 0] <= high)) < 0.96
    assert np.sqrt(np.mean((density.mean() - y_new[:, 0]) ** 2)) < 0.2


def test_units_do_not_matter():
    X, y = rows()
    model = ProcessDensity(random_state=0).fit(X, y[:, 0])
    other = ProcessDensity(random_state=0).fit(1e6 * X + 3, 1e-4 * y[:, 0] + 7)
    assert_allclose(other.predict(1e6 * X[:5] + 3), 1e-4 * model.predict(X[:5]) + 7, rtol=1e-6)


@pytest.mark.parametrize("D", [1, 2])
def test_the_answer_for_a_row_depends_on_no_other_and_survives_pickling(D):
    X, y = rows(40, D=D)
    model = ProcessDensity(random_state=0).fit(X, y)
    together = model.predict_proba(X)
    assert together.shape == (40, 1, D) or together.means.shape == (40, 1, D)
    for i in (0, 17, 39):
        assert model.predict_proba(X[[i]]) == together[[i]]
    assert pickle.loads(pickle.dumps(model)).predict_proba(X) == together


@pytest.mark.parametrize("weighted", [False, True])
def test_spreads_are_those_of_scikit_learn_where_there_is_hardly_any_noise(weighted):
    rng = np.random.default_rng(0)
    X, new = rng.uniform(-1, 1, (120, 3)), rng.uniform(-1, 1, (50, 3))
    y = X[:, 0] ** 2 + X[:, 1] * X[:, 2]
    weights = rng.uniform(0.5, 2.0, 120) if weighted else None
    model = ProcessDensity(random_state=0).fit(X, y, weights)
    found, preparation = Posterior._make(model.posterior_), model._preparation()
    assert found.noise < 1e-6 * found.variance
    kernel = ConstantKernel(found.variance, "fixed") * RBF(found.lengths, "fixed")
    noises = found.noise * (1.0 if weights is None else weights.mean() / weights)
    process = GaussianProcessRegressor(kernel, alpha=noises, optimizer=None)
    process.fit(preparation.inputs(X), preparation.targets(y[:, None]))
    _, std = process.predict(preparation.inputs(new), return_std=True)
    expected = np.sqrt(std**2 + found.noise) * preparation.y_scale
    assert_allclose(model.predict_proba(new).std(), expected, rtol=1e-5)


def test_the_fitted_state_holds_no_matrix_of_rows():
    X, y = rows(200, p=2)
    model = ProcessDensity(random_state=0).fit(np.c_[X], y[:, 0])
    assert max(np.size(part) for part in model.posterior_) == 200 * 2


def test_rows_without_weight_take_no_part():
    X, y = rows(50)
    weights = np.ones(50)
    weights[::5] = 0.0
    wild = np.where(weights[:, None] > 0, y, 1e9)
    model = ProcessDensity(random_state=0).fit(X, wild[:, 0], weights)
    expected = ProcessDensity(random_state=0).fit(X[weights > 0], y[weights > 0, 0])
    assert_allclose(model.predict(X), expected.predict(X), rtol=1e-6)


def test_many_rows_fit_the_hyperparameters_to_some(monkeypatch):
    from skmdn.ensemble import gaussian_process

    monkeypatch.setattr(gaussian_process, "_ROWS", 30)
    X, y = rows(80)
    model = ProcessDensity(random_state=0).fit(X, y[:, 0])
    assert len(Posterior._make(model.posterior_).inputs) == 80
    assert np.corrcoef(model.predict(X), y[:, 0])[0, 1] > 0.95


def test_gaps_categories_and_a_map():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=90), "b": rng.choice(["u", "v", "w"], 90)})
    y = np.exp(X["a"] + (X["b"] == "u") + 0.1 * rng.normal(size=90))
    X.loc[::9, "a"] = np.nan
    model = ProcessDensity(target_transform="log", random_state=0).fit(X, y)
    density = model.predict_proba(X)
    assert np.corrcoef(np.log(density.median()), np.log(y))[0, 1] > 0.9
    assert np.all(density.ppf(0.001) > 0)
    unseen = X.iloc[:2].assign(b=["u", "new"])
    assert np.isfinite(model.predict(unseen)).all()


def test_out_of_range_features_are_taken_at_the_end():
    X, y = rows()
    model = ProcessDensity(random_state=0).fit(X, y[:, 0])
    highest = X.max(axis=0, keepdims=True)
    assert_array_equal(model.predict(highest + 5), model.predict(highest))


def test_constant_targets_and_a_single_row():
    X, y = rows(20)
    assert_allclose(ProcessDensity().fit(X, np.full(20, 4.0)).predict(X), 4.0)
    assert np.isfinite(ProcessDensity().fit(X[:1], y[:1, 0]).predict(X)).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [("target_transform", "auto"), ("target_transform", 3), ("random_state", -1)],
)
def test_a_constructor_value_out_of_range_is_named(name, value):
    X, y = rows()
    model = ProcessDensity(**{name: value})
    with pytest.raises(ValueError, match=name):
        model.fit(X, y[:, 0])
    assert not hasattr(model, "posterior_")


# A weight divides a row's noise, in units of the mean; predict_proba is allowed, see the contract's
# tests.
DECLARED = {
    "check_sample_weight_equivalence_on_dense_data": "a weight of 2 is half the noise, not 2 rows",
    "check_regressors_no_decision_function": "predict_proba gives densities",
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize(
    ("estimator", "check"),
    list(
        estimator_checks_generator(
            ProcessDensity(random_state=0), expected_failed_checks=DECLARED, mark="xfail"
        )
    ),
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)
