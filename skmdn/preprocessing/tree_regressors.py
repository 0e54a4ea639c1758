"""The default regressors of cross-fitting."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from skmdn._estimators.atomic_fit import unchanged_on_error
from skmdn._estimators.inner_estimators import takes_gaps
from skmdn._estimators.inputs import check_inputs, check_training_data
from skmdn._estimators.observations import Observations
from skmdn._estimators.parameters import STANDARDIZED_REGRESSOR, check_parameters
from skmdn._estimators.plain_configuration import plain_configuration
from skmdn._estimators.r2_score import ScoredRegressor
from skmdn._network.scaling import location_and_unit, n_present
from skmdn._thread_pools import one_thread
from skmdn.preprocessing.flat_trees import FlatTrees, flat_boosting, flat_forest
from skmdn.preprocessing.tree_inputs import TreeInputs, fit_tree_inputs

# Rows times trees, which bounds the size of a fitted forest. Leaves of single rows are worth more
# than many trees, so the number of trees falls first; at the least number, leaves hold more rows.
_MOST_LEAVES, _LEAST_TREES, _MOST_TREES = 4_000_000, 10, 100
# Size of X from which boosting gains by a second thread, measured on two cores. Below, a second
# thread takes up to twice as long, and on busy cores ten times.
_WORTH_THREADS = 100_000
# Sums of such numbers stay within single precision, and no training row lies as far out.
_FARTHEST = 1e30


def tree_regressors(n_rows: int, n_outputs: int) -> list[tuple[str, Any]]:
    """The default regressors by name, for a number of rows and outputs."""
    # At the top of the file these imports would be most of the time that importing skmdn takes.
    from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
    from sklearn.multioutput import MultiOutputRegressor

    n_trees = min(_MOST_TREES, max(_LEAST_TREES, _MOST_LEAVES // n_rows))
    trees = ExtraTreesRegressor(n_trees, min_samples_leaf=-(-n_trees * n_rows // _MOST_LEAVES))
    boosting = HistGradientBoostingRegressor(max_iter=100, learning_rate=0.18, max_leaf_nodes=63)
    if n_outputs > 1:
        boosting = MultiOutputRegressor(boosting)
    return [
        ("extra_trees", StandardizedForest(trees)),
        ("boosting", StandardizedRegressor(boosting)),
    ]


class StandardizedRegressor(MetaEstimatorMixin, ScoredRegressor, BaseEstimator):
    """Give a regressor standardised inputs and targets, and predict in y's own units.

    scikit-learn's trees compare differences, impurities and gains with fixed thresholds: features
    that span less than 1e-7 are constant to them, targets with a standard deviation below 1e-8 are
    not worth a split, and of several outputs they see the one with the largest numbers. They also
    refuse numbers beyond single precision. Standardised, none of this depends on units.

    `CrossFittedPredictions` wraps its default regressors this way.

    A regressor that has a `categorical_features`, as `HistGradientBoostingRegressor` has, gets
    categories as codes, for features of up to 255 of them. In place of other categories stand means
    of what a line in the numbers leaves of the targets, shrunk to the overall mean; a training row
    gets a mean of rows in other folds.
    Gaps in X stay gaps, if the regressor takes them.

    Parameters
    ----------
    regressor : estimator object
        A regressor whose `fit` takes `sample_weight`. It is cloned, not changed.
    categorical_features : array-like, "from_dtype" or None, default="from_dtype"
        Which features hold categories, as in `MDNRegressor`.

    Attributes
    ----------
    regressor_ : object
        The fitted regressor; after `flatten`, the arrays of its trees.
    X_mean_, X_scale_ : ndarray of shape (n_features_in_,)
        Weighted mean and standard deviation of the features; the scale of a constant one is 1, and
        that of one that is all gaps ``inf``. Features with categories have 0 and 1.
    categories_ : list of (ndarray or None), or None
        Categories of every feature, None for features of numbers; None if there are none at all.
    tree_inputs_ : tuple or None
        Which features are numbers, codes and means, and the means by category.
    y_mean_, y_scale_ : ndarray of shape (D,)
        The same of the targets.
    n_features_in_ : int
        Number of features p.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X had any.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.tree import DecisionTreeRegressor
    >>> from skmdn.preprocessing import StandardizedRegressor
    >>> X, y = np.arange(4.0).reshape(-1, 1), np.array([0.0, 0.0, 1.0, 1.0])
    >>> tree = DecisionTreeRegressor(max_depth=1)  # alone, it may take such an X to be constant
    >>> StandardizedRegressor(tree).fit(1e-9 * X, y).predict(1e-9 * X)
    array([0., 0., 1., 1.])
    """

    def __init__(
        self, regressor: Any, *, categorical_features: ArrayLike | str | None = "from_dtype"
    ) -> None:
        self.regressor = regressor
        self.categorical_features = categorical_features

    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> StandardizedRegressor:
        """Fit the regressor to standardised data.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, p)
            Dense. Gaps (NaN) are allowed if the regressor takes them; infinity is not.
        y : array-like of shape (n,) or (n, D)
            Targets.
        sample_weight : array-like of shape (n,), default=None
            Non-negative weights. The regressor gets them in units of their mean, without the rows
            of weight zero.

        Returns
        -------
        self : StandardizedRegressor

        Raises
        ------
        ValueError
            If an argument is not as described.
        """
        with unchanged_on_error(self):
            check_parameters(self, STANDARDIZED_REGRESSOR)
            data = check_training_data(self, X, y, sample_weight, reset=True)
            self.X_mean_, self.X_scale_ = location_and_unit(data.X, data.weights)
            # scikit-learn's boosting fails at features without any cell: they become constant.
            self.X_scale_[n_present(data.X, None) == 0] = np.inf
            self.y_mean_, self.y_scale_ = location_and_unit(data.y, data.weights)
            targets = _standardized(data.y, self.y_mean_, self.y_scale_)
            regressor = clone(self.regressor)
            inputs = self._fit_inputs(data, targets, regressor)
            targets = targets[:, 0] if data.y_ndim == 1 else targets
            weights = data.weights
            if weights is not None:
                # Boosting has bins for rows without weight, and thresholds in its unit.
                present = np.flatnonzero(weights)
                inputs, targets, weights = inputs[present], targets[present], weights[present]
                weights = weights / weights.mean()
            taken = {} if weights is None else {"sample_weight": weights}
            with plain_configuration(), _threads_for(data.X):
                self.regressor_ = regressor.fit(inputs, targets, **taken)
        return self

    def _fit_inputs(self, data: Observations, targets: np.ndarray, regressor: Any) -> np.ndarray:
        """Inputs of the training rows; the regressor is told which of them are codes."""
        self.tree_inputs_: tuple[Any, ...] | None = None
        if data.n_categories is None:
            return _standardized(data.X, self.X_mean_, self.X_scale_)
        has_categories = data.n_categories >= 0
        self.X_mean_[has_categories], self.X_scale_[has_categories] = 0.0, 1.0
        words = _words_for_categories(regressor)
        inputs, columns = fit_tree_inputs(
            _standardized(data.X, self.X_mean_, self.X_scale_),
            targets,
            data.weights,
            data.n_categories,
            takes_categories=bool(words),
        )
        self.tree_inputs_ = tuple(inputs)
        regressor.set_params(**dict.fromkeys(words, inputs.is_coded))
        return columns

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Predict the targets in their own units.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, p)
            Dense. Gaps (NaN) are allowed if the regressor takes them; infinity is not.

        Returns
        -------
        ndarray of shape (n,) or (n, D)
        """
        check_is_fitted(self)
        return self._predict_checked(check_inputs(self, X))

    def flatten(self) -> None:
        """Keep a fitted forest or boosting as plain arrays, which take a tenth of the memory.

        Then `regressor_` is no more than these arrays and their `predict`. Predictions change by
        rounding to single precision in a forest, and not at all in boosting. Boosting with
        categories stays what it is, and so does any other regressor.
        """
        self.regressor_ = _flat(self.regressor_)

    def _predict_checked(self, X: np.ndarray) -> np.ndarray:
        """Predictions for a matrix in which categories are codes."""
        # Arrays start no threads, and setting their number takes a third of the time of a row.
        threads = nullcontext() if isinstance(self.regressor_, FlatTrees) else _threads_for(X)
        with threads, np.errstate(under="ignore"):
            inputs = _standardized(X, self.X_mean_, self.X_scale_)
            if self.tree_inputs_ is not None:
                inputs = TreeInputs(*self.tree_inputs_).of(inputs)
            targets = self.regressor_.predict(inputs)
            columns = targets.reshape(len(X), -1)
            y = _in_units_of_y(columns, self.y_mean_, self.y_scale_)
            return y.reshape(targets.shape)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = get_tags(self.regressor).target_tags.multi_output
        # MultiOutputRegressor does not say what its estimators take.
        tags.input_tags.allow_nan = takes_gaps(getattr(self.regressor, "estimator", self.regressor))
        return tags


