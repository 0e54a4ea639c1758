"""Metrics: values against independent oracles, then weights, directions and bad arguments."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scoringrules
from scipy import integrate, sparse, stats
from sklearn.metrics import mean_absolute_error, mean_pinball_loss

from skmdn import metrics
from skmdn.mixture import Mixture

N_ROWS, N_COMPONENTS = 40, 3


def random_mixture(seed=0, n_outputs=None, full=False):
    rng = np.random.default_rng(seed)
    tail = () if n_outputs is None else (n_outputs,)
    weights = rng.dirichlet(np.ones(N_COMPONENTS), size=N_ROWS)
    means = rng.normal(scale=2.0, size=(N_ROWS, N_COMPONENTS, *tail))
    scales = rng.uniform(0.3, 1.5, size=(N_ROWS, N_COMPONENTS, *tail))
    if not full:
        return Mixture(weights, means, scales)
    triangle = np.tril(rng.normal(size=(N_ROWS, N_COMPONENTS, *tail, *tail)), -1)
    return Mixture(weights, means, scale_tril=triangle + scales[..., None] * np.eye(n_outputs))


def outcomes(seed=1, n_outputs=None):
    tail = () if n_outputs is None else (n_outputs,)
    return np.random.default_rng(seed).normal(scale=2.0, size=(N_ROWS, *tail))


def row_pdf(mixture, i, j=0):
    """Density of output j of row i, from scipy.stats."""
    parts = stats.norm(mixture.means[i, :, j], mixture.scales[i, :, j])
    return lambda x: float(mixture.weights[i] @ parts.pdf(x))


def row_cdf(mixture, i, j=0):
    parts = stats.norm(mixture.means[i, :, j], mixture.scales[i, :, j])
    return lambda x: float(mixture.weights[i] @ parts.cdf(x))


def test_log_likelihood_is_the_mean_log_density_of_scipy():
    mixture, y = random_mixture(), outcomes()
    expected = np.mean([np.log(row_pdf(mixture, i)(y[i])) for i in range(N_ROWS)])
    assert metrics.log_likelihood_score(y, mixture) == pytest.approx(expected, rel=1e-12)


def test_log_likelihood_is_joint_over_outputs():
    mixture, y = random_mixture(n_outputs=2, full=True), outcomes(n_outputs=2)
    expected = [
        np.log(
            sum(
                weight * stats.multivariate_normal(mean, tril @ tril.T).pdf(y[i])
                for weight, mean, tril in zip(
                    mixture.weights[i], mixture.means[i], mixture.scale_tril[i], strict=True
                )
            )
        )
        for i in range(N_ROWS)
    ]
    assert metrics.log_likelihood_score(y, mixture) == pytest.approx(np.mean(expected), rel=1e-10)


def test_log_likelihood_of_a_far_outcome_is_finite():
    mixture = Mixture([[1.0]], [[0.0]], [[1.0]])
    expected = stats.norm.logpdf(1e6)
    assert metrics.log_likelihood_score([1e6], mixture) == pytest.approx(expected, rel=1e-12)


def test_crps_equals_scoringrules():
    mixture, y = random_mixture(), outcomes()
    expected = scoringrules.crps_mixnorm(
        y, mixture.means[..., 0], mixture.scales[..., 0], mixture.weights
    )
    assert metrics.crps_loss(y, mixture) == pytest.approx(np.mean(expected), rel=1e-10)


def test_crps_equals_quadrature_of_the_cdf():
    mixture, y = random_mixture()[:3], outcomes()[:3]
    expected = []
    for i in range(3):
        cdf = row_cdf(mixture, i)
        below = integrate.quad(lambda x, f=cdf: f(x) ** 2, -30.0, y[i], limit=200)[0]
        above = integrate.quad(lambda x, f=cdf: (1.0 - f(x)) ** 2, y[i], 30.0, limit=200)[0]
        expected.append(below + above)
    assert metrics.crps_loss(y, mixture) == pytest.approx(np.mean(expected), rel=1e-7)


def test_crps_of_several_outputs_is_the_mean_over_marginals():
    mixture, y = random_mixture(n_outputs=3), outcomes(n_outputs=3)
    each = [metrics.crps_loss(y[:, j], mixture.marginal(j)) for j in range(3)]
    assert metrics.crps_loss(y, mixture) == pytest.approx(np.mean(each), rel=1e-12)


def test_crps_of_a_nearly_certain_prediction_is_its_absolute_error():
    y = outcomes()
    mixture = Mixture(np.ones((N_ROWS, 1)), np.zeros((N_ROWS, 1)), np.full((N_ROWS, 1), 1e-9))
    expected = mean_absolute_error(y, np.zeros(N_ROWS))
    assert metrics.crps_loss(y, mixture) == pytest.approx(expected, rel=1e-8)


def test_energy_of_one_output_is_the_crps():
    mixture, y = random_mixture(), outcomes()
    crps = metrics.crps_loss(y, mixture)
    assert metrics.energy_loss(y, mixture) == pytest.approx(crps, rel=1e-12)


def test_energy_of_several_outputs_is_that_of_draws():
    mixture, y = random_mixture(n_outputs=2, full=True), outcomes(n_outputs=2)
    draws = mixture.sample(2000, random_state=7)
    distance = np.linalg.norm(draws - y[:, None], axis=-1).mean()
    spread = np.linalg.norm(draws[:, :1000] - draws[:, 1000:], axis=-1).mean()
    value = metrics.energy_loss(y, mixture)
    assert value == pytest.approx(distance - 0.5 * spread, rel=0.02)


@pytest.mark.parametrize("alpha", [0.05, 0.5, 0.9])
def test_pinball_equals_scikit_learn(alpha):
    mixture, y = random_mixture(), outcomes()
    expected = mean_pinball_loss(y, mixture.ppf(alpha), alpha=alpha)
    assert metrics.pinball_loss(y, mixture, level=alpha) == pytest.approx(expected, rel=1e-12)


def test_pinball_of_several_outputs_equals_scikit_learn():
    mixture, y = random_mixture(n_outputs=2), outcomes(n_outputs=2)
    weights = np.arange(N_ROWS, dtype=float)
    expected = mean_pinball_loss(y, mixture.ppf(0.3), alpha=0.3, sample_weight=weights)
    value = metrics.pinball_loss(y, mixture, level=0.3, sample_weight=weights)
    assert value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_interval_score_equals_scoringrules(level):
    mixture, y = random_mixture(), outcomes()
    lower, upper = mixture.ppf(0.5 - level / 2), mixture.ppf(0.5 + level / 2)
    expected = np.mean(scoringrules.interval_score(y, lower, upper, 1.0 - level))
    value = metrics.interval_score_loss(y, mixture, level=level)
    assert value == pytest.approx(expected, rel=1e-10)


def test_interval_score_is_the_pinball_of_both_ends():
    mixture, y = random_mixture(), outcomes()
    ends = [metrics.pinball_loss(y, mixture, level=alpha) for alpha in (0.1, 0.9)]
    value = metrics.interval_score_loss(y, mixture, level=0.8)
    assert value == pytest.approx(2.0 / 0.2 * sum(ends), rel=1e-9)


@pytest.mark.parametrize("region", ["central", "hdr"])
def test_coverage_and_sharpness_of_a_normal(region):
    y = np.array([0.0, 1.0, -1.5, 2.0])
    mixture = Mixture(np.ones((4, 1)), np.zeros((4, 1)), np.ones((4, 1)))
    # The densest region of one normal is its central interval: |y| <= 1.2816 at 0.8.
    assert metrics.coverage_score(y, mixture, level=0.8, region=region) == 0.5
    width = metrics.sharpness(y, mixture, level=0.8, region=region)
    assert width == pytest.approx(2 * stats.norm.ppf(0.9), rel=1e-7)
    gap = metrics.coverage_loss(y, mixture, level=0.8, region=region)
    assert gap == pytest.approx(0.3, abs=1e-12)


def test_densest_region_leaves_the_gap_between_modes_out():
    mixture = Mixture([[0.5, 0.5]], [[-6.0, 6.0]], [[1.0, 1.0]])
    assert metrics.coverage_score([0.0], mixture, level=0.9, region="hdr") == 0.0
    assert metrics.coverage_score([0.0], mixture, level=0.9, region="central") == 1.0
    width = metrics.sharpness([0.0], mixture, level=0.9, region="hdr")
    assert width == pytest.approx(4 * stats.norm.ppf(0.95), rel=1e-6)


def test_densest_volume_of_two_outputs_is_the_ellipse():
    rows = 400
    tril = np.array([[1.0, 0.0], [0.6, 0.5]])
    mixture = Mixture(
        np.ones((rows, 1)),
        np.zeros((rows, 1, 2)),
        scale_tril=np.broadcast_to(tril, (rows, 1, 2, 2)),
    )
    expected = np.pi * stats.chi2(2).ppf(0.9) * np.linalg.det(tril)
    value = metrics.sharpness(np.zeros((rows, 2)), mixture, level=0.9, region="hdr")
    assert value == pytest.approx(expected, rel=0.01)


def test_coverage_of_several_outputs_is_marginal_or_joint():
    rows = 20_000
    y = np.random.default_rng(0).normal(size=(rows, 2))
    mixture = Mixture(np.ones((rows, 1)), np.zeros((rows, 1, 2)), np.ones((rows, 1, 2)))
    assert metrics.coverage_score(y, mixture, level=0.9) == pytest.approx(0.9, abs=0.006)
    joint = metrics.coverage_score(y[:2000], mixture[:2000], level=0.9, region="hdr")
    assert joint == pytest.approx(0.9, abs=0.03)


METRICS = [
    metrics.log_likelihood_score,
    metrics.crps_loss,
    metrics.energy_loss,
    metrics.pinball_loss,
    metrics.interval_score_loss,
    metrics.coverage_score,
    metrics.coverage_loss,
    metrics.sharpness,
]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("n_outputs", [None, 1, 2])
def test_weights_are_repetitions(metric, n_outputs):
    mixture, y = random_mixture(n_outputs=n_outputs), outcomes(n_outputs=n_outputs)
    times = np.random.default_rng(3).integers(0, 4, size=N_ROWS)
    rows = np.repeat(np.arange(N_ROWS), times)
    weighted = metric(y, mixture, sample_weight=times)
    repeated = metric(y[rows], mixture[rows])
    # Monte Carlo of several outputs draws anew for a repeated row.
    drawn = n_outputs == 2 and metric is metrics.energy_loss
    assert weighted == pytest.approx(repeated, rel=0.02 if drawn else 1e-12)
    assert metric(y, mixture, sample_weight=7.0 * times) == pytest.approx(weighted, rel=1e-12)
    assert type(weighted) is float


def test_a_row_of_no_weight_is_absent():
    mixture = Mixture([[1.0], [1.0]], [[0.0], [0.0]], [[1.0], [1e-200]])
    value = metrics.log_likelihood_score([0.0, 1.0], mixture, sample_weight=[1.0, 0.0])
    assert value == pytest.approx(stats.norm.logpdf(0.0), rel=1e-12)


@pytest.mark.parametrize("metric", METRICS[:5])
def test_the_true_model_is_better_than_wrong_ones(metric):
    rows = 4000
    rng = np.random.default_rng(5)
    signs = np.where(rng.uniform(size=rows) < 0.5, -2.0, 2.0)
    y = signs + 0.5 * rng.normal(size=rows)
    ones, means = np.ones((rows, 2)), np.broadcast_to([-2.0, 2.0], (rows, 2))
    truth = Mixture(0.5 * ones, means, 0.5 * ones)
    wrong = {
        "shifted": Mixture(0.5 * ones, means + 0.7, 0.5 * ones),
        "narrow": Mixture(0.5 * ones, means, 0.2 * ones),
        "wide": Mixture(0.5 * ones, means, 1.5 * ones),
        "unimodal": Mixture(ones[:, :1], 0.0 * ones[:, :1], np.sqrt(4.25) * ones[:, :1]),
    }
    kwargs = {"level": 0.9} if metric is metrics.pinball_loss else {}
    sign = 1.0 if metric.__name__.endswith("_score") else -1.0
    best = sign * metric(y, truth, **kwargs)
    for name, mixture in wrong.items():
        assert sign * metric(y, mixture, **kwargs) < best, name


def test_energy_sees_the_dependence_that_crps_does_not():
    rows = 500
    rng = np.random.default_rng(0)
    tril = np.array([[1.0, 0.0], [0.95, np.sqrt(1 - 0.95**2)]])
    y = rng.normal(size=(rows, 2)) @ tril.T
    ones, zeros = np.ones((rows, 1)), np.zeros((rows, 1, 2))
    truth = Mixture(ones, zeros, scale_tril=np.broadcast_to(tril, (rows, 1, 2, 2)))
    independent = Mixture(ones, zeros, np.ones((rows, 1, 2)))
    assert metrics.energy_loss(y, truth) < metrics.energy_loss(y, independent)
    assert metrics.log_likelihood_score(y, truth) > metrics.log_likelihood_score(y, independent)
    crps = metrics.crps_loss(y, truth)
    assert crps == pytest.approx(metrics.crps_loss(y, independent), rel=1e-9)


def test_metrics_accept_lists_columns_series_and_frames():
    mixture, y = random_mixture(), outcomes()
    value = metrics.crps_loss(y, mixture)
    for given in (list(y), y[:, None], pd.Series(y, index=np.arange(N_ROWS)[::-1]), y.tolist()):
        assert metrics.crps_loss(given, mixture) == value
    weights = pd.Series(np.arange(N_ROWS))
    assert metrics.crps_loss(y, mixture, sample_weight=weights) == metrics.crps_loss(
        y, mixture, sample_weight=np.arange(N_ROWS)
    )
    two, y_two = random_mixture(n_outputs=2), outcomes(n_outputs=2)
    frame = pd.DataFrame(y_two, columns=["a", "b"])
    assert metrics.crps_loss(frame, two) == metrics.crps_loss(y_two, two)


BAD_ARGUMENTS = [
    (metrics.crps_loss, {"y_true": np.zeros(3)}, r"y_true: expected shape \(40,\).*got \(3,\)"),
    (metrics.crps_loss, {"y_true": np.zeros((40, 2))}, r"y_true: expected shape \(40,\)"),
    (metrics.crps_loss, {"y_true": np.full(40, np.nan)}, "y_true contains NaN"),
    (metrics.crps_loss, {"y_true": np.full(40, np.inf)}, "y_true contains infinity"),
    (metrics.crps_loss, {"sample_weight": np.ones(39)}, r"sample_weight: expected shape \(40,\)"),
    (metrics.crps_loss, {"sample_weight": -np.ones(40)}, "sample_weight: expected nonnegative"),
    (metrics.crps_loss, {"sample_weight": np.zeros(40)}, "sample_weight: .* above zero"),
    (metrics.crps_loss, {"sample_weight": np.full(40, np.nan)}, "sample_weight contains NaN"),
    (metrics.pinball_loss, {"level": 0.0}, "level: expected a number strictly between 0 and 1"),
    (metrics.pinball_loss, {"level": [0.1, 0.2]}, "level: expected a number"),
    (metrics.interval_score_loss, {"level": 1.0}, "level: expected a number.*got 1.0"),
    (metrics.coverage_score, {"level": 1.5}, "level: expected a number"),
    (metrics.coverage_score, {"region": "best"}, "region: expected 'central' or 'hdr', got 'best'"),
    (metrics.sharpness, {"level": "wide"}, "level: expected a number"),
]


DATES = pd.date_range("2026-01-01", periods=N_ROWS, freq="h")
NO_NUMBERS = [
    (DATES.to_numpy(), "dates or durations .datetime64"),
    (pd.Series(DATES.tz_localize("Europe/Berlin")), "dates or durations .Timestamp"),
    (list(DATES.date), "dates or durations .date"),
    ([None, *DATES[1:].to_pydatetime()], "dates or durations .datetime"),
    (DATES - DATES[0], "dates or durations .timedelta64"),
    (pl.Series(DATES), "dates or durations .datetime64"),
    (np.arange(N_ROWS).astype(str), "text .<U"),
    (pd.Series(["1"] * N_ROWS), "text .str"),
    (pl.Series(["1"] * N_ROWS), "text "),
    ("balanced", "text "),
    (pd.Series(pd.period_range("2026", periods=N_ROWS, freq="D")), ".*Period"),
]
NO_ARRAYS = [
    (
        np.ma.masked_less(np.arange(1.0, N_ROWS + 1), 5),
        "an array without a mask, got a masked array",
    ),
    (2.0, "an array with one entry per row, got 2.0"),
    ([], r"at least one row, got shape \(0,\)"),
    ([[1.0]] * (N_ROWS - 1) + [[1.0, 2.0]], "an array of numbers; .*inhomogeneous"),
]


@pytest.mark.parametrize("name", ["y_true", "sample_weight"])
@pytest.mark.parametrize(
    ("given", "message"),
    [(given, f"numbers.* {message}") for given, message in NO_NUMBERS] + NO_ARRAYS,
)
def test_what_is_no_array_of_numbers_is_refused(name, given, message):
    arguments = {"y_true": outcomes(), "mixture": random_mixture()} | {name: given}
    with pytest.raises(ValueError, match=f"{name}: expected {message}"):
        metrics.crps_loss(**arguments)


def test_what_to_do_with_dates_is_said_and_works():
    dates = DATES.to_numpy()
    with pytest.raises(
        ValueError, match=r"such as \(dates - start\) / numpy.timedelta64\(1, 'D'\)"
    ):
        metrics.crps_loss(dates, random_mixture())
    days = (dates - dates[0]) / np.timedelta64(1, "D")
    assert np.isfinite(metrics.crps_loss(days, random_mixture()))


@pytest.mark.parametrize(("metric", "kwargs", "message"), BAD_ARGUMENTS)
def test_bad_arguments_are_named(metric, kwargs, message):
    given = {"y_true": outcomes(), "mixture": random_mixture()} | kwargs
    with pytest.raises(ValueError, match=message):
        metric(**given)


def hostile(kind):
    """y and predictions of 40 rows, with numbers that underflow: far out, narrow, of no weight."""
    rng = np.random.default_rng(0)
    tail = (2,) if kind == "two" else ()
    weights = rng.dirichlet([0.01] * 3, size=N_ROWS)
    means, scales = rng.normal(size=(2, N_ROWS, 3, *tail))
    mixture = Mixture(weights, 2.0 * means, 1e-3 + np.abs(scales))
    y = rng.normal(size=(N_ROWS, *tail))
    y[0], y[1], y[2] = 1e6, -300.0, 1e-300
    levels = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    return y, {
        "one": lambda: mixture,
        "two": lambda: mixture,
        "frozen": lambda: stats.norm(means[:, 0], 0.1),
        "samples": lambda: metrics.SamplePrediction(1e-300 * mixture.sample(9, random_state=0)),
        "quantiles": lambda: metrics.QuantilePrediction(mixture.ppf(levels), levels),
    }[kind]()


@pytest.mark.parametrize("kind", ["one", "two", "frozen", "samples", "quantiles"])
def test_the_callers_error_state_changes_nothing(kind):
    y, prediction = hostile(kind)
    weights = np.where(np.arange(N_ROWS) == 5, 1e-300, 1e300)
    calls = [
        *(lambda m=metric: m(y, prediction, sample_weight=weights) for metric in METRICS),
        *(lambda m=metric: m(y, prediction, region="hdr") for metric in METRICS[-3:]),
        lambda: metrics.pit_values(y, prediction),
        lambda: metrics.hdr_values(y, prediction),
        lambda: metrics.calibration_error(y, prediction, sample_weight=weights),
        lambda: repr(metrics.calibration_report(y, prediction, sample_weight=weights)),
    ]
    answered = 0
    for call in calls:
        try:
            expected = call()
        except ValueError:  # the prediction has no density, or no distribution function
            continue
        with np.errstate(all="raise"):
            found = call()
        np.testing.assert_array_equal(found, expected)
        answered += 1
    assert answered >= 6


def test_metrics_leave_arguments_and_filters_alone():
    mixture, y = random_mixture(), outcomes()
    weights = np.arange(N_ROWS, dtype=float)
    before = (y.copy(), weights.copy(), list(warnings.filters), np.geterr())
    metrics.calibration_report(y, mixture, sample_weight=weights)
    np.testing.assert_array_equal(y, before[0])
    np.testing.assert_array_equal(weights, before[1])
    assert (list(warnings.filters), np.geterr()) == before[2:]


def test_sparse_and_huge_outcomes_are_refused_by_name():
    density = Mixture(np.ones((2, 1)), np.zeros((2, 1)), np.ones((2, 1)))
    column = sparse.csr_array([[1.0], [2.0]])
    with pytest.raises(TypeError, match=r"^y_true: .*dense.*y_true.toarray"):
        metrics.crps_loss(column, density)
    with pytest.raises(TypeError, match=r"^sample_weight: .*dense"):
        metrics.crps_loss([0.0, 1.0], density, sample_weight=column)
    with pytest.raises(ValueError, match=r"^y_true: .*too large"):
        metrics.crps_loss([10**400, 0], density)
    with pytest.raises(ValueError, match=r"^levels: expected numbers"):
        metrics.QuantilePrediction([[0.0, 1.0]], [0.1 + 1j, 0.9])


def test_outcomes_beyond_the_distance_of_float64():
    largest = np.finfo(np.float64).max
    quantiles = metrics.QuantilePrediction([[largest, largest]], [0.1, 0.9])
    assert metrics.pinball_loss([-largest], quantiles, level=0.1) == np.inf
