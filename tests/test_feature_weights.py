"""Weights of the features, by how much trees learn from each."""

import numpy as np
import pandas as pd
import pytest
from cases.regressor import short
from scipy.stats import rankdata

from skmdn import MDNRegressor, _engine
from skmdn._estimators.observations import Observations
from skmdn._predictor import Predictor
from skmdn._training import feature_weights as weighing
from skmdn._training.beginning import continued_beginning, fresh_beginning
from skmdn._training.feature_weights import (
    can_be_weighed,
    feature_weights,
    for_plain_inputs,
    root_mean_square,
    weighted,
)
from skmdn._training.settings import Settings

pytestmark = pytest.mark.usefixtures("with_cross_validation")
RNG = np.random.default_rng


def location_and_spread(n=400, p=20, seed=0):
    """The first feature moves y, the second its spread, and the others do nothing."""
    rng = RNG(seed)
    X = rng.normal(size=(n, p))
    return X, 3 * X[:, 0] + np.exp(1.5 * X[:, 1]) * rng.normal(size=n)


def observations(X, y, w=None):
    return Observations.of(X, np.reshape(y, (len(X), -1)), w)


def of_all(data, seed=0):
    return feature_weights(data, [np.arange(len(data))], seed)[0]


# The weights -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_features_that_move_y_or_its_spread_have_the_largest_weights(seed):
    weights = of_all(observations(*location_and_spread(seed=seed)))
    assert set(np.argsort(weights)[-2:]) == {0, 1}
    assert weights[:2].min() > 1.1 * weights[2:].max()
    assert np.mean(weights**2) == pytest.approx(1.0)
    assert (weights**2 >= weighing.EQUAL_FEATURES / 20 - 1e-12).all()


def test_any_output_counts():
    X, y = location_and_spread()
    other = X[:, 5] + 0.1 * RNG(1).normal(size=len(X))
    weights = of_all(observations(X, np.column_stack([y, other])))
    assert {0, 5} <= set(np.argsort(weights)[-3:])


def test_features_of_noise_are_alike():
    X, _ = location_and_spread()
    weights = of_all(observations(X, RNG(1).normal(size=len(X))))
    assert weights.max() < 1.5 * weights.min()


def test_copies_of_rows_count_as_a_weight_and_their_order_does_not_count():
    X, y = location_and_spread(60)
    copies = RNG(1).integers(1, 4, size=60)
    order = RNG(2).permutation(copies.sum())
    by_weight = of_all(observations(X, y, copies / copies.max()))
    by_copies = of_all(observations(np.repeat(X, copies, 0)[order], np.repeat(y, copies)[order]))
    # Roundings of the weights may turn the choice between splits that are equal.
    np.testing.assert_allclose(by_copies, by_weight, rtol=0.02)
    assert np.any(by_weight != of_all(observations(X, y)))


def test_rows_of_no_weight_and_of_other_parts_do_not_count():
    X, y = location_and_spread(60)
    w = np.where(np.arange(60) < 40, 1.0, 0.0)
    expected = of_all(observations(X[:40], y[:40]))
    np.testing.assert_allclose(of_all(observations(X, y, w)), expected, rtol=1e-9)
    part, rest = feature_weights(observations(X, y), [np.arange(40), np.arange(20, 60)], 0)
    np.testing.assert_allclose(part, expected, rtol=1e-9)
    assert np.any(part != rest)


def test_maps_of_features_and_of_y_change_nothing():
    X, y = location_and_spread(60)
    mapped = of_all(observations(np.exp(X), np.sinh(y)))
    np.testing.assert_array_equal(mapped, of_all(observations(X, y)))


def test_a_gap_may_tell_something():
    X, _ = location_and_spread()
    gone = RNG(1).random(len(X)) < 0.4
    X[gone, 3] = np.nan
    weights = of_all(observations(X, 5.0 * gone + RNG(2).normal(size=len(X))))
    assert np.argmax(weights) == 3


@pytest.mark.parametrize("size", [1e-300, 1.0, 1e300])
def test_extreme_numbers(size):
    X, y = location_and_spread(60)
    expected = of_all(observations(X, y))
    found = of_all(observations(X / np.abs(X).max() * size, y / np.abs(y).max() * size))
    np.testing.assert_array_equal(found, expected)


def test_extreme_weights():
    X, y = location_and_spread(60)
    w = np.geomspace(1e-300, 1.0, 60)
    weights = of_all(observations(X, y, w))
    assert np.isfinite(weights).all()
    assert (weights > 0).all()


def test_without_any_split_all_weights_are_one():
    X, y = location_and_spread(30)
    y[:10] = 1.0
    (weights,) = feature_weights(observations(X, y), [np.arange(10)], 0)
    np.testing.assert_array_equal(weights, np.ones(20))


