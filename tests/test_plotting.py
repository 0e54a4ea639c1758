"""Displays: what they compute against the mixture's answers, what they draw, what they refuse."""

import sys
from unittest import mock

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from linear_gaussian import LinearGaussian, linear_data
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from scipy import integrate, stats
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skmdn import MDNRegressor, Mixture
from skmdn.metrics import coverage_score, hdr_values, log_likelihood_scorer, pit_values
from skmdn.plotting import (
    ComponentsDisplay,
    ConditionalDensityDisplay,
    CoverageDisplay,
    LossCurveDisplay,
    PITDisplay,
    PredictiveDensityDisplay,
)


@pytest.fixture(autouse=True)
def no_screen():
    """Draw without a screen, and close what was opened."""
    backend = mpl.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(backend)


def new_axes():
    return Figure(layout="constrained").subplots()


def linear_model():
    X, y = linear_data(200)
    return LinearGaussian().fit(X, y), X, y


def two_peaks(n=40):
    """Peaks at -1 - x (weight 0.3) and 1 + x (weight 0.7) over x in [0, 1]."""
    x = np.linspace(0, 1, n)
    weights = np.tile([0.3, 0.7], (n, 1))
    means = np.column_stack([-1 - x, 1 + x])
    return x, Mixture(weights, means, np.tile([0.2, 0.1], (n, 1)))


def two_outputs():
    weights, means = [[0.5, 0.5]] * 4, np.array([[[0.0, 0.0], [3.0, 2.0]]] * 4)
    tril = np.broadcast_to([[1.0, 0.0], [0.6, 0.8]], (4, 2, 2, 2))
    return Mixture(weights, means, scale_tril=tril)


def text_of(ax):
    labels = [text.get_text() for text in ax.get_legend().get_texts()] if ax.get_legend() else []
    return [ax.get_xlabel(), ax.get_ylabel(), *labels]


def saved(display, tmp_path):
    """Draw for real: layout and rendering raise no warning."""
    file = tmp_path / "picture.png"
    display.figure_.savefig(file, dpi=40)
    return file.stat().st_size


# ConditionalDensityDisplay ----------------------------------------------------------------------


def test_a_band_is_the_density_over_the_feature(tmp_path):
    x, mixture = two_peaks()
    y = np.where(np.arange(40) % 3, 1 + x, -1 - x)
    order = np.random.default_rng(0).permutation(40)
    display = ConditionalDensityDisplay.from_predictions(
        y[order], mixture[order], x=x[order], quantiles=(0.1, 0.5, 0.9), ax=new_axes()
    )
    arrays = display.arrays
    np.testing.assert_array_equal(arrays.x, x)
    np.testing.assert_allclose(arrays.mean, mixture.mean())
    np.testing.assert_allclose(arrays.quantiles, mixture.ppf([0.1, 0.5, 0.9]))
    np.testing.assert_allclose(arrays.modes, np.column_stack([1 + x, -1 - x]), atol=1e-6)
    np.testing.assert_allclose(arrays.density, mixture.pdf(arrays.y[None]), atol=0.02)
    step = arrays.y[1] - arrays.y[0]
    np.testing.assert_allclose(arrays.density.sum(axis=1) * step, 1, atol=0.02)
    assert arrays.density.shape == (40, len(arrays.y))
    assert len(display.quantiles_) == 3
    np.testing.assert_array_equal(display.data_.get_ydata(), y[order])
    assert display.ax_.get_xlabel() == "x"
    assert display.ax_.get_ylabel() == "y"
    assert saved(display, tmp_path) > 5000


def test_a_band_misses_no_narrow_peak():
    mixture = Mixture([[0.5, 0.5]] * 2, [[0.0, 5.0]] * 2, [[1.0, 1e-5]] * 2)
    arrays = ConditionalDensityDisplay.from_predictions(None, mixture, x=[0, 1]).arrays
    step = arrays.y[1] - arrays.y[0]
    assert arrays.density.sum(axis=1) * step == pytest.approx(1, abs=0.01)
    assert arrays.density.max() * step == pytest.approx(0.5, abs=0.01)


def test_faint_modes_are_kept_but_not_marked():
    mixture = Mixture([[0.99, 0.01]] * 3, [[0.0, 8.0]] * 3, [[1.0, 1.0]] * 3)
    display = ConditionalDensityDisplay.from_predictions(None, mixture, x=[0, 1, 2])
    assert not np.isnan(display.arrays.modes).any()
    np.testing.assert_allclose(display.modes_.get_ydata(), 0, atol=1e-6)


