"""An ensemble of views and folds whose prediction is one mixture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch, check_consistent_length, gen_batches
from sklearn.utils.validation import check_is_fitted, validate_data

from skmdn._calibration import BACKGROUND_SCALE, Calibration, calibrate, pooling_factor
from skmdn._estimators.folds import order_of, splits, take
from skmdn._estimators.inner_estimators import check_predicts_density
from skmdn._estimators.inputs import (
    check_groups,
    check_table,
    check_targets,
    check_weights,
    new_generator,
    unchanged_on_error,
)
from skmdn._estimators.parameters import (
    MDN_ENSEMBLE_REGRESSOR,
    NamedEstimators,
    check_named_estimators,
    check_parameters,
)
from skmdn._estimators.point_estimates import points, spread_method
from skmdn._network.scaling import location_and_scale
from skmdn._thread_pools import one_thread
from skmdn.ensemble.members import fit_member, unfitted_members, with_estimators
from skmdn.mixture import Mixture
from skmdn.preprocessing import CrossFittedPredictions
from skmdn.regressor import MDNRegressor

_CHUNK_ROWS = 4096


def default_views() -> list[tuple[str, Any]]:
    """Views of the recipe: plain inputs, encoded inputs, and predictions of trees beside them."""
    return [
        ("plain", MDNRegressor(encoding=None, alpha=0.06)),
        ("encoded", MDNRegressor(alpha=0.01)),
        (
            "trees",
            Pipeline([("predictions", CrossFittedPredictions()), ("mdn", MDNRegressor(alpha=0.0))]),
        ),
    ]


class MDNEnsembleRegressor(RegressorMixin, NamedEstimators):
    """Mixture density networks by views and folds, pooled to one mixture.

    Every view (an estimator) is fitted once per fold, on the rows outside it, and validated on the
    fold. So every row has an out-of-fold density from every view; those choose the views' weights,
    a common factor of each view's spreads and one added variance by likelihood. The prediction is
    one `Mixture`: views x folds x components [1]_ [2]_, and one broad background component that
    bounds what a row far from all others can cost.

    Parameters
    ----------
    estimators : list of (str, estimator), default=None
        Views: any regressors whose `predict_proba` gives a `Mixture`, Pipelines included. None
        takes three: an `MDNRegressor` without encoding (``alpha=0.06``), one with (0.01), and one
        that sees the out-of-fold predictions of trees (`CrossFittedPredictions`) too (0).
    cv : int, splitter, iterable or None, default=5
        Folds, which must partition the rows. An integer makes so many shuffled folds, or as many as
        there are rows; where `fit` gets groups, it makes folds that keep them together. None is 5.
    calibrate : bool, default=True
        Whether to fit weights, factors, added variance and background. Otherwise the views have
        equal weights and keep their spreads, and the background has the weight 1e-4.
    n_jobs : int or None, default=None
        Members fitted in parallel. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seeds the folds and the members that have no random state of their own.
    verbose : int, default=0
        Verbosity of joblib.

    Attributes
    ----------
    estimators_ : list of list
        Fitted members, by view and fold.
    view_weights_, view_factors_ : ndarray of shape (V,)
        Weights of the views, and factors of their standard deviations.
    pooling_factor_ : float
        Further factor of all standard deviations in predictions, at most 1: there a view is the
        mean of F members, which needs less spread than the one that predicts a row out of fold.
    noise_ : ndarray of shape (D,)
        Standard deviation added to every component, in units of y.
    background_weight_ : float
        Weight of the background component.
    background_mean_, background_scale_ : ndarray of shape (D,)
        Mean and standard deviation of the background: those of y, the latter three times.
    oof_mixture_ : Mixture
        Out-of-fold densities of the training rows, calibrated: of one member of every view.
    oof_score_ : float
        Their mean log-density of y, weighted.
    n_outputs_ : int
        Number of outputs D.
    y_ndim_ : int
        1 where y was one-dimensional at fit, so that answers have no outputs axis, else 2.
    n_features_in_ : int
        Number of features p.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X had any.

    Notes
    -----
    Whatever a view learns from is cut from a member's training folds: in a Pipeline the
    transformers are fitted on them, transform the validation fold, and the last step is fitted with
    that as `X_val`. A view whose `fit` has no `X_val` just fits. `CrossFittedPredictions` as the
    first step, with ``cv=None``, are fitted for all members at once, one model per pair of folds,
    where there are four to six folds, each member trains on all rows outside its own, and the
    transformer gives arrays. Either way nothing of its own fold reaches a member.

    Out of fold, a row has one member of every view; a prediction pools F of each, whose errors
    partly cancel, and needs less spread. How much less is inferred from how far the views' spreads
    could shrink when they were pooled (`pooling_factor_`).

    A pickle of the default views holds their trees: 20 to 25 kB for every row of up to 40,000, and
    no more beyond; `joblib.dump` with ``compress=3`` takes a third of that.

    Weights and groups go to whatever takes them; requests of scikit-learn's metadata routing are
    not looked at. An interrupt from the keyboard ends the training of one member, as it ends that
    of an `MDNRegressor`; the others go on.

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
    >>> model.predict_proba(X[:3]).n_components  # 1 view, 2 folds, 2 components and the background
    5
    """

    def __init__(
        self,
        estimators: list[tuple[str, Any]] | None = None,
        *,
        cv: Any = 5,
        calibrate: bool = True,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimators = estimators
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
        X : array-like or DataFrame of n rows
            What the views accept.
        y : array-like of shape (n,) or (n, D)
            Targets.
        sample_weight : array-like of shape (n,), default=None
            Non-negative weights, for members and calibration.
        groups : array-like of shape (n,), default=None
            For the splitter, and for transformers of a view whose `fit` takes them. An integer
            `cv` keeps groups together.

        Returns
        -------
        self : MDNEnsembleRegressor

        Raises
        ------
        ValueError
            If a constructor value or an argument is not as described, or `cv` does not partition
            the rows. The estimator is then what it was before the call.
        TypeError
            If a view has no `predict_proba`, or one that gives no Mixture.
        """
        with unchanged_on_error(self):
            check_parameters(self, MDN_ENSEMBLE_REGRESSOR)
            check_named_estimators(self)
            X, y = validate_data(self, X, y, skip_check_array=True)
            targets, self.y_ndim_ = check_targets(y, "y")
            X = check_table(X)
            check_consistent_length(X, targets)
            views = default_views() if self.estimators is None else self.estimators
            for name, view in views:
                check_predicts_density(view, f"estimators: view {name!r}")
            least = 3 if self.estimators is None else 2  # trees are cross-fitted within a member
            if len(targets) < least:
                raise ValueError(
                    f"X: expected at least {least} rows for folds of these views, "
                    f"got n_samples = {len(targets)}."
                )
            weights = check_weights(sample_weight, len(targets), "sample_weight")
            self._fit(views, X, targets, weights, check_groups(groups, len(targets)))
        return self

    def predict_proba(self, X: ArrayLike) -> Mixture:
        """Predict the density of y for every row: the pool of all members.

        Parameters
        ----------
        X : array-like or DataFrame of n rows
            What the views accept.

        Returns
        -------
        Mixture
            Of V x F x K + 1 components.
        """
        return self._pool(self._check_inputs(X))

    def predict(
        self, X: ArrayLike, return_std: bool = False, return_cov: bool = False
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Predict the mean of every row.

        Parameters
        ----------
        X : array-like or DataFrame of n rows
            What the views accept.
        return_std : bool, default=False
            Whether to return the standard deviation too, in the shape of the mean.
        return_cov : bool, default=False
            Whether to return the covariance between outputs too, ``(n, D, D)``, or the variance
            ``(n,)`` where y was one-dimensional.

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
        return points(self._chunks(X), "mean", spread)

    def sample(self, X: ArrayLike, n_samples: int = 1, random_state: Any = None) -> np.ndarray:
        """Draw from the predicted density of every row.

        Parameters
        ----------
        X : array-like or DataFrame of n rows
            What the views accept.
        n_samples : int, default=1
            Draws S per row.
        random_state : int, RandomState instance, Generator or None, default=None
            None draws fresh entropy.

        Returns
        -------
        ndarray of shape (n, S) or (n, S, D)
        """
        rng = new_generator(random_state)
        return np.concatenate([pool.sample(n_samples, rng) for pool in self._chunks(X)])

    def decompose(self, X: ArrayLike) -> Bunch:
        """Split the predicted variance into noise and doubt.

        By the law of total variance over members: the mean of their variances (aleatoric: what no
        amount of data removes) and the variance of their means (epistemic: where members disagree).
        The background is not a member.

        Parameters
        ----------
        X : array-like or DataFrame of n rows
            What the views accept.

        Returns
        -------
        Bunch
            Arrays `total`, `aleatoric` and `epistemic` of shape (n,) or (n, D), in squared units of
            y; the first is the sum of the others.
        """
        members, weights = self._members(self._check_inputs(X))
        means = np.array([member.mean() for member in members])
        variances = np.array([member.var() for member in members])
        aleatoric = np.average(variances, axis=0, weights=weights)
        centre = np.average(means, axis=0, weights=weights)
        epistemic = np.average((means - centre) ** 2, axis=0, weights=weights)
        return Bunch(total=aleatoric + epistemic, aleatoric=aleatoric, epistemic=epistemic)

    def _fit(
        self,
        views: list[tuple[str, Any]],
        X: Any,
        y: np.ndarray,
        weights: np.ndarray | None,
        groups: np.ndarray | None,
    ) -> None:
        rng = new_generator(self.random_state)
        parts = splits(self.cv, X, y, weights, groups, rng)
        order = order_of([test for _, test in parts], len(y))
        targets = y[:, 0] if self.y_ndim_ == 1 else y
        tasks = [
            (name, member, first, part)
            for name, view in views
            for member, first, part in zip(
                *unfitted_members(view, X, targets, weights, parts, self.n_jobs, rng),
                parts,
                strict=True,
            )
        ]
        results = Parallel(n_jobs=self.n_jobs, verbose=int(self.verbose))(
            delayed(fit_member)(
                name, member, first and first.predictions, X, targets, weights, groups, *part
            )
            for name, member, first, part in tasks
        )
        fitted = [
            (with_estimators(member, first), density)
            for (member, density), (_, _, first, _) in zip(results, tasks, strict=True)
        ]
        F = len(parts)
        groups_of_view = [fitted[i : i + F] for i in range(0, len(fitted), F)]
        self.estimators_ = [[member for member, _ in group] for group in groups_of_view]
        out_of_fold = [
            Mixture.concatenate([density for _, density in group])[order]
            for group in groups_of_view
        ]
        with one_thread():
            self._calibrate(out_of_fold, y, weights, F)
        self.oof_mixture_ = Mixture.pool(
            *self._with_background(self._widened(out_of_fold), self.view_weights_)
        )
        w = np.ones(len(y)) if weights is None else weights
        present = np.flatnonzero(w)
        scores = self.oof_mixture_[present].logpdf(targets[present])
        self.oof_score_ = float(np.average(scores, weights=w[present]))

    def _calibrate(
        self, out_of_fold: list[Mixture], y: np.ndarray, weights: np.ndarray | None, n_folds: int
    ) -> None:
        """Fit weights, factors, noise and background on out-of-fold mixtures."""
        mean, scale = location_and_scale(y, weights)
        scale = np.where(scale > 0, scale, 1.0)
        V = len(out_of_fold)
        found, self.pooling_factor_ = Calibration(np.full(V, 1 / V), np.ones(V), 0.0, 1e-4), 1.0
        if self.calibrate:
            standard = [view.affine(-mean / scale, 1 / scale) for view in out_of_fold]
            z = (y - mean) / scale
            found = calibrate(standard, z, weights, background=True)
            self.pooling_factor_ = pooling_factor(standard, z, weights, found, n_folds)
        self.view_weights_, self.view_factors_ = found.weights, found.factors
        self.noise_, self.background_weight_ = found.noise * scale, found.background
        self.background_mean_, self.background_scale_ = mean, BACKGROUND_SCALE * scale
        self.n_outputs_ = y.shape[1]

    def _check_inputs(self, X: Any) -> Any:
        """Inputs with the features of fit; what they hold is the views' business."""
        check_is_fitted(self)
        X = check_table(X)
        validate_data(self, X, reset=False, skip_check_array=True)
        return X

    def _chunks(self, X: Any) -> Iterator[Mixture]:
        """Pools of consecutive rows."""
        X = self._check_inputs(X)
        for rows in gen_batches(X.shape[0], _CHUNK_ROWS):
            yield self._pool(take(X, np.arange(rows.start, rows.stop)))

    def _pool(self, X: Any) -> Mixture:
        """The pool of members and background."""
        return Mixture.pool(*self._with_background(*self._members(X)))

    def _members(self, X: Any) -> tuple[list[Mixture], np.ndarray]:
        """Calibrated densities of all members, and the members' weights."""
        F = len(self.estimators_[0])
        members = [
            density
            for group in zip(
                *(
                    self._widened(
                        [view[f].predict_proba(X) for view in self.estimators_],
                        self.pooling_factor_,
                    )
                    for f in range(F)
                ),
                strict=True,
            )
            for density in group
        ]
        return members, np.repeat(self.view_weights_ / F, F)

    def _widened(self, densities: list[Mixture], pooling: float = 1.0) -> list[Mixture]:
        """One density per view, with the view's factor, that of pooling, and the noise."""
        return [
            density.widen(factor * pooling, self.noise_)
            for density, factor in zip(densities, self.view_factors_, strict=True)
        ]

    def _with_background(
        self, densities: list[Mixture], weights: np.ndarray
    ) -> tuple[list[Mixture], np.ndarray]:
        """Densities and weights with the background at the end."""
        ones = np.ones((len(densities[0]), 1, self.n_outputs_))
        means, scales = self.background_mean_ * ones, self.background_scale_ * ones
        if self.y_ndim_ == 1:
            means, scales = means[..., 0], scales[..., 0]
        background = Mixture(np.ones((len(ones), 1)), means, scales)
        share = self.background_weight_
        return [*densities, background], np.append((1 - share) * weights, share)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
