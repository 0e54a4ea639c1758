"""Metrics of other models' predictions: scipy distributions, samples and quantiles."""

import numpy as np
import pytest
import scoringrules
from scipy import integrate, stats

from skmdn import metrics
from skmdn.metrics import QuantilePrediction, SamplePrediction
from skmdn.mixture import Mixture

N_ROWS = 60


@pytest.fixture
def normal():
    """Return y (n,), and the same predictions as a Mixture and as scipy's normals."""
    rng = np.random.default_rng(0)
    means, scales = rng.normal(size=N_ROWS), rng.uniform(0.5, 2.0, size=N_ROWS)
    y = means + scales * rng.normal(size=N_ROWS)
    mixture = Mixture(np.ones((N_ROWS, 1)), means[:, None], scales[:, None])
    return y, mixture, stats.norm(means, scales)


EXACT = [
    (metrics.log_likelihood_score, {}),
    (metrics.log_likelihood_score, {"resolution": 0.5}),
    (metrics.crps_loss, {}),
    (metrics.energy_loss, {}),
    (metrics.pinball_loss, {"level": 0.2}),
    (metrics.interval_score_loss, {"level": 0.8}),
    (metrics.coverage_score, {"level": 0.8}),
    (metrics.sharpness, {"level": 0.8}),
]


@pytest.mark.parametrize(("metric", "kwargs"), EXACT)
def test_scipy_distributions_score_as_the_same_mixture(normal, metric, kwargs):
    y, mixture, frozen = normal
    weights = np.arange(N_ROWS)
    expected = metric(y, mixture, sample_weight=weights, **kwargs)
    assert metric(y, frozen, sample_weight=weights, **kwargs) == pytest.approx(expected, rel=1e-9)


def test_scipy_densest_regions_are_those_of_the_same_mixture(normal):
    y, mixture, frozen = normal
    expected = metrics.hdr_values(y, mixture)
    np.testing.assert_allclose(metrics.hdr_values(y, frozen), expected, atol=5e-3)
    expected = metrics.sharpness(y, mixture, region="hdr")
    assert metrics.sharpness(y, frozen, region="hdr") == pytest.approx(expected, rel=5e-3)
    np.testing.assert_allclose(metrics.pit_values(y, frozen), metrics.pit_values(y, mixture))


@pytest.mark.parametrize(
    "frozen",
    [stats.t(3), stats.gamma(0.5), stats.lognorm(1.0), stats.uniform(-1, 3), stats.cauchy()],
)
def test_scipy_crps_equals_quadrature(frozen):
    y = np.array([-20.0, -0.5, 0.3, 1.0, 40.0])
    below = [integrate.quad(lambda x: frozen.cdf(x) ** 2, -np.inf, v, limit=500)[0] for v in y]
    above = [integrate.quad(lambda x: frozen.sf(x) ** 2, v, np.inf, limit=500)[0] for v in y]
    expected = np.mean(np.add(below, above))
    assert metrics.crps_loss(y, frozen) == pytest.approx(expected, rel=1e-7)


def test_one_scipy_distribution_serves_all_rows():
    y = np.array([-30.0, 0.0, 1.0, 30.0])
    expected = np.mean(scoringrules.crps_normal(y, 0.0, 1.0))
    assert metrics.crps_loss(y, stats.norm()) == pytest.approx(expected, rel=1e-10)
    assert metrics.sharpness(y, stats.norm(), level=0.5) == pytest.approx(1.34898, rel=1e-5)
    assert metrics.log_likelihood_score(y, stats.norm()) == pytest.approx(
        stats.norm.logpdf(y).mean()
    )


def test_scipy_distributions_of_the_new_vocabulary():
    y = np.array([-1.0, 0.0, 2.0])
    new = stats.Normal(mu=np.array([0.0, 0.5, 1.0]), sigma=np.ones(3))
    old = stats.norm([0.0, 0.5, 1.0], 1.0)
    for metric, kwargs in EXACT:
        assert metric(y, new, **kwargs) == pytest.approx(metric(y, old, **kwargs), rel=1e-9)


