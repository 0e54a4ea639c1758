"""ConformalMDNRegressor: calibrated prediction intervals and regions."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.utils import indexable
from sklearn.utils.validation import check_is_fitted, validate_data

from skmdn._estimators.atomic_fit import unchanged_on_error
from skmdn._estimators.inner_estimators import check_predicts_density, density_of, takes_gaps
from skmdn._estimators.inputs import (
    check_fitted_table,
    check_groups,
    check_table,
    check_targets,
    check_weights,
)
from skmdn._estimators.interrupts import interrupt_ends_all
from skmdn._estimators.parameters import CONFORMAL_MDN_REGRESSOR, check_parameters
from skmdn._estimators.r2_score import ScoredRegressor
from skmdn._estimators.random_state import new_generator
from skmdn._estimators.rows import Rows
from skmdn.conformal.calibration import calibrated_models, is_prefit
from skmdn.conformal.limits import check_level, hdr_limits, tail_limits
from skmdn.conformal.outcomes import check_one_output, check_outcomes
from skmdn.conformal.scores import central_interval, hdr, hdr_masses
from skmdn.conformal.votes import majority_region, median_interval
from skmdn.mixture.joining import Density, pool
from skmdn.regressor import MDNRegressor

_PREDICTION_SEED = 2  # differs from the calibration's


class ConformalMDNRegressor(MetaEstimatorMixin, ScoredRegressor, BaseEstimator):
    r"""Prediction regions and intervals with guaranteed coverage, from any density regressor.

    Models predict densities. Each model is calibrated on rows that it was not fitted on: a score
    says how far out an outcome lies in its predicted density, and the quantile of these scores
    limits the regions of new rows. The coverage holds even if the densities are wrong; better
    densities make the regions smaller. The score of an outcome is the mass of the region denser
    than it (HPD-split [1]_), so that a density with two peaks gets two intervals with a gap. For
    `predict_interval` it is the mass outside the central interval that reaches to the outcome [2]_.

    Parameters
    ----------
    estimator : estimator object, default=None
        A regressor whose `predict_proba` gives a :class:`skmdn.Mixture` or `TargetMixture`: an
        `MDNRegressor`, an `MDNEnsembleRegressor`, or a Pipeline or search around one. None is
        ``MDNRegressor()``. In place of "auto" for `target_transform` and `target_atoms`, several
        models have what is chosen once on all rows.
    cv : int, splitter, iterable of (train, test), "last" or "prefit", default=5
        Which rows fit the models and which calibrate them. An integer is a number of folds, at most
        one per row: of runs of consecutive rows if these are alike, as in a series, else shuffled
        (see `MDNEnsembleRegressor`); with `groups`, of whole groups. If there are several splits,
        every row must be in exactly one test part. One split, such as ``ShuffleSplit(1)``, is split
        conformal prediction. "last" is for rows in time order: the last fifth, or about so many
        rows of the last groups, calibrates a model fitted on the others. With "prefit", `estimator`
        is fitted already and `fit` only calibrates it, on new rows; pass
        ``FrozenEstimator(estimator)`` if this object is cloned.
    n_jobs : int or None, default=None
        Number of models fitted in parallel. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seeds the folds, and the random states inside `estimator` that are None.

    Attributes
    ----------
    estimators_ : list of estimators
        The fitted models, one per split.
    hdr_masses_ : list of ndarray of shape (m,)
        Scores for the regions, one ascending array per model with m calibration rows. A score near
        1 is far out. With several outputs, a score above 1 is farther out than all draws.
    tail_masses_ : list of ndarray of shape (m, D)
        Scores for the intervals, one array per model, ascending in each output. A score near 0 is
        far out.
    folds_ : {"shuffled", "copies", "blocks", "groups", "splitter", "last", "prefit"}
        How the rows were split; "blocks" are runs of consecutive rows, and "copies" of a row stay
        together.
    dependence_p_value_ : float or None
        P-value of the test whether consecutive rows are alike; None if it was not asked.
    n_outputs_ : int
        Number of outputs D.
    y_ndim_ : int
        1 if y was one-dimensional in `fit`, so that answers have no outputs axis, else 2.
    n_features_in_ : int
        Number of features p.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had any.

    Notes
    -----
    **What is guaranteed.** Let the calibration rows and a new row be exchangeable, for example
    independent draws from one population. Then, whatever the model, sample size and population,

    - with one model (one split, or "prefit"), :math:`P(y \in C(x)) \ge` `level`, and at most
      `level` + 1 / (m + 1) if no scores tie [3]_;
    - with several models, :math:`P(y \in C(x)) \ge 1 - 2 (1 -` `level` :math:`)`.

    One model's region is the highest-density region up to the ``ceil((m + 1) level)``-th smallest
    of its m scores. Of several models each has its own region, and C(x) is what at least half of
    them contain [4]_. It misses an outcome only if more than half of the regions do. Each does so
    with a probability of at most 1 - `level`, and Markov's inequality gives the factor of two. In
    practice the coverage is close to `level` for an odd number of models. It is above for an even
    one, as half of them are enough.

    **What is not.** Coverage is an average over x and over calibration sets. Some kinds of rows may
    be covered less often, and with one calibration set of m rows the coverage is off by about
    ``sqrt(level (1 - level) / m)``. With several models, "auto" for `target_transform` is a
    choice among few maps in which calibration rows take part; the guarantee is then not exact.

    **Infinite answers.** A model with ``m < level / (1 - level)`` calibration rows cannot exclude
    anything: its region is the whole line, ``(-inf, inf)``. A warning says so if half of the models
    have too few. With five folds, a level of 0.9 needs 43 rows in all, and 0.99 needs 493. The
    region is also the whole line if more than a fraction 1 - `level` of the outcomes lie so far out
    that double precision cannot resolve the mass beyond them, about eight standard deviations. The
    vote of several models may leave gaps, or nothing, where the models contradict each other.

    **Rows in time order.** Folds of an integer `cv` let models learn from the future, even if they
    are runs of consecutive rows, whose ends also have neighbours that train. ``cv="last"``
    keeps the guarantee of one model if, given the model, the scores of the last fifth and of the
    new row are exchangeable, for example independent with one distribution. X may hold past values
    of y. In a stationary series whose dependence fades, coverage falls short of `level` by a term
    that vanishes as m grows [5]_. Under drift it falls short by at most the mean, over calibration
    rows, of the total variation distance between the scores and the scores with that row and the
    new one exchanged [6]_. To choose the block yourself, pass one split, as in
    ``cv=[(first_rows, last_rows)]``. The splits of a ``TimeSeriesSplit`` are refused together, as
    models of the first few rows would count as much as the last one.

    **Which model predicts.** `predict_proba` pools all models with equal weights; it is not
    recalibrated, and scorers and `calibration_report` judge it, not the regions. `predict` is
    the mean of their predictions. No model is fitted on all rows, because no rows would be left to
    calibrate it.

    **Several outputs.** A region is not a list of intervals, but `contains` tells whether it holds
    given outcomes. Scores are Monte Carlo estimates (see `Mixture.hdr_mass`). New rows use other
    draws than calibration rows, so that the guarantee holds. Outcomes beyond all draws are ranked
    by their density.

    References
    ----------
    .. [1] R. Izbicki, G. Shimizu and R. B. Stern, "CD-split and HPD-split: efficient conformal
       regions in high dimensions", Journal of Machine Learning Research 23 (2022).
    .. [2] V. Chernozhukov, K. Wüthrich and Y. Zhu, "Distributional conformal prediction",
       Proceedings of the National Academy of Sciences 118 (2021).
    .. [3] J. Lei, M. G'Sell, A. Rinaldo, R. J. Tibshirani and L. Wasserman, "Distribution-free
       predictive inference for regression", J. Am. Stat. Assoc. 113 (2018).
    .. [4] M. Gasparin and A. Ramdas, "Merging uncertainty sets via majority vote",
       arXiv:2401.09379 (2024).
    .. [5] R. I. Oliveira, P. Orenstein, T. Ramos and J. V. Romano, "Split conformal prediction and
       non-exchangeable data", Journal of Machine Learning Research 25 (2024).
    .. [6] R. F. Barber, E. J. Candès, A. Ramdas and R. J. Tibshirani, "Conformal prediction beyond
       exchangeability", Annals of Statistics 51 (2023).

    Examples
    --------
    >>> import numpy as np
    >>> from skmdn import MDNRegressor
    >>> from skmdn.conformal import ConformalMDNRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, (300, 1))
    >>> y = rng.choice([-3.0, 3.0], 300) + 0.1 * rng.normal(size=300)  # two answers
    >>> network = MDNRegressor(n_components=2, max_iter=40)
    >>> model = ConformalMDNRegressor(network, cv=3, random_state=0).fit(X, y)
    >>> model.predict_interval([[0.0]], level=0.8).round()
    array([[-3.,  3.]])
    >>> model.predict_region([[0.0]], level=0.8).round()
    array([[[-3., -3.],
            [ 3.,  3.]]])

    A series in which each value depends on the one before, calibrated on its last fifth:

    >>> series = np.zeros(301)
    >>> for t in range(300):
    ...     series[t + 1] = 0.8 * series[t] + rng.normal()
    >>> model = ConformalMDNRegressor(network, cv="last").fit(series[:-1, None], series[1:])
    >>> len(model.hdr_masses_[0])
    60
    """

    __metadata_request__fit: ClassVar[dict[str, bool]] = {"groups": True}

    def __init__(
        self,
        estimator: Any = None,
        *,
        cv: Any = 5,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.cv = cv
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
    ) -> ConformalMDNRegressor:
        """Fit the models, and calibrate each on rows that it was not fitted on.

        Parameters
        ----------
        X : array-like or DataFrame of n rows
            What `estimator` accepts.
        y : array-like of shape (n,) or (n, D)
            Targets.
        sample_weight : array-like of shape (n,), default=None
            Non-negative weights for the models' `fit`. The calibration counts every row once, and
            leaves out rows of weight zero.
        groups : array-like of shape (n,), default=None
            Group of every row, for the folds and, if several are left, for the `fit` of `estimator`
            if it takes groups. Rows of a group are not exchangeable: the coverage is approximate.

        Returns
        -------
        self : ConformalMDNRegressor

        Raises
        ------
        ValueError
            If a constructor value or an argument is not as described, or several splits of `cv` do
            not put every row into exactly one test part. The estimator is then what it was before
            the call.
        TypeError
            If `predict_proba` returns neither a Mixture nor a TargetMixture.
        """
        with unchanged_on_error(self), interrupt_ends_all():
            self._check_constructor()
            X, y = validate_data(self, check_table(X), y, skip_check_array=True)
            targets, self.y_ndim_ = check_targets(y, "y")
            X, targets = indexable(X, targets)
            weights = check_weights(sample_weight, len(targets), "sample_weight")
            self.n_outputs_ = targets.shape[1]
            y_rows = targets[:, 0] if self.y_ndim_ == 1 else targets
            calibrated, self.folds_, self.dependence_p_value_ = calibrated_models(
                MDNRegressor() if self.estimator is None else self.estimator,
                Rows(X, y_rows, weights, check_groups(groups, len(targets))),
                cv=self.cv,
                n_jobs=self.n_jobs,
                rng=new_generator(self.random_state),
            )
            self.estimators_ = [part.model for part in calibrated]
            self.hdr_masses_ = [np.sort(part.hdr_masses) for part in calibrated]
            self.tail_masses_ = [np.sort(part.tail_masses, axis=0) for part in calibrated]
        return self

    def predict_proba(self, X: ArrayLike) -> Density:
        """Predict the density of y for every row: the models' pool, which is not recalibrated.

        Parameters
        ----------
        X : array-like or DataFrame of n rows
            What `estimator` accepts.

        Returns
        -------
        Mixture or TargetMixture
            n mixtures, with the components of all models.
        """
        densities = self._densities(X)
        return pool(densities) if len(densities) > 1 else densities[0]

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Predict a point for every row: the mean of the models' predictions.

        Parameters
        ----------
        X : array-like or DataFrame of n rows
            What `estimator` accepts.

        Returns
        -------
        ndarray of shape (n,) or (n, D)
        """
        rows = check_fitted_table(self, X)
        points = [model.predict(rows) for model in self.estimators_]
        with np.errstate(under="ignore", over="ignore"):
            return np.asarray(np.mean(points, axis=0))

    def predict_interval(self, X: ArrayLike, level: float = 0.9) -> np.ndarray:
        """Predict one interval per row that holds the outcome with probability `level`.

        With one model this is the central interval at the calibrated level. With several models it
        goes from the median of their lower ends to the median of their upper ends (the outer one of
        two middle ends), and so contains every point that at least half of their intervals contain.

        Parameters
        ----------
        X : array-like or DataFrame of n rows
            What `estimator` accepts.
        level : float, default=0.9
            Strictly between 0 and 1. The class notes state the guarantee and its limits.

        Returns
        -------
        ndarray of shape (n, 2) or (n, 2, D)
            Lower and upper ends. With several outputs, the coverage is that of each output alone.

        Raises
        ------
        ValueError
            If `level` is not as described.
        """
        level = check_level(level)
        densities, limits = self._densities(X), tail_limits(self.tail_masses_, level)
        intervals = [
            central_interval(density, limit)
            for density, limit in zip(densities, limits, strict=True)
        ]
        interval = median_interval(np.array(intervals))
        return interval[..., 0] if self.y_ndim_ == 1 else interval

    def predict_region(self, X: ArrayLike, level: float = 0.9) -> np.ndarray:
        """Predict the region that holds the outcome with probability `level`, as intervals.

        Parameters
        ----------
        X : array-like or DataFrame of n rows
            What `estimator` accepts.
        level : float, default=0.9
            Strictly between 0 and 1. The class notes state the guarantee and its limits.

        Returns
        -------
        ndarray of shape (n, J, 2)
            Lower and upper ends of disjoint intervals in ascending order. J is the largest number
            of intervals of any row; rows with fewer end in NaN. (n, J, 2, 1) if y was a column.

        Raises
        ------
        ValueError
            If there are several outputs, or `level` is not as described.
        """
        level = check_level(level)
        check_is_fitted(self)
        check_one_output(self.n_outputs_)
        densities, limits = self._densities(X), hdr_limits(self.hdr_masses_, level, self.n_outputs_)
        regions = [hdr(density, limit) for density, limit in zip(densities, limits, strict=True)]
        region = majority_region(regions)
        return region if self.y_ndim_ == 1 else region[..., np.newaxis]

    def contains(self, X: ArrayLike, y: ArrayLike, level: float = 0.9) -> np.ndarray:
        """Tell whether the regions of the rows hold given outcomes, for any number of outputs.

        Parameters
        ----------
        X : array-like or DataFrame of n rows
            What `estimator` accepts.
        y : array-like of shape (n,) or (n, D)
            Outcomes.
        level : float, default=0.9
            Strictly between 0 and 1. The class notes state the guarantee and its limits.

        Returns
        -------
        ndarray of bool of shape (n,)
            True where at least half of the models' regions contain y. With several outputs the
            scores are estimated from 1000 draws, with a standard error of at most 0.016. Close to
            the edge, the answer for a row may then depend on the other rows of X.

        Raises
        ------
        ValueError
            If shapes disagree or `level` is not as described.
        """
        level = check_level(level)
        densities = self._densities(X)
        outcomes = check_outcomes(y, len(densities[0]), self.n_outputs_, self.y_ndim_)
        limits = hdr_limits(self.hdr_masses_, level, self.n_outputs_)
        votes = [
            hdr_masses(density, outcomes, _PREDICTION_SEED) <= limit
            for density, limit in zip(densities, limits, strict=True)
        ]
        return np.asarray(2 * np.sum(votes, axis=0) >= len(votes))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.input_tags.allow_nan = self.estimator is None or takes_gaps(self.estimator)
        return tags

    def _check_constructor(self) -> None:
        check_parameters(self, CONFORMAL_MDN_REGRESSOR)
        if is_prefit(self.cv) and self.estimator is None:
            raise ValueError("cv='prefit' expects a fitted estimator; got None.")
        if self.estimator is not None:
            check_predicts_density(self.estimator)

    def _densities(self, X: Any) -> list[Density]:
        """The models' densities."""
        rows = check_fitted_table(self, X)
        with np.errstate(under="ignore"):
            return [density_of(model, rows) for model in self.estimators_]
