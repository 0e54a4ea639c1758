"""Log-likelihood of targets known to a resolution, for every kind of prediction."""

import mpmath
import numpy as np
import pytest
from cases.target_oracles import ATOMS, MAPS, component, target
from scipy import integrate, stats

from skmdn import metrics
from skmdn.metrics import QuantilePrediction, SamplePrediction
from skmdn.mixture import Mixture, TargetMixture

N_ROWS = 30
LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])


def normal(n_rows=N_ROWS):
    rng = np.random.default_rng(0)
    means, scales = rng.normal(size=n_rows), rng.uniform(0.5, 2.0, size=n_rows)
    return means, scales


def score(y, prediction, resolution, **kwargs):
    return metrics.log_likelihood_score(y, prediction, resolution=resolution, **kwargs)


def test_it_is_the_mean_log_difference_of_scipys_distribution_functions():
    density, h = target("log", atoms=True, n=8), 0.8
    y = np.array([-1.5, 0.1, 0.0, 0.2, 1.0, 2.5, 2.7, 4.0])
    each = []
    for i, at in enumerate(y):
        rest = 1.0 - density.atom_weights[i].sum()
        parts = [
            component(MAPS["log"], m, s)
            for m, s in zip(density.base.means[i, :, 0], density.base.scales[i, :, 0], strict=True)
        ]

        def cdf(x, i=i, rest=rest, parts=parts):
            atoms = density.atom_weights[i] @ (np.array(ATOMS) <= x)
            return rest * (density.base.weights[i] @ [part.cdf(x) for part in parts]) + atoms

        each.append(np.log((cdf(at + h / 2) - cdf(at - h / 2)) / h))
    weights = np.arange(1.0, 9.0)
    expected = np.average(each, weights=weights)
    assert score(y, density, h, sample_weight=weights) == pytest.approx(expected, rel=1e-10)


def test_atoms_and_densities_compare_on_rounded_targets():
    """Its density promises an atom more with every finer reg_covar, its cell does not."""
    y = np.zeros(1)
    atom = TargetMixture(Mixture([[1.0]], [[0.0]], [[1.0]]), None, [0.0], [[1.0]])
    for scale in (1e-3, 1e-9):
        spike = Mixture([[1.0]], [[0.0]], [[scale]])
        assert metrics.log_likelihood_score(y, spike) > -np.log(4 * scale)
        assert score(y, spike, 0.5) == pytest.approx(score(y, atom, 0.5), abs=1e-12) == np.log(2)


def test_a_column_is_one_output():
    means, scales = normal()
    line = Mixture(np.ones((N_ROWS, 1)), means[:, None], scales[:, None])
    column = Mixture(np.ones((N_ROWS, 1)), means[:, None, None], scales[:, None, None])
    y = np.linspace(-2, 2, N_ROWS)
    assert score(y[:, None], column, 0.3) == pytest.approx(score(y, line, 0.3), rel=1e-14)


FROZEN = [
    stats.norm(0.5, 2.0),
    stats.gamma(0.7),
    stats.lognorm(1.0),
    stats.cauchy(),
    stats.laplace(),
    stats.t(3),
    stats.Normal(mu=0.5, sigma=2.0),
]


