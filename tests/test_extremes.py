"""Constants, outliers, few rows, odd types: what must simply work."""

import math
import warnings

import numpy as np
import pytest
from cases.bimodal import X_FIT, X_TEST, Y_FIT, Y_TEST
from cases.regressor import short
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.model_selection import PredefinedSplit

from skmdn import MDNRegressor

PROPERTY = settings(derandomize=True, database=None, max_examples=60, deadline=None)


def assert_finite_answers(model, X, y=None):
    density = model.predict_proba(X)
    point, std = model.predict(X, return_std=True)
    assert np.isfinite(point).all()
    assert np.isfinite(std).all()
    assert (std > 0).all()
    assert np.isfinite(model.sample(X, 2, random_state=0)).all()
    assert np.isfinite(density.median()).all()
    assert np.isfinite(density.interval(0.9)).all()
    if y is not None:
        assert np.isfinite(density.logpdf(y)).all()
    for curve in (model.loss_curve_, model.validation_loss_curve_):
        assert np.isfinite(curve).all()


@pytest.mark.parametrize("constant", [0.0, 0.1, -7.0, 1e8 + 0.1, 1e-12, 1e300])
@pytest.mark.parametrize("encoding", ["piecewise", None])
def test_a_constant_column_has_no_influence(constant, encoding):
    X = np.insert(X_FIT[:80], 1, constant, axis=1)
    model = short(max_iter=5, encoding=encoding).fit(X, Y_FIT[:80])
    expected = model.predict_proba(X)
    assert_finite_answers(model, X)
    for other in (0.0, 1.0, -1e12, 1e-12, 1e300):
        X[:, 1] = other
        assert model.predict_proba(X) == expected


def test_a_column_that_is_constant_where_there_is_weight_has_no_influence():
    X, weights = X_FIT[:80].copy(), np.ones(80)
    X[10:, 1], weights[:10] = 3.0, 0.0
    model = short(max_iter=5).fit(X, Y_FIT[:80], sample_weight=weights)
    expected = model.predict(X)
    X[:, 1] = -50.0
    np.testing.assert_array_equal(model.predict(X), expected)


@pytest.mark.parametrize("n_columns", [1, 3])
def test_nothing_but_constant_columns_gives_the_density_of_y(n_columns):
    X = np.full((300, n_columns), 0.1)
    model = short().fit(X, Y_FIT)
    assert_finite_answers(model, X, Y_FIT)
    density = model.predict_proba(X[:1])
    assert density.mean()[0] == pytest.approx(Y_FIT.mean(), abs=0.3)
    assert density.std()[0] == pytest.approx(Y_FIT.std(), rel=0.2)


@pytest.mark.parametrize("constant", [0.0, 5.0, -1e8, 1e-12])
def test_a_constant_target(constant):
    y = np.full(300, constant)
    model = short(max_iter=30).fit(X_FIT, y)
    assert_finite_answers(model, X_TEST, y)
    point, std = model.predict(X_TEST, return_std=True)
    unit = max(1.0, abs(constant))
    assert np.mean(np.abs(point - constant)) < 0.5 * unit
    assert np.mean(std) < unit


@pytest.mark.parametrize("covariance_type", ["spherical", "diag", "full"])
def test_a_constant_output_among_others(covariance_type):
    Y = np.column_stack([Y_FIT, np.full(300, 4.0), Y_FIT])  # one of them repeated, too
    model = short(covariance_type=covariance_type, max_iter=10).fit(X_FIT, Y)
    assert_finite_answers(model, X_TEST, Y)
    assert np.abs(model.predict(X_TEST)[:, 1] - 4).max() < 1


