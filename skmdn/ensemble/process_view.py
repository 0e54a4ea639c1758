"""The view of few rows that a Gaussian process predicts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skmdn._estimators.atomic_fit import unchanged_on_error
from skmdn._estimators.inputs import check_inputs, check_training_data
from skmdn._estimators.observations import Observations
from skmdn._estimators.parameters import PROCESS_DENSITY, check_parameters
from skmdn._estimators.r2_score import ScoredRegressor
from skmdn._estimators.random_state import new_generator
from skmdn._estimators.target_maps import behind_maps, target_maps
from skmdn._network.beside_numbers import beside_numbers
from skmdn._network.category_inputs import CategoryInputs, category_inputs
from skmdn._network.preparation import Preparation
from skmdn._network.target_means import N_FOLDS
from skmdn._thread_pools import one_thread
from skmdn.ensemble.gaussian_process import Posterior, posterior
from skmdn.ensemble.mapped_targets import as_attribute
from skmdn.mixture import Mixture, TargetMixture
from skmdn.mixture.joining import Density

# Most indicators of categories; a process learns little from more.
_ROOM = 50


class ProcessDensity(ScoredRegressor, BaseEstimator):
    """Density of a Gaussian process, for tables as `MDNRegressor` takes them.

    A view of the default ensemble for few rows. Smooth relations without much noise need far fewer
    rows than a network does. The time of fit and of each prediction grows with the cube of the
    rows: with 800, a prediction takes some ten milliseconds. The inputs are those of `MDNRegressor`
    without bins: soft-clipped z-scores within the range of the training rows, indicators of gaps,
    and inputs for categories.

    Parameters
    ----------
    categorical_features : array-like, "from_dtype" or None, default="from_dtype"
        Which features hold categories, as in `MDNRegressor`.
    target_transform : None, {"log", "logit", "asinh"}, object or list, default=None
        Map of y, as in `MDNRegressor`, but for "auto".
    random_state : int, RandomState instance or None, default=None
        Seed of the rows, 200 if there are more, to which the hyperparameters are fitted.

    Attributes
    ----------
    preparation_ : tuple
        Scaling of X and y, as arrays.
    category_inputs_ : tuple or None
        Indicators, shares and means of the features with categories.
    categories_ : list of (ndarray or None) or None
        Categories of every feature.
    posterior_ : tuple
        Length scales, variance and noise; then the inputs, variances of noise and coefficients of
        the training rows.
    target_transform_ : object of skmdn.transforms, tuple of them or None
        The map of y.
    n_features_in_ : int
        Number of features p.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X had any.

    References
    ----------
    .. [1] C. E. Rasmussen and C. K. I. Williams, "Gaussian Processes for Machine Learning", MIT
       Press 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from skmdn.ensemble import ProcessDensity
    >>> X = np.linspace(0, 6, 25).reshape(-1, 1)
    >>> density = ProcessDensity(random_state=0).fit(X, np.sin(X[:, 0])).predict_proba([[1.6]])
    >>> density.mean().round(1)
    array([1.])
    """

    def __init__(
        self,
        *,
        categorical_features: ArrayLike | str | None = "from_dtype",
        target_transform: Any = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.categorical_features = categorical_features
        self.target_transform = target_transform
        self.random_state = random_state

    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> ProcessDensity:
        """Fit the hyperparameters, and the process given all rows.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, p)
            Inputs, dense. Gaps are allowed; infinity is not.
        y : array-like of shape (n,) or (n, D)
            Targets.
        sample_weight : array-like of shape (n,), default=None
            Non-negative weights. The variance of the noise of a row is inversely proportional to
            its weight.

        Returns
        -------
        self : ProcessDensity

        Raises
        ------
        ValueError
            If a constructor value or an argument is not as described. The estimator is then what it
            was before the call.
        """
        with unchanged_on_error(self):
            check_parameters(self, PROCESS_DENSITY)
            data = check_training_data(self, X, y, sample_weight, reset=True)
            maps = target_maps(self.target_transform, data.y.shape[1])
            rng = new_generator(self.random_state)
            data = behind_maps(data, maps).in_folds(N_FOLDS, rng)
            with one_thread():
                self._fit(data, rng)
            self.target_transform_, self.y_ndim_ = as_attribute(maps), data.y_ndim
        return self

    def predict_proba(self, X: ArrayLike) -> Density:
        """Predict the density of y for every row: a Gaussian, behind the map if there is one.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, p)
            Inputs with the features of fit; gaps are allowed.

        Returns
        -------
        Mixture or TargetMixture
            Of one component.
        """
        check_is_fitted(self)
        X, preparation = check_inputs(self, X), self._preparation()
        with one_thread(), np.errstate(under="ignore"):
            inputs = preparation.inputs(np.asarray(X, dtype=np.float64))
            means, stds = Posterior._make(self.posterior_).predict(inputs)
        means = preparation.y_mean + preparation.y_scale * means
        scales = np.outer(stds, preparation.y_scale)
        if self.y_ndim_ == 2:
            means, scales = means[:, np.newaxis], scales[:, np.newaxis]
        density = Mixture(np.ones((len(X), 1)), means, scales)
        maps = self.target_transform_
        return density if maps is None else TargetMixture(density, maps)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Predict the mean of every row.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, p)
            Inputs with the features of fit; gaps are allowed.

        Returns
        -------
        ndarray of shape (n,) or (n, D)
        """
        return np.asarray(self.predict_proba(X).mean())

    def _fit(self, data: Observations, rng: np.random.Generator) -> None:
        preparation = Preparation.of(data.X, data.y, data.weights)
        rows, folds = data.rows, None
        if data.n_categories is not None and data.folds is not None:
            z, folds = preparation.targets(data.y[rows]), data.folds[rows]
            is_number = data.n_categories < 0
            z = beside_numbers(preparation, data.X, z, data.weights, rows, is_number)
            of_data = data.weights, rows, data.folds, data.n_categories
            preparation = preparation.with_categories(category_inputs(data.X, z, *of_data, _ROOM))
        weights = np.ones(len(rows)) if data.weights is None else data.weights[rows]
        inputs, z = preparation.inputs(data.X[rows], folds=folds), preparation.targets(data.y[rows])
        self.posterior_ = tuple(posterior(inputs, z, weights, rng))
        categories = preparation.categories
        self.category_inputs_ = None
        if categories is not None:
            self.category_inputs_ = categories.by_feature(self.n_features_in_)
        self.preparation_ = preparation[:10]

    def _preparation(self) -> Preparation:
        found = self.category_inputs_
        categories = None if found is None else CategoryInputs.of_features(*found)
        return Preparation(*self.preparation_, categories=categories)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.input_tags.allow_nan = True
        return tags
