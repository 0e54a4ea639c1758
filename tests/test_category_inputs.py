"""Inputs of the network for categories, against their description and a mixed model."""

import numpy as np
import pandas as pd
import pytest
from cases.tables import small

from skmdn._estimators.observations import Observations
from skmdn._network.category_inputs import CategoryInputs, category_inputs
from skmdn._network.encoding import MAX_INPUTS
from skmdn._network.target_means import N_FOLDS, shrunk_means

NAN, UNSEEN = np.nan, -1.0


def repeated(counts):
    """Codes of categories with these numbers of rows; the last number is that of gaps."""
    codes = [*map(float, range(len(counts) - 1)), NAN]
    return np.repeat(codes, counts)[:, None]


def learnt(X, n_categories, *, z=None, weights=None, room=2048, folds=None):
    n = len(X)
    return category_inputs(
        X,
        np.zeros((n, 1)) if z is None else z,
        weights,
        np.arange(n) if weights is None else np.flatnonzero(weights),
        np.arange(n) % N_FOLDS if folds is None else folds,
        np.asarray(n_categories),
        room,
    )


def inputs(categories, codes, folds=None):
    out = np.full((len(codes), categories.n_inputs), NAN)
    categories.fill(np.asarray(codes, float).T[: len(categories.features)], out, folds)
    return out


# Indicators --------------------------------------------------------------------------------------


def test_frequent_ones_and_gaps_have_an_indicator_each_and_rare_ones_share_one():
    categories = learnt(repeated([30, 2, 40, 1, 7]), [4])
    np.testing.assert_array_equal(categories.features, [0])
    found = inputs(categories, [[0], [1], [2], [3], [NAN], [UNSEEN]])
    shares = np.array([30, 40, 3, 7]) / 80
    np.testing.assert_allclose(
        found, [[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], shares]
    )


def test_a_gap_where_fit_had_none_is_taken_at_the_shares():
    categories = learnt(repeated([30, 50, 0]), [2])
    np.testing.assert_allclose(inputs(categories, [[NAN], [UNSEEN]]), [[3 / 8, 5 / 8]] * 2)


@pytest.mark.parametrize("counts", [[80, 0], [0, 80], [80]])
def test_a_constant_feature_has_no_inputs(counts):
    categories = learnt(repeated(counts), [len(counts) - 1])
    assert categories.n_inputs == 0
    assert inputs(categories, [[0], [NAN], [UNSEEN]]).shape == (3, 0)


@pytest.mark.parametrize(("n", "least"), [(200, 5), (1000, 5), (1600, 8), (20_000, 10)])
def test_how_many_rows_a_category_needs(n, least):
    counts = [least, least - 1, least - 1, n - 3 * least + 2, 0]
    (indicator,) = learnt(repeated(counts), [4]).indicator
    assert indicator.tolist() == [0, 2, 2, 1, -1, -1]


def test_weights_count_for_rows():
    codes = repeated([20, 20, 20, 10, 0])
    weights = np.repeat([1.0, 3.0, 0.0, 0.05], [20, 20, 20, 10])
    categories = learnt(codes, [4], weights=weights)
    assert categories.indicator[0].tolist() == [0, 1, -1, 2, -1, -1]  # 10 rows of little weight
    np.testing.assert_allclose(categories.shares[0], np.array([20, 60, 0.5]) / 80.5)
    whole = repeated([1, 3, 0, 2, 5])
    twice = learnt(np.tile(whole, (20, 1)), [4])
    as_weights = learnt(np.tile(whole, (10, 1)), [4], weights=np.full(110, 2.0))
    np.testing.assert_allclose(twice.shares[0], as_weights.shares[0])


def test_several_features_stand_side_by_side():
    X = np.column_stack([repeated([30, 50, 0])[:, 0], np.arange(80.0), np.arange(80) % 4])
    categories = learnt(X, [2, -1, 4])
    np.testing.assert_array_equal(categories.features, [0, 2])
    found = inputs(categories, [[1, 3], [UNSEEN, 0]])
    np.testing.assert_allclose(found, [[0, 1, 0, 0, 0, 1], [3 / 8, 5 / 8, 1, 0, 0, 0]])


