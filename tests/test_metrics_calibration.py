"""Calibration: PIT, HDR values, calibration error and the report's verdicts on simulated faults."""

import re

import numpy as np
import pytest
from scipy import integrate, special, stats

from skmdn import metrics
from skmdn.mixture import Mixture, TargetMixture
from skmdn.transforms import Log


def bimodal(n_rows, seed=0, shift=0.0, factor=1.0, distance=1.5):
    """Return y drawn from two-component mixtures, and these moved and widened."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(n_rows, 1))
    means, scales = centres + distance * np.array([-1.0, 1.0]), np.full((n_rows, 2), 0.7)
    truth = Mixture(np.full((n_rows, 2), 0.5), means, scales)
    y = truth.sample(1, random_state=seed)[:, 0]
    moved = means + shift * truth.std()[:, None]
    centre = moved.mean(axis=1, keepdims=True)
    return y, Mixture(truth.weights, centre + factor * (moved - centre), factor * scales)


def normal(n_rows, mean=0.0, scale=1.0, n_outputs=None):
    tail = () if n_outputs is None else (n_outputs,)
    ones = np.ones((n_rows, 1, *tail))
    return Mixture(np.ones((n_rows, 1)), mean * ones, scale * ones)


def test_pit_of_the_true_model_is_uniform():
    y, truth = bimodal(4000)
    pit = metrics.pit_values(y, truth)
    assert pit.shape == (4000,)
    assert stats.kstest(pit, "uniform").pvalue > 0.05
    _, wide = bimodal(4000, factor=1.3)
    assert stats.kstest(metrics.pit_values(y, wide), "uniform").pvalue < 1e-4


def test_hdr_values_of_the_true_model_are_uniform():
    y, truth = bimodal(4000)
    values = metrics.hdr_values(y, truth)
    assert values.shape == (4000,)
    assert stats.kstest(values, "uniform").pvalue > 0.05


def test_hdr_values_of_a_normal_are_those_of_chi_square():
    y = np.linspace(-4.0, 4.0, 33)
    values = metrics.hdr_values(y, normal(33))
    np.testing.assert_allclose(values, stats.chi2(1).cdf(y**2), atol=1e-7)


def test_hdr_values_of_several_outputs_are_joint():
    y = np.random.default_rng(0).normal(size=(200, 2))
    values = metrics.hdr_values(y, normal(200, n_outputs=2))
    assert values.shape == (200,)
    np.testing.assert_allclose(values, stats.chi2(2).cdf((y**2).sum(axis=1)), atol=0.08)


def test_pit_keeps_the_outputs_axis():
    y = np.random.default_rng(0).normal(size=(50, 2))
    pit = metrics.pit_values(y, normal(50, n_outputs=2))
    np.testing.assert_allclose(pit, stats.norm.cdf(y), rtol=1e-12)
    column = metrics.pit_values(y[:, 0], normal(50, n_outputs=1))
    np.testing.assert_allclose(column, stats.norm.cdf(y[:, :1]), rtol=1e-12)


def test_calibration_error_equals_quadrature():
    y = np.random.default_rng(0).normal(size=7)
    pit = np.sort(stats.norm.cdf(y))
    expected = integrate.quad(
        lambda u: abs(np.searchsorted(pit, u, side="right") / 7 - u), 0.0, 1.0, points=pit
    )[0]
    assert metrics.calibration_error(y, normal(7)).value == pytest.approx(expected, rel=1e-6)


def test_calibration_error_of_a_constant_pit():
    # F jumps from 0 to 1 at the median: the area between it and the diagonal is 1/4.
    assert metrics.calibration_error(np.zeros(5), normal(5)).value == pytest.approx(0.25)


def exact_expected_error(n):
    """Return E ∫|Fₙ(u) - u| du: De Moivre's mean deviation of the binomial, integrated over u."""
    k = np.arange(n)
    steps = special.betainc(k + 2, n - k + 1, (k + 1) / n)
    steps -= special.betainc(k + 2, n - k + 1, k / n)
    return 2.0 / n * np.sum((k + 1) * (n - k) * steps) / ((n + 1) * (n + 2))


@pytest.mark.parametrize("n_rows", [4, 10, 100, 1000])
def test_expected_calibration_error_is_nearly_exact(n_rows):
    expected = metrics.calibration_error(np.zeros(n_rows), normal(n_rows)).expected
    assert expected == pytest.approx(exact_expected_error(n_rows), rel=0.02)