def test_which_data_can_be_weighed():
    X, y = location_and_spread(30)
    assert can_be_weighed(observations(X, y))
    assert can_be_weighed(observations(X[:, :11], y))
    assert not can_be_weighed(observations(X[:, :10], y))
    assert not can_be_weighed(observations(X, np.ones(30)))


def test_ranks_and_distances_against_scipy():
    y = RNG(0).integers(0, 6, size=(40, 2)).astype(float)
    copies = RNG(1).integers(1, 4, size=40)
    found = weighing._place_and_distance(y, copies)
    u = (rankdata(np.repeat(y, copies, axis=0), axis=0) - 0.5) / copies.sum()
    expected = np.hstack([u, np.abs(u - 0.5)])
    expected = (expected - expected.mean(axis=0)) / expected.std(axis=0)
    np.testing.assert_allclose(np.repeat(found, copies, axis=0), expected, atol=1e-12)


def test_common_weights_have_the_mean_square_of_all():
    parts = [np.array([1.0, 3.0]), np.array([5.0, 1.0])]
    np.testing.assert_allclose(root_mean_square(parts), np.sqrt([13.0, 5.0]))


# The network -------------------------------------------------------------------------------------


def table(n=60):
    """Gaps, categories, a constant, and ten more features."""
    rng = RNG(0)
    frame = pd.DataFrame(rng.normal(size=(n, 10)), columns=[f"x{i}" for i in range(10)])
    frame.loc[rng.random(n) < 0.3, "x3"] = np.nan
    frame["constant"] = 1.0
    frame["colour"] = rng.choice(["red", "green", "blue"], n)
    return frame, frame["x0"] + (frame["colour"] == "red") + 0.3 * rng.normal(size=n)


def start_of(line=False):
    """The beginning of a training on the table, and its data."""
    X, y = table()
    model = short(linear_path=line).fit(X, y)
    preparation = model._predictor().preparation
    codes = X.assign(colour=[["blue", "green", "red"].index(c) for c in X["colour"]])
    return codes.to_numpy(float), preparation, model


def test_the_inputs_of_a_feature_are_multiplied_by_its_weight():
    X, preparation, _ = start_of()
    plain = preparation.inputs(X)
    n_bins = [len(edges) - 1 for edges in preparation.encoding.edges if len(edges)]
    of_input = np.concatenate(
        [
            np.arange(11),  # z-scores
            np.repeat(np.flatnonzero([len(e) > 0 for e in preparation.encoding.edges]), n_bins),
            [3],  # the indicator of gaps
            np.full(preparation.lengths[3], 11),  # the categories
        ]
    )
    weights = np.arange(1.0, 13.0)
    found = preparation._replace(feature_weights=weights).inputs(X)
    np.testing.assert_allclose(found, plain * weights[of_input])
    assert plain.shape[1] == len(of_input)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_trained_first_layer_takes_over_the_weights(dtype):
    X, preparation, _ = start_of()
    start = weighted(_start(preparation), np.geomspace(0.1, 10, 12))
    layers = [RNG(0).normal(size=(preparation.n_inputs + 1, 4)).astype(dtype), np.ones((5, 2))]
    found = for_plain_inputs(start, layers)
    before = start.preparation.inputs(X) @ layers[0][:-1] + layers[0][-1]
    after = preparation.inputs(X) @ found[0][:-1] + found[0][-1]
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-5)
    assert found[0].dtype == dtype
    assert found[1] is layers[1]
    back = weighted(_start(preparation, found), start.preparation.feature_weights)
    np.testing.assert_allclose(back.layers[0], layers[0], rtol=1e-6)


def _start(preparation, layers=None):
    return _engine.Start(preparation, None, layers)


@pytest.mark.parametrize("line", [False, True])
def test_to_go_on_with_weights_changes_no_prediction(line):
    X, _, model = start_of(line)
    y = table()[1].to_numpy()
    settings = Settings.of(model)
    data = Observations.of(X, y[:, None], y_ndim=1)
    before = model._predictor()
    weights = np.geomspace(0.1, 10, 12)
    beginning = continued_beginning(settings, data, before, RNG(0), feature_weights=weights)
    assert beginning.feature_weights is weights
    again = beginning.predictor(settings, beginning.start.layers, data, before)
    assert again.preparation.feature_weights is None
    again = again._replace(
        spread_factor=before.spread_factor,
        spread_noise=before.spread_noise,
        target_range=before.target_range,
    )
    found, expected = again.density(X), before.density(X)
    np.testing.assert_allclose(found.means, expected.means, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-4, atol=1e-6)


