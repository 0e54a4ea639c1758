"""`TargetMixture` as a value: shapes, rows, joining, pickles, exports and errors."""

import io
import pickle

import joblib
import numpy as np
import pytest
import torch
from cases.target_oracles import ATOMS, MAPS, base, full_base, row_of, target

from skmdn.mixture import Mixture, TargetMixture
from skmdn.transforms import Asinh, Identity, Log, Logit

Q = [0.0, 1e-9, 0.3, 0.77, 1.0]
METHODS = {
    "logpdf": lambda m, y: m.logpdf(y),
    "pdf": lambda m, y: m.pdf(y),
    "responsibilities": lambda m, y: m.responsibilities(y),
    "cdf": lambda m, y: m.cdf(y),
    "sf": lambda m, y: m.sf(y),
    "pit": lambda m, y: m.pit(y, jump="middle"),
    "crps": lambda m, y: m.crps(y),
    "atom_probability": lambda m, y: m.atom_probability(),
    "mean": lambda m, y: m.mean(),
    "std": lambda m, y: m.std(),
    "cov": lambda m, y: m.cov(),
    "ppf": lambda m, y: m.ppf(Q),
    "interval": lambda m, y: m.interval([0.0, 0.9]),
    "modes": lambda m, y: m.modes(return_density=True)[1],
    "hdr": lambda m, y: m.hdr([0.0, 0.3, 0.9]),
    "hdr_mass": lambda m, y: m.hdr_mass(y),
    "entropy": lambda m, y: m.entropy(),
}


def rows_of_all_kinds():
    """Rows with different maps, numbers of components and atoms, shuffled."""
    parts = [
        target(name, atoms, n=3, k=k) for name in MAPS for atoms in (False, True) for k in (2, 3)
    ]
    joined = TargetMixture.concatenate([*parts, base(n=3)])
    order = np.random.default_rng(0).permutation(len(joined))
    return [*parts, TargetMixture(base(n=3))], joined, order


@pytest.mark.parametrize("method", METHODS)
def test_concatenated_rows_answer_as_before(method):
    parts, joined, order = rows_of_all_kinds()
    y = np.random.default_rng(1).choice([-1.5, 0.0, 0.4, 2.2, 2.5], len(joined))
    ask, start = METHODS[method], 0
    answer = ask(joined[order], y[order])
    place = np.argsort(order)
    for part in parts:
        rows = place[start : start + len(part)]
        wanted = ask(part, y[start : start + len(part)])
        got = answer[(rows, *map(slice, wanted.shape[1:]))]
        np.testing.assert_array_equal(got, wanted)
        start += len(part)


def test_rows_have_their_own_map_and_atoms():
    first, second = target("log", atoms=True, n=2), target("logit", n=3)
    joined = TargetMixture.concatenate([first, second, base(n=1)])
    assert joined[:2] == first
    assert joined[2:5] == second
    assert joined[-1].transform == Identity()
    assert joined.atoms.shape == joined.atom_probability().shape == (6, 3)
    assert np.isnan(joined.atoms[2:]).all()
    with pytest.raises(ValueError, match="different maps"):
        _ = joined.transform
    assert "3 kinds of rows" in repr(joined)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", MAPS)
def test_rows_are_independent_to_the_bit(name, method):
    mixture = target(name, atoms=True, n=23, k=4)
    y = mixture.sample(1, random_state=0)[:, 0]
    together = METHODS[method](mixture, y)
    for rows in (slice(5, 6), slice(0, 2), [3, 22, 3]):
        np.testing.assert_array_equal(METHODS[method](mixture[rows], y[rows]), together[rows])


@pytest.mark.parametrize("method", [m for m in METHODS if m != "hdr"])
@pytest.mark.parametrize("maps", ["log", ["log", None], ["logit", "logit"]])
def test_shapes_are_those_of_mixture(maps, method):
    z = base(n=4, k=3, d=2) if isinstance(maps, list) else base(n=4, k=3)
    mixture = TargetMixture(z, maps)
    one = np.full((4,) if z.univariate else (4, 2), 0.4)
    many = np.stack([one] * 5, axis=1)
    ask = METHODS[method] if method != "atom_probability" else METHODS["mean"]
    mine = ask(mixture, one).shape
    assert mine[0] == 4
    if method == "modes":
        return
    plain = (lambda m, y: m.pit(y)) if method == "pit" else ask
    assert mine == plain(z, one).shape
    assert ask(mixture, many).shape == plain(z, many).shape
    assert ask(mixture, many[:1]).shape == plain(z, many[:1]).shape


