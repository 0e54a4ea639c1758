"""What the settings leave to choose of the targets, settled before a training: atoms and maps."""

from copy import deepcopy
from dataclasses import replace

import numpy as np

from skmdn._estimators.observations import Observations
from skmdn._estimators.target_atoms import at_atoms, target_atoms
from skmdn._estimators.target_maps import TargetMaps, target_maps
from skmdn._network.target_means import N_FOLDS
from skmdn._training.going_on import Past
from skmdn._training.network_choice import networks
from skmdn._training.settings import Settings
from skmdn._training.target_choice import chosen_maps


def settled(
    settings: Settings,
    data: Observations,
    validation: Observations | None,
    groups: np.ndarray | None,
    past: Past | None,
    rng: np.random.Generator,
) -> Settings:
    """The settings of a call of `fit`, with atoms and maps in place of words.

    Choices draw from copies of `rng`, so that a fit is the same whether a map was set or chosen.
    A call that goes on keeps the decay, the encoding and the linear path too.
    """
    if past is not None:
        return _as_before(settings, data, past)
    atoms = target_atoms(settings.target_atoms, data)
    if _is_left_to_choose(settings):
        maps = choose_maps(settings, data, validation, atoms, groups, rng)
    else:
        maps = target_maps(settings.target_transform, data.y.shape[1])
    return replace(settings, target_atoms=atoms, target_transform=maps)


def settled_for_part(settings: Settings, data: Observations, past: Past | None) -> Settings:
    """The settings of a call of `partial_fit`, which compares nothing."""
    if past is not None:
        # No part fits a line, whatever the word says.
        return _as_before(replace(settings, linear_path="auto"), data, past)
    atoms, maps = target_atoms(settings.target_atoms, data), None
    if not _is_left_to_choose(settings):
        maps = target_maps(settings.target_transform, data.y.shape[1])
    settings = replace(settings, target_atoms=atoms, target_transform=maps)
    return networks(settings, len(data))[0]


def choose_maps(
    settings: Settings,
    data: Observations,
    validation: Observations | None,
    atoms: np.ndarray | None,
    groups: np.ndarray | None,
    rng: np.random.Generator,
) -> TargetMaps:
    """The maps of "auto", chosen by the rows that are at no atom; None where there are none."""
    rng = deepcopy(rng)
    data = _off_atoms(data, atoms)
    if len(data) == 0:
        return None
    data = data.in_folds(N_FOLDS, rng)
    if validation is not None:
        validation = _off_atoms(validation, atoms)
    return chosen_maps(networks(settings, len(data))[0], data, validation, groups, rng)


def _off_atoms(data: Observations, atoms: np.ndarray | None) -> Observations:
    """The rows whose targets are at no atom, as if there were no atoms."""
    return replace(at_atoms(data, atoms).off_atoms(), atom=None, atoms=None)


def _is_left_to_choose(settings: Settings) -> bool:
    word = settings.target_transform
    return isinstance(word, str) and word == "auto"


def _as_before(settings: Settings, data: Observations, past: Past) -> Settings:
    """What was left to choose stays as it is; what is set must not differ, except for the decay."""
    before = past.predictor
    atoms, maps = before.target_atoms, before.target_maps
    if not (isinstance(settings.target_atoms, str) and settings.target_atoms == "auto"):
        atoms = target_atoms(settings.target_atoms, data)
        _check_stays("target_atoms", _listed(before.target_atoms), _listed(atoms))
    if not _is_left_to_choose(settings):
        maps = target_maps(settings.target_transform, data.y.shape[1])
        _check_stays("target_transform", before.target_maps, maps)
    return replace(
        settings,
        target_atoms=atoms,
        target_transform=maps,
        alpha=past.alpha if settings.alpha is None else settings.alpha,
        encoding=past.encoding if settings.encoding == "auto" else settings.encoding,
        linear_path=_line_as_before(settings, past),
    )


def _line_as_before(settings: Settings, past: Past) -> bool:
    # Where y has not varied so far there was no line, whatever the word.
    if not isinstance(settings.linear_path, str) and past.predictor.preparation.y_varies.any():
        _check_stays("linear_path", past.linear_path, bool(settings.linear_path))
    return past.linear_path


def _check_stays(name: str, before: object, now: object) -> None:
    if now != before:
        raise ValueError(
            f"To go on with a fitted model, {name} must stay {before!r}; got {now!r}. Fit anew, "
            "with warm_start=False or on a clone, to change it."
        )


def _listed(atoms: np.ndarray | None) -> list[float] | None:
    return None if atoms is None else atoms.tolist()