@pytest.mark.parametrize(
    ("n_features", "n_levels"), [(1, 3000), (40, 100), (300, 20), (900, 3), (1500, 2)]
)
@pytest.mark.parametrize("room", [MAX_INPUTS, 100, 3, 0])
def test_indicators_keep_to_their_room(n_features, n_levels, room):
    rng = np.random.default_rng(0)
    n = 12 * n_levels
    X = np.stack([rng.permutation(n) % n_levels for _ in range(n_features)], axis=1).astype(float)
    X[rng.random(n) < 0.1] = NAN
    categories = learnt(X, [n_levels] * n_features, room=room)
    # All features keep an input for the categories that share one, and one for gaps.
    assert sum(map(len, categories.shares)) <= max(room, 2 * n_features)
    if n_features * (n_levels + 2) < room:
        assert sum(map(len, categories.shares)) == n_features * (n_levels + 1)


def test_the_most_frequent_ones_get_the_room():
    counts = [10, 50, 20, 40, 30, 12, 0]
    (indicator,) = learnt(repeated(counts), [6], room=5).indicator
    assert indicator.tolist() == [3, 0, 3, 1, 2, 3, -1, -1]


@pytest.mark.parametrize("encoding", ["piecewise", None])
@pytest.mark.parametrize("n_numbers", [0, 3, 200])
def test_a_network_has_at_most_2048_inputs(n_numbers, encoding):
    rng = np.random.default_rng(0)
    n = 1200
    X = np.column_stack(
        [
            rng.normal(size=(n, n_numbers)),
            rng.integers(0, 60, (n, 50)),
        ]
    )
    X[:5, : n_numbers // 2] = NAN
    categorical = np.arange(X.shape[1]) >= n_numbers
    model = small(max_iter=1, encoding=encoding, categorical_features=categorical)
    model.fit(X, rng.normal(size=n))
    n_categories = sum(len(shares) for shares in model.category_shares_[n_numbers:])
    assert n_categories > 500
    assert len(model.coefs_[0]) <= MAX_INPUTS
    if encoding is not None and n_numbers == 3:
        assert sum(map(len, model.bin_edges_)) == 3 * 5


# Means of targets --------------------------------------------------------------------------------


def expected_means(place, n_places, z, weights, folds):
    """The means by their description: a sum over rows for every fold and category."""
    w = weights * np.count_nonzero(weights) / weights.sum()
    tables = np.zeros((N_FOLDS + 1, n_places, z.shape[1]))
    for d, target in enumerate(z.T):
        there = [place[w > 0] == c for c in np.unique(place[w > 0])]
        W = np.array([w[w > 0][rows].sum() for rows in there])
        M = np.array([np.average(target[w > 0][rows], weights=w[w > 0][rows]) for rows in there])
        within = sum(
            np.sum(w[w > 0][rows] * (target[w > 0][rows] - mean) ** 2)
            for rows, mean in zip(there, M, strict=True)
        ) / (W.sum() - len(W))
        grand = np.sum(W * M) / W.sum()
        among = np.sum(W * (M - grand) ** 2) - (len(W) - 1) * within
        between = among / (W.sum() - np.sum(W**2) / W.sum())
        if between <= 0:
            continue
        for fold in range(N_FOLDS + 1):
            for category in range(n_places):
                rows = (folds != fold) & (place == category)
                total = np.sum(w[rows] * target[rows])
                shrunk = total / (w[rows].sum() + within / between)
                tables[fold, category, d] = shrunk / np.sqrt(between)
    return tables


def grouped_rows(n_groups=30, n_rows=400, n_outputs=2, seed=0):
    rng = np.random.default_rng(seed)
    place = rng.integers(0, n_groups, n_rows)
    effects = np.array([1.0, 0.3])[:n_outputs] * rng.normal(size=(n_groups, n_outputs))
    z = effects[place] + rng.normal(size=(n_rows, n_outputs))
    return place, z - z.mean(axis=0), rng.integers(0, N_FOLDS, n_rows)


@pytest.mark.parametrize("weighting", ["none", "ones", "some zero"])
def test_means_are_what_they_are_said_to_be(weighting):
    place, z, folds = grouped_rows()
    weights = np.ones(400)
    if weighting == "some zero":
        weights = np.random.default_rng(1).integers(0, 4, 400) * 1.0
    found = shrunk_means(place, 33, z, None if weighting == "none" else weights, folds)
    np.testing.assert_allclose(found, expected_means(place, 33, z, weights, folds), atol=1e-12)
    assert np.abs(found[:, :30]).max() > 0.5
    np.testing.assert_array_equal(found[:, 30:], 0)


def test_the_last_means_are_the_best_linear_predictor_of_random_effects():
    """Henderson's: the covariance of effects and targets times the inverse of that of targets."""
    n_groups, size = 12, 20
    place = np.repeat(np.arange(n_groups), size)  # balanced: the moments are the known estimators
    rng = np.random.default_rng(0)
    z = rng.normal(size=n_groups)[place] + 0.7 * rng.normal(size=n_groups * size)
    z -= z.mean()
    group_means = z.reshape(n_groups, size).mean(axis=1)
    within = np.mean(z.reshape(n_groups, size).var(axis=1, ddof=1))
    between = group_means.var(ddof=1) - within / size
    membership = (place[:, None] == np.arange(n_groups)).astype(float)
    covariance = between * membership @ membership.T + within * np.eye(len(z))
    predictor = between * membership.T @ np.linalg.solve(covariance, z)
    found = shrunk_means(place, n_groups, z[:, None], None, rng.integers(0, N_FOLDS, len(z)))
    np.testing.assert_allclose(found[-1, :, 0] * np.sqrt(between), predictor, rtol=1e-9)


def test_only_ratios_of_weights_matter_and_rows_without_weight_do_not():
    place, z, folds = grouped_rows()
    weights = np.random.default_rng(2).integers(0, 3, 400) * 1.0
    found = shrunk_means(place, 30, z, weights, folds)
    np.testing.assert_allclose(shrunk_means(place, 30, z, 1e-9 * weights, folds), found, rtol=1e-9)
    other = np.where(weights[:, None] == 0, 1e6, z)
    np.testing.assert_allclose(shrunk_means(place, 30, other, weights, folds), found, rtol=1e-9)
    kept = weights > 0
    without = shrunk_means(place[kept], 30, z[kept], weights[kept], folds[kept])
    np.testing.assert_allclose(without, found, rtol=1e-9)


def test_a_row_of_weight_two_counts_twice():
    """In the sums of a category; how far its mean is shrunk depends on the number of rows."""
    place, z, folds = np.array([0, 0, 0, 1, 1, 1]), np.arange(6.0)[:, None], np.zeros(6, int)
    weights = np.array([2.0, 1, 1, 1, 1, 1])
    z = z - np.average(z, weights=weights, axis=0)
    (of_weights,) = shrunk_means(place, 2, z, weights, folds)[-1:, :, 0]
    rows = [0, 0, 1, 2, 3, 4, 5]
    (repeated_row,) = shrunk_means(place[rows], 2, z[rows], None, folds[rows])[-1:, :, 0]
    np.testing.assert_allclose(
        of_weights[0] / of_weights[1], repeated_row[0] / repeated_row[1], 0.1
    )


def test_no_row_has_its_own_target_among_its_inputs():
    """The sums behind a row's mean stay when its target changes.

    Only the two variances, which all rows share, change a little; they are taken out here.
    """
    place, z, folds = grouped_rows(n_outputs=1)

    def sums_behind(z):
        tables = shrunk_means(place, 30, z, None, folds)[:, :, 0]
        W = np.array([np.bincount(place[folds != f], minlength=30) for f in range(N_FOLDS)])
        one = expected_means(place, 30, z, np.ones(400), folds)
        assert one.any()
        # Two unknown numbers, from two categories of the last entry, whose sums are known.
        total, count = np.bincount(place, z[:, 0]), np.bincount(place)
        a, b = 3, 7
        ratio = (total[a] / tables[-1, a] - total[b] / tables[-1, b]) / (
            total[a] / tables[-1, a] / 1 - total[b] / tables[-1, b]
        )
        assert ratio == pytest.approx(1)
        root = (total[a] / tables[-1, a] - total[b] / tables[-1, b]) / (count[a] - count[b])
        shrinkage = total[a] / tables[-1, a] / root - count[a]
        return tables[:-1] * root * (W + shrinkage)

    assert np.bincount(place)[3] != np.bincount(place)[7]
    before = sums_behind(z)
    for i in (0, 17, 200):
        changed = z.copy()
        changed[i] += 5.0
        after = sums_behind(changed)
        np.testing.assert_allclose(after[folds[i]], before[folds[i]], atol=1e-8)
        others = np.delete(after - before, folds[i], axis=0)[:, place[i]]
        np.testing.assert_allclose(others, 5.0, atol=1e-8)


def test_categories_that_do_not_differ_have_no_means():
    place, folds = np.repeat(np.arange(10), 10), np.arange(100) % N_FOLDS
    z = np.tile([-1.0, 1.0], 50)[:, None]
    np.testing.assert_array_equal(shrunk_means(place, 12, z, None, folds), 0)
    one_each = shrunk_means(np.arange(100), 100, z, None, folds)
    np.testing.assert_array_equal(one_each, 0)  # nothing tells the two variances apart


def test_categories_that_say_all_have_finite_means():
    """Nothing is left within categories, so that nothing is shrunk; those without rows are 0."""
    place, folds = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 0])
    z = np.array([[-1.0], [-1.0], [2.0], [2.0], [0.0]])
    found = shrunk_means(place, 4, z, None, folds)[:, :, 0]
    np.testing.assert_allclose(found[0] / found[-1, 0] * -1, [-1, 2, 0, 0])
    np.testing.assert_allclose(found[-1] / found[-1, 0] * -1, [-1, 2, 0, 0])