def test_one_column_keeps_its_axis():
    z = base(n=4, k=2, d=1)
    mixture = TargetMixture(z, "log", [0.0], np.full((4, 1), 0.2))
    assert mixture.mean().shape == (4, 1)
    assert mixture.ppf([0.2, 0.5]).shape == (4, 2, 1)
    assert mixture.hdr(0.5).shape == (4, 3, 2, 1)
    assert mixture.cov().shape == (4, 1, 1)
    assert mixture.modes().shape == (4, 2, 1)
    assert mixture.sample(3).shape == (4, 3, 1)
    assert mixture.marginal(0).mean().shape == (4,)
    np.testing.assert_array_equal(
        mixture.crps([[0.0]] * 4)[:, 0], mixture.energy_score([[0.0]] * 4)
    )


def test_no_rows():
    for name in MAPS:
        none = target(name, atoms=True)[:0]
        for method, ask in METHODS.items():
            assert len(ask(none, np.empty(0))) == 0, method
        assert none.sample(3).shape == (0, 3)
        assert np.asarray(none).shape == none.shape


def test_scalars_and_grids():
    mixture = target("log", atoms=True)
    np.testing.assert_array_equal(mixture.cdf(0.0), mixture.cdf(np.zeros(len(mixture))))
    np.testing.assert_array_equal(mixture.cdf([[0.0, 1.0]])[:, 1], mixture.cdf(1.0))
    levels = np.linspace(0.1, 0.9, len(mixture))[:, np.newaxis]
    each = [mixture[i].ppf(levels[i])[0] for i in range(len(mixture))]
    np.testing.assert_array_equal(mixture.ppf(levels), each)


def test_pit_in_jumps():
    mixture = target("log", atoms=True)
    low, high = mixture.pit(0.0, jump="lower"), mixture.pit(0.0, jump="upper")
    mass = mixture.atom_probability()[:, 1]
    np.testing.assert_allclose(high - low, mass)
    np.testing.assert_array_equal(high, mixture.cdf(0.0))
    np.testing.assert_allclose(mixture.pit(0.0, jump="middle"), low + mass / 2)
    np.testing.assert_array_equal(mixture.pit(0.0), mixture.pit(0.0, random_state=0))
    assert np.all(mixture.pit(0.0, random_state=1) != mixture.pit(0.0))
    with pytest.raises(ValueError, match="jump must be one of"):
        mixture.pit(0.0, jump="none")


def test_responsibilities_are_those_of_the_base_but_at_atoms():
    mixture = target("log", atoms=True)
    share = mixture.responsibilities([[0.0, 0.7, 2.5]])
    np.testing.assert_array_equal(share[:, [0, 2]], 0.0)
    np.testing.assert_array_equal(share[:, 1], mixture.base.responsibilities(np.log(0.7)))


def test_the_mode_is_the_likeliest_atom_where_atoms_have_most_of_the_probability():
    base = Mixture([[1.0]], [[0.0]], [[1.0]])
    laws = [
        TargetMixture(base, "log", [0.0], [[0.6]]),
        TargetMixture(base, "log", [5.0, 7.0], [[0.2, 0.6]]),
        TargetMixture(base, "log", [5.0, 7.0], [[0.2, 0.2]]),
        TargetMixture(base, "asinh"),
    ]
    expected = [0.0, 7.0, np.exp(-1), 0.0]
    np.testing.assert_allclose(TargetMixture.concatenate(laws).mode(), expected, atol=1e-8)
    for law, value in zip(laws, expected, strict=True):
        assert law.mode() == pytest.approx([value], abs=1e-8)
    column = TargetMixture(Mixture([[1.0]], [[[0.0]]], [[[1.0]]]), "log", [3.0], [[0.5]])
    np.testing.assert_array_equal(column.mode(), [[3.0]])


