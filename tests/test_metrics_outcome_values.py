"""The calibration report on positive outcomes, zeros, and values that many rows share."""

import numpy as np
import pytest
from scipy import stats

from skmdn import metrics
from skmdn.mixture import Mixture, TargetMixture

N = 1000
LOG = 'target_transform="log", as y is positive'
HURDLE = 'target_atoms=[0], target_transform="log", as y is zero in'
AUTO = "if that finds none, as many rows share values"
WORDS = ("target_transform", "target_atoms")


def test_zeros_count_by_their_weight():
    rng = np.random.default_rng(0)
    y = np.r_[rng.lognormal(size=190), np.zeros(10)]
    weights = np.r_[np.ones(190), np.full(10, 19.0)]
    report = metrics.calibration_report(y, stats.norm(1.0, 1.5), sample_weight=weights)
    assert f"{HURDLE} 50%" in report.advice


def repeated(mean, scale, n=N):
    return Mixture(np.ones((n, 1)), np.full((n, 1), mean), np.full((n, 1), scale))


def outcomes(kind):
    """A named target, and the plain mixture of its mean and standard deviation."""
    rng = np.random.default_rng(0)
    y = rng.lognormal(sigma=0.8, size=N)
    if kind == "zeros":
        y[: N // 4] = 0.0
    elif kind == "cap":
        y = np.minimum(y, np.quantile(y, 0.85))
    elif kind == "grades":
        y = rng.integers(1, 6, size=N).astype(float)
    elif kind == "signed":
        y = y - 5.0
    elif kind == "rounded":
        y = np.maximum(y.round(1), 0.1)
    elif kind == "heaped":
        y = 10 + rng.lognormal(sigma=0.8, size=N)
        y[::3] = y[::3].round()
    elif kind == "far from zero":
        y = rng.normal(100.0, 1.0, size=N)
    elif kind == "counts":
        y = rng.poisson(3.0, size=N) + rng.integers(0, 12, size=N).astype(float)
    return y, repeated(y.mean(), y.std())


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("positive", [LOG]),
        ("zeros", [HURDLE]),
        ("cap", [AUTO, LOG]),
        ("grades", [AUTO]),
        ("rounded", [LOG]),
        ("signed", []),
        ("heaped", [LOG]),
        ("far from zero", []),
        ("counts", []),
    ],
)
def test_the_advice_names_the_words_of_the_constructor(kind, named):
    y, predicted = outcomes(kind)
    advice = metrics.calibration_report(y, predicted).advice
    for phrase in (LOG, HURDLE, AUTO):
        assert (phrase in advice) == (phrase in named), advice
    if not named:
        assert not any(word in advice for word in WORDS), advice


def test_zeros_are_counted_and_shared_values_named():
    assert "y is zero in 25% of the rows" in metrics.calibration_report(*outcomes("zeros")).advice
    y, predicted = outcomes("cap")
    advice = metrics.calibration_report(y, predicted).advice
    assert f'set target_atoms="auto", or [{float(y.max())!r}] if that finds none' in advice
    assert f"(15% have y = {y.max():g})" in advice


def test_the_mass_below_zero_is_scipys():
    y, predicted = outcomes("positive")
    weights = np.arange(N)
    expected = stats.norm.cdf(-y.mean() / y.std())
    frozen = stats.norm(y.mean(), y.std())
    draws = frozen.rvs(size=(N, 50), random_state=0)
    kinds = {"exact": (predicted, 1e-12), "frozen": (frozen, 1e-12)}
    kinds["samples"] = (metrics.SamplePrediction(draws), 0.05)
    for given, tolerance in kinds.values():
        row = metrics.calibration_report(y, given, sample_weight=weights)["mass below zero"]
        assert row.value == pytest.approx(expected, rel=tolerance)
        assert (row.expected, row.reading) == (0.0, "too high")
        advice = metrics.calibration_report(y, given).advice
        assert f"{LOG} and {row.value:.0%} of the predicted mass is below zero" in advice


def test_the_mass_below_zero_is_weighted_as_the_rows():
    ones, means = np.ones((4, 1)), np.array([[0.0], [50.0], [0.0], [50.0]])
    report = metrics.calibration_report(
        [1.0, 50.0, 2.0, 51.0], Mixture(ones, means, ones), sample_weight=[3.0, 1.0, 0.0, 0.0]
    )
    assert report["mass below zero"].value == pytest.approx(0.375, rel=1e-12)