@pytest.mark.filterwarnings("ignore:(y|Output 1 of y) has a few values far out")
@pytest.mark.parametrize("covariance_type", ["diag", "full"])
@pytest.mark.parametrize("outliers", [[1e6], [-1e6, 1e6], [1e12]])
def test_targets_with_outliers(outliers, covariance_type):
    y = Y_FIT.copy()
    y[: len(outliers)] = np.array(outliers) * Y_FIT.std()
    for target in (y, np.column_stack([Y_FIT, y])):
        model = short(covariance_type=covariance_type, max_iter=10).fit(X_FIT, target)
        assert_finite_answers(model, X_TEST, target)
        assert_finite_answers(model, X_FIT[:1])


def test_targets_that_lie_far_outside_those_of_the_training():
    model = short().fit(X_FIT, Y_FIT)
    y = Y_TEST.copy()
    y[:3] = 1e6, -1e6, 1e12
    logpdf = model.predict_proba(X_TEST).logpdf(y)
    assert np.isfinite(logpdf).all()
    assert (logpdf[:3] < -1e6).all()
    assert_finite_answers(short().fit(X_FIT, Y_FIT, X_val=X_TEST, y_val=y), X_TEST)


@pytest.mark.parametrize("encoding", ["piecewise", None])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("far", [1e6, 1e30])
def test_inputs_that_lie_far_outside_those_of_the_training(far, dtype, encoding):
    model = short(max_iter=10, encoding=encoding).fit(X_FIT, Y_FIT)
    X = X_TEST.astype(dtype)
    X[0], X[1], X[2, 0] = far, -far, far
    assert_finite_answers(model, X)
    spoiled = X_FIT.astype(dtype)
    spoiled[0] = far
    assert_finite_answers(short(max_iter=10, encoding=encoding).fit(spoiled, Y_FIT), X)


@pytest.mark.parametrize("n_rows", [1, 3])
def test_duplicated_rows(n_rows):
    X, y = np.tile(X_FIT[:n_rows], (40, 1)), np.tile(Y_FIT[:n_rows], 40)
    assert_finite_answers(short(max_iter=50).fit(X, y), X, y)
    Y = np.column_stack([y, -y])
    assert_finite_answers(short(covariance_type="full").fit(X, Y), X, Y)


@pytest.mark.parametrize("kind", [np.int8, np.int64, np.uint8, np.float16, bool, object])
def test_numbers_of_any_kind(kind):
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 2, (60, 3)), rng.integers(0, 2, 60)
    model = short(max_iter=5).fit(X.astype(kind), y.astype(kind))
    expected = short(max_iter=5).fit(X.astype(float), y.astype(float))
    np.testing.assert_allclose(
        model.predict(X.astype(kind)), expected.predict(X.astype(float)), rtol=1e-6
    )
    assert model.predict(X.astype(kind)).dtype == np.float64


def test_integer_targets_are_not_cut_short():
    y = np.arange(60)
    X = np.column_stack([y, y]) / 7.0
    model = short(max_iter=10).fit(X, y)
    expected = short(max_iter=10).fit(X, y.astype(float))
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))


def test_float32_data_give_nearly_the_model_of_float64():
    X, y = X_FIT.astype(np.float32), Y_FIT.astype(np.float32)
    model, other = short(max_iter=10).fit(X, y), short(max_iter=10).fit(X_FIT, Y_FIT)
    np.testing.assert_allclose(model.predict(X), other.predict(X_FIT), atol=0.02)
    np.testing.assert_allclose(model.X_mean_, other.X_mean_, atol=1e-6)
    offset = (X_FIT + 1e4).astype(np.float32)
    assert_finite_answers(short(max_iter=10).fit(offset, y), offset, y)


def test_one_row_at_predict():
    model = short(max_iter=5).fit(X_FIT, Y_FIT)
    many = model.predict_proba(X_TEST)
    for row in (0, 17, 299):
        one = model.predict_proba(X_TEST[row : row + 1])
        assert len(one) == 1
        np.testing.assert_allclose(one.mean(), many.mean()[row : row + 1], rtol=1e-10)
        assert model.predict([X_TEST[row].tolist()]).shape == (1,)


