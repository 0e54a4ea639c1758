"""Probabilities of cells around y, against mpmath at 60 digits, scipy and exact sums."""

import mpmath
import numpy as np
import pytest
from cases.mixture_oracles import tame
from cases.target_oracles import ATOMS, MAPS, component, target
from hypothesis import given
from hypothesis import strategies as st

from skmdn.mixture import Mixture, TargetMixture
from skmdn.mixture.joining import concatenate, log_cell_probability
from skmdn.transforms import Asinh, Log, Logit


def exact_z(transform, y):
    """The map at a number of mpmath."""
    if isinstance(transform, Log) and transform.upper is None:
        return mpmath.log(y - transform.lower) if y > transform.lower else -mpmath.inf
    if isinstance(transform, Log):
        return -mpmath.log(transform.upper - y) if y < transform.upper else mpmath.inf
    if isinstance(transform, Logit):
        if y <= transform.lower:
            return -mpmath.inf
        odds = (y - transform.lower) / (transform.upper - y) if y < transform.upper else mpmath.inf
        return mpmath.log(odds)
    if isinstance(transform, Asinh):
        return mpmath.asinh((y - transform.location) / transform.scale)
    return y


def exact_log(base, row, y, width, transform=None):
    """Log of the cell's probability, from complementary error functions of 60 digits."""
    with mpmath.workdps(60):
        ends = [
            exact_z(transform, mpmath.mpf(y) + side * mpmath.mpf(width) / 2) for side in (-1, 1)
        ]
        total = mpmath.mpf(0)
        for w, m, s in zip(
            base.weights[row], base.means[row, :, 0], base.scales[row, :, 0], strict=True
        ):
            a, b = ((end - mpmath.mpf(m)) / (mpmath.mpf(s) * mpmath.sqrt(2)) for end in ends)
            if a + b < 0:
                a, b = -b, -a
            total += mpmath.mpf(w) / 2 * (mpmath.erfc(a) - mpmath.erfc(b))
        return float(mpmath.log(total)) if total > 0 else -np.inf


def exact_rows(base, y, width, transform=None):
    return np.array([exact_log(base, i, y[i], width, transform) for i in range(len(y))])


@pytest.mark.parametrize("width", [1e-12, 1e-6, 0.03, 0.9, 1.1, 4.0, 70.0])
@pytest.mark.parametrize("away", [0.0, 0.3, 1.0, -5.0, 12.0, -30.0, 30.0, 200.0])
def test_cells_of_a_normal_are_those_of_mpmath(away, width):
    line = Mixture([[1.0]], [[0.7]], [[1.3]])
    y = np.array([0.7 + 1.3 * away])
    np.testing.assert_allclose(
        log_cell_probability(line, y, width), exact_rows(line, y, width), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("width", [1e-9, 0.1, 3.0])
def test_cells_of_mixtures_are_those_of_mpmath(width):
    line = tame(n=12, k=4)
    y = np.linspace(-60.0, 60.0, 12)
    np.testing.assert_allclose(
        log_cell_probability(line, y, width), exact_rows(line, y, width), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("width", [1e-9, 0.02, 0.5, 3.0])
@pytest.mark.parametrize("name", MAPS)
def test_cells_behind_maps_are_those_of_mpmath(name, width):
    density = target(name, n=9)
    low, high = MAPS[name].support
    y = np.clip([-40.0, -3.0, -0.9, 0.0, 0.1, 1.0, 2.2, 2.9, 50.0], low + 1e-3, high - 1e-3)
    np.testing.assert_allclose(
        log_cell_probability(density, y, width),
        exact_rows(density.base, y, width, MAPS[name]),
        rtol=1e-10,
        atol=1e-10,
    )


@pytest.mark.parametrize("name", MAPS)
def test_cells_with_atoms_are_differences_of_scipys_distribution_functions(name):
    density, width = target(name, atoms=True, n=8), 0.8
    y = np.array([-2.0, -1.5, -0.3, 0.0, 0.2, 1.0, 2.5, 2.7])
    expected = []
    for i, at in enumerate(y):
        parts = [
            component(MAPS[name], m, s)
            for m, s in zip(density.base.means[i, :, 0], density.base.scales[i, :, 0], strict=True)
        ]
        rest = 1.0 - density.atom_weights[i].sum()
        ends = (at - width / 2, at + width / 2)
        share = [density.base.weights[i] @ [part.cdf(end) for part in parts] for end in ends]
        inside = [ends[0] < atom <= ends[1] for atom in ATOMS]
        expected.append(rest * (share[1] - share[0]) + density.atom_weights[i] @ inside)
    found = np.exp(log_cell_probability(density, y, width))
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-15)


def one(atoms, weights, transform=None):
    return TargetMixture(Mixture([[1.0]], [[0.0]], [[1.0]]), transform, atoms, [weights])


@pytest.mark.parametrize("width", [1.0, 0.2, 1e-3, 1e-15])
@pytest.mark.parametrize("atom", [0.0, 0.3, -1e8])
def test_an_atom_at_y_counts_fully(atom, width):
    certain = one([atom], [1.0])
    np.testing.assert_array_equal(log_cell_probability(certain, np.array([atom]), width), 0.0)


def test_an_atom_at_an_end_counts_at_the_upper_end_alone():
    certain = one([0.5], [1.0])
    found = [log_cell_probability(certain, np.array([y]), 1.0)[0] for y in (0.0, 1.0)]
    assert found == [0.0, -np.inf]


def test_rounding_does_not_move_an_atom_from_an_end():
    """0.3 - 0.1 is below 0.2, and 0.1 + 0.1 is not."""
    certain = one([0.2], [1.0])
    found = [log_cell_probability(certain, np.array([y]), 0.2)[0] for y in (0.1, 0.3)]
    assert found == [0.0, -np.inf]


@given(
    st.sampled_from(sorted(MAPS)),
    st.floats(0.05, 3.0),
    st.floats(0.0, 1.0),
    st.integers(0, 10),
)
def test_probabilities_of_cells_that_tile_the_line_sum_to_one(name, width, shift, seed):
    density = target(name, atoms=True, n=1, seed=seed, spread=0.3)
    ends = density.ppf([1e-12, 1 - 1e-12])[0]
    if ends[1] - ends[0] > 2000 * width:
        return
    y = np.arange(ends[0] - (1 + shift) * width, ends[1] + 2 * width, width)
    total = np.exp(log_cell_probability(density[[0] * len(y)], y, width)).sum()
    assert total == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3, 1e9, 1e60, 1e150])
