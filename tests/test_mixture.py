"""The value: construction, fields, rows, array form, equality, pickle, repr."""

import copy
import datetime
import inspect
import mmap
import pickle
import pickletools

import joblib
import numpy as np
import pytest
from cases.mixture_oracles import tame
from scipy import sparse

from skmdn.mixture import Mixture

W, M, S = [[0.25, 0.75]], [[0.0, 1.0]], [[1.0, 2.0]]
EVERY_KIND = [
    pytest.param(tame(), id="univariate"),
    pytest.param(tame(d=1), id="one output kept"),
    pytest.param(tame(d=3), id="diag"),
    pytest.param(tame(d=3, full=True), id="full"),
]


def test_fields():
    mixture = Mixture(W, M, S)
    assert mixture.univariate
    assert (len(mixture), mixture.n_components, mixture.n_outputs) == (1, 2, 1)
    assert mixture.covariance_type == "diag"
    np.testing.assert_array_equal(mixture.means, np.reshape(M, (1, 2, 1)))
    np.testing.assert_array_equal(mixture.scales, np.reshape(S, (1, 2, 1)))
    np.testing.assert_array_equal(mixture.scale_tril, np.reshape(S, (1, 2, 1, 1)))


def test_full_spread_fields():
    mixture = tame(d=3, full=True)
    tril = mixture.scale_tril
    covariance = tril @ tril.swapaxes(2, 3)
    assert mixture.covariance_type == "full"
    np.testing.assert_allclose(
        mixture.scales, np.sqrt(np.diagonal(covariance, axis1=2, axis2=3)), rtol=1e-14
    )


@pytest.mark.parametrize("mixture", EVERY_KIND)
def test_fields_are_read_only(mixture):
    for name in ("weights", "means", "scales", "scale_tril"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(mixture, name)[0] = 0.0
        with pytest.raises(AttributeError):
            setattr(mixture, name, None)
    with pytest.raises(AttributeError):
        mixture.something_new = 1


def test_float64_is_kept_without_copy_and_stays_writable_for_its_owner():
    weights, means, scales = np.array(W), np.array(M), np.array(S)
    mixture = Mixture(weights, means, scales)
    for given, kept in ((weights, mixture.weights), (means, mixture.means)):
        assert np.shares_memory(given, kept)
        assert given.flags.writeable
    assert np.shares_memory(scales, mixture.scales)


def test_weights_near_one_are_renormalised_row_by_row():
    right = np.array([0.3, 0.7])
    mixture = Mixture([right, right * (1 + 5e-7)], [[0.0, 1.0]] * 2, [[1.0, 1.0]] * 2)
    np.testing.assert_array_equal(mixture.weights[0], right)
    assert abs(mixture.weights[1].sum() - 1) < 1e-15


def test_from_logits_is_softmax_in_float64():
    logits = np.array([[1e6, 1e6 + 1.0, -np.inf], [0.0, -800.0, 3.0]])
    mixture = Mixture.from_logits(logits, np.zeros((2, 3)), np.ones((2, 3)))
    expected = np.array([[1.0, np.e, 0.0], [1.0, 0.0, np.exp(3)]])
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(mixture.weights, expected, rtol=1e-15)
    float32 = Mixture.from_logits(
        np.float32([[0.1, 0.2]]), np.float32([[0.0, 1.0]]), np.float32([[1.0, 1.0]])
    )
    assert float32.means.dtype == np.float64
    assert abs(float32.weights.sum() - 1) < 1e-15


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0.5, 0.6]], M, S), "weights must sum to one; row 0 sums to 1.1"),
        (([[-0.5, 1.5]], M, S), "weights must not be negative.*-0.5"),
        (([[np.nan, 1.0]], M, S), "weights must be finite"),
        (([[1.0]], M, S), r"weights must have shape \(1, 2\); got \(1, 1\)"),
        ((W, [[0.0, np.inf]], S), "means must be finite"),
        ((W, [0.0, 1.0], S), r"means must have shape.*got \(2,\)"),
        ((np.empty((1, 0)), np.empty((1, 0)), np.empty((1, 0))), "at least one component"),
        ((W, M, [[0.0, 1.0]]), "scales must be positive.*0.0"),
        ((W, M, [[np.nan, 1.0]]), "scales must be finite"),
        ((W, M, [[1.0]]), r"scales must have shape \(1, 2\); got \(1, 1\)"),
        ((W, M), "exactly one of scales and scale_tril.*neither"),
        ((W, [["a", "b"]], S), "means(: expected numbers| must be an array of real numbers)"),
        ((W, [[1j, 0]], S), "means(: expected numbers| must be an array of real numbers)"),
    ],
)
def test_bad_parameters(arguments, message):
    with pytest.raises(ValueError, match=message):
        Mixture(*arguments)