FEW = [
    {},
    {"validation_fraction": None},
    {"covariance_type": "full", "n_components": 5},
    {"n_components": 30, "encoding": None},
    {"hidden_layer_sizes": (), "dtype": "float64", "n_components": 1},
]


@pytest.mark.parametrize("options", FEW, ids=str)
@pytest.mark.parametrize("n", [2, 3, 4, 5, 7, 10, 20])
def test_few_rows(n, options):
    X, y = X_FIT[:n], Y_FIT[:n]
    for target in (y, y[:, None], np.column_stack([y, X[:, 0], -y])):
        model = short(**{"max_iter": 15} | options).fit(X, target)
        assert_finite_answers(model, X_TEST[:20])
        assert_finite_answers(model, X, target)
    model.fit(X, y, sample_weight=np.arange(n)).partial_fit(X, y)
    assert_finite_answers(model, X)


def test_few_rows_with_the_whole_budget():
    """Some of the networks overflow where they validate, far from the row that trained them."""
    for n, seed in [(2, 0), (2, 1), (2, 3), (2, 6), (5, 0)]:
        model = MDNRegressor(random_state=seed).fit(X_FIT[:n], Y_FIT[:n])
        assert_finite_answers(model, X_TEST[:20])
        density = model.predict_proba(X_TEST[:20])
        assert np.abs(density.mean() - Y_FIT[:n].mean()).max() < 10 * Y_FIT.std()


@pytest.mark.filterwarnings("ignore:The loss or its gradient was not finite")
@pytest.mark.parametrize("learning_rate_init", [1.0, 10.0, 100.0])
def test_a_rate_far_too_high_leaves_finite_answers(learning_rate_init):
    options = {"learning_rate_init": learning_rate_init, "max_iter": 20, "random_state": 0}
    models = [
        MDNRegressor(**options).fit(X_FIT, Y_FIT),
        MDNRegressor(**options, validation_fraction=None).fit(X_FIT, Y_FIT),
        MDNRegressor(**options).partial_fit(X_FIT, Y_FIT).partial_fit(X_FIT, Y_FIT),
    ]
    for model in models:
        density = model.predict_proba(X_TEST)
        for answer in (density.mean(), density.std(), density.median(), density.logpdf(Y_FIT)):
            assert np.isfinite(answer).all()


def test_one_row_with_weight_is_enough():
    """All weight on one row: the answers are finite, and near that row's target."""
    weights = np.zeros(300)
    weights[3] = 2.0
    model = short(max_iter=10).fit(X_FIT, Y_FIT, sample_weight=weights)
    assert_finite_answers(model, X_TEST)
    np.testing.assert_allclose(model.predict(X_TEST), Y_FIT[3], atol=0.5)


@pytest.mark.parametrize("levels", [2, 3, 10])
@pytest.mark.parametrize("max_iter", [10, 100])
def test_discrete_targets(levels, max_iter):
    y = np.floor(np.random.default_rng(levels).uniform(0, levels, 300))
    model = short(max_iter=max_iter, n_components=levels).fit(X_FIT, y)
    assert_finite_answers(model, X_TEST, y)
    # No spread falls below the floor, so that no density is higher than the floor's peak.
    peak = 1 / (math.sqrt(2 * math.pi * 1e-6) * y.std())
    assert model.predict_proba(X_FIT).pdf(y).max() < peak


@settings(derandomize=True, database=None, max_examples=25, deadline=None)
@given(
    n=st.integers(2, 12),
    p=st.integers(1, 4),
    n_outputs=st.integers(1, 3),
    n_components=st.integers(1, 6),
    covariance_type=st.sampled_from(["spherical", "diag", "full"]),
    exponents=st.tuples(st.integers(-12, 12), st.integers(-12, 12)),
    discrete=st.booleans(),
    seed=st.integers(0, 100),
)
def test_any_small_data(n, p, n_outputs, n_components, covariance_type, exponents, discrete, seed):
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(n, p)), rng.normal(size=(n, n_outputs))
    if discrete:
        X, Y = np.round(X), np.round(Y)
    X, Y = X * 10.0 ** exponents[0], Y * 10.0 ** exponents[1]
    model = short(n_components=n_components, covariance_type=covariance_type, max_iter=3)
    assert_finite_answers(model.fit(X, Y), X, Y)
    assert model.predict(X).shape == (n, n_outputs)


