"""Modes, highest-density regions and entropy."""

import numpy as np
import pytest
from cases.mixture_oracles import hostile, hostile_lines, region_mass, tame
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from scipy.integrate import quad

from skmdn.mixture import Mixture

PROVE = settings(max_examples=40, derandomize=True, database=None, deadline=None)
PROVE_SLOW = settings(PROVE, max_examples=15)


def resolved(mixture, steps):
    """Rows whose components all reach over that many steps between doubles."""
    wide = mixture.scales >= steps * np.spacing(np.abs(mixture.means))
    return (wide[:, :, 0] | (mixture.weights == 0)).all(axis=1)


def modes_on_a_grid(mixture, row, n_points=40_001):
    """Local maxima of one row on a fine grid."""
    means = mixture.means[row, :, 0]
    grid = np.linspace(means.min() - 0.1, means.max() + 0.1, n_points)
    density = mixture[row].pdf(grid[np.newaxis])[0]
    inner = density[1:-1]
    return grid[1:-1][(inner > density[:-2]) & (inner >= density[2:])]


@pytest.mark.parametrize("k", [1, 2, 5, 12])
def test_modes_of_one_output_are_complete(k):
    mixture = tame(n=60, k=k, seed=k)
    modes = mixture.modes()
    for row in range(60):
        expected = modes_on_a_grid(mixture, row)
        got = np.sort(modes[row][~np.isnan(modes[row])])
        np.testing.assert_allclose(got, expected, atol=2e-3)


def test_modes_are_stationary_and_by_height():
    mixture = tame(n=200, k=6)
    modes, density = mixture.modes(return_density=True)
    assert np.all(np.isnan(modes) == np.isnan(density))
    np.testing.assert_array_equal(mixture.mode(), modes[:, 0])
    drop = np.diff(density, axis=1)
    assert np.all(drop[~np.isnan(drop)] <= 0)
    rows, ranks = np.nonzero(~np.isnan(modes))
    part, y = mixture[rows], modes[rows, ranks]
    np.testing.assert_allclose(part.pdf(y), density[rows, ranks], rtol=1e-12)
    share = part.responsibilities(y)
    pull = (part.means[:, :, 0] - y[:, np.newaxis]) / part.scales[:, :, 0] ** 2
    balance = (share * pull).sum(axis=1) / (share / part.scales[:, :, 0]).sum(axis=1)
    assert np.abs(balance).max() < 1e-9


@pytest.mark.parametrize(
    ("weights", "means", "scales", "expected"),
    [
        # Two equal components are bimodal from a distance of two scales on.
        ([0.5, 0.5], [-1.0, 1.0], [1.0, 1.0], [0.0]),
        ([0.5, 0.5], [-0.9, 0.9], [1.0, 1.0], [0.0]),
        ([0.5, 0.5], [-1.0, 1.0 + 1e-6], [1.0, 1.0], [-0.001732, 0.001733]),
        # A needle on a broad hill, far apart, in a gap, at an offset, without weight.
        ([0.3, 0.3, 0.4], [0.0, 1.0, -1e12], [1e-12, 1e12, 1.0], [-1e12, 0.0, 1.0]),
        ([0.5, 0.5], [0.0, 1e7], [1.0, 1.0], [0.0, 1e7]),
        ([0.5, 0.5], [-1.0, 1.0], [1e-12, 1e-12], [-1.0, 1.0]),
        ([0.5, 0.5], [1e8, 1e8 + 1], [0.1, 0.1], [1e8, 1e8 + 1]),
        ([0.5, 0.5, 0.0], [0.0, 9.0, 5.0], [1.0, 1.0, 1.0], [0.0, 9.0]),
        ([0.5, 0.5], [1e8, 0.0], [1e-12, 1.0], [0.0, 1e8]),
        ([0.25] * 4, [2.0] * 4, [1.0] * 4, [2.0]),
    ],
)
def test_modes_of_special_mixtures(weights, means, scales, expected):
    modes = Mixture([weights], [means], [scales]).modes()[0]
    got = np.sort(modes[~np.isnan(modes)])
    np.testing.assert_allclose(got, expected, rtol=1e-7, atol=2e-6)


