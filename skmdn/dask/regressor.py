"""The estimator for rows in a Dask cluster."""

from __future__ import annotations

import warnings
from copy import copy, deepcopy
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted

from skmdn._estimators.atomic_fit import unchanged_on_error
from skmdn._estimators.member_warnings import warn_of_members
from skmdn._estimators.parameters import (
    POSITIVE_INTEGER,
    Constraints,
    check_parameters,
    one_of,
)
from skmdn._training.settings import check_settings
from skmdn.dask import scores
from skmdn.dask.answers import PREDICT, Question, lazy_answer, question_of
from skmdn.dask.budget import row_bytes
from skmdn.dask.cluster import running_client
from skmdn.dask.collections import check_collection, check_examples, partitions_of
from skmdn.dask.fitting import Fitted, Work, fit
from skmdn.dask.plan import local_one, members_to_fit, seed_of
from skmdn.ensemble import PooledMDNRegressor
from skmdn.regressor import MDNRegressor

_CONSTRAINTS: Constraints = {
    "n_members": [POSITIVE_INTEGER],
    "max_rows": [one_of("auto"), POSITIVE_INTEGER],
}


class DaskMDNRegressor(RegressorMixin, BaseEstimator):
    """`MDNRegressor` for arrays and DataFrames of Dask: rows travel, gradients do not.

    `fit` draws rows from all partitions, sends them to one worker for each member, and fits there
    as `MDNRegressor` does. Predictions are lazy, and are computed where the partitions are. The
    fitted model is the same for any number of workers, and also if some of them are lost on the
    way: it depends on the partitions and `random_state` alone.

    Parameters
    ----------
    n_members : int, default=1
        Networks that are fitted side by side, and pooled to one density by `PooledMDNRegressor`.
        They share their validation rows, at most 200,000 of them, on which the pool is calibrated;
        no member trains on these. Members differ by their initialisation, the order of their rows,
        and by their rows where there are more than `max_rows`.
    max_rows : int or "auto", default="auto"
        Rows that a member gets, those that validate among them: a random sample of all, without
        replacement. "auto" is what a training of all n rows visits: all of them up to 65 million,
        and from there on ``256 * 1000 * sqrt(n / 1000)``, in one pass. It does not depend on the
        cluster. If the memory limit of a worker does not hold so many, `fit` says how many fit.
    n_components, covariance_type, hidden_layer_sizes, activation, encoding, n_bins
        As of `MDNRegressor`, as are all that follow.
    extrapolation, linear_path, feature_weights
        With several members, every member has a line and weights of its own.
    alpha, learning_rate_init, max_grad_norm, batch_size, max_iter, reg_covar, validation_fraction
        `max_iter` counts passes over the rows of a member.
    validation_split, calibrate, categorical_features, target_transform, target_atoms
        The order of the rows is that of the partitions. With several members a splitter is refused,
        and what "auto" finds for the targets is chosen once, from at most 100,000 rows.
    warm_start, point_estimate, device, dtype, random_state, verbose
        With `warm_start`, `fit` goes on from the members that there are; every call draws the same
        rows, and sets the same ones aside. `verbose` counts the tasks of members that are done;
        Dask's dashboard shows all tasks.

    Attributes
    ----------
    estimator_ : MDNRegressor or PooledMDNRegressor
        The fitted model, which needs no Dask; `to_local` returns a copy.
    n_samples_ : int
        Rows with weight in all partitions.
    n_samples_per_member_ : int
        Rows that each member got, those that validate among them.
    seed_ : int
        Seed of the draws, for the next call with `warm_start`.
    n_outputs_ : int
        Number of outputs D.
    n_features_in_ : int
        Number of features p.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X had any.

    Notes
    -----
    **Rows.** Each partition contributes a hypergeometric number of rows, as in a draw from all rows
    at once. Rows keep the precision of the collection; float32 takes half of the memory. Weights do
    not enter the draw but travel with their rows, and rows of weight zero are never drawn. If all
    rows are drawn, one member is to the bit what `MDNRegressor` with one thread fits to the rows in
    the order of the partitions.

    **Partitions.** They are read twice, to count and to draw; persist the collections if they fit
    into the memory of the cluster. They may be empty. X and y must have the same partitions.
    Groups are not known to it.

    **Categories.** Columns of categories, text and booleans are features with categories as in
    `MDNRegressor`, whether Dask knows the categories or not. A member knows those of its rows.

    **Workers.** A member is one task and uses one thread. A task that fails is tried again three
    times; one that was on a lost worker starts anew on another. An interrupt (Ctrl-C) or an error
    cancels all tasks. A member that is already training then finishes on its worker, and its result
    is dropped. Warnings of members are issued in the client.

    Examples
    --------
    >>> import dask.array as da
    >>> from dask.distributed import Client
    >>> from skmdn.dask import DaskMDNRegressor
    >>> client = Client(processes=False, dashboard_address=":0")
    >>> rng = da.random.default_rng(0)
    >>> X = rng.normal(size=(2000, 2), chunks=(500, 2))
    >>> y = X[:, 0] + 0.1 * rng.normal(size=2000, chunks=500)
    >>> model = DaskMDNRegressor(n_components=2, max_iter=5, random_state=0).fit(X, y)
    >>> model.predict_with(X, "interval", 0.9).chunks
    ((500, 500, 500, 500), (2,))
    >>> local = model.to_local()  # an MDNRegressor
    >>> local.predict_proba([[0.0, 1.0]]).n_components
    2
    >>> client.close()
    """

    # `client` is no metadata to be routed.
    __metadata_request__fit: ClassVar[dict[str, str]] = {"client": UNUSED}

    def __init__(
        self,
        *,
        n_members: int = 1,
        max_rows: int | str = "auto",
        n_components: int = 5,
        covariance_type: str = "diag",
        hidden_layer_sizes: ArrayLike = (64, 64, 64),
        activation: str = "silu",
        encoding: str | None = "auto",
        n_bins: int = 16,
        extrapolation: str = "auto",
        linear_path: bool | str = "auto",
        feature_weights: str | None = "auto",
        alpha: float | str = "auto",
        learning_rate_init: float = 0.015,
        max_grad_norm: float = 10.0,
        batch_size: int | str = "auto",
        max_iter: int | str = "auto",
        reg_covar: float = 1e-6,
        validation_fraction: float | str | None = "auto",
        validation_split: Any = "auto",
        calibrate: bool = True,
        categorical_features: ArrayLike | str | None = "from_dtype",
        target_transform: Any = None,
        target_atoms: ArrayLike | str | None = None,
        warm_start: bool = False,
        point_estimate: str = "mean",
        device: str = "cpu",
        dtype: str = "float32",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_members = n_members
        self.max_rows = max_rows
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.encoding = encoding
        self.n_bins = n_bins
        self.extrapolation = extrapolation
        self.linear_path = linear_path
        self.feature_weights = feature_weights
        self.alpha = alpha
        self.learning_rate_init = learning_rate_init
        self.max_grad_norm = max_grad_norm
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.reg_covar = reg_covar
        self.validation_fraction = validation_fraction
        self.validation_split = validation_split
        self.calibrate = calibrate
        self.categorical_features = categorical_features
        self.target_transform = target_transform
        self.target_atoms = target_atoms
        self.warm_start = warm_start
        self.point_estimate = point_estimate
        self.device = device
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, client: Any = None
    ) -> DaskMDNRegressor:
        """Fit the density of y given X, and wait for it.

        Parameters
        ----------
        X : dask array or DataFrame of shape (n, p)
            Inputs. Gaps are allowed; infinity is not.
        y : dask array, Series or DataFrame of shape (n,) or (n, D)
            Targets, in the partitions of X.
        sample_weight : dask array or Series of shape (n,), default=None
            Non-negative weights, in the partitions of X.
        client : dask.distributed.Client, default=None
            None takes the client that was started last in this process.

        Returns
        -------
        self : DaskMDNRegressor

        Raises
        ------
        TypeError
            If X, y or sample_weight are no collections of Dask.
        ValueError
            If a constructor value or an argument is not as described, if no client runs, or if a
            worker cannot hold the rows of a member. The estimator is then what it was before the
            call. The error of a partition that cannot be loaded is raised as it is.
        """
        with unchanged_on_error(self):
            check_parameters(self, _CONSTRAINTS)
            check_settings(self)
            client = running_client(client)
            y, X = check_collection(y, "y"), check_collection(X, "X")
            check_examples(local_one(self), X, y)
            seed = seed_of(self)
            work = Work(
                client,
                members_to_fit(self, seed),
                partitions_of(X, y, sample_weight),
                row_bytes(X, y, weighted=sample_weight is not None),
                self.max_rows,
                seed,
                bool(self.verbose),
            )
            self._keep(fit(work))
            self.seed_ = seed
        return self

    def predict(self, X: Any) -> Any:
        """Predict a point for every row, as `point_estimate` says; lazy.

        Parameters
        ----------
        X : dask array or DataFrame of shape (n, p)
            Inputs with the features of fit.

        Returns
        -------
        dask array, Series or DataFrame of shape (n,) or (n, D)
            An array for an array; for a DataFrame a Series, or with several outputs a DataFrame,
            with the index and the divisions of X. It goes beside the rows of X, as in
            ``X.assign(point=model.predict(X))``, whatever their index.
        """
        return lazy_answer(self._model(), X, Question(PREDICT, ()), [], None)

    def predict_with(self, X: Any, method: str, *args: Any, random_state: Any = None) -> Any:
        """Answer a method of the predicted density for every row; lazy.

        Parameters
        ----------
        X : dask array or DataFrame of shape (n, p)
            Inputs with the features of fit.
        method : str
            A method of `Mixture` that answers an array of one shape for every row, such as "cdf",
            "crps", "interval", "logpdf", "ppf", "sample", "sf" and "std"; no "hdr" or "modes".
        *args : object
            Its arguments: plain values for all rows, or collections such as y, in the partitions
            of X; for a DataFrame X these are Series or DataFrames.
        random_state : int or None, default=None
            Seed of "sample". Every partition draws numbers of its own, by its place among those
            that are computed. None draws fresh entropy once, so that the answer is the same
            however often it is computed.

        Returns
        -------
        dask array, Series or DataFrame
            As of `predict`. A Series has the name of the method; a DataFrame has one column per
            level, sample or output, such as "interval_0" and "interval_1".

        Raises
        ------
        ValueError
            If the method answers something else, if values of y by row are no collection, or if a
            DataFrame would need more than two axes.

        Examples
        --------
        >>> model.predict_with(X, "ppf", [0.1, 0.9])  # doctest: +SKIP
        >>> model.predict_with(X, "logpdf", y)  # doctest: +SKIP
        >>> model.predict_with(X, "sample", 10, random_state=0)  # doctest: +SKIP
        """
        check_is_fitted(self)
        question, of_rows = question_of(method, args, random_state)
        return lazy_answer(self._model(), X, question, of_rows, random_state)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R² of `predict`, computed at once; it does not judge the density.

        Parameters
        ----------
        X : dask array or DataFrame of shape (n, p)
            Inputs with the features of fit.
        y : dask array, Series or DataFrame of shape (n,) or (n, D)
            Targets, in the partitions of X.
        sample_weight : dask array or Series of shape (n,), default=None
            Non-negative weights.

        Returns
        -------
        float
        """
        return scores.r2_score(self._model(), X, y, sample_weight)

    def log_likelihood(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Mean log-density of y in nats per row, computed at once.

        It is `metrics.log_likelihood_score` of all rows; partitions send sums.

        Parameters
        ----------
        X, y, sample_weight : dask collections
            As of `score`.

        Returns
        -------
        float
        """
        return scores.mean_score(self._model(), X, y, sample_weight, "log-likelihood")

    def crps(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Mean continuous ranked probability score in units of y, computed at once.

        It is `metrics.crps_loss` of all rows; partitions send sums.

        Parameters
        ----------
        X, y, sample_weight : dask collections
            As of `score`.

        Returns
        -------
        float
        """
        return scores.mean_score(self._model(), X, y, sample_weight, "CRPS")

    def to_local(self) -> MDNRegressor | PooledMDNRegressor:
        """Return the fitted model for rows in memory, which needs neither a cluster nor Dask.

        Returns
        -------
        MDNRegressor or PooledMDNRegressor
            The latter with several members. Its answers are the same to the bit.
        """
        return deepcopy(self._model())

    def _model(self) -> MDNRegressor | PooledMDNRegressor:
        """The fitted model, with the words that count in a prediction as they are now."""
        check_is_fitted(self)
        check_settings(self)
        model = copy(self.estimator_)
        members = [model]
        if isinstance(model, PooledMDNRegressor):
            members = model.estimators_ = [copy(member) for member in model.estimators_]
        for member in members:
            member.extrapolation = self.extrapolation
        model.point_estimate = self.point_estimate
        return model

    def _keep(self, fitted: Fitted) -> None:
        """Turn a fitted estimator into attributes; issue the warnings of its members."""
        self.estimator_ = estimator = fitted.estimator
        for member in getattr(estimator, "estimators_", [estimator]):
            member.random_state, member.verbose = self.random_state, self.verbose
        self.n_samples_, self.n_samples_per_member_ = fitted.n_rows, fitted.rows_per_member
        self.n_outputs_, self.n_features_in_ = estimator.n_outputs_, estimator.n_features_in_
        if hasattr(estimator, "feature_names_in_"):
            self.feature_names_in_ = estimator.feature_names_in_
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        _warn_of(fitted)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.input_tags.allow_nan = True
        return tags


def _warn_of(fitted: Fitted) -> None:
    """Issue the warnings of all members in the client."""
    if len(fitted.warnings) > 1:
        warn_of_members([("The pool", found) for found in fitted.warnings], stacklevel=4)
        return
    for message, category in fitted.warnings[0]:
        warnings.warn(message, category, stacklevel=4)