@pytest.mark.parametrize("as_frame", [False, True])
def test_a_band_moves_one_feature_and_holds_the_others(as_frame):
    model, X, y = linear_model()
    names = ["width (cm)", "height (cm)", "depth (cm)"]
    data = pd.DataFrame(X, columns=names) if as_frame else X
    target = pd.Series(y, name="mass (kg)") if as_frame else y
    feature = "height (cm)" if as_frame else 1
    for reference, held in [(None, np.median(X, axis=0)), (7, X[7])]:
        display = ConditionalDensityDisplay.from_estimator(
            model, data, target, feature=feature, reference=reference, ax=new_axes()
        )
        grid = np.linspace(X[:, 1].min(), X[:, 1].max(), 200)
        rows = np.tile(held, (200, 1))
        rows[:, 1] = grid
        np.testing.assert_allclose(display.arrays.x, grid)
        np.testing.assert_allclose(display.arrays.mean, model.predict(rows))
        np.testing.assert_array_equal(display.arrays.x_data, X[:, 1])
        labels = ("height (cm)", "mass (kg)") if as_frame else ("x1", "y")
        assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == labels


def test_names_that_the_model_learnt_label_the_axes():
    X, y = linear_data(60)
    frame = pd.DataFrame(X, columns=["a (s)", "b (s)", "c (s)"])
    model = MDNRegressor(n_components=2, max_iter=3, random_state=0).fit(frame, y)
    display = ConditionalDensityDisplay.from_estimator(model, frame, feature=2, ax=new_axes())
    assert display.ax_.get_xlabel() == "c (s)"
    assert display.data_ is None


def test_a_band_over_a_table_of_mixed_columns():
    X, y = linear_data(90)
    frame = pd.DataFrame({"length": X[:, 0], "kind": np.tile(["a", "b", "b"], 30)})
    encode = make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["kind"]), remainder="passthrough"
    )
    model = make_pipeline(encode, LinearGaussian()).fit(frame, y)
    display = ConditionalDensityDisplay.from_estimator(model, frame, y, feature="length")
    rows = pd.DataFrame({"length": display.arrays.x, "kind": "b"})  # the most frequent kind
    np.testing.assert_allclose(display.arrays.mean, model.predict(rows))
    with pytest.raises(ValueError, match="feature: expected one of numbers, got 'kind'"):
        ConditionalDensityDisplay.from_estimator(model, frame, feature="kind")
    with pytest.raises(ValueError, match="feature: expected a number below 2 or one of"):
        ConditionalDensityDisplay.from_estimator(model, frame, feature="width")


def test_contours_hold_the_mass_that_they_say(tmp_path):
    mixture = two_outputs()
    Y = pd.DataFrame([[0, 0], [1, 1], [3, 2], [4, 2]], columns=["east (km)", "north (km)"])
    display = ConditionalDensityDisplay.from_predictions(Y, mixture, rows=[0, 2], ax=new_axes())
    arrays = display.arrays
    draws = mixture[0].sample(20_000, random_state=0)
    density = mixture[0].logpdf(draws)[0]
    for level, threshold in zip(arrays.levels, arrays.thresholds[0], strict=True):
        assert np.mean(density >= np.log(threshold)) == pytest.approx(level, abs=0.015)
    point = np.array([[arrays.y[0, 40], arrays.y[1, 90]]])
    assert arrays.density[0, 90, 40] == pytest.approx(mixture[0].pdf(point)[0])
    np.testing.assert_array_equal(arrays.y_true, Y.to_numpy()[[0, 2]])
    assert text_of(display.ax_) == ["east (km)", "north (km)", "row 0", "row 2"]
    assert len(display.contours_) == len(display.truth_) == 2
    assert saved(display, tmp_path) > 5000


def test_one_of_two_outputs_is_a_band():
    X, Y = linear_data(60, n_outputs=2)
    model = LinearGaussian().fit(X, Y)
    band = ConditionalDensityDisplay.from_estimator(model, X, Y, output=1, ax=new_axes())
    np.testing.assert_array_equal(band.arrays.y_data, Y[:, 1])
    assert band.ax_.get_ylabel() == "y1"
    joint = ConditionalDensityDisplay.from_estimator(model, X, Y, ax=new_axes())
    np.testing.assert_array_equal(joint.arrays.rows, [0, 1, 2])
    alone = LinearGaussian().fit(X, Y[:, 1])
    single = ConditionalDensityDisplay.from_estimator(alone, X, Y[:, 1], ax=new_axes())
    np.testing.assert_allclose(band.arrays.mean, single.arrays.mean)