class StandardizedForest(StandardizedRegressor):
    """`StandardizedRegressor` around a forest, which can be thinned after it is fitted.

    Parameters
    ----------
    regressor : RandomForestRegressor or ExtraTreesRegressor
        The forest. It is cloned, not changed.
    categorical_features : array-like, "from_dtype" or None, default="from_dtype"
        Which features hold categories, as in `MDNRegressor`.

    See Also
    --------
    StandardizedRegressor : The same for any regressor, with the fitted attributes.

    Examples
    --------
    >>> from sklearn.ensemble import ExtraTreesRegressor
    >>> from skmdn.preprocessing import StandardizedForest
    >>> forest = StandardizedForest(ExtraTreesRegressor(10)).fit([[0.0], [1.0]], [0.0, 1.0])
    >>> forest.thin(4)
    >>> len(forest.regressor_.estimators_)
    3
    """

    def thin(self, n_together: int) -> None:
        """Keep only the trees that this forest needs where several are averaged.

        This comes before `flatten`.

        Parameters
        ----------
        n_together : int
            Number of equal forests whose predictions are averaged from now on. The first
            ``ceil(n_estimators / n_together)`` trees remain.
        """
        forest = self.regressor_
        forest.estimators_ = forest.estimators_[: -(-forest.n_estimators // n_together)]
        forest.set_params(n_estimators=len(forest.estimators_))


def _flat(regressor: Any) -> Any:
    """A fitted regressor with its trees as plain arrays, if they are known."""
    from sklearn.ensemble import (
        ExtraTreesRegressor,
        HistGradientBoostingRegressor,
        RandomForestRegressor,
    )
    from sklearn.multioutput import MultiOutputRegressor

    if isinstance(regressor, (ExtraTreesRegressor, RandomForestRegressor)):
        return flat_forest(regressor)
    if isinstance(regressor, HistGradientBoostingRegressor):
        return flat_boosting(regressor)
    if isinstance(regressor, MultiOutputRegressor):
        regressor.estimators_ = [_flat(each) for each in regressor.estimators_]
    return regressor


def _words_for_categories(regressor: Any) -> list[str]:
    """The parameters, nested ones too, that say which features hold categories."""
    parameters = regressor.get_params(deep=True)
    return [name for name in parameters if name.split("__")[-1] == "categorical_features"]


def _in_units_of_y(z: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Targets of their standardised values, within float64."""
    largest = np.finfo(np.float64).max
    with np.errstate(over="ignore"):
        return np.clip(mean + scale * z, -largest, largest)


def _standardized(columns: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Distances from the mean in units of the scale, as far as single precision goes."""
    with np.errstate(over="ignore"):
        z = (columns - mean) / scale
    z[:, np.isinf(scale)] = 0.0
    return np.clip(z, -_FARTHEST, _FARTHEST)


def _threads_for(X: np.ndarray) -> AbstractContextManager[object]:
    """One thread for little work, the caller's number for more."""
    return one_thread() if X.size < _WORTH_THREADS else nullcontext()
