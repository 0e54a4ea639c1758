"""`MDNRegressor(target_transform="auto")`: which map is chosen, and that nothing else changes."""

import pickle

import numpy as np
import pytest
from cases.regressor import short
from scipy import stats
from scipy.special import expit
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from skmdn import MDNRegressor, Mixture, TargetMixture
from skmdn._estimators.observations import Observations
from skmdn._estimators.target_maps import IDENTITY
from skmdn._network.preparation import Preparation
from skmdn._training import target_choice
from skmdn.regressor import choose_target_transform
from skmdn.transforms import Identity, Log, Logit

RNG = np.random.default_rng(0)
X = RNG.normal(size=(900, 2))
NORMAL = 20 + X[:, 0] + 0.5 * RNG.normal(size=900)  # all positive, far from zero
LONG = np.exp(1.5 * X[:, 0] + 1.5 * RNG.normal(size=900))  # log-normal
SHARE = expit(2 * X[:, 0] + 2 * RNG.normal(size=900))
BOTH = np.column_stack([LONG, NORMAL])


def auto(**options):
    return short(target_transform="auto", max_iter=60, **options)


def coefs(model):
    return [*model.coefs_, *model.intercepts_]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("y", "expected"),
    [(LONG, Log(0)), (NORMAL, None), (SHARE, Logit(0, 1)), (-LONG, None)],
    ids=["log-normal", "normal", "between 0 and 1", "negative"],
)
def test_clear_cases(y, expected, seed):
    model = auto(random_state=seed).fit(X, y)
    assert model.target_transform_ == expected
    kind = Mixture if expected is None else TargetMixture
    assert isinstance(model.predict_proba(X[:2]), kind)


def test_the_default_network_chooses_alike():
    assert choose_target_transform(MDNRegressor(random_state=0), X, LONG) == Log(0)
    assert choose_target_transform(MDNRegressor(random_state=0), X, NORMAL) is None
    with pytest.raises(TypeError, match="model: expected an MDNRegressor, got Pipeline"):
        choose_target_transform(make_pipeline(MDNRegressor()), X, LONG)


@pytest.mark.parametrize("y", [LONG, NORMAL, BOTH], ids=["log", "none", "several outputs"])
@pytest.mark.parametrize("seed", [0, np.random.RandomState(3)])
def test_the_model_is_that_of_the_chosen_map(y, seed):
    """To the bit: the choice takes no random numbers from the fit."""
    weights = np.random.default_rng(1).integers(1, 3, len(y)).astype(float)
    model = auto(random_state=seed)
    plain = clone(model)
    model.fit(X, y, sample_weight=weights)
    plain.set_params(target_transform=model.target_transform_).fit(X, y, sample_weight=weights)
    for one, other in zip(coefs(model), coefs(plain), strict=True):
        np.testing.assert_array_equal(one, other)
    assert model.validation_loss_curve_ == plain.validation_loss_curve_
    assert model.spread_factor_ == plain.spread_factor_


def test_every_output_chooses_for_itself():
    model = auto(covariance_type="full").fit(X, BOTH)
    assert model.target_transform_ == (Log(0), Identity())
    assert choose_target_transform(auto(), X, BOTH) == [Log(0), Identity()]
    assert choose_target_transform(auto(), X, BOTH[:, 1:]) is None


def test_gaps_categories_and_groups():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"x": X[:, 0], "kind": RNG.choice(list("abcdefghij"), 900)})
    frame.loc[::7, "x"] = np.nan
    groups = np.arange(900) // 9
    model = auto().fit(frame, LONG, groups=groups)
    assert model.target_transform_ == Log(0)
    assert choose_target_transform(auto(), frame, LONG, groups=groups) == Log(0)


# Rules.


def test_none_where_nothing_validates():
    assert auto(validation_fraction=None).fit(X, LONG).target_transform_ is None
    model = auto(validation_fraction=None).fit(X, LONG, X_val=X[:300], y_val=LONG[:300])
    assert model.target_transform_ == Log(0)


