"""Bad input: an error that names the argument, and an estimator that is what it was before."""

import copy
import functools

import numpy as np
import pandas as pd
import pytest
import torch
from cases.regressor import short
from scipy import sparse

from skmdn import ConformalMDNRegressor, MDNEnsembleRegressor, MDNRegressor

N, P = 24, 3


def rows(n=N, p=P, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X, X[:, 0] + 0.1 * rng.normal(size=n)


X_GOOD, Y_GOOD = rows()


@functools.cache
def fitted_once():
    return short().fit(X_GOOD, Y_GOOD)


def new_fitted():
    return copy.deepcopy(fitted_once())


@pytest.fixture
def fitted():
    return new_fitted()


def assert_raises_and_stays(model, call, error, match):
    """The call fails as said, and `model` keeps every attribute, object for object."""
    held, content = dict(vars(model)), copy.deepcopy(vars(model))
    with pytest.raises(error, match=match):
        call(model)
    assert list(vars(model)) == list(held)
    for name, value in vars(model).items():
        assert value is held[name], name
        np.testing.assert_equal(value, content[name], err_msg=name)


def check_training_error(data, error, match):
    """`fit` and `partial_fit`, of a fresh, a fitted and a warm-started model."""
    fitted = new_fitted()
    for model in (short(), fitted, new_fitted().set_params(warm_start=True)):
        for method in ("fit", "partial_fit"):
            assert_raises_and_stays(
                model, lambda m, method=method: getattr(m, method)(**data), error, match
            )
    np.testing.assert_array_equal(fitted.predict(X_GOOD), fitted_once().predict(X_GOOD))


NOT_A_NUMBER = [None, "many", [1], np.nan]
OUT_OF_RANGE = {
    "n_components": [0, -1, 1.5, *NOT_A_NUMBER],
    "covariance_type": ["tied", "DIAG", None, 1],
    "hidden_layer_sizes": [
        0,
        -3,
        (8, 0),
        (8, -1),
        (8, 2.5),
        ("8",),
        ((8,),),
        "8",
        None,
        2.5,
        True,
        {8: 1},
        np.array(8),
    ],
    "activation": ["gelu", None, np.tanh],
    "encoding": ["onehot", 1, True],
    "n_bins": [0, -1, 2.5, *NOT_A_NUMBER],
    "extrapolation": ["line", True, None, 1],
    "linear_path": ["yes", None, 2, 0.5],
    "feature_weights": ["trees", True, 1.0, [1.0]],
    "alpha": [-1e-9, np.inf, *NOT_A_NUMBER],
    "learning_rate_init": [0.0, -1e-3, 1e31, np.inf, *NOT_A_NUMBER],
    "max_grad_norm": [0.0, -1, *NOT_A_NUMBER],
    "batch_size": [0, -1, 2.5, *NOT_A_NUMBER],
    "max_iter": [0, -1, 2.5, np.inf, *NOT_A_NUMBER],
    "reg_covar": [0.0, -1e-6, np.inf, *NOT_A_NUMBER],
    "validation_fraction": [0.0, 1.0, -0.1, 1.5, 2, np.nan, "0.1", [0.1]],
    "validation_split": ["first", None, 5, True, [([0], [1])]],
    "calibrate": [None, "yes", 2, 0.5],
    "categorical_features": ["text", 1, True, 0.5, {0}, {"a": 0}, [0.5], [[0]], [3], [None]],
    "target_atoms": [
        "zero",
        0,
        True,
        [],
        [np.nan],
        [0, np.inf],
        [1, 1.0],
        ["0"],
        [[0]],
        [[0], [0, 1]],
        [None],
        {0: 1},
    ],
    "target_transform": ["exp", ["auto"], 1, True, np.log, ["log", "log"], [3], {"log": 1}, []],
    "warm_start": [None, "yes", 2, 0.5],
    "point_estimate": ["average", None, np.mean],
    "device": ["gpu", "cuda:", "cuda:x", "cpu:0:1", "", None, 0],
    "dtype": ["float16", "f4", None, np.float32],
    "random_state": [-1, 1.5, "seed", [1]],
    "verbose": [-1, "yes", None],
}


def test_every_constructor_value_is_tried_out_of_range():
    assert OUT_OF_RANGE.keys() == MDNRegressor().get_params().keys()


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in OUT_OF_RANGE.items() for value in values]
)
def test_a_constructor_value_out_of_range_is_named(name, value):
    fresh, fitted = short(), new_fitted()
    for model in (fresh.set_params(**{name: value}), fitted.set_params(**{name: value})):
        for method in ("fit", "partial_fit"):
            assert_raises_and_stays(
                model,
                lambda m, method=method: getattr(m, method)(X_GOOD, Y_GOOD),
                ValueError,
                f"'{name}'",
            )
    with pytest.raises(ValueError, match="Got ") as caught:
        fresh.fit(X_GOOD, Y_GOOD)
    assert repr(value) in str(caught.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")
def test_a_gpu_that_is_not_there_is_named():
    model = short(device="cuda")
    assert_raises_and_stays(model, lambda m: m.fit(X_GOOD, Y_GOOD), ValueError, "device")


def spoiled(array, value, place=(5,)):
    array = array.astype(np.result_type(array, np.asarray(value)))
    array[place] = value
    return array


WORDS = np.full((N, P), "word")
BAD_X = {
    "infinity": (
        spoiled(X_GOOD, np.inf, (5, 1)),
        ValueError,
        "X contains infinity .* The first is inf at row 5, column 1. .* make it NaN",
    ),
    "minus infinity": (spoiled(X_GOOD, -np.inf), ValueError, "The first is -inf at row 5, column"),
    "float32 infinity": (spoiled(X_GOOD, np.inf).astype("f4"), ValueError, "X contains infinity"),
    "words": (WORDS, ValueError, "column 0: expected numbers, got text such as 'word'"),
    "objects": (WORDS.astype(object), ValueError, "column 0: expected numbers, got text"),
    "dates": (np.full((N, P), "2020-01-01", dtype="M8[D]"), ValueError, "column 0: .*dates"),
    "words and numbers": (
        np.where(X_GOOD > 0, X_GOOD.astype(object), "word"),
        ValueError,
        r"column \d: expected numbers, got text such as 'word'",
    ),
    "complex objects": (spoiled(X_GOOD, 1j).astype(object), TypeError, "X.*: expected numbers"),
    "masked": (np.ma.masked_less(X_GOOD, 0), ValueError, "mask"),
    "complex": (X_GOOD + 1j, ValueError, "Complex data not supported"),
    "one axis": (X_GOOD[:, 0], ValueError, "Expected 2D array, got 1D array"),
    "three axes": (X_GOOD[:, :, None], ValueError, "dim 3"),
    "a number": (3.0, ValueError, "Expected 2D array, got scalar"),
    "no rows": (X_GOOD[:0], ValueError, r"0 sample\(s\)"),
    "no columns": (X_GOOD[:, :0], ValueError, r"0 feature\(s\)"),
    "sparse": (sparse.csr_array(X_GOOD), TypeError, "Sparse data was passed"),
    "gradients": (torch.zeros(N, P, requires_grad=True), ValueError, "^X.*: .*detach"),
    "huge integers": (np.full((N, P), 10**400, dtype=object), ValueError, "X.*too large"),
}
BAD_Y = {
    "None": (None, ValueError, "requires y to be passed, but the target y is None"),
    "NaN": (
        spoiled(Y_GOOD, np.nan),
        ValueError,
        "y contains NaN. The first is nan at row 5. Leave out such rows",
    ),
    "infinity": (spoiled(Y_GOOD, np.inf), ValueError, "y contains infinity .* inf at row 5. Leave"),
    "NaN among outputs": (
        spoiled(np.column_stack([Y_GOOD, Y_GOOD]), np.nan, (5, 1)),
        ValueError,
        "y contains NaN. The first is nan at row 5, column 1",
    ),
    "words": (WORDS[:, 0], ValueError, "y: expected numbers, got text"),
    "figures in words": (np.full(N, "1.5"), ValueError, "y: expected numbers, got text"),
    "objects": (WORDS[:, 0].astype(object), ValueError, "y: expected numbers, got text"),
    "dates": (np.full(N, "2020-01-01", dtype="M8[D]"), ValueError, "y: expected numbers, got date"),
    "masked": (np.ma.masked_less(Y_GOOD, 0), ValueError, "y: .*mask"),
    "complex": (Y_GOOD + 1j, ValueError, "Complex data not supported"),
    "three axes": (Y_GOOD[:, None, None], ValueError, "dim 3"),
    "no outputs": (np.empty((N, 0)), ValueError, r"0 feature\(s\)|outputs"),
    "no rows": (Y_GOOD[:0], ValueError, r"0 sample\(s\)|inconsistent numbers of samples"),
    "too short": (Y_GOOD[:-1], ValueError, "inconsistent numbers of samples"),
    "too long": (np.append(Y_GOOD, 0.0), ValueError, "inconsistent numbers of samples"),
    "sparse": (sparse.csr_array(Y_GOOD[:, None]), TypeError, "y: .*dense.*toarray"),
    "gradients": (torch.zeros(N, requires_grad=True), ValueError, "^y.*: .*detach"),
    "ragged": ([[1.0], *[[1.0, 2.0]] * (N - 1)], ValueError, "y: expected an array"),
    "huge integers": (np.full(N, 10**400, dtype=object), ValueError, "y: .*too large"),
    "huge": (1e301 * Y_GOOD, ValueError, r"y: expected numbers up to 1e\+300 in size"),
}
OF_ANOTHER_SHAPE = {"one axis", "three axes", "a number", "no columns"}
ONES = np.ones(N)
BAD_WEIGHTS = {
    "NaN": (spoiled(ONES, np.nan), "contains NaN"),
    "infinity": (spoiled(ONES, np.inf), "contains infinity"),
    "negative": (spoiled(ONES, -0.5), "negative.*-0.5.*row 5"),
    "all zero": (0 * ONES, "positive"),
    "too short": (ONES[:-1], r"\(23,\)"),
    "too long": (np.ones(N + 1), r"\(25,\)"),
    "two axes": (ONES[:, None], r"\(24, 1\)"),
    "a number": (2.0, r"one weight per row, shape \(24,\); got 2.0"),
    "words": (WORDS[:, 0], "expected numbers, got text"),
    "dates": (np.full(N, "2020-01-01", dtype="M8[D]"), "expected numbers, got dates"),
    "masked": (np.ma.masked_less(ONES, 0), "mask"),
    "complex": (ONES + 1j, "Complex data not supported"),
    "ragged": ([[1.0], *[[1.0, 2.0]] * (N - 1)], "expected an array"),
    "huge integers": (np.full(N, 10**400, dtype=object), "too large"),
}


@pytest.mark.parametrize("kind", BAD_X)
def test_bad_inputs_to_train_on(kind):
    X, error, match = BAD_X[kind]
    check_training_error({"X": X, "y": Y_GOOD}, error, match)


@pytest.mark.parametrize("kind", BAD_Y)
def test_bad_targets(kind):
    y, error, match = BAD_Y[kind]
    check_training_error({"X": X_GOOD, "y": y}, error, match)


@pytest.mark.parametrize("kind", BAD_WEIGHTS)
def test_bad_weights(kind):
    weights, match = BAD_WEIGHTS[kind]
    match = f"(?s)sample_weight.*{match}"
    data = {"X": X_GOOD, "y": Y_GOOD, "sample_weight": weights}
    check_training_error(data, ValueError, match)


def test_rows_of_unequal_lengths():
    X = [[1.0], *[[1.0, 2.0]] * (N - 1)]
    check_training_error({"X": X, "y": Y_GOOD}, ValueError, "^X: .*inhomogeneous")
    ensemble = MDNEnsembleRegressor([("view", short())], cv=2)
    for model in (ensemble, ConformalMDNRegressor(short(), cv=2)):
        with pytest.raises(ValueError, match=r"^X: expected an array"):
            model.fit(X, Y_GOOD)
    with pytest.raises(ValueError, match=r"^groups: expected an array"):
        ensemble.fit(X_GOOD, Y_GOOD, groups=X)
    check_validation_error(ValueError, "^X_val: expected an array", X_val=X, y_val=Y_GOOD)


GAPS = {
    "NaN": np.where(np.arange(N) < 5, np.nan, np.arange(N) // 2),
    "NaT": np.where(np.arange(N) < 5, np.datetime64("NaT"), np.datetime64("2020-01-01")),
    "None": [None] * 5 + ["a", "b"] * ((N - 5) // 2) + ["a"] * ((N - 5) % 2),
    "NA": pd.Series([pd.NA] * 5 + [1] * (N - 5), dtype="Int64"),
}


@pytest.mark.parametrize("kind", GAPS)
@pytest.mark.parametrize("fraction", ["auto", 0.2])
def test_a_group_that_is_missing_is_no_group(kind, fraction):
    model = short(validation_fraction=fraction)
    for one in (model, MDNEnsembleRegressor([("view", model)], cv=2), ConformalMDNRegressor(model)):
        with pytest.raises(ValueError, match=r"^groups: .*without gaps; got 5, the first at row 0"):
            one.fit(X_GOOD, Y_GOOD, groups=GAPS[kind])


def test_masked_groups():
    groups = np.ma.masked_array(np.arange(N) // 2, np.arange(N) < 5)
    with pytest.raises(ValueError, match=r"^groups: expected an array without a mask"):
        short().fit(X_GOOD, Y_GOOD, groups=groups)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "sample"])
@pytest.mark.parametrize("word", [{"extrapolation": "Continue"}, {"device": "mps"}])
def test_constructor_values_that_are_changed_after_fit_are_checked(method, word):
    model = short().fit(X_GOOD, Y_GOOD).set_params(**word)
    with pytest.raises(ValueError, match=f"The '{next(iter(word))}' parameter"):
        getattr(model, method)(X_GOOD)


def test_sparse_weights():
    with pytest.raises(TypeError, match=r"^sample_weight: .*dense.*sample_weight.toarray.*ravel"):
        short().fit(X_GOOD, Y_GOOD, sample_weight=sparse.csr_array(ONES[:, None]))


def check_validation_error(error, match, **validation):
    for model in (short(), new_fitted()):
        assert_raises_and_stays(model, lambda m: m.fit(X_GOOD, Y_GOOD, **validation), error, match)


@pytest.mark.parametrize("kind", BAD_X)
def test_bad_validation_inputs(kind):
    X, error, match = BAD_X[kind]
    if kind in OF_ANOTHER_SHAPE:
        match = r"X_val must have the features of X, shape \(n, 3\); got shape \("
    match = match.replace("X contains", "X_val contains")
    check_validation_error(error, match, X_val=X, y_val=Y_GOOD)


@pytest.mark.parametrize("kind", [kind for kind in BAD_Y if kind != "None"])
def test_bad_validation_targets(kind):
    y, error, match = BAD_Y[kind]
    match = match.replace("y contains", "y_val contains").replace("y: ", "y_val: ")
    match = match.replace("inconsistent numbers of samples", "must have equally many rows")
    check_validation_error(error, match, X_val=X_GOOD, y_val=y)


@pytest.mark.parametrize("kind", BAD_WEIGHTS)
def test_bad_validation_weights(kind):
    weights, match = BAD_WEIGHTS[kind]
    match = f"(?s)sample_weight_val.*{match}"
    check_validation_error(ValueError, match, X_val=X_GOOD, y_val=Y_GOOD, sample_weight_val=weights)


@pytest.mark.parametrize(
    ("validation", "match"),
    [
        ({"X_val": X_GOOD}, "y_val"),
        ({"y_val": Y_GOOD}, "X_val"),
        ({"sample_weight_val": ONES}, "X_val and y_val"),
        ({"X_val": X_GOOD, "sample_weight_val": ONES}, "y_val"),
        ({"X_val": X_GOOD[:, :2], "y_val": Y_GOOD}, r"X_val.*\(n, 3\); got shape \(24, 2\)"),
        ({"X_val": X_GOOD, "y_val": Y_GOOD[:, None]}, r"y_val.*\(n,\).*\(n, 1\)"),
        ({"X_val": X_GOOD, "y_val": np.ones((N, 2))}, r"y_val.*\(n,\).*\(n, 2\)"),
    ],
)
def test_validation_data_that_do_not_go_with_the_rest(validation, match):
    check_validation_error(ValueError, match, **validation)


def test_validation_data_with_other_names():
    frame = pd.DataFrame(X_GOOD, columns=["a", "b", "c"])
    other = frame.rename(columns={"b": "d"})
    model = short().fit(frame, Y_GOOD)
    with pytest.raises(ValueError, match="feature names should match"):
        model.fit(frame, Y_GOOD, X_val=other, y_val=Y_GOOD)
    # The frame's names stay, whatever happened.
    np.testing.assert_array_equal(model.feature_names_in_, ["a", "b", "c"])


@pytest.mark.parametrize("method", ["predict", "predict_proba", "sample"])
@pytest.mark.parametrize("kind", BAD_X)
def test_bad_inputs_to_predict_for(kind, method, fitted):
    X, error, match = BAD_X[kind]
    assert_raises_and_stays(fitted, lambda model: getattr(model, method)(X), error, match)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "sample"])