def test_atoms_alone_are_a_discrete_distribution():
    weights = np.array([[0.1, 0.2, 0.3, 0.4]])
    grades = TargetMixture(Mixture([[1.0]], [[0.0]], [[1.0]]), "log", [4, 3, 2, 1], weights)
    np.testing.assert_array_equal(grades.atoms, [1, 2, 3, 4])
    np.testing.assert_array_equal(grades.atom_weights, weights[:, ::-1])
    np.testing.assert_allclose(grades.mean(), [0.4 + 0.6 + 0.6 + 0.4])
    np.testing.assert_allclose(grades.var(), [0.4 + 1.2 + 1.8 + 1.6 - 4])
    np.testing.assert_allclose(grades.entropy(), -np.sum(weights * np.log(weights), axis=1))
    np.testing.assert_array_equal(
        grades.ppf([0.0, 0.4, 0.41, 0.9, 0.95, 1.0]), [[1, 1, 2, 3, 4, 4]]
    )
    np.testing.assert_array_equal(grades.mode(), [1.0])
    np.testing.assert_array_equal(grades.hdr(0.5)[0, :2], [[1, 1], [2, 2]])
    assert grades.logpdf([2.5])[0] == -np.inf
    draws = grades.sample(500, random_state=0)
    assert set(np.unique(draws)) == {1, 2, 3, 4}
    # E|Y - y| - E|Y - Y'| / 2 of a discrete distribution.
    p, at = weights[0, ::-1], grades.atoms
    spread = np.abs(at[:, np.newaxis] - at) @ p @ p
    np.testing.assert_allclose(grades.crps([2.2]), np.abs(at - 2.2) @ p - spread / 2)


def test_equality_and_pickles():
    parts, joined, _ = rows_of_all_kinds()
    for mixture in (*parts, joined):
        again = pickle.loads(pickle.dumps(mixture))
        assert again == mixture
        assert set(mixture.__getstate__()) == {
            "base",
            "transforms",
            "atoms",
            "law_of_row",
            "atom_weights",
        }
        file = io.BytesIO()
        joblib.dump(mixture, file)
        file.seek(0)
        assert joblib.load(file) == mixture
    assert parts[2] != parts[4]
    assert target("log") != target("log", seed=1)
    assert target("log", atoms=True) != target("log")
    assert target("log") != base()
    assert target("log") == TargetMixture(base(), Log(lower=0))
    with pytest.raises(TypeError, match="not defined"):
        np.exp(target("log"))
    assert not np.any(np.equal(np.ones(3), target("log")))


def test_values_do_not_change():
    mixture = target("log", atoms=True)
    with pytest.raises(ValueError, match="read-only"):
        mixture.atom_weights[0, 0] = 0.5
    mixture.atom_probability()[:] = 3.0
    assert mixture.atom_weights.max() < 1


def test_array_form():
    mixture = target("logit", atoms=True)
    table = np.asarray(mixture)
    assert table.shape == mixture.shape
    z = np.asarray(mixture.base)
    np.testing.assert_array_equal(table[:, : z.shape[1]], z)
    rest = table[:, z.shape[1] :]
    np.testing.assert_array_equal(rest[:, :3], mixture.atom_weights)
    np.testing.assert_array_equal(rest[:, 3:6], [ATOMS] * len(mixture))
    np.testing.assert_array_equal(rest[:, 6:], [[3, -1, 4]] * len(mixture))
    _, joined, _ = rows_of_all_kinds()
    assert np.asarray(joined, dtype=np.float32).shape == joined.shape
    with pytest.raises(ValueError, match="copy=False"):
        mixture.__array__(copy=False)  # as NumPy 2 calls it


def test_frames():
    mixture = target("log", atoms=True, n=2, k=2)
    frame = mixture.to_frame()
    np.testing.assert_allclose(frame.groupby("row")["weight"].sum(), 1.0)
    atoms = frame[frame["component"] < 0]
    np.testing.assert_array_equal(atoms["atom"], ATOMS * 2)
    np.testing.assert_array_equal(atoms["weight"], mixture.atom_weights.ravel())
    assert set(frame[frame["component"] >= 0]["transform"]) == {"Log(lower=0.0)"}
    several = TargetMixture(base(d=2, n=2), ["log", None]).to_frame()
    assert list(several["transform"][:2]) == ["Log(lower=0.0)", "Identity()"]