def test_none_at_a_first_part_and_the_same_later():
    model = auto().partial_fit(X, LONG)
    assert model.target_transform_ is None
    assert model.partial_fit(X, LONG).target_transform_ is None


@pytest.mark.parametrize(("y", "chosen"), [(LONG, Log(0)), (NORMAL, None)])
def test_later_calls_keep_the_map(y, chosen):
    model = auto(warm_start=True).fit(X, y)
    other = np.where(y == LONG, NORMAL, LONG)  # asks for another map
    assert model.fit(X, other).target_transform_ == chosen
    assert model.partial_fit(X, other).target_transform_ == chosen
    assert pickle.loads(pickle.dumps(model)).partial_fit(X, other).target_transform_ == chosen
    if chosen is not None:
        with pytest.raises(ValueError, match=r"y: target_transform=Log.*got -"):
            model.partial_fit(X, -y)


def test_targets_of_the_validation_data_count():
    y_val = LONG[:300].copy()
    y_val[7] = 0.0
    model = auto().fit(X, LONG, X_val=X[:300], y_val=y_val)
    assert model.target_transform_ is None
    weights = np.ones(300)
    weights[7] = 0.0
    model.fit(X, LONG, X_val=X[:300], y_val=y_val, sample_weight_val=weights)
    assert model.target_transform_ == Log(0)


def test_rows_without_weight_do_not_count():
    y, weights = LONG.copy(), np.ones(900)
    y[5] = -1.0
    assert auto().fit(X, y).target_transform_ is None
    weights[5] = 0.0
    model = auto().fit(X, y, sample_weight=weights)
    assert model.target_transform_ == Log(0)
    assert choose_target_transform(auto(), X, y, weights) == Log(0)


@pytest.mark.filterwarnings("ignore:y has a few values far out")
def test_few_rows_have_no_map():
    """Fewer than 60 rows, or 20 rows that judge, cannot tell."""
    y = np.exp(5 * X[:, 0])
    asked = {"X_val": X[:20], "y_val": y[:20]}
    assert auto().fit(X[:59], y[:59]).target_transform_ is None
    assert auto().fit(X, y, X_val=X[:19], y_val=y[:19]).target_transform_ is None
    assert auto().fit(X, y, **asked).target_transform_ == Log(0)


@pytest.mark.parametrize("value", [0.0, 1.0, 3.0])
def test_constant_targets_stay_as_they_are(value):
    assert auto().fit(X, np.full(900, value)).target_transform_ is None


ALL_AT_ATOMS = {
    "grades": np.arange(900) % 5 + 1.0,
    "constant": np.full(900, 5.0),
    "two values": np.arange(900) % 2 + 0.0,
}


@pytest.mark.parametrize("atoms", ["auto", "listed"])
@pytest.mark.parametrize("kind", ALL_AT_ATOMS)
def test_targets_that_are_all_at_atoms_have_no_map(kind, atoms):
    y = ALL_AT_ATOMS[kind]
    word = np.unique(y).tolist() if atoms == "listed" else atoms
    model = auto(target_atoms=word).fit(X, y)
    assert model.target_transform_ is None
    np.testing.assert_array_equal(model.target_atoms_, np.unique(y))
    assert choose_target_transform(model, X, y) is None
    network = MDNRegressor(target_transform="auto", target_atoms=word, max_iter=2)  # chooses more
    assert network.fit(X[:50], y[:50]).target_transform_ is None
    assert network.partial_fit(X[:50], y[:50]).target_transform_ is None


@pytest.mark.parametrize("split", ["last", "blocks", "shuffled"])
def test_rows_that_judge_are_set_aside_as_for_validation(split):
    assert auto(validation_split=split).fit(X, LONG).target_transform_ == Log(0)


# The choice alone.


