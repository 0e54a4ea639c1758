"""Scores over collections: every partition sends a few sums, and no density leaves it."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from dask import delayed

from skmdn import metrics
from skmdn.dask.answers import slices
from skmdn.dask.collections import partitions_of
from skmdn.dask.survey import check_surveys, rows_with_weight, survey_partition, targets_of

METRICS: dict[str, Callable[..., float]] = {
    "log-likelihood": metrics.log_likelihood_score,
    "CRPS": metrics.crps_loss,
}


class MeanScore(NamedTuple):
    """The mean of a metric over rows, and their weight."""

    weight: float
    mean: float

    def plus(self, other: MeanScore) -> MeanScore:
        """The mean over both."""
        weight = self.weight + other.weight
        if weight == 0:
            return self
        share = other.weight / weight
        # A mean may be infinite, and then so is that over both.
        kept = self.mean * (1 - share) if share < 1 else 0.0
        return MeanScore(weight, kept + (other.mean * share if share > 0 else 0.0))


class Squares(NamedTuple):
    """What R² is made of, for every output."""

    weight: float
    y_mean: np.ndarray  # (D,)
    y_squares: np.ndarray  # (D,), weighted squared distances of y from its mean
    residual_squares: np.ndarray  # (D,)

    def plus(self, other: Squares) -> Squares:
        """The sums over both, as of Chan, Golub and LeVeque (1982)."""
        weight = self.weight + other.weight
        if weight == 0:
            return self
        share, distance = other.weight / weight, other.y_mean - self.y_mean
        between = self.weight * share * distance**2
        return Squares(
            weight,
            self.y_mean + share * distance,
            self.y_squares + other.y_squares + between,
            self.residual_squares + other.residual_squares,
        )

    def r2(self) -> float:
        """Mean R² of the outputs; 0 for a constant output, or 1 if it is predicted exactly."""
        perfect = np.where(self.residual_squares > 0, 0.0, 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            r2 = 1 - self.residual_squares / self.y_squares
        return float(np.mean(np.where(self.y_squares > 0, r2, perfect)))


def mean_score(model: Any, X: Any, y: Any, sample_weight: Any, metric: str) -> float:
    """A metric of the densities of all rows."""
    return float(_total(model, X, y, sample_weight, partition_score, metric).mean)


def r2_score(model: Any, X: Any, y: Any, sample_weight: Any) -> float:
    """R² of `predict` for all rows."""
    total: Squares = _total(model, X, y, sample_weight, partition_squares)
    return total.r2()


def _total(
    model: Any, X: Any, y: Any, sample_weight: Any, of_partition: Any, *arguments: Any
) -> Any:
    """Scores of all partitions, computed and added up by the scheduler in charge."""
    partitions, sent = partitions_of(X, y, sample_weight), delayed(model)
    parts = [
        (delayed(survey_partition)(*one), delayed(of_partition)(sent, *one, *arguments))
        for one in zip(*partitions, strict=True)
    ]
    found = delayed(_added)(
        [survey for survey, _ in parts], [score for _, score in parts]
    ).compute()
    check_surveys(found[0])
    return found[1]


def _added(surveys: list[Any], scores: list[Any]) -> tuple[list[Any], Any]:
    present = [score for score in scores if score is not None]
    return surveys, reduce(lambda total, score: total.plus(score), present) if present else None


def partition_score(model: Any, X: Any, y: Any, weights: Any, metric: str) -> MeanScore | None:
    """The mean of a metric over a partition; None without rows or where the survey finds faults."""
    total = None
    for rows, targets, w in _weighted(X, y, weights):
        density = model.predict_proba(rows)
        score = MeanScore(float(w.sum()), METRICS[metric](targets, density, sample_weight=w))
        total = score if total is None else total.plus(score)
    return total


def partition_squares(model: Any, X: Any, y: Any, weights: Any) -> Squares | None:
    """The sums of a partition."""
    total = None
    for rows, targets, w in _weighted(X, y, weights):
        y2, residuals = (
            values.reshape(len(w), -1) for values in (targets, targets - model.predict(rows))
        )
        weight, column = float(w.sum()), w[:, np.newaxis]
        mean = np.sum(column * y2, axis=0) / weight
        squares = Squares(
            weight,
            mean,
            np.sum(column * (y2 - mean) ** 2, axis=0),
            np.sum(column * residuals**2, axis=0),
        )
        total = squares if total is None else total.plus(squares)
    return total


def _weighted(X: Any, y: Any, weights: Any) -> Any:
    """Rows, targets and weights of a partition, some rows at a time, without those of no weight."""
    if survey_partition(X, y, weights).fault is not None:
        return
    places = rows_with_weight(weights, len(X))
    for chunk in slices(len(places)):
        rows = places[chunk]
        w = np.ones(len(rows)) if weights is None else np.asarray(weights, float)[rows]
        yield _take(X, rows), targets_of(_take(y, rows)), w


def _take(values: Any, rows: np.ndarray) -> Any:
    return values.iloc[rows] if hasattr(values, "iloc") else np.asarray(values)[rows]
