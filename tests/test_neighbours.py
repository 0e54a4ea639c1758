"""docs/neighbours.md: its code runs where the packages are installed, and gives right answers."""

import re
from pathlib import Path

import numpy as np
import pytest
from cases.pages import python_blocks, run_blocks

from skmdn import MDNRegressor, Mixture
from skmdn.metrics import crps_loss, log_likelihood_scorer, pinball_loss

PAGE = Path(__file__).resolve().parents[1] / "docs" / "neighbours.md"

pytestmark = pytest.mark.trains


def sections():
    """The code of each section by its heading, after that before the first heading."""
    start, *parts = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    titles = [part.partition("\n")[0] for part in parts]
    return {
        title: [*python_blocks(start), *python_blocks(part)]
        for title, part in zip(titles, parts, strict=True)
    }


SECTIONS = sections()


@pytest.fixture
def run(tmp_path, monkeypatch):
    """What a section's code has named, after a run in a new folder."""
    monkeypatch.chdir(tmp_path)

    def run(word):
        (title,) = (title for title in SECTIONS if word in title)
        code = SECTIONS[title]
        assert len(code) >= 2
        return run_blocks(code, f"{PAGE.name}, {title}")

    return run


def test_every_section_is_tested_below():
    words = re.findall(r'= run\("(.*)"\)|^    run\("(.*)"\)', Path(__file__).read_text(), re.M)
    tested = [one or other for one, other in words]
    assert len(tested) == len(SECTIONS)
    for title in SECTIONS:
        assert sum(word in title for word in tested) == 1


def test_callbacks(run, capsys):
    names = run("callbacks")
    scores = names["monitor"].get_logs().data
    model = names["timed"]
    assert len(scores) == len(model.validation_loss_curve_)
    hasty = MDNRegressor(**names["settings"]).set_callbacks(names["TimeBudget"](0.0))
    hasty.fit(names["X_train"], names["y_train"])
    assert len(hasty.validation_loss_curve_) == 2
    assert hasty.n_iter_ < model.n_iter_


def test_onnx(run):
    names = run("ONNX")
    np.testing.assert_allclose(names["std"], names["model"].predict(names["X_test"], True)[1])


def test_skops(run):
    run("skops")


def test_xarray(run):
    names = run("xarray")
    np.testing.assert_allclose(names["mean"], names["model"].predict(names["X_test"]))


def test_skrub(run):
    names = run("skrub")
    density = names["pipeline"].predict_proba(names["trips"][800:])
    assert isinstance(density, Mixture)
    score = log_likelihood_scorer(names["pipeline"], names["trips"][800:], names["y_test"])
    assert score == pytest.approx(density.logpdf(names["y_test"]).mean())


def test_shap(run):
    names = run("SHAP")
    X = names["X_test"][:10]
    strongest = {"mean": 0, "spread": 1}
    for name in ("mean", "spread", "above_one"):
        explanation = names["shap"].Explainer(names[name], names["background"])(X)
        total = explanation.base_values + explanation.values.sum(axis=1)
        np.testing.assert_allclose(total, names[name](X), atol=1e-6)
        sizes = np.abs(explanation.values).mean(axis=0)
        assert name not in strongest or sizes.argmax() == strongest[name]


def test_optuna(run):
    study = run("Optuna")["study"]
    values = [trial.value for trial in study.trials]
    assert len(values) == 3
    assert study.best_value == max(values)
    assert np.isfinite(values).all()


def test_mapie(run):
    names = run("MAPIE")
    low, high = names["intervals"][:, :, 0].T
    np.testing.assert_array_equal(names["points"], names["fitted"].predict(names["X_test"]))
    np.testing.assert_allclose(high - low, (high - low)[0])
    # Of 200 rows, fewer than 160 are inside once in a million such tables.
    assert np.sum((low <= names["y_test"]) & (names["y_test"] <= high)) > 160


def test_polars_in_a_search(run):
    names = run("polars")
    search, frame = names["search"], names["frame"]
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(frame.to_dict(as_series=False))
    same = names["GridSearchCV"](
        search.estimator, search.param_grid, scoring=log_likelihood_scorer, cv=3
    ).fit(table[:800], names["y_train"])
    assert same.best_score_ == search.best_score_
    assert same.best_params_ == search.best_params_
    assert same.predict_proba(table) == search.predict_proba(frame)


def test_ngboost_and_quantile_forest(run):
    stats = pytest.importorskip("scoringrules")
    names = run("NGBoost")
    y, dist = names["y_test"], names["boosted"].pred_dist(names["X_test"])
    mean, scale = dist.params["loc"], dist.params["scale"]
    expected = stats.crps_normal(y, mean, scale).mean()
    assert crps_loss(y, dist.dist) == pytest.approx(expected, rel=1e-7)
    by_hand = -0.5 * np.log(2 * np.pi * scale**2) - 0.5 * ((y - mean) / scale) ** 2
    assert names["log_likelihood_score"](y, dist.dist) == pytest.approx(by_hand.mean())

    predicted, levels = names["predicted"], names["levels"]
    away = y[:, np.newaxis] - names["forest"].predict(names["X_test"], quantiles=list(levels))
    losses = np.maximum(levels * away, (levels - 1) * away).mean(axis=0)
    assert crps_loss(y, predicted) == pytest.approx(2 * losses.mean())
    assert pinball_loss(y, predicted, level=levels[10]) == pytest.approx(losses[10])
