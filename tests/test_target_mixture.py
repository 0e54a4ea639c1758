"""Values of `TargetMixture` against scipy's distributions, quadrature and draws."""

from itertools import pairwise

import mpmath
import numpy as np
import pytest
from cases.target_oracles import ATOMS, MAPS, base, full_base, hostile_targets, row_of, target
from hypothesis import given, settings
from scipy import integrate, stats

from skmdn.mixture import Mixture, TargetMixture
from skmdn.transforms import Asinh, Identity, Log, Logit

CASES = [(name, atoms) for name in MAPS for atoms in (False, True)]
cases = pytest.mark.parametrize(("name", "atoms"), CASES)

POINTS = np.array([-4.0, -1.5, -1.2, -0.3, 0.0, 0.4, 1.0, 2.0, 2.2, 2.5, 2.9, 3.5, 4.0, 30.0])


@cases
def test_distribution_function_is_that_of_scipy(name, atoms):
    mixture = target(name, atoms)
    for row in range(len(mixture)):
        exact = row_of(mixture, row)
        np.testing.assert_allclose(
            mixture.cdf(POINTS[np.newaxis])[row], [exact.cdf(y) for y in POINTS], rtol=1e-9
        )
        np.testing.assert_allclose(
            mixture.sf(POINTS[np.newaxis])[row], [exact.sf(y) for y in POINTS], rtol=1e-9
        )


@cases
def test_density_is_that_of_scipy_and_counts_at_atoms(name, atoms):
    mixture = target(name, atoms)
    density = mixture.pdf(POINTS[np.newaxis])
    for row in range(len(mixture)):
        exact = row_of(mixture, row)
        masses = dict(zip(mixture.atoms, mixture.atom_weights[row], strict=True))
        wanted = [masses.get(y, exact.density(y)) for y in POINTS]
        np.testing.assert_allclose(density[row], np.nan_to_num(wanted), rtol=1e-9, atol=1e-300)
    np.testing.assert_array_equal(np.exp(mixture.logpdf(POINTS[np.newaxis])), density)


@cases
def test_density_and_atoms_sum_to_one(name, atoms):
    mixture = target(name, atoms, n=2)
    for row in range(len(mixture)):
        exact = row_of(mixture, row)
        one_row = mixture[row]

        def density(y, one_row=one_row):
            return one_row.pdf(y.reshape(1, -1)).reshape(y.shape)

        total = exact.integral(density) + mixture.atom_probability()[row].sum()
        assert total == pytest.approx(1.0, abs=1e-9)


@cases
def test_moments_are_those_of_scipy(name, atoms):
    mixture = target(name, atoms)
    for row in range(len(mixture)):
        exact = row_of(mixture, row)
        if isinstance(mixture.transform, Logit):
            wanted = _moments_by_quadrature(exact)
        else:
            wanted = exact.mean(), exact.var()
        assert mixture.mean()[row] == pytest.approx(wanted[0], rel=1e-9)
        assert mixture.var()[row] == pytest.approx(wanted[1], rel=1e-9)
    np.testing.assert_array_equal(mixture.std(), np.sqrt(mixture.var()))
    np.testing.assert_array_equal(mixture.cov(), mixture.var())


def _moments_by_quadrature(exact):
    mean = exact.integral(lambda y: y * exact.density(y)) + exact.atoms @ exact.masses
    var = exact.integral(lambda y: (y - mean) ** 2 * exact.density(y))
    return mean, var + (exact.atoms - mean) ** 2 @ exact.masses