# PredictiveDensityDisplay -----------------------------------------------------------------------


def test_densities_of_rows_have_their_regions_and_outcomes(tmp_path):
    _, mixture = two_peaks()
    y = np.linspace(-2, 2, 40)
    display = PredictiveDensityDisplay.from_predictions(
        y, mixture, rows=[3, 10], level=0.8, ax=new_axes()
    )
    np.testing.assert_allclose(display.density, mixture[[3, 10]].pdf(display.y))
    np.testing.assert_array_equal(display.region, mixture[[3, 10]].hdr(0.8))
    np.testing.assert_array_equal(display.y_true, y[[3, 10]])
    mass = integrate.trapezoid(display.density, display.y, axis=1)
    np.testing.assert_allclose(mass, 1, atol=5e-3)
    ends = display.region[0].ravel()
    assert np.isin(ends[~np.isnan(ends)], display.y[0]).all()
    names = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert names == ["row 3", "row 10"]
    assert "80% highest-density region" in text_of(display.ax_)
    np.testing.assert_array_equal(display.truth_.get_xdata(), y[[3, 10]])
    # The shade covers the region and nothing else: its area is the level.
    vertices = np.concatenate([path.vertices for path in display.regions_[0].get_paths()])
    assert vertices[:, 0].min() == pytest.approx(np.nanmin(display.region[0]))
    assert vertices[:, 0].max() == pytest.approx(np.nanmax(display.region[0]))
    assert len(display.regions_[0].get_paths()) == 2
    assert saved(display, tmp_path) > 5000


def test_one_row_keeps_the_densitys_unit():
    model, X, y = linear_model()
    display = PredictiveDensityDisplay.from_estimator(
        model, X, pd.Series(y, name="mass (kg)"), rows=5, ax=new_axes()
    )
    peak = display.lines_[0].get_ydata().max()
    expected = model.predict_proba(X[5:6]).pdf(model.predict(X[5:6]))[0]
    assert peak == pytest.approx(expected, rel=1e-4)
    assert text_of(display.ax_)[:2] == ["mass (kg)", "density of row 5"]
    assert PredictiveDensityDisplay.from_estimator(model, X, ax=new_axes()).truth_ is None


def test_first_five_rows_are_drawn_where_none_are_chosen():
    model, X, y = linear_model()
    display = PredictiveDensityDisplay.from_estimator(model, X, y, ax=new_axes())
    np.testing.assert_array_equal(display.rows, range(5))
    assert len(display.lines_) == 5


# PITDisplay, CoverageDisplay --------------------------------------------------------------------


def test_pit_bars_and_their_band(tmp_path):
    model, X, y = linear_model()
    display = PITDisplay.from_estimator(model, X, y, n_bins=8, ax=new_axes())
    pit = pit_values(y, model.predict_proba(X))
    np.testing.assert_array_equal(display.pit, pit)
    expected = np.histogram(pit, 8, (0, 1))[0] / (200 / 8)
    np.testing.assert_allclose(display.heights, expected)
    np.testing.assert_array_equal(display.bars_[0].get_data().values, expected)
    low, high = stats.binom.interval(0.95, 200, 1 / 8)
    np.testing.assert_allclose(display.band, np.array([low, high]) * 8 / 200)
    assert "95% of bars, if the model is right" in text_of(display.ax_)
    assert saved(display, tmp_path) > 3000


@pytest.mark.parametrize("n", [1, 3, 20, 57, 400])
def test_the_band_is_the_binomials(n):
    display = PITDisplay(np.linspace(0, 1, n), n_bins=5)
    expected = np.array(stats.binom.interval(0.95, n, 0.2)) * 5 / n
    np.testing.assert_allclose(display.band, expected)


def test_pit_of_several_outputs_has_one_outline_each():
    X, Y = linear_data(60, n_outputs=2)
    frame = pd.DataFrame(Y, columns=["east", "north"])
    display = PITDisplay.from_estimator(LinearGaussian().fit(X, Y), X, frame, ax=new_axes())
    assert display.heights.shape == (6, 2)
    np.testing.assert_allclose(display.heights.mean(axis=0), 1)
    assert text_of(display.ax_)[-2:] == ["east", "north"]
    styles = {bar.get_linestyle() for bar in display.bars_}
    assert len(styles) == 2  # told apart in grey print