def test_choosing_leaves_the_model_as_it_is():
    model = auto()
    before = dict(vars(model))
    assert choose_target_transform(model, X, LONG) == Log(0)
    assert choose_target_transform(model.set_params(target_transform=None), X, LONG) == Log(0)
    model.set_params(target_transform="auto")
    assert vars(model) == before
    with pytest.raises(ValueError, match="NaN"):
        choose_target_transform(model, X, np.where(X[:, 0] > 0, np.nan, LONG))
    with pytest.raises(ValueError, match="'n_components' parameter"):
        choose_target_transform(short(n_components=0), X, LONG)


def test_an_interrupt_of_the_choice_ends_the_fit(monkeypatch):
    """There is no model yet that could be kept."""

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    model = auto()
    monkeypatch.setattr("skmdn._engine.steps.Steps.__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, LONG)
    assert not hasattr(model, "coefs_")


def test_maps_that_promise_nothing_are_dropped():
    preparation = Preparation.of(X, BOTH, None)
    logs = [(Log(0), Log(0))]

    def promising(y, weights=None):
        data = Observations.of(X, y, weights)
        return target_choice._promising(logs, data, preparation, np.random.default_rng(0))

    assert promising(BOTH) == [(Log(0), IDENTITY)]
    assert promising(np.column_stack([NORMAL, NORMAL])) == []
    mixed = np.where(np.arange(900) < 450, LONG, NORMAL)  # with weight on one kind
    assert promising(np.column_stack([mixed] * 2), (np.arange(900) < 450) * 1.0) == logs
    assert promising(np.column_stack([mixed] * 2), (np.arange(900) >= 450) * 1.0) == []


def test_gains_are_weighted_means_with_their_errors():
    differences = RNG.normal(0.1, 1.0, size=(400, 2))
    found = target_choice._gains(differences, None)
    np.testing.assert_allclose(found.mean, differences.mean(axis=0))
    np.testing.assert_allclose(found.error, stats.sem(differences, ddof=0))
    weights = RNG.integers(0, 2, 400).astype(float)
    some = target_choice._gains(differences, 3 * weights)
    np.testing.assert_allclose(some.mean, differences[weights > 0].mean(axis=0))
    np.testing.assert_allclose(some.error, stats.sem(differences[weights > 0], ddof=0))


class Known:
    """A judge whose log-likelihoods are known: a map's own gain, and what it does to others."""

    def __init__(self, own, of_first=0.0):
        self.own, self.of_first = own, of_first

    def log_likelihoods(self, maps):
        maps = maps or (IDENTITY,) * 3
        values = [self.own.get((d, one), 0.0) for d, one in enumerate(maps)]
        values[1] += self.of_first * (maps[0] != IDENTITY)
        return np.tile(values, (50, 1))

    def gains(self, other, plain):
        return target_choice._gains(other - plain, None)


LOGS, LOGITS = (Log(0),) * 3, (Logit(0, 1), IDENTITY, Logit(0, 1))


@pytest.mark.parametrize(
    ("own", "of_first", "expected"),
    [
        ({(0, Log(0)): 0.3, (0, Logit(0, 1)): 0.5}, 0.0, (Logit(0, 1), IDENTITY, IDENTITY)),
        ({(0, Log(0)): 0.3, (1, Log(0)): 0.2}, 0.0, (Log(0), Log(0), IDENTITY)),
        ({(0, Log(0)): 0.3, (2, Logit(0, 1)): 0.2}, 0.0, (Log(0), IDENTITY, Logit(0, 1))),
        ({(0, Log(0)): 0.3}, 0.2, (Log(0), IDENTITY, IDENTITY)),
        ({(0, Log(0)): 0.02, (1, Log(0)): -0.3}, 0.0, None),
    ],
    ids=["the better map", "two outputs", "two maps", "gains by another's map", "too small"],
)
def test_the_largest_gain_of_its_own_wins(own, of_first, expected):
    assert target_choice._best([LOGS, LOGITS], Known(own, of_first)) == expected


def test_an_uncertain_gain_is_none():
    certain = target_choice._Gains(np.array([0.2, 0.2]), np.array([0.1, 0.2])).certain
    np.testing.assert_array_equal(certain, [0.2, 0.0])
