"""Gaps in X: what the network sees of them, and what answers depend on."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from cases.regressor import linear_rows, mean_log_likelihood, short

from skmdn._estimators.observations import Observations
from skmdn._network.encoding import PiecewiseLinear
from skmdn._network.preparation import Preparation
from skmdn._predictor import Predictor
from skmdn._training.settings import Settings
from skmdn._training.start import continued_start

NAN = np.nan
EDGES = [[-2.0, 0.0, 1.0, 3.0], [-1.0, 0.5, 2.0], [], [0.0, 1.0, 4.0]]


def with_gaps(n=80, share=0.3, seed=0):
    """Rows of which the first feature has gaps at random."""
    X, y = linear_rows(n, seed=seed)
    X[np.random.default_rng(seed + 1).random(n) < share, 0] = NAN
    return X, y


def expected_inputs(preparation, fit_rows, X):
    """The network's inputs by their description, from the rows that it was fitted on."""
    columns, bins, indicators = [], [], []
    for j, (seen, x) in enumerate(zip(fit_rows.T, X.T, strict=True)):
        cells = seen[~np.isnan(seen)]
        has_cells = len(cells) > 0
        mean, scale = (cells.mean(), cells.std()) if has_cells else (0.0, np.inf)
        value, is_gap = np.where(np.isnan(x), mean, x), np.isnan(x)
        z = (value - mean) / scale
        columns.append(z / np.sqrt(1 + (z / 5) ** 2))
        has_indicator = has_cells and len(cells) < len(seen)
        starts, stops = EDGES[j][:-1], EDGES[j][1:]
        for k, (start, stop) in enumerate(zip(starts, stops, strict=True)):
            filled = (value - start) / (stop - start)
            filled = np.clip(filled, -2 if k == 0 else 0, 3 if k == len(starts) - 1 else 1)
            bins.append(np.where(is_gap & has_indicator, 0.5, filled))
        if has_indicator:
            indicators.append(is_gap)
    return np.column_stack([*columns, *bins, *indicators])


def rows_with_gaps(n=40):
    """Features with some gaps, without, with nothing else, and with gaps in other rows."""
    X = np.random.default_rng(0).normal(0.5, 1.5, (n, 4))
    X[::3, 0], X[:, 2], X[5, 3] = NAN, NAN, NAN
    return X


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_inputs_at_gaps(dtype):
    """z is 0 and bins are half filled, or as at the mean if fit had no gaps; an indicator is 1."""
    fit_rows = rows_with_gaps().astype(dtype)
    encoding = PiecewiseLinear.from_edges([np.array(edges) for edges in EDGES])
    preparation = Preparation.of(fit_rows, np.arange(40.0)[:, None], None, encoding)
    np.testing.assert_array_equal(preparation.with_gaps, [0, 3])
    np.testing.assert_array_equal(preparation.X_count, [26, 40, 0, 39])
    X = np.concatenate([fit_rows, [[NAN] * 4, [1.0, NAN, 2.0, NAN], [0.0, 1.0, -5.0, 2.0]]])
    X = X.astype(dtype)
    out = np.empty((len(X), preparation.n_inputs), dtype)
    preparation.inputs(X, out)
    expected = expected_inputs(preparation, fit_rows.astype(float), X.astype(float))
    assert out.shape == expected.shape == (43, 4 + 7 + 2)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-12 if dtype == np.float64 else 2e-6)
    np.testing.assert_array_equal(out[-3, :4], 0)
    np.testing.assert_array_equal(out[-3, 11:], 1)
    np.testing.assert_array_equal(out[-1, 11:], 0)


def test_gaps_in_rows_without_weight_have_no_indicator():
    X, y = linear_rows()
    X[:20, 0] = NAN
    weights = np.repeat([0.0, 1.0, 2.0], [20, 30, 30])
    model = short().fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(model.X_count_, [60, 60, 60])
    assert model.n_samples_seen_ == 60
    X[60:, 1] = NAN
    model.fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(model.X_count_, [60, 40, 60])
    assert model.X_mean_[1] == pytest.approx(np.average(X[:60, 1], weights=weights[:60]))
    assert len(model.coefs_[0]) == 3 + sum(len(edges) - 1 for edges in model.bin_edges_) + 1
    assert all(np.isfinite(edges).all() for edges in model.bin_edges_)