@PROVE
@given(hostile_lines)
def test_modes_of_hostile_mixtures(mixture):
    modes, density = mixture.modes(return_density=True)
    assert modes.shape == (len(mixture), mixture.n_components)
    assert not np.isnan(modes[:, 0]).any()
    # No point is denser than the highest mode, the means least of all.
    present = np.where(mixture.weights > 0, mixture.means[:, :, 0], modes[:, :1])
    highest = mixture.logpdf(present).max(axis=1)
    rows = resolved(mixture, 1e5)
    assert np.all(np.log(density[:, 0])[rows] >= highest[rows] - 1e-9)


@pytest.mark.parametrize("full", [False, True])
def test_modes_of_several_outputs_are_maxima(full):
    mixture = tame(n=30, k=4, d=3, full=full)
    modes, density = mixture.modes(return_density=True)
    assert modes.shape == (30, 4, 3)
    rows, ranks = np.nonzero(~np.isnan(density))
    part, y = mixture[rows], modes[rows, ranks]
    np.testing.assert_allclose(part.pdf(y), density[rows, ranks], rtol=1e-12)
    step = 1e-4 * np.random.default_rng(0).normal(size=(len(rows), 20, 3))
    step *= part.scales.min(axis=1)[:, np.newaxis]
    assert np.all(part.pdf(y[:, np.newaxis] + step) <= part.pdf(y)[:, np.newaxis])
    # The best component mean is never denser than the highest mode.
    assert np.all(mixture.pdf(mixture.means).max(axis=1) <= density[:, 0] * (1 + 1e-12))


def test_modes_of_several_outputs_find_separate_peaks():
    means = [[[-5.0, 0.0], [5.0, 0.0], [5.0, 0.0], [0.0, 8.0]]]
    mixture = Mixture([[0.5, 0.2, 0.2, 0.1]], means, np.ones((1, 4, 2)))
    modes = mixture.modes()[0]
    np.testing.assert_allclose(modes[:3], [[-5.0, 0.0], [5.0, 0.0], [0.0, 8.0]], atol=1e-4)
    assert np.isnan(modes[3]).all()


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("exponent", [-900, 900])
def test_modes_of_several_outputs_go_with_the_unit(full, exponent):
    mixture, unit = tame(n=20, k=3, d=3, full=full), np.ldexp(1.0, [exponent, -exponent, 0])
    np.testing.assert_allclose(
        mixture.affine(np.zeros(3), unit).modes() / unit, mixture.modes(), rtol=1e-12, atol=1e-12
    )


def region_holds(mixture, level):
    """Rows whose region has the mass, as far as neighbouring doubles tell; borders in order."""
    ends = mixture.hdr(level)
    flat = ends.reshape(len(mixture), -1)
    steps = np.diff(flat, axis=1)
    assert np.all(steps[~np.isnan(steps)] >= 0)
    wider = np.stack([np.nextafter(ends[..., 0], -np.inf), np.nextafter(ends[..., 1], np.inf)], -1)
    inner = np.stack([np.nextafter(ends[..., 0], np.inf), np.nextafter(ends[..., 1], -np.inf)], -1)
    inner = np.where(inner[..., :1] <= inner[..., 1:], inner, np.nan)
    near = np.abs(region_mass(mixture, ends) - level) <= 1e-8
    return near | (
        (region_mass(mixture, wider) >= level - 1e-8)
        & (region_mass(mixture, inner) <= level + 1e-8)
    )


@pytest.mark.parametrize("k", [1, 2, 5, 20])
def test_hdr_mass_and_border_density(k):
    mixture = tame(n=60, k=k, seed=k)
    for level in (1e-9, 1e-6, 1e-3, 0.3, 0.5, 0.9, 0.999, 1 - 1e-7):
        ends = mixture.hdr(level)
        assert ends.shape == (60, k, 2)
        np.testing.assert_allclose(region_mass(mixture, ends), level, rtol=0, atol=1.01e-10)
        density = mixture.pdf(np.nan_to_num(ends).reshape(60, -1))
        density[np.isnan(ends).reshape(60, -1)] = np.nan
        lowest, highest = np.nanmin(density, axis=1), np.nanmax(density, axis=1)
        np.testing.assert_allclose(lowest, highest, rtol=1e-9)