STEPS = stats.rv_histogram((np.array([3, 3, 1, 5, 5, 2]), np.arange(7.0)))


@pytest.mark.parametrize("flat", [stats.uniform(-1, 3), STEPS], ids=["uniform", "histogram"])
def test_where_a_density_is_flat_a_region_has_as_much_as_it_needs(flat):
    """Equally dense outcomes have masses of their own, and no two levels one region."""
    y = flat.rvs(size=2000, random_state=0)
    masses = metrics.hdr_values(y, flat)
    assert stats.kstest(masses, "uniform").statistic < 0.04
    report = metrics.calibration_report(y, flat)
    assert report.verdict == "well calibrated"
    assert metrics.coverage_score(y, flat, level=0.5, region="hdr") == pytest.approx(0.5, abs=0.05)
    length = metrics.sharpness(y, flat, level=0.5, region="hdr")
    # The histogram has 10 of 19 parts in two unit steps, of which the region takes 9.5 tenths.
    assert length == pytest.approx(1.5 if flat is not STEPS else 1.9, rel=0.02)


def test_scipy_batch_of_other_length_is_refused(normal):
    y, _, frozen = normal
    with pytest.raises(ValueError, match=r"mixture: .*batch of 59.*got a batch of shape \(60,\)"):
        metrics.crps_loss(y[:59], frozen)


def test_sample_crps_and_energy_equal_scoringrules_fair_estimators():
    rng = np.random.default_rng(1)
    draws, y = rng.normal(size=(20, 15)), rng.normal(size=20)
    expected = np.mean(scoringrules.crps_ensemble(y, draws, estimator="fair"))
    assert metrics.crps_loss(y, SamplePrediction(draws)) == pytest.approx(expected, rel=1e-12)
    assert metrics.energy_loss(y, SamplePrediction(draws)) == pytest.approx(expected, rel=1e-12)
    draws, y = rng.normal(size=(20, 15, 3)), rng.normal(size=(20, 3))
    spread = np.linalg.norm(draws[:, :, None] - draws[:, None], axis=-1).sum(axis=(1, 2))
    distance = np.linalg.norm(draws - y[:, None], axis=-1).mean(axis=1)
    expected = np.mean(distance - spread / (2 * 15 * 14))
    assert metrics.energy_loss(y, SamplePrediction(draws)) == pytest.approx(expected, rel=1e-12)
    each = [metrics.crps_loss(y[:, j], SamplePrediction(draws[:, :, j])) for j in range(3)]
    assert metrics.crps_loss(y, SamplePrediction(draws)) == pytest.approx(np.mean(each), rel=1e-12)


def test_sample_crps_does_not_depend_on_the_offset():
    rng = np.random.default_rng(1)
    draws, y = rng.normal(size=(20, 15)), rng.normal(size=20)
    moved = metrics.crps_loss(y + 1e8, SamplePrediction(draws + 1e8))
    assert moved == pytest.approx(metrics.crps_loss(y, SamplePrediction(draws)), rel=1e-6)


def test_samples_score_as_the_distribution_they_come_from(normal):
    y, mixture, _ = normal
    draws = mixture.sample(4000, random_state=0)
    for metric, kwargs in EXACT[2:]:
        expected = metric(y, mixture, **kwargs)
        assert metric(y, SamplePrediction(draws), **kwargs) == pytest.approx(expected, rel=0.02), (
            metric.__name__
        )
    pit = metrics.pit_values(y, SamplePrediction(draws))
    np.testing.assert_allclose(pit, metrics.pit_values(y, mixture), atol=0.04)