def test_expected_calibration_error_is_the_mean_over_simulations():
    rng = np.random.default_rng(0)
    values = [metrics.calibration_error(rng.normal(size=30), normal(30)) for _ in range(400)]
    assert np.mean([error.value for error in values]) == pytest.approx(values[0].expected, rel=0.05)


def test_calibration_error_grows_with_the_fault():
    y = np.random.default_rng(0).normal(size=2000)
    errors = [metrics.calibration_error(y, normal(2000, scale=s)) for s in (1.0, 1.5, 3.0)]
    assert errors[0].value < 2.0 * errors[0].expected
    assert errors[0].value < errors[1].value < errors[2].value
    assert errors[1].value > 4.0 * errors[1].expected


def test_weights_of_calibration_error():
    y = np.random.default_rng(0).normal(size=30)
    times = np.random.default_rng(1).integers(0, 4, size=30)
    weighted = metrics.calibration_error(y, normal(30), sample_weight=times)
    rows = np.repeat(np.arange(30), times)
    repeated = metrics.calibration_error(y[rows], normal(len(rows)))
    assert weighted.value == pytest.approx(repeated.value, rel=1e-12)
    effective = times.sum() ** 2 / (times**2).sum()
    assert weighted.expected == pytest.approx(np.sqrt(np.pi / (32 * effective)), rel=1e-12)


@pytest.mark.parametrize("unit", [1e-300, 1e-170, 1e160, 1e308])
def test_the_unit_of_weights_does_not_matter(unit):
    y = np.random.default_rng(0).normal(size=30)
    expected = metrics.calibration_error(y, normal(30), sample_weight=np.ones(30))
    found = metrics.calibration_error(y, normal(30), sample_weight=np.full(30, unit))
    assert found == pytest.approx(expected, rel=1e-12)
    report = metrics.calibration_report(y + 5, normal(30), sample_weight=np.full(30, unit))
    assert report.verdict == "biased low"


def test_calibration_error_of_outputs_is_averaged():
    y = np.random.default_rng(0).normal(size=(40, 2))
    both = metrics.calibration_error(y, normal(40, n_outputs=2))
    each = [metrics.calibration_error(y[:, j], normal(40)).value for j in range(2)]
    assert both.value == pytest.approx(np.mean(each), rel=1e-12)


FAULTS = [
    ({}, "well calibrated"),
    ({"shift": -0.5}, "biased low"),
    ({"shift": 0.5}, "biased high"),
    ({"factor": 0.6}, "over-confident"),
    ({"factor": 1.7}, "under-confident"),
    ({"shift": -0.5, "factor": 0.5}, "biased low and over-confident"),
    ({"shift": 0.7, "factor": 2.0}, "biased high and under-confident"),
]


@pytest.mark.parametrize(("fault", "reading"), FAULTS)
def test_verdict_names_the_fault(fault, reading):
    y, mixture = bimodal(800, seed=3, distance=0.5, **fault)
    report = metrics.calibration_report(y, mixture)
    assert report.verdict == reading
    assert (report["calibration error"].value > 0.05) == bool(fault)


def test_verdict_of_a_wrong_shape():
    rng = np.random.default_rng(0)
    y = np.where(rng.uniform(size=2000) < 0.5, -1.0, 1.0) + 0.3 * rng.normal(size=2000)
    mixture = normal(2000, scale=np.sqrt(1.09))
    report = metrics.calibration_report(y, mixture)
    assert report.verdict == "wrong shape"
    assert report["pit uniformity"].p_value < 1e-4


def test_verdict_of_few_rows_claims_nothing():
    y = np.random.default_rng(0).normal(size=10)
    report = metrics.calibration_report(y, normal(10))
    assert report.verdict == "too few rows to tell"
    for distance in (5.0, 50.0):
        far = metrics.calibration_report(y + distance, normal(10))
        assert far.verdict == "biased low"


def test_verdict_of_outputs_names_those_at_fault():
    y = np.random.default_rng(0).normal(size=(600, 2))
    scales = np.broadcast_to([1.0, 0.5], (600, 1, 2))
    mixture = Mixture(np.ones((600, 1)), np.zeros((600, 1, 2)), scales)
    report = metrics.calibration_report(y, mixture)
    assert report.verdict == "output 1: over-confident"
    assert report["pit spread [1]"].reading == "over-confident"
    assert report["pit spread [0]"].reading == "as expected"
    assert report["energy"].value == metrics.energy_loss(y, mixture)


