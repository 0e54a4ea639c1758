"""An ensemble of views and folds whose prediction is one mixture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch, check_consistent_length
from sklearn.utils.validation import validate_data

from skmdn._estimators.atomic_fit import unchanged_on_error
from skmdn._estimators.callbacks import CallbackSupportMixin, FitTask, fit_task
from skmdn._estimators.inner_estimators import check_predicts_density
from skmdn._estimators.inputs import (
    check_fitted_table,
    check_groups,
    check_table,
    check_targets,
    check_weights,
)
from skmdn._estimators.interrupts import interrupt_ends_all
from skmdn._estimators.parameters import (
    MDN_ENSEMBLE_REGRESSOR,
    NamedEstimators,
    check_named_estimators,
    check_parameters,
)
from skmdn._estimators.point_estimates import points, spread_method
from skmdn._estimators.r2_score import ScoredRegressor
from skmdn._estimators.random_state import new_generator
from skmdn._estimators.rows import Rows
from skmdn.ensemble.fitting import Options, fit
from skmdn.ensemble.pool import Pool
from skmdn.ensemble.target_transform import Views, chosen_word
from skmdn.ensemble.taught_network import shares_for_taught
from skmdn.ensemble.variance import decomposed_variance
from skmdn.ensemble.view_densities import densities_by_chunk
from skmdn.ensemble.views import check_enough_rows, default_views, expected_weights, size_of
from skmdn.mixture.arguments import as_generator
from skmdn.mixture.joining import Density


class MDNEnsembleRegressor(CallbackSupportMixin, ScoredRegressor, NamedEstimators):
    """An ensemble of density regressors whose prediction is one mixture.

    Every view (an estimator) is fitted once per fold: on the rows outside the fold, with the rows
    inside it as validation data. So every row has an out-of-fold density from every view. Their
    likelihood decides how much each view weighs, by which factor its spreads are multiplied, and
    which variance is added to all components. The prediction is one `Mixture` of views x folds x
    components [1]_ [2]_, of a network that their pool has taught (of few rows), and of one broad
    background component that bounds the loss of a row far from all others. With a
    `target_transform` it is a `TargetMixture` of these components.

    Parameters
    ----------
    estimators : list of (str, estimator), default=None
        Views: regressors whose `predict_proba` gives a `Mixture`, or a `TargetMixture` without
        atoms. None takes an `MDNRegressor` without encoding (``alpha=0.06``), one with it (0.01),
        and one that also sees out-of-fold predictions of trees (`CrossFittedPredictions`). With
        fewer than 1,000 rows n, the first has ``alpha=100 / n``, and there are two more: one with a
        linear path, the same alpha (at least 0.06) and encoding, which fewer than 10 rows per
        feature have too, and a `ProcessDensity`. These have ``1 + 200 / n`` times the prior weight.
    target_transform : None, {"auto", "log", "logit", "asinh"}, object or list, default=None
        Map of y, as of `MDNRegressor`, set in all views (in the last step of a Pipeline, in the
        estimator of a search); trees see y itself. "auto" is one choice on all rows before the
        folds, by the first `MDNRegressor` among the views (or at the end of a Pipeline). It is None
        if a view takes no map or has its own. With None, views may have a map, the same in all.
    cv : int, splitter, iterable or None, default=5
        Folds, which must partition the rows. An integer is a number of folds, at most one per row:
        of whole groups if `fit` gets groups, else of runs of consecutive rows if these are alike,
        as in a series, else shuffled (see Notes). None is 5. A splitter is obeyed.
    calibrate : bool, default=True
        Whether to fit weights, factors, added variance and background. If not, views have equal
        weights and keep their spreads, and the background has the weight 1e-4.
    n_jobs : int or None, default=None
        Number of members fitted in parallel. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seeds the folds, and the members whose own random state is None.
    verbose : bool or int, default=0
        Whether to show how many members are fitted: a bar if tqdm is installed, else lines.

    Attributes
    ----------
    estimators_ : list of list
        Fitted members, by view and fold.
    taught_estimator_ : MDNRegressor or None
        One more network, of all rows, that the pool has taught (see Notes).
    view_weights_, view_factors_ : ndarray of shape (V,)
        Weights of the views, and factors of their standard deviations.
    pooling_factor_ : float
        Factor of the members' standard deviations in predictions, at most 1: an out-of-fold density
        is that of one member of a view, a prediction averages F, and needs less widening.
    folds_ : {"shuffled", "copies", "blocks", "groups", "splitter"}
        Which folds were taken: runs of rows are "blocks", and "copies" of a row stay together.
    dependence_p_value_ : float or None
        P-value of the test whether consecutive rows are alike; None with groups or a splitter.
    target_transform_ : object of skmdn.transforms, tuple of them or None
        The map of y; for several outputs, a tuple with the map of each.
    target_range_ : ndarray of shape (D, 2) or None
        The least and the greatest target behind the map of each output. Calibrated components are
        within its bounds, as of `MDNRegressor` with `background_scale_` in place of `y_scale_`, so
        that means of y stay finite.
    noise_ : ndarray of shape (D,)
        Standard deviation added to the members' components, in units of the mapped y.
    forecast_factor_, forecast_noise_ : float and ndarray of shape (D,)
        The part of the views' factors and of the noise that rows to come in a series call for.
    background_weight_ : float
        Weight of the background component.
    background_mean_, background_scale_ : ndarray of shape (D,)
        Mean of the background, which is that of the mapped y, and its scale: three standard
        deviations of an output without a map, one of an output with a map.
    oof_mixture_ : Mixture or TargetMixture
        Calibrated out-of-fold densities of the training rows, from one member of every view.
    oof_score_ : float
        Weighted mean log-density of y under `oof_mixture_`, in nats per row of y itself.
    n_outputs_ : int
        Number of outputs D.
    y_ndim_ : int
        1 if y was one-dimensional at fit, so that answers have no outputs axis, else 2.
    n_features_in_ : int
        Number of features p.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had any.

    Notes
    -----
    **What a member learns from.** Only the rows outside its fold. The transformers of a Pipeline
    are fitted on these rows and transform the fold, which the last step then gets as `X_val`; a
    last step whose `fit` takes no `X_val` is fitted without.

    **Order of the rows.** In a series, neighbours of a row in a shuffled fold train, and the fold
    is no judge of rows to come. So an integer `cv` first asks whether consecutive rows are alike,
    as `validation_split` of `MDNRegressor` does. If so, the rows are cut into runs of eight times
    the distance at which rows are no longer alike, at least ten runs per fold. Of every F
    consecutive runs each fold gets one at random. Rows at the ends of a run still have neighbours
    that train, so one member of every view is fitted within the first three quarters of the rows
    and predicts the others. Spreads become as wide as their pool needs, but for `oof_mixture_`.
    Instead of runs of one or two rows folds are shuffled. `extrapolation="auto"` is then "linear".

    `CrossFittedPredictions` with ``cv=None`` as the first step are fitted for all members at once:
    one model per pair of folds, on the rows outside both, serves two members. This takes four to
    six folds, members of all rows outside their own fold, and a step that gives arrays.

    **The taught network.** Every member misses a fold. Of 10 to 999 rows one more network learns
    from all, as `MDNRegressor` does: a third to a twelfth of its targets are the rows' own, the
    others are drawn from the calibrated pool. Its settings are those of the heaviest view that is
    an `MDNRegressor`, but for an ``alpha`` of 1 to 6 times theirs: 20 times the part of the
    variation of y that the pool leaves. A third of the weight of such views is its. There is none
    without `calibrate` or where these views weigh less than 0.1. Callbacks do not see its training.

    **Spread of a pool.** A prediction pools F members of every view, whose errors partly cancel.
    `pooling_factor_` is inferred from how much less spread the views need together than each of
    them alone.

    **Size.** A pickle of the default views holds their trees: about 2 MB of 60 to 200 rows, 3 to 4
    kB per row from 1,000 to 40,000 rows. ``joblib.dump(..., compress=3)`` takes 60 to 80 % of that.

    **Metadata and warnings.** Weights and groups go to every step that takes them, requested or
    not. A warning of several members of a view is issued once, and none of dead components.

    **Interrupts.** Ctrl-C ends the fit with KeyboardInterrupt, whatever `n_jobs` is; the ensemble
    stays what it was. (A single `MDNRegressor` keeps the best network so far instead.) Callbacks of
    scikit-learn with a `max_propagation_depth` see the members; True ends one member's training.

    References
    ----------
    .. [1] B. Lakshminarayanan, A. Pritzel and C. Blundell, "Simple and scalable predictive
       uncertainty estimation using deep ensembles", NeurIPS 2017.
    .. [2] L. Breiman, "Stacked regressions", Machine Learning 24 (1996).

    Examples
    --------
    >>> import numpy as np
    >>> from skmdn import MDNEnsembleRegressor, MDNRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, (100, 1))
    >>> y = X[:, 0] + 0.1 * rng.normal(size=100)
    >>> view = MDNRegressor(n_components=2, max_iter=20)
    >>> model = MDNEnsembleRegressor([("view", view)], cv=2, random_state=0).fit(X, y)
    >>> model.predict_proba(X[:3]).n_components  # 2 folds and the taught network; background
    7
    """

    __metadata_request__fit: ClassVar[dict[str, bool]] = {"groups": True}

    def __init__(
        self,
        estimators: list[tuple[str, Any]] | None = None,
        *,
        target_transform: Any = None,
        cv: Any = 5,
        calibrate: bool = True,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimators = estimators
        self.target_transform = target_transform
        self.cv = cv
        self.calibrate = calibrate
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
    ) -> MDNEnsembleRegressor:
        """Fit all members and calibrate their pool.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of n rows
            Anything that the views accept: two axes or more, or one text per row.
        y : array-like of shape (n,) or (n, D)
            Targets.
        sample_weight : array-like of shape (n,), default=None
            Non-negative weights, for the members and for the calibration.
        groups : array-like of shape (n,), default=None
            Group of every row, for the splitter and for the steps of a view whose `fit` takes
            groups. If `cv` is an integer, a group is never split between folds.

        Returns
        -------
        self : MDNEnsembleRegressor

        Raises
        ------
        ValueError
            If a constructor value or an argument is not as described, if `cv` does not partition
            the rows, or if a view cannot take `target_transform`, has another map or has atoms. The
            estimator stays what it was before the call.
        TypeError
            If a view has no `predict_proba`, or if that gives no Mixture or TargetMixture.
        """
        fitting = fit_task(self, X, y, sample_weight)
        with unchanged_on_error(self), interrupt_ends_all(), fitting as task:
            check_parameters(self, MDN_ENSEMBLE_REGRESSOR)
            check_named_estimators(self)
            X, y = validate_data(self, check_table(X), y, skip_check_array=True)
            targets, self.y_ndim_ = check_targets(y, "y")
            check_consistent_length(X, targets)
            rows = Rows(
                X,
                targets[:, 0] if self.y_ndim_ == 1 else targets,
                check_weights(sample_weight, len(targets), "sample_weight"),
                check_groups(groups, len(targets)),
            )
            views = self._views(rows)
            check_enough_rows(len(targets), are_default=self.estimators is None)
            self._fit(views, rows, task)
        return self

    def predict_proba(self, X: ArrayLike) -> Density:
        """Predict the density of y for every row: the pool of all members.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of n rows
            Anything that the views accept.

        Returns
        -------
        Mixture or TargetMixture
            Of the components of all networks and one of the background; behind the map, if any.
        """
        rows = check_fitted_table(self, X)
        chunks = densities_by_chunk(self._members(), rows)
        return self._pool().of_members(chunks, rows.shape[0])

    def predict(
        self, X: ArrayLike, return_std: bool = False, return_cov: bool = False
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Predict the mean of every row.

        Spreads hold the background, some .1 of the spread of y; `decompose` leaves it out.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of n rows
            Anything that the views accept.
        return_std, return_cov : bool, default=False
            Whether to also return the standard deviation, in the shape of the mean, or the
            covariance ``(n, D, D)``; for a one-dimensional y the variance ``(n,)``.

        Returns
        -------
        mean : ndarray of shape (n,) or (n, D)
        spread : ndarray
            Only with `return_std` or `return_cov`.

        Raises
        ------
        ValueError
            If both flags are set.
        """
        spread = spread_method(return_std=return_std, return_cov=return_cov)
        return points(self._pools(X), "mean", spread)

    def sample(self, X: ArrayLike, n_samples: int = 1, random_state: Any = None) -> np.ndarray:
        """Draw from the predicted density of every row.

        The same as ``predict_proba(X).sample(n_samples, random_state)``, in bounded memory.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of n rows
            Anything that the views accept.
        n_samples : int, default=1
            Draws S per row.
        random_state : int, RandomState instance, Generator or None, default=None
            None draws fresh entropy.

        Returns
        -------
        ndarray of shape (n, S) or (n, S, D)
        """
        rng = as_generator(random_state)
        return np.concatenate([pool.sample(n_samples, rng) for pool in self._pools(X)])

    def decompose(self, X: ArrayLike) -> Bunch:
        """Split the predicted variance into an aleatoric and an epistemic part.

        By the law of total variance over members, the aleatoric part is the mean of their variances
        (what no amount of data removes), and the epistemic part is the variance of their means
        (where members disagree for lack of data). Both are of y itself, also with a
        `target_transform`. The background component is left out.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of n rows
            Anything that the views accept.

        Returns
        -------
        Bunch
            Arrays `total`, `aleatoric` and `epistemic` of shape (n,) or (n, D), in squared units of
            y. The total is the sum of the other two.
        """
        X, pool = check_fitted_table(self, X), self._pool()
        chunks = densities_by_chunk(self._members(), X)
        return decomposed_variance(pool.members(views) for views in chunks)

    def _fit(self, views: Views, rows: Rows, task: FitTask) -> None:
        expected = expected_weights(*size_of(rows)) if self.estimators is None else None
        options = Options(
            self.target_transform,
            self.cv,
            self.calibrate,
            self.n_jobs,
            self.random_state,
            self.verbose,
            expected,
        )
        fitted = fit(views, rows, options, task)
        self.estimators_, self.taught_estimator_ = fitted.members, fitted.taught
        self.folds_, self.dependence_p_value_ = fitted.folds, fitted.dependence_p_value
        self.oof_mixture_, self.oof_score_ = fitted.out_of_fold, fitted.score
        self.n_outputs_ = fitted.n_outputs
        fitted.pool.set_on(self)

    def _views(self, rows: Rows) -> Views:
        check_named_estimators(self)
        views = default_views(*size_of(rows)) if self.estimators is None else self.estimators
        for name, view in views:
            check_predicts_density(view, f"estimators: view {name!r}")
        return views

    def _chosen_target_transform(
        self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None
    ) -> Any:
        """What "auto" chooses for some rows, for a meta-estimator around this one."""
        rows, rng = Rows(X, np.asarray(y), sample_weight, groups), new_generator(self.random_state)
        return chosen_word("auto", self._views(rows), rows, rng)

    def _pools(self, X: Any) -> Iterator[Density]:
        """Pools of consecutive rows."""
        X, pool = check_fitted_table(self, X), self._pool()
        for views in densities_by_chunk(self._members(), X):
            yield pool.of_members([views], len(views[0][0]))

    def _members(self) -> list[list[Any]]:
        """Members by view; what the pool has taught comes last."""
        taught = self.taught_estimator_
        return self.estimators_ if taught is None else [*self.estimators_, [taught]]

    def _pool(self) -> Pool:
        taught = self.taught_estimator_
        return Pool.of(self, None if taught is None else shares_for_taught(self.estimators_))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