@pytest.mark.parametrize("n_samples", [4, 19])
def test_few_samples_of_the_truth_are_calibrated(n_samples):
    rows = 20_000
    draws = np.random.default_rng(0).normal(size=(rows, n_samples + 1))
    y, draws = draws[:, 0], draws[:, 1:]
    pit = metrics.pit_values(y, SamplePrediction(draws))
    assert stats.kstest(pit, "uniform").pvalue > 0.01
    assert metrics.coverage_score(y, SamplePrediction(draws), level=0.6) == pytest.approx(
        0.6, abs=0.015
    )
    truth = metrics.crps_loss(y, stats.norm())
    assert metrics.crps_loss(y, SamplePrediction(draws)) == pytest.approx(truth, rel=0.02)


def test_sample_pit_of_ties_is_spread_over_them():
    y, draws = np.zeros(20_000), np.zeros((20_000, 3))
    assert stats.kstest(metrics.pit_values(y, SamplePrediction(draws)), "uniform").pvalue > 0.01
    other = SamplePrediction(draws, random_state=1)
    assert not np.array_equal(
        metrics.pit_values(y, other), metrics.pit_values(y, SamplePrediction(draws))
    )


def test_quantiles_score_at_their_levels(normal):
    y, mixture, _ = normal
    levels = np.array([0.9, 0.1, 0.2, 0.5])  # in any order
    given = QuantilePrediction(mixture.ppf(levels), levels)
    for metric, kwargs in EXACT[4:]:
        assert metric(y, given, **kwargs) == pytest.approx(metric(y, mixture, **kwargs), rel=1e-12)


def test_quantile_crps_approaches_the_closed_form(normal):
    y, mixture, _ = normal
    levels = (np.arange(200) + 0.5) / 200
    given = QuantilePrediction(mixture.ppf(levels), levels)
    expected = metrics.crps_loss(y, mixture)
    assert metrics.crps_loss(y, given) == pytest.approx(expected, rel=1e-3)


def test_quantile_crps_of_one_median_is_its_absolute_error():
    given = QuantilePrediction([[1.0], [2.0]], [0.5])
    assert metrics.crps_loss([0.0, 5.0], given) == 2.0


def test_quantiles_of_several_outputs():
    values = np.random.default_rng(0).normal(size=(10, 2, 3))
    y = np.random.default_rng(1).normal(size=(10, 3))
    given = QuantilePrediction(values, [0.1, 0.9])
    for metric in (metrics.crps_loss, metrics.interval_score_loss, metrics.coverage_score):
        kwargs = {} if metric is metrics.crps_loss else {"level": 0.8}
        each = [
            metric(y[:, j], QuantilePrediction(values[..., j], [0.1, 0.9]), **kwargs)
            for j in range(3)
        ]
        assert metric(y, given, **kwargs) == pytest.approx(np.mean(each), rel=1e-12)


REFUSALS = [
    (metrics.log_likelihood_score, {}, "samples", "expects a density.*got an array of samples"),
    (metrics.hdr_values, {}, "samples", "expects a density.*got an array of samples"),
    (metrics.coverage_score, {"region": "hdr"}, "samples", "expects a density"),
    (metrics.sharpness, {"region": "hdr"}, "samples", "expects a density"),
    (metrics.log_likelihood_score, {}, "quantiles", "density.*got an array of quantiles"),
    (metrics.pit_values, {}, "quantiles", r"distribution function \(cdf\).*got an array of quant"),
    (metrics.calibration_error, {}, "quantiles", "distribution function"),
    (metrics.calibration_report, {}, "quantiles", "distribution function"),
    (metrics.energy_loss, {}, "quantiles", "can be sampled, got an array of quantiles"),
    (
        metrics.pinball_loss,
        {"level": 0.3},
        "quantiles",
        r"at level\(s\) 0.3, got levels \[0.1, 0.9",
    ),
    (metrics.coverage_score, {"level": 0.9}, "quantiles", r"at level\(s\) \[0.04.*, 0.95"),
]


