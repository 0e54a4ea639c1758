"""Arguments of all kinds for the public doors, good and bad, and what may come of them."""

import inspect
import pickle
import re
import signal
import threading
import warnings
from contextlib import contextmanager

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from scipy import sparse

from skmdn import Mixture, TargetMixture

DOCUMENTED = (ValueError, TypeError)  # scikit-learn's NotFittedError is a ValueError
MOST_SECONDS = 60
"""Seconds that a call may take; most take some hundredths."""

# What NumPy, SciPy and Python say of values that have slipped past the checks.
ACCIDENT = re.compile(
    r"setting an array|operands? |shapes? |could not|cannot|can't|ufunc|matmul|The truth value|"
    r"only |object |unsupported|bad operand|index |zero-size|axis|axes|all the input|array must|"
    r"arrays |input |Input contains|invalid |expected |must be|len\(\)|float\(\)|int\(\)|'|<|"
    r"iteration |Maximum|probabilities|a must|Cannot|tuple|list|too many|not |unhashable|"
    r"\w+\(\) (got|takes|missing|argument)|np\."
)
OUR_WARNINGS = re.compile(
    r"(MDNRegressor(, \d+ members)?: )?("
    r"The (intervals|regions)( and regions)? are infinite|.* is a table of one column|"
    r"\d+ of \d+ components|"
    r"Spreads are on their floor|warm_start: (this call|the rows)|"
    r"target_atoms: no row|(y|Output \d of y) has a few values far out|"
    r"The loss or its gradient was not finite|R\^2 score is not well-defined with less than)"
)

seeds = st.integers(0, 2**32 - 1)


@contextmanager
def no_hang():
    """End the block by an error after some time."""

    def stop(*_):
        raise TimeoutError(f"still at work after {MOST_SECONDS} s")

    if not hasattr(signal, "SIGALRM") or threading.current_thread() != threading.main_thread():
        yield  # the deadline of hypothesis looks at the clock afterwards
        return
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def answer(call, *args, errors=DOCUMENTED, **kwargs):
    """The answer of a call, or None where it refuses its arguments as the docstrings say."""
    with no_hang(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        warnings.simplefilter("always", UserWarning)
        try:
            result = call(*args, **kwargs)
        except errors as error:
            if not str(error) or ACCIDENT.match(str(error)):
                raise AssertionError("no argument is named") from error
            result = None
    for each in caught:
        assert OUR_WARNINGS.match(str(each.message)), each
    return result


def state(model):
    """Every attribute, as an object and by its content."""
    return {name: (id(value), pickle.dumps(value)) for name, value in vars(model).items()}


def answer_of(model, method, *args, **kwargs):
    """As `answer`, of a method; one that refuses or only asks leaves the model as it was."""
    before = state(model)
    result = answer(getattr(model, method), *args, **kwargs)
    if result is not model:
        assert state(model) == before
    return result


NUMBERS = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "constant": lambda rng, shape: np.full(shape, rng.normal()),
    "zeros": lambda rng, shape: np.zeros(shape),
    "repeated": lambda rng, shape: rng.integers(0, 3, shape).astype(float),
    "large": lambda rng, shape: 1e150 * rng.normal(size=shape),
    "largest": lambda rng, shape: rng.choice([-1, 1, 0.5], shape) * np.finfo(float).max,
    "tiny": lambda rng, shape: 1e-150 * rng.normal(size=shape),
    "subnormal": lambda rng, shape: rng.integers(-3, 4, shape) * 5e-324,
    "all sizes": lambda rng, shape: (
        rng.choice([-1, 1], shape) * 10.0 ** rng.uniform(-307, 307, shape)
    ),
    "positive": lambda rng, shape: rng.lognormal(size=shape),
    "far off": lambda rng, shape: 1e9 + rng.normal(size=shape),
    "one far": lambda rng, shape: np.where(rng.random(shape) < 0.1, 1e12, rng.normal(size=shape)),
}
HOLES = {
    "gaps": lambda rng, a: np.where(rng.random(a.shape) < 0.2, np.nan, a),
    "all gaps": lambda rng, a: np.full(a.shape, np.nan),
    "infinities": lambda rng, a: np.where(rng.random(a.shape) < 0.2, -np.inf, a),
}


def as_frame(a):
    return pd.DataFrame(a) if a.ndim == 2 else pd.Series(a.ravel())


def as_nullable_frame(a):
    with np.errstate(invalid="ignore"):  # pandas 2.2 tries whether large numbers are integers
        return as_frame(a).convert_dtypes()