@pytest.mark.parametrize("scale", [1e-6, 0.1, 0.99, 1.01, 1.99, 2.01, 5.0, 40.0])
@pytest.mark.parametrize("mean", [-30.0, -3.0, 0.0, 0.7, 12.0])
def test_moments_and_entropy_of_logit_have_their_stated_accuracy(mean, scale):
    mixture = TargetMixture(Mixture([[1.0]], [[mean]], [[scale]]), "logit")

    def expectation(function):
        ends = np.unique(np.clip([-38, *(np.linspace(-40, 40, 41) - mean) / scale, 38], -38, 38))
        ends = np.unique([*ends, *range(-38, 39, 4)])
        return sum(
            integrate.quad(
                lambda t: function(mean + scale * t) * stats.norm.pdf(t), low, high, epsabs=1e-15
            )[0]
            for low, high in pairwise(ends)
        )

    def expit(z):
        return 1 / (1 + np.exp(-z)) if z > 0 else np.exp(z) / (1 + np.exp(z))

    first = expectation(expit)
    second = expectation(lambda z: (expit(z) - first) ** 2)
    assert mixture.mean()[0] == pytest.approx(first, abs=1e-12)
    assert mixture.var()[0] == pytest.approx(second, abs=1e-12)
    stretch = expectation(lambda z: -abs(z) - 2 * np.log1p(np.exp(-abs(z))))
    entropy = stats.norm(mean, scale).entropy() + stretch
    assert mixture.entropy()[0] == pytest.approx(entropy, abs=1e-8)


@cases
def test_crps_is_the_integral_of_the_squared_difference(name, atoms):
    mixture = target(name, atoms, n=3)
    y = POINTS[[0, 1, 3, 5, 8, 11]]
    score = mixture.crps(y[np.newaxis])
    for row in range(len(mixture)):
        exact = row_of(mixture, row)
        np.testing.assert_allclose(score[row], [exact.crps(at) for at in y], rtol=2e-8)
    np.testing.assert_array_equal(mixture.energy_score(y[np.newaxis]), score)


def test_crps_does_not_need_a_finite_mean():
    mixture = TargetMixture(Mixture([[1.0]], [[0.3]], [[40.0]]), "log")
    assert np.isinf(mixture.mean()[0])
    with mpmath.workdps(40):
        m, s, y = mpmath.mpf(0.3), mpmath.mpf(40), mpmath.mpf(2)
        mean = mpmath.exp(m + s**2 / 2)
        smaller = 2 * mean * mpmath.ncdf(-s / mpmath.sqrt(2))
        d = (mpmath.log(y) - m) / s
        short = y * mpmath.ncdf(d) - mean * mpmath.ncdf(d - s)
        wanted = 2 * short - y + smaller
    assert mixture.crps([2.0])[0] == pytest.approx(float(wanted), rel=1e-11)


@cases
def test_entropy_is_the_mean_log_density(name, atoms):
    mixture = target(name, atoms, n=3)
    for row in range(len(mixture)):
        exact = row_of(mixture, row)

        def term(y, exact=exact):
            density = exact.density(y)
            return -density * np.log(np.maximum(density, 1e-300))

        wanted = exact.integral(term) - exact.masses @ np.log(exact.masses)
        assert mixture.entropy()[row] == pytest.approx(wanted, abs=1e-7)


@settings(derandomize=True, database=None, deadline=None, max_examples=200)
@given(hostile_targets())
def test_quantiles_invert_the_distribution_function(mixture):
    q = np.array([0.0, 1e-9, 0.01, 0.2, 0.37, 0.5, 0.500001, 0.73, 0.9, 0.999, 1 - 1e-9, 1.0])
    y = mixture.ppf(q)
    assert np.all(np.diff(y, axis=1) >= 0)
    slack = 1e-9 * np.minimum(q, 1 - q) + 1e-15
    # P(Y <= y) reaches q, and P(Y < y) does not exceed it.
    at_or_below, jump = mixture.cdf(y), mixture.pit(y, jump="lower")
    coarse = np.spacing(np.clip(np.abs(y), 0.0, 1e300)) * np.exp(
        np.minimum(mixture.logpdf(y), 700.0)
    )
    coarse = np.where(np.isin(y, mixture.atoms) | np.isinf(y), 0.0, 4 * coarse)
    assert np.all(at_or_below >= q - slack - coarse)
    assert np.all(jump <= q + slack + coarse)
    low, high = np.moveaxis(mixture.interval([0.0, 0.5, 0.9, 1.0]), -1, 0)
    # Near zero, the rounding of 0.05 shows in a quantile.
    lower = (1 - np.array([0.0, 0.5, 0.9, 1.0])) / 2
    np.testing.assert_allclose(low, mixture.ppf(lower), rtol=1e-12)
    np.testing.assert_allclose(
        high[:, 1:], np.maximum(low, mixture.ppf([0.5, 0.75, 0.95, 1.0]))[:, 1:], rtol=1e-9
    )