@pytest.mark.parametrize(("metric", "kwargs", "kind", "message"), REFUSALS)
def test_what_a_kind_does_not_know_it_refuses(metric, kwargs, kind, message):
    values = np.zeros((3, 2))
    samples = kind == "samples"
    given = SamplePrediction(values) if samples else QuantilePrediction(values, [0.1, 0.9])
    with pytest.raises(ValueError, match=message):
        metric(np.zeros(3), given, **kwargs)


FUNCTIONS = [
    *(metric for metric, _ in EXACT),
    metrics.coverage_loss,
    metrics.pit_values,
    metrics.hdr_values,
    metrics.calibration_error,
    metrics.calibration_report,
]


@pytest.mark.parametrize("metric", FUNCTIONS)
def test_what_is_no_distribution_is_refused(normal, metric):
    """An interval has the shape of two samples, a point forecast that of y."""
    y, mixture, _ = normal
    for given in (mixture.interval(0.9), mixture.mean(), mixture.mean().tolist(), None, "mixture"):
        with pytest.raises(TypeError, match=r"mixture: expected a predictive distribution, got .*"):
            metric(y, given)
    with pytest.raises(TypeError, match=r"got ndarray of shape \(60, 2\); pass predict_proba\(X\)"):
        metric(y, mixture.interval(0.9))


BAD_PREDICTIONS = [
    (SamplePrediction, (np.zeros((3, 1)),), r"samples: expected.*S at least 2, got \(3, 1\)"),
    (SamplePrediction, (np.zeros((3, 2, 2, 2)),), r"samples: expected shape \(n, S\) or"),
    (SamplePrediction, (np.zeros(3),), r"samples: expected shape \(n, S\) or .* got \(3,\)"),
    (SamplePrediction, (np.full((3, 2), np.nan),), "samples contains NaN"),
    (SamplePrediction, (np.zeros((3, 2), "M8[s]"),), "samples: expected numbers, got dates"),
    (QuantilePrediction, (np.zeros(3), [0.1]), r"quantiles: expected shape .* got \(3,\)"),
    (QuantilePrediction, (np.ma.zeros((3, 1)), [0.1]), "quantiles: expected .* without a mask"),
    (QuantilePrediction, (np.zeros((3, 2)), [0.1]), r"quantiles: expected.*Q = 1.*got \(3, 2\)"),
    (QuantilePrediction, (np.zeros((3, 2)), [0.1, 1.0]), "levels: expected.*between 0 and 1"),
    (QuantilePrediction, (np.zeros((3, 2)), [0.1, 0.1]), "levels: expected.*distinct"),
    (QuantilePrediction, (np.zeros((3, 1)), [[0.1]]), "levels: expected a one-dimensional"),
]


@pytest.mark.parametrize("parameters", [(0.0, -np.ones(3)), (np.nan, 1.0)])
def test_scipy_parameters_that_are_not_allowed_are_refused(parameters):
    """scipy itself answers NaN."""
    with pytest.raises(ValueError, match=r"mixture: expected a scipy\.stats distribution with"):
        metrics.crps_loss(np.zeros(3), stats.norm(*parameters))


@pytest.mark.parametrize(("kind", "given", "message"), BAD_PREDICTIONS)
def test_bad_predictions_are_named(kind, given, message):
    with pytest.raises(ValueError, match=message):
        kind(*given)


def test_quantiles_may_be_infinite_as_ends_of_intervals_may():
    prediction = QuantilePrediction([[-np.inf, np.inf], [-1, 1], [2, np.inf]], [0.05, 0.95])
    y = [0.0, 0.5, 1.0]
    assert metrics.coverage_score(y, prediction, level=0.9) == pytest.approx(2 / 3)
    assert metrics.interval_score_loss(y, prediction, level=0.9) == np.inf
    with pytest.raises(ValueError, match=r"quantiles: .* got NaN"):
        QuantilePrediction([[np.nan, 1.0]], [0.05, 0.95])