@pytest.mark.parametrize(
    ("tril", "message"),
    [
        ([[[[1.0, 0.5], [0.0, 1.0]]]], "above the diagonal"),
        ([[[[1.0, 0.0], [0.0, 0.0]]]], "diagonal of scale_tril must be positive"),
        ([[[[1.0, 0.0], [np.nan, 1.0]]]], "scale_tril must be finite"),
        ([[[1.0, 1.0]]], "scale_tril must have shape"),
    ],
)
def test_bad_triangular_factors(tril, message):
    with pytest.raises(ValueError, match=message):
        Mixture([[1.0]], [[[0.0, 0.0]]], scale_tril=tril)


def test_scale_tril_needs_outputs_and_no_scales():
    with pytest.raises(ValueError, match="needs means of shape"):
        Mixture(W, M, scale_tril=np.ones((1, 2, 1, 1)))
    with pytest.raises(ValueError, match="got both"):
        Mixture(W, M, S, scale_tril=np.ones((1, 2, 1, 1)))


@pytest.mark.parametrize(
    "logits", [[[-np.inf, -np.inf]], [[np.nan, 0.0]], [[np.inf, 0.0]], [0.0, 1.0], [[0.0]]]
)
def test_bad_logits(logits):
    with pytest.raises(ValueError, match="logits"):
        Mixture.from_logits(logits, M, S)


@pytest.mark.parametrize("mixture", EVERY_KIND)
def test_rows(mixture):
    mask = np.arange(len(mixture)) % 3 == 0
    everything = np.arange(len(mixture))
    for index, rows in (
        (slice(3, 9, 2), everything[3:9:2]),
        (mask, everything[mask]),
        ([4, -1, 0], [4, len(mixture) - 1, 0]),
        (np.array([], dtype=int), []),
        ([], []),
    ):
        part = mixture[index]
        expected = [np.asarray(mixture)[row] for row in rows]
        np.testing.assert_array_equal(np.asarray(part), np.reshape(expected, part.shape))
        assert part.univariate == mixture.univariate
    one = mixture[-2]
    assert len(one) == 1
    np.testing.assert_array_equal(np.asarray(one)[0], np.asarray(mixture)[-2])
    assert [len(row) for row in mixture] == [1] * len(mixture)
    assert Mixture.concatenate(list(mixture)) == mixture


@pytest.mark.parametrize("index", [40, -41, 1.5, "a", np.zeros((2, 2), int), np.zeros(3, bool)])
def test_bad_rows(index):
    with pytest.raises(IndexError):
        tame()[index]