def test_means_are_inputs_where_many_rows_share_an_indicator():
    counts = [*[3] * 100, 50, 50, 0]
    z = np.random.default_rng(0).normal(size=(102, 2))[np.repeat(np.arange(102), counts[:-1])]
    X, folds = repeated(counts), np.arange(400) % N_FOLDS
    categories = learnt(X, [102], z=z, folds=folds)
    expected = shrunk_means(X[:, 0].astype(int), 104, z, None, folds)
    assert categories.n_inputs == 3 + 2
    new = inputs(categories, [[5], [101], [UNSEEN], [NAN]])
    np.testing.assert_allclose(new[:, 3:], expected[-1][[5, 101, 102, 103]])
    np.testing.assert_array_equal(new[2:, 3:], 0)  # the mean of all rows
    training = inputs(categories, [[5], [5], [101]], folds=np.array([0, 4, 2]))
    np.testing.assert_allclose(training[:, 3:], expected[[0, 4, 2], [5, 5, 101]])
    few = learnt(repeated([190, 190, 3, 3, 3, 0]), [5], z=np.zeros((389, 1)))
    assert few.n_inputs == 3  # 2 % of the rows share one


def test_lists_by_feature_and_back():
    counts = [*[3] * 30, 50, 0]
    X = np.column_stack([np.arange(140) % 4, np.zeros(140), repeated(counts)[:, 0]])
    z = np.random.default_rng(0).normal(size=(140, 1))
    categories = learnt(X, [4, -1, 31], z=z)
    lists = categories.by_feature(3)
    assert [items[1] for items in lists] == [None] * 3
    assert lists[2][0] is None
    assert lists[2][2].shape == (33, 1)
    again = CategoryInputs.of_features(*lists)
    codes = [[2, 5], [UNSEEN, NAN], [NAN, 30]]
    np.testing.assert_array_equal(inputs(again, codes), inputs(categories, codes))


