"""The part of the variation of targets that predictions leave."""

import numpy as np
import pytest

from skmdn._estimators.unexplained import unexplained
from skmdn.mixture import Mixture


def test_the_part_of_the_variation_that_predictions_leave():
    """Beside the mean absolute difference of all pairs."""
    rng = np.random.default_rng(0)
    y, crps, w = rng.normal(size=(40, 2)), rng.uniform(0, 0.5, (40, 2)), rng.uniform(size=40)
    pairs = np.abs(y[:, np.newaxis] - y)
    of_targets = np.einsum("i,j,ijd->d", w, w, pairs) / w.sum() ** 2 / 2
    expected = np.mean((np.average(crps, axis=0, weights=w) / of_targets) ** 2)
    assert unexplained(crps, y, w) == pytest.approx(expected)
    assert unexplained(1e150 * crps, 1e150 * y, 1e-3 * w) == pytest.approx(expected)


@pytest.mark.parametrize("noise", [0.3, 0.8])
def test_of_normal_distributions_it_is_a_part_of_the_variance(noise):
    rng = np.random.default_rng(0)
    means = np.sqrt(1 - noise) * rng.normal(size=(20_000, 1))
    y = means + np.sqrt(noise) * rng.normal(size=means.shape)
    crps = Mixture(np.ones_like(y), means, np.sqrt(noise) * np.ones_like(y)).crps(y[:, 0])
    assert unexplained(crps[:, np.newaxis], y, np.ones(len(y))) == pytest.approx(noise, abs=0.02)


@pytest.mark.parametrize("bad", [np.inf, np.nan, 100.0])
def test_what_tells_nothing_leaves_all(bad):
    y = np.column_stack([np.zeros(20), np.arange(20.0)])
    crps, w = np.full((20, 2), 0.1), np.ones(20)
    known = unexplained(crps, y, w)
    assert 0 < known < 0.01
    assert unexplained(crps * [[bad, 1.0]], y, w) == known  # of the output that does not vary
    assert unexplained(np.full((20, 2), bad), y, w) == 1.0
    assert unexplained(crps, np.zeros((20, 2)), w) == 1.0
    assert unexplained(crps[:1], y[:1], w[:1]) == 1.0
