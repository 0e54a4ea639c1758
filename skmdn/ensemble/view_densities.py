"""Densities that all members of a view predict for the same rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import gen_batches

from skmdn._estimators.folds import take
from skmdn._estimators.inputs import check_inputs
from skmdn.ensemble.mapped_targets import base_of
from skmdn.mixture import Mixture
from skmdn.mixture.joining import Density
from skmdn.mixture.sampling import CHUNK_ROWS
from skmdn.preprocessing import CrossFittedPredictions
from skmdn.preprocessing.cross_fitted import transform_together
from skmdn.regressor import MDNRegressor


def densities_by_chunk(views: Sequence[Sequence[Any]], X: Any) -> Iterator[list[list[Mixture]]]:
    """Densities of all members for the mapped targets, by view, in chunks of rows."""
    n_rows = X.shape[0]
    for rows in gen_batches(max(n_rows, 1), CHUNK_ROWS):
        chunk = take(X, np.arange(*rows.indices(n_rows))) if n_rows > CHUNK_ROWS else X
        yield [view_densities(view, chunk) for view in views]


def view_densities(members: Sequence[Any], X: Any) -> list[Mixture]:
    """Densities of every member for the mapped targets; what members share is done once."""
    densities: Iterable[Density]
    with np.errstate(under="ignore"):
        if _share_regressors(members):
            inputs = transform_together([member.steps[0][1] for member in members], X)
            densities = map(_after_first_step, members, inputs)
        elif all(_takes_matrices(member) for member in members):
            checked = check_inputs(members[0], X)
            densities = (member._predictor().density(checked) for member in members)
        else:
            densities = (member.predict_proba(X) for member in members)
        return [base_of(density) for density in densities]


def _share_regressors(members: Sequence[Any]) -> bool:
    """Whether the first steps of the members have regressors in common."""
    if not all(isinstance(member, Pipeline) for member in members):
        return False
    first = [member.steps[0][1] for member in members]
    if not all(isinstance(step, CrossFittedPredictions) for step in first):
        return False
    parts = [id(part) for step in first for part in step.estimators_]
    return len(set(parts)) < len(parts)


def _after_first_step(member: Pipeline, X: Any) -> Density:
    """The density of a member, given the output of its first step."""
    *transformers, last = [step for _, step in member.steps[1:]]
    for step in transformers:
        if step is not None and step != "passthrough":
            X = step.transform(X)
    if not transformers and _takes_matrices(last) and isinstance(X, np.ndarray):
        return last._predictor().density(X)  # checked by the first step
    return last.predict_proba(X)


def _takes_matrices(estimator: Any) -> bool:
    """Whether it is a network whose features are all numbers, so that a check serves for all."""
    return type(estimator) is MDNRegressor and estimator.categories_ is None