@pytest.mark.parametrize("rest", [1e-4, 1e-7, 1e-10, 1e-12])
def test_hdr_leaves_out_the_mass_that_is_asked_for_far_out(rest):
    mixture = tame(n=60, k=5)
    ends = mixture.hdr(1.0 - rest)
    left, right = np.sort(ends[..., 0]), np.sort(ends[..., 1])  # NaN comes last
    gaps = np.stack([right[:, :-1], left[:, 1:]], axis=2)
    gaps[np.isnan(gaps[..., 1])] = np.nan
    mass = mixture.cdf(left[:, 0]) + mixture.sf(np.nanmax(right, axis=1))
    mass += region_mass(mixture, gaps)
    np.testing.assert_allclose(mass, 1.0 - (1.0 - rest), rtol=2e-7, atol=5e-15)


def test_hdr_holds_the_densest_points_and_nests():
    mixture = tame(n=30, k=5)
    grid = np.linspace(-20, 20, 2001)
    density = mixture.pdf(grid[np.newaxis])
    previous = np.zeros_like(density, dtype=bool)
    for level in (0.1, 0.5, 0.8, 0.95):
        ends = mixture.hdr(level)[:, :, :, np.newaxis]
        inside = ((ends[:, :, 0] <= grid) & (grid <= ends[:, :, 1])).any(axis=1)
        least = np.where(inside, density, np.inf).min(axis=1)
        most = np.where(inside, 0.0, density).max(axis=1)
        assert np.all(least >= most * (1 - 1e-9))
        assert np.all(previous <= inside)
        previous = inside
        np.testing.assert_array_equal(inside, mixture.hdr_mass(grid[np.newaxis]) <= level)


def test_hdr_of_one_component_is_the_central_interval():
    mixture = Mixture([[0.5, 0.5]], [[1.0, 1.0]], [[2.0, 2.0]])
    np.testing.assert_allclose(mixture.hdr(0.9)[:, 0], mixture.interval(0.9), rtol=1e-9)


def test_hdr_levels_zero_one_and_many():
    mixture = tame(n=5, k=3)
    ends = mixture.hdr([0.0, 0.5, 1.0])
    assert ends.shape == (5, 3, 3, 2)
    np.testing.assert_array_equal(ends[:, 1], mixture.hdr(0.5))
    np.testing.assert_array_equal(ends[:, 2, 0], [[-np.inf, np.inf]] * 5)
    assert np.isnan(ends[:, 2, 1:]).all()
    np.testing.assert_allclose(ends[:, 0, 0], np.tile(mixture.mode(), (2, 1)).T, atol=1e-6)


@PROVE_SLOW
@given(hostile_lines, st.sampled_from([0.05, 0.5, 0.9, 0.999]))
def test_hdr_of_hostile_mixtures(mixture, level):
    assert region_holds(mixture, level)[resolved(mixture, 16)].all()


def test_hdr_whose_height_is_that_of_a_second_top():
    # The region is the part of a narrow hill above the top of a broad one, and up to 3e-9 of the
    # broad one: less than what the next lower height in doubles would take of it.
    rng = np.random.default_rng(0)
    weight, scale = rng.uniform(0.2, 0.8, 200), 10.0 ** rng.uniform(1.0, 4.0, 200)
    weights, scales = np.stack([weight, 1 - weight], 1), np.stack([np.ones(200), scale], 1)
    means = np.stack([np.zeros(200), 100.0 * (1 + scale)], 1)
    above = special.erf(np.sqrt(np.log(weight * scale / (1 - weight))))
    level = weight * above + rng.uniform(1e-10, 3e-9, 200)
    for i in range(200):
        mixture = Mixture(weights[[i]], means[[i]], scales[[i]])
        ends = mixture.hdr(level[i])
        error = region_mass(mixture, ends) - level[i]
        np.testing.assert_allclose(error, 0.0, atol=1.01e-10)
        np.testing.assert_allclose(np.ptp(mixture.logpdf(ends.reshape(1, 4))), 0.0, atol=1e-12)


