"""Target mixtures as distributions of torch, which is imported when asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from skmdn.mixture.mixture import Mixture
from skmdn.mixture.target.law import Law
from skmdn.transforms import Asinh, Log, Logit, Transform

if TYPE_CHECKING:
    from torch.distributions import Distribution


def as_torch(base: Mixture, laws: Sequence[Law]) -> Distribution:
    """The base with torch's transforms from z to y."""
    from torch import distributions

    if len(laws) > 1 or laws[0].atoms or any(isinstance(t, Asinh) for t in laws[0].transforms):
        raise ValueError(
            "to_torch needs rows of one map without atoms, and torch has no transform for Asinh; "
            f"got {', '.join(map(str, laws))}: ask base.to_torch() for the distribution of z"
        )
    z = base.to_torch()
    maps: list[distributions.Transform] = [
        distributions.ComposeTransform(_steps(t)) for t in laws[0].transforms
    ]
    if base.univariate:
        return distributions.TransformedDistribution(z, maps)
    return distributions.TransformedDistribution(
        z, [distributions.CatTransform(maps, dim=-1, lengths=[1] * len(maps))]
    )


def _steps(transform: Transform) -> list[Any]:
    """Torch's steps from z to y."""
    from torch.distributions import AffineTransform, ExpTransform, SigmoidTransform

    if isinstance(transform, Log):
        mirror = [] if transform.side > 0 else [AffineTransform(0.0, -1.0)]
        return [*mirror, ExpTransform(), AffineTransform(transform.bound, transform.side)]
    if isinstance(transform, Logit):
        return [SigmoidTransform(), AffineTransform(transform.lower, transform.width)]
    return []
