"""crps and energy_score against scoringrules, quadrature and closed forms."""

import mpmath
import numpy as np
import pytest
import scoringrules
from cases.mixture_oracles import hostile_lines, tame
from hypothesis import given, settings
from scipy.integrate import quad

from skmdn.mixture import Mixture

PROVE = settings(max_examples=40, derandomize=True, database=None, deadline=None)


def exact_crps(mixture, row, y):
    """The closed form with 80 digits."""
    with mpmath.workdps(80):
        parameters = [
            tuple(mpmath.mpf(float(value)) for value in triple)
            for triple in zip(
                mixture.weights[row],
                mixture.means[row, :, 0],
                mixture.scales[row, :, 0],
                strict=True,
            )
        ]
        y = mpmath.mpf(float(y))

        def distance(mean, scale):
            t = mean / scale
            return 2 * scale * mpmath.npdf(t) + mean * mpmath.erf(t / mpmath.sqrt(2))

        total = sum(w for w, _, _ in parameters)
        towards = sum(w * distance(y - m, s) for w, m, s in parameters) * total
        between = sum(
            w * v * distance(m - k, mpmath.sqrt(s * s + r * r))
            for w, m, s in parameters
            for v, k, r in parameters
        )
        return float(towards - between / 2)


def test_crps_equals_scoringrules():
    mixture = tame(n=200, k=5)
    y = 5.0 * np.random.default_rng(0).normal(size=200)
    expected = scoringrules.crps_mixnorm(
        y, mixture.means[:, :, 0], mixture.scales[:, :, 0], mixture.weights
    )
    np.testing.assert_allclose(mixture.crps(y), expected, rtol=1e-10, atol=1e-13)


def test_crps_equals_quadrature():
    mixture = tame(n=4)
    for row, y in enumerate([-3.0, 0.0, 2.0, 15.0]):
        here = mixture[row]
        below, _ = quad(lambda x, h=here: h.cdf([x])[0] ** 2, -60, y, limit=300, epsabs=1e-12)
        above, _ = quad(lambda x, h=here: h.sf([x])[0] ** 2, y, 60, limit=300, epsabs=1e-12)
        assert here.crps([y])[0] == pytest.approx(below + above, abs=1e-8)


def test_crps_of_two_far_peaks():
    # A rival that leaves out the distance between the components says 4.20.
    mixture = Mixture([[0.5, 0.5]], [[-5, 5]], [[1, 1]])
    assert mixture.crps([0.0])[0] == pytest.approx(exact_crps(mixture, 0, 0.0), rel=1e-14)
    assert mixture.crps([0.0])[0] == pytest.approx(2.218, abs=1e-3)


@PROVE
@given(hostile_lines)
def test_crps_of_hostile_mixtures(mixture):
    mixture = mixture if mixture.n_components <= 5 else mixture[:1]
    y = mixture.means[:, 0, 0] + mixture.scales[:, 0, 0]
    got = mixture.crps(y)
    for row in range(len(mixture)):
        expected = exact_crps(mixture, row, y[row])
        weights, scales = mixture.weights[row], mixture.scales[row, :, 0]
        # What is left of cancellation: roundings of the scales, weighted as they come in.
        slack = 1e-14 * weights @ np.maximum.outer(scales, scales) @ weights
        assert got[row] == pytest.approx(expected, rel=1e-10, abs=slack)


def test_crps_survives_offsets_and_light_far_components():
    light = Mixture([[1 - 1e-10, 1e-10]], [[0.0, 1e6]], [[1e-3, 1e-3]])
    assert light.crps([0.0])[0] == pytest.approx(exact_crps(light, 0, 0.0), rel=1e-12)
    offset = Mixture([[0.5, 0.5]], [[2.0**30, 2.0**30 + 1]], [[0.1, 0.2]])
    here = Mixture([[0.5, 0.5]], [[0.0, 1.0]], [[0.1, 0.2]])
    np.testing.assert_allclose(offset.crps([2.0**30 + 0.5]), here.crps([0.5]), rtol=1e-13)


@pytest.mark.parametrize("full", [False, True])
def test_crps_of_several_outputs_is_of_each(full):
    mixture = tame(n=6, d=2, full=full)
    y = np.random.default_rng(0).normal(size=(6, 2))
    expected = np.stack([mixture.marginal(j).crps(y[:, j]) for j in range(2)], axis=1)
    np.testing.assert_array_equal(mixture.crps(y), expected)


@pytest.mark.parametrize("d", [None, 1])
def test_energy_score_of_one_output_is_the_crps(d):
    mixture = tame(n=6, d=d)
    y = np.random.default_rng(0).normal(size=(6,) if d is None else (6, 1))
    score, error = mixture.energy_score(y, return_std_error=True)
    np.testing.assert_array_equal(score, mixture.crps(y).reshape(6))
    np.testing.assert_array_equal(error, 0.0)


@pytest.mark.parametrize("full", [False, True])
def test_energy_score_equals_scoringrules_on_draws(full):
    mixture = tame(n=5, d=3, full=full)
    y = 3.0 * np.random.default_rng(0).normal(size=(5, 3))
    score, error = mixture.energy_score(y, n_samples=2000, return_std_error=True)
    expected = scoringrules.es_ensemble(y, mixture.sample(800, random_state=9))
    assert np.all(np.abs(score - expected) < 9 * error)
    assert np.all(error < 0.1)
    np.testing.assert_array_equal(score, mixture.energy_score(y, 2000))
    # The error shrinks with the root of the number of draws.
    _, coarse = mixture.energy_score(y, n_samples=125, return_std_error=True)
    np.testing.assert_allclose(coarse / error, 4.0, rtol=0.3)


def test_energy_score_of_many_points():
    mixture = tame(n=4, d=2)
    y = np.random.default_rng(0).normal(size=(4, 7, 2))
    many, error = mixture.energy_score(y, return_std_error=True)
    assert many.shape == error.shape == (4, 7)
    np.testing.assert_allclose(many[:, 0], mixture.energy_score(y[:, 0]), atol=0.3)
    assert mixture.energy_score(y[:1]).shape == (4, 7)


@pytest.mark.parametrize("method", ["crps", "energy_score"])
def test_scores_need_finite_y(method):
    with pytest.raises(ValueError, match="y must be finite; got infinity"):
        getattr(tame(n=2), method)([0.0, np.inf])