@pytest.mark.parametrize("n_features", [1, 2, 4])
def test_wrong_number_of_features_at_predict(n_features, method, fitted):
    assert_raises_and_stays(
        fitted,
        lambda model: getattr(model, method)(np.ones((2, n_features))),
        ValueError,
        f"{n_features} features.*expecting 3 features",
    )


@pytest.mark.parametrize("n_features", [2, 4])
def test_wrong_number_of_features_where_training_goes_on(n_features):
    X = np.ones((N, n_features))
    match = f"{n_features} features.*expecting 3 features"
    model = new_fitted().set_params(warm_start=True)
    assert_raises_and_stays(model, lambda m: m.partial_fit(X, Y_GOOD), ValueError, match)
    assert_raises_and_stays(model, lambda m: m.fit(X, Y_GOOD), ValueError, match)


@pytest.mark.parametrize("y", [Y_GOOD[:, None], np.column_stack([Y_GOOD, Y_GOOD])])
def test_other_outputs_where_training_goes_on(y):
    model = new_fitted().set_params(warm_start=True)
    match = "y.ndim|number of outputs"
    assert_raises_and_stays(model, lambda m: m.partial_fit(X_GOOD, y), ValueError, match)
    assert_raises_and_stays(model, lambda m: m.fit(X_GOOD, y), ValueError, match)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"n_components": 3}, "n_components"),
        ({"covariance_type": "full"}, "covariance_type"),
        ({"hidden_layer_sizes": (5,)}, "hidden_layer_sizes"),
        ({"hidden_layer_sizes": (4, 4)}, "hidden_layer_sizes"),
        ({"activation": "relu"}, "activation"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_another_network_where_training_goes_on(method, change, name):
    Y = np.column_stack([Y_GOOD, -Y_GOOD])
    model = short(warm_start=True).fit(X_GOOD, Y).set_params(**change)
    before = model.predict(X_GOOD)
    assert_raises_and_stays(model, lambda m: getattr(m, method)(X_GOOD, Y), ValueError, name)
    np.testing.assert_array_equal(model.predict(X_GOOD), before)


@pytest.mark.parametrize("n_samples", [0, -1, 1.5, "3", None])
def test_bad_number_of_samples(n_samples, fitted):
    with pytest.raises((ValueError, TypeError), match="n_samples"):
        fitted.sample(X_GOOD, n_samples)


@pytest.mark.parametrize("random_state", ["seed", -1, 1.5])
def test_bad_random_state_of_samples(random_state, fitted):
    with pytest.raises(ValueError, match=r"random_state|seed|Seed"):
        fitted.sample(X_GOOD, random_state=random_state)


@pytest.mark.parametrize("point_estimate", ["average", "shape", None])
def test_a_point_estimate_out_of_range_is_named_at_predict_too(point_estimate, fitted):
    fitted.set_params(point_estimate=point_estimate)
    assert_raises_and_stays(fitted, lambda m: m.predict(X_GOOD), ValueError, "point_estimate")


def test_std_and_covariance_together(fitted):
    assert_raises_and_stays(
        fitted,
        lambda model: model.predict(X_GOOD, return_std=True, return_cov=True),
        ValueError,
        "return_std and return_cov",
    )


def test_an_interrupt_before_the_training_leaves_the_model_as_it_was(monkeypatch, fitted):
    """Whatever ends a call from outside the training leaves no half-fitted model."""

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("skmdn._engine.train", interrupt)
    X, y = rows(30, 2, seed=1)
    assert_raises_and_stays(fitted, lambda model: model.fit(X, y), KeyboardInterrupt, "^$")


def test_truth_values_are_numbers():
    truth = Y_GOOD > 0
    numbers = short(max_iter=20).fit(X_GOOD, truth.astype(float))
    model = short(max_iter=20).fit(X_GOOD, truth)
    np.testing.assert_array_equal(model.predict(X_GOOD), numbers.predict(X_GOOD))
    kept = short().fit(X_GOOD, Y_GOOD, sample_weight=truth).predict(X_GOOD)
    as_numbers = short().fit(X_GOOD, Y_GOOD, sample_weight=truth.astype(int)).predict(X_GOOD)
    np.testing.assert_array_equal(kept, as_numbers)


def test_the_callers_arrays_are_only_read():
    arrays = [X_GOOD + 0, Y_GOOD + 0, np.arange(N, dtype=float), X_GOOD[:4] + 0, Y_GOOD[:4] + 0]
    copies = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    X, y, weights, X_val, y_val = arrays
    model = short().fit(X, y, weights, X_val=X_val, y_val=y_val).partial_fit(X, y, weights)
    model.predict(X)
    for array, original in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, original)
