"""Cross-fitted predictions of other regressors, as features."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike
from sklearn import get_config
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from skmdn._estimators.folds import check_weighted, order_of, splits
from skmdn._estimators.inner_estimators import seeded_clone
from skmdn._estimators.inputs import (
    check_groups,
    check_inputs,
    check_training_data,
    new_generator,
    unchanged_on_error,
)
from skmdn._estimators.observations import Observations
from skmdn._estimators.parameters import (
    CROSS_FITTED_PREDICTIONS,
    NamedEstimators,
    check_named_estimators,
    check_parameters,
)
from skmdn.preprocessing.tree_regressors import StandardizedForest, tree_regressors


class CrossFittedPredictions(TransformerMixin, NamedEstimators):
    """Append the predictions of regressors, made for every row by models that did not see it.

    A model that is to learn from other models' predictions must not be given those on their own
    training rows, which are far too good. `fit_transform` therefore returns out-of-fold
    predictions, while `transform` returns the mean over the folds' models.

    Parameters
    ----------
    estimators : list of (str, estimator), default=None
        Regressors. None takes ``ExtraTreesRegressor(100)`` and
        ``HistGradientBoostingRegressor(max_iter=100, learning_rate=0.18, max_leaf_nodes=63)``, both
        fitted to standardised features and targets, so that units do not matter. For n > 40,000
        rows there are 4,000,000 / n extra trees, but ten at least; for n > 400,000 rows their
        leaves hold at least n / 400,000 rows. Once a forest of F has made its own out-of-fold
        predictions, the first 1 / F of its trees remain, as the F are averaged from then on: the
        largest of them take about 100 MB.
    cv : int, splitter, iterable or None, default=None
        Folds, which must partition the rows. An integer makes so many shuffled folds, or as many as
        there are rows. None stands for 5, and for the ensemble's own folds where this is the first
        step of a view of `MDNEnsembleRegressor` with four to six folds: every model then serves
        two members, and of five folds ten are fitted instead of 25.
    passthrough : bool, default=True
        Whether the features themselves come first.
    n_jobs : int or None, default=None
        Models fitted in parallel.
    random_state : int, RandomState instance or None, default=None
        Seeds the folds and the regressors that have no random state of their own.

    Attributes
    ----------
    estimators_ : list of list
        Fitted regressors, by fold.
    n_samples_fit_ : int
        Number of rows n of fit.
    n_outputs_ : int
        Number of outputs D of y.
    n_features_in_ : int
        Number of features p.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X had any.

    Notes
    -----
    As with `sklearn.preprocessing.TargetEncoder`, ``fit(X, y).transform(X)`` does not equal
    ``fit_transform(X, y)``: use `fit_transform` on the rows that train the next step, as a Pipeline
    does.

    References
    ----------
    .. [1] D. H. Wolpert, "Stacked generalization", Neural Networks 5 (1992).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skmdn.preprocessing import CrossFittedPredictions
    >>> X = np.arange(6.0).reshape(-1, 1)
    >>> transformer = CrossFittedPredictions([("line", LinearRegression())], cv=3, random_state=0)
    >>> transformer.fit_transform(X, 2 * X[:, 0]).round(6)[:2]
    array([[0., 0.],
           [1., 2.]])
    """

    def __init__(
        self,
        estimators: list[tuple[str, Any]] | None = None,
        *,
        cv: Any = None,
        passthrough: bool = True,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimators = estimators
        self.cv = cv
        self.passthrough = passthrough
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
    ) -> CrossFittedPredictions:
        """Fit every regressor once per fold.

        Parameters
        ----------
        X : array-like of shape (n, p)
            Dense and finite.
        y : array-like of shape (n,) or (n, D)
            Targets.
        sample_weight : array-like of shape (n,), default=None
            Weights for the regressors that take them.
        groups : array-like of shape (n,), default=None
            For the splitter; an integer `cv` keeps groups together.

        Returns
        -------
        self : CrossFittedPredictions

        Raises
        ------
        ValueError
            If a constructor value or an argument is not as described.
        """
        self.fit_transform(X, y, sample_weight, groups=groups)
        return self

    def fit_transform(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
    ) -> np.ndarray:
        """Fit, and return for every row the predictions of models that did not see it.

        Parameters
        ----------
        X : array-like of shape (n, p)
            Dense and finite.
        y : array-like of shape (n,) or (n, D)
            Targets.
        sample_weight : array-like of shape (n,), default=None
            Weights for the regressors that take them.
        groups : array-like of shape (n,), default=None
            For the splitter; an integer `cv` keeps groups together.

        Returns
        -------
        ndarray of shape (n, p + E * D)
            Without the first p columns where `passthrough` is False; E regressors.
        """
        with unchanged_on_error(self):
            data, rng = self._begin(X, y, sample_weight)
            labels = check_groups(groups, len(data.y))
            parts = splits(self.cv, data.X, data.y, data.weights, labels, rng)
            order = order_of([test for _, test in parts], len(data.X))
            fitted = self._fitted(data, parts, len(parts), rng, self.n_jobs)
            self.estimators_ = [regressors for regressors, _ in fitted]
            predictions = np.concatenate([predicted for _, predicted in fitted])[order]
        return self._assemble(data.X, predictions)

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Append the mean of the folds' predictions.

        Parameters
        ----------
        X : array-like of shape (n, p)
            Dense and finite.

        Returns
        -------
        ndarray of shape (n, p + E * D)
            Without the first p columns where `passthrough` is False.
        """
        check_is_fitted(self)
        inputs = check_inputs(self, X)
        predictions = [_predict(regressors, inputs) for regressors in self.estimators_]
        return self._assemble(inputs, np.mean(predictions, axis=0))

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Names of the columns: those of the features, then of the regressors, with the class's.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features; None takes those of fit, or x0, x1, ...

        Returns
        -------
        ndarray of str
        """
        check_is_fitted(self)
        D = self.n_outputs_
        ends = [""] if D == 1 else [str(d) for d in range(D)]
        prefix = type(self).__name__.lower()  # as scikit-learn's stacking
        names = [f"{prefix}_{name}{end}" for name, _ in self._regressors() for end in ends]
        features = OneToOneFeatureMixin.get_feature_names_out(self, input_features)
        return np.array([*(features if self.passthrough else []), *names], dtype=object)

    def _begin(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> tuple[Observations, np.random.Generator]:
        """Checked data, and the source of all seeds."""
        check_parameters(self, CROSS_FITTED_PREDICTIONS)
        check_named_estimators(self)
        data = check_training_data(self, X, y, sample_weight, reset=True, min_rows=2)
        self.n_samples_fit_, self.n_outputs_ = data.y.shape
        return data, new_generator(self.random_state)

    def _fitted(
        self,
        data: Observations,
        parts: list[tuple[np.ndarray, np.ndarray]],
        n_together: int,
        rng: np.random.Generator,
        n_jobs: int | None,
    ) -> list[tuple[list[Any], np.ndarray]]:
        """Regressors fitted on every part's training rows, and their predictions of its test rows.

        From then on `n_together` parts' predictions will be averaged.
        """
        regressors = [regressor for _, regressor in self._regressors()]
        seeds = rng.integers(2**31, size=len(parts))
        fitted = Parallel(n_jobs=n_jobs)(
            delayed(_fit_and_predict)(seeded_clone(regressor, seed), data, *part, n_together)
            for part, seed in zip(parts, seeds, strict=True)
            for regressor in regressors
        )
        E = len(regressors)
        groups = [fitted[i : i + E] for i in range(0, len(fitted), E)]
        return [([r for r, _ in group], np.hstack([p for _, p in group])) for group in groups]

    def _regressors(self) -> list[tuple[str, Any]]:
        """The given regressors, or the default ones for as many rows and outputs."""
        if self.estimators is not None:
            return self.estimators
        return tree_regressors(self.n_samples_fit_, self.n_outputs_)

    def _assemble(self, X: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        return np.hstack([X, predictions]) if self.passthrough else predictions

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags


class MemberPredictions(NamedTuple):
    """What cross-fitting gives a member of an ensemble."""

    estimators: list[list[Any]]  # fitted regressors, by the other members' folds
    predictions: np.ndarray  # (n, E D)


def cross_fit_by_member(
    transformers: Sequence[CrossFittedPredictions],
    X: ArrayLike,
    y: ArrayLike,
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    sample_weight: ArrayLike | None,
    n_jobs: int | None,
) -> list[MemberPredictions]:
    """Cross-fit for the members of an ensemble, of which each keeps off a fold of its own.

    The regressors of a pair of folds are fitted on the rows outside both. They predict either fold
    for the other one's member, which trains on it, and both for their own, which do not: for them
    the pairs' predictions are averaged. Nothing of its own fold so reaches a member.

    `transformers` are the members' equal ones, and `parts` their training rows and folds, which
    partition the rows. The transformers learn all but their `estimators_`, so that they can travel
    without those.
    """
    first = transformers[0]
    data, rng = first._begin(X, y, sample_weight)
    for other in transformers[1:]:
        other._begin(X, y, sample_weight)
    pairs = list(combinations(range(len(parts)), 2))
    trains = [np.intersect1d(parts[i][0], parts[j][0]) for i, j in pairs]
    check_weighted(trains, data.weights)
    tests = [np.concatenate([parts[i][1], parts[j][1]]) for i, j in pairs]
    others = len(parts) - 1
    fitted = first._fitted(
        data,
        list(zip(trains, tests, strict=True)),
        others,
        rng,
        n_jobs if first.n_jobs is None else first.n_jobs,
    )
    predictions = np.zeros((len(parts), len(data.X), fitted[0][1].shape[1]))
    for (i, j), (_, predicted) in zip(pairs, fitted, strict=True):
        of_each = np.split(predicted, [len(parts[i][1])])
        for own, member, values in zip((i, j), (j, i), of_each, strict=True):
            test = parts[own][1]
            predictions[member, test] = values
            predictions[own, test] += values / others
    return [
        MemberPredictions([r for pair, (r, _) in zip(pairs, fitted, strict=True) if i in pair], own)
        for i, own in enumerate(predictions)
    ]


def append_predictions(
    transformer: CrossFittedPredictions, X: ArrayLike, predictions: np.ndarray
) -> np.ndarray:
    """Predictions ``(n, E D)`` beside the features, as the transformer puts its own."""
    return transformer._assemble(check_inputs(transformer, X), predictions)


def gives_arrays(transformer: CrossFittedPredictions) -> bool:
    """Whether `transform` gives arrays, and no frames by `set_output` or configuration."""
    own = getattr(transformer, "_sklearn_output_config", {}).get("transform")
    return (own or get_config()["transform_output"]) == "default"


def _fit_and_predict(
    estimator: Any, data: Observations, train: np.ndarray, test: np.ndarray, n_together: int
) -> tuple[Any, np.ndarray]:
    """Fit, with weights where the estimator takes them, and predict the test rows."""
    part = data.take(train)
    y = part.y[:, 0] if part.y.shape[1] == 1 else part.y
    if part.weights is None or not has_fit_parameter(estimator, "sample_weight"):
        estimator.fit(part.X, y)
    else:
        estimator.fit(part.X, y, sample_weight=part.weights)
    predictions = _predict([estimator], data.X[test])
    if isinstance(estimator, StandardizedForest):
        estimator.thin(n_together)  # here, before it travels from a worker
    return estimator, predictions


def _predict(regressors: list[Any], X: np.ndarray) -> np.ndarray:
    """Predictions side by side, ``(n, E D)``."""
    return np.hstack([np.reshape(r.predict(X), (len(X), -1)) for r in regressors])
