"""Bounds of components behind maps: their width and place, and the mean of y that they allow."""

import numpy as np
import pytest

from skmdn import Mixture, TargetMixture
from skmdn.mixture.bounding import bounded
from skmdn.transforms import Asinh, Identity, Log, Logit

RNG = np.random.default_rng(0)
# Components of every place and width, beside targets from -6 to 9 of spread 3.
LOW, HIGH, SCALE = -6.0, 9.0, 3.0
MEANS, SCALES = RNG.uniform(-30, 30, (200, 4)), np.exp(RNG.uniform(-3, 4, (200, 4)))
RANGE = np.array([[LOW, HIGH]])
WILD = Mixture(np.full((200, 4), 0.25), MEANS, SCALES)
EXCESS = np.exp(0.5 + SCALE / 4)


@pytest.mark.parametrize("one", [Log(), Log(upper=0), Asinh()])
def test_means_are_near_the_range_where_y_grows_exponentially(one):
    density = bounded(WILD, (one,), np.array([SCALE]), RANGE)
    assert np.all((density.means >= LOW - SCALE / 4) & (density.means <= HIGH + SCALE / 4))


@pytest.mark.parametrize("one", [Log(), Log(upper=0), Asinh(), Logit()])
def test_noise_of_which_the_targets_show_three_deviations_is_left(one):
    """However much smaller the scale of all targets is, as nearly all may be without noise."""
    means, share = RNG.uniform(LOW, HIGH, (200, 1)), np.full((200, 1), 1.0)
    noise = np.minimum(HIGH - means, means - LOW) / 3
    density = Mixture(share, means, noise)
    found = bounded(density, (one,), np.array([0.1]), RANGE)
    np.testing.assert_array_equal(found.means, density.means)
    np.testing.assert_allclose(found.scales, density.scales, rtol=1e-12)


def test_where_y_has_ends_components_are_no_wider_than_half_the_range():
    density = bounded(WILD, (Logit(),), np.array([SCALE]), RANGE)
    np.testing.assert_array_equal(density.means, WILD.means)
    np.testing.assert_allclose(density.scales, np.minimum(WILD.scales, (HIGH - LOW) / 2))
    same = bounded(WILD, (Logit(),), np.array([SCALE]), np.array([[2.0, 2.0]]))
    np.testing.assert_allclose(same.scales, np.minimum(WILD.scales, SCALE))


@pytest.mark.parametrize(
    ("one", "largest"), [(Log(), HIGH), (Log(upper=0), -LOW), (Asinh(), max(HIGH, -LOW))]
)
def test_no_mean_is_far_beyond_the_largest_target(one, largest):
    density = bounded(WILD, (one,), np.array([SCALE]), RANGE)
    means = np.abs(TargetMixture(density, one).mean())
    assert means.max() < EXCESS * np.exp(largest) * (1 + 1e-12)
    wide = Mixture(density.weights, density.means[..., 0], SCALES)
    assert np.abs(TargetMixture(wide, one).mean()).max() > 5 * EXCESS * np.exp(largest)


@pytest.mark.parametrize("one", [Log(), Log(upper=0), Asinh()])
def test_a_component_of_little_weight_has_no_more_of_the_mean(one):
    weights = RNG.dirichlet([0.2, 0.2, 0.2, 0.2], 200)
    density = bounded(Mixture(weights, MEANS, SCALES), (one,), np.array([SCALE]), RANGE)
    grown = density.means[..., 0] + density.scales[..., 0] ** 2 / 2
    if isinstance(one, Log) and one.side < 0:
        grown, largest = grown - 2 * density.means[..., 0], -LOW
    elif isinstance(one, Asinh):
        grown += np.abs(density.means[..., 0]) - density.means[..., 0]
        largest = max(HIGH, -LOW)
    else:
        largest = HIGH
    wide = density.scales[..., 0] > SCALE * (1 + 1e-9)
    assert wide.any()
    with np.errstate(divide="ignore"):
        allowed = np.log(weights) + largest + SCALE / 4 + 0.5
    assert np.all(grown[wide] <= allowed[wide] + 1e-9)


def test_outputs_without_a_map_stay_as_they_are():
    means, L = RNG.normal(size=(50, 2, 2)), np.tile([[20.0, 0.0], [3.0, 20.0]], (50, 2, 1, 1))
    density = Mixture(np.full((50, 2), 0.5), means, scale_tril=L)
    ranges = np.array([[LOW, HIGH], [-np.inf, np.inf]])
    found = bounded(density, (Log(), Identity()), np.array([SCALE, SCALE]), ranges)
    np.testing.assert_array_equal(found.means[..., 1], means[..., 1])
    np.testing.assert_allclose(found.scales[..., 1], density.scales[..., 1])
    room = HIGH + SCALE / 4 + 0.5 - found.means[..., 0]
    widest = np.sqrt(2 * np.maximum(np.minimum(SCALE**2 / 2, room), room + np.log(0.5)))
    np.testing.assert_allclose(found.scales[..., 0], np.minimum(20.0, widest))
    L = found.scale_tril
    covariances = L @ L.swapaxes(-1, -2)
    correlation = covariances[..., 0, 1] / np.prod(found.scales, axis=-1)
    np.testing.assert_allclose(correlation, 3.0 / np.hypot(3.0, 20.0))
