"""Moments, quantiles, intervals and draws."""

import numpy as np
import pytest
from cases.mixture_oracles import hostile, hostile_lines, scipy_row, tame
from hypothesis import given, settings
from scipy import stats

from skmdn.mixture import Mixture

LEVELS = np.array([0.0, 1e-12, 1e-6, 0.01, 0.3, 0.5, 0.7, 0.99, 1 - 1e-6, 1 - 1e-12, 1.0])
PROVE = settings(max_examples=40, derandomize=True, database=None, deadline=None)


def test_moments_equal_scipy():
    mixture = tame(n=8)
    for row in range(8):
        oracle = scipy_row(mixture, row)
        assert mixture.mean()[row] == pytest.approx(oracle.mean(), rel=1e-12)
        assert mixture.var()[row] == pytest.approx(oracle.variance(), rel=1e-12)
        assert mixture.std()[row] == pytest.approx(oracle.standard_deviation(), rel=1e-12)


@pytest.mark.parametrize("full", [False, True])
def test_moments_of_several_outputs(full):
    mixture = tame(n=8, d=3, full=full)
    mean = np.einsum("nk,nkd->nd", mixture.weights, mixture.means)
    away = mixture.means - mean[:, np.newaxis]
    within = mixture.scale_tril @ mixture.scale_tril.swapaxes(2, 3)
    between = away[..., np.newaxis] * away[..., np.newaxis, :]
    covariance = np.einsum("nk,nkij->nij", mixture.weights, within + between)
    np.testing.assert_allclose(mixture.mean(), mean, rtol=1e-12)
    np.testing.assert_allclose(mixture.cov(), covariance, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(mixture.var(), np.diagonal(covariance, axis1=1, axis2=2), rtol=1e-12)
    np.testing.assert_array_equal(mixture.cov(), mixture.cov().swapaxes(1, 2))


def test_univariate_covariance_is_the_variance():
    np.testing.assert_array_equal(tame().cov(), tame().var())
    assert tame(d=1).cov().shape == (40, 1, 1)


@pytest.mark.parametrize("d", [None, 2])
def test_variance_survives_an_offset(d):
    mixture = tame(n=20, d=d)
    # An offset whose sums with the means are exact, so that only the methods can err.
    means = np.round(mixture.means * 2**10) / 2**10
    means = means[:, :, 0] if d is None else means
    scales = mixture.scales[:, :, 0] if d is None else mixture.scales
    here = Mixture(mixture.weights, means, scales)
    there = Mixture(mixture.weights, means + 2.0**40, scales)
    np.testing.assert_allclose(there.var(), here.var(), rtol=1e-12)
    np.testing.assert_allclose(there.cov(), here.cov(), rtol=1e-11, atol=1e-12)


def test_ppf_equals_scipy():
    mixture = tame(n=4)
    q = np.array([0.001, 0.2, 0.5, 0.8, 0.999])
    for row in range(4):
        expected = scipy_row(mixture, row).icdf(q)
        np.testing.assert_allclose(mixture.ppf(q)[row], expected, rtol=1e-6, atol=1e-6)


def test_ppf_of_one_component_is_the_normal_quantile():
    mixture = Mixture([[1.0]], [[3.0]], [[2.0]])
    q = LEVELS[1:-1]
    np.testing.assert_allclose(mixture.ppf(q)[0], stats.norm.ppf(q, 3, 2), rtol=1e-12)


def test_ppf_inverts_the_distribution_function():
    mixture = tame(n=300, k=5)
    inner = LEVELS[1:-1]
    y = mixture.ppf(inner)
    assert np.abs(mixture.cdf(y) - inner).max() <= 1e-12
    lower, upper = inner <= 0.5, inner > 0.5
    np.testing.assert_allclose(
        mixture.cdf(y)[:, lower], np.tile(inner[lower], (300, 1)), rtol=1e-10
    )
    np.testing.assert_allclose(
        mixture.sf(y)[:, upper], np.tile(1 - inner[upper], (300, 1)), rtol=1e-10
    )
    np.testing.assert_array_equal(mixture.ppf([0.0, 1.0])[0], [-np.inf, np.inf])


def assert_quantiles(mixture, q):
    """Each quantile is within 1e-10, or neighbouring doubles bracket its level."""
    y = mixture.ppf(q)
    assert np.all(np.diff(y, axis=1) >= 0)
    below, above = np.nextafter(y, -np.inf), np.nextafter(y, np.inf)
    for tail, level, first, last in (
        (mixture.cdf, q, below, above),
        (mixture.sf, 1.0 - q, above, below),
    ):
        told = (level > 0) & (level <= 0.5)
        level = level[told]
        near = np.abs(tail(y)[:, told] - level) <= 1e-10 * level
        enclosed = (tail(first)[:, told] <= level) & (level <= tail(last)[:, told])
        assert np.all(near | enclosed)


@PROVE
@given(hostile_lines)
def test_ppf_of_hostile_mixtures(mixture):
    assert_quantiles(mixture, LEVELS)


def test_ppf_where_doubles_are_coarse():
    assert_quantiles(Mixture([[0.5, 0.5]], [[1e8, 1e8 + 1]], [[0.1, 0.1]]), LEVELS)
    assert_quantiles(Mixture([[0.5, 0.5]], [[-1.0, 1.0]], [[1e-12, 1e-12]]), LEVELS)


def test_ppf_is_monotone_for_neighbouring_levels():
    q = 0.3 + np.arange(200) * np.spacing(0.3)
    shuffled = np.random.default_rng(0).permutation(200)
    y = tame(n=50).ppf(q[shuffled])
    in_order = np.empty_like(y)
    in_order[:, shuffled] = y
    assert np.all(np.diff(in_order, axis=1) >= 0)


@pytest.mark.parametrize("full", [False, True])
def test_quantiles_of_several_outputs_are_marginal(full):
    mixture = tame(n=5, d=2, full=full)
    for j in range(2):
        part = mixture.marginal(j)
        np.testing.assert_array_equal(mixture.ppf([0.1, 0.9])[:, :, j], part.ppf([0.1, 0.9]))
        np.testing.assert_array_equal(mixture.ppf(0.1)[:, j], part.ppf(0.1))
        np.testing.assert_array_equal(mixture.median()[:, j], part.median())
        np.testing.assert_array_equal(mixture.interval(0.8)[..., j], part.interval(0.8))


def test_interval_has_equal_tails():
    mixture = tame(n=10)
    ends = mixture.interval([0.5, 1 - 1e-9, 1.0])
    assert ends.shape == (10, 3, 2)
    np.testing.assert_array_equal(mixture.interval(0.5), ends[:, 0])
    np.testing.assert_allclose(mixture.cdf(ends[:, :2, 0]), [[0.25, 5e-10]] * 10, rtol=1e-7)
    np.testing.assert_allclose(mixture.sf(ends[:, :2, 1]), [[0.25, 5e-10]] * 10, rtol=1e-7)
    np.testing.assert_array_equal(ends[:, 2], [[-np.inf, np.inf]] * 10)
    np.testing.assert_allclose(mixture.interval(0.0), mixture.ppf([0.5, 0.5]), rtol=1e-10)
    # With half of the mass on either side of a gap, all of the gap is a median.
    apart = Mixture([[0.5, 0.2, 0.3]], [[-800.0, -73.0, 471.0]], [[0.04, 54.0, 1.2]])
    for level in (0.0, 1e-15, 1e-12):
        low, high = apart.interval(level)[0]
        assert low <= high
    np.testing.assert_allclose(apart.interval(0.0)[0, 0], apart.median())


@pytest.mark.parametrize("method", ["ppf", "interval", "hdr"])
@pytest.mark.parametrize("level", [-0.1, 1.1, np.nan, [[0.5]], "a", None])
def test_bad_levels(method, level):
    with pytest.raises(ValueError, match=r"^(q|level)( must|: expected)"):
        getattr(tame(n=2), method)(level)


@pytest.mark.parametrize("kind", [{}, {"d": 1}, {"d": 3}, {"d": 3, "full": True}])
def test_draws_follow_the_mixture(kind):
    mixture = tame(n=3, **kind)
    draws = mixture.sample(4000, random_state=1)
    assert draws.shape == (3, 4000, *(() if mixture.univariate else (mixture.n_outputs,)))
    uniform = mixture.pit(draws)
    for row in uniform.reshape(3, 4000, -1):
        for column in row.T:
            assert stats.kstest(column, "uniform").pvalue > 1e-4
    if mixture.n_outputs > 1:
        for row in range(3):
            error = np.cov(draws[row].T) / np.sqrt(np.outer(*2 * [mixture.var()[row]]))
            expected = mixture.cov()[row] / np.sqrt(np.outer(*2 * [mixture.var()[row]]))
            np.testing.assert_allclose(error, expected, atol=0.1)


def test_random_state_kinds():
    mixture = tame(n=3)
    same = mixture.sample(2, random_state=5)
    np.testing.assert_array_equal(same, mixture.sample(2, random_state=np.int64(5)))
    np.testing.assert_array_equal(same, mixture.sample(2, np.random.default_rng(5)))
    legacy = mixture.sample(2, np.random.RandomState(5))
    np.testing.assert_array_equal(legacy, mixture.sample(2, np.random.RandomState(5)))
    assert not np.array_equal(mixture.sample(2), mixture.sample(2))
    assert mixture.sample().shape == (3, 1)


def test_fresh_entropy_leaves_the_global_state_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    tame(n=3).sample(10)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_components_without_weight_are_never_drawn():
    mixture = Mixture([[0.0, 0.1, 0.2, 0.7, 0.0]], [[9e9, 1, 2, 3, 9e9]], [[1e-9] * 5])
    draws = mixture.sample(100_000, random_state=0)
    share = [(np.abs(draws - value) < 1e-6).mean() for value in (1, 2, 3)]
    np.testing.assert_allclose(share, [0.1, 0.2, 0.7], atol=0.01)
    assert sum(share) == pytest.approx(1.0)


@pytest.mark.parametrize("n_samples", [0, -1, 1.5, True, "a", None])
def test_bad_n_samples(n_samples):
    for method, arguments in (("sample", ()), ("entropy", ()), ("hdr_mass", ([0.0, 0.0],))):
        with pytest.raises(ValueError, match="n_samples must be an integer of at least 1"):
            getattr(tame(n=2), method)(*arguments, n_samples=n_samples)


@pytest.mark.parametrize("random_state", [-1, 1.5, "a", np.random.PCG64(0)])
def test_bad_random_state(random_state):
    with pytest.raises(ValueError, match="random_state must be"):
        tame(n=2).sample(1, random_state=random_state)


def test_hostile_moments_are_finite_and_in_range():
    mixture = hostile(3, n=200, k=5)
    present = np.where(mixture.weights > 0, mixture.means[:, :, 0], np.nan)
    slack = 1e-15 * np.nanmax(np.abs(present), axis=1)
    assert np.all(mixture.mean() >= np.nanmin(present, axis=1) - slack)
    assert np.all(mixture.mean() <= np.nanmax(present, axis=1) + slack)
    assert np.all(mixture.var() > 0)


# Levels of each row ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["ppf", "interval"])
@pytest.mark.parametrize("d", [1, 2])
def test_levels_of_each_row_are_asked_row_by_row(method, d):
    mixture = tame(n=6, d=d)
    levels = np.random.default_rng(0).uniform(size=(6, 3))
    levels[2, 1], levels[4] = 0.0, [1.0, 0.5, 0.0]
    answer = getattr(mixture, method)(levels)
    for row in range(6):
        expected = getattr(mixture[row], method)(levels[row])
        np.testing.assert_array_equal(answer[row : row + 1], expected)
    one = getattr(mixture, method)(levels[:, :1])
    np.testing.assert_array_equal(one, answer[:, :1])


def test_quantiles_at_levels_of_each_row_do_not_decrease():
    mixture = tame(n=50)
    levels = np.sort(np.random.default_rng(1).uniform(size=(50, 20)), axis=1)
    levels[:, 1::2] = np.nextafter(levels[:, ::2], 1)
    assert np.all(np.diff(mixture.ppf(levels), axis=1) >= 0)


def test_levels_of_other_numbers_of_rows_are_refused():
    with pytest.raises(ValueError, match=r"levels of each row, shape \(6, Q\)"):
        tame(n=6).ppf([[0.5], [0.6]])
    with pytest.raises(ValueError, match="1-D"):
        tame(n=6).hdr(np.full((6, 1), 0.5))