def test_verdict_of_a_wrong_dependence():
    y = np.random.default_rng(0).normal(size=(600, 1)) * np.ones(2)
    report = metrics.calibration_report(y, normal(600, n_outputs=2))
    assert report.verdict == "wrong dependence between outputs"


def correlated(n, rho, D=2, seed=0):
    """Outcomes of standard normal outputs with one correlation, and the mixture that they have."""
    L = np.linalg.cholesky(np.full((D, D), rho) + (1 - rho) * np.eye(D))
    y = np.random.default_rng(seed).normal(size=(n, D)) @ L.T
    tril = np.broadcast_to(L, (n, 1, D, D))
    return y, Mixture(np.ones((n, 1)), np.zeros((n, 1, D)), scale_tril=tril)


@pytest.mark.parametrize("rho", [-0.4, 0.3, 0.5])
def test_a_moderate_dependence_is_seen_in_a_thousand_rows(rho):
    y, right = correlated(1000, rho)
    report = metrics.calibration_report(y, normal(1000, n_outputs=2))
    assert report.verdict == "wrong dependence between outputs"
    row = report["pit correlation"]
    assert row.value == pytest.approx(np.corrcoef(y.T)[0, 1], abs=1e-9)
    assert row.reading == "wrong dependence between outputs"
    assert metrics.calibration_report(y, right).verdict == "well calibrated"


def test_the_correlation_is_that_of_the_worst_pair():
    y, right = correlated(800, 0.4, D=3)
    y[:, 2] = np.random.default_rng(1).normal(size=800)  # which is none of the other two
    report = metrics.calibration_report(y, right)
    assert report["pit correlation"].value < -0.2
    weights = np.where(np.arange(800) < 400, 1.0, 0.0)
    part = metrics.calibration_report(y, right, sample_weight=weights)["pit correlation"]
    expected = metrics.calibration_report(y[:400], right[:400])["pit correlation"]
    assert part.value == pytest.approx(expected.value, rel=1e-9)
    assert part.p_value == pytest.approx(expected.p_value, rel=1e-9)


@pytest.mark.parametrize("D", [2, 3])
def test_p_values_of_the_correlation_are_honest(D):
    p_values = []
    for seed in range(200):
        y, right = correlated(60, 0.6, D, seed)
        p_values.append(metrics.calibration_report(y, right, levels=())["pit correlation"].p_value)
    # Bonferroni's inequality is nearly an equality here.
    for level in (0.05, 0.2):
        assert np.mean(np.array(p_values) < level) <= stats.binom(200, level).ppf(0.999) / 200


def test_behind_maps_the_correlation_is_that_of_the_targets_behind_them():
    y, right = correlated(300, 0.5)
    plain = metrics.calibration_report(y, right, levels=())["pit correlation"]
    mapped = TargetMixture(right, (Log(), Log()))
    found = metrics.calibration_report(np.exp(y), mapped, levels=())["pit correlation"]
    assert found.value == pytest.approx(plain.value, abs=1e-6)
    y[0] = -1.0  # an outcome that is impossible
    with pytest.raises(KeyError):
        metrics.calibration_report(y, mapped, levels=())["pit correlation"]


def test_false_alarms_are_as_rare_as_promised():
    rng = np.random.default_rng(11)
    trials, kwargs = 60, {"levels": (), "significance": 0.1}
    reports = (
        metrics.calibration_report(rng.normal(size=60), stats.norm(), **kwargs)
        for _ in range(trials)
    )
    alarms = sum(report.verdict != "well calibrated" for report in reports)
    assert alarms <= stats.binom(trials, 0.1).ppf(0.999)
    assert alarms > 0


@pytest.mark.parametrize(("kind", "n_tests"), [("one", 4), ("samples", 3), ("two", 8)])
def test_significance_is_shared_among_all_tests(kind, n_tests):
    n = 200
    y = np.random.default_rng(0).normal(0.25, size=(n, 2) if kind == "two" else n)
    draws = metrics.SamplePrediction(np.random.default_rng(1).normal(size=(n, 200)))
    mixture = {"one": normal(n), "samples": draws, "two": normal(n, n_outputs=2)}[kind]
    bias = "pit bias [0]" if kind == "two" else "pit bias"
    p_value = metrics.calibration_report(y, mixture)[bias].p_value
    assert p_value < 0.05
    for factor, reading in [(n_tests - 0.1, "as expected"), (n_tests + 0.1, "biased low")]:
        report = metrics.calibration_report(y, mixture, significance=factor * p_value)
        assert report[bias].reading == reading