def test_cells_are_finite_wherever_the_density_is(name, size):
    density = target(name, n=2)
    y = np.array([-size, size])
    positive = np.isfinite(density.logpdf(y))
    for width in (1e-8, 1.0):
        assert np.isfinite(log_cell_probability(density, y, width))[positive].all()


def test_cells_outside_the_support_are_impossible_and_others_count_their_part_inside():
    density = TargetMixture(Mixture([[1.0]] * 3, [[0.0]] * 3, [[1.0]] * 3), "log")
    found = log_cell_probability(density, np.array([-3.0, -1.0, 0.0]), 2.0)
    np.testing.assert_array_equal(found[:2], -np.inf)
    assert found[2] == pytest.approx(np.log(0.5), abs=1e-15)  # (0, 1]


def test_narrow_cells_are_the_density_times_their_width():
    for density in (tame(n=6), target("log", n=6), target("logit", n=6)):
        y = density.median()
        for width in (1e-12, 1e-300):
            expected = density.logpdf(y) + np.log(width)
            np.testing.assert_allclose(
                log_cell_probability(density, y, width), expected, rtol=1e-11
            )


def test_a_width_that_is_nothing_beside_the_scale_does_not_underflow():
    wide = Mixture([[1.0]], [[0.0]], [[1e100]])
    expected = wide.logpdf([0.0]) + np.log(1e-300)
    np.testing.assert_allclose(log_cell_probability(wide, np.zeros(1), 1e-300), expected)


def test_cells_of_an_output_with_an_axis_are_those_without():
    line = tame(n=7)
    columns = Mixture(line.weights, line.means, line.scales)
    full = Mixture(line.weights, line.means, scale_tril=line.scales[..., np.newaxis])
    y = np.linspace(-2, 2, 7)
    expected = log_cell_probability(line, y, 0.5)
    for density in (columns, full):
        np.testing.assert_allclose(log_cell_probability(density, y, 0.5), expected, rtol=1e-14)


def test_rows_keep_their_own_law():
    parts = [target("log", atoms=True, n=3), target("asinh", n=2), tame(n=2, k=3)]
    y = np.linspace(-1.5, 2.5, 7)
    together = log_cell_probability(concatenate(parts), y, 0.6)
    apart = [
        log_cell_probability(part, at, 0.6)
        for part, at in zip(parts, np.split(y, [3, 5]), strict=True)
    ]
    np.testing.assert_allclose(together, np.concatenate(apart), rtol=1e-14)
