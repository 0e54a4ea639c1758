"""Mixtures made from mixtures, and exports."""

import numpy as np
import pandas as pd
import pytest
import torch
from cases.mixture_oracles import hostile_lines, tame
from hypothesis import given, settings
from hypothesis import strategies as st

from skmdn.mixture import Mixture, TargetMixture

PROVE = settings(max_examples=30, derandomize=True, database=None, deadline=None)
KINDS = [{}, {"d": 1}, {"d": 3}, {"d": 3, "full": True}]


def points_for(mixture, seed=1):
    shape = (len(mixture),) if mixture.univariate else (len(mixture), mixture.n_outputs)
    return 4.0 * np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("kind", KINDS)
def test_affine_of_everything(kind):
    mixture = tame(n=10, **kind)
    d = mixture.n_outputs
    shift, scale = np.array([3.0, -1.0, 0.5])[:d], np.array([-2.0, 0.25, -1.5])[:d]
    moved = mixture.affine(shift, scale)
    y = points_for(mixture)
    at = shift + scale * (y[:, np.newaxis] if mixture.univariate else y)
    at = at[:, 0] if mixture.univariate else at
    jacobian = np.log(np.abs(scale)).sum()
    np.testing.assert_allclose(moved.logpdf(at), mixture.logpdf(y) - jacobian, rtol=1e-11)
    drop = 0 if mixture.univariate else slice(None)
    np.testing.assert_allclose(
        moved.mean(), (shift + scale * mixture.mean().reshape(-1, d))[:, drop]
    )
    np.testing.assert_allclose(moved.std(), (np.abs(scale) * mixture.std().reshape(-1, d))[:, drop])
    np.testing.assert_allclose(
        moved.crps(at), (np.abs(scale) * mixture.crps(y).reshape(-1, d))[:, drop], rtol=1e-10
    )
    q, mirrored = moved.ppf(0.3).reshape(-1, d), mixture.ppf([0.3, 0.7]).reshape(-1, 2, d)
    expected = shift + scale * np.where(scale > 0, mirrored[:, 0], mirrored[:, 1])
    np.testing.assert_allclose(q, expected, rtol=1e-9, atol=1e-9)
    assert mixture.affine(0.0, 1.0) == mixture


def test_affine_moves_modes_and_regions():
    mixture = tame(n=20)
    moved = mixture.affine(5.0, 1e-6)
    np.testing.assert_allclose(moved.modes(), 5.0 + 1e-6 * mixture.modes(), rtol=1e-12)
    np.testing.assert_allclose(moved.hdr(0.8), 5.0 + 1e-6 * mixture.hdr(0.8), rtol=1e-12)
    np.testing.assert_allclose(moved.entropy(), mixture.entropy() + np.log(1e-6), atol=1e-8)


@pytest.mark.parametrize(
    ("shift", "scale", "message"),
    [
        (0.0, 0.0, "scale must not be zero"),
        (np.nan, 1.0, "shift must be finite"),
        (0.0, np.inf, "scale must be finite"),
        ([0.0, 1.0], 1.0, r"shift must be a number or have shape \(3,\); got \(2,\)"),
        (0.0, [[1.0, 1.0, 1.0]], "scale must be a number or have shape"),
        (0.0, 1e308, "must be finite"),
    ],
)
def test_bad_affine(shift, scale, message):
    with pytest.raises(ValueError, match=message):
        tame(n=2, d=3).affine(0.0, 10.0).affine(shift, scale)


def test_correlations_that_overflow_are_refused():
    mixture = Mixture([[1.0]], [[[0.0, 0.0]]], scale_tril=[[[[1.0, 0.0], [1e200, 1.0]]]])
    with pytest.raises(ValueError, match=r"abs\(scale\) \* scale_tril must be finite"):
        mixture.affine(0.0, [1.0, 1e150])


def test_affine_that_underflows():
    with pytest.raises(ValueError, match=r"abs\(scale\) \* scales must be positive"):
        tame(n=2).affine(0.0, 1e-200).affine(0.0, 1e-200)


@pytest.mark.parametrize("full", [False, True])
def test_marginal_integrates_the_others_out(full):
    mixture = tame(n=3, k=2, d=2, full=full)
    grid = np.linspace(-40, 40, 4001)
    at = 0.7
    joint = np.stack([np.full_like(grid, at), grid], axis=-1)[np.newaxis]
    integral = mixture.pdf(joint).sum(axis=1) * (grid[1] - grid[0])
    np.testing.assert_allclose(mixture.marginal(0).pdf([[at]])[:, 0], integral, rtol=1e-9)


