"""Speed of `Mixture`'s methods beside their peers: one thread, K = 5, D = 1, float64.

Our call and the peer's take turns in the same process. The figures are rows per second of CPU time,
which other work on the machine disturbs least, from the median of the turns. A peer that works row
by row gets fewer rows.

    python examples/benchmarks/mixture.py [--quick] [--json FILE]
"""

import argparse
import json
import statistics
import time

import numpy as np
import scoringrules
import torch
from scipy import optimize, stats

from skmdn import Mixture

LEVELS = np.linspace(0.1, 0.9, 9)
N_SAMPLES = 100
CHUNK = 4096  # rows per call, as the regressor makes them; torch is fastest with this size too


def mixtures(n_rows, seed=0):
    """Overlapping, skewed and multimodal rows, and a y for each."""
    rng = np.random.default_rng(seed)
    logits, means = rng.normal(size=(n_rows, 5)), 2.0 * rng.normal(size=(n_rows, 5))
    scales = np.exp(0.5 * rng.normal(size=(n_rows, 5)))
    return Mixture.from_logits(logits, means, scales), 2.0 * rng.normal(size=n_rows)


def rates(ours, peer, repeats):
    """Rows per second of two calls, which take turns; each returns its number of rows."""
    seconds = ([], [])
    for call in (ours, peer):
        call()
    for _ in range(repeats):
        for call, times in zip((ours, peer), seconds, strict=True):
            start = time.process_time()
            n_rows = call()
            times.append((time.process_time() - start) / n_rows)
    return [1.0 / statistics.median(times) for times in seconds]


def with_brentq(mixture, levels):
    """Quantiles row by row with scipy's root finder and normal distribution functions."""
    for row in range(len(mixture)):
        weights = mixture.weights[row]
        normal = stats.norm(mixture.means[row, :, 0], mixture.scales[row, :, 0])
        low, high = (mixture.means[row] + side * 40 * mixture.scales[row] for side in (-1, 1))
        for level in levels:
            optimize.brentq(
                lambda x, w=weights, f=normal, q=level: w @ f.cdf(x) - q, low.min(), high.max()
            )


def on_a_grid(mixture, level, n_points=2001):
    """Highest-density regions row by row, as the densest points of a grid."""
    for row in range(len(mixture)):
        means, scales = mixture.means[row, :, 0], mixture.scales[row, :, 0]
        grid = np.linspace((means - 8 * scales).min(), (means + 8 * scales).max(), n_points)
        density = stats.norm.pdf(grid[:, None], means, scales) @ mixture.weights[row]
        order = np.argsort(density)[::-1]
        inside = np.zeros(n_points, bool)
        inside[order[np.cumsum(density[order]) * (grid[1] - grid[0]) <= level]] = True
        np.flatnonzero(np.diff(inside.astype(int)))


def by_ascent(mixture):
    """Modes row by row: scipy's bounded maximiser started at each component."""
    for row in range(len(mixture)):
        weights = mixture.weights[row]
        normal = stats.norm(mixture.means[row, :, 0], mixture.scales[row, :, 0])
        for mean in mixture.means[row, :, 0]:
            optimize.minimize(lambda x, w=weights, f=normal: -(w @ f.pdf(x)), mean, method="BFGS")


def parameters_of(mixture):
    """Means and scales without the outputs axis."""
    return mixture.means[:, :, 0], mixture.scales[:, :, 0]


def races(n_rows, n_slow):
    """For each race: name, peer, target and the two calls."""
    mixture, y = mixtures(n_rows)
    few = mixture[:n_slow]
    chunks = [slice(start, start + CHUNK) for start in range(0, n_rows, CHUNK)]
    exported = [mixture[rows].to_torch() for rows in chunks]
    y_torch = [torch.tensor(y[rows]) for rows in chunks]
    logits = np.log(mixture.weights)
    means, scales = (np.ascontiguousarray(array) for array in parameters_of(mixture))

    def ours(call):
        return lambda: (call(), n_rows)[1]

    def slow(call):
        return lambda: (call(), n_slow)[1]

    def torch_log_density():
        for one, at in zip(exported, y_torch, strict=True):
            one.log_prob(at)

    def torch_draws():
        for one in exported:
            one.sample((N_SAMPLES,))

    def torch_moments():
        for rows in chunks:
            chooser = torch.distributions.Categorical(logits=torch.tensor(logits[rows]))
            normal = torch.distributions.Normal(
                1.0 + 2.0 * torch.tensor(means[rows]), 2.0 * torch.tensor(scales[rows])
            )
            one = torch.distributions.MixtureSameFamily(chooser, normal)
            _ = one.mean, one.stddev

    def our_moments():
        for rows in chunks:
            one = Mixture.from_logits(logits[rows], means[rows], scales[rows]).affine(1.0, 2.0)
            one.mean(), one.std()

    msf = "torch MixtureSameFamily"
    return [
        ("9 quantiles", "scipy brentq", ">= 100k/s", ours(lambda: mixture.ppf(LEVELS)),
         slow(lambda: with_brentq(few, LEVELS))),
        ("logpdf", msf, ">= 1.5x", ours(lambda: mixture.logpdf(y)), ours(torch_log_density)),
        ("crps", "scoringrules", ">= 200k/s", ours(lambda: mixture.crps(y)),
         ours(lambda: scoringrules.crps_mixnorm(y, means, scales, mixture.weights))),
        ("hdr(0.9)", "grid of 2001, scipy", ">= 20k/s", ours(lambda: mixture.hdr(0.9)),
         slow(lambda: on_a_grid(few, 0.9))),
        ("modes", "scipy BFGS", ">= 50k/s", ours(mixture.modes), slow(lambda: by_ascent(few))),
        ("100 samples", msf, ">= 200k/s", ours(lambda: mixture.sample(N_SAMPLES, 0)),
         ours(torch_draws)),
        ("logits to mean, std", msf, ">= 13.6M/s", ours(our_moments), ours(torch_moments)),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rows and turns")
    parser.add_argument("--json", metavar="FILE", help="also write the figures here")
    options = parser.parse_args()
    torch.set_num_threads(1)
    n_rows, n_slow, repeats = (8192, 3, 3) if options.quick else (65536, 20, 7)

    figures = []
    print(f"{'method':20} {'rows/s':>12} {'peer rows/s':>12} {'ratio':>9}  {'target':10}  peer")
    for name, peer, target, ours, theirs in races(n_rows, n_slow):
        rate, peer_rate = rates(ours, theirs, repeats)
        ratio = rate / peer_rate
        print(f"{name:20} {rate:12,.0f} {peer_rate:12,.0f} {ratio:9,.1f}  {target:10}  {peer}")
        figures.append(
            {"method": name, "rows_per_s": rate, "peer": peer, "peer_rows_per_s": peer_rate}
        )
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=2)


if __name__ == "__main__":
    main()
