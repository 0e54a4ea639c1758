"""Monotone maps between a target y and the variable z of a Gaussian mixture.

All maps increase: z grows with y. They are immutable, compare by their numbers, and consist of
plain numbers in pickles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

__all__ = ["Asinh", "Identity", "Log", "Logit", "as_transform"]

_FAR = 1e8
"""Beyond so many scales, the inverse hyperbolic sine is a logarithm to the last bit."""


class Moved(NamedTuple):
    """The map of ``shift + scale * y``, which takes ``z_shift + z_scale * z`` for z."""

    transform: Transform
    z_shift: float
    z_scale: float


@dataclass(frozen=True)
class Identity:
    """The map z = y.

    Examples
    --------
    >>> from skmdn.transforms import Identity
    >>> Identity().support
    (-inf, inf)
    """

    @property
    def support(self) -> tuple[float, float]:
        """The ends of the open interval in which y lies."""
        return -np.inf, np.inf

    def contains(self, y: ArrayLike) -> np.ndarray:
        """Whether each y is inside the support: here, whether it is finite."""
        return np.isfinite(_floats(y))

    def forward(self, y: ArrayLike) -> np.ndarray:
        """The z of each y."""
        return _floats(y)

    def inverse(self, z: ArrayLike) -> np.ndarray:
        """The y of each z."""
        return _floats(z, "z")

    def log_jacobian(self, y: ArrayLike) -> np.ndarray:
        """Logarithm of dz/dy at each y: zero."""
        return np.zeros_like(_floats(y))

    def moved(self, shift: float, scale: float) -> Moved:
        """The map of ``shift + scale * y``, and the move of z that belongs to it."""
        return Moved(self, float(shift), float(scale))


@dataclass(frozen=True)
class Log:
    """The logarithm of the distance from a bound, for targets on one side of it.

    From below, y = lower + exp(z). From above, y = upper - exp(-z), so that z grows with y too.

    Parameters
    ----------
    lower : float, optional
        The bound from below, which y never reaches. It is 0 if neither bound is given.
    upper : float, optional
        The bound from above.

    Raises
    ------
    ValueError
        If both bounds are given, or if one is not finite.

    Examples
    --------
    >>> from skmdn.transforms import Log
    >>> Log(lower=1).forward([2.0]), Log(upper=1).inverse([0.0])
    (array([0.]), array([0.]))
    """

    lower: float | None = None
    upper: float | None = None

    def __post_init__(self) -> None:
        if self.lower is not None and self.upper is not None:
            raise ValueError(
                f"Log takes one bound, got lower={self.lower} and upper={self.upper}; "
                "use Logit(lower, upper) for targets between two bounds."
            )
        if self.upper is not None:
            object.__setattr__(self, "upper", _finite(self.upper, "upper"))
        else:
            lower = 0.0 if self.lower is None else self.lower
            object.__setattr__(self, "lower", _finite(lower, "lower"))

    def __repr__(self) -> str:
        return f"Log(upper={self.upper})" if self.lower is None else f"Log(lower={self.lower})"

    @property
    def bound(self) -> float:
        """The bound, from whichever side."""
        return float(self.upper if self.lower is None else self.lower)  # type: ignore[arg-type]

    @property
    def side(self) -> float:
        """1 if y lies above the bound, -1 if below."""
        return -1.0 if self.lower is None else 1.0

    @property
    def support(self) -> tuple[float, float]:
        """The ends of the open interval in which y lies."""
        return (self.bound, np.inf) if self.side > 0 else (-np.inf, self.bound)

    def contains(self, y: ArrayLike) -> np.ndarray:
        """Whether each y is inside the support."""
        return _inside(y, self.support)

    def distance(self, y: ArrayLike) -> np.ndarray:
        """Distance of each y from the bound, negative on the wrong side of it."""
        return self.side * (_floats(y) - self.bound)

    def forward(self, y: ArrayLike) -> np.ndarray:
        """The z of each y; an infinity at the bound and beyond it."""
        with np.errstate(divide="ignore", over="ignore"):
            return self.side * np.log(np.maximum(self.distance(y), 0.0))

    def inverse(self, z: ArrayLike) -> np.ndarray:
        """The y of each z."""
        z = _floats(z, "z")
        with np.errstate(over="ignore", under="ignore"):
            y = self.bound + self.side * np.exp(self.side * z)
        return _kept_inside(y, z, self.support)

    def log_jacobian(self, y: ArrayLike) -> np.ndarray:
        """Logarithm of dz/dy at each y inside the support."""
        with np.errstate(divide="ignore", over="ignore"):
            return -np.log(np.maximum(self.distance(y), 0.0))

    def moved(self, shift: float, scale: float) -> Moved:
        """The map of ``shift + scale * y``, and the move of z that belongs to it."""
        bound, sign = shift + scale * self.bound, np.sign(scale)
        side = sign * self.side
        transform = Log(lower=bound) if side > 0 else Log(upper=bound)
        return Moved(transform, float(side * np.log(abs(scale))), float(sign))


@dataclass(frozen=True)
class Logit:
    """The log odds of the position between two bounds: z = log((y - lower) / (upper - y)).

    Parameters
    ----------
    lower, upper : float, default 0 and 1
        The bounds, which y never reaches.

    Raises
    ------
    ValueError
        If a bound is not finite, or lower is not below upper.

    Examples
    --------
    >>> from skmdn.transforms import Logit
    >>> Logit(0, 10).forward([5.0])
    array([0.])
    """

    lower: float = 0.0
    upper: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "lower", _finite(self.lower, "lower"))
        object.__setattr__(self, "upper", _finite(self.upper, "upper"))
        if not self.lower < self.upper or not np.isfinite(self.width):
            raise ValueError(
                "lower must be below upper, at a finite distance; "
                f"got lower={self.lower}, upper={self.upper}"
            )

    @property
    def width(self) -> float:
        """Distance between the bounds."""
        return self.upper - self.lower

    @property
    def support(self) -> tuple[float, float]:
        """The ends of the open interval in which y lies."""
        return self.lower, self.upper

    def contains(self, y: ArrayLike) -> np.ndarray:
        """Whether each y is inside the support."""
        return _inside(y, self.support)

    def forward(self, y: ArrayLike) -> np.ndarray:
        """The z of each y; an infinity at a bound and beyond it."""
        below, above = self._distances(y)
        with np.errstate(divide="ignore", over="ignore"):
            odds = below / np.where(above > 0, above, 1.0)
            near = np.where((odds > 0) & np.isfinite(odds), np.log(odds), -np.inf)
            z = np.where(np.isinf(near), np.log(below) - np.log(np.maximum(above, 1e-320)), near)
            return np.where(above > 0, z, np.inf)

    def inverse(self, z: ArrayLike) -> np.ndarray:
        """The y of each z, measured from the nearer bound."""
        z = _floats(z, "z")
        with np.errstate(under="ignore"):
            share = self.width * expit(-np.abs(z))
            y = np.where(z < 0, self.lower + share, self.upper - share)
        return _kept_inside(y, z, self.support)

    def log_jacobian(self, y: ArrayLike) -> np.ndarray:
        """Logarithm of dz/dy at each y inside the support."""
        below, above = self._distances(y)
        with np.errstate(divide="ignore"):
            return np.log(self.width) - np.log(below) - np.log(above)

    def moved(self, shift: float, scale: float) -> Moved:
        """The map of ``shift + scale * y``, and the move of z that belongs to it."""
        ends = sorted((shift + scale * self.lower, shift + scale * self.upper))
        return Moved(Logit(*ends), 0.0, float(np.sign(scale)))

    def _distances(self, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Distances from the two bounds, zero beyond them."""
        inside = np.clip(_floats(y), self.lower, self.upper)
        return inside - self.lower, self.upper - inside


