"""MDNRegressor: its warnings of dead components and of spreads on their floor."""

import re
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from cases.regressor import linear_rows, short
from sklearn.exceptions import ConvergenceWarning

from skmdn import Mixture
from skmdn._estimators.fit_warnings import DeadComponentsWarning
from skmdn._estimators.observations import Observations
from skmdn._training.collapse import collapse_warnings
from skmdn.transforms import Log

FLOOR = 1e-3


def warned(density, y=None, maps=None, atoms=None, y_scale=2.0):
    """What is told of a network's densities of these training targets: the messages."""
    y = np.arange(len(density), dtype=float) if y is None else np.asarray(y, dtype=float)
    y = y.reshape(len(y), -1) * np.ones(density.n_outputs)
    network = SimpleNamespace(
        architecture=SimpleNamespace(scale_floor=FLOOR),
        preparation=SimpleNamespace(y_scale=y_scale * np.arange(1, density.n_outputs + 1)),
        uncalibrated_density=lambda X: density,
        target_maps=maps,
        target_atoms=atoms,
    )
    X = np.random.default_rng(0).normal(size=(len(y), 1))
    mapped = y if maps is None else maps[0].forward(y)
    found = collapse_warnings(network, X[: len(density)], Observations.of(X, mapped))
    return [one.message for one in found]


def told(density):
    """The kinds of collapse that are told, each with its number."""
    return [
        re.sub(r"( \(of output 1 above all\)|:.*| of the training rows.*)", "", text)
        for text in warned(density)
    ]


@pytest.mark.parametrize(
    ("share", "expected"), [(0.9e-4, ["2 of 4 components are dead"]), (1.1e-4, [])]
)
def test_components_with_next_to_no_weight_in_the_mean_are_dead(share, expected):
    weights = np.zeros((100, 4))
    weights[::2, 2] = weights[1::2, 3] = 2 * share  # in every second row
    weights[:, :2] = (1 - 2 * share) / 2
    assert told(Mixture(weights, np.zeros((100, 4)), np.ones((100, 4)))) == expected


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    ("n_rows", "expected"), [(0, []), (1, []), (4, ["Spreads are on their floor for 2%"])]
)
def test_spreads_on_their_floor_count_by_rows_and_weights(n_rows, expected, full):
    scales = np.full((100, 2, 2), 1.2 * FLOOR)  # near it is not on it
    scales[:n_rows, 0, 1] = 1.01 * FLOOR
    half, means = np.full((100, 2), 0.5), np.zeros((100, 2, 2))
    spread = {"scale_tril": np.eye(2) * scales[..., None]} if full else {"scales": scales}
    assert told(Mixture(half, means, **spread)) == expected


def collapsed(n_outputs=1, multiple=1.0):
    """Densities on their floor, in the last output more often."""
    scales = np.full((10, 1, n_outputs), multiple * FLOOR)
    scales[:5, :, :-1] = 1.0
    return Mixture(np.ones((10, 1)), np.zeros((10, 1, n_outputs)), scales)


SPREAD_OUT = 1 + np.random.default_rng(0).lognormal(size=300)
REPEATED = {
    "zeros": np.append(np.zeros(100), SPREAD_OUT),
    "zeros and a cap": np.concatenate([np.zeros(60), np.full(60, 99.0), SPREAD_OUT]),
    "zeros of both signs": np.append(np.zeros(100), SPREAD_OUT - 2),
    "cap": np.append(np.full(100, 99.0), SPREAD_OUT),
    "grades": np.tile([0.0, 1.0, 2.0, 3.0], 100),
    "rounded": SPREAD_OUT.round(1),
    "distinct": SPREAD_OUT,
}


@pytest.mark.parametrize(("far", "word"), [(1e4, "log"), (-1e4, "asinh")])
def test_a_few_far_values_that_make_the_floor_high_are_told(far, word):
    X, y = linear_rows(200)
    y = np.where(np.arange(200) % 50 == 0, far, y - y.min() + 1.0)
    match = rf"y has a few values far out: .* floor, .* = 1\.[45].* target_transform='{word}'"
    with pytest.warns(ConvergenceWarning, match=match):
        short(max_iter=2).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        short(max_iter=2, target_transform="asinh").fit(X, y)
        short(max_iter=2).fit(X, np.random.default_rng(0).standard_t(2, size=200))
        short(max_iter=2, reg_covar=1.0).fit(X, X[:, 0])  # a floor that was asked for
    match = rf"Output 1 of y has a few values far out.*target_transform=\[None, '{word}'\]"
    with pytest.warns(ConvergenceWarning, match=match):
        short(max_iter=2).fit(X, np.column_stack([X[:, 0], y]))


HURDLE = 'Set target_atoms=[0], target_transform="log", as y has zeros and is positive else. '
AUTO = 'Set target_atoms="auto", as many rows share values. '