@settings(derandomize=True, database=None, deadline=None, max_examples=150)
@given(hostile_targets())
def test_distribution_functions_rise_and_complement_each_other(mixture):
    grid = np.unique([*np.linspace(-6, 12, 80), *mixture.atoms])[np.newaxis]
    cdf, sf = mixture.cdf(grid), mixture.sf(grid)
    assert np.all(np.diff(cdf, axis=1) >= 0)
    np.testing.assert_allclose(cdf + sf, 1.0, atol=1e-13)
    jumps = cdf - mixture.pit(grid, jump="lower")
    for atom, mass in zip(mixture.atoms, mixture.atom_weights.T, strict=True):
        np.testing.assert_allclose(jumps[:, grid[0] == atom][:, 0], mass, atol=1e-14)


def test_a_mode_at_an_atom_has_the_density_beside_it():
    base = Mixture([[0.7, 0.3]] * 2, [[0.0, 10.0]] * 2, [[1.0, 1.0]] * 2)
    mixture = TargetMixture(base, None, [0.0, 3.0], [[0.01, 0.0], [0.4, 0.6]])
    modes, density = mixture.modes(return_density=True)
    np.testing.assert_array_equal(modes, [[0.0, 10.0], [3.0, np.nan]])
    peaks = 0.99 * stats.norm.pdf(0.0) * np.array([0.7, 0.3])
    np.testing.assert_allclose(density, [peaks, [0.6, np.nan]], rtol=1e-12)


@pytest.mark.parametrize("rest", [1e-4, 1e-8, 1e-11, 1e-14])
def test_regions_of_a_log_normal_leave_out_the_mass_that_is_asked_for(rest):
    # Of log y ~ N(m, s) the density of y is highest at m - s^2, and symmetric about it.
    m, s, level = 0.7, 0.6, 1.0 - rest
    low, high = np.log(TargetMixture(Mixture([[1.0]], [[m]], [[s]]), "log").hdr(level)[0, 0])
    np.testing.assert_allclose(0.5 * (low + high), m - s**2, rtol=1e-9)
    mass = stats.norm.cdf(low, m, s) + stats.norm.sf(high, m, s)
    np.testing.assert_allclose(mass, 1.0 - level, rtol=2e-7, atol=5e-15)


@settings(derandomize=True, database=None, deadline=None, max_examples=60)
@given(hostile_targets())
def test_regions_hold_their_level_and_are_where_masses_are_small(mixture):
    levels = np.array([0.0, 0.2, 0.5, 0.9])
    ends = mixture.hdr(levels)
    low, high = ends[..., 0], ends[..., 1]
    assert np.all(np.nan_to_num(low[..., 1:] - high[..., :-1], nan=1.0) > 0)
    n, q, j = low.shape
    known = ~np.isnan(low)
    at_low = np.where(known, low, 0.0).reshape(n, -1)
    at_high = np.where(known, high, 0.0).reshape(n, -1)
    mass = mixture.cdf(at_high) - mixture.pit(at_low, jump="lower")
    mass = np.where(known, mass.reshape(n, q, j), 0.0).sum(axis=2)
    assert np.all(mass >= levels - 1e-6)
    if not len(mixture.atoms):
        np.testing.assert_allclose(mass, np.broadcast_to(levels, mass.shape), atol=1e-6)
    # hdr_mass says the same as hdr.
    y = mixture.sample(30, random_state=0)
    inside = (
        (low[:, :, np.newaxis] <= y[:, np.newaxis, :, np.newaxis])
        & (y[:, np.newaxis, :, np.newaxis] <= high[:, :, np.newaxis])
    ).any(axis=3)
    told = mixture.hdr_mass(y)
    clear = np.abs(told[:, np.newaxis] - levels[:, np.newaxis]) > 1e-6
    atom = np.isin(y, mixture.atoms)[:, np.newaxis]
    expected = told[:, np.newaxis] <= levels[:, np.newaxis]
    assert np.all((inside == expected)[clear & ~atom])
    assert np.all((inside | ~expected)[np.broadcast_to(atom, inside.shape)])