FORMS = {
    "columns first": np.asfortranarray,
    "backwards": lambda a: np.flip(np.flip(a).copy()),
    "list": lambda a: a.tolist(),
    "float32": lambda a: np.clip(a, -3e38, 3e38).astype("f4"),
    "float16": lambda a: np.clip(a, -6e4, 6e4).astype("f2"),
    "long": lambda a: a.astype(np.longdouble),
    "big-endian": lambda a: a.astype(">f8"),
    "integers": lambda a: np.clip(np.nan_to_num(a), -1e15, 1e15).astype(int),
    "small integers": lambda a: np.clip(np.nan_to_num(a), -100, 100).astype("i1"),
    "truth values": lambda a: np.nan_to_num(a) > 0,
    "objects": lambda a: a.astype(object),
    "frame": as_frame,
    "nullable frame": as_nullable_frame,
    "read-only": lambda a: np.frombuffer(a.tobytes()).reshape(a.shape),
}
STRANGE = {
    "text": lambda a: a.astype(str),
    "complex": lambda a: a + 1j,
    "dates": lambda a: np.full(a.shape, "2020-01-01", dtype="M8[D]"),
    "masked": lambda a: np.ma.masked_array(a, mask=True),
    "one axis more": lambda a: a[..., None],
    "no axis": lambda a: 1.0,
    "no rows": lambda a: a[:0] if a.ndim else np.empty(0),
    "a row less": lambda a: a[1:] if a.ndim else np.empty(3),
    "nothing": lambda a: None,
    "sparse": lambda a: sparse.csr_array(a.reshape(len(a), -1) if a.size and a.ndim else [[1.0]]),
    "ragged": lambda a: [[1.0], *[[1.0, 2.0]] * (max(a.size, 2) - 1)],
    "objects that are none": lambda a: np.full(a.shape, None),
    "lists in an array": lambda a: np.array([[], *[{}] * a.size], dtype=object)[1:],
    "huge integers": lambda a: np.full(a.shape, 10**400, dtype=object),
    "a dictionary": lambda a: {"a": 1},
    "a word": lambda a: "word",
    "an object": lambda a: object(),
}


@st.composite
def arrays(draw, shape, kinds=tuple(NUMBERS), *, spoil=True):
    """An array of the shape, or (one time in six) something that only looks like it."""
    rng = np.random.default_rng(draw(seeds))
    array = np.asarray(NUMBERS[draw(st.sampled_from(kinds))](rng, shape), dtype=float)
    hole, form, strange = (draw(st.integers(0, most)) for most in (11, 1, 11))
    if spoil and hole == 1:
        array = HOLES[draw(st.sampled_from(sorted(HOLES)))](rng, array)
    if spoil and strange == 1:
        return STRANGE[draw(st.sampled_from(sorted(STRANGE)))](array)
    return FORMS[draw(st.sampled_from(sorted(FORMS)))](array) if form else array


def weights(n):
    """Weights of rows, good and bad ones, and half the time none."""
    kinds = ("positive", "positive", "repeated", "tiny", "subnormal", "zeros", "normal", "largest")
    return st.none() | arrays((n,), kinds)


def words(**good):
    """Some words of a constructor: good values, and one time in twenty a strange one."""
    strange = st.sampled_from([None, -1, 0, 1.5, np.nan, np.inf, "many", [], {}, True, object])
    values = {
        name: st.integers(0, 19).flatmap(
            lambda roll, of=of: strange if roll == 1 else st.sampled_from(of)
        )
        for name, of in good.items()
    }
    return st.fixed_dictionaries({}, optional=values)


def arguments(draw, call, known):
    """Arguments by name: all that have no default, and now and then one that has."""
    drawn = {}
    for name, parameter in inspect.signature(call).parameters.items():
        needed = parameter.default is parameter.empty
        if name in known and (needed or draw(st.integers(0, 3)) == 1):
            drawn[name] = draw(known[name])
    return drawn


def is_moderate(argument):
    """Whether squares and exponentials of all its numbers are numbers."""
    if isinstance(argument, Mixture | TargetMixture):
        base = getattr(argument, "base", argument)
        sizes = np.abs(np.log(base.scales))
        return bool(np.all(np.abs(base.means) < 100) and np.all(sizes < 5))
    try:
        return bool(np.all(np.abs(np.asarray(np.real(argument), dtype=float)) < 1e100))
    except (TypeError, ValueError, OverflowError):
        return True