def test_coverage_curves_are_the_metrics(tmp_path):
    model, X, y = linear_model()
    mixture = model.predict_proba(X)
    display = CoverageDisplay.from_estimator(model, X, y, ax=new_axes())
    for place in (10, 50, 90):
        level = display.levels[place]
        for region in ("central", "hdr"):
            expected = coverage_score(y, mixture, level=level, region=region)
            assert display.observed[region][place] == pytest.approx(expected)
    np.testing.assert_array_equal(
        display.lines_["hdr"].get_ydata(),
        [np.mean(hdr_values(y, mixture) <= level) for level in display.levels],
    )
    assert (display.band[:, 0] <= display.levels).all()
    assert display.band[50] == pytest.approx([0.5 - 0.98 / 200**0.5, 0.5 + 0.98 / 200**0.5])
    assert text_of(display.ax_)[1] == "observed coverage (200 rows)"
    assert saved(display, tmp_path) > 3000


def test_coverage_of_samples_is_of_central_intervals():
    rng = np.random.default_rng(0)
    draws, y = rng.normal(size=(50, 200)), rng.normal(size=50)
    display = CoverageDisplay.from_predictions(y, draws, regions=("central",), ax=new_axes())
    assert list(display.lines_) == ["central"]
    frozen = stats.norm(np.zeros(50), np.ones(50))
    both = CoverageDisplay.from_predictions(y, frozen, ax=new_axes())
    np.testing.assert_allclose(both.observed["central"], both.observed["hdr"], atol=0.04)


# LossCurveDisplay, ComponentsDisplay ------------------------------------------------------------


def test_loss_curves_are_those_of_the_model_inside(tmp_path):
    X, y = linear_data(60)
    model = MDNRegressor(n_components=2, max_iter=6, random_state=0).fit(X, y)
    display = LossCurveDisplay.from_estimator(model, ax=new_axes())
    np.testing.assert_array_equal(display.line_.get_ydata(), model.loss_curve_)
    np.testing.assert_array_equal(
        display.validation_line_.get_ydata(), model.validation_loss_curve_
    )
    assert display.validation_line_.get_xdata()[[0, -1]].tolist() == [0, len(model.loss_curve_)]
    assert saved(display, tmp_path) > 3000
    search = GridSearchCV(
        make_pipeline(MDNRegressor(max_iter=2, validation_fraction=None, random_state=0)),
        {"mdnregressor__n_components": [1]},
        scoring=log_likelihood_scorer,
        cv=2,
    ).fit(X, y)
    inner = LossCurveDisplay.from_estimator(search, ax=new_axes())
    np.testing.assert_array_equal(inner.loss, search.best_estimator_[-1].loss_curve_)
    assert inner.validation_line_ is None


def test_components_are_the_mixtures(tmp_path):
    x, mixture = two_peaks()
    display = ComponentsDisplay.from_predictions(
        x[::-1], mixture[::-1], feature_name="time (s)", target_name="height (m)"
    )
    np.testing.assert_array_equal(display.x, x)
    np.testing.assert_array_equal(display.weights, mixture.weights)
    np.testing.assert_array_equal(display.means, mixture.means[..., 0])
    np.testing.assert_array_equal(display.scales, mixture.scales[..., 0])
    assert [len(lines) for lines in display.lines_] == [2, 2, 2]
    np.testing.assert_array_equal(display.lines_[1][0].get_ydata(), -1 - x)
    assert [ax.get_ylabel() for ax in display.ax_] == [
        "weight",
        "mean of\nheight (m)",
        "standard\ndeviation",
    ]
    assert display.ax_[2].get_xlabel() == "time (s)"
    assert saved(display, tmp_path) > 5000


def test_components_of_little_weight_are_left_out_where_they_are():
    weights = np.column_stack([np.linspace(0, 1, 11), 1 - np.linspace(0, 1, 11), np.zeros(11)])
    mixture = Mixture(weights, np.tile([0.0, 1.0, 2.0], (11, 1)), np.ones((11, 3)))
    display = ComponentsDisplay.from_predictions(np.arange(11), mixture, min_weight=0.25)
    assert [line.get_label() for line in display.lines_[0]] == ["component 0", "component 1"]
    drawn = ~np.isnan(display.lines_[1][0].get_ydata())
    np.testing.assert_array_equal(drawn, weights[:, 0] >= 0.25)