@cases
def test_modes_are_the_maxima_of_the_density(name, atoms):
    mixture = target(name, atoms, n=8, spread=0.3)
    modes, density = mixture.modes(return_density=True)
    mostly_atoms = mixture.atom_probability().sum(axis=1) >= 0.5
    np.testing.assert_array_equal(mixture.mode()[~mostly_atoms], modes[~mostly_atoms, 0])
    low, high = mixture.ppf([1e-5, 1 - 1e-5]).T
    for row in range(len(mixture)):
        exact = row_of(mixture, row)
        grid = np.linspace(low[row], high[row], 20001)
        height = np.array(exact.density(grid))
        inner = (height[1:-1] > height[:-2]) & (height[1:-1] >= height[2:])
        wanted = grid[1:-1][inner]
        found = np.sort(modes[row][~np.isnan(modes[row])])
        assert len(found) == len(wanted)
        np.testing.assert_allclose(found, wanted, atol=2 * (grid[1] - grid[0]))
        assert density[row, 0] == pytest.approx(height.max(), rel=1e-3)


@cases
def test_draws_follow_the_distribution_function(name, atoms):
    mixture = target(name, atoms, n=2)
    draws = mixture.sample(4000, random_state=1)
    pit = mixture.pit(draws, random_state=2)
    for row in pit:
        assert stats.kstest(row, "uniform").pvalue > 1e-4
    if atoms:
        shares = [np.mean(draws == atom, axis=1) for atom in ATOMS]
        np.testing.assert_allclose(np.transpose(shares), mixture.atom_probability(), atol=0.04)


@pytest.mark.parametrize("name", MAPS)
def test_affine_is_the_distribution_of_the_moved_variable(name):
    mixture = target(name, atoms=True)
    y = POINTS[np.newaxis]
    for shift, scale in ((1.0, 2.0), (-3.0, -0.5)):
        moved = mixture.affine(shift, scale)
        at = shift + scale * y
        is_atom = np.isin(y, ATOMS)
        factor = np.where(is_atom, 1.0, abs(scale))
        np.testing.assert_allclose(moved.pdf(at) * factor, mixture.pdf(y), rtol=1e-9)
        upper = mixture.sf(y) + np.where(is_atom, mixture.pdf(y), 0.0)
        np.testing.assert_allclose(moved.cdf(at), mixture.cdf(y) if scale > 0 else upper, rtol=1e-9)
        np.testing.assert_allclose(moved.mean(), shift + scale * mixture.mean(), rtol=1e-10)
        np.testing.assert_allclose(moved.crps(at), abs(scale) * mixture.crps(y), rtol=1e-8)
        assert type(moved.transform) is type(mixture.transform)
        np.testing.assert_array_equal(moved.atoms, np.sort(shift + scale * mixture.atoms))


def test_identity_without_atoms_answers_as_the_base_to_the_bit():
    z = base()
    same, y = TargetMixture(z), POINTS[np.newaxis]
    for ask in (
        lambda m: m.logpdf(y),
        lambda m: m.cdf(y),
        lambda m: m.sf(y),
        lambda m: m.pit(y),
        lambda m: m.crps(y),
        lambda m: m.responsibilities(y),
        lambda m: m.mean(),
        lambda m: m.var(),
        lambda m: m.ppf([0.0, 0.2, 0.9, 1.0]),
        lambda m: m.interval([0.3, 0.9]),
        lambda m: m.modes(),
        lambda m: m.hdr([0.0, 0.4, 0.9, 1.0]),
        lambda m: m.hdr_mass(y),
        lambda m: m.entropy(),
        lambda m: m.sample(5, random_state=3),
    ):
        np.testing.assert_array_equal(ask(same), ask(z))