LARGEST = np.finfo(np.float64).max
SIGNS = np.resize([1.0, -1.0, 0.5], 30)
SMALL = np.random.default_rng(0).normal(size=30)


@pytest.mark.parametrize("options", [{}, {"encoding": None, "linear_path": True}])
@pytest.mark.parametrize("y", [SIGNS * 1e300, 1e180 * SMALL, SIGNS * 5e-324])
def test_numbers_at_the_ends_of_float64(options, y):
    """Their sums, differences and squares overflow, on which NumPy warns: here an error."""
    X = np.column_stack([SIGNS * LARGEST, SMALL])
    model = short(max_iter=2, **options).fit(X, y).partial_fit(X, y)
    density = model.predict_proba(X)
    assert np.isfinite(density.means).all()
    assert np.isfinite(density.scales).all()
    assert model.score(X, y) <= 1


def test_an_answer_that_is_not_finite_has_the_worst_score(monkeypatch):
    model = short(max_iter=2).fit(X_FIT, Y_FIT)
    monkeypatch.setattr(MDNRegressor, "predict", lambda self, X: np.full(len(X), np.inf))
    assert model.score(X_FIT, Y_FIT) == -np.inf


@pytest.mark.parametrize("unit", [1e300, 5e-324])
def test_a_new_part_in_far_units(unit):
    X = SMALL[:, np.newaxis]
    model = short(max_iter=2, extrapolation="continue").partial_fit(X, SMALL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.partial_fit(X * SIGNS[:, np.newaxis] * 1e-3 * unit, SIGNS * unit)
    density = model.predict_proba(X)
    assert np.isfinite(density.means).all()


def test_targets_at_atoms_beside_huge_ones():
    y = np.where(SMALL > 0.5, 0.0, SIGNS * 1e300)
    model = short(max_iter=2, target_atoms=[0.0]).fit(SMALL[:, np.newaxis], y)
    assert np.isfinite(model.predict_proba(SMALL[:, np.newaxis]).base.means).all()


@pytest.mark.parametrize("options", [{"learning_rate_init": 1000.0, "alpha": 1e300}])
def test_the_longest_steps(options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = short(max_iter=3, **options).fit(X_FIT[:60], Y_FIT[:60])
    assert_finite_answers(model, X_TEST)


@pytest.mark.parametrize("unit", [1e-300, 1e-160, 1e160, 1e290])
def test_r2_has_no_unit(unit):
    model = short(max_iter=5, encoding=None).fit(X_FIT[:80], Y_FIT[:80] * unit)
    y, answers = Y_FIT[:80], model.predict(X_FIT[:80]) / unit
    assert model.score(X_FIT[:80], y * unit) == pytest.approx(r2_score(y, answers), rel=1e-9)


def test_a_mistyped_target_leaves_the_densities_of_all_others():
    """It neither chooses the checkpoint, nor are all spreads as wide as it is far."""
    ratios = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(700, 2))
        y = np.sin(2 * X[:, 0]) + 0.3 * rng.normal(size=700)
        losses = []
        for far in (0.0, 100.0):
            targets = y[:200].copy()
            targets[7] += far
            model = short(max_iter="auto", encoding=None, validation_fraction=0.3)
            model.set_params(validation_split=PredefinedSplit(np.where(np.arange(200) < 60, 0, -1)))
            density = model.fit(X[:200], targets).predict_proba(X[200:])
            losses.append(density.crps(y[200:]).mean())
        ratios.append(losses[1] / losses[0])
    assert np.median(ratios) < 1.6