def test_a_line_has_plain_inputs():
    X, y = location_and_spread(60)
    data = observations(X, y)
    settings = Settings.of(short(linear_path=True))
    plain = fresh_beginning(settings, data, RNG(0))
    weighed = fresh_beginning(settings, data, RNG(0), np.linspace(0.5, 2, 20))
    np.testing.assert_array_equal(plain.line.coef, weighed.line.coef)
    np.testing.assert_array_equal(plain.residual.y, weighed.residual.y)
    np.testing.assert_array_equal(plain.outside.coef, weighed.outside.coef)


# The estimator -----------------------------------------------------------------------------------


def is_weighed(model):
    return model.feature_weights_ is not None


def always_better(monkeypatch):
    """The network with weights is the better one of two."""
    monkeypatch.setattr(
        "skmdn._training.network_choice.best_of", lambda scores, expected=None: len(scores) - 1
    )


def test_fit_weighs_many_features(monkeypatch):
    always_better(monkeypatch)
    X, y = location_and_spread(100)
    model = short().fit(X, y)
    assert model.feature_weights_.shape == (20,)
    assert np.mean(model.feature_weights_**2) == pytest.approx(1.0)
    assert set(np.argsort(model.feature_weights_)[-2:]) == {0, 1}
    assert not is_weighed(short(feature_weights=None).fit(X, y))
    assert not is_weighed(short().fit(X[:, :10], y))
    assert not is_weighed(short().fit(X, np.ones(100)))
    # The rows that are set aside must not tell weights.
    assert not is_weighed(short(validation_fraction=0.2).fit(X, y))
    assert not is_weighed(short().partial_fit(X, y))
    monkeypatch.setattr("skmdn._training.cross_validation.MOST_ROWS", 99)
    assert not is_weighed(short().fit(X, y))
    assert not is_weighed(short(validation_fraction=None).fit(X, y))


def test_folds_may_choose_a_network_without_weights(monkeypatch):
    monkeypatch.setattr("skmdn._training.network_choice.best_of", lambda scores, expected=None: 0)
    X, y = location_and_spread(100)
    model, plain = short().fit(X, y), short(feature_weights=None).fit(X, y)
    assert not is_weighed(model)
    assert model.validation_loss_curve_ == plain.validation_loss_curve_
    # Networks with weights teach it too.
    assert np.any(model.coefs_[0] != plain.coefs_[0])


def test_where_no_row_is_set_aside_all_rows_tell_the_weights():
    X, y = location_and_spread(100)
    model = short(validation_fraction=None).fit(X, y)
    judged = short().fit(X, y, X_val=X[:5], y_val=y[:5])
    np.testing.assert_array_equal(model.feature_weights_, judged.feature_weights_)
    assert set(np.argsort(model.feature_weights_)[-2:]) == {0, 1}


def test_fit_goes_on_with_its_weights():
    X, y = location_and_spread(100)
    model = short(validation_fraction=None, warm_start=True).fit(X, y)
    weights = model.feature_weights_
    model.fit(X, y)
    np.testing.assert_array_equal(model.feature_weights_, weights)
    assert not is_weighed(model.set_params(feature_weights=None).fit(X, y))
    assert not is_weighed(model.partial_fit(X, y))


@pytest.mark.parametrize("options", [{}, {"linear_path": True}, {"dtype": "float64"}])
def test_tables_of_all_kinds(monkeypatch, options):
    always_better(monkeypatch)
    X, y = table()
    model = short(**options).fit(X, y)
    assert model.feature_weights_.shape == (12,)
    density = model.predict_proba(X)
    assert np.isfinite(density.logpdf(y)).all()
    # The fitted network is one of plain inputs.
    assert Predictor.of(model).preparation.feature_weights is None


def test_several_outputs_atoms_and_maps(monkeypatch):
    always_better(monkeypatch)
    X, y = location_and_spread(100)
    outputs = np.column_stack([y, np.sinh(y)])
    options = {"target_transform": "asinh", "covariance_type": "full"}
    assert is_weighed(short(**options).fit(X, outputs))
    zeros = np.where(y < 0, 0.0, y)
    model = short(target_atoms=[0.0], target_transform="log").fit(X, zeros)
    assert np.isfinite(model.predict_proba(X).logpdf(zeros)).all()
    assert is_weighed(model)


def test_weights_help_among_many_features_that_do_not_matter():
    def error(word):
        found = []
        for seed in range(3):
            rng = RNG(seed)
            X = rng.normal(size=(500, 60))
            y = np.abs(2 * X[:, 0]) + np.sin(2 * X[:, 1]) + 0.2 * rng.normal(size=500)
            model = MDNRegressor(
                n_components=2,
                hidden_layer_sizes=(32,),
                alpha=0.2,
                encoding="piecewise",
                max_iter=60,
                feature_weights=word,
                random_state=seed,
            ).fit(X[:250], y[:250])
            found.append(model.predict_proba(X[250:]).crps(y[250:]).mean())
        return np.mean(found)

    assert error("auto") < 0.9 * error(None)