def test_components_over_a_feature_into_axes_that_are_there():
    X, Y = linear_data(60, n_outputs=2)
    model = LinearGaussian().fit(X, Y)
    axes = Figure(layout="constrained").subplots(3, 1)
    display = ComponentsDisplay.from_estimator(model, X, Y, output=1, feature=2, ax=axes)
    assert list(display.ax_) == list(axes)
    grid = np.linspace(X[:, 2].min(), X[:, 2].max(), 200)
    rows = np.tile(np.median(X, axis=0), (200, 1))
    rows[:, 2] = grid
    np.testing.assert_allclose(display.means[:, 0], model.predict(rows)[:, 1])
    np.testing.assert_array_equal(display.y_data, Y[:, 1])


# All --------------------------------------------------------------------------------------------


def every_display():
    model, X, y = linear_model()
    network = MDNRegressor(n_components=2, max_iter=3, random_state=0).fit(X, y)
    return [
        ConditionalDensityDisplay.from_estimator(model, X, y),
        PredictiveDensityDisplay.from_estimator(model, X, y),
        PITDisplay.from_estimator(model, X, y),
        CoverageDisplay.from_estimator(model, X, y),
        LossCurveDisplay.from_estimator(network),
        ComponentsDisplay.from_estimator(model, X, y),
    ]


def test_every_display_makes_its_own_figure_and_draws_again():
    displays = every_display()
    assert len({id(display.figure_) for display in displays}) == len(displays)
    for display in displays:
        first = display.figure_
        assert display.plot() is display
        assert display.figure_ is not first
        for ax in np.ravel(display.ax_):
            assert ax.figure is display.figure_
            assert ax.get_ylabel()


def test_keywords_reach_the_main_artist():
    model, X, y = linear_model()
    assert PITDisplay.from_estimator(model, X, y, lw=5).bars_[0].get_linewidth() == 5
    lines = CoverageDisplay.from_estimator(model, X, y, alpha=0.5).lines_
    assert lines["central"].get_alpha() == 0.5
    band = ConditionalDensityDisplay.from_estimator(model, X, y, cmap="Greys", colorbar=False)
    assert band.density_.get_cmap().name == "Greys"
    assert not hasattr(band, "colorbar_")
    assert PredictiveDensityDisplay.from_estimator(model, X, lw=4).lines_[0].get_linewidth() == 4


def test_missing_matplotlib_is_named():
    with (
        mock.patch.dict(sys.modules, {"matplotlib": None}),
        pytest.raises(ImportError, match=r"pip install 'skmdn\[plot\]'"),
    ):
        PITDisplay([0.5, 0.6]).plot()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda m: ConditionalDensityDisplay.from_predictions(None, m), "x: expected the feature"),
        (lambda m: ConditionalDensityDisplay.from_predictions(None, m, x=[0]), r"x: expected.*40"),
        (
            lambda m: ConditionalDensityDisplay.from_predictions([1.0], m, x=range(40)),
            "y: expected 40 outcomes, one per row, got 1",
        ),
        (
            lambda m: ConditionalDensityDisplay.from_predictions(None, m, x=range(40), output=1),
            "output: expected the number of one of 1 outputs",
        ),
        (lambda m: PredictiveDensityDisplay.from_predictions(None, m, rows=40), "from 0 to 39"),
        (
            lambda m: PredictiveDensityDisplay.from_predictions(None, m, rows=[0.5]),
            "rows: expected",
        ),
        (lambda m: PredictiveDensityDisplay.from_predictions(None, m, level=2), "level"),
        (lambda m: PITDisplay.from_predictions(np.zeros(40), m, n_bins=0), "n_bins: expected"),
        (lambda m: PITDisplay.from_predictions(np.zeros(39), m), "y_true: expected shape"),
        (
            lambda m: CoverageDisplay.from_predictions(np.zeros(40), m, regions=("all",)),
            "regions: expected 'central', 'hdr' or both",
        ),
        (lambda m: LossCurveDisplay.from_estimator(LinearGaussian()), "loss_curve_.*LinearGauss"),
        (lambda m: ComponentsDisplay.from_predictions([0], m), r"x: expected shape \(40,\)"),
        (
            lambda m: ComponentsDisplay.from_predictions(range(40), m, ax=new_axes()),
            "ax: expected three Axes, got 1",
        ),
        (
            lambda m: ConditionalDensityDisplay.from_predictions(None, two_outputs(), x=range(4)),
            "output: expected the number of one of 2 outputs",
        ),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make(two_peaks()[1])
