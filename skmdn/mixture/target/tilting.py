"""The density of y as a function of z: a Gaussian mixture again for the identity, log and logit.

It is the density of z divided by dy/dz. For a logarithm 1 / (dy/dz) is exp(c z) with c = -1 or 1,
for logit it is exp(-z) + 2 + exp(z). And exp(c z) N(z; m, s²) is exp(c m + s² / 2) times
N(z; m + c s², s²) for c = -1 or 1: a tilted component. The weights are logarithms and do not sum to
one. Heights come from the tilted mixture, masses from the base.

Axes: K components, c rows of a block, D outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from skmdn._arrays import FloatArray
from skmdn.mixture.blocks import log_weights
from skmdn.mixture.landscape import Landscape, Line, Profile, resolved, survey
from skmdn.mixture.mixture import Mixture
from skmdn.mixture.target.sech import sech_survey
from skmdn.transforms import Asinh, Identity, Log, Logit, Transform

MOST_TILTS = 27
"""Largest number of tilts of a component of several outputs."""


def tilts(transform: Transform) -> tuple[tuple[float, float], ...]:
    """The terms of 1 / (dy/dz): rates c of exp(c z), and logarithms of their factors."""
    if isinstance(transform, Log):
        return ((-transform.side, 0.0),)
    if isinstance(transform, Logit):
        return ((-1.0, 0.0), (0.0, float(np.log(2.0))), (1.0, 0.0))
    return ((0.0, 0.0),)


def n_hills(transform: Transform, n_components: int) -> int:
    """The most modes that the density of y can have."""
    return n_components * len(tilts(transform))


def landscape(
    transform: Transform, weights: FloatArray, means: FloatArray, scales: FloatArray
) -> Landscape:
    """Hills of the density of y over z; parameters ``(K, c)``."""
    line = Line(weights, means, scales)
    if isinstance(transform, Asinh):
        return sech_survey(line)
    if isinstance(transform, Identity):
        return survey(line)
    return survey(line, _tilted(line, tilts(transform)))


def _tilted(line: Line, rates: Sequence[tuple[float, float]]) -> Profile:
    """The tilted components, with the largest weight of each row at one."""
    square = line.scales * line.scales
    heights, means = [], []
    for rate, factor in rates:
        exponent = rate * line.means + 0.5 * rate * rate * square
        heights.append(log_weights(line.weights) + exponent + factor)
        means.append(line.means + rate * square)
    log_height = np.concatenate(heights)
    log_height -= np.maximum.reduce(log_height, axis=0)
    scales = np.concatenate([line.scales] * len(heights))
    return resolved(log_height, np.concatenate(means), scales)


def joint_tilted(base: Mixture, transforms: Sequence[Transform]) -> Mixture:
    """The same of several outputs, normalised, ``K`` times the number of tilts components."""
    if any(isinstance(transform, Asinh) for transform in transforms):
        raise ValueError(
            "modes of several outputs are known for logarithms and logit only, and one map is "
            "Asinh: use marginal(j).modes()"
        )
    choices = list(product(*map(tilts, transforms)))
    if len(choices) > MOST_TILTS:
        raise ValueError(
            f"modes of several outputs need {len(choices)} tilted components for each of theirs; "
            f"at most {MOST_TILTS} are searched: use marginal(j).modes()"
        )
    parts = [_jointly_tilted(base, choice) for choice in choices]
    logits = np.concatenate([part[0] for part in parts], axis=1)
    means = np.concatenate([part[1] for part in parts], axis=1)
    n_parts = len(parts)
    if base.covariance_type == "diag":
        return Mixture.from_logits(logits, means, np.concatenate([base.scales] * n_parts, axis=1))
    tril = np.concatenate([base.scale_tril] * n_parts, axis=1)
    return Mixture.from_logits(logits, means, scale_tril=tril)


def _jointly_tilted(
    base: Mixture, choice: Sequence[tuple[float, float]]
) -> tuple[FloatArray, FloatArray]:
    """Logits ``(n, K)`` and means ``(n, K, D)`` of one choice of tilts."""
    rates = np.array([rate for rate, _ in choice])
    tril = base.scale_tril
    root = np.einsum("...ij,i->...j", tril, rates)  # (n, K, D)
    exponent = base.means @ rates + 0.5 * np.square(root).sum(axis=-1)
    logits = log_weights(base.weights) + exponent + sum(factor for _, factor in choice)
    return logits, base.means + np.einsum("...ij,...j->...i", tril, root)
