"""Maps of targets: values against mpmath, inverses, supports, moves and pickles."""

import copy
import pickle

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skmdn.transforms import Asinh, Identity, Log, Logit, as_transform

MAPS = [Identity(), Log(), Log(lower=-3), Log(upper=5.5), Logit(), Logit(-2, 7), Asinh(1, 0.25)]
maps = pytest.mark.parametrize("transform", MAPS, ids=repr)


def exact(transform, y):
    """z and log dz/dy with 50 digits."""
    y = mpmath.mpf(float(y))
    if isinstance(transform, Log) and transform.upper is None:
        return mpmath.log(y - transform.lower), -mpmath.log(y - transform.lower)
    if isinstance(transform, Log):
        return -mpmath.log(transform.upper - y), -mpmath.log(transform.upper - y)
    if isinstance(transform, Logit):
        below, above = y - transform.lower, transform.upper - y
        return mpmath.log(below / above), mpmath.log(1 / below + 1 / above)
    if isinstance(transform, Asinh):
        t = (y - transform.location) / transform.scale
        return mpmath.asinh(t), -mpmath.log(transform.scale) - mpmath.log(1 + t * t) / 2
    return y, mpmath.mpf(0)


def inside(transform):
    low, high = transform.support
    low, high = max(low, -50.0), min(high, 50.0)
    share = np.array([1e-12, 1e-6, 0.01, 0.2, 0.5, 0.7, 0.95, 1 - 1e-9])
    return low + (high - low) * share


@maps
def test_values_and_jacobians(transform):
    with mpmath.workdps(50):
        for y in inside(transform):
            z, log_jacobian = exact(transform, y)
            assert float(transform.forward(y)) == pytest.approx(float(z), rel=1e-13, abs=1e-14)
            assert float(transform.log_jacobian(y)) == pytest.approx(float(log_jacobian), rel=1e-13)


@maps
def test_inverse_and_order(transform):
    z = np.linspace(-30, 30, 301)
    y = transform.inverse(z)
    assert np.all(np.diff(y) >= 0)
    assert transform.contains(y).all()
    middle = np.abs(z) < 8
    np.testing.assert_allclose(transform.forward(y)[middle], z[middle], atol=1e-10)
    np.testing.assert_allclose(transform.inverse([-np.inf, np.inf]), transform.support)


@maps
def test_support_is_open(transform):
    low, high = transform.support
    assert not transform.contains([low, high, -np.inf, np.inf]).any()
    np.testing.assert_array_equal(transform.forward([low, high]), [-np.inf, np.inf])
    if np.isfinite(low):
        assert transform.contains(np.nextafter(low, np.inf))
        assert np.isfinite(transform.forward(np.nextafter(low, np.inf)))
        assert transform.forward(low - 1) == -np.inf
    if np.isfinite(high):
        assert transform.contains(np.nextafter(high, -np.inf))
        assert transform.forward(high + 1) == np.inf


def test_far_out():
    assert Asinh(0, 1e-10).forward(1e308) == pytest.approx(np.log(2) + 318 * np.log(10))
    assert Logit(0, 10).forward(5e-324) == pytest.approx(np.log(5e-324) - np.log(10), rel=1e-6)
    assert Log().inverse(-2000.0) > 0
    assert Logit().inverse(2000.0) < 1


@maps
@given(shift=st.floats(-10, 10), scale=st.floats(0.1, 10), sign=st.sampled_from([-1, 1]))
def test_moved_maps_take_moved_targets(transform, shift, scale, sign):
    y = inside(transform)[2:-1]
    moved = transform.moved(shift, sign * scale)
    z = moved.z_shift + moved.z_scale * transform.forward(y)
    at = shift + sign * scale * y
    np.testing.assert_allclose(moved.transform.forward(at), z, rtol=1e-6, atol=1e-6)
    assert type(moved.transform) is type(transform)


@maps
def test_maps_are_plain_values(transform):
    assert pickle.loads(pickle.dumps(transform)) == transform == copy.deepcopy(transform)
    assert hash(transform) == hash(eval(repr(transform)))
    assert eval(repr(transform)) == transform
    state = transform.__dict__
    assert all(isinstance(value, float) or value is None for value in state.values())
    with pytest.raises(AttributeError):
        transform.lower = 3.0


def test_maps_differ_by_their_numbers():
    assert len({*MAPS, Log(lower=0), Log(lower=1), Log(upper=1), Logit(0, 1)}) == len(MAPS) + 2


def test_words():
    assert as_transform(None) == as_transform("identity") == Identity()
    assert as_transform("log") == Log(lower=0)
    assert as_transform("logit") == Logit(0, 1)
    assert as_transform("asinh") == Asinh(0, 1)
    assert as_transform(MAPS[2]) is MAPS[2]
    for wrong in ("sqrt", 3, np.log, Log):
        with pytest.raises(ValueError, match="target_transform must be None, one of 'identity'"):
            as_transform(wrong, "target_transform")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Log(0, 1), "use Logit"),
        (lambda: Log(lower=np.nan), "lower must be one finite number"),
        (lambda: Log(upper="a"), "upper must be one finite number"),
        (lambda: Logit(1, 1), "lower must be below upper"),
        (lambda: Logit(-1.7e308, 1.7e308), "finite distance"),
        (lambda: Logit(0, np.inf), "upper must be one finite number"),
        (lambda: Asinh(0, 0), "scale must be positive"),
        (lambda: Asinh(True), "location must be one finite number"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("transform", [Identity(), Log(), Logit(), Asinh()])
@pytest.mark.parametrize("values", [{"a": 1}, [10**400], [1j], [[1.0], [1.0, 2.0]]])
def test_what_is_no_array_of_numbers(transform, values):
    for method in ("contains", "forward", "log_jacobian"):
        with pytest.raises(ValueError, match=r"^y must be an array of real numbers"):
            getattr(transform, method)(values)
    with pytest.raises(ValueError, match=r"^z must be an array of real numbers"):
        transform.inverse(values)
