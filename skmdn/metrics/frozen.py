"""Another model's prediction, given as frozen scipy.stats distributions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from skmdn.metrics.highest_density import mass_above, region_measure
from skmdn.metrics.partial_prediction import PartialPrediction

# scipy.stats has two sets of names: of frozen distributions, and of `make_distribution`.
_NAMES = {
    "logpdf": ("logpdf",),
    "cdf": ("cdf",),
    "sf": ("sf", "ccdf"),
    "ppf": ("ppf", "icdf"),
    "isf": ("isf", "iccdf"),
}
_LOGARITHMS = {"logcdf": ("logcdf",), "logsf": ("logsf", "logccdf")}
_HDR_LEVELS = (np.arange(250) + 0.5) / 250


def is_frozen(candidate: object) -> bool:
    """Tell whether an object has the methods of a continuous scipy.stats distribution."""
    return all(_method(candidate, method) is not None for method in _NAMES)


def _method(distribution: object, name: str) -> Callable[..., Any] | None:
    """Return the method `name` under either of scipy's names, or None."""
    found = (getattr(distribution, alias, None) for alias in (_NAMES | _LOGARITHMS)[name])
    return next((method for method in found if callable(method)), None)


def _tanh_sinh(n_steps: int = 40, reach: float = 3.3) -> tuple[np.ndarray, ...]:
    """Return nodes and weights on (0, 1) for integrands with singular ends (Mori 1974)."""
    t = np.linspace(-reach, reach, 2 * n_steps + 1)
    bend = 0.5 * np.pi * np.sinh(t)
    nodes = 1.0 / (1.0 + np.exp(-2.0 * bend))
    weights = (reach / n_steps) * 0.25 * np.pi * np.cosh(t) / np.cosh(bend) ** 2
    return nodes, weights


_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(8)
# Below this part of its tail, a cell's probability is not the difference of two tails, as that
# loses digits, but an integral of the density.
_SMALL_PART = 1e-6


class FrozenPrediction(PartialPrediction):
    """One continuous univariate scipy.stats distribution per row, or one for all rows.

    The CRPS is ``2 ∫ pinball_τ dτ``, split at ``F(y)`` and integrated by the tanh-sinh rule. Its
    relative error is below 1e-8 for a smooth density, and 1e-4 for one with a kink. Highest-density
    regions come from the density at 250 equally likely quantiles: their masses are good to 4e-3.

    The probability of a cell is the difference of its tails. If that is less than 1e-6 of the tail,
    it is Gauss's quadrature of the density at 8 points, which takes the density for smooth within
    the cell.
    """

    kind: ClassVar[str] = "a scipy.stats distribution"
    has_density: ClassVar[bool] = True

    def __init__(self, distribution: object, n_rows: int) -> None:
        self.distribution = distribution
        self.n_rows = n_rows
        medians = self._call("ppf", 0.5)
        shape = np.shape(medians)
        if shape not in ((), (1,), (n_rows,)):
            raise ValueError(
                f"mixture: expected one scipy.stats distribution or a batch of {n_rows}, one per "
                f"row, got a batch of shape {shape}."
            )
        if not np.isfinite(medians).all():
            raise ValueError(
                "mixture: expected a scipy.stats distribution with parameters that it allows, got "
                "one without a median."
            )

    def logpdf(self, y: np.ndarray) -> np.ndarray:
        """Return the log-density, (n,)."""
        return self._call("logpdf", y)

    def pit(self, y: np.ndarray) -> np.ndarray:
        """Return the distribution function at y, (n,)."""
        return self._call("cdf", y)

    def log_cell_probability(self, y: np.ndarray, width: float) -> np.ndarray:
        """Return ``log P(y - width / 2 < Y <= y + width / 2)``, (n,)."""
        with np.errstate(all="ignore"):
            low, high = y - 0.5 * width, y + 0.5 * width
            below, above = self._log_tail("logcdf", "cdf", high), self._log_tail("logsf", "sf", low)
            lower = _log_difference(below, self._log_tail("logcdf", "cdf", low))
            upper = _log_difference(above, self._log_tail("logsf", "sf", high))
            is_lower = below < above
            by_tails = np.where(is_lower, lower, upper)
            tail = np.where(is_lower, below, above)
            is_large = by_tails - tail > np.log(_SMALL_PART)
            return np.where(is_large, by_tails, self._log_integral(y, width))

    def _log_tail(self, name: str, plain: str, at: np.ndarray) -> np.ndarray:
        """Return the logarithm of a tail, (n,)."""
        if _method(self.distribution, name) is None:
            return np.asarray(np.log(self._call(plain, at)))
        return self._call(name, at)

    def _log_integral(self, y: np.ndarray, width: float) -> np.ndarray:
        """Return the logarithm of the integral of the density over the cell, (n,)."""
        heights = np.stack([self.logpdf(y + 0.5 * width * node) for node in _NODES])
        return np.asarray(logsumexp(heights, axis=0, b=0.5 * _NODE_WEIGHTS[:, None] * width))

    def ppf(self, q: npt.ArrayLike) -> np.ndarray:
        """Return quantiles: (n,) for a scalar level, else (n, Q)."""
        levels = np.asarray(q, dtype=np.float64)
        values = self._call("ppf", levels[..., None])
        return np.broadcast_to(values, (*levels.shape, self.n_rows)).T

    def crps(self, y: np.ndarray) -> np.ndarray:
        """Return the CRPS, (n,)."""
        below, above = self._call("cdf", y), self._call("sf", y)
        total = np.zeros(self.n_rows)
        # One level at a time, so that memory does not grow with the number of nodes.
        for node, weight in zip(*_tanh_sinh(), strict=True):
            left = _times(below**2, y - self._call("ppf", node * below))
            right = _times(above**2, self._call("isf", node * above) - y)
            total += 2.0 * weight * node * (left + right)
        return total

    def energy_score(self, y: np.ndarray) -> np.ndarray:
        """Return the energy score, which for one output is the CRPS, (n,)."""
        return self.crps(y)

    def hdr_mass(self, y: np.ndarray) -> np.ndarray:
        """Return the mass that is denser than y, (n,), or as dense and below y."""
        return mass_above(self._log_density(), self.ppf(_HDR_LEVELS), self.logpdf(y), y)

    def hdr_measure(self, level: float) -> np.ndarray:
        """Return the length of the highest-density region, (n,)."""
        return region_measure(self._log_density(), level)

    def _log_density(self) -> np.ndarray:
        """Return the log-density at equally likely points, (n, 250)."""
        return self._call("logpdf", self.ppf(_HDR_LEVELS).T).T

    def _call(self, name: str, argument: npt.ArrayLike) -> np.ndarray:
        """Call the distribution's method and return an array."""
        method = _method(self.distribution, name)
        assert method is not None  # checked by is_frozen
        return np.asarray(method(argument), dtype=np.float64)


def _times(weight: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Return the product: zero where the weight is, and never negative by rounding."""
    return weight * np.where(weight > 0.0, np.maximum(distance, 0.0), 0.0)


def _log_difference(larger: np.ndarray, smaller: np.ndarray) -> np.ndarray:
    """Return ``log(exp(larger) - exp(smaller))``; NaN where both are minus infinity."""
    return larger + np.log(-np.expm1(np.minimum(smaller - larger, 0.0)))
