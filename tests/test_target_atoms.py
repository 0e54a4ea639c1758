"""`MDNRegressor(target_atoms=)`: values of y with probabilities of their own."""

import io
import pickle
import warnings
from contextlib import nullcontext
from dataclasses import replace
from itertools import pairwise

import joblib
import numpy as np
import pytest
from cases.regressor import linear_rows, mean_log_likelihood, short
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from scipy.optimize import minimize
from scipy.special import expit, log_softmax
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skmdn import MDNRegressor, Mixture, TargetMixture
from skmdn._estimators.observations import Observations
from skmdn._estimators.stand_ins import with_stand_ins
from skmdn._estimators.target_atoms import at_atoms
from skmdn._estimators.target_maps import behind_maps
from skmdn._training import collapse
from skmdn._training.calibration import small_sample_noise
from skmdn._training.residual_dependence import _last_residuals
from skmdn._training.settings import Settings
from skmdn._training.start import fresh_start
from skmdn._training.temperature import fitted_temperature
from skmdn.metrics import log_likelihood_scorer, neg_crps_scorer
from skmdn.transforms import Log

X, Z = linear_rows()
CENSORED = np.maximum(Z, 0.0)
CLAIMS = np.where(Z > 0, np.exp(Z), 0.0)
GRADES = np.clip(np.round(Z), -2.0, 2.0)