def test_hdr_of_one_output_that_is_kept():
    mixture = tame(n=5, d=1)
    np.testing.assert_array_equal(mixture.hdr(0.5)[..., 0], mixture.marginal(0).hdr(0.5))
    full = tame(n=5, d=2, full=True).marginal([1])
    np.testing.assert_array_equal(full.hdr(0.5)[..., 0], full.marginal(0).hdr(0.5))
    np.testing.assert_array_equal(full.modes()[..., 0], full.marginal(0).modes())
    with pytest.raises(ValueError, match="one output; got 2"):
        tame(n=5, d=2).hdr(0.5)


def test_hdr_mass_of_one_output_equals_draws():
    mixture = tame(n=40, k=4)
    y = 3.0 * np.random.default_rng(0).normal(size=40)
    draws = mixture.sample(4000, random_state=0)
    expected = (mixture.pdf(draws) > mixture.pdf(y)[:, np.newaxis]).mean(axis=1)
    mass, error = mixture.hdr_mass(y, return_std_error=True)
    np.testing.assert_allclose(mass, expected, atol=0.04)
    np.testing.assert_array_equal(error, 0.0)
    np.testing.assert_array_equal(mixture.hdr_mass(np.full(40, np.inf)), 1.0)


def test_a_flat_top_is_a_top():
    """Equal components two standard deviations apart: curvature and slope vanish together."""
    mixture = Mixture([[0.5, 0.5]], [[-3.0, 3.0]], [[3.0, 3.0]])
    grid, step = np.linspace(-40, 40, 400_001, retstep=True)
    density = mixture.pdf(grid[np.newaxis])[0]
    for y in (0.1, -1.0, 4.0, -7.0):
        expected = density[density > mixture.pdf([y])[0]].sum() * step
        np.testing.assert_allclose(mixture.hdr_mass([y]), expected, atol=2e-4)
    (left, right), missing = mixture.hdr(0.9)[0]
    np.testing.assert_allclose(mixture.cdf([right]) - mixture.cdf([left]), 0.9, atol=1e-8)
    assert np.isnan(missing).all()


def test_hdr_mass_of_one_component():
    mixture = Mixture([[1.0]], [[2.0]], [[3.0]])
    y = np.array([[2.0, 5.0, -4.0, 2.0 + 1e-6]])
    expected = [[0.0, 0.6826894921370859, 0.9544997361036416, 2.659615202676218e-07]]
    np.testing.assert_allclose(mixture.hdr_mass(y), expected, rtol=1e-6, atol=1e-10)


@PROVE_SLOW
@given(hostile_lines, st.sampled_from([0.1, 0.9]))
def test_hdr_mass_is_the_level_on_the_border(mixture, level):
    ends = mixture.hdr(level)[:, 0]
    rows = resolved(mixture, 1e5)
    np.testing.assert_allclose(mixture.hdr_mass(ends)[rows], level, atol=1e-3)


@pytest.mark.parametrize("full", [False, True])
def test_hdr_mass_of_several_outputs_is_an_ellipse_for_one_component(full):
    mixture = tame(n=20, k=1, d=2, full=full)
    y = mixture.sample(1, random_state=3)[:, 0]
    # With two outputs the squared distance is exponential of mean 2.
    distance = -2.0 * (mixture.logpdf(y) - mixture.logpdf(mixture.means[:, 0]))
    mass, error = mixture.hdr_mass(y, n_samples=4000, return_std_error=True)
    expected = 1.0 - np.exp(-0.5 * distance)
    assert np.all(np.abs(mass - expected) <= 5 * error + 1e-3)
    np.testing.assert_array_equal(mass, mixture.hdr_mass(y[:, np.newaxis], 4000)[:, 0])
    assert error.max() <= 0.5 / np.sqrt(4000)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_entropy_of_one_output_equals_quadrature(scale):
    mixture = tame(n=5, k=3).affine(0.0, scale)
    for row in range(5):
        here = mixture[row]
        means, scales = here.means[0, :, 0], here.scales[0, :, 0]
        ends = (means - 12 * scales).min(), (means + 12 * scales).max()

        def integrand(y, here=here):
            log_density = here.logpdf([y])[0]
            return -np.exp(log_density) * log_density

        expected, _ = quad(integrand, *ends, points=means, limit=500, epsabs=1e-11, epsrel=1e-11)
        assert here.entropy()[0] == pytest.approx(expected, abs=1e-8)