def test_far_tails():
    mixture = TargetMixture(Mixture([[1.0]], [[0.0]], [[0.1]]), "log")
    assert np.isfinite(mixture.logpdf([[1e-300, 5e-324, 1e300, 1.7e308]])).all()
    np.testing.assert_array_equal(mixture.logpdf([[0.0, -1.0, np.inf, -np.inf]]), -np.inf)
    np.testing.assert_array_equal(mixture.cdf([[-np.inf, -5.0, 0.0, np.inf]]), [[0, 0, 0, 1]])
    np.testing.assert_array_equal(mixture.sf([[-np.inf, -5.0, 0.0, np.inf]]), [[1, 1, 1, 0]])
    bounded = TargetMixture(Mixture([[1.0]], [[0.0]], [[0.1]]), Logit(0, 10))
    assert np.isfinite(bounded.logpdf([[5e-324, np.nextafter(10.0, 0.0)]])).all()
    np.testing.assert_array_equal(bounded.cdf([[-1.0, 0.0, 10.0, 11.0]]), [[0, 0, 1, 1]])
    np.testing.assert_array_equal(bounded.logpdf([[-1.0, 0.0, 10.0, 11.0]]), -np.inf)
    wide = TargetMixture(Mixture([[1.0]], [[0.0]], [[1.0]]), Asinh(0.0, 1e-10))
    assert np.isfinite(wide.logpdf([[1e308, -1e308]])).all()


def test_moments_that_overflow_are_infinite():
    z = Mixture([[1.0]], [[0.0]], [[60.0]])
    with np.errstate(all="raise"):
        assert TargetMixture(z, "log").mean()[0] == np.inf
        assert TargetMixture(z, "log").var()[0] == np.inf
        assert TargetMixture(z, Log(upper=0)).mean()[0] == -np.inf
        assert TargetMixture(z, "asinh").mean()[0] == 0.0
        assert TargetMixture(z, "asinh").var()[0] == np.inf


def test_weights_of_tilted_components_stay_in_logarithms():
    # Tilted, one component weighs exp(1600) times the other.
    z = Mixture([[0.5, 0.5]], [[-300.0, 300.0]], [[10.0, 45.0]])
    mixture = TargetMixture(z, "log")
    region = mixture.hdr(0.4)
    assert np.isfinite(region[0, 0]).all()
    np.testing.assert_allclose(mixture.cdf(region[0, :1, 1]) - mixture.cdf(region[0, :1, 0]), 0.4)


def test_several_outputs_have_a_map_each():
    z = base(d=3)
    mixture = TargetMixture(z, ["log", None, Logit(0, 2)])
    y = np.abs(np.random.default_rng(0).normal(size=(len(z), 3))) % 1.9 + 0.05
    parts = [mixture.marginal(j) for j in range(3)]
    for method in ("crps", "pit"):
        wanted = np.stack([getattr(p, method)(y[:, j]) for j, p in enumerate(parts)], axis=1)
        np.testing.assert_array_equal(getattr(mixture, method)(y), wanted)
    for method in ("mean", "var", "median"):
        wanted = np.stack([getattr(part, method)() for part in parts], axis=1)
        np.testing.assert_array_equal(getattr(mixture, method)(), wanted)
    jacobian = sum(t.log_jacobian(y[:, j]) for j, t in enumerate(mixture.transform))
    at = np.stack([t.forward(y[:, j]) for j, t in enumerate(mixture.transform)], axis=1)
    np.testing.assert_allclose(mixture.logpdf(y), z.logpdf(at) + jacobian)
    np.testing.assert_array_equal(mixture.cdf(y), z.cdf(at))
    assert mixture.marginal([2]).mean().shape == (len(z), 1)


