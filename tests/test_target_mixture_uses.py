"""What takes a `TargetMixture`: metrics, scorers, pictures, conformal regions, cross-validation."""

import numpy as np
import pytest
from cases.target_oracles import base
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.model_selection import GridSearchCV, KFold

from skmdn import ConformalMDNRegressor, MDNEnsembleRegressor, Mixture, TargetMixture, metrics
from skmdn.model_selection import cross_val_predict_proba
from skmdn.plotting import (
    ComponentsDisplay,
    ConditionalDensityDisplay,
    CoverageDisplay,
    PITDisplay,
    PredictiveDensityDisplay,
)
from skmdn.transforms import Log, Logit


def rain(n, wrong=0.0):
    """Log-normal amounts, zeros with a probability, and a cap: the truth, moved by ``wrong``."""
    rng = np.random.default_rng(n)
    means = rng.normal(size=(n, 1)) + wrong
    weights = np.column_stack([0.2 + 0.3 * rng.random(n), np.full(n, 0.1)])
    z = Mixture(np.ones((n, 1)), means, np.full((n, 1), 0.6))
    return TargetMixture(z, "log", [0.0, 20.0], weights)


class Rain(RegressorMixin, BaseEstimator):
    """A model of one density for all rows, with a map and perhaps the zeros as an atom."""

    def __init__(self, transform="log", zeros=True, widen=1.0):
        self.transform = transform
        self.zeros = zeros
        self.widen = widen

    def fit(self, X, y):
        z = np.log(y[y > 0])
        self.location_, self.scale_, self.share_ = z.mean(), z.std(), np.mean(y <= 0)
        return self

    def predict_proba(self, X):
        n = len(X)
        column = np.ones((n, 1))
        z = Mixture(column, self.location_ * column, self.widen * self.scale_ * column)
        if not self.zeros:
            return TargetMixture(z, self.transform)
        return TargetMixture(z, self.transform, [0.0], self.share_ * column)

    def predict(self, X):
        return self.predict_proba(X).mean()


def table(n=240, seed=0, zeros=0.3):
    rng = np.random.default_rng(seed)
    y = np.exp(0.7 * rng.normal(size=n))
    return rng.normal(size=(n, 2)), np.where(rng.random(n) < zeros, 0.0, y)


def test_every_metric_prefers_the_truth():
    truth, wrong = rain(3000), rain(3000, wrong=0.7)
    y = truth.sample(1, random_state=0)[:, 0]
    for score in (metrics.log_likelihood_score,):
        assert score(y, truth) > score(y, wrong)
    for loss in (
        metrics.crps_loss,
        metrics.energy_loss,
        metrics.pinball_loss,
        metrics.interval_score_loss,
    ):
        assert loss(y, truth) < loss(y, wrong)
    assert metrics.crps_loss(y, truth) == pytest.approx(truth.crps(y).mean())
    error = metrics.calibration_error(y, truth)
    assert error.value < 2 * error.expected
    assert metrics.calibration_error(y, wrong).value > 5 * error.expected


def test_reports_find_no_fault_with_the_truth():
    truth = rain(3000)
    y = truth.sample(1, random_state=5)[:, 0]
    report = metrics.calibration_report(y, truth)
    assert report.verdict == "well calibrated"
    for region in ("central", "hdr"):
        assert report[f"coverage {region} 0.5"].value == pytest.approx(0.5, abs=0.04)
    assert metrics.calibration_report(y, rain(3000, wrong=0.5)).verdict != "well calibrated"


def test_regions_of_metrics_count_atoms():
    n = 400
    certain = TargetMixture(base(n=n), "log", [0.0], np.full((n, 1), 0.6))
    y = np.zeros(n)
    for region in ("central", "hdr"):
        assert metrics.coverage_score(y, certain, level=0.5, region=region) == 1.0
    assert metrics.sharpness(y, certain, level=0.5, region="hdr") == 0.0
    np.testing.assert_array_equal(metrics.hdr_values(y, certain) <= 0.6, True)
    assert 0.25 < metrics.hdr_values(y, certain).mean() < 0.35


def test_several_outputs_are_scored():
    truth = TargetMixture(base(n=500, d=2), ["log", Logit(0, 1)])
    y = truth.sample(1, random_state=0)[:, 0]
    report = metrics.calibration_report(y, truth)
    assert report.verdict == "well calibrated"


def test_scorers_choose_by_likelihood():
    X, y = table(zeros=0.0)
    search = GridSearchCV(
        Rain(zeros=False), {"widen": [0.3, 1.0, 3.0]}, scoring=metrics.log_likelihood_scorer, cv=3
    ).fit(X, y)
    assert search.best_params_ == {"widen": 1.0}
    assert metrics.neg_crps_scorer(search.best_estimator_, X, y) < 0


def test_cross_validated_rows_keep_the_map_of_their_fold():
    X, y = table()
    folds = KFold(4)
    density = cross_val_predict_proba(Rain(), X, y, cv=folds)
    assert isinstance(density, TargetMixture)
    for train, test in folds.split(X):
        assert density[test] == Rain().fit(X[train], y[train]).predict_proba(X[test])

    class PlainFirst(Rain):
        def predict_proba(self, X):
            density = super().predict_proba(X)
            return density if X[0, 0] > 0 else density.base

    X[:60, 0], X[60:, 0] = -1.0, 1.0
    density = cross_val_predict_proba(PlainFirst(), X, y, cv=folds)
    assert density[0].transform != density[-1].transform == Log()