def test_an_atom_at_zero_is_not_below_zero():
    y = np.maximum(np.random.default_rng(0).normal(size=N), 0.0)
    density = TargetMixture(repeated(0.0, 1.0), "log", [0.0], np.full((N, 1), 0.5))
    report = metrics.calibration_report(y, density)
    assert report["mass below zero"].value == 0.0
    assert report["mass below zero"].reading == "as expected"
    assert not any(word in report.advice for word in WORDS)


@pytest.mark.parametrize("kind", ["log", "frozen", "samples"])
def test_predictions_on_the_positive_line_get_no_such_advice(kind):
    """Even where they are wrong, and y is skewed."""
    y = outcomes("positive")[0]
    wrong = stats.lognorm(0.2)
    given = {
        "log": lambda: TargetMixture(repeated(0.0, 0.2), "log"),
        "frozen": lambda: wrong,
        "samples": lambda: metrics.SamplePrediction(wrong.rvs(size=(N, 50), random_state=0)),
    }[kind]()
    report = metrics.calibration_report(y, given)
    assert report["mass below zero"].value == 0.0
    assert report.verdict == "over-confident"
    assert not any(word in report.advice for word in WORDS)


def test_samples_and_atoms_at_shared_values_get_no_such_advice():
    y = outcomes("zeros")[0]
    samples = np.random.default_rng(1).permutation(np.tile(y, 50)).reshape(N, 50)
    assert "target_" not in metrics.calibration_report(y, metrics.SamplePrediction(samples)).advice
    grades = outcomes("grades")[0]
    atoms = TargetMixture(repeated(3.0, 1.0), None, [1, 2, 3, 4, 5], np.full((N, 5), 0.2))
    assert "target_" not in metrics.calibration_report(grades, atoms).advice


def test_negative_outcomes_have_no_row_of_mass_below_zero():
    report = metrics.calibration_report(*outcomes("signed"))
    assert "mass below zero" not in [row.measure for row in report]


def test_rows_without_weight_do_not_count():
    y, predicted = outcomes("positive")
    y[0], weights = -1.0, np.ones(N)
    weights[0] = 0.0
    assert LOG in metrics.calibration_report(y, predicted, sample_weight=weights).advice
    assert LOG not in metrics.calibration_report(y, predicted).advice


def test_of_several_outputs_the_positive_ones_are_named():
    y = np.column_stack([outcomes("positive")[0], outcomes("signed")[0], outcomes("zeros")[0]])
    mean, scale = y.mean(axis=0), y.std(axis=0)
    predicted = Mixture(np.ones((N, 1)), np.tile(mean, (N, 1, 1)), np.tile(scale, (N, 1, 1)))
    report = metrics.calibration_report(y, predicted)
    assert "set target_transform=['log', None, None], as y is positive" in report.advice
    assert "target_atoms" not in report.advice  # which needs one output
    assert report["mass below zero [0]"].value == pytest.approx(
        stats.norm.cdf(-mean[0] / scale[0]), rel=1e-10
    )
    assert [row.measure[-3:] for row in report if "zero" in row.measure] == ["[0]", "[2]"]


def test_a_skewed_output_that_is_predicted_wrong_gets_the_map_without_much_mass_below_zero():
    y = 1 + np.random.default_rng(0).lognormal(sigma=1.0, size=N)
    predicted = repeated(20.0, 5.0)
    report = metrics.calibration_report(y, predicted)
    assert 0.0 < report["mass below zero"].value < 0.01
    assert f"{LOG} and skewed" in report.advice


def test_with_atoms_the_rest_is_asked_and_the_ensemble_is_not_named():
    rng = np.random.default_rng(0)
    y = np.where(rng.random(N) < 0.4, 0.0, rng.lognormal(sigma=0.8, size=N))
    zeros = {"atoms": [0], "atom_weights": np.full((N, 1), 0.4)}
    report = metrics.calibration_report(y, TargetMixture(repeated(1.4, 1.3), None, **zeros))
    assert 'target_transform="log", as y is positive beside its atoms' in report.advice
    narrow = TargetMixture(repeated(0.0, 0.3), "log", **zeros)
    report = metrics.calibration_report(y, narrow)
    assert report.verdict == "over-confident"
    assert "use ConformalMDNRegressor" in report.advice
    for advice in (report.advice, metrics.calibration_report(y, repeated(1.0, 0.1)).advice):
        assert "MDNEnsembleRegressor" not in advice