@pytest.mark.parametrize(
    ("y", "remedy"),
    [
        ("zeros", HURDLE),
        ("zeros and a cap", HURDLE.replace("[0]", '"auto"')),
        ("zeros of both signs", AUTO),
        ("cap", AUTO),
        ("grades", AUTO),
        ("rounded", ""),
        ("distinct", ""),
    ],
)
def test_repeated_targets_are_named_in_units_of_y_with_a_remedy(y, remedy):
    (text,) = warned(collapsed(), REPEATED[y])
    start = "Spreads are on their floor for 100% of the training rows: y "
    end = (
        "and its density has no upper bound but the floor. It is sqrt(reg_covar) * y_scale_ = "
        f"0.002 in units of y. {remedy}Compare models by CRPS or by "
        "log_likelihood_score(resolution=), "
        "or raise reg_covar to (resolution / 2)**2, with the resolution in units of y."
    )
    assert text.startswith(start)
    assert text.endswith(end)
    values, counts = np.unique(REPEATED[y], return_counts=True)
    shown = (
        f"{counts.max() / len(REPEATED[y]):.1%} of the rows have y = {values[counts.argmax()]:g}"
    )
    assert (shown in text) == (y != "distinct")


@pytest.mark.parametrize(("multiple", "y"), [(1.9, "zeros"), (2.1, "zeros"), (1.9, "rounded")])
def test_spreads_near_their_floor_are_told_of_where_values_are_shared(multiple, y):
    found = warned(collapsed(multiple=multiple), REPEATED[y])
    assert bool(found) == (multiple < 2 and y == "zeros")
    if found:
        start = "Spreads are on their floor, or below 2 times it, for 100% of the training rows: "
        assert found[0].startswith(start)
        assert HURDLE in found[0]


def test_behind_a_map_the_floor_is_not_in_units_of_y():
    (text,) = warned(collapsed(), REPEATED["cap"], maps=(Log(),))
    assert "of the rows have y = 99)" in text
    assert "= 0.002 of y behind target_transform=Log(lower=0.0). " + AUTO in text
    assert text.endswith("or raise reg_covar.")


def test_further_atoms_join_those_that_are_there():
    (text,) = warned(collapsed(), REPEATED["cap"], atoms=np.array([0.0]))
    assert "Set target_atoms=[0.0, 99.0], as many rows share values. " in text


def test_further_atoms_are_named_to_the_last_digit():
    y = np.where(REPEATED["cap"] == 99, 1234567.25, REPEATED["cap"])
    (text,) = warned(collapsed(), y, atoms=np.array([0.0]))
    assert "Set target_atoms=[0.0, 1234567.25], as many" in text


def test_of_several_outputs_the_one_on_the_floor_is_named():
    (text,) = warned(collapsed(n_outputs=2), REPEATED["zeros"])
    assert "floor (of output 1 above all) for 100% of the training rows: y repeats" in text
    assert "y_scale_ = 0.004 in units of y. Compare" in text


def test_a_fit_names_zeros_and_its_remedy_runs():
    X = np.random.default_rng(0).normal(size=(300, 1))
    y = np.where(np.arange(300) % 3 == 0, 0.0, np.exp(X[:, 0]))
    options = {"n_components": 2, "max_iter": 300, "reg_covar": 1e-2, "validation_fraction": None}
    with pytest.warns(ConvergenceWarning, match=re.escape(HURDLE)):
        short(**options).fit(X, y)
    model = short(max_iter=5, target_atoms=[0], target_transform="log").fit(X, y)
    assert model.predict_proba(X).atom_probability().shape == (300, 1)


def test_a_fit_tells_of_the_component_that_it_leaves_dead():
    X, y = linear_rows()
    model = short(n_components=3, warm_start=True).fit(X, y)
    model.intercepts_[-1][0] -= 100  # the first logit
    model.set_params(max_iter=1, learning_rate_init=1e-9)
    assert issubclass(DeadComponentsWarning, ConvergenceWarning)
    with pytest.warns(DeadComponentsWarning, match=r"1 of 3 components are dead.*n_components"):
        model.fit(X, y)


@pytest.mark.parametrize("covariance_type", ["spherical", "diag", "full"])
@pytest.mark.parametrize("calibrate", [True, False])
def test_no_spread_falls_below_the_floor(calibrate, covariance_type):
    X = np.repeat(np.arange(4.0), 10)[:, None]
    Y = np.column_stack([X[:, 0], X[:, 0] ** 2])  # known exactly: a spread of zero would be best
    model = short(
        covariance_type=covariance_type, reg_covar=0.01, max_iter=200, calibrate=calibrate
    )
    with pytest.warns(ConvergenceWarning, match="floor"):
        model.fit(X, Y)
    density = model.predict_proba(X)
    tril = density.scale_tril[:, :, [0, 1], [0, 1]] / Y.std(axis=0)
    assert tril.min() >= 0.1 * (1 - 1e-6)
    assert tril.min() < 0.2


@pytest.mark.filterwarnings("error")
def test_one_component_and_constant_targets_are_fitted_without_a_warning():
    X, y = linear_rows()
    short(n_components=1, max_iter=100).fit(X, y)
    short(n_components=1, max_iter=100, reg_covar=0.5).fit(X, np.full(len(y), 3.0))
