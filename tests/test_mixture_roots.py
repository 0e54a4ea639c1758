"""Bracketed roots: what bisection finds where the problem's own steps do not help."""

from dataclasses import dataclass

import numpy as np
import pytest

from skmdn.mixture.roots import solve


@dataclass
class Sign:
    """The sign of x minus the root, of which no step can be made."""

    root: np.ndarray
    counts: list

    def take(self, keep):
        return Sign(self.root[keep], self.counts)

    def evaluate(self, x):
        self.counts.append(len(x))
        return np.where(x < self.root, -1.0, 1.0), np.full(len(x), np.nan)


ENDS = [(-1e300, 1e300), (-1e150, 1.0), (0.0, 1e150), (-1e308, 0.0), (1e-300, 1e300), (-3.0, 2.0)]


@pytest.mark.parametrize(("low", "high"), ENDS)
def test_bisection_ends_beside_the_root_after_few_steps(low, high):
    size = 10.0 ** np.linspace(-320, 299, 40)
    root = np.concatenate([size, -size, [0.0, low, high]])
    root = root[(low <= root) & (root <= high)]
    problem = Sign(root, [])
    with np.errstate(all="raise", under="ignore"):
        found = solve(problem, np.full(len(root), low), np.full(len(root), high), 0 * root + high)
    # One of the two doubles around the place where the sign changes.
    assert np.all((np.nextafter(root, -np.inf) <= found) & (found <= np.nextafter(root, np.inf)))
    assert len(problem.counts) < 250  # halves of the distance take up to two thousand


def test_a_cell_does_not_depend_on_the_others():
    root = np.array([1e-200, 0.3, -2e100, 7.0])
    low, high = np.full(4, -1e200), np.array([1.0, 1.0, 1e250, 1e9])
    together = solve(Sign(root, []), low, high, high.copy())
    for i in range(4):
        one = slice(i, i + 1)
        alone = solve(Sign(root[one], []), low[one], high[one], high[one].copy())
        np.testing.assert_array_equal(alone, together[one])