@pytest.mark.parametrize("zeros", [True, False])
def test_conformal_regions_cover(zeros):
    X, y = table(600, zeros=0.3 if zeros else 0.0)
    X_new, y_new = table(2000, seed=1, zeros=0.3 if zeros else 0.0)
    model = ConformalMDNRegressor(Rain(zeros=zeros, widen=0.5), cv=4, random_state=0).fit(X, y)
    for level in (0.5, 0.9):
        low, high = model.predict_interval(X_new, level=level).T
        covered = np.mean((low <= y_new) & (y_new <= high))
        assert covered > level - 0.05
        region = model.predict_region(X_new, level=level)
        inside = ((region[..., 0] <= y_new[:, None]) & (y_new[:, None] <= region[..., 1])).any(1)
        np.testing.assert_array_equal(inside, model.contains(X_new, y_new, level=level))
        assert inside.mean() > level - 0.05
    pooled = model.predict_proba(X_new)
    assert isinstance(pooled, TargetMixture)
    assert pooled.n_components == 4


def test_conformal_regions_are_the_whole_line_for_outcomes_outside_the_support():
    X, y = table(200, zeros=0.6)  # zeros, but no atom
    model = ConformalMDNRegressor(Rain(zeros=False), cv=2, random_state=0).fit(X, y)
    with pytest.warns(UserWarning, match="regions are infinite: at level=0.9, outcomes"):
        assert np.isinf(model.predict_region(X[:3], level=0.9)).all()
    with pytest.warns(UserWarning, match="intervals are infinite: at level=0.9, outcomes"):
        assert np.isinf(model.predict_interval(X[:3], level=0.9)).all()
    with pytest.warns(UserWarning, match="regions are infinite"):
        assert model.contains(X[:3], np.zeros(3), level=0.9).all()
    assert np.isinf(model.hdr_masses_[0]).any()


def test_an_outcome_at_a_cap_does_not_score_zero():
    from skmdn.conformal.scores import tail_masses

    capped = TargetMixture(base(n=3), Log(upper=5), [5.0], np.full((3, 1), 0.4))
    np.testing.assert_allclose(tail_masses(capped, np.full(3, 5.0))[:, 0], 0.8)


def test_conformal_boxes_of_several_outputs():
    class Two(Rain):
        def fit(self, X, y):
            return self

        def predict_proba(self, X):
            ones = np.ones((len(X), 1, 2))
            return TargetMixture(Mixture(ones[..., 0], 0 * ones, 0.7 * ones), ["log", None])

    rng = np.random.default_rng(0)
    z = 0.7 * rng.normal(size=(400, 2))
    y = np.column_stack([np.exp(z[:, 0]), z[:, 1]])
    model = ConformalMDNRegressor(Two(), cv=2, random_state=0).fit(z, y)
    assert model.contains(z, y, level=0.8).mean() > 0.7
    far = np.tile([[1e9, 0.0]], (4, 1))
    assert not model.contains(z[:4], far, level=0.8).any()


def test_ensembles_pool_behind_a_map_but_refuse_atoms():
    X, y = table(60, zeros=0.0)
    density = MDNEnsembleRegressor([("rain", Rain(zeros=False))], cv=2).fit(X, y).predict_proba(X)
    assert density.transform == Log()
    with pytest.raises(ValueError, match="view 'rain'; set its target_atoms to None"):
        MDNEnsembleRegressor([("rain", Rain())], cv=2).fit(X, y)


@pytest.mark.usefixtures("no_screen")
def test_pictures():
    n = 40
    x = np.linspace(-1, 1, n)
    z = Mixture(np.full((n, 2), 0.5), np.column_stack([x, x + 1]), np.full((n, 2), 0.3))
    weights = np.column_stack([0.3 + 0.1 * x, np.full(n, 0.2)])
    mixture = TargetMixture(z, "log", [0.0, 5.0], weights)
    y = mixture.sample(1, random_state=0)[:, 0]

    band = ConditionalDensityDisplay.from_predictions(y, mixture, x=x)
    step = band.arrays.y[1] - band.arrays.y[0]
    total = band.arrays.density.sum(axis=1) * step
    np.testing.assert_allclose(total, 1 - weights.sum(axis=1), atol=0.02)
    np.testing.assert_allclose(band.arrays.atoms.probabilities, weights)
    assert band.atoms_ is not None

    rows = PredictiveDensityDisplay.from_predictions(y, mixture, rows=[0, 3])
    assert len(rows.atoms_) == 2
    segments = rows.atoms_[0].get_segments()
    np.testing.assert_allclose([segment[0][0] for segment in segments], [0.0, 5.0])
    heights = [segment[1][1] - segment[0][1] for segment in segments]
    np.testing.assert_allclose(heights, 0.85 * weights[0])
    assert np.isfinite(rows.density).all()
    everything = TargetMixture(z, "log", [0.0], np.ones((n, 1)))
    alone = PredictiveDensityDisplay.from_predictions(None, everything, rows=[0])
    assert alone.density.max() == 0

    parts = ComponentsDisplay.from_predictions(x, mixture)
    np.testing.assert_allclose(parts.weights.sum(axis=1), 1 - weights.sum(axis=1))
    np.testing.assert_allclose(parts.means[:, 0], np.exp(x + 0.045))

    PITDisplay.from_predictions(y, mixture)
    coverage = CoverageDisplay.from_predictions(y, mixture)
    assert coverage.n_rows == n
    two = TargetMixture(base(n=5, d=2), ["log", None])
    ConditionalDensityDisplay.from_predictions(None, two)
