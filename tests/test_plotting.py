"""Displays: what they compute against the mixture's answers, what they draw, what they refuse."""

import inspect
import itertools
import re
import sys
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from cases.linear_gaussian import LinearGaussian, linear_data
from cases.plotting import linear_model, new_axes, saved, text_of, two_outputs, two_peaks
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from scipy import stats
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from skmdn import MDNRegressor, Mixture, metrics, plotting
from skmdn.metrics import coverage_score, hdr_values, log_likelihood_scorer, pit_values
from skmdn.plotting import (
    ComponentsDisplay,
    ConditionalDensityDisplay,
    CoverageDisplay,
    LossCurveDisplay,
    PITDisplay,
    PredictiveDensityDisplay,
)

pytestmark = pytest.mark.usefixtures("no_screen")


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
    assert "95%, if the model is right" in text_of(display.ax_)
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
    assert text_of(display.ax_)[1] == "observed coverage\n(200 rows)"
    assert saved(display, tmp_path) > 3000


def test_coverage_of_samples_is_of_central_intervals():
    rng = np.random.default_rng(0)
    draws, y = rng.normal(size=(50, 200)), rng.normal(size=50)
    samples = metrics.SamplePrediction(draws)
    display = CoverageDisplay.from_predictions(y, samples, regions=("central",), ax=new_axes())
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


@pytest.mark.usefixtures("with_cross_validation")
def test_losses_of_folds_are_not_those_of_the_passes():
    X, y = linear_data(60)
    settings = {"n_components": 2, "alpha": 1.0, "encoding": None, "random_state": 0}
    model = MDNRegressor(max_iter=60, **settings).fit(X, y)
    assert model.n_copies_ == 60
    assert len(model.validation_loss_curve_) > 1
    display = LossCurveDisplay.from_estimator(model, ax=new_axes())
    np.testing.assert_array_equal(display.line_.get_ydata(), model.loss_curve_)
    assert display.validation_line_ is None


def test_the_picture_explains_the_late_jump():
    losses = [3.0, 2.0, 1.0, *[1.5] * 8, 0.9, 0.9]
    display = LossCurveDisplay(np.linspace(3, 1, 24), losses, 20).plot(new_axes())
    assert display.fine_tuning_start == 20
    # A polygon before matplotlib 3.9, a rectangle since.
    shade = display.fine_tuning_.get_window_extent().transformed(display.ax_.transData.inverted())
    assert (shade.x0, shade.x1) == pytest.approx((20, 24))
    label = "fine-tuning at a low rate,\nfrom the best checkpoint"
    assert label in text_of(display.ax_)
    for without in (LossCurveDisplay([2, 1]), LossCurveDisplay([2, 1], [3, 2, 1])):
        assert without.plot(new_axes()).fine_tuning_start is None
        assert without.fine_tuning_ is None
        assert label not in text_of(without.ax_)


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
    assert [line.get_label() for line in display.lines_[0]] == ["0", "1"]
    drawn = ~np.isnan(display.lines_[1][0].get_ydata())
    np.testing.assert_array_equal(drawn, weights[:, 0] >= 0.25)


def test_no_component_need_be_drawn():
    _, mixture = two_peaks()
    display = ComponentsDisplay.from_predictions(np.arange(40), mixture, min_weight=2.0)
    assert display.lines_ == [[], [], []]


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


def draw_all(axes):
    """Every display in one of six axes, and contours in the last."""
    model, X, y = linear_model()
    network = MDNRegressor(n_components=2, max_iter=3, random_state=0).fit(X, y)
    Y = np.random.default_rng(0).normal(size=(4, 2))
    return [
        ConditionalDensityDisplay.from_estimator(model, X, y, ax=axes[0]),
        PredictiveDensityDisplay.from_estimator(model, X, y, ax=axes[1]),
        PITDisplay.from_estimator(model, X, y, ax=axes[2]),
        CoverageDisplay.from_estimator(model, X, y, ax=axes[3]),
        LossCurveDisplay.from_estimator(network, ax=axes[4]),
        ComponentsDisplay.from_estimator(model, X, y, ax=axes[5]),
        ConditionalDensityDisplay.from_predictions(Y, two_outputs(), ax=axes[6]),
        PredictiveDensityDisplay.from_estimator(model, X, y, rows=3, ax=axes[7]),
    ]