@pytest.mark.parametrize("full", [False, True])
def test_marginal_moments_and_order(full):
    mixture = tame(n=5, d=3, full=full)
    part = mixture.marginal([2, 0])
    assert (part.n_outputs, part.univariate, part.covariance_type) == (
        2,
        False,
        mixture.covariance_type,
    )
    np.testing.assert_allclose(part.mean(), mixture.mean()[:, [2, 0]], rtol=1e-13)
    expected = mixture.cov()[:, [2, 0]][:, :, [2, 0]]
    np.testing.assert_allclose(part.cov(), expected, rtol=1e-12, atol=1e-13)
    assert mixture.marginal(-1).univariate
    assert mixture.marginal(np.int64(2)) == mixture.marginal(-1)
    every = mixture.marginal([0, 1, 2])
    np.testing.assert_allclose(every.scale_tril, mixture.scale_tril, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("outputs", [3, -4, 1.0, "a", None, [], [0, 0], [0, 3], [0, -3]])
def test_bad_marginal(outputs):
    with pytest.raises(ValueError, match="outputs must"):
        tame(n=2, d=3).marginal(outputs)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("known", [[0], [2], [0, 2], [2, 1]])
def test_condition_is_joint_over_marginal(full, known):
    mixture = tame(n=6, d=3, full=full)
    y = points_for(mixture)
    rest = [j for j in range(3) if j not in known]
    given_known = mixture.condition({j: y[:, j] for j in known})
    assert given_known.covariance_type == mixture.covariance_type
    expected = mixture.logpdf(y) - mixture.marginal(known).logpdf(y[:, known])
    np.testing.assert_allclose(given_known.logpdf(y[:, rest]), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("full", [False, True])
def test_marginal_of_condition_is_condition_of_marginal(full):
    mixture = tame(n=6, d=4, full=full)
    first = mixture.condition({1: 0.5}).marginal([0, 2])
    second = mixture.marginal([0, 1, 3]).condition({1: 0.5})
    np.testing.assert_allclose(first.weights, second.weights, rtol=1e-12)
    np.testing.assert_allclose(first.mean(), second.mean(), rtol=1e-11)
    np.testing.assert_allclose(first.cov(), second.cov(), rtol=1e-10, atol=1e-12)


def test_condition_far_out_keeps_its_weights_normal():
    mixture = tame(n=4, d=2, full=True)
    for value in (1e6, 1e200):
        far = mixture.condition({0: value})
        np.testing.assert_allclose(far.weights.sum(axis=1), 1.0, rtol=1e-14)
        assert np.isfinite(far.means).all()
    with pytest.raises(ValueError, match="means given values must be finite"):
        mixture.affine(0.0, [1e-8, 1e8]).condition({0: 1e308})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "values must be distinct and at least one"),
        ({0: 1.0, 1: 1.0}, "at least one output unknown"),
        ({2: 1.0}, "values must lie in"),
        ({0: 1.0, -2: 1.0}, "values must be distinct"),
        ({0: np.nan}, r"values\[0\] must be finite"),
        ({0: np.zeros(3)}, r"values\[0\] must be a number or have shape \(4,\); got \(3,\)"),
        ([0.0], "values must be a mapping"),
    ],
)
def test_bad_condition(values, message):
    with pytest.raises(ValueError, match=message):
        tame(n=4, d=2).condition(values)


def test_pool_is_a_weighted_mean_of_densities():
    members = [tame(n=10, k=k, seed=k) for k in (1, 2, 5)]
    y = points_for(members[0])
    for weights in (None, [1.0, 0.0, 3.0], np.random.default_rng(0).random((10, 3))):
        share = np.full((10, 3), 1 / 3) if weights is None else np.broadcast_to(weights, (10, 3))
        share = share / share.sum(axis=1, keepdims=True)
        pooled = Mixture.pool(members, weights)
        expected = sum(share[:, i] * member.pdf(y) for i, member in enumerate(members))
        np.testing.assert_allclose(pooled.pdf(y), expected, rtol=1e-12)
        assert pooled.n_components == 8


@PROVE
@given(hostile_lines)
def test_pool_of_one_member_with_itself_changes_nothing(mixture):
    pooled = Mixture.pool([mixture, mixture])
    y = mixture.means[:, 0, 0] + mixture.scales[:, 0, 0]
    np.testing.assert_allclose(pooled.logpdf(y), mixture.logpdf(y), rtol=1e-12)
    np.testing.assert_allclose(pooled.cdf(y), mixture.cdf(y), rtol=1e-12)
    np.testing.assert_allclose(pooled.std(), mixture.std(), rtol=1e-12)


