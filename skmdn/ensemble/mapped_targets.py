"""Targets behind the maps of an ensemble, and the densities of its members there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from skmdn._estimators.observations import Observations
from skmdn._estimators.rows import Rows
from skmdn._estimators.target_maps import TargetMaps, behind_maps, target_range
from skmdn.mixture import Mixture, TargetMixture
from skmdn.mixture.joining import Density


class MappedTargets(NamedTuple):
    """The targets of all rows behind one map per output."""

    values: np.ndarray  # (n, D)
    maps: TargetMaps  # None where targets stay as they are, as is the range
    range: np.ndarray | None  # (D, 2), as of an `MDNRegressor`

    @classmethod
    def of(cls, rows: Rows, maps: TargetMaps) -> MappedTargets:
        """Those of some rows.

        Raises
        ------
        ValueError
            If a target of a row with weight is outside the support of its map.
        """
        y = rows.y.reshape(len(rows.y), -1)
        mapped = behind_maps(Observations.of(np.empty((len(y), 0)), y, rows.weights), maps)
        return cls(mapped.y, maps, target_range(mapped, maps, None))


def common_maps(densities: Iterable[tuple[str, Density]], expected: TargetMaps) -> TargetMaps:
    """The maps that all the views' densities are behind; these are `expected`, unless None.

    Raises
    ------
    ValueError
        If maps differ, or if there are atoms.
    """
    found: list[tuple[str, TargetMaps]] = [
        (name, _maps_of(density, name)) for name, density in densities
    ]
    (first, maps), *_ = found
    origin, maps = ("the ensemble", expected) if expected is not None else (f"view {first!r}", maps)
    for name, other in found:
        if other != maps:
            raise ValueError(
                f"estimators: expected views whose densities have one map, got {_named(other)} of "
                f"view {name!r} beside {_named(maps)} of {origin}. Set target_transform of the "
                "ensemble, and leave it to None in all views and in the grids of searches."
            )
    return maps


def as_attribute(maps: TargetMaps) -> Any:
    """Maps as the attribute `target_transform_`: one map by itself."""
    return maps[0] if maps is not None and len(maps) == 1 else maps


def as_maps(attribute: Any) -> TargetMaps:
    """Maps from the attribute."""
    return attribute if attribute is None or isinstance(attribute, tuple) else (attribute,)


def base_of(density: Density) -> Mixture:
    """The density of mapped targets."""
    return density.base if isinstance(density, TargetMixture) else density


def _maps_of(density: Density, name: str) -> TargetMaps:
    if isinstance(density, Mixture):
        return None
    if density.atom_weights.shape[1]:
        raise ValueError(
            f"estimators: expected densities without atoms, got some of view {name!r}; set its "
            "target_atoms to None."
        )
    return as_maps(density.transform)


def _named(maps: TargetMaps) -> str:
    if maps is None:
        return "none"
    return repr(maps[0] if len(maps) == 1 else list(maps))
