"""Cross-fitted predictions of other regressors, as features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skmdn._estimators.atomic_fit import unchanged_on_error
from skmdn._estimators.features import check_rows
from skmdn._estimators.folds import order_of, splits
from skmdn._estimators.inputs import check_numeric, check_training_rows
from skmdn._estimators.interrupts import interrupt_ends_all
from skmdn._estimators.parameters import (
    CROSS_FITTED_PREDICTIONS,
    NamedEstimators,
    check_named_estimators,
    check_parameters,
)
from skmdn._estimators.random_state import new_generator
from skmdn._estimators.rows import Rows
from skmdn.preprocessing.cross_fitting import cross_fit, mean_predictions, with_predictions
from skmdn.preprocessing.repeated_values import RepeatedValues, repeated_features
from skmdn.preprocessing.tree_regressors import StandardizedRegressor, tree_regressors


class CrossFittedPredictions(TransformerMixin, NamedEstimators):
    """Append out-of-fold predictions of other regressors to the features.

    A model that learns from other models' predictions must not see those of their own training
    rows, which are far too good. So `fit_transform` returns for every row the predictions of models
    that were not fitted on it [1]_. `transform`, which is for new rows, returns the mean over the
    folds' models.

    Parameters
    ----------
    estimators : list of (str, estimator), default=None
        Regressors. None takes ``ExtraTreesRegressor(100)`` and
        ``HistGradientBoostingRegressor(max_iter=100, learning_rate=0.18, max_leaf_nodes=63)``, each
        in a `StandardizedRegressor`, so that units do not matter. To bound the size of a forest,
        n > 40,000 rows get 4,000,000 / n extra trees, but at least ten, and n > 400,000 rows get
        leaves of at least n / 400,000 rows. Each of the F folds' forests keeps 1 / F of its trees
        after its out-of-fold predictions, as `transform` averages all F, and all trees are kept as
        plain arrays (`StandardizedRegressor.flatten`): the largest take 50 MB together. A
        `RepeatedValues` comes third if, fitted to all rows, it finds features whose values have
        effects of their own.
    cv : int, splitter, iterable or None, default=None
        Folds, which must partition the rows. An integer is a number of folds, at most one per row:
        of whole groups if `fit` gets groups, else of runs of consecutive rows if these are alike,
        as in a series, else shuffled (see `MDNEnsembleRegressor`). None is 5, except in the first
        step of a view of `MDNEnsembleRegressor` with four to six folds: there the ensemble's own
        folds are used, and every model serves two members, so that five folds need ten models
        instead of 25.
    passthrough : bool, default=True
        Whether to keep the features, in front of the predictions.
    n_jobs : int or None, default=None
        Number of models fitted in parallel.
    random_state : int, RandomState instance or None, default=None
        Seeds the folds, and the regressors whose own random state is None.

    Attributes
    ----------
    estimators_ : list of list
        Fitted regressors, by fold.
    folds_ : {"shuffled", "copies", "blocks", "groups", "splitter"}
        Which folds were taken: runs of rows are "blocks", and "copies" of a row stay together.
        "splitter" includes the folds of an ensemble.
    dependence_p_value_ : float or None
        P-value of the test whether consecutive rows are alike; None with groups or a splitter.
    has_repeated_values_ : bool
        Whether `RepeatedValues` is among the default regressors.
    n_samples_fit_ : int
        Number of rows n of fit.
    n_outputs_ : int
        Number of outputs D of y.
    n_features_in_ : int
        Number of features p.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had any.

    Notes
    -----
    As with `sklearn.preprocessing.TargetEncoder`, ``fit(X, y).transform(X)`` is not
    ``fit_transform(X, y)``. The rows that train the next step need `fit_transform`, which a
    Pipeline calls.

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

    __metadata_request__fit: ClassVar[dict[str, bool]] = {"groups": True}

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
        X : array-like or DataFrame of shape (n, p)
            What the regressors accept; the default ones take gaps (NaN), and columns of text,
            categories and booleans in a DataFrame.
        y : array-like of shape (n,) or (n, D)
            Targets.
        sample_weight : array-like of shape (n,), default=None
            Weights for the regressors that take them, which get them as they are.
        groups : array-like of shape (n,), default=None
            Group of every row, for the splitter. If `cv` is an integer, a group is never split
            between folds.

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
    ) -> Any:
        """Fit, and return predictions by models that were not fitted on the row.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, p)
            What the regressors accept; the default ones take gaps (NaN), and columns of text,
            categories and booleans in a DataFrame.
        y : array-like of shape (n,) or (n, D)
            Targets.
        sample_weight : array-like of shape (n,), default=None
            Weights for the regressors that take them, which get them as they are.
        groups : array-like of shape (n,), default=None
            Group of every row, for the splitter. If `cv` is an integer, a group is never split
            between folds.

        Returns
        -------
        ndarray or DataFrame of shape (n, p + E * D)
            Features and predictions of the E regressors; if `passthrough` is False, without the
            first p columns. A DataFrame if X is one with other columns than numbers.
        """
        with unchanged_on_error(self), interrupt_ends_all():
            rows = begin_fit(self, X, y, sample_weight, groups)
            self.has_repeated_values_ = has_repeated_values(self, rows)
            rng = new_generator(self.random_state)
            folds = splits(self.cv, *rows, rng)
            parts = folds.parts
            self.folds_, self.dependence_p_value_ = folds.kind, folds.p_value
            order = order_of([test for _, test in parts], len(rows.y))
            regressors = [regressor for _, regressor in named_regressors(self)]
            fitted = cross_fit(
                regressors, rows, parts, n_averaged=len(parts), rng=rng, n_jobs=self.n_jobs
            )
            self.estimators_ = [part.regressors for part in fitted]
            predictions = np.concatenate([part.predictions for part in fitted])[order]
        return self._assemble(rows.X, predictions)

    def transform(self, X: ArrayLike) -> Any:
        """Append the mean of the folds' predictions.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, p)
            What the regressors accept; the default ones take gaps (NaN), and columns of text,
            categories and booleans in a DataFrame.

        Returns
        -------
        ndarray or DataFrame of shape (n, p + E * D)
            Features and predictions of the E regressors; if `passthrough` is False, without the
            first p columns. A DataFrame if X is one with other columns than numbers.
        """
        return transform_together([self], X)[0]

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Names of the columns: first the features, then the regressors.

        The name of a regressor's column starts with that of the class, as in scikit-learn's
        stacking. It ends in a number if a feature has that name, as after another such transformer.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features. None takes those seen in fit, or x0, x1, ...

        Returns
        -------
        ndarray of str
        """
        check_is_fitted(self)
        features = OneToOneFeatureMixin.get_feature_names_out(self, input_features)
        names = prediction_names(self)
        return np.array([*(features if self.passthrough else []), *names], dtype=object)

    def _assemble(self, X: Any, predictions: np.ndarray) -> Any:
        if not self.passthrough:
            return predictions
        return with_predictions(X, predictions, prediction_names(self))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags


def transform_together(transformers: Sequence[CrossFittedPredictions], X: ArrayLike) -> list[Any]:
    """What `transform` gives of transformers that were fitted on the same features.

    Regressors that they share are asked once.
    """
    check_is_fitted(transformers[0])
    check_numeric(X)
    rows = check_rows(transformers[0], X)
    with np.errstate(under="ignore"):
        means = mean_predictions([each.estimators_ for each in transformers], rows)
        return [each._assemble(rows, mean) for each, mean in zip(transformers, means, strict=True)]


def begin_fit(
    transformer: CrossFittedPredictions,
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    groups: ArrayLike | None = None,
) -> Rows:
    """Check parameters and data, note their shapes on the transformer, and return the rows."""
    check_parameters(transformer, CROSS_FITTED_PREDICTIONS)
    check_named_estimators(transformer)
    rows = check_training_rows(transformer, X, y, sample_weight, groups, min_rows=2)
    transformer.n_samples_fit_, transformer.n_outputs_ = rows.y.shape
    return rows._replace(y=rows.y[:, 0]) if rows.y.shape[1] == 1 else rows


def prediction_names(transformer: CrossFittedPredictions) -> list[str]:
    """Names of the columns of predictions, other than those of the features."""
    D = transformer.n_outputs_
    ends = [""] if D == 1 else [str(d) for d in range(D)]
    prefix = type(transformer).__name__.lower()
    names = [f"{prefix}_{name}{end}" for name, _ in named_regressors(transformer) for end in ends]
    taken = set(getattr(transformer, "feature_names_in_", []))
    return [next(one for one in _variants(name) if one not in taken) for name in names]


def _variants(name: str) -> Iterator[str]:
    """A name, and the same with numbers from two on."""
    yield name
    yield from (f"{name}_{number}" for number in count(2))


def named_regressors(transformer: CrossFittedPredictions) -> list[tuple[str, Any]]:
    """The given regressors, or the default ones for the rows and outputs of fit."""
    if transformer.estimators is not None:
        return transformer.estimators
    found = tree_regressors(transformer.n_samples_fit_, transformer.n_outputs_)
    if transformer.has_repeated_values_:
        found.append(("repeated_values", StandardizedRegressor(RepeatedValues())))
    return found


def has_repeated_values(transformer: CrossFittedPredictions, rows: Rows) -> bool:
    """Whether effects of values that a feature repeats belong to the default regressors."""
    if transformer.estimators is not None:
        return False
    if isinstance(rows.X, np.ndarray):
        X = rows.X if rows.weights is None else rows.X[rows.weights > 0]
        if len(repeated_features(X)) == 0:
            return False  # for sure, and a fit to many rows takes long
    model = StandardizedRegressor(RepeatedValues()).fit(rows.X, rows.y, rows.weights)
    return len(model.regressor_.effects_) > 0