@dataclass(frozen=True)
class Asinh:
    """The inverse hyperbolic sine, for targets of both signs with heavy tails.

    y = location + scale sinh(z): nearly linear within a scale of the location, and logarithmic far
    from it.

    Parameters
    ----------
    location : float, default 0
        Finite.
    scale : float, default 1
        Finite and positive.

    Raises
    ------
    ValueError
        If a number is not allowed.

    Examples
    --------
    >>> from skmdn.transforms import Asinh
    >>> Asinh(1, 2).inverse([0.0])
    array([1.])
    """

    location: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "location", _finite(self.location, "location"))
        object.__setattr__(self, "scale", _finite(self.scale, "scale"))
        if self.scale <= 0:
            raise ValueError(f"scale must be positive; got {self.scale}")

    @property
    def support(self) -> tuple[float, float]:
        """The ends of the open interval in which y lies."""
        return -np.inf, np.inf

    def contains(self, y: ArrayLike) -> np.ndarray:
        """Whether each y is inside the support: here, whether it is finite."""
        return np.isfinite(_floats(y))

    def forward(self, y: ArrayLike) -> np.ndarray:
        """The z of each y."""
        away = _floats(y) - self.location
        with np.errstate(over="ignore", divide="ignore"):
            near = np.arcsinh(away / self.scale)
            size = np.abs(away)
            far = np.log(np.maximum(size, self.scale)) - np.log(self.scale) + np.log(2.0)
            return np.where(size / self.scale > _FAR, np.sign(away) * far, near)

    def inverse(self, z: ArrayLike) -> np.ndarray:
        """The y of each z."""
        with np.errstate(over="ignore"):
            return self.location + self.scale * np.sinh(_floats(z, "z"))

    def log_jacobian(self, y: ArrayLike) -> np.ndarray:
        """Logarithm of dz/dy at each y."""
        with np.errstate(over="ignore"):
            return -np.log(np.hypot(self.scale, _floats(y) - self.location))

    def moved(self, shift: float, scale: float) -> Moved:
        """The map of ``shift + scale * y``, and the move of z that belongs to it."""
        transform = Asinh(shift + scale * self.location, abs(scale) * self.scale)
        return Moved(transform, 0.0, float(np.sign(scale)))