def test_pool_and_concatenate_of_diagonal_and_full_are_full():
    diagonal, full = tame(n=5, d=2), tame(n=5, d=2, full=True, k=2)
    y = points_for(diagonal)
    pooled = Mixture.pool([diagonal, full])
    np.testing.assert_allclose(pooled.pdf(y), (diagonal.pdf(y) + full.pdf(y)) / 2, rtol=1e-12)
    joined = Mixture.concatenate([diagonal, full])
    assert (joined.covariance_type, joined.n_components, len(joined)) == ("full", 4, 10)
    expected = np.concatenate([diagonal.logpdf(y), full.logpdf(y)])
    np.testing.assert_allclose(joined.logpdf(np.tile(y, (2, 1))), expected, rtol=1e-12)


def test_concatenate_pads_with_weight_zero():
    small, large = tame(n=3, k=2), tame(n=4, k=5)
    joined = Mixture.concatenate([small, large])
    assert joined[3:] == large
    np.testing.assert_array_equal(joined.weights[:3, 2:], 0.0)
    np.testing.assert_allclose(joined.ppf([0.1, 0.9])[:3], small.ppf([0.1, 0.9]), rtol=1e-12)
    np.testing.assert_array_equal(joined.modes()[:3, :2], small.modes())
    np.testing.assert_allclose(joined.hdr(0.9)[:3, :2], small.hdr(0.9), rtol=1e-9)


@pytest.mark.parametrize("method", ["pool", "concatenate"])
@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([], "at least one mixture"),
        ([tame(n=3), "a"], "must be Mixture objects; got str"),
        ([tame(n=3), tame(n=3, d=1)], "same outputs"),
        ([tame(n=3, d=2), tame(n=3, d=3)], "same outputs"),
    ],
)
def test_bad_members(method, members, message):
    with pytest.raises(ValueError, match=message):
        getattr(Mixture, method)(members)


@pytest.mark.parametrize("unit", [1e-310, 1e308])
def test_the_unit_of_pool_weights_does_not_matter(unit):
    members = [tame(n=3), tame(n=3).affine(1.0, 2.0)]
    pool = Mixture.pool(members, np.full(2, unit))
    np.testing.assert_allclose(pool.weights, Mixture.pool(members).weights, rtol=1e-12)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0], "weights must have shape"),
        ([-1.0, 2.0], "weights must not be negative"),
        ([0.0, 0.0], "nor all zero"),
        ([np.nan, 1.0], "weights must be finite"),
    ],
)
def test_bad_pool_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        Mixture.pool([tame(n=3), tame(n=3)], weights)
    with pytest.raises(ValueError, match="same number of rows"):
        Mixture.pool([tame(n=3), tame(n=4)])


def test_to_scipy():
    mixture = Mixture([[0.4, 0.6, 0.0]], [[0.0, 3.0, 9.0]], [[1.0, 2.0, 1.0]])
    oracle = mixture.to_scipy(-1)
    assert len(oracle.components) == 2
    assert oracle.cdf(1.0) == pytest.approx(mixture.cdf([1.0])[0], rel=1e-12)
    assert oracle.mean() == pytest.approx(mixture.mean()[0])
    assert tame(n=2, d=1).to_scipy(1).mean() == pytest.approx(tame(n=2, d=1).mean()[1, 0])
    with pytest.raises(IndexError, match="row 1 is out of bounds"):
        mixture.to_scipy(1)
    with pytest.raises(ValueError, match="one output; got 2"):
        tame(d=2).to_scipy(0)


@pytest.mark.parametrize("kind", KINDS)
def test_to_torch(kind):
    mixture = tame(n=5, **kind)
    exported = mixture.to_torch()
    assert exported.batch_shape == (5,)
    assert exported.event_shape == (() if mixture.univariate else (mixture.n_outputs,))
    assert exported.mean.dtype == torch.float64
    np.testing.assert_allclose(exported.mean.numpy(), mixture.mean(), rtol=1e-12)
    np.testing.assert_allclose(exported.variance.numpy(), mixture.var(), rtol=1e-11)