@pytest.mark.parametrize("n_rows", [2, 5, 30, 1000])
def test_expected_distances_are_the_means_of_kolmogorovs_statistic(n_rows):
    report = metrics.calibration_report(np.linspace(-1, 1, n_rows), normal(n_rows))
    for test in ("pit uniformity", "hdr uniformity"):
        expected = stats.kstwo(n_rows).mean()
        assert report[test].expected == pytest.approx(expected, rel=0.015)


@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_the_p_value_of_the_spread_is_chi_squareds(factor):
    y = factor * np.random.default_rng(0).normal(size=25)
    row = metrics.calibration_report(y, normal(25))["pit spread"]
    variance = np.var(y, ddof=1)
    below = stats.chi2(24).cdf(24 * variance)
    assert row.value == pytest.approx(np.sqrt(variance), rel=1e-9)
    assert row.p_value == pytest.approx(2 * min(below, 1 - below), rel=1e-6)
    assert row.expected == 1.0


def test_the_p_value_of_a_coverage_is_that_of_a_share():
    y = 1.3 * np.random.default_rng(0).normal(size=80)
    row = metrics.calibration_report(y, normal(80))["coverage central 0.9"]
    share = np.mean(np.abs(y) <= stats.norm.ppf(0.95))
    assert row.value == pytest.approx(share)
    distance = abs(share - 0.9) / np.sqrt(0.9 * 0.1 / 80)
    assert row.p_value == pytest.approx(2 * stats.norm.sf(distance), rel=1e-9)


@pytest.mark.parametrize("n_rows", [2, 3, 5])
def test_the_spread_of_few_rows_is_not_called_a_fault_more_often(n_rows):
    """Its p-value is uniform: the scores' sum of squares is chi-squared."""
    rng = np.random.default_rng(5)
    values, predicted = [], normal(n_rows)
    for _ in range(300):
        report = metrics.calibration_report(rng.normal(size=n_rows), predicted, levels=())
        values.append(report["pit spread"].p_value)
    assert stats.kstest(values, "uniform").pvalue > 1e-3


def test_negligible_faults_of_many_rows_are_not_called_faults():
    levels = (np.arange(10_000) + 0.5) / 10_000
    y = 1.03 * special.ndtri(levels) + 0.04
    report = metrics.calibration_report(y, stats.norm(np.zeros(len(y)), 1.0), levels=[])
    assert report["pit bias"].p_value < 1e-3
    assert report.verdict == "well calibrated"


def test_report_holds_the_metrics():
    y, mixture = bimodal(300)
    weights = np.arange(300)
    report = metrics.calibration_report(y, mixture, levels=[0.8], sample_weight=weights)
    kwargs = {"sample_weight": weights}
    expected = {
        "log-likelihood": metrics.log_likelihood_score(y, mixture, **kwargs),
        "CRPS": metrics.crps_loss(y, mixture, **kwargs),
        "pinball 0.1": metrics.pinball_loss(y, mixture, level=0.1, **kwargs),
        "pinball 0.5": metrics.pinball_loss(y, mixture, level=0.5, **kwargs),
        "pinball 0.9": metrics.pinball_loss(y, mixture, level=0.9, **kwargs),
        "interval score 0.8": metrics.interval_score_loss(y, mixture, level=0.8, **kwargs),
        "coverage central 0.8": metrics.coverage_score(y, mixture, level=0.8, **kwargs),
        "sharpness central 0.8": metrics.sharpness(y, mixture, level=0.8, **kwargs),
        "coverage hdr 0.8": metrics.coverage_score(y, mixture, level=0.8, region="hdr", **kwargs),
        "sharpness hdr 0.8": metrics.sharpness(y, mixture, level=0.8, region="hdr", **kwargs),
        "calibration error": metrics.calibration_error(y, mixture, **kwargs).value,
    }
    for measure, value in expected.items():
        assert report[measure].value == pytest.approx(value, rel=1e-12), measure
    tests = ["pit bias", "pit spread", "pit uniformity", "pit autocorrelation", "hdr uniformity"]
    assert [row.measure for row in report] == [*expected, *tests]
    assert len(report) == len(report.rows) == 16
    assert report["coverage hdr 0.8"].expected == 0.8


def test_report_of_samples_has_no_density():
    y = np.random.default_rng(0).normal(size=400)
    draws = np.random.default_rng(1).normal(size=(400, 50)) * 0.4
    report = metrics.calibration_report(y, metrics.SamplePrediction(draws))
    assert not any("hdr" in row.measure or "likelihood" in row.measure for row in report)
    assert report.verdict == "over-confident"