def zero_inflated(n, seed):
    """Rows, targets, the log-likelihood of the truth, and the probabilities of zeros."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    p, mean = expit(x[:, 0] - 0.5), 1 + 0.6 * x[:, 1]
    y = np.where(rng.random(n) < p, 0.0, np.exp(mean + 0.6 * rng.normal(size=n)))
    of_density = stats.norm.logpdf(np.log(np.where(y > 0, y, 1)), mean, 0.6) - np.log(y + (y == 0))
    return x, y, np.where(y > 0, np.log1p(-p) + of_density, np.log(p)), p


@pytest.mark.parametrize("column", [False, True])
@pytest.mark.parametrize("word", [None, "log"])
def test_the_density_is_that_of_the_raw_outputs(word, column):
    """A plain computation from the last layer: softmax, spreads, units, temperature."""
    y = CLAIMS if word else CENSORED
    options = {"hidden_layer_sizes": (), "encoding": None, "dtype": "float64"}
    model = short(target_atoms=[50, 0.0], target_transform=word, **options)
    model.fit(X, y[:, None] if column else y)
    inputs = (X - model.X_mean_) / model.X_scale_
    raw = inputs / np.sqrt(1 + (inputs / 5) ** 2) @ model.coefs_[0] + model.intercepts_[0]
    logits, means, spreads = raw[:, :4], raw[:, 4:6], np.exp(raw[:, 6:]) + np.sqrt(1e-6)
    joint = np.exp(log_softmax(logits, axis=1))
    classes = np.column_stack([joint[:, 2:], joint[:, :2].sum(axis=1)])
    classes = classes ** (1 / model.atom_temperature_)
    classes /= classes.sum(axis=1, keepdims=True)
    unit = model.y_scale_[0]
    means = model.y_mean_[0] + unit * means
    spreads = unit * np.hypot(model.spread_factor_ * spreads, model.spread_noise_)
    if word:
        low, high = model.target_range_[0]
        means = np.clip(means, low - 0.25 * unit, high + 0.25 * unit)
        room = high + 0.25 * unit + 0.5 - means
        own = room + np.log(joint[:, :2] / joint[:, :2].sum(axis=1, keepdims=True))
        spreads = np.minimum(
            spreads, np.sqrt(2 * np.maximum(own, np.minimum(max(unit, 1) ** 2 / 2, room)))
        )
    density = model.predict_proba(X)
    assert isinstance(density, TargetMixture)
    np.testing.assert_array_equal(model.target_atoms_, [0, 50])
    np.testing.assert_array_equal(density.atoms, [0, 50])
    np.testing.assert_allclose(density.atom_probability(), classes[:, :2], rtol=1e-8)
    z, shares = (np.log(np.maximum(y, 1e-9)) if word else y), joint[:, :2]
    kernels = stats.norm.pdf(z[:, None], means, spreads) * shares / shares.sum(axis=1)[:, None]
    of_density = np.log(classes[:, 2] * kernels.sum(axis=1)) - (z if word else 0)
    expected = np.where(y == 0, np.log(classes[:, 0]), of_density)
    found = density.logpdf(y[:, None] if column else y)
    np.testing.assert_allclose(found, expected, rtol=1e-8)
    assert model.predict(X).shape == ((80, 1) if column else (80,))


def test_probabilities_sum_to_one_and_the_mean_is_predicted():
    model = short(target_atoms=[0], target_transform="log").fit(X, CLAIMS)
    density = model.predict_proba(X[:1])
    ends = [1e-9, *density.base.marginal([0]).ppf(np.linspace(1e-6, 1 - 1e-6, 9))[0, :, 0]]
    ends = [1e-9, *np.exp(ends[1:])]

    def moment(power):
        def integrand(t):
            return t**power * float(density.pdf([t])[0])

        return sum(integrate.quad(integrand, *pair)[0] for pair in pairwise(ends))

    share = density.atom_probability()[0, 0]
    at_zero = [density.pdf([0.0])[0], density.cdf([0.0])[0]]
    assert at_zero == pytest.approx([share, share], rel=1e-14)
    assert 0.01 < share < 0.99
    assert share + moment(0) == pytest.approx(1, abs=1e-5)
    assert model.predict(X[:1])[0] == pytest.approx(moment(1), rel=1e-3)


def test_losses_are_in_nats_of_y():
    """The last pass of a training at a rate of next to nothing is the likelihood of its model."""
    rows = {"X_val": X[:30], "y_val": CLAIMS[:30]}
    options = {"dtype": "float64", "learning_rate_init": 1e-12, "calibrate": False, "max_iter": 2}
    model = short(target_atoms=[0], target_transform="log", **options).fit(X, CLAIMS, **rows)
    assert (CLAIMS[:30] == 0).any()
    likelihood = mean_log_likelihood(model, X, CLAIMS)
    assert model.loss_curve_[-1] == pytest.approx(-likelihood, abs=1e-6)
    likelihood = mean_log_likelihood(model, X[:30], CLAIMS[:30])
    assert model.validation_loss_curve_[-1] == pytest.approx(-likelihood, abs=1e-6)


def test_scaling_and_range_are_learned_off_the_atoms():
    weights = np.random.default_rng(0).integers(0, 3, len(Z)).astype(float)
    y = np.where(weights == 0, 1e9, CLAIMS)  # rows without weight may be anything
    y[-1], weights[-1] = 0.0, 0.0
    model = short(target_atoms=[0], target_transform="log").fit(X, y, weights)
    off = (CLAIMS > 0) & (weights > 0)
    z, w = np.log(CLAIMS[off]), weights[off]
    mean = np.average(z, weights=w)
    np.testing.assert_allclose(model.y_mean_, mean)
    np.testing.assert_allclose(model.y_scale_, np.sqrt(np.average((z - mean) ** 2, weights=w)))
    np.testing.assert_allclose(model.target_range_, [[z.min(), z.max()]])
    assert model.y_count_ == np.sum(off)
    assert model.n_samples_seen_ == np.sum(weights > 0)


def test_parts_learn_the_scaling_off_the_atoms():
    """Also where one part, the first or the last, has nothing but atoms."""
    parts = np.split(np.argsort(Z), 4)
    assert not CENSORED[parts[0]].any()
    for target_transform, forward in ((None, np.positive), ("log", np.log)):
        others = forward(CENSORED[CENSORED > 0])
        for order in (parts, parts[::-1]):
            model = short(target_atoms=[0.0], target_transform=target_transform)
            for part in order:
                model.partial_fit(X[part], CENSORED[part])
            assert model.y_count_ == len(others)
            found = [model.y_mean_[0], model.y_scale_[0]]
            np.testing.assert_allclose(found, [others.mean(), others.std()])
            if target_transform is not None:
                np.testing.assert_allclose(model.target_range_[0], [others.min(), others.max()])


def test_a_warm_start_learns_the_scaling_once_there_are_others():
    model = short(target_atoms=[0.0, 1.0], warm_start=True)
    model.fit(X, Z > 0)
    assert model.y_count_ == 0
    model.fit(X, np.where(Z > 0, np.exp(Z), 0.0))
    others = np.exp(Z[Z > 0])
    np.testing.assert_allclose([model.y_mean_[0], model.y_scale_[0]], [others.mean(), others.std()])


def observations(y, atoms, weights=None, **words):
    data = Observations.of(X[: len(y)], np.asarray(y, float)[:, None], weights, 1)
    return at_atoms(replace(data, **words), np.array(atoms, float))


def test_stand_ins_keep_the_order_of_targets_and_their_range():
    y = [0.0, 1.0, np.e, np.e**4, 99.0, 1e9, 2.0, -5.0]
    data = observations(y, [-5.0, 0.0, 2.0, 99.0, 1e9])
    found = behind_maps(data, (Log(0),)).y[:, 0]
    np.testing.assert_allclose(found, [-1, 0, 1, 4, np.log(99), 5, np.log(2), -1])
    np.testing.assert_allclose(with_stand_ins(data, None).y[6, 0], 2)
    found = with_stand_ins(observations([1.0, 9999.0, 3.0, -9999.0], [-9999, 9999]), None).y[:, 0]
    np.testing.assert_array_equal(found, [1, 3.5, 3, 0.5])
    found = with_stand_ins(observations(GRADES[:9], [-2, -1, 0, 1, 2]), None).y[:, 0]
    np.testing.assert_array_equal(found, GRADES[:9])


def test_shares_are_weighted():
    weights = np.array([1.0, 0.0, 0.5, 0.25, 0.25])
    data = observations([0.0, 0.0, 1.0, 7.0, 0.0], [0, 1, 5], weights)
    np.testing.assert_allclose(data.shares(), [1.25 / 2, 0.5 / 2, 0])


def test_noise_for_few_rows_counts_those_off_the_atoms():
    many = observations(np.where(np.arange(80) < 70, 0.0, Z), [0])
    alone = observations(Z[70:], [0])
    assert small_sample_noise(many, None) == small_sample_noise(alone, None) > 0.5
    assert small_sample_noise(observations(np.zeros(9), [0]), None) == 0
    constant = observations([0.0, 0.0, 3.0, 3.0], [0])
    assert small_sample_noise(constant, None) == 0


def test_collapse_is_looked_for_off_the_atoms(monkeypatch):
    seen = []
    monkeypatch.setattr(
        collapse, "collapse_warnings", lambda predictor, X, *rest: seen.append(X) or []
    )
    short(target_atoms=[0]).fit(X, CENSORED)
    np.testing.assert_array_equal(seen[0], X[CENSORED > 0])
    short(target_atoms="auto").fit(X, GRADES)
    assert len(seen) == 1


@pytest.mark.parametrize("column", [False, True])
def test_residuals_at_atoms_are_middles_of_jumps(column):
    y = CLAIMS[:, None] if column else CLAIMS
    model = short(target_atoms=[0, 2], target_transform="log").fit(X, y)
    data = observations(np.where(np.arange(80) == 7, 2.0, CLAIMS), [0, 2], y_ndim=y.ndim)
    found, _ = _last_residuals(model._predictor(), behind_maps(data, (Log(0),)))
    expected = model.predict_proba(X).pit(y, jump="middle").reshape(-1, 1)
    expected[7] = model.predict_proba(X[7:8]).pit([2.0] if not column else [[2.0]], jump="middle")
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_rows_of_a_fold_get_the_shares_of_their_predictor():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"x": X[:, 0], "kind": [f"k{i % 23}" for i in range(len(X))]})
    settings = Settings.of(short(target_atoms=[0]))
    codes = np.column_stack([X[:, 0], np.arange(len(X)) % 23])
    data = Observations.of(codes, CENSORED[:, None], None, 1, np.array([-1, 23]))
    data = replace(at_atoms(data, np.zeros(1)), folds=np.arange(len(X)) % 5)
    start = fresh_start(settings.with_atoms(np.zeros(1)), data, np.random.default_rng(0))
    fitted = short(target_atoms=[0]).fit(frame, CENSORED)._predictor()
    predictor = fitted._replace(preparation=start.preparation)
    found = predictor.log_shares(codes, data.folds)
    for fold in range(5):
        rows = data.folds == fold
        expected = predictor.for_fold(fold).log_shares(codes[rows])
        np.testing.assert_allclose(found[rows], expected, rtol=1e-10)
    assert not np.allclose(found, predictor.for_fold(-1).log_shares(codes))


@pytest.mark.parametrize("weighted", [False, True])
def test_the_temperature_is_a_penalised_maximum_of_the_likelihood(weighted):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (400, 3))
    w = rng.uniform(0, 3, 400) if weighted else None
    for true in (0.5, 1.0, 2.5):
        p = np.exp(log_softmax(logits / true, axis=1))
        classes = (rng.random((400, 1)) > np.cumsum(p, axis=1)).sum(axis=1)
        share = np.full(400, 1 / 400) if w is None else w / w.sum()

        def loss(t, classes=classes, share=share):
            q = log_softmax(logits / np.exp(t), axis=1)[np.arange(400), classes]
            return 0.5 * np.sum(share**2) * (t[0] / 0.5) ** 2 - share @ q

        expected = np.exp(minimize(loss, [0.0]).x[0])
        found = fitted_temperature(log_softmax(logits, axis=1), classes, w)
        assert found == pytest.approx(expected, rel=1e-3)
        assert found == pytest.approx(true, rel=0.3)


def test_the_temperature_makes_overconfident_probabilities_honest():
    rows = {"X_val": X[40:], "y_val": CENSORED[40:]}
    options = {"max_iter": 40, "alpha": 0.0, "target_atoms": [0]}
    model = short(**options).fit(X[:40], CENSORED[:40], **rows)
    plain = short(calibrate=False, **options).fit(X[:40], CENSORED[:40], **rows)
    assert plain.atom_temperature_ == 1.0
    assert short(validation_fraction=None, target_atoms=[0]).fit(X, CENSORED).atom_temperature_ == 1
    assert model.atom_temperature_ != 1.0
    before = model.predict_proba(X)
    model.partial_fit(X, CENSORED)
    assert model.atom_temperature_ == 1.0
    assert before.atom_weights.max() < 1


def test_a_discrete_target_has_a_discrete_distribution():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2))
    y = rng.binomial(4, expit(x[:, 0])).astype(float)
    model = short(target_atoms="auto", max_iter=20).fit(x, y)
    np.testing.assert_array_equal(model.target_atoms_, np.arange(5.0))
    density = model.predict_proba(x)
    rest = 1 - density.atom_probability().sum(axis=1)
    assert np.all((rest >= 0.99e-4) & (rest < 0.05))
    logpdf = density.logpdf(y)
    assert np.all(logpdf < 0)
    truth = stats.binom.logpmf(y, 4, expit(x[:, 0])).mean()
    assert -1.609 < logpdf.mean() < truth + 0.3
    assert np.isin(model.sample(x, 5, 0), np.arange(5.0)).mean() > 0.9
    np.testing.assert_allclose(model.y_mean_, y.mean())
    np.testing.assert_allclose(model.y_scale_, y.std())


def test_an_unseen_grade_is_not_impossible():
    seen = GRADES != 1
    for word in ("auto", [-2, -1, 0, 1, 2]):
        model = short(target_atoms=word).fit(X[seen], GRADES[seen])
        assert np.isfinite(model.predict_proba(X).logpdf(GRADES)).all()


@pytest.mark.parametrize("word", [None, "log"])
def test_all_rows_may_be_at_one_atom(word):
    y = np.zeros(len(X))
    model = short(target_atoms=[0], target_transform=word).fit(X, y)
    density = model.predict_proba(X)
    assert np.all(density.atom_probability() > 0.9)
    assert np.all(np.abs(model.predict(X)) < 0.2)
    assert np.isfinite(density.logpdf(2.0)).all()
    model.set_params(warm_start=True).fit(X, y)
    model.partial_fit(X, CLAIMS)
    assert np.isfinite(model.predict(X)).all()


def test_atoms_need_not_lie_in_the_support():
    model = short(target_atoms=[0, -1], target_transform=Log(0))
    y = np.where(np.arange(len(Z)) % 7 == 0, -1.0, CLAIMS)
    model.fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X).atoms, [-1, 0])
    with pytest.raises(ValueError, match=r"y: target_transform=Log.*got -2 at row 3"):
        model.fit(X, np.where(np.arange(len(y)) == 3, -2.0, y))
    with pytest.raises(ValueError, match=r"y_val: target_transform=Log.*got -2 at row 0"):
        model.fit(X, y, X_val=X[:2], y_val=[-2.0, 0.0])


@pytest.mark.parametrize(
    "change",
    [
        {"validation_split": "last"},
        {"validation_split": "blocks"},
        {"covariance_type": "full"},
        {"dtype": "float64", "encoding": None},
        {"validation_fraction": None},
        {"max_iter": 3, "batch_size": 7},
    ],
)
def test_other_words_go_together_with_atoms(change):
    weights = np.random.default_rng(0).integers(0, 3, len(Z)).astype(float)
    model = short(target_atoms=[0], target_transform="log", **change).fit(X, CLAIMS, weights)
    assert np.isfinite(mean_log_likelihood(model, X, CLAIMS))
    assert np.isfinite(model.loss_curve_).all()


def test_categories_and_groups_go_together_with_atoms():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X).rename(columns=str)
    frame["kind"] = [f"k{i % 23}" for i in range(len(X))]
    model = short(target_atoms=[0], target_transform="log")
    model.fit(frame, CLAIMS, groups=np.arange(len(X)) // 4)
    assert model.category_means_ is not None
    assert np.isfinite(model.predict_proba(frame).logpdf(CLAIMS)).all()


def test_rows_of_runs_that_go_together_are_still_told():
    """Also where atoms have no residuals."""
    n = 600
    level = np.repeat(np.random.default_rng(0).normal(size=n // 60), 60)
    rng = np.random.default_rng(1)
    y = np.where(level > 0, level + 1e-3 * rng.normal(size=n), 0.0)  # constant runs look sorted
    x = rng.normal(size=(n, 1))
    with pytest.warns(UserWarning, match="Residuals of held-out rows go together"):
        short(target_atoms=[0], validation_split="shuffled").fit(x, y)


def test_parts_and_warm_starts_keep_the_atoms():
    for options in ({}, {"warm_start": True}):
        model = short(target_atoms="auto", **options)
        again = model.fit if options else model.partial_fit
        again(X, CENSORED)
        np.testing.assert_array_equal(model.target_atoms_, [0])
        again(X, Z)
        np.testing.assert_array_equal(model.target_atoms_, [0])
        model.set_params(target_atoms=[0]).partial_fit(X, CENSORED)
        for other in (None, [0, 1]):
            copy = pickle.loads(pickle.dumps(model)).set_params(target_atoms=other)
            with pytest.raises(ValueError, match=r"target_atoms must stay.*\[0.0\].*Fit anew"):
                again.__func__(copy, X, CENSORED)
    model = short(target_atoms="auto").partial_fit(X, Z)
    assert model.target_atoms_ is None
    model.partial_fit(X, CENSORED)
    assert model.target_atoms_ is None


def test_atoms_that_no_row_has_are_told():
    """As of float32 targets, of which none is exactly 0.1."""
    y = np.where(CENSORED == 0, 0.1, CENSORED).astype(np.float32)
    with pytest.warns(UserWarning, match="target_atoms: no row of y is at any of them"):
        short(target_atoms=[0.1], max_iter=2).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        short(target_atoms=[np.float32(0.1), 77.0], max_iter=2).fit(X, y)


def test_a_warm_start_begins_where_the_last_fit_ended():
    options = {"warm_start": True, "learning_rate_init": 1e-9, "dtype": "float64", "max_iter": 1}
    model = short(target_atoms=[0], target_transform="log", calibrate=False, **options)
    before = model.fit(X, CLAIMS).predict_proba(X).logpdf(CLAIMS)
    with warnings.catch_warnings():  # it may have found nothing better
        warnings.simplefilter("ignore")
        model.fit(X, CLAIMS)
    np.testing.assert_allclose(model.predict_proba(X).logpdf(CLAIMS), before, rtol=1e-4)


def test_parts_rescale_without_changing_the_function():
    options = {"learning_rate_init": 1e-9, "dtype": "float64", "encoding": None, "reg_covar": 1e-12}
    model = short(target_atoms=[0], **options).partial_fit(X, CENSORED)
    before = model.predict_proba(X)
    model.partial_fit(X, 7 * CENSORED)  # another scale of y, the same X
    after = model.predict_proba(X)
    assert model.y_scale_[0] > 2 * CENSORED[CENSORED > 0].std()
    for name in ("atom_probability", "mean", "std"):
        np.testing.assert_allclose(getattr(after, name)(), getattr(before, name)(), rtol=1e-5)


def test_copies_answer_as_the_model():
    model = short(target_atoms=[0], target_transform="log").fit(X, CLAIMS)
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    for copy in (pickle.loads(pickle.dumps(model)), joblib.load(file)):
        assert copy.predict_proba(X) == model.predict_proba(X)
    assert clone(model).target_atoms == [0]
    assert clone(model).fit(X, CLAIMS).predict_proba(X) == model.predict_proba(X)


def test_a_search_chooses_among_atoms_by_crps():
    search = GridSearchCV(
        short(max_iter=20), {"target_atoms": [None, [0.0]]}, scoring=neg_crps_scorer, cv=2
    ).fit(X, CENSORED)
    scores = search.cv_results_["mean_test_score"]
    assert scores[1] > scores[0] - 0.05
    assert np.isfinite(log_likelihood_scorer(search, X, CENSORED))


@pytest.mark.parametrize(
    ("word", "match"),
    [
        ([], r"'target_atoms' parameter must be.*at least one value.*Got \[\] instead"),
        ([0.0, np.nan], r"'target_atoms' parameter.*finite and distinct"),
        ([np.inf], r"'target_atoms' parameter.*finite and distinct"),
        ([0, 0.0], r"'target_atoms' parameter.*finite and distinct"),
        ([0.0, -0.0], r"'target_atoms' parameter.*finite and distinct"),
        (["0"], r"'target_atoms' parameter.*finite and distinct"),
        ([[0.0]], r"'target_atoms' parameter.*finite and distinct"),
        ([True], r"'target_atoms' parameter.*finite and distinct"),
        ("zeros", r"'target_atoms' parameter.*'auto'.*Got 'zeros'"),
        (0.0, r"'target_atoms' parameter.*Got 0.0"),
    ],
)
def test_bad_words_are_named(word, match):
    model = short(target_atoms=word)
    before = dict(vars(model))
    with pytest.raises(ValueError, match=match):
        model.fit(X, CENSORED)
    assert vars(model) == before


def test_several_outputs_have_no_atoms():
    Y = np.column_stack([CENSORED, GRADES])
    with pytest.raises(ValueError, match=r"target_atoms=\[0.0\] expects one output; got 2"):
        short(target_atoms=[0.0]).fit(X, Y)
    model = short(target_atoms="auto").fit(X, Y)
    assert model.target_atoms_ is None
    assert isinstance(model.predict_proba(X), Mixture)


@example(atoms=[-3.0], seed=57, word=None)  # without any row at the atom
@settings(derandomize=True, database=None, max_examples=15, deadline=None)
@given(
    atoms=st.lists(st.sampled_from([-3.0, 0.0, 0.5, 1.0, 4.0]), min_size=1, unique=True),
    seed=st.integers(0, 100),
    word=st.sampled_from([None, "asinh"]),
)
def test_any_atoms_make_a_distribution(atoms, seed, word):
    """Rows at some of them, of any share, none among them."""
    rng = np.random.default_rng(seed)
    y = np.where(rng.random(30) < rng.random(), rng.choice(atoms, 30), rng.normal(size=30))
    model = short(target_atoms=atoms, target_transform=word, max_iter=2, encoding=None)
    warns = pytest.warns(UserWarning, match="no row of y is at any of them")
    with nullcontext() if np.isin(y, atoms).any() else warns:
        model.fit(X[:30], y)
    density = model.predict_proba(X[:5])
    p = density.atom_probability()
    assert p.shape == (5, len(atoms))
    assert np.all(p > 0)
    assert np.all(p.sum(axis=1) <= 1 - 0.99e-4)
    grid = np.sort([*atoms, *np.linspace(-5, 5, 21)])
    cdf = density.cdf(grid[None])
    assert np.all(np.diff(cdf, axis=1) >= 0)
    below = density.cdf(np.nextafter(np.sort(atoms), -np.inf)[None])
    np.testing.assert_allclose(density.cdf(np.sort(atoms)[None]) - below, p, atol=1e-9)


def test_zeros_of_a_simulation_are_found():
    """The mean of their probabilities, and a likelihood near the truth's."""
    shares, gaps = [], []
    for seed in range(4):
        rows, y, _, p_rows = zero_inflated(700, seed)
        new, new_y, truth, p = zero_inflated(4000, 100 + seed)
        model = MDNRegressor(
            n_components=2,
            hidden_layer_sizes=(16,),
            encoding=None,
            max_iter=40,
            target_atoms=[0],
            target_transform="log",
            random_state=seed,
        ).fit(rows, y)
        density = model.predict_proba(new)
        found = density.atom_probability()[:, 0]
        by_chance = np.mean(y == 0) - p_rows.mean()  # more zeros than expected
        shares.append(found.mean() - p.mean() - by_chance)
        gaps.append(np.mean(truth - density.logpdf(new_y)))
        assert np.corrcoef(found, p)[0, 1] > 0.9
    assert abs(np.mean(shares)) < 0.02
    assert 0 < np.mean(gaps) < 0.08