@pytest.mark.parametrize("name", MAPS)
def test_scipy_form(name):
    mixture = target(name, atoms=True)
    one = mixture.to_scipy(-1)
    y = np.array([-1.5, 0.2, 2.2, 2.6])
    exact = row_of(mixture, -1)
    np.testing.assert_allclose(one.cdf(y), [exact.cdf(at) for at in y])
    np.testing.assert_allclose(one.sf(y), [exact.sf(at) for at in y])
    np.testing.assert_allclose(one.ppf([0.2, 0.9]), mixture[-1].ppf([0.2, 0.9])[0])
    assert one.mean() == pytest.approx(mixture.mean()[-1])
    assert one.std() == pytest.approx(mixture.std()[-1])
    assert one.rvs(size=(3, 2), random_state=0).shape == (3, 2)
    with pytest.raises(IndexError):
        mixture.to_scipy(len(mixture))


@pytest.mark.parametrize("name", ["identity", "log", "log from 2", "log below 3", "logit"])
def test_torch_form(name):
    mixture = target(name)
    y = np.broadcast_to([[2.1], [2.5], [2.9]], (3, len(mixture)))
    form = mixture.to_torch()
    np.testing.assert_allclose(form.log_prob(torch.tensor(y)).numpy(), mixture.logpdf(y.T).T)
    np.testing.assert_allclose(form.cdf(torch.tensor(y)).numpy(), mixture.cdf(y.T).T, atol=1e-12)
    assert mixture._repr_html_().count("<table>") == 1


def test_torch_form_of_several_outputs():
    for z in (base(n=4, d=2), full_base()):
        mixture = TargetMixture(z, ["log", Logit(0, 2)])
        y = np.full((4, 2), 0.4)
        got = mixture.to_torch().log_prob(torch.tensor(y)).numpy()
        np.testing.assert_allclose(got, mixture.logpdf(y))


def test_what_torch_cannot_say_is_refused():
    for mixture in (target("asinh"), target("log", atoms=True)):
        with pytest.raises(ValueError, match="to_torch"):
            mixture.to_torch()


def test_pool_mixes_distribution_functions():
    members = [target("log", atoms=True, k=k, seed=k) for k in (2, 3)]
    members[1] = TargetMixture(members[1].base, "log", ATOMS, 0.2 * members[1].atom_weights)
    weights = np.random.default_rng(0).dirichlet([1, 1], len(members[0]))
    pooled, y = TargetMixture.pool(members, weights), np.array([[-2.0, -1.5, 0.0, 0.7, 2.5, 9.0]])
    wanted = sum(w[:, np.newaxis] * m.cdf(y) for w, m in zip(weights.T, members, strict=True))
    np.testing.assert_allclose(pooled.cdf(y), wanted)
    wanted = sum(w[:, np.newaxis] * m.pdf(y) for w, m in zip(weights.T, members, strict=True))
    np.testing.assert_allclose(pooled.pdf(y), wanted)
    assert pooled.transform == Log()
    same = TargetMixture.pool([base(), TargetMixture(base(seed=1))])
    assert same.base == Mixture.pool([base(), base(seed=1)])
    everything = np.zeros((6, 3))
    everything[:, 0] = 1.0
    atoms_only = TargetMixture(base(), "log", ATOMS, everything)
    np.testing.assert_array_equal(TargetMixture.pool([atoms_only] * 2).mean(), -1.5)


def test_pool_names_the_parameter_that_differs():
    for other in (target("logit"), base()):
        with pytest.raises(ValueError, match="same target_transform") as caught:
            TargetMixture.pool([target("log"), other])
        assert "target_atoms" not in str(caught.value)
    with pytest.raises(ValueError, match="same target_atoms") as caught:
        TargetMixture.pool([target("log"), target("log", atoms=True)])
    assert "target_transform" not in str(caught.value)
    with pytest.raises(ValueError, match=r"same target_transform.*same target_atoms"):
        TargetMixture.pool([target("logit"), target("log", atoms=True)])
    rows = [target("log", n=4, atoms=True), target("log", n=4)]
    mixed = TargetMixture.concatenate(rows)
    with pytest.raises(ValueError, match=r"atoms=.* and transform=Log"):
        TargetMixture.pool([mixed, TargetMixture.concatenate(rows[::-1])])