@pytest.mark.parametrize("mixture", EVERY_KIND)
def test_array_form(mixture):
    d = mixture.n_outputs
    array = np.asarray(mixture)
    width = 4 * (1 + d + (d * (d + 1) // 2 if mixture.covariance_type == "full" else d))
    assert array.shape == mixture.shape == (40, width)
    assert np.asarray(mixture, dtype=np.float32).dtype == np.float32
    np.testing.assert_array_equal(array[:, :4], mixture.weights)
    if np.lib.NumpyVersion(np.__version__) >= "2.0.0":  # before, copy=False was a wish
        with pytest.raises(ValueError, match="copy"):
            np.array(mixture, copy=False)


@pytest.mark.parametrize("mixture", EVERY_KIND)
def test_equality_is_by_value(mixture):
    same = copy.deepcopy(mixture)
    assert same == mixture
    assert mixture[1:] != mixture
    assert mixture != mixture.affine(1.0, 1.0)
    assert mixture != "mixture"
    with pytest.raises(TypeError, match="unhashable"):
        hash(mixture)
    assert tame(d=1) != tame()


@pytest.mark.parametrize("mixture", EVERY_KIND)
def test_pickle_is_small_and_names_public_things_only(mixture):
    data = pickle.dumps(mixture[:5])
    loaded = pickle.loads(data)
    assert loaded == mixture[:5]
    assert not loaded.weights.flags.writeable
    parameters = 8 * (mixture[:5].weights.size + mixture[:5].means.size)
    spread = mixture[:5].scale_tril if mixture.covariance_type == "full" else mixture[:5].scales
    assert len(data) < parameters + 8 * spread.size + 700
    modules = {
        argument.split(".")[0] + ("." + argument.split(".")[1] if "skmdn" in argument else "")
        for opcode, argument, _ in pickletools.genops(data)
        if opcode.name == "SHORT_BINUNICODE" and argument.startswith(("skmdn", "numpy"))
    }
    assert modules <= {"numpy", "skmdn.mixture"}
    assert Mixture.__module__ == "skmdn.mixture"


def test_help_shows_short_types():
    methods = [getattr(Mixture, name) for name in dir(Mixture) if not name.startswith("_")]
    signatures = [str(inspect.signature(method)) for method in methods if callable(method)]
    assert len(signatures) >= 25
    assert max(map(len, [*signatures, str(inspect.signature(Mixture))])) <= 300


def is_mapped(array):
    """Whether the array's numbers lie in a mapped file."""
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, mmap.mmap)


def test_memory_mapped_arrays_stay_mapped(tmp_path):
    mixture = tame(n=1000)
    joblib.dump(mixture, tmp_path / "mixture.joblib")
    loaded = joblib.load(tmp_path / "mixture.joblib", mmap_mode="r")
    for array in (loaded.weights, loaded.means, loaded.scales):
        assert is_mapped(array)
    assert loaded == mixture
    np.save(tmp_path / "means.npy", mixture.means[:, :, 0])
    means = np.load(tmp_path / "means.npy", mmap_mode="r")
    built = Mixture(mixture.weights, means, mixture.scales[:, :, 0])
    assert np.shares_memory(built.means, means)
    np.testing.assert_array_equal(built.mean(), mixture.mean())


def test_reprs():
    text = repr(tame(n=7, k=3, d=2, full=True))
    for word in ("7 rows", "3 components", "2 outputs", "full"):
        assert word in text
    assert "univariate" in repr(tame())
    html = tame(n=9, k=12)._repr_html_()
    assert html.count("<tr>") == 6
    assert "and 4 more rows" in html
    assert "and 4 more</td>" in html
    assert "<tr><th>0</th></tr>" not in tame(n=0)._repr_html_()


@pytest.mark.parametrize("d", [None, 2])
def test_no_rows(d):
    empty = tame(n=5, d=d)[:0]
    y = np.empty((0,) if d is None else (0, d))
    tail = () if d is None else (d,)
    assert empty.logpdf(y).shape == empty.cdf(y).shape == (0,)
    assert empty.mean().shape == empty.std().shape == empty.crps(y).shape == (0, *tail)
    assert empty.ppf([0.1, 0.9]).shape == (0, 2, *tail)
    assert empty.interval(0.5).shape == (0, 2, *tail)
    assert empty.modes().shape == (0, 4, *tail)
    assert empty.sample(3).shape == (0, 3, *tail)
    assert empty.entropy().shape == empty.hdr_mass(y).shape == empty.energy_score(y).shape == (0,)
    assert empty.responsibilities(y).shape == (0, 4)
    assert empty.shape == np.asarray(empty).shape
    assert len(empty.to_frame()) == 0
    if d is None:
        assert empty.hdr(0.5).shape == (0, 4, 2)
    else:
        assert empty.cov().shape == (0, 2, 2)
        assert len(empty.condition({0: 1.0})) == 0


@pytest.mark.parametrize("function", [np.exp, np.add, np.log])
def test_functions_of_arrays_are_refused_and_the_way_is_shown(function):
    mixture = tame(n=3)
    arguments = (mixture, mixture)[: function.nin]
    with pytest.raises(TypeError, match=rf"numpy.{function.__name__} of a Mixture.*logpdf\(y\)"):
        function(*arguments)
    with pytest.raises(TypeError, match="is a distribution"):
        np.float64(2.0) * mixture
    assert mixture == tame(n=3)
    assert np.asarray(mixture).shape == mixture.shape


def test_no_array_is_equal_to_a_mixture():
    mixture, array = tame(n=3), np.ones(3)
    for left, right in ((mixture, array), (array, mixture), (mixture, np.asarray(mixture))):
        assert (left == right) is False
        assert (left != right) is True


@pytest.mark.parametrize(
    "dates",
    [
        np.full(3, "2024-01-01", dtype="M8[D]"),
        np.full(3, 5, dtype="m8[s]"),
        [datetime.date(2024, 1, 1)] * 3,
        ["0.5"] * 3,
        np.ma.masked_greater([0.1, 0.2, 0.3], 0.2),
    ],
    ids=["dates", "durations", "objects", "text", "mask"],
)
def test_dates_and_text_are_no_numbers(dates):
    mixture = tame(n=3)
    for method in ("pdf", "logpdf", "cdf", "sf", "pit", "crps", "hdr_mass"):
        with pytest.raises(ValueError, match=r"y: expected (numbers|an array without a mask)"):
            getattr(mixture, method)(dates)
    with pytest.raises(ValueError, match=r"q: expected (numbers|an array without a mask)"):
        mixture.ppf(dates)
    with pytest.raises(ValueError, match=r"means: expected (numbers|an array without a mask)"):
        Mixture(np.ones((3, 1)), np.reshape(dates, (3, 1)), np.ones((3, 1)))


@pytest.mark.parametrize("name", ["weights", "means", "scales"])
def test_sparse_arrays_are_refused_by_name(name):
    given = {"weights": [[1.0]], "means": [[0.0]], "scales": [[1.0]]}
    with pytest.raises(TypeError, match=rf"^{name}: .*dense.*{name}.toarray"):
        Mixture(**given | {name: sparse.csr_array([[1.0]])})
    with pytest.raises(TypeError, match=r"^y: .*dense"):
        Mixture(**given).logpdf(sparse.csr_array([[1.0]]))


def test_rows_of_factors_have_a_length():
    tril = np.array([[1.0, 0.0], [0.9, 0.9]])[np.newaxis, np.newaxis]
    most = np.finfo(np.float64).max
    with pytest.raises(ValueError, match="scale_tril must be at most"):
        Mixture([[1.0]], [[[0.0, 0.0]]], scale_tril=tril * most)
    assert np.isfinite(Mixture([[1.0]], [[[0.0, 0.0]]], scale_tril=tril * most / 2).scales).all()