def test_to_torch_keeps_the_smallest_weights():
    mixture = Mixture([[1e-300, 1.0], [0.0, 1.0]], [[50.0, 0.0]] * 2, [[1.0, 1.0]] * 2)
    log_prob = mixture.to_torch().log_prob(torch.tensor([50.0, 50.0], dtype=torch.float64))
    np.testing.assert_allclose(log_prob.numpy(), mixture.logpdf([50.0, 50.0]), rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_to_frame_holds_all_parameters(kind):
    mixture = tame(n=3, k=2, **kind)
    frame = mixture.to_frame()
    d = mixture.n_outputs
    assert isinstance(frame, pd.DataFrame)
    assert len(frame) == 3 * 2 * d
    assert ("output" in frame) == (not mixture.univariate)
    np.testing.assert_array_equal(frame["mean"].to_numpy().reshape(3, 2, d), mixture.means)
    np.testing.assert_array_equal(frame["scale"].to_numpy().reshape(3, 2, d), mixture.scales)
    np.testing.assert_array_equal(
        frame["weight"].to_numpy().reshape(3, 2, d)[..., 0], mixture.weights
    )
    if mixture.covariance_type == "full":
        tril = frame[[f"scale_tril_{j}" for j in range(d)]].to_numpy().reshape(3, 2, d, d)
        np.testing.assert_array_equal(tril, mixture.scale_tril)


@PROVE
@given(hostile_lines, st.sampled_from([-1e6, -1.0, 1e-6, 3.0]))
def test_affine_of_hostile_mixtures(mixture, scale):
    y = mixture.means[:, 0, 0]
    moved = mixture.affine(0.0, scale)
    np.testing.assert_allclose(
        moved.logpdf(scale * y), mixture.logpdf(y) - np.log(abs(scale)), rtol=1e-6, atol=1e-6
    )
    np.testing.assert_allclose(moved.std(), abs(scale) * mixture.std(), rtol=1e-12)


@pytest.mark.parametrize("noise", [0.0, 1e-300, 0.3, 1e300])
def test_widening_neither_overflows_nor_underflows(noise):
    scales = np.geomspace(1e-300, 1e300, 1201)[:, None]
    mixture = Mixture(np.ones_like(scales), np.zeros_like(scales), scales)
    wide = mixture.widen(0.5, noise).scales[:, :, 0]
    np.testing.assert_allclose(wide, np.hypot(0.5 * scales, noise), rtol=1e-15)


@pytest.mark.parametrize("full", [False, True])
def test_widening_scales_and_adds_covariances(full):
    rng = np.random.default_rng(4)
    weights, means = rng.dirichlet(np.ones(3), 5), rng.normal(size=(5, 3, 2))
    L = np.tril(rng.normal(size=(5, 3, 2, 2))) + 3 * np.eye(2)
    scales = rng.uniform(0.1, 2, (5, 3, 2))
    mixture = Mixture(weights, means, scale_tril=L) if full else Mixture(weights, means, scales)
    noise = np.array([0.3, 2.0])
    wide = mixture.widen(1.5, noise)
    inner = mixture.scale_tril @ mixture.scale_tril.swapaxes(-1, -2)
    expected = 1.5**2 * inner + np.diag(noise**2)
    found = wide.scale_tril @ wide.scale_tril.swapaxes(-1, -2)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(wide.means, mixture.means)
    np.testing.assert_allclose(mixture.widen(noise=noise).cov(), mixture.cov() + np.diag(noise**2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0,), "factor must be one positive finite number"),
        (([1.0, 2.0],), "factor must be one positive finite number"),
        ((1.0, -1.0), "noise must not be negative"),
        ((1.0, [1.0, 2.0]), "noise must be a number or have shape"),
        ((1.0, np.nan), "noise"),
    ],
)
def test_bad_widening_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Mixture([[1.0]], [[2.0]], [[3.0]]).widen(*arguments)


@pytest.mark.parametrize("kind", [Mixture, TargetMixture])
@pytest.mark.parametrize("method", ["pool", "concatenate"])
def test_members_come_in_an_iterable(kind, method):
    with pytest.raises(TypeError, match="mixtures must be an iterable"):
        getattr(kind, method)(None)


@pytest.mark.parametrize("row", ["a", 0.5, None, [0]])
def test_a_row_is_an_integer(row):
    density = Mixture([[1.0]], [[0.0]], [[1.0]])
    for each in (density, TargetMixture(density, "log")):
        with pytest.raises(ValueError, match="row must be an integer"):
            each.to_scipy(row)


def test_torch_takes_no_empty_batch():
    empty = Mixture([[1.0]], [[0.0]], [[1.0]])[:0]
    for each in (empty, TargetMixture(empty, "log")):
        with pytest.raises(ValueError, match="to_torch needs at least one row"):
            each.to_torch()