def test_widen_acts_on_the_base():
    mixture = target("log", atoms=True)
    wide = mixture.widen(2.0, 0.1)
    assert wide.base == mixture.base.widen(2.0, 0.1)
    np.testing.assert_array_equal(wide.atom_weights, mixture.atom_weights)


def test_affine_of_rows_with_different_maps():
    _, joined, order = rows_of_all_kinds()
    mixture = joined[order]
    moved = mixture.affine(1.0, -2.0)
    for row in range(len(mixture)):
        assert moved[row] == mixture[row].affine(1.0, -2.0)
    several = TargetMixture(full_base(), ["log", Asinh(1, 2)]).affine([0.0, 1.0], [2.0, -1.0])
    assert several.transform == (Log(lower=0), Asinh(0, 2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TargetMixture(np.ones(3)), "base must be a Mixture"),
        (lambda: TargetMixture(base(), "sqrt"), "transform must be None"),
        (lambda: TargetMixture(base(d=2), ["log"]), "one for each of the 2 outputs"),
        (lambda: TargetMixture(base(d=2), ["log", 3]), r"transform\[1\]"),
        (lambda: TargetMixture(base(), atoms=[0.0]), "given together"),
        (lambda: TargetMixture(base(), None, [0.0, 0.0], np.zeros((6, 2))), "distinct"),
        (lambda: TargetMixture(base(), None, [np.inf], np.zeros((6, 1))), "atoms must be finite"),
        (lambda: TargetMixture(base(), None, [0.0], np.zeros((5, 1))), "atom_weights must have"),
        (lambda: TargetMixture(base(), None, [0.0], np.full((6, 1), -0.1)), "not be negative"),
        (lambda: TargetMixture(base(), None, [0.0], np.full((6, 1), 1.1)), "sum to one at most"),
        (lambda: TargetMixture(base(d=2), None, [0.0], np.ones((6, 1))), "atoms need one output"),
        (lambda: target("log").logpdf([np.nan] * 6), "NaN"),
        (lambda: target("log").logpdf([1.0]), "y must be one number"),
        (lambda: target("log").crps([np.inf] * 6), "finite"),
        (lambda: target("log").ppf(1.2), "q must lie within"),
        (lambda: target("log").hdr(-0.1), "level must lie within"),
        (lambda: target("log").affine(0.0, 0.0), "scale must not be zero"),
        (lambda: target("log").affine(np.inf, 1.0), "shift must be finite"),
        (lambda: target("log").widen(noise=-1.0), "noise must not be negative"),
        (lambda: target("log").sample(0), "n_samples"),
        (lambda: TargetMixture.pool([]), "at least one"),
        (lambda: TargetMixture.concatenate([]), "at least one"),
        (lambda: TargetMixture.concatenate([target("log"), 3]), "TargetMixture or Mixture"),
        (lambda: TargetMixture.concatenate([target("log"), base(d=2)]), "same outputs"),
        (lambda: TargetMixture.pool([target("log"), target("log", n=3)]), "number of rows"),
        (lambda: TargetMixture(base(d=2), "log").hdr(0.5), "hdr needs one output"),
        (lambda: TargetMixture(base(d=2), "log").to_scipy(0), "to_scipy needs one output"),
        (lambda: TargetMixture(base(d=2), "log").marginal(2), "outputs must lie in"),
        (lambda: TargetMixture(base(d=2), "log").condition({0: 0.0}), "support of Log"),
        (lambda: TargetMixture(base(d=2), "log").condition({0: 1.0, 1: 1.0}), "at least one"),
        (lambda: TargetMixture(base(d=4), Logit(0, 1)).modes(), "marginal"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_underflow_raises_nothing_whatever_the_error_state():
    mixture = target("log", atoms=True)
    y = np.array([[-1.0, 0.0, 1e-300, 1.0, 1e300]])
    with np.errstate(all="raise"):
        for ask in (
            mixture.logpdf,
            mixture.pdf,
            mixture.cdf,
            mixture.sf,
            mixture.pit,
            mixture.crps,
            mixture.hdr_mass,
            mixture.responsibilities,
        ):
            ask(y)
        for ask in (mixture.mean, mixture.var, mixture.entropy, mixture.modes):
            ask()
        mixture.ppf([0.0, 0.3, 1.0])
        mixture.hdr([0.0, 0.3, 1.0])
        mixture.interval([0.0, 0.3, 1.0])