X_GAPS, Y_GAPS = with_gaps()
ENTRIES = [[None if np.isnan(x) else float(x) for x in row] for row in X_GAPS]
NAMES = ["a", "b", "c"]
SAME = {
    "list of None": ENTRIES,
    "list of NA": [[pd.NA if x is None else x for x in row] for row in ENTRIES],
    "tuples": tuple(map(tuple, ENTRIES)),
    "objects": np.array(ENTRIES, dtype=object),
    "objects with NA": np.array([[pd.NA if x is None else x for x in r] for r in ENTRIES], object),
    "objects with NaN": X_GAPS.astype(object),
    "columns first": np.asfortranarray(X_GAPS),
}
SAME_FRAMES = {
    "pandas": pd.DataFrame(X_GAPS, columns=NAMES),
    "pandas objects": pd.DataFrame(ENTRIES, columns=NAMES, dtype=object),
    "pandas nullable": pd.DataFrame(ENTRIES, columns=NAMES).astype("Float64"),
    "polars NaN": pl.DataFrame(X_GAPS, schema=NAMES),
    "polars null": pl.DataFrame(ENTRIES, schema=NAMES, orient="row"),
}


@pytest.mark.parametrize("kind", SAME)
def test_gaps_are_the_same_in_any_array(kind):
    expected = short().fit(X_GAPS, Y_GAPS)
    model = short().fit(SAME[kind], Y_GAPS)
    np.testing.assert_array_equal(model.predict(SAME[kind]), expected.predict(X_GAPS))


@pytest.mark.parametrize("kind", [*SAME_FRAMES, "pyarrow NaN", "pyarrow null"])
def test_gaps_are_the_same_in_any_frame(kind):
    frame = SAME_FRAMES.get(kind)
    if frame is None:
        pa = pytest.importorskip("pyarrow")
        columns = X_GAPS.T if kind == "pyarrow NaN" else [*zip(*ENTRIES, strict=True)]
        frame = pa.table({n: pa.array(c) for n, c in zip(NAMES, columns, strict=True)})
    expected = short().fit(X_GAPS, Y_GAPS)
    model = short().fit(frame, Y_GAPS)
    np.testing.assert_array_equal(model.X_count_, expected.X_count_)
    np.testing.assert_array_equal(model.predict(frame), expected.predict(X_GAPS))


def test_gaps_in_float32():
    model = short().fit(X_GAPS.astype(np.float32), Y_GAPS)
    answers = model.predict(X_GAPS.astype(np.float32))
    np.testing.assert_allclose(answers, model.predict(X_GAPS), rtol=1e-3, atol=1e-3)


def test_validation_data_may_have_gaps_that_the_rest_has_not():
    X, y = linear_rows()
    X_val, y_val = with_gaps(seed=3)
    model = short().fit(X, y, X_val=X_val, y_val=y_val)
    np.testing.assert_array_equal(model.X_count_, 80)
    filled = np.where(np.isnan(X_val), model.X_mean_, X_val)
    same = short().fit(X, y, X_val=filled, y_val=y_val)
    np.testing.assert_array_equal(same.predict(X_val), model.predict(X_val))
    assert np.isfinite(model.validation_loss_curve_).all()


def test_a_feature_without_gaps_in_fit_is_taken_at_its_mean():
    model = short().fit(*linear_rows())
    X = linear_rows(20, seed=5)[0]
    at_mean = X.copy()
    X[:, 1], at_mean[:, 1] = NAN, model.X_mean_[1]
    np.testing.assert_array_equal(model.predict(X), model.predict(at_mean))


def test_a_row_has_the_same_answer_whatever_the_others_hold():
    model = short().fit(X_GAPS, Y_GAPS)
    rng = np.random.default_rng(7)
    X = linear_rows(60, seed=8)[0]
    X[::2][rng.random((30, 3)) < 0.4] = NAN
    expected = model.predict_proba(X)
    for share in (0.0, 0.5, 1.0):
        other = X.copy()
        other[1::2] = np.where(rng.random((30, 3)) < share, NAN, 100 * rng.normal(size=(30, 3)))
        found = model.predict_proba(other)
        for name in ("weights", "means", "scales"):
            np.testing.assert_array_equal(getattr(found, name)[::2], getattr(expected, name)[::2])


@pytest.mark.parametrize("X", [np.full((30, 2), NAN), [[None, 1.0]] * 30])
def test_features_of_nothing_but_gaps_have_no_influence(X):
    y = np.random.default_rng(0).normal(size=30)
    model = short().fit(X, y)
    assert not np.isfinite(model.X_scale_[0])
    answers = [model.predict(np.full((2, 2), value)) for value in (NAN, 1.0, -50.0)]
    assert np.ptp(answers) < 1e-12


# Going on ----------------------------------------------------------------------------------------


def density_before_and_after(model, X, y, rows, *, keeps_scaling):
    """Raw parameters for some rows before and after a start from the fitted network."""
    before = Predictor.of(model)
    start = continued_start(
        Settings.of(model),
        Observations.of(X, y[:, None], None, 1),
        before,
        np.random.default_rng(0),
        keeps_scaling=keeps_scaling,
    )
    after = before._replace(
        preparation=start.preparation,
        coefs=[layer[:-1] for layer in start.layers],
        intercepts=[layer[-1] for layer in start.layers],
    )
    return before.density(rows), after.density(rows), start.preparation


