"""Displays of densities: over a feature, and of rows."""

from datetime import date

import numpy as np
import pandas as pd
import polars as pl
import pytest
from cases.linear_gaussian import LinearGaussian, linear_data
from cases.plotting import linear_model, new_axes, saved, text_of, two_outputs, two_peaks
from scipy import integrate
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skmdn import MDNRegressor, Mixture, TargetMixture
from skmdn.plotting import (
    ComponentsDisplay,
    ConditionalDensityDisplay,
    PredictiveDensityDisplay,
)

pytestmark = pytest.mark.usefixtures("no_screen")


# ConditionalDensityDisplay ----------------------------------------------------------------------


def test_a_band_is_the_density_over_the_feature(tmp_path):
    x, mixture = two_peaks()
    y = np.where(np.arange(40) % 3, 1 + x, -1 - x)
    order = np.random.default_rng(0).permutation(40)
    display = ConditionalDensityDisplay.from_predictions(
        y[order], mixture[order], x=x[order], levels=(0.1, 0.5, 0.9), ax=new_axes()
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


def test_a_band_of_one_atom_has_a_height(tmp_path):
    base = Mixture(np.ones((2, 1)), np.zeros((2, 1)), np.ones((2, 1)))
    mixture = TargetMixture(base, atoms=[3.0], atom_weights=np.full((2, 1), 0.9999))
    display = ConditionalDensityDisplay.from_predictions([3.0, 3.0], mixture, x=[0, 1])
    low, high = display.ax_.get_ylim()
    assert low < 3.0 < high
    assert np.isfinite(display.arrays.density).all()
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


def test_modes_are_marked_where_the_density_is_drawn():
    """A spike of little mass is higher than the peak that is seen, and does not hide its mode."""
    mixture = Mixture([[0.9999, 0.0001]] * 3, [[0.0, 4.0]] * 3, [[1.0, 1e-7]] * 3)
    display = ConditionalDensityDisplay.from_predictions(
        None, mixture, x=[0, 1, 2], y_limits=(-4, 6)
    )
    assert display.arrays.mode_densities.max() > 100
    np.testing.assert_allclose(display.modes_.get_ydata(), 0, atol=1e-6)
    far = ConditionalDensityDisplay.from_predictions(None, mixture, x=[0, 1, 2], y_limits=(3, 5))
    np.testing.assert_allclose(far.modes_.get_ydata(), 4, atol=1e-6)


def test_limits_and_names_of_ones_own():
    x, mixture = two_peaks()
    y = np.linspace(-2, 2, 40)
    band = ConditionalDensityDisplay.from_predictions(y, mixture, x=x, y_limits=(0, 2.5))
    assert band.ax_.get_ylim() == (0, 2.5)
    np.testing.assert_allclose(band.arrays.density, mixture.pdf(band.arrays.y[None]), atol=0.02)
    rows = {3: "Oslo", 10: "Bergen"}
    display = PredictiveDensityDisplay.from_predictions(y, mixture, rows=rows, y_limits=(0, 5))
    np.testing.assert_array_equal(display.rows, [3, 10])
    assert [text.get_text() for text in display.ax_.get_yticklabels()] == ["Oslo", "Bergen"]
    assert display.ax_.get_xlim() == (0, 5)
    assert (display.y[:, 0].tolist(), display.y[:, -1].tolist()) == ([0, 0], [5, 5])
    np.testing.assert_allclose(display.density, mixture[[3, 10]].pdf(display.y))
    assert np.isnan(display.truth_.get_xdata()).all()  # both outcomes are outside
    one = PredictiveDensityDisplay.from_predictions(y, mixture, rows={3: "Oslo"})
    assert one.ax_.get_ylabel() == "density of Oslo"
    contours = ConditionalDensityDisplay.from_predictions(None, two_outputs(), rows={2: "Bergen"})
    assert text_of(contours.ax_)[-1] == "Bergen"


def test_a_series_of_polars_without_a_name_is_y():
    x, mixture = two_peaks()
    for name, label in [("", "y"), ("mass (kg)", "mass (kg)")]:
        y = pl.Series(name, x)
        display = ConditionalDensityDisplay.from_predictions(y, mixture, x=x)
        assert display.ax_.get_ylabel() == label


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
        name, label = ("height (cm)", "mass (kg)") if as_frame else ("x1", "y")
        note = "at their medians" if reference is None else "as in row 7"
        assert display.ax_.get_xlabel() == f"{name}\nother features {note}"
        assert display.ax_.get_ylabel() == label


def test_names_that_the_model_learnt_label_the_axes():
    X, y = linear_data(60)
    frame = pd.DataFrame(X, columns=["a (s)", "b (s)", "c (s)"])
    model = MDNRegressor(n_components=2, max_iter=3, random_state=0).fit(frame, y)
    display = ConditionalDensityDisplay.from_estimator(model, frame, feature=2, ax=new_axes())
    assert display.ax_.get_xlabel() == "c (s)\nother features at their medians"
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
    with pytest.raises(ValueError, match="feature: expected a numeric or boolean one, got 'kind'"):
        ConditionalDensityDisplay.from_estimator(model, frame, feature="kind")
    note = "other features at their medians or most frequent values"
    assert display.ax_.get_xlabel() == f"length\n{note}"
    with pytest.raises(ValueError, match="feature: expected a number below 2 or one of"):
        ConditionalDensityDisplay.from_estimator(model, frame, feature="width")


class Seeing(LinearGaussian):
    """Keeps what it was asked, and predicts by the columns of numbers and truth values."""

    def predict_proba(self, X):
        self.asked_ = X
        return super().predict_proba(numbers_of(X))


def numbers_of(X):
    """Columns "length" and "wet" as floats, from any container."""
    if isinstance(X, np.ndarray):
        return X[:, :2].astype(float)
    return np.column_stack([np.asarray(X["length"], float), np.asarray(X["wet"], float)])


def tables():
    rng = np.random.default_rng(0)
    wet = rng.uniform(size=90) < 0.3
    columns = {"length": rng.normal(size=90), "wet": wet, "kind": np.tile(["a", "b", "b"], 30)}
    frame = pd.DataFrame(columns)
    return columns, {
        "array": frame.to_numpy(),
        "pandas": frame,
        "nullable": frame.convert_dtypes(),
        "polars": pl.DataFrame(columns),
    }


@pytest.mark.parametrize("display", [ConditionalDensityDisplay, ComponentsDisplay])
@pytest.mark.parametrize("container", ["array", "pandas", "nullable", "polars"])
def test_a_table_stays_in_its_container(container, display):
    columns, found = tables()
    X = found[container]
    y = columns["length"] + 2.0 * columns["wet"]
    model = Seeing().fit(numbers_of(X), y)
    picture = display.from_estimator(model, X, y, feature=0)
    asked = model.asked_
    assert type(asked) is type(X)
    assert asked.shape == (200, 3)
    values = picture.arrays.x if display is ConditionalDensityDisplay else picture.x
    np.testing.assert_allclose(numbers_of(asked)[:, 0], values)
    assert (values[0], values[-1]) == (columns["length"].min(), columns["length"].max())
    np.testing.assert_array_equal(numbers_of(asked)[:, 1], 0.0)  # wet is rarer than dry
    kind = asked[:, 2] if container == "array" else asked["kind"]
    assert set(kind) == {"b"}
    if container != "array":
        assert list(asked.columns) == list(columns)
        assert [asked[name].dtype for name in ("wet", "kind")] == [
            X[name].dtype for name in ("wet", "kind")
        ]
    display.from_estimator(model, X, y, feature=0, reference=2)
    np.testing.assert_array_equal(numbers_of(model.asked_)[:, 1], float(columns["wet"][2]))


@pytest.mark.parametrize("display", [ConditionalDensityDisplay, ComponentsDisplay])
@pytest.mark.parametrize("container", ["array", "pandas", "nullable", "polars"])
def test_a_boolean_feature_is_drawn_at_its_two_values(container, display, tmp_path):
    columns, found = tables()
    X = found[container]
    y = columns["length"] + 2.0 * columns["wet"]
    model = Seeing().fit(numbers_of(X), y)
    feature = 1 if container == "array" else "wet"
    picture = display.from_estimator(model, X, y, feature=feature)
    np.testing.assert_array_equal(numbers_of(model.asked_)[:, 1], [0, 1])
    np.testing.assert_allclose(numbers_of(model.asked_)[:, 0], np.median(columns["length"]))
    if container != "array":
        assert model.asked_["wet"].dtype == X["wet"].dtype or container == "nullable"
    name = np.ravel(picture.ax_)[-1].get_xlabel().split("\n")[0]
    assert name == ("x1" if container == "array" else "wet") + " (0: False, 1: True)"
    assert saved(picture, tmp_path) > 3000


@pytest.mark.parametrize("display", [ConditionalDensityDisplay, ComponentsDisplay])
def test_codes_of_categories_are_drawn_one_by_one(display):
    """Between two codes there is no category, and their median may be none."""
    rng = np.random.default_rng(0)
    X = np.column_stack([np.arange(60) % 4 * 10, np.arange(60) % 2 + 5, rng.normal(size=60)])
    model = Seeing().fit(X[:, :2], X[:, 2])
    model.categories_ = [np.array([0.0, 10.0, 20.0, 30.0]), np.array([5.0, 6.0]), None]
    picture = display.from_estimator(model, X, X[:, 2], feature=0)
    np.testing.assert_array_equal(model.asked_[:, 0], [0, 10, 20, 30])
    np.testing.assert_array_equal(model.asked_[:, 1], 5)
    np.testing.assert_allclose(model.asked_[:, 2], np.median(X[:, 2]))
    label = np.ravel(picture.ax_)[-1].get_xlabel()
    assert label.endswith("other features at their medians or most frequent values")
    display.from_estimator(model, X, X[:, 2], feature=2)
    assert set(model.asked_[:, 0]) == {0.0}


def test_features_that_cannot_be_drawn_are_named():
    X, y = linear_data(20)
    model = LinearGaussian().fit(X, y)
    frame = pl.DataFrame(X, schema=["a", "b", "c"])
    draw = ConditionalDensityDisplay.from_estimator
    with pytest.raises(ValueError, match=r"X: .* got a LazyFrame; call X.collect\(\) first"):
        draw(model, frame.lazy())
    with pytest.raises(ValueError, match="feature: expected one that varies, got 'b'"):
        draw(model, frame.with_columns(b=pl.lit(1.0)), feature="b")
    with pytest.raises(
        ValueError, match="feature: expected a numeric or boolean one, got 'b' of Date"
    ):
        draw(model, frame.with_columns(b=pl.lit(date(2026, 1, 2))), feature="b")


def test_missing_values_are_left_to_the_estimator():
    X, y = linear_data(60)
    X[[0, 5], 0], X[7, 1] = np.nan, np.nan
    for table in (X, pd.DataFrame(X, columns=list("abc"))):
        model = make_pipeline(SimpleImputer(), LinearGaussian()).fit(table, y)
        for kind in (ConditionalDensityDisplay, ComponentsDisplay):
            display = kind.from_estimator(model, table, y, feature=0)
            x = display.arrays.x if kind is ConditionalDensityDisplay else display.x
            assert (x[0], x[-1]) == (np.nanmin(X[:, 0]), np.nanmax(X[:, 0]))
        with pytest.raises(ValueError, match="reference: expected the number of one of 60 rows"):
            ConditionalDensityDisplay.from_estimator(model, table, reference=60)
    table.loc[:, "a"] = np.nan
    with pytest.raises(ValueError, match="feature: expected one with finite numbers, got 0"):
        ConditionalDensityDisplay.from_estimator(model, table)


def test_contours_hold_the_mass_that_they_say(tmp_path):
    mixture = two_outputs()
    Y = pd.DataFrame([[0, 0], [1, 1], [3, 2], [4, 2]], columns=["east (km)", "north (km)"])
    display = ConditionalDensityDisplay.from_predictions(Y, mixture, rows=[0, 2], ax=new_axes())
    arrays = display.arrays
    draws = mixture[0].sample(20_000, random_state=0)
    density = mixture[0].logpdf(draws)[0]
    for level, threshold in zip(arrays.levels, arrays.thresholds[0], strict=True):
        assert np.mean(density >= np.log(threshold)) == pytest.approx(level, abs=0.015)
    point = np.array([[arrays.y[0, 0, 40], arrays.y[0, 1, 90]]])
    assert arrays.density[0, 90, 40] == pytest.approx(mixture[0].pdf(point)[0])
    np.testing.assert_array_equal(arrays.y_true, Y.to_numpy()[[0, 2]])
    assert text_of(display.ax_) == ["east (km)", "north (km)", "row 0", "row 2", "outcomes"]
    assert display.ax_.get_legend().get_title().get_text() == "regions of 50% and 90%"
    assert len(display.contours_) == len(display.truth_) == 2
    assert saved(display, tmp_path) > 5000


def test_levels_of_contours_are_masses():
    levels = [0.2, 0.6, 0.8]
    display = ConditionalDensityDisplay.from_predictions(None, two_outputs(), levels=levels)
    draws = two_outputs()[0].sample(20_000, random_state=1)
    shares = np.mean(
        two_outputs()[0].logpdf(draws)[0] >= np.log(display.arrays.thresholds[0])[:, None], axis=1
    )
    np.testing.assert_allclose(shares, levels, atol=0.015)
    assert [len(contour.levels) for contour in display.contours_] == [3, 3, 3]


def test_a_narrow_row_beside_a_wide_one_has_its_contours():
    means = np.array([[[0.0, 0.0]], [[3.0, 4.0]]])
    mixture = Mixture(np.ones((2, 1)), means, np.array([[[1.0, 1.0]], [[1e-3, 2e-3]]]))
    display = ConditionalDensityDisplay.from_predictions(None, mixture, ax=new_axes())
    for contour, mean, scale in zip(display.contours_, means, (1.0, 1e-3), strict=True):
        assert len(contour.levels) == 2
        for paths, level in zip(contour.get_paths(), (0.9, 0.5), strict=True):
            # Circles, the second in units of its scales, with the radius of chi-squared.
            at = (paths.vertices - mean[0]) / (scale, scale if scale == 1 else 2e-3)
            radius = np.hypot(*at.T)
            assert radius == pytest.approx(np.sqrt(-2 * np.log(1 - level)), rel=0.03)


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


@pytest.mark.parametrize("scale", [1e299, 5e307])
def test_densities_as_wide_as_float64(scale):
    density = Mixture(np.ones((3, 1)), np.zeros((3, 1)), np.full((3, 1), scale))
    PredictiveDensityDisplay.from_predictions(None, density, rows=[0])
    ConditionalDensityDisplay.from_predictions(None, density, x=[0.0, 1.0, 2.0])


def test_one_place_on_the_axis_of_x():
    density = Mixture(np.ones((3, 1)), np.zeros((3, 1)), np.ones((3, 1)))
    ConditionalDensityDisplay.from_predictions(None, density, x=[1.0, 1.0, 1.0])


def test_two_outputs_are_drawn_as_contours_without_outcomes_too():
    X, y = linear_data(20)
    model = LinearGaussian().fit(X, np.column_stack([y, -y]))
    model.n_outputs_ = 2
    draw = ConditionalDensityDisplay.from_estimator
    assert len(draw(model, X).arrays.rows) == 3
    assert draw(model, X, output=1).arrays.density.ndim == 2


def test_rows_may_be_a_mask():
    X, y = linear_data(20)
    model = LinearGaussian().fit(X, y)
    display = PredictiveDensityDisplay.from_estimator(model, X, y, rows=np.arange(20) % 9 == 0)
    np.testing.assert_array_equal(display.rows, [0, 9, 18])
    with pytest.raises(ValueError, match="mask of 20 rows"):
        PredictiveDensityDisplay.from_estimator(model, X, y, rows=np.ones(7, dtype=bool))