def test_entropy_has_its_closed_form_where_components_are_equal_or_apart():
    normal = 0.5 * np.log(2 * np.pi * np.e)
    equal = Mixture([[0.3, 0.7]], [[1.0, 1.0]], [[2.0, 2.0]])
    assert equal.entropy()[0] == pytest.approx(normal + np.log(2), abs=1e-9)
    scales = np.array([1e-12, 1.0, 1e6])
    apart = Mixture([[0.2, 0.3, 0.5]], [[0.0, 1e4, 1e9]], [scales])
    weights = np.array([0.2, 0.3, 0.5])
    expected = normal + (weights * (np.log(scales) - np.log(weights))).sum()
    assert apart.entropy()[0] == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("kind", [{}, {"full": True}])
def test_joint_modes_are_found_beside_components_without_weight(kind):
    mixture = tame(n=4, k=3, d=2, **kind)
    spread = "scale_tril" if kind else "scales"
    absent = [
        np.concatenate([array[:, :1] * factor, array], axis=1)
        for array, factor in (
            (mixture.weights, 0.0),
            (mixture.means, 1.0),
            (getattr(mixture, spread), 1e-3),
        )
    ]
    beside = Mixture(absent[0], absent[1], **{spread: absent[2]})
    np.testing.assert_allclose(beside.modes()[:, :3], mixture.modes(), rtol=1e-7)
    assert np.isnan(beside.modes()[:, 3]).all()


@pytest.mark.parametrize("scale", [1e-6, 1e-10])
def test_entropy_keeps_its_digits_far_from_zero(scale):
    expected = 0.5 * np.log(2 * np.pi * np.e) + np.log(scale)
    assert Mixture([[1.0]], [[1e10]], [[scale]]).entropy()[0] == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("scale", [1e-80, 1e-149, 1e-200, 1e-300])
def test_a_spike_beside_a_wide_component_is_found(scale):
    """Its curvature overflows, which must not go on halving for ever."""
    mixture = Mixture([[0.4, 0.6]], [[0.0, 1.0]], [[scale, 1.0]])
    np.testing.assert_allclose(mixture.modes(), [[0.0, 1.0]], atol=1e-12)
    region = mixture.hdr(0.3)[0]
    assert 0 <= region[0, 1] - region[0, 0] < 1e-70
    np.testing.assert_allclose(mixture.hdr_mass([0.0]), 0.0, atol=1e-12)
    assert 0.4 < mixture.hdr_mass([1.5])[0] < 0.7


def test_entropy_of_several_outputs():
    mixture = tame(n=10, k=1, d=3, full=True)
    determinant = np.linalg.det(mixture.scale_tril[:, 0])
    expected = 1.5 * np.log(2 * np.pi * np.e) + np.log(determinant)
    entropy, error = mixture.entropy(2000, return_std_error=True)
    assert np.all(np.abs(entropy - expected) < 5 * error)
    np.testing.assert_array_equal(entropy, mixture.entropy(2000))
    assert not np.array_equal(entropy, mixture.entropy(2000, random_state=1))


def test_hostile_entropy_is_finite():
    assert np.isfinite(hostile(1, n=20, k=5).entropy()).all()


def test_means_whose_distance_is_beyond_float64():
    largest = np.finfo(np.float64).max
    for means in ([largest / 2, -largest, largest], [0.0, largest, 1.0]):
        density = Mixture([[0.2, 0.3, 0.5]], [means], [[1.0, 1.0, 1.0]])
        mass = density.hdr_mass([1.0])
        assert ((mass >= 0) & (mass <= 1)).all()


def test_no_levels_give_no_quantiles():
    density = Mixture([[0.5, 0.5]], [[0.0, 1.0]], [[1.0, 1.0]])
    assert density.ppf([]).shape == (1, 0)
    assert density.interval([]).shape[:2] == (1, 0)