@pytest.mark.parametrize("encoding", ["piecewise", None])
@pytest.mark.parametrize("first_has_gaps", [False, True])
def test_the_function_stays_when_gaps_come_later(first_has_gaps, encoding):
    """Where the scaling stays, it is the same for rows with gaps and without.

    Only gaps that no row has had so far are no longer as uncertain as a line varies.
    """
    X, y = with_gaps() if first_has_gaps else linear_rows()
    words = {"encoding": encoding, "extrapolation": "constant"}
    model = short(warm_start=True, **words).fit(X, y)
    more = linear_rows(50, seed=4)[0]
    more[::2, 1], more[::3, 2] = NAN, NAN
    rows = linear_rows(40, seed=6)[0]
    rows[np.random.default_rng(0).random(rows.shape) < 0.3] = NAN
    was, becomes, preparation = density_before_and_after(
        model, more, linear_rows(50, seed=4)[1], rows, keeps_scaling=True
    )
    np.testing.assert_array_equal(preparation.with_gaps, [0, 1, 2][0 if first_has_gaps else 1 :])
    np.testing.assert_allclose(becomes.means, was.means, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(becomes.scales, was.scales, rtol=1e-5)
    np.testing.assert_allclose(becomes.weights, was.weights, atol=1e-6)


@pytest.mark.parametrize("encoding", ["piecewise", None])
def test_the_function_at_gaps_stays_when_the_scaling_changes(encoding):
    """A row of nothing but gaps has no z-scores, whose soft clip is not linear."""
    X, y = with_gaps()
    words = {"encoding": encoding, "extrapolation": "constant"}
    model = short(dtype="float64", reg_covar=1e-12, **words).fit(X, y)
    more = 3 + 2 * linear_rows(50, seed=4)[0]
    more[::3] = NAN
    was, becomes, preparation = density_before_and_after(
        model, more, y[:50], np.full((1, 3), NAN), keeps_scaling=False
    )
    assert np.all(preparation.X_mean > model.X_mean_ + 0.5)
    np.testing.assert_allclose(becomes.means, was.means, rtol=1e-9)
    np.testing.assert_allclose(becomes.scales, was.scales, rtol=1e-5)  # but for their floor
    np.testing.assert_allclose(becomes.weights, was.weights, rtol=1e-9)


def test_parts_with_gaps_have_the_scaling_of_all_rows():
    X, y = with_gaps(120)
    X[:40, 2], X[80:, 1] = NAN, NAN
    model = short()
    for part in np.split(np.arange(120), 3):
        model.partial_fit(X[part], y[part])
    np.testing.assert_array_equal(model.X_count_, np.count_nonzero(~np.isnan(X), axis=0))
    assert model.n_samples_seen_ == 120
    np.testing.assert_allclose(model.X_mean_, np.nanmean(X, axis=0), rtol=1e-12)
    np.testing.assert_allclose(model.X_scale_, np.nanstd(X, axis=0), rtol=1e-12)
    assert len(model.coefs_[0]) == 3 + sum(max(0, len(e) - 1) for e in model.bin_edges_) + 3


@pytest.mark.parametrize("value", [NAN, 1.0])
def test_a_feature_that_begins_in_a_later_part_disturbs_no_training(value):
    """Warnings are errors: there was one of a loss that is not finite."""
    X, y = linear_rows(120)
    X[:40, 2] = value
    model = short()
    for part in np.split(np.arange(120), 3):
        model.partial_fit(X[part], y[part])
    assert (model.optimizer_state_[2][0] > 0).all()  # the gradient's squares
    assert np.ptp(model.predict(np.array([[0.0, 0.0, -1.0], [0.0, 0.0, 1.0]]))) > 0


# Learning ----------------------------------------------------------------------------------------


def test_a_gap_that_says_something_is_learnt():
    """y is shifted where x is missing, and otherwise a line in x: the best density is known.

    Without an indicator a gap is the mean of x, and the shift of 3 would cost far more than the
    tolerance: about log(3 / 0.5) nats in a third of the rows.
    """
    rng = np.random.default_rng(0)
    x, noise = rng.normal(size=1200), 0.5 * rng.normal(size=1200)
    is_gap = rng.random(1200) < 1 / 3
    y = np.where(is_gap, 3.0, x) + noise
    X = np.where(is_gap, NAN, x)[:, None]
    model = short(n_components=1, max_iter=60, hidden_layer_sizes=(16,)).fit(X[:800], y[:800])
    found = mean_log_likelihood(model, X[800:], y[800:])
    best = np.mean(-0.5 * (noise[800:] / 0.5) ** 2 - np.log(0.5 * np.sqrt(2 * np.pi)))
    assert found > best - 0.25