@pytest.mark.parametrize(
    "maps",
    [
        ["log", None],
        ["log", Log(upper=3)],
        ["asinh", "log"],
        ["asinh", Asinh(1, 2)],
        [None, None],
        [Asinh(1, 2), None],
    ],
)
def test_full_covariances_behind_maps(maps):
    mixture = TargetMixture(full_base(), maps)
    for row in range(len(mixture)):
        np.testing.assert_allclose(mixture.cov()[row], _cov_by_quadrature(mixture, row), rtol=1e-9)
    np.testing.assert_allclose(np.diagonal(mixture.cov(), axis1=1, axis2=2), mixture.var())
    # Exact for one component: independent of how terms are collected.
    one = TargetMixture(
        Mixture([[1.0]], [[[0.1, 0.2]]], scale_tril=[[[[0.5, 0], [0.3, 0.4]]]]), ["log", "log"]
    )
    wanted = np.exp(0.3 + (0.25 + 0.25) / 2) * np.expm1(0.15)
    np.testing.assert_allclose(one.cov()[0, 0, 1], wanted, rtol=1e-12)


def _cov_by_quadrature(mixture, row):
    """Gauss and Hermite's rule in both dimensions of each component."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    grid = np.stack(np.meshgrid(nodes, nodes), axis=-1).reshape(-1, 2)
    share = np.outer(weights, weights).ravel() / (2 * np.pi)
    z = mixture.base.means[row, :, np.newaxis] + np.einsum(
        "kij,gj->kgi", mixture.base.scale_tril[row], grid
    )
    y = np.stack([t.inverse(z[..., j]) for j, t in enumerate(mixture.transform)], axis=-1)
    return np.cov(
        y.reshape(-1, 2).T,
        aweights=np.outer(mixture.base.weights[row], share).ravel(),
        ddof=0,
    )


def test_covariance_with_logit_is_refused_where_it_is_not_closed():
    with pytest.raises(ValueError, match="ask for var"):
        TargetMixture(full_base(), ["logit", "log"]).cov()
    diagonal = TargetMixture(base(d=2), ["logit", "log"])
    draws = diagonal.sample(100_000, random_state=0)
    for row in range(len(diagonal)):
        np.testing.assert_allclose(diagonal.cov()[row, 0, 1], np.cov(draws[row].T)[0, 1], atol=0.1)


def test_conditions_keep_the_maps():
    mixture = TargetMixture(full_base(), ["log", Asinh(1, 2)])
    given_first = mixture.condition({0: 1.5})
    y = np.array([0.3, 1.0, 2.0, -1.0])
    joint = np.stack([np.full(4, 1.5), y], axis=1)
    np.testing.assert_allclose(
        given_first.logpdf(y[:, np.newaxis]),
        mixture.logpdf(joint) - mixture.marginal(0).logpdf(np.full(4, 1.5)),
    )
    with pytest.raises(ValueError, match="inside"):
        mixture.condition({0: -1.0})


def test_joint_modes_are_stationary_in_y():
    for z in (base(d=2, spread=0.3), full_base()):
        mixture = TargetMixture(z, ["log", Logit(0, 1)])
        modes, density = mixture.modes(return_density=True)
        top = modes[:, 0]
        step = 1e-4 * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
        around = top[:, np.newaxis] * (1 + step)
        assert np.all(mixture.pdf(around) <= density[:, :1] * (1 + 1e-9))
    with pytest.raises(ValueError, match="Asinh"):
        TargetMixture(full_base(), ["asinh", None]).modes()


def test_joint_energy_and_regions_by_draws():
    mixture = TargetMixture(base(d=2), ["log", None])
    y = mixture.sample(1, random_state=1)[:, 0]
    score, error = mixture.energy_score(y, n_samples=4000, return_std_error=True)
    first, second = (mixture.sample(20_000, random_state=s) for s in (5, 6))
    far = np.linalg.norm(first - y[:, np.newaxis], axis=2).mean(axis=1)
    apart = np.linalg.norm(first - second, axis=2).mean(axis=1)
    assert np.all(np.abs(score - far + apart / 2) < 8 * error)
    mass = mixture.hdr_mass(mixture.sample(200, random_state=2))
    assert stats.kstest(mass.ravel(), "uniform").pvalue > 1e-4
    entropy, error = mixture.entropy(n_samples=4000, return_std_error=True)
    neg_log = -mixture.logpdf(mixture.sample(20_000, random_state=3)).mean(axis=1)
    assert np.all(np.abs(entropy - neg_log) < 8 * error + 0.05)


def test_plain_maps_equal_the_identity():
    assert TargetMixture(base()).transform == Identity()
