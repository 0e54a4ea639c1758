"""Independent oracles for mixtures behind maps: distributions of scipy in units of y."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from scipy import stats

from skmdn.mixture import Mixture, TargetMixture
from skmdn.transforms import Asinh, Identity, Log, Logit

MAPS = {
    "identity": Identity(),
    "log": Log(),
    "log from 2": Log(lower=2.0),
    "log below 3": Log(upper=3.0),
    "logit": Logit(-1.0, 4.0),
    "asinh": Asinh(0.5, 2.0),
}
ATOMS = [-1.5, 0.0, 2.5]


def base(n=6, k=3, seed=0, d=None, spread=0.5):
    """Mixtures of z, of a size that maps bear."""
    rng = np.random.default_rng(seed)
    shape = (n, k) if d is None else (n, k, d)
    scales = spread * np.exp(0.5 * rng.normal(size=shape))
    return Mixture(rng.dirichlet(np.ones(k), n), rng.normal(size=shape), scales)


def full_base(n=4, k=2, d=2, seed=0):
    """The same with full covariances."""
    rng = np.random.default_rng(seed)
    root = 0.5 * rng.normal(size=(n, k, d, d))
    tril = np.linalg.cholesky(root @ root.swapaxes(2, 3) + 0.05 * np.eye(d))
    means = 0.5 * rng.normal(size=(n, k, d))
    return Mixture(rng.dirichlet(np.ones(k), n), means, scale_tril=tril)


def target(name, atoms=False, seed=0, **sizes):
    """Target mixtures with a map, with and without atoms."""
    z = base(seed=seed, **sizes)
    if not atoms:
        return TargetMixture(z, MAPS[name])
    weights = 0.6 * np.random.default_rng(seed + 1).dirichlet(np.ones(len(ATOMS)), len(z))
    return TargetMixture(z, MAPS[name], ATOMS, weights)


def component(transform, mean, scale):
    """One component of y as a distribution of scipy."""
    if isinstance(transform, Log) and transform.upper is None:
        return stats.lognorm(scale, loc=transform.lower, scale=np.exp(mean))
    if isinstance(transform, Log):
        return Mirrored(stats.lognorm(scale, loc=-transform.upper, scale=np.exp(-mean)))
    if isinstance(transform, Logit):
        return stats.johnsonsb(
            -mean / scale, 1 / scale, transform.lower, transform.upper - transform.lower
        )
    if isinstance(transform, Asinh):
        return stats.johnsonsu(-mean / scale, 1 / scale, transform.location, transform.scale)
    return stats.norm(mean, scale)


class Mirrored(NamedTuple):
    """The distribution of minus another variable."""

    other: object

    def cdf(self, y):
        return self.other.sf(-y)

    def sf(self, y):
        return self.other.cdf(-y)

    def pdf(self, y):
        return self.other.pdf(-y)

    def ppf(self, q):
        return -self.other.isf(q)

    def mean(self):
        return -self.other.mean()

    def var(self):
        return self.other.var()

    def std(self):
        return self.other.std()


class Row(NamedTuple):
    """One row: its components, their weights, and atoms with their probabilities."""

    components: list
    weights: np.ndarray
    atoms: np.ndarray
    masses: np.ndarray

    def sum(self, of_component, of_atom):
        total = sum(
            weight * of_component(part)
            for weight, part in zip(self.weights, self.components, strict=True)
        )
        return total + sum(
            mass * of_atom(atom) for atom, mass in zip(self.atoms, self.masses, strict=True)
        )

    def cdf(self, y):
        return self.sum(lambda part: part.cdf(y), lambda atom: 1.0 * (atom <= y))

    def sf(self, y):
        return self.sum(lambda part: part.sf(y), lambda atom: 1.0 * (atom > y))

    def density(self, y):
        return self.sum(lambda part: part.pdf(y), lambda atom: 0.0)

    def mean(self):
        return self.sum(lambda part: part.mean(), lambda atom: atom)

    def var(self):
        mean = self.mean()
        return self.sum(
            lambda part: part.var() + (part.mean() - mean) ** 2, lambda atom: (atom - mean) ** 2
        )

    def cuts(self, *more):
        """Points between which the density is smooth on its own scale."""
        levels = [1e-17, 1e-12, 1e-9, 1e-6, 1e-4, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99]
        ends = [part.ppf(level) for part in self.components for level in levels]
        tops = [
            getattr(part, "isf", lambda q, part=part: part.ppf(1 - q))(level)
            for part in self.components
            for level in levels[:6]
        ]
        points = np.unique([*ends, *tops, *self.atoms, *more])
        return points[np.isfinite(points)]

    def integral(self, function, *more):
        """Gauss's rule with 24 nodes on every eighth of the stretches between cuts."""
        points = self.cuts(*more)
        edges = np.concatenate([np.linspace(a, b, 8, endpoint=False) for a, b in pairwise(points)])
        edges = np.append(edges, points[-1])
        radius = 0.5 * np.diff(edges)[:, np.newaxis]
        nodes, weights = np.polynomial.legendre.leggauss(24)
        values = function(edges[:-1, np.newaxis] + radius * (1 + nodes))
        return float(np.sum(radius * weights * values))

    def crps(self, y):
        """∫ (F - 1{x >= y})² dx."""
        return self.integral(lambda x: np.where(x >= y, self.sf(x), self.cdf(x)) ** 2, y)


def row_of(mixture, row, output=0):
    """The oracle of one row and output."""
    z = mixture.base
    transform = mixture.transform if mixture.n_outputs == 1 else mixture.transform[output]
    rest = 1.0 - mixture.atom_weights[row].sum()
    parts = [
        component(transform, mean, scale)
        for mean, scale in zip(z.means[row, :, output], z.scales[row, :, output], strict=True)
    ]
    return Row(parts, rest * z.weights[row], np.asarray(mixture.atoms), mixture.atom_weights[row])


@st.composite
def hostile_targets(draw):
    """Any map, spreads from 1e-3 to 3, weights and atoms that may be zero or everything."""
    name = draw(st.sampled_from(sorted(MAPS)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, k, a = draw(st.integers(1, 3)), draw(st.sampled_from([1, 2, 4])), draw(st.integers(0, 3))
    weights = rng.dirichlet(np.ones(k), n)
    weights[rng.random((n, k)) < 0.2] = 0.0
    weights[:, 0] += 1e-12
    weights /= weights.sum(axis=1, keepdims=True)
    z = Mixture(weights, 2 * rng.normal(size=(n, k)), 10.0 ** rng.uniform(-3, 0.5, (n, k)))
    masses = rng.dirichlet(np.ones(a + 1), n)[:, :a] if a else None
    if a and rng.random() < 0.3:
        masses[rng.random(masses.shape) < 0.4] = 0.0
    if a and rng.random() < 0.2:
        masses[0] = np.eye(a)[0]
    atoms = rng.choice([-3.0, -1.0, 0.0, 0.3, 2.0, 3.0, 4.0, 10.0], a, replace=False) if a else None
    return TargetMixture(z, MAPS[name], atoms, masses)