def test_report_prints_the_verdict_first():
    y, mixture = bimodal(300, factor=0.5)
    report = metrics.calibration_report(y, mixture)
    lines = repr(report).split("\n")
    assert lines[0].split() == ["verdict:", "over-confident"]
    assert lines[1].startswith("what to do: use MDNEnsembleRegressor")
    assert lines[3].split() == ["value", "expected", "p_value", "reading"]
    assert [line.split("  ")[0] for line in lines[4:]] == [row.measure for row in report]
    assert lines[4].split() == ["log-likelihood", f"{report['log-likelihood'].value:.4g}"]
    frame = report.to_frame()
    assert frame.index.name == "measure"
    assert list(frame.columns) == ["value", "expected", "p_value", "reading"]
    assert frame.loc["pit spread", "value"] == report["pit spread"].value
    with pytest.raises(KeyError, match="'spread' is none of"):
        report["spread"]


def test_every_row_with_a_reference_has_a_reading():
    y, mixture = bimodal(300, factor=0.5)
    for given in (
        mixture,
        normal(300, n_outputs=1),
        metrics.SamplePrediction(mixture.sample(9, 0)),
    ):
        for row in metrics.calibration_report(y, given):
            assert bool(row.reading) == (not np.isnan(row.expected)), row


def test_readings_of_coverage_and_calibration_error():
    y = np.random.default_rng(0).normal(size=2000)
    for scale, reading in [(0.5, "too low"), (1.0, "as expected"), (2.0, "too high")]:
        report = metrics.calibration_report(y, normal(2000, scale=scale))
        for measure in ("coverage central 0.9", "coverage hdr 0.5"):
            assert report[measure].reading == reading
        row = report["calibration error"]
        ratio = f"{row.value / row.expected:.1f} times the expected value"
        assert row.reading == ("as expected" if scale == 1.0 else ratio)


def test_readings_of_small_deviations():
    y = special.ndtri((np.arange(40_000) + 0.5) / 40_000)
    rows = np.random.default_rng(0).permutation(40_000)
    report = metrics.calibration_report(1.03 * y[rows] + 0.03, stats.norm(), levels=[0.9])
    assert report.verdict == "well calibrated"
    for measure in ("pit bias", "pit spread", "coverage central 0.9"):
        assert report[measure].reading == "significant, but small"
        assert report[measure].p_value < 1e-3


def test_autocorrelation_is_that_of_the_normal_scores():
    y = np.random.default_rng(0).normal(size=50)
    row = metrics.calibration_report(y, normal(50))["pit autocorrelation"]
    centred = y - y.mean()
    value = np.sum(centred[1:] * centred[:-1]) / np.sum(centred**2)
    assert row.value == pytest.approx(value, rel=1e-9)
    assert row.expected == -1 / 50
    assert row.p_value == pytest.approx(2 * stats.norm.sf(np.sqrt(50) * abs(value + 1 / 50)))


def test_rows_of_hardly_any_weight_do_not_make_neighbours_alike():
    rng = np.random.default_rng(0)
    scores = np.r_[rng.normal(size=200), np.sin(np.arange(1800) / 50)]
    weights = np.r_[np.ones(200), np.full(1800, 1e-9)]
    y, ones = scores, np.ones((2000, 1))
    both = metrics.calibration_report(y, Mixture(ones, 0 * ones, ones), sample_weight=weights)
    alone = metrics.calibration_report(y[:200], Mixture(ones[:200], 0 * ones[:200], ones[:200]))
    found, expected = (report["pit autocorrelation"] for report in (both, alone))
    assert found.value == pytest.approx(expected.value, abs=1e-3)
    assert found.p_value == pytest.approx(expected.p_value, abs=0.01)


def test_the_order_of_rows_does_not_matter_where_it_has_no_meaning():
    rng = np.random.default_rng(3)
    predicted = normal(60)
    p_values = [
        metrics.calibration_report(rng.normal(size=60), predicted, levels=())[
            "pit autocorrelation"
        ].p_value
        for _ in range(150)
    ]
    assert stats.kstest(p_values, "uniform").pvalue > 1e-3


