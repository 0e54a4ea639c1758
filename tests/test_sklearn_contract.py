"""scikit-learn's contract: its own checks, and the tools that people put around an estimator."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from cases.regressor import linear_rows, short
from cases.tables import skip_without_names
from scipy import sparse
from sklearn.base import clone, is_regressor
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import AdaBoostRegressor, BaggingRegressor, StackingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.multioutput import MultiOutputRegressor, RegressorChain
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from skmdn import MDNRegressor
from skmdn.metrics import log_likelihood_scorer

SHORT = {"hidden_layer_sizes": (16,), "max_iter": 30}
# One batch of all rows and none of them set aside: here a weight of two is the row twice, exactly.
# At a low rate, and where spreads cannot collapse, roundings do not grow to the check's 1e-9.
WEIGHTS_ARE_REPETITION = {
    "batch_size": 1_000_000,
    "calibrate": False,
    "dtype": "float64",
    "learning_rate_init": 5e-3,
    "reg_covar": 0.1,
    "validation_fraction": None,
}
# Only the default configuration has the full training budget.
CONFIGURATIONS = [
    MDNRegressor(),
    MDNRegressor(n_components=1, **SHORT),
    MDNRegressor(covariance_type="full", **SHORT),
    MDNRegressor(covariance_type="spherical", validation_fraction=None, **SHORT),
    MDNRegressor(dtype="float64", calibrate=False, target_transform="asinh", **SHORT),
    MDNRegressor(dtype="float64", calibrate=False, target_atoms="auto", **SHORT),
    MDNRegressor(target_transform="auto", **SHORT),
    MDNRegressor(activation="relu", encoding=None, **SHORT),
    MDNRegressor(hidden_layer_sizes=(), max_iter=40),
    MDNRegressor(hidden_layer_sizes=(16,), max_iter=60, **WEIGHTS_ARE_REPETITION),
]


def declared_failures(model):
    """The checks that fail by design, each with its reason."""
    failures = {
        "check_regressors_no_decision_function": "the answer of predict_proba is a density of y"
    }
    if model.validation_fraction is not None or model.batch_size == "auto":
        failures["check_sample_weight_equivalence_on_dense_data"] = (
            "rows are set aside and shuffled into batches at random: a repeated row is two rows to "
            "that draw, a row of weight two is one"
        )
    return failures


@parametrize_with_checks(CONFIGURATIONS, expected_failed_checks=declared_failures)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_tags_say_what_the_estimator_takes():
    tags = get_tags(MDNRegressor())
    assert is_regressor(MDNRegressor())
    assert tags.target_tags.required
    assert tags.target_tags.multi_output
    assert tags.target_tags.single_output
    assert not tags.target_tags.positive_only
    assert not tags.regressor_tags.poor_score
    assert not tags.non_deterministic
    assert not tags.no_validation
    assert not tags._skip_test
    assert tags.requires_fit
    assert not tags.input_tags.sparse
    assert tags.input_tags.allow_nan
    assert not tags.input_tags.string  # but in frames, which scikit-learn's checks do not pass
    assert not tags.input_tags.categorical


class WithoutGaps(MDNRegressor):
    """An MDNRegressor whose tags are scikit-learn's own, but for what a regressor must say."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = False
        return tags


def test_the_tag_of_gaps_switches_one_check_off():
    """That one expects NaN and infinity to be refused: the first is taken, the second below."""

    def checks(model):
        found = estimator_checks_generator(model)
        return {getattr(check, "func", check).__name__ for _, check in found}

    off = checks(WithoutGaps()) - checks(MDNRegressor())
    assert off == {"check_estimators_nan_inf"}
    assert checks(MDNRegressor()) <= checks(WithoutGaps())


@pytest.mark.parametrize("value", [np.inf, -np.inf])
@pytest.mark.parametrize("method", ["fit", "partial_fit", "predict", "predict_proba", "sample"])
def test_infinity_is_refused_where_gaps_are_taken(method, value):
    X, y = linear_rows()
    spoiled = X.copy()
    spoiled[3, 1] = np.nan
    data = (y,) if "fit" in method else ()
    getattr(short().fit(X, y), method)(spoiled, *data)
    spoiled[5, 2] = value
    with pytest.raises(ValueError, match="X contains infinity"):
        getattr(short().fit(X, y), method)(spoiled, *data)


