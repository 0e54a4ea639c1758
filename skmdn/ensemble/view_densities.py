"""Densities that all members of a view predict for the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from skmdn.ensemble.mapped_targets import base_of
from skmdn.mixture import Mixture
from skmdn.preprocessing import CrossFittedPredictions
from skmdn.preprocessing.cross_fitted import transform_together


def view_densities(members: Sequence[Any], X: Any) -> list[Mixture]:
    """Densities of every member for the mapped targets; shared regressors are asked once."""
    with np.errstate(under="ignore"):
        if not _share(members):
            return [base_of(member.predict_proba(X)) for member in members]
        inputs = transform_together([member.steps[0][1] for member in members], X)
        return [
            base_of(_after_first_step(member, of_member))
            for member, of_member in zip(members, inputs, strict=True)
        ]


def _share(members: Sequence[Any]) -> bool:
    """Whether the first steps of the members have regressors in common."""
    if not all(isinstance(member, Pipeline) for member in members):
        return False
    first = [member.steps[0][1] for member in members]
    if not all(isinstance(step, CrossFittedPredictions) for step in first):
        return False
    parts = [id(part) for step in first for part in step.estimators_]
    return len(set(parts)) < len(parts)


def _after_first_step(member: Pipeline, X: Any) -> Any:
    """The density of a member, given the output of its first step."""
    *transformers, last = [step for _, step in member.steps[1:]]
    for step in transformers:
        if step is not None and step != "passthrough":
            X = step.transform(X)
    return last.predict_proba(X)