@pytest.mark.parametrize("layout", ["constrained", "tight"])
def test_neighbours_and_titles_in_a_grid_do_not_collide(layout):
    figure = plt.figure(figsize=(16, 8), layout=layout)
    displays = draw_all(figure.subplots(2, 4).ravel())
    for display in displays:
        np.ravel(display.ax_)[0].set_title("a title\nof two lines")
    figure.canvas.draw()
    boxes = []
    for display in displays:
        axes = np.ravel(display.ax_)
        top, legend = axes[0].get_window_extent(), axes[0].get_legend().get_window_extent()
        assert top.y0 <= legend.y0 < legend.y1 <= top.y1 + 1
        assert top.x0 <= legend.x0 < legend.x1 <= top.x1 + 1
        assert axes[0].title.get_window_extent().y0 >= top.y1
        boxes.append(Bbox.union([ax.get_tightbbox() for ax in axes]))
    for one, other in itertools.combinations(boxes, 2):
        assert min(one.x1, other.x1) - max(one.x0, other.x0) < 2 or (
            min(one.y1, other.y1) - max(one.y0, other.y0) < 2
        )


def test_legends_hide_nothing():
    figure = plt.figure(figsize=(16, 8), layout="constrained")
    displays = draw_all(figure.subplots(2, 4).ravel())
    figure.canvas.draw()
    highest = [
        displays[0].arrays.y[-1],
        displays[1].lines_[0].get_ydata().max(),
        max(displays[2].heights.max(), displays[2].band[1]),
        1.0,
        None,
        1.0,
        displays[6].arrays.y[:, 1].max(),
        displays[7].lines_[0].get_ydata().max(),
    ]
    for display, height in zip(displays, highest, strict=True):
        ax = np.ravel(display.ax_)[0]
        legend = ax.get_legend().get_window_extent()
        if height is not None:
            assert ax.transData.transform((0, height))[1] <= legend.y0


def test_small_grids_are_drawn_without_a_warning(tmp_path):
    figure = plt.figure(layout="constrained")
    draw_all(figure.subplots(2, 4).ravel())
    figure.savefig(tmp_path / "picture.png")


def test_components_divide_the_place_of_one_axes():
    _, mixture = two_peaks()
    for place in (plt.subplots(2, 2)[1][1, 0], plt.figure().subfigures(1, 2)[1].subplots()):
        display = ComponentsDisplay.from_predictions(np.arange(40), mixture, ax=place)
        outer = place.get_position()
        for ax in display.ax_:
            inner = ax.get_position()
            assert outer.x0 - 1e-9 <= inner.x0 < inner.x1 <= outer.x1 + 1e-9
            assert outer.y0 - 1e-9 <= inner.y0 < inner.y1 <= outer.y1 + 1e-9
        assert not place.axison
    free = plt.figure().add_axes((0.1, 0.1, 0.8, 0.8))
    with pytest.raises(ValueError, match=r"ax: expected three .*, got Axes of shape \(\)"):
        ComponentsDisplay.from_predictions(np.arange(40), mixture, ax=free)


@pytest.mark.parametrize("display", [getattr(plotting, name) for name in plotting.__all__])
def test_an_array_of_axes_is_refused(display):
    model, X, y = linear_model()
    model.loss_curve_ = [1.0, 0.5]
    data = () if display is LossCurveDisplay else (X, y)
    grid = Figure().subplots(2, 3)
    with pytest.raises(ValueError, match=r"^ax: expected .* Axes.* got ndarray of shape \(2, 3\)"):
        display.from_estimator(model, *data, ax=grid)


