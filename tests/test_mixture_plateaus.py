"""Flat tops: modes and regions where densities differ by no more than rounding."""

import numpy as np
import pytest
from cases.mixture_oracles import count_modes, region_mass, tame

from skmdn.mixture import Mixture, critical_points
from skmdn.mixture.landscape import Line, survey


def comb(k, distance, *, offset=0.0, weights=None):
    """One row of components with scale one at equal distances."""
    weights = np.full(k, 1 / k) if weights is None else weights / np.sum(weights)
    return Mixture([weights], [offset + distance * np.arange(k)], [np.ones(k)])


def flat_mixtures():
    """Mixtures whose slope vanishes, or nearly does, on long stretches or to a high order."""
    rng = np.random.default_rng(0)
    for distance in (0.1, 0.5, 0.75, 0.8, 0.9, 1.0, 1.25, 1.9, 2.0, 2.1):
        for k in (3, 22, 80):
            yield comb(k, distance)
            yield comb(k, distance, weights=rng.random(k))
        yield comb(40, distance, offset=1e12)
    yield Mixture([np.full(50, 0.02)], [np.zeros(50)], [np.ones(50)])
    yield Mixture([[0.5, 0.5]], [[-1.0, 1.0]], [[1.0, 1.0]])
    for k in (5, 20, 60):
        scales = np.where(rng.random(k) < 0.2, 0.01, 1.0)
        yield Mixture([rng.dirichlet(np.ones(k))], [0.7 * np.arange(k)], [scales])
        scales = 10.0 ** rng.uniform(-150, 150, k)
        means = rng.normal(size=k) * 10.0 ** rng.uniform(-150, 150, k)
        yield Mixture([rng.dirichlet(np.ones(k))], [means], [scales])


@pytest.mark.parametrize("mixture", list(flat_mixtures()))
def test_the_search_for_modes_is_bounded(monkeypatch, mixture):
    examined = 0
    examine = critical_points._examine

    def counting(intervals, *arguments):
        nonlocal examined
        examined += len(intervals.row)
        assert examined < 600 * mixture.n_components
        return examine(intervals, *arguments)

    monkeypatch.setattr(critical_points, "_examine", counting)
    with np.errstate(all="ignore"):
        assert np.isfinite(mixture.modes()[0, 0])
    assert examined > 0 or np.ptp(mixture.means) == 0


@pytest.mark.parametrize("distance", [0.3, 0.6, 0.8, 0.9, 1.0, 1.25, 1.5])
@pytest.mark.parametrize("k", [10, 22])
def test_ripples_are_counted_exactly(k, distance):
    """Down to ripples of 1e-13 of the density."""
    mixture = comb(k, distance)
    assert np.isfinite(mixture.modes()).sum() == count_modes(mixture, 0)


@pytest.mark.parametrize("seed", range(20))
def test_modes_of_crowded_components_are_counted_exactly(seed):
    rng = np.random.default_rng(seed)
    k = rng.integers(3, 9)
    means = np.round(rng.normal(size=k), 1) * rng.choice([1.0, 3.0])
    scales = rng.choice([0.5, 1.0], k)
    mixture = Mixture([rng.dirichlet(np.ones(k))], [means], [scales])
    assert np.isfinite(mixture.modes()).sum() == count_modes(mixture, 0)


PLATEAUS = [(22, 0.7), (80, 0.5), (80, 0.3), (200, 0.25)]


@pytest.mark.parametrize(("k", "distance"), PLATEAUS)
def test_a_plateau_has_its_mode_in_the_middle(k, distance):
    mixture = comb(k, distance)
    modes = mixture.modes()[0]
    assert modes[0] == pytest.approx(distance * (k - 1) / 2, abs=0.05)
    assert np.isnan(modes[1:]).all()


@pytest.mark.parametrize(("k", "distance"), PLATEAUS)
def test_a_region_that_ends_on_a_plateau_lies_about_its_middle(k, distance):
    mixture, middle = comb(k, distance), distance * (k - 1) / 2
    for level in (1e-6, 0.01, 0.3, 0.5, 0.8, 0.95):
        ends = mixture.hdr(level)
        np.testing.assert_allclose(region_mass(mixture, ends), level, rtol=0, atol=1.01e-10)
        assert np.isnan(ends[0, 1:]).all()
        np.testing.assert_allclose(ends[0, 0].mean(), middle, atol=0.05)
        np.testing.assert_allclose(mixture.hdr_mass(ends[:, 0]), level, atol=5e-3)