# In the estimator --------------------------------------------------------------------------------


def many_levels(n=2000, n_levels=400, seed=0):
    rng = np.random.default_rng(seed)
    effects = rng.normal(size=n_levels)
    level = rng.integers(0, n_levels, n)
    y = effects[level] + 0.3 * rng.normal(size=n)
    return pd.DataFrame({"level": pd.Categorical.from_codes(level, np.arange(n_levels) + 100)}), y


def test_many_levels_are_learnt():
    """Each of 400 levels has a mean of its own: without it R^2 would be near 0."""
    X, y = many_levels()
    model = small(max_iter=60, hidden_layer_sizes=(16,)).fit(X[:1500], y[:1500])
    assert model.score(X[1500:], y[1500:]) > 0.5


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_answers_for_rows_of_the_training_data_are_those_for_new_rows(n_outputs):
    X, y = many_levels(600, 200)
    Y = np.column_stack([y, -y])[:, :n_outputs]
    model = small(max_iter=3).fit(X, Y)
    assert model.category_means_[0].shape == (len(model.categories_[0]) + 2, n_outputs)
    np.testing.assert_array_equal(model.category_means_[0][-2:], 0)
    np.testing.assert_array_equal(model.predict(X[:7]), model.predict(X)[:7])


def test_codes_and_folds_go_with_their_rows():
    data = Observations.of(np.zeros((4, 1)), np.zeros((4, 1)), n_categories=np.array([2]))
    assert data.select(np.array([1, 2])).n_categories is data.n_categories