ADVICE = [
    ("calibrated", "nothing; compare calibrated models by log-likelihood or CRPS"),
    ("few", "judge at least 30 rows, such as the out-of-fold densities of cross_val_pred"),
    ("shifted", "check whether these rows differ from the training rows"),
    ("narrow", "use MDNEnsembleRegressor, .* or ConformalMDNRegressor"),
    ("wide", "use MDNEnsembleRegressor, .* or ConformalMDNRegressor"),
    ("two peaks", "raise n_components$"),
    (
        "skewed",
        'raise n_components; set target_transform="log", as y is positive and 16% of the '
        "predicted mass is below zero$",
    ),
    ("skewed, but centred", "raise n_components$"),
    ("in order", "^nothing.*; as neighbouring rows have similar errors, hold out whole blocks"),
    ("dependent", 'use covariance_type="full"$'),
]


@pytest.mark.parametrize(("fault", "advice"), ADVICE)
def test_what_to_do_follows_from_what_is_found(fault, advice):
    n = 10 if fault == "few" else 1000
    rng = np.random.default_rng(0)
    scale = {"narrow": 0.5, "wide": 2.0}.get(fault, 1.0)
    predicted = normal(n, scale=scale, mean=float(fault == "skewed"))
    y = rng.normal(size=n)
    if fault == "shifted":
        y = y + 0.5
    elif fault == "two peaks":
        y = 0.3 * y + np.sqrt(1 - 0.3**2) * rng.choice([-1, 1], n)
    elif fault == "skewed":
        y = rng.exponential(size=n)
    elif fault == "skewed, but centred":
        y = rng.exponential(size=n) - 1.0
    elif fault == "in order":
        y = np.sort(y)
    elif fault == "dependent":
        y, predicted = y[:, None] * np.ones(2), normal(n, n_outputs=2)
    found = metrics.calibration_report(y, predicted).advice
    assert re.search(advice, found), found
    assert "\n" not in found


def test_full_covariances_are_not_advised_twice():
    rng = np.random.default_rng(0)
    independent = {"scale_tril": np.tile(np.eye(2), (1000, 1, 1, 1))}
    full = Mixture(np.ones((1000, 1)), np.zeros((1000, 1, 2)), **independent)
    y = rng.normal(size=(1000, 1)) * np.ones(2)
    behind_map = TargetMixture(full, [None, "asinh"]), np.column_stack([y[:, 0], np.sinh(y[:, 1])])
    for density, outcomes in ((full, y), behind_map):
        report = metrics.calibration_report(outcomes, density)
        assert report.verdict != "well calibrated"
        assert "covariance_type" not in report.advice
        assert "raise n_components" in report.advice


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
def test_a_tail_is_long_in_any_unit(unit):
    rng = np.random.default_rng(0)
    predicted = normal(500, scale=unit, mean=3.0 * unit)  # with next to nothing below zero
    for y, is_long in ((rng.lognormal(size=500), True), (rng.uniform(1.0, 9.0, 500), False)):
        report = metrics.calibration_report(unit * y, predicted)
        assert report.verdict != "well calibrated"
        assert ("target_transform" in report.advice) == is_long


def test_bad_arguments_of_the_report_are_named():
    y, mixture = np.zeros(3), normal(3)
    with pytest.raises(ValueError, match=r"levels: expected a number.*got 1.5"):
        metrics.calibration_report(y, mixture, levels=[0.5, 1.5])
    with pytest.raises(ValueError, match=r"levels: expected a number.*got 1.5"):
        metrics.calibration_report(y, mixture, levels=1.5)
    one, several = (metrics.calibration_report(y, mixture, levels=ls) for ls in (0.9, [0.9]))
    assert [row.measure for row in one] == [row.measure for row in several]
    with pytest.raises(ValueError, match="significance: expected a number"):
        metrics.calibration_report(y, mixture, significance=0)
    for weights in ([0, 1, 0], [1e-20, 1, 0]):
        with pytest.raises(ValueError, match="expected at least two rows of positive weight"):
            metrics.calibration_report(y, mixture, sample_weight=weights)


def test_a_coverage_that_is_off_by_itself_is_told():
    """Values just outside the interval change neither the bias nor the spread nor the shape."""
    outside = np.linspace(0.046, 0.0495, 18)
    pit = np.r_[np.linspace(0.06, 0.94, 165), outside, 1 - outside[1:]]
    y = np.random.default_rng(0).permutation(stats.norm.ppf(pit))
    ones = np.ones((200, 1))
    report = metrics.calibration_report(y, Mixture(ones, 0 * ones, ones))
    assert report.verdict == "well calibrated"
    assert report["coverage central 0.9"].reading == "too low"
    assert "the coverage is off" in report.advice
