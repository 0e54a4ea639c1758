"""Points and spreads of densities that come in chunks of rows."""

from collections.abc import Iterable

import numpy as np

from skmdn._arrays import FloatArray
from skmdn.mixture.joining import Density


def spread_method(*, return_std: bool, return_cov: bool) -> str | None:
    """The spread that the flags ask for; not both."""
    if return_std and return_cov:
        raise ValueError("At most one of return_std and return_cov can be True; got both.")
    return "std" if return_std else "cov" if return_cov else None


def points(
    chunks: Iterable[Density], point: str, spread: str | None
) -> FloatArray | tuple[FloatArray, FloatArray]:
    """The method `point` of all rows, and the method `spread` where there is one."""
    answers = [
        [getattr(chunk, method)() for method in (point, spread) if method] for chunk in chunks
    ]
    first, *rest = (np.concatenate(parts) for parts in zip(*answers, strict=True))
    return (first, rest[0]) if rest else first