def test_a_clone_is_unfitted_and_has_every_constructor_value():
    X, y = linear_rows()
    values = {"n_components": 3, "covariance_type": "full", "batch_size": 7, "alpha": 0.5}
    fitted = short(**values).fit(X, y)
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not [name for name in vars(copy) if name.endswith("_")]
    with pytest.raises(NotFittedError):
        copy.predict(X)
    np.testing.assert_array_equal(copy.fit(X, y).predict(X), fitted.predict(X))


def test_the_constructor_is_keyword_only_and_stores_what_it_gets():
    with pytest.raises(TypeError):
        MDNRegressor(5)
    sizes = [8, 4]
    model = MDNRegressor(hidden_layer_sizes=sizes, n_components=np.int64(2))
    assert model.hidden_layer_sizes is sizes
    model.fit(*linear_rows(20))
    assert model.hidden_layer_sizes is sizes
    assert sizes == [8, 4]


def test_defaults_are_those_of_the_plan():
    assert MDNRegressor().get_params() == {
        "n_components": 5,
        "covariance_type": "diag",
        "hidden_layer_sizes": (64, 64, 64),
        "activation": "silu",
        "encoding": "auto",
        "n_bins": 16,
        "extrapolation": "auto",
        "linear_path": "auto",
        "feature_weights": "auto",
        "alpha": "auto",
        "learning_rate_init": 0.015,
        "max_grad_norm": 10,
        "batch_size": "auto",
        "max_iter": "auto",
        "reg_covar": 1e-6,
        "validation_fraction": "auto",
        "validation_split": "auto",
        "calibrate": True,
        "categorical_features": "from_dtype",
        "target_transform": None,
        "target_atoms": None,
        "warm_start": False,
        "point_estimate": "mean",
        "device": "cpu",
        "dtype": "float32",
        "random_state": None,
        "verbose": 0,
    }


def test_no_attribute_promises_a_classifier_or_a_scorer_of_samples():
    model = short().fit(*linear_rows())
    for name in ("classes_", "score_samples", "decision_function", "transform"):
        assert not hasattr(model, name)


def test_score_is_r2_of_predict():
    X, y = linear_rows()
    weights = np.linspace(0, 1, len(y))
    model = short(max_iter=50).fit(X, y)
    assert model.score(X, y) == r2_score(y, model.predict(X))
    expected = r2_score(y, model.predict(X), sample_weight=weights)
    assert model.score(X, y, sample_weight=weights) == expected


def test_grid_search_in_two_processes_finds_the_two_answers():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1200, 1))
    y = rng.choice([-3.0, 3.0], 1200) + 0.2 * rng.normal(size=1200)
    search = GridSearchCV(
        short(max_iter=100, encoding=None),
        {"n_components": [1, 2]},
        scoring=log_likelihood_scorer,
        cv=2,
        n_jobs=2,
        error_score="raise",
    ).fit(X, y)
    # Density of one Gaussian of deviation 3 against two of deviation 0.2, in nats.
    expected = np.log(3) - np.log(0.2) - np.log(2)
    gain = search.cv_results_["mean_test_score"] @ [-1, 1]
    assert search.best_params_ == {"n_components": 2}
    assert gain == pytest.approx(expected, abs=0.2)
    assert search.predict_proba(X[:3]).n_components == 2
    assert search.score(X, y) == pytest.approx(
        search.best_estimator_.predict_proba(X).logpdf(y).mean()
    )


@pytest.mark.usefixtures("with_cross_validation")  # as in new processes
@pytest.mark.parametrize("scoring", ["r2", log_likelihood_scorer])
def test_cross_validation_gives_the_same_scores_for_any_number_of_processes(scoring):
    X, y = linear_rows()
    scores = [
        cross_val_score(short(), X, y, cv=3, n_jobs=jobs, scoring=scoring, error_score="raise")
        for jobs in (1, 2)
    ]
    assert np.isfinite(scores[0]).all()
    np.testing.assert_array_equal(scores[0], scores[1])


def test_cross_val_predict_of_points():
    X, y = linear_rows()
    assert cross_val_predict(short(), X, y, cv=2).shape == y.shape
    Y = np.column_stack([y, -y])
    assert cross_val_predict(short(), X, Y, cv=2).shape == Y.shape


def mixed_frame(n=120):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"width": rng.normal(5, 2, n), "colour": rng.choice(["red", "green", "blue"], n)}
    )
    shift = frame["colour"].map({"red": 0.0, "green": 10.0, "blue": 20.0}).to_numpy()
    return frame, shift + frame["width"].to_numpy() + 0.1 * rng.normal(size=n)


