"""No row's answer depends on its neighbours, and no method needs memory by the number of rows."""

import tracemalloc

import numpy as np
import pytest
from cases.mixture_oracles import hostile, tame

from skmdn.mixture import Mixture

Q = [1e-9, 0.1, 0.5, 0.77, 0.999]

METHODS = {
    "logpdf": lambda m, y: m.logpdf(y),
    "responsibilities": lambda m, y: m.responsibilities(y),
    "cdf": lambda m, y: m.cdf(y),
    "sf": lambda m, y: m.sf(y),
    "pit": lambda m, y: m.pit(y),
    "crps": lambda m, y: m.crps(y),
    "mean": lambda m, y: m.mean(),
    "cov": lambda m, y: m.cov(),
    "ppf": lambda m, y: m.ppf(Q),
    "interval": lambda m, y: m.interval(0.9),
    "modes": lambda m, y: m.modes(return_density=True)[1],
}
LINE_METHODS = {
    "hdr": lambda m, y: m.hdr([0.3, 0.9]),
    "hdr_mass": lambda m, y: m.hdr_mass(y),
    "entropy": lambda m, y: m.entropy(),
}
KINDS = {
    "tame line": tame(n=37, k=9),
    "hostile line": hostile(0, n=37, k=9),
    "diag": tame(n=37, k=9, d=3),
    "two outputs, full": tame(n=37, k=3, d=2, full=True),
}


def points_for(mixture):
    shape = (len(mixture),) if mixture.univariate else (len(mixture), mixture.n_outputs)
    return 2.0 * np.random.default_rng(1).normal(size=shape)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", [*METHODS, *LINE_METHODS])
def test_rows_are_independent_to_the_bit(kind, method):
    mixture = KINDS[kind]
    if method in LINE_METHODS and not mixture.univariate:
        return
    ask = (METHODS | LINE_METHODS)[method]
    y = points_for(mixture)
    together = ask(mixture, y)
    for rows in (slice(5, 6), slice(0, 2), slice(11, 30), [3, 36, 3]):
        np.testing.assert_array_equal(ask(mixture[rows], y[rows]), together[rows])


def test_construction_is_independent_to_the_bit():
    logits = 5.0 * np.random.default_rng(0).normal(size=(33, 17))
    means, scales = np.zeros((33, 17)), np.ones((33, 17))
    together = Mixture.from_logits(logits, means, scales).weights
    for row in range(33):
        alone = Mixture.from_logits(logits[row : row + 1], means[:1], scales[:1]).weights
        np.testing.assert_array_equal(alone[0], together[row])


def peak_beyond_answer(ask):
    """MiB that a call needs beyond its answer."""
    tracemalloc.start()
    answer = ask()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (peak - answer.nbytes) / 2**20


@pytest.mark.parametrize("method", ["logpdf", "cdf", "mean", "std", "ppf", "crps", "sample", "hdr"])
def test_memory_does_not_grow_with_rows(method):
    n = 12_000 if method in ("ppf", "hdr") else 400_000
    mixture = tame(n=1000, k=5)[np.arange(n) % 1000]
    arguments = {"ppf": ([0.1, 0.9],), "sample": (3, 0), "hdr": (0.9,)}.get(method, ())
    if method in ("logpdf", "cdf", "crps"):
        arguments = (np.zeros(n),)
    assert peak_beyond_answer(lambda: getattr(mixture, method)(*arguments)) < 60


def test_diagonal_spread_of_ten_outputs_stays_diagonal():
    n, k, d = 20_000, 5, 10
    mixture = tame(n=1000, k=k, d=d)[np.arange(n) % 1000]
    scales = 8 * n * k * d / 2**20
    for ask in (
        lambda: mixture.logpdf(np.zeros((n, d))),
        lambda: mixture.affine(0.0, 2.0).mean(),
        lambda: mixture.crps(np.zeros((n, d))),
    ):
        assert peak_beyond_answer(ask) < 3.2 * scales


def test_one_row_with_a_large_grid():
    mixture = tame(n=1, k=50)
    grid = np.linspace(-10, 10, 200_000)[np.newaxis]
    assert peak_beyond_answer(lambda: mixture.logpdf(grid)) < 20
    assert peak_beyond_answer(lambda: mixture.cdf(grid)) < 20