def test_masses_on_a_plateau_grow_with_the_distance_from_its_middle():
    mixture = comb(80, 0.5)
    away = np.linspace(0.0, 14.0, 15)
    # The density is 1 / 40 there.
    for side in (-1.0, 1.0):
        mass = mixture.hdr_mass((19.75 + side * away)[np.newaxis])[0]
        np.testing.assert_allclose(mass, 2.0 * away / 40.0, atol=5e-3)


@pytest.mark.parametrize("level", [0.05, 0.3, 0.6, 0.9])
def test_regions_that_end_on_a_shoulder_or_between_equal_hills(level):
    step = 0.5 * np.arange(60)
    peak = Mixture(
        [np.r_[0.1, np.full(60, 0.015)]], [np.r_[14.75, step]], [np.r_[0.3, np.ones(60)]]
    )
    on_edge = Mixture([np.r_[0.1, np.full(60, 0.015)]], [np.r_[0.0, step]], [np.ones(61)])
    apart = Mixture([np.full(60, 1 / 60)], [np.r_[step[:30], 100 + step[:30]]], [np.ones(60)])
    for mixture in (peak, on_edge, apart):
        ends = mixture.hdr(level)
        np.testing.assert_allclose(region_mass(mixture, ends), level, rtol=0, atol=1.01e-10)
        flat = ends[~np.isnan(ends)]
        assert np.all(np.diff(flat) >= 0)
        np.testing.assert_allclose(np.ptp(mixture.logpdf(flat[np.newaxis])), 0.0, atol=1e-12)


@pytest.mark.parametrize("ripple", [0.75, 0.8, 0.85])
def test_regions_among_ripples_as_small_as_rounding(ripple):
    mixture = comb(50, ripple)
    for level in (0.1, 0.5, 0.7, 0.9):
        ends = mixture.hdr(level)
        np.testing.assert_allclose(region_mass(mixture, ends), level, rtol=0, atol=1.01e-10)
        flat = ends[~np.isnan(ends)]
        assert len(flat) % 2 == 0
        assert np.all(np.diff(flat) >= 0)


def test_no_dip_is_higher_than_the_peaks_beside_it():
    """Of two components hardly two scales apart, the dip is often lost in rounding."""
    rng = np.random.default_rng(0)
    excess = 10.0 ** rng.uniform(-9, -5, 2000)
    place, scale = rng.uniform(-3, 3, 2000), rng.uniform(0.5, 2, 2000)
    means = np.stack([place - scale, place + scale * (1 + excess)])
    land = survey(Line(np.full((2, 2000), 0.5), means, np.stack([scale, scale])))
    assert len(land.peak) == 4000
    assert np.all(land.peak >= np.maximum(land.left_height, land.right_height))


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(("shape", "distance"), [((80, 1), 0.5), ((9, 9), 0.4)])
def test_a_plateau_of_several_outputs_has_one_mode(shape, distance, full):
    means = distance * np.stack(np.meshgrid(*map(np.arange, shape)), axis=-1).reshape(1, -1, 2)
    weights = np.full(means.shape[:2], 1 / means.shape[1])
    if full:
        mixture = Mixture(weights, means, scale_tril=np.tile(np.eye(2), (*means.shape[:2], 1, 1)))
    else:
        mixture = Mixture(weights, means, np.ones_like(means))
    _, density = mixture.modes(return_density=True)
    assert np.isnan(density[0, 1:]).all()
    assert density[0, 0] >= mixture.pdf(means).max() * (1 - 1e-13)


@pytest.mark.parametrize("distance", [2.0, 8.0, 10.0])
def test_equal_modes_of_several_outputs_stay_apart(distance):
    """Modes of the same height at equal distances: other modes lie between them, no plateau."""
    places = distance * np.arange(9) - 4 * distance
    means = np.stack([places, np.zeros(9)], axis=-1)[np.newaxis]
    mixture = Mixture(np.full((1, 9), 1 / 9), means, np.full_like(means, distance / 10))
    found = mixture.modes()[0]
    np.testing.assert_allclose(np.sort(found[:, 0]), places, atol=1e-6 * distance)


def test_rows_with_plateaus_are_independent_to_the_bit():
    rows = [comb(22, d, offset=o) for d in (0.3, 0.8, 1.0, 1.25) for o in (0.0, 7.3)]
    mixture = Mixture.concatenate([*rows, tame(n=5, k=22)])
    y = mixture.means[:, 8, 0] + 0.1
    for ask in (
        lambda m, y: m.modes(),
        lambda m, y: m.hdr([1e-9, 0.3, 0.9]),
        lambda m, y: m.hdr_mass(y),
    ):
        together = ask(mixture, y)
        for part in (slice(0, 1), slice(3, 6), [12, 2]):
            np.testing.assert_array_equal(ask(mixture[part], y[part]), together[part])