def test_keywords_reach_the_main_artist():
    model, X, y = linear_model()
    assert PITDisplay.from_estimator(model, X, y, lw=5).bars_[0].get_linewidth() == 5
    lines = CoverageDisplay.from_estimator(model, X, y, alpha=0.5).lines_
    assert lines["central"].get_alpha() == 0.5
    band = ConditionalDensityDisplay.from_estimator(model, X, y, cmap="Greys", colorbar=False)
    assert band.density_.get_cmap().name == "Greys"
    assert not hasattr(band, "colorbar_")
    assert PredictiveDensityDisplay.from_estimator(model, X, lw=4).lines_[0].get_linewidth() == 4


def test_keywords_have_matplotlibs_short_and_long_names():
    model, X, y = linear_model()
    long, short = {"linewidth": 3, "color": "C1", "linestyle": ":"}, {"lw": 3, "c": "C1", "ls": ":"}
    for kwargs in (long, short):
        lines = [
            *PredictiveDensityDisplay.from_estimator(model, X, **kwargs).lines_,
            *CoverageDisplay.from_estimator(model, X, y, **kwargs).lines_.values(),
            *(
                c
                for panel in ComponentsDisplay.from_estimator(model, X, **kwargs).lines_
                for c in panel
            ),
        ]
        for line in lines:
            assert (line.get_linewidth(), line.get_color(), line.get_linestyle()) == (3, "C1", ":")
    assert PITDisplay.from_estimator(model, X, y, linewidth=5).bars_[0].get_linewidth() == 5
    band = ConditionalDensityDisplay.from_estimator(model, X, y, vmax=0.5)
    assert band.density_.get_clim()[1] == 0.5
    contours = ConditionalDensityDisplay.from_predictions(None, two_outputs(), cmap="viridis")
    assert all(contour.get_cmap().name == "viridis" for contour in contours.contours_)
    contours.plot(levels=[0.01, 0.02])
    assert all(list(contour.levels) == [0.01, 0.02] for contour in contours.contours_)


def public_callables():
    """Functions, classes, and the methods of the Displays, of both rooms, by name."""
    for room in (metrics, plotting):
        for name in room.__all__:
            found = getattr(room, name)
            if inspect.isfunction(found) or (inspect.isclass(found) and hasattr(found, "plot")):
                yield name, found
            for method in ("from_estimator", "from_predictions", "plot"):
                if hasattr(found, method):
                    yield f"{name}.{method}", getattr(found, method)


CALLABLES = dict(public_callables())


@pytest.mark.parametrize("name", CALLABLES)
def test_help_is_short_and_names_every_parameter_once(name):
    signature = inspect.signature(CALLABLES[name])
    assert len(str(signature)) <= 300
    text = inspect.getdoc(CALLABLES[name]).split("\nParameters\n----------\n")[1]
    section = re.split(r"\n\w+\n---", text)[0]
    entries = re.findall(r"^(\S.*?)(?: : .*)?$", section, re.MULTILINE)
    expected = [str(p).split(":")[0] for p in signature.parameters.values() if p.name != "self"]
    assert sorted(", ".join(entries).split(", ")) == sorted(expected)


def test_missing_matplotlib_is_named():
    with (
        mock.patch.dict(sys.modules, {"matplotlib": None}),
        pytest.raises(ImportError, match=r"pip install 'skmdn\[plot\]'"),
    ):
        PITDisplay([0.5, 0.6]).plot()


@pytest.mark.parametrize(
    "draw",
    [
        lambda given: ConditionalDensityDisplay.from_predictions(None, given, x=np.zeros(200)),
        lambda given: PredictiveDensityDisplay.from_predictions(None, given),
        lambda given: PITDisplay.from_predictions(np.zeros(200), given),
        lambda given: CoverageDisplay.from_predictions(np.zeros(200), given),
        lambda given: ComponentsDisplay.from_predictions(np.zeros(200), given),
    ],
)
def test_what_is_no_distribution_is_refused(draw):
    model, X, _ = linear_model()
    for given in (model.predict_proba(X).interval(0.9), model.predict(X)):
        with pytest.raises(TypeError, match=r"got ndarray of shape \(200.*; pass predict_proba\(X"):
            draw(given)


DISPLAYS = [getattr(plotting, name) for name in plotting.__all__ if name != "LossCurveDisplay"]