Transform: TypeAlias = "Identity | Log | Logit | Asinh"

_NAMES: dict[str, Callable[[], Transform]] = {
    "identity": Identity,
    "log": Log,
    "logit": Logit,
    "asinh": Asinh,
}


def as_transform(value: object, name: str = "transform") -> Transform:
    """The map that a word or an object stands for.

    Parameters
    ----------
    value : None, str, Identity, Log, Logit or Asinh
        None and "identity" are `Identity()`; "log", "logit" and "asinh" are `Log()`, `Logit()` and
        `Asinh()`, with their defaults. An object is returned as it is.
    name : str, default "transform"
        Name of the argument, for the error.

    Returns
    -------
    Identity, Log, Logit or Asinh

    Raises
    ------
    ValueError
        If the value is none of these.

    Examples
    --------
    >>> from skmdn.transforms import as_transform
    >>> as_transform("log")
    Log(lower=0.0)
    """
    if value is None:
        return Identity()
    if isinstance(value, str) and value in _NAMES:
        return _NAMES[value]()
    if isinstance(value, Identity | Log | Logit | Asinh):
        return value
    raise ValueError(
        f"{name} must be None, one of {', '.join(map(repr, _NAMES))}, or an object of "
        f"skmdn.transforms such as Log(lower=0); got {value!r}"
    )


def _floats(values: ArrayLike, name: str = "y") -> np.ndarray:
    try:
        if np.iscomplexobj(values):
            raise TypeError("complex numbers")
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} must be an array of real numbers; got {error}") from error


def _finite(value: object, name: str) -> float:
    """A finite number as a float."""
    if isinstance(value, bool) or not isinstance(value, Real) or not np.isfinite(float(value)):
        raise ValueError(f"{name} must be one finite number; got {value!r}")
    return float(value)


def _kept_inside(y: np.ndarray, z: np.ndarray, support: tuple[float, float]) -> np.ndarray:
    """The y of each z; one that rounding puts on a bound is moved inside by one double."""
    low, high = np.nextafter(support[0], np.inf), np.nextafter(support[1], -np.inf)
    finite = np.isfinite(z)
    y = np.where(finite & (y <= support[0]) & np.isfinite(support[0]), low, y)
    return np.where(finite & (y >= support[1]) & np.isfinite(support[1]), high, y)


def _inside(y: ArrayLike, support: tuple[float, float]) -> np.ndarray:
    """Whether each y is strictly between the ends."""
    y = _floats(y)
    return (y > support[0]) & (y < support[1])