@pytest.mark.parametrize("frozen", FROZEN, ids=range(len(FROZEN)))
@pytest.mark.parametrize("h", [1e-9, 1e-3, 0.5])
def test_scipy_distributions_give_the_integral_of_their_density(frozen, h):
    for y in (-1.3, 0.9, 3.0, 30.0):
        whole = integrate.quad(
            lambda t, y=y: frozen.pdf(y + h * t), -0.5, 0.5, epsrel=1e-12, epsabs=0
        )[0]
        if whole:
            assert score([y], frozen, h) == pytest.approx(np.log(whole), rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("frozen", [stats.norm(), stats.Normal(mu=0.0, sigma=1.0)])
@pytest.mark.parametrize("h", [1e-9, 1e-2, 2.0])
def test_scipy_normals_are_right_far_out(frozen, h):
    for y in (-30.0, -39.0, -60.0, 30.0, 60.0):
        with mpmath.workdps(60):
            near = (abs(mpmath.mpf(y)) - mpmath.mpf(h) / 2) / mpmath.sqrt(2)
            far = (abs(mpmath.mpf(y)) + mpmath.mpf(h) / 2) / mpmath.sqrt(2)
            exact = mpmath.log((mpmath.erfc(near) - mpmath.erfc(far)) / 2 / mpmath.mpf(h))
        assert score([y], frozen, h) == pytest.approx(float(exact), rel=1e-10)


def test_scipy_support_is_obeyed():
    assert score([-1.0], stats.expon(), 1.0) == -np.inf
    assert score([0.0], stats.expon(), 1.0) == pytest.approx(np.log(1 - np.exp(-0.5)), rel=1e-12)
    assert score([1.0], stats.uniform(), 0.5) == pytest.approx(np.log(0.5), abs=1e-12)


def test_samples_count_their_draws_in_half_open_cells():
    draws = np.array([[0.0, 0.5, 1.0, 1.5, 2.0, 9.0]])
    found = np.exp(score([1.0], SamplePrediction(draws), 1.0))
    rare = stats.cauchy(1.25, 0.625).cdf(1.5) - stats.cauchy(1.25, 0.625).cdf(0.5)
    assert np.quantile(draws, [0.25, 0.75]).tolist() == [0.625, 1.875]
    assert found == pytest.approx((2 + rare) / 7, rel=1e-12)  # 1.0 and 1.5, but not 0.5


@pytest.mark.parametrize("draws", [np.zeros(5), np.array([0.0, 0.1, 0.1, 0.3, 8.0])])
def test_cells_of_samples_sum_to_one(draws):
    y = np.arange(-40_000, 40_001) * 0.3
    given = SamplePrediction(np.broadcast_to(draws, (len(y), 5)))
    assert np.exp(given.log_cell_probability(y, 0.3)).sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("h", [1e-12, 1.0])
@pytest.mark.parametrize("y", [0.0, -1e6, 1e30, 1e150])
def test_samples_and_quantiles_never_say_impossible(y, h):
    for values in ([[0.0, 1.0, 2.0]], [[1.0, 1.0, 1.0]], [[3.0, 1.0, 1.0]]):
        for given in (SamplePrediction(values), QuantilePrediction(values, [0.1, 0.5, 0.9])):
            assert np.isfinite(score([y], given, h))


def test_samples_score_as_the_distribution_they_come_from():
    means, scales = normal()
    mixture = Mixture(np.ones((N_ROWS, 1)), means[:, None], scales[:, None])
    y = mixture.sample(1, random_state=1)[:, 0].round()
    draws = SamplePrediction(mixture.sample(20_000, random_state=2))
    assert score(y, draws, 1.0) == pytest.approx(score(y, mixture, 1.0), abs=0.02)


def quantile_cdf(values, levels):
    """The distribution function of the documentation, for distinct quantiles."""
    values, levels = np.array(values, float), np.array(levels)
    low = (values[1] - values[0]) / np.log(levels[1] / levels[0])
    high = (values[-1] - values[-2]) / np.log((1 - levels[-2]) / (1 - levels[-1]))

    def cdf(x):
        if x < values[0]:
            return levels[0] * np.exp((x - values[0]) / low)
        if x > values[-1]:
            return 1 - (1 - levels[-1]) * np.exp((values[-1] - x) / high)
        return np.interp(x, values, levels)

    return cdf


@pytest.mark.parametrize("h", [0.01, 0.7, 1.8])
def test_quantiles_give_the_distribution_function_that_is_documented(h):
    values = [-2.0, -0.5, 0.0, 1.0, 4.0]
    cdf = quantile_cdf(values, LEVELS)
    order = [3, 0, 4, 1, 2]
    given = QuantilePrediction([np.array(values)[order]], LEVELS[order])
    for y in (-7.0, -2.0, -1.0, 0.1, 3.9, 4.1, 11.0):
        expected = np.log((cdf(y + h / 2) - cdf(y - h / 2)) / h)
        assert score([y], given, h) == pytest.approx(expected, rel=1e-9)


def test_quantiles_that_cross_are_sorted_and_equal_ones_are_jumps():
    given = QuantilePrediction([[0.0, 2.0, 1.0, 1.0]], [0.1, 0.2, 0.7, 0.8])
    # Between 0.2 and 0.7 the distribution function is 1; a fifth of (0, 1] is in the cell.
    assert score([1.0], given, 0.4) == pytest.approx(
        np.log((0.2 * 0.1 + 0.5 + 0.2 * 0.1) / 0.4), rel=1e-12
    )


def test_cells_of_quantiles_sum_to_one():
    y = np.arange(-900, 900) * 0.3
    values = np.broadcast_to([0.0, 1.0, 1.0, 3.0], (len(y), 4))
    given = QuantilePrediction(values, [0.1, 0.2, 0.7, 0.8])
    assert np.exp(given.log_cell_probability(y, 0.3)).sum() == pytest.approx(1.0, abs=1e-9)


def test_many_quantiles_score_as_their_distribution():
    means, scales = normal()
    frozen = stats.norm(means, scales)
    y = means + scales * np.linspace(-3, 3, N_ROWS)
    levels = (np.arange(400) + 0.5) / 400
    given = QuantilePrediction(frozen.ppf(levels[:, None]).T, levels)
    assert score(y, given, 0.5) == pytest.approx(score(y, frozen, 0.5), abs=5e-3)


@pytest.mark.parametrize("kind", ["mixture", "atoms", "samples", "quantiles"])
def test_the_truth_is_better_than_wrong_predictions_of_rounded_targets(kind):
    rows, h = 3000, 0.5
    rng = np.random.default_rng(0)
    means = rng.normal(size=rows)
    y = np.round((means + rng.normal(size=rows)) / h) * h

    def predicted(shift, scale):
        frozen = stats.norm(means + shift, scale)
        mixture = Mixture(np.ones((rows, 1)), (means + shift)[:, None], np.full((rows, 1), scale))
        grid = np.arange(-9, 9.1, h)
        ends = np.append(grid - h / 2, grid[-1] + h / 2)
        return {
            "mixture": lambda: mixture,
            "atoms": lambda: TargetMixture(
                mixture, None, grid, 0.999 * np.diff(frozen.cdf(ends[:, None]), axis=0).T
            ),
            "samples": lambda: SamplePrediction(mixture.sample(200, random_state=1)),
            "quantiles": lambda: QuantilePrediction(mixture.ppf(LEVELS), LEVELS),
        }[kind]()

    best = score(y, predicted(0.0, 1.0), h)
    for wrong in [(0.4, 1.0), (0.0, 0.6), (0.0, 1.7)]:
        assert score(y, predicted(*wrong), h) < best


@pytest.mark.parametrize("given", [0.0, -1.0, np.inf, np.nan, "fine", True, [1.0, 1.0]])
def test_bad_resolutions_are_named(given):
    with pytest.raises(ValueError, match="resolution: expected one positive number"):
        score([0.0], stats.norm(), given)
    with pytest.raises(ValueError, match="resolution: expected one positive number"):
        metrics.rounded_log_likelihood_scorer(given)


def test_several_outputs_are_refused():
    two = Mixture([[1.0]], [[[0.0, 0.0]]], [[[1.0, 1.0]]])
    with pytest.raises(ValueError, match=r"resolution: .*one output, got 2.*marginal\(0\)"):
        score([[0.0, 0.0]], two, 1.0)
    with pytest.raises(ValueError, match=r"resolution: .*one output, got 2"):
        score([[0.0, 0.0]], SamplePrediction(np.zeros((1, 5, 2))), 1.0)


def test_one_quantile_is_refused():
    with pytest.raises(ValueError, match=r"distribution function.*two levels.*quantiles"):
        score([0.0], QuantilePrediction([[0.0]], [0.5]), 1.0)


def test_samples_without_a_resolution_are_told_of_it():
    with pytest.raises(ValueError, match=r"a density .*, or a resolution, got an array of samples"):
        metrics.log_likelihood_score([0.0], SamplePrediction([[0.0, 1.0]]))


@pytest.mark.parametrize("kind", ["mixture", "log", "atoms", "frozen", "samples", "quantiles"])
def test_the_callers_error_state_changes_nothing(kind):
    y = np.array([1e6, -300.0, 1e-300, 0.0, 1e300])
    given = {
        "mixture": lambda: Mixture([[1.0]] * 5, [[0.0]] * 5, [[1e-9]] * 5),
        "log": lambda: target("log", n=5),
        "atoms": lambda: target("logit", atoms=True, n=5),
        "frozen": lambda: stats.norm(np.zeros(5), 0.1),
        "samples": lambda: SamplePrediction(1e-300 * np.ones((5, 3))),
        "quantiles": lambda: QuantilePrediction(1e-300 * np.ones((5, 2)), [0.1, 0.9]),
    }[kind]()
    for i in range(5):
        weights = np.eye(5)[i]
        expected = score(y, given, 0.1, sample_weight=weights)
        with np.errstate(all="raise"):
            assert score(y, given, 0.1, sample_weight=weights) == expected
