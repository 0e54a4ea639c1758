"""pdf, logpdf, responsibilities, cdf, sf and pit against scipy, torch and mpmath."""

import mpmath as mp
import numpy as np
import pytest
import torch
from cases.mixture_oracles import exact, hostile, scipy_row, tame
from scipy import stats

from skmdn.mixture import Mixture

KINDS = [
    pytest.param({}, id="univariate"),
    pytest.param({"d": 1}, id="one output kept"),
    pytest.param({"d": 3}, id="diag"),
    pytest.param({"d": 3, "full": True}, id="full"),
]


def points_for(mixture, seed=1):
    shape = (len(mixture),) if mixture.univariate else (len(mixture), mixture.n_outputs)
    return 4.0 * np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("kind", KINDS)
def test_logpdf_equals_torch(kind):
    mixture = tame(**kind)
    y = points_for(mixture)
    expected = mixture.to_torch().log_prob(torch.tensor(y)).numpy()
    np.testing.assert_allclose(mixture.logpdf(y), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(mixture.pdf(y), np.exp(expected), rtol=1e-11)


def test_pdf_and_cdf_equal_scipy():
    mixture = tame(n=10)
    y = points_for(mixture)
    for row in range(10):
        oracle = scipy_row(mixture, row)
        np.testing.assert_allclose(mixture.pdf(y)[row], oracle.pdf(y[row]), rtol=1e-12)
        np.testing.assert_allclose(mixture.cdf(y)[row], oracle.cdf(y[row]), rtol=1e-12)
        np.testing.assert_allclose(mixture.sf(y)[row], oracle.ccdf(y[row]), rtol=1e-12)


@pytest.mark.parametrize("method", ["logpdf", "cdf", "sf"])
def test_tails_equal_mpmath(method):
    mixture = tame(n=4)
    for distance in (3.0, 8.0, 20.0, 30.0):
        side = 1.0 if method == "sf" else -1.0
        y = side * (2.0 + distance * mixture.scales[:, :, 0].max(axis=1))
        got = getattr(mixture, method)(y)
        expected = [exact(mixture, row, y[row], method) for row in range(4)]
        np.testing.assert_allclose(got, expected, rtol=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_hostile_rows_equal_mpmath(seed):
    mixture = hostile(seed, n=3, k=4)
    y = mixture.means[:, 0, 0] + 3.0 * mixture.scales[:, 0, 0]
    for method in ("logpdf", "cdf", "sf"):
        expected = [exact(mixture, row, y[row], method) for row in range(3)]
        np.testing.assert_allclose(getattr(mixture, method)(y), expected, rtol=1e-12)


def test_far_tails_are_finite():
    mixture = Mixture([[0.5, 0.5, 0.0]], [[0.0, 1.0, 2.0]], [[1.0, 2.0, 1e9]])
    y = np.array([2e6])
    assert mixture.logpdf(y)[0] == pytest.approx(-0.5 * ((2e6 - 1) / 2) ** 2, rel=1e-9)
    assert mixture.pdf(y)[0] == 0.0
    np.testing.assert_array_equal(mixture.responsibilities(y), [[0.0, 1.0, 0.0]])


@pytest.mark.parametrize("kind", KINDS)
def test_infinite_y_is_a_limit(kind):
    mixture = tame(**kind)
    y = np.full_like(points_for(mixture), np.inf)
    np.testing.assert_array_equal(mixture.logpdf(y), -np.inf)
    np.testing.assert_array_equal(mixture.pdf(-y), 0.0)
    np.testing.assert_allclose(mixture.cdf(y), 1.0, rtol=1e-13)
    np.testing.assert_array_equal(mixture.cdf(-y), 0.0)
    np.testing.assert_allclose(mixture.responsibilities(y), mixture.weights, rtol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_responsibilities_are_bayes_rule(kind):
    mixture = tame(n=8, **kind)
    y = points_for(mixture)
    got = mixture.responsibilities(y)
    for k in range(mixture.n_components):
        parts = [np.asarray(mixture.weights)[:, [k]] * 0 + 1.0, mixture.means[:, [k]]]
        only = Mixture(*parts, scale_tril=mixture.scale_tril[:, [k]])
        at = y[:, np.newaxis] if mixture.univariate else y
        expected = mixture.weights[:, k] * only.pdf(at) / mixture.pdf(y)
        np.testing.assert_allclose(got[:, k], expected, rtol=1e-10)


def test_joint_cdf_of_diagonal_spread():
    mixture = tame(n=6, d=3)
    y = points_for(mixture)
    z = (y[:, np.newaxis] - mixture.means) / mixture.scales
    for method, tail in (("cdf", stats.norm.cdf), ("sf", stats.norm.sf)):
        expected = (mixture.weights * tail(z).prod(axis=2)).sum(axis=1)
        np.testing.assert_allclose(getattr(mixture, method)(y), expected, rtol=1e-12)


@pytest.mark.parametrize(("d", "tolerance"), [(1, 1e-14), (2, 1e-10), (3, 3e-5), (6, 3e-5)])
def test_joint_cdf_of_full_spread_equals_scipy(d, tolerance):
    mixture = tame(n=3, k=2, d=d, full=True)
    y = points_for(mixture)
    covariance = mixture.scale_tril @ mixture.scale_tril.swapaxes(2, 3)
    for method, sign in (("cdf", 1.0), ("sf", -1.0)):
        got = getattr(mixture, method)(y)
        for row in range(len(mixture)):
            expected = sum(
                mixture.weights[row, k]
                * stats.multivariate_normal.cdf(
                    sign * y[row], sign * mixture.means[row, k], covariance[row, k], abseps=1e-6
                )
                for k in range(2)
            )
            assert got[row] == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize("h", [-1.3, 0.0, 0.7, np.inf, -np.inf])
@pytest.mark.parametrize("rho", [-0.999999, -0.5, 0.0, 0.5, 0.999999])
def test_joint_cdf_of_two_outputs_at_special_points(h, rho):
    tril = np.array([[1.0, 0.0], [rho, np.sqrt(1 - rho * rho)]])
    mixture = Mixture([[1.0]], [[[0.0, 0.0]]], scale_tril=tril[np.newaxis, np.newaxis])
    # P(X <= 0, Y <= 0) by Sheppard's formula; an infinite limit leaves the other marginal.
    assert mixture.cdf([[0.0, 0.0]])[0] == pytest.approx(0.25 + np.arcsin(rho) / (2 * np.pi))
    if np.isinf(h):
        assert mixture.cdf([[h, 0.7]])[0] == pytest.approx(stats.norm.cdf(0.7) * (h > 0), abs=1e-15)
    # X <= h and Y <= 0, or X <= h and Y > 0.
    flipped = mixture.affine(0.0, [1.0, -1.0])
    both = mixture.cdf([[h, 0.0]]) + flipped.cdf([[h, 0.0]])
    assert both[0] == pytest.approx(stats.norm.cdf(h), abs=1e-14)


@pytest.mark.parametrize("y", [np.array(["2026-01-01"] * 2, dtype="datetime64[D]"), [10**400] * 2])
def test_points_that_are_no_real_numbers_are_named(y):
    with pytest.raises(ValueError, match=r"y(: expected| must be an array of real) numbers"):
        tame(n=2).cdf(y)


@pytest.mark.parametrize("rest", [1e-3, 1e-8, 1e-12])
@pytest.mark.parametrize("slope", [-1.3, 0.6])
def test_joint_cdf_of_two_nearly_dependent_outputs(rest, slope):
    """X is normal, Y is slope X + rest times another: against the integral over X, by mpmath."""
    mixture = Mixture([[1.0]], [[[0.0, 0.0]]], scale_tril=[[[[1.0, 0.0], [slope, rest]]]])
    for x, y in [(0.0, 0.0), (0.7, slope * 0.7), (0.7, 0.3), (-0.4, -slope * 0.4 + rest)]:
        turn = mp.mpf(y) / slope
        ends = {turn + k * mp.mpf(rest) / abs(slope) for k in (-40, -8, -1, 0, 1, 8, 40)}
        cuts = sorted({mp.mpf(-12), mp.mpf(x), *(end for end in ends if -12 < end < x)})
        with mp.workdps(30):
            expected = mp.quad(lambda z, y=y: mp.npdf(z) * mp.ncdf((y - slope * z) / rest), cuts)
        assert mixture.cdf([[x, y]])[0] == pytest.approx(float(expected), abs=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_pit_is_of_each_marginal(kind):
    mixture = tame(**kind)
    y = points_for(mixture)
    pit = mixture.pit(y)
    assert pit.shape == y.shape
    for j in range(mixture.n_outputs):
        column = y if mixture.univariate else y[:, j]
        expected = mixture.marginal(j).cdf(column)
        np.testing.assert_array_equal(pit if mixture.univariate else pit[:, j], expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "method", ["logpdf", "pdf", "cdf", "sf", "pit", "crps", "responsibilities", "hdr_mass"]
)
def test_many_points_and_grids_equal_one_by_one(kind, method):
    if kind.get("full") and method in ("cdf", "sf"):
        kind = {"d": 2, "full": True}
    if kind.get("d", 1) > 1 and method == "hdr_mass":
        return  # random draws: compared in test_mixture_shape
    mixture = tame(n=6, **kind)
    trailing = () if mixture.univariate else (mixture.n_outputs,)
    ask = getattr(mixture, method)
    rng = np.random.default_rng(0)
    for n_points in (1, 3, 11):
        y = 4.0 * rng.normal(size=(6, n_points, *trailing))
        many = ask(y)
        one_by_one = np.stack([ask(y[:, g]) for g in range(n_points)], axis=1)
        np.testing.assert_allclose(many, one_by_one, rtol=1e-13, atol=1e-15)
        grid = ask(y[:1])
        repeated = ask(np.repeat(y[:1], 6, axis=0))
        np.testing.assert_array_equal(grid, repeated)


METHODS_OF_Y = ["logpdf", "pdf", "cdf", "sf", "pit", "crps", "responsibilities", "hdr_mass"]


@pytest.mark.parametrize("method", [*METHODS_OF_Y, "energy_score"])
def test_a_scalar_is_one_value_for_all_rows(method):
    ask = getattr(tame(n=6), method)
    np.testing.assert_array_equal(ask(0.7), ask(np.full(6, 0.7)))


@pytest.mark.parametrize("method", [*METHODS_OF_Y, "energy_score"])
@pytest.mark.parametrize(
    "y", [[0.0], np.zeros(3), np.zeros((3, 2)), np.zeros((2, 2, 2)), np.full(4, np.nan), ["a"] * 4]
)
def test_bad_y(method, y):
    with pytest.raises(ValueError, match=r"^y( must|: expected)"):
        getattr(tame(n=4), method)(y)


@pytest.mark.parametrize("method", [*METHODS_OF_Y, "energy_score"])
@pytest.mark.parametrize("y", [0.0, np.zeros(4), np.zeros((4, 3)), np.zeros((2, 5, 2))])
def test_bad_y_of_several_outputs(method, y):
    with pytest.raises(ValueError, match=r"^y must have shape \(4, 2\).*got shape"):
        getattr(tame(n=4, d=2), method)(y)