@pytest.mark.parametrize("display", DISPLAYS)
def test_estimators_without_distributions_are_refused(display):
    _, X, y = linear_model()
    with pytest.raises(TypeError, match=r"expected one that predicts dist.*got LinearRegression"):
        display.from_estimator(LinearRegression().fit(X, y), X, y)
    model = GaussianNB().fit(X, y > 0)
    with pytest.raises(TypeError, match=r"got ndarray of shape \(200, 2\)"):
        display.from_estimator(model, X, y)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda m: ConditionalDensityDisplay.from_predictions(None, m), "x: expected the feature"),
        (lambda m: ConditionalDensityDisplay.from_predictions(None, m, x=[0]), r"x: expected.*40"),
        (
            lambda m: ConditionalDensityDisplay.from_predictions([1.0], m, x=range(40)),
            r"y: expected outcomes of shape \(40,\), as the predictions, got \(1,\)",
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
        (
            lambda m: ConditionalDensityDisplay.from_predictions(
                None, m, x=range(40), levels=[0, 1]
            ),
            "levels: expected a number strictly between 0 and 1, got 0",
        ),
        (lambda m: PredictiveDensityDisplay.from_predictions(None, m, level=1.0), "level"),
        (
            lambda m: ComponentsDisplay.from_estimator(
                linear_model()[0], linear_model()[1], np.zeros(400)
            ),
            r"y: expected outcomes of shape \(200,\), .* got \(400,\)",
        ),
        (
            lambda m: PredictiveDensityDisplay.from_predictions(np.zeros(80), m),
            r"y: expected outcomes of shape \(40,\), .* got \(80,\)",
        ),
        (
            lambda m: PredictiveDensityDisplay.from_predictions(np.zeros((40, 2)), m),
            r"y: expected outcomes of shape \(40,\), .* got \(40, 2\)",
        ),
        (
            lambda m: PredictiveDensityDisplay.from_predictions(np.full(40, np.nan), m),
            "y contains NaN",
        ),
        (
            lambda m: ConditionalDensityDisplay.from_predictions(
                np.zeros(4), two_outputs(), x=range(4), output=1
            ),
            r"y: expected outcomes of shape \(4, 2\), .* got \(4,\)",
        ),
        (lambda m: PITDisplay.from_predictions(np.zeros(40), m, n_bins=0), "n_bins: expected"),
        (lambda m: PITDisplay.from_predictions(np.zeros(39), m), "y_true: expected shape"),
        (
            lambda m: PredictiveDensityDisplay.from_predictions(
                pd.date_range("2026", periods=40), m
            ),
            r"y: expected numbers, got dates or durations",
        ),
        (
            lambda m: ComponentsDisplay.from_predictions(pd.date_range("2026", periods=40), m),
            r"x: expected numbers, got dates or durations",
        ),
        (
            lambda m: ConditionalDensityDisplay.from_predictions(
                None, m, x=np.ma.masked_less(np.arange(40), 3)
            ),
            "x: expected an array without a mask",
        ),
        (
            lambda m: CoverageDisplay.from_predictions(np.zeros(40), m, regions=("all",)),
            "regions: expected 'central', 'hdr' or both",
        ),
        (lambda m: LossCurveDisplay.from_estimator(linear_model()[0]), "loss_curve_.*LinearGauss"),
        (
            lambda m: LossCurveDisplay.from_estimator(MDNRegressor()),
            "MDNRegressor .* is not fitted",
        ),
        (lambda m: ComponentsDisplay.from_predictions([0], m), r"x: expected shape \(40,\)"),
        (
            lambda m: ComponentsDisplay.from_predictions(range(40), m, ax=Figure().subplots(2, 3)),
            r"ax: expected three matplotlib Axes, or .*, got ndarray of shape \(2, 3\)",
        ),
        (
            lambda m: PredictiveDensityDisplay.from_predictions(None, m, y_limits=(1, 0)),
            r"y_limits: expected two numbers, the lower one first, got \(1, 0\)",
        ),
        (
            lambda m: ConditionalDensityDisplay.from_predictions(
                None, m, x=range(40), y_limits=[0, 1, 2]
            ),
            "y_limits: expected two numbers",
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