def test_pipeline_after_a_column_transformer():
    frame, y = mixed_frame()
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["width"]),
            ("names", OneHotEncoder(sparse_output=False), ["colour"]),
        ]
    )
    pipeline = make_pipeline(columns, short(max_iter=100)).fit(frame, y)
    assert pipeline.score(frame, y) > 0.95
    by_hand = pipeline[-1].predict_proba(columns.fit_transform(frame))
    assert pipeline.predict_proba(frame) == by_hand
    point, std = pipeline.predict(frame, return_std=True)
    np.testing.assert_array_equal(point, by_hand.mean())
    np.testing.assert_array_equal(std, by_hand.std())
    search = GridSearchCV(
        pipeline,
        {"mdnregressor__n_components": [1, 2]},
        scoring=log_likelihood_scorer,
        cv=2,
        error_score="raise",
    ).fit(frame, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_pipeline_that_keeps_frames_passes_their_names_on():
    frame, y = mixed_frame()
    columns = ColumnTransformer(
        [("numbers", StandardScaler(), ["width"])], verbose_feature_names_out=False
    ).set_output(transform="pandas")
    pipeline = make_pipeline(columns, short()).fit(frame, y)
    np.testing.assert_array_equal(pipeline[-1].feature_names_in_, ["width"])
    pipeline.predict(frame)


@pytest.mark.parametrize("frame_of", [pd.DataFrame, pl.DataFrame])
def test_frames_give_names_that_predict_checks(frame_of):
    X, y = linear_rows()
    names = ["a", "b", "c"]
    frame = frame_of({name: X[:, i] for i, name in enumerate(names)})
    skip_without_names(frame)
    model = short().fit(frame, y)
    np.testing.assert_array_equal(model.feature_names_in_, names)
    # Frames and arrays may differ in memory order, and so by rounding.
    np.testing.assert_allclose(model.predict(frame), short().fit(X, y).predict(X), rtol=1e-4)
    for other in (frame[["c", "a"]], frame_of(dict.fromkeys("abd", X[:, 0]))):
        for method in (model.predict, model.predict_proba, model.sample):
            with pytest.raises(ValueError, match="feature names should match"):
                method(other)
        with pytest.raises(ValueError, match="feature names should match"):
            model.partial_fit(other, y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)


@pytest.mark.parametrize("frame_of", [pd.DataFrame, pl.DataFrame])
def test_frames_with_columns_in_another_order_are_put_in_order(frame_of):
    X, y = linear_rows()
    frame = frame_of({name: X[:, i] for i, name in enumerate("abc")})
    skip_without_names(frame)
    turned = frame[["c", "a", "b"]]
    model, other = short().fit(frame, y), short().fit(frame, y, X_val=turned, y_val=y)
    np.testing.assert_array_equal(model.predict(turned), model.predict(frame))
    same = short().fit(frame, y, X_val=frame, y_val=y)
    np.testing.assert_array_equal(other.predict(frame), same.predict(frame))
    np.testing.assert_array_equal(
        other.partial_fit(turned, y).predict(frame), same.partial_fit(frame, y).predict(frame)
    )


@pytest.mark.parametrize("series", [pd.Series, pl.Series, list, tuple])
def test_a_series_is_a_target_without_outputs_axis(series):
    X, y = linear_rows()
    model = short().fit(X, series(y.tolist()))
    np.testing.assert_array_equal(model.predict(X), short().fit(X, y).predict(X))
    assert model.predict(X).shape == (80,)


@pytest.mark.filterwarnings("ignore:y is a table of one column")
@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("frame_of", [pd.DataFrame, pl.DataFrame, dict])
@pytest.mark.filterwarnings("ignore:y is a table of one column")
def test_a_frame_of_targets_keeps_its_outputs_axis_everywhere(frame_of, n_outputs):
    X, y = linear_rows()
    columns = {f"y{j}": y + j for j in range(n_outputs)}
    Y = np.column_stack(list(columns.values())) if frame_of is dict else frame_of(columns)
    model = short(point_estimate="median").fit(X, Y)
    density, n, D = model.predict_proba(X), len(X), n_outputs
    assert model.predict(X).shape == (n, D)
    assert [answer.shape for answer in model.predict(X, return_std=True)] == [(n, D), (n, D)]
    assert [answer.shape for answer in model.predict(X, return_cov=True)] == [(n, D), (n, D, D)]
    assert model.sample(X, n_samples=4).shape == (n, 4, D)
    assert model.sample(X).shape == (n, 1, D)
    assert density.means.shape == (n, 2, D)
    for method in ("mean", "std", "var", "median", "mode"):
        assert getattr(density, method)().shape == (n, D)
    assert density.ppf([0.1, 0.9]).shape == (n, 2, D)
    assert density.interval(0.9).shape == (n, 2, D)
    assert density.logpdf(np.asarray(Y)).shape == (n,)


def test_a_target_of_one_column_is_the_same_model_as_a_flat_one():
    X, y = linear_rows()
    flat, column = short().fit(X, y), short().fit(X, y[:, None])
    np.testing.assert_array_equal(flat.predict(X), column.predict(X)[:, 0])
    np.testing.assert_array_equal(
        flat.predict(X, return_cov=True)[1], column.predict(X, return_cov=True)[1][:, 0, 0]
    )
    seeded = [model.sample(X, 3, random_state=0) for model in (flat, column)]
    np.testing.assert_array_equal(seeded[0], seeded[1][..., 0])


def test_inside_other_meta_estimators():
    X, y = linear_rows()
    for ensemble in (
        BaggingRegressor(short(), n_estimators=2, random_state=0),
        AdaBoostRegressor(short(), n_estimators=2, random_state=0),
        StackingRegressor([("density", short()), ("ridge", Ridge())], cv=2),
        RegressorChain(short()),
    ):
        target = np.column_stack([y, -y]) if isinstance(ensemble, RegressorChain) else y
        assert np.isfinite(ensemble.fit(X, target).predict(X)).all()
    transformed = TransformedTargetRegressor(short(), func=np.arcsinh, inverse_func=np.sinh)
    assert transformed.fit(X, y).predict(X).shape == y.shape
    Y = np.column_stack([y, -y])
    assert MultiOutputRegressor(short()).fit(X, Y).predict(X).shape == Y.shape


def test_inspection_asks_for_the_point_estimate():
    X, y = linear_rows()
    model = short(max_iter=100).fit(X, y)
    importances = permutation_importance(model, X, y, n_repeats=3, random_state=0)
    assert list(np.argsort(importances.importances_mean)) == [2, 1, 0]
    average = partial_dependence(model, X, [0], grid_resolution=5)["average"][0]
    assert (np.diff(average) > 0).all()


def test_weights_are_routed_to_fit_and_score():
    X, y = linear_rows()
    weights = np.where(np.arange(len(y)) % 2, 1.0, 0.0)
    with sklearn.config_context(enable_metadata_routing=True):
        model = short().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        pipeline = make_pipeline(StandardScaler(), model)
        pipeline[0].set_fit_request(sample_weight=True)
        routed = pipeline.fit(X, y, sample_weight=weights)
        scaler = StandardScaler().fit(X, sample_weight=weights)
        direct = short().fit(scaler.transform(X), y, weights)
        np.testing.assert_array_equal(routed.predict(X), direct.predict(scaler.transform(X)))
        scores = cross_val_score(model, X, y, cv=2, params={"sample_weight": weights + 0.5})
        unweighted = cross_val_score(clone(model), X, y, cv=2, params={})
    assert np.isfinite(scores).all()
    assert (scores != unweighted).all()


def test_validation_data_can_be_routed():
    X, y = linear_rows()
    with sklearn.config_context(enable_metadata_routing=True):
        model = short().set_fit_request(X_val=True, y_val=True)
        pipeline = make_pipeline(StandardScaler(), model)
        pipeline.fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:])
    assert len(pipeline[-1].validation_loss_curve_) > 1


def test_unrouted_weights_are_refused():
    X, y = linear_rows()
    with (
        sklearn.config_context(enable_metadata_routing=True),
        pytest.raises(ValueError, match="sample_weight"),
    ):
        make_pipeline(short()).fit(X, y, sample_weight=np.ones(len(y)))


SPARSE = [sparse.csr_matrix, sparse.csc_array, sparse.coo_array]


@pytest.mark.parametrize("form", SPARSE)
def test_sparse_inputs_meet_scikit_learns_error(form):
    X, y = linear_rows()
    model = short().fit(X, y)
    calls = [
        lambda: short().fit(form(X), y),
        lambda: short().partial_fit(form(X), y),
        lambda: model.predict(form(X)),
        lambda: model.predict_proba(form(X)),
        lambda: model.sample(form(X)),
        lambda: short().fit(X, y, X_val=form(X), y_val=y),
    ]
    for call in calls:
        with pytest.raises(TypeError, match="Sparse data was passed"):
            call()


@pytest.mark.parametrize("method", ["predict", "predict_proba", "sample"])
def test_an_unfitted_model_says_so(method):
    with pytest.raises(NotFittedError, match="MDNRegressor"):
        getattr(MDNRegressor(), method)([[1.0]])
