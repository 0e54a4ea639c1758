"""The estimator: models, the scores that calibrate them, and the regions that follow."""

from __future__ import annotations

from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin
from sklearn.utils import indexable
from sklearn.utils.validation import check_is_fitted, validate_data

from skmdn._estimators.folds import splits
from skmdn._estimators.inner_estimators import check_predicts_density, density_of, seeded_clone
from skmdn._estimators.inputs import (
    check_table,
    check_targets,
    check_weights,
    new_generator,
    unchanged_on_error,
)
from skmdn._estimators.interrupts import interrupt_ends_all
from skmdn._estimators.parameters import CONFORMAL_MDN_REGRESSOR, check_parameters
from skmdn.conformal.calibration import Calibrated, calibrate, fit_and_calibrate
from skmdn.conformal.scores import (
    central_interval,
    check_coverage,
    hdr_limit,
    hdr_masses,
    marginals,
    tail_limit,
)
from skmdn.conformal.votes import majority_region, median_interval
from skmdn.mixture import Mixture
from skmdn.regressor import MDNRegressor

_PREDICTION_SEED = 2  # another one than the calibration's


class ConformalMDNRegressor(MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    r"""Prediction regions and intervals with guaranteed coverage, from any density regressor.

    Models predict densities; rows that they were not fitted on tell how far out, in its own
    predicted density, an outcome really falls. A region holds the new outcome with the coverage
    asked for, however wrong the densities are; the better they are, the smaller it is. The score of
    an outcome is the mass of the region denser than it (HPD-split [1]_), so that a density with two
    peaks gets two intervals with a gap; for `predict_interval` it is the mass outside the central
    interval that reaches to the outcome [2]_.

    Parameters
    ----------
    estimator : estimator object, default=None
        A regressor whose `predict_proba` gives a :class:`skmdn.Mixture`: an `MDNRegressor`, an
        `MDNEnsembleRegressor`, or a Pipeline or search around one. None is ``MDNRegressor()``.
    cv : int, splitter, iterable of (train, test) or "prefit", default=5
        Which rows fit and which calibrate. An integer makes so many shuffled folds, or as many as
        there are rows. A splitter with one split, ``ShuffleSplit(1, test_size=0.25)``, is split
        conformal prediction. With "prefit" `estimator` is fitted already and `fit` only calibrates,
        on rows that must be new to it; wrap it as ``FrozenEstimator(estimator)`` where this object
        will be cloned.
    n_jobs : int or None, default=None
        Models fitted in parallel. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seeds the folds and those random states inside `estimator` that are None.

    Attributes
    ----------
    estimators_ : list of estimators
        The fitted models, one per split.
    hdr_masses_ : list of ndarray of shape (m,)
        Scores for the regions, ascending, by model; m calibration rows. Near 1 is far out, and
        above 1 what is farther than all draws from a density of several outputs.
    tail_masses_ : list of ndarray of shape (m, D)
        Scores for the intervals, ascending by output, by model. Near 0 is far out.
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
    **What is guaranteed.** Let calibration rows and a new row be exchangeable: independent draws
    from one population, say, with no drift, and no groups or times that tie some rows together.
    Then, whatever model, sample size and population,

    - one model ("prefit", or one split): :math:`P(y \in C(x)) \ge` `coverage`, and at most
      `coverage` + 1 / (m + 1) where no scores tie [3]_;
    - several models: :math:`P(y \in C(x)) \ge 1 - 2 (1 -` `coverage` :math:`)`.

    One model's region is the highest-density region at the ``ceil((m + 1) coverage)``-th smallest
    of its m scores. With several models every model makes its own, and C(x) is what at least half
    of them contain [4]_. That misses only if more than half of the models' regions miss, each of
    which does so with probability at most 1 - `coverage`; Markov's inequality gives the factor of
    two. In practice coverage is close to `coverage`, and usually above it.

    **What is not.** Coverage is marginal: an average over x and over calibration sets. Some kinds
    of rows may be covered less, and one calibration set with m rows is off by about
    ``sqrt(coverage (1 - coverage) / m)``. A model with ``m < coverage / (1 - coverage)``
    calibration rows cannot exclude anything: its region is the whole line, ``(-inf, inf)``. With
    five folds a coverage of 0.9 needs 45 rows in all, and 0.99 needs 495. The whole line it also
    is where more than a share 1 - `coverage` of the outcomes lie so far out that the mass beyond
    them is less than doubles resolve: eight standard deviations for a region. The vote of several
    models may leave gaps, and even nothing, where they contradict each other.

    **Which model predicts.** `predict_proba` is the pool of all models, with equal weights, and
    `predict` the mean of their predictions; no model is fitted on all rows, as none would have rows
    left to calibrate it.

    **Several outputs.** A region has no list of intervals, but `contains` tells whether it holds
    given outcomes. Scores are then Monte Carlo estimates (see `Mixture.hdr_mass`), with other draws
    for new rows than for calibration rows, which leaves the guarantee untouched; outcomes beyond
    all draws are told apart by their density.

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
    >>> model.predict_interval([[0.0]], coverage=0.8).round()
    array([[-3.,  3.]])
    >>> model.predict_region([[0.0]], coverage=0.8).round()
    array([[[-3., -3.],
            [ 3.,  3.]]])
    """

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
        """Fit the models, and score the rows that each was not fitted on.

        Parameters
        ----------
        X : array-like or DataFrame of n rows
            What `estimator` accepts.
        y : array-like of shape (n,) or (n, D)
            Targets.
        sample_weight : array-like of shape (n,), default=None
            Non-negative weights for the models' `fit`. The calibration counts every row once, as
            the guarantee is about rows like the new ones; rows of weight zero take no part in it.
        groups : array-like of shape (n,), default=None
            For the splitter. Rows of one group are not exchangeable: split by groups the coverage
            is approximate.

        Returns
        -------
        self : ConformalMDNRegressor

        Raises
        ------
        ValueError
            If a constructor value or an argument is not as described. The estimator is then what it
            was before the call.
        TypeError
            If `predict_proba` gives no Mixture.
        """
        with unchanged_on_error(self), interrupt_ends_all():
            self._check_constructor()
            X, y = validate_data(self, check_table(X), y, skip_check_array=True)
            targets, self.y_ndim_ = check_targets(y, "y")
            X, targets = indexable(X, targets)
            weights = check_weights(sample_weight, len(targets), "sample_weight")
            self.n_outputs_ = targets.shape[1]
            calibrated = self._calibrated_models(
                X, targets[:, 0] if self.y_ndim_ == 1 else targets, weights, groups
            )
            self.estimators_ = [part.model for part in calibrated]
            self.hdr_masses_ = [np.sort(part.hdr_masses) for part in calibrated]
            self.tail_masses_ = [np.sort(part.tail_masses, axis=0) for part in calibrated]
        return self

    def predict_proba(self, X: ArrayLike) -> Mixture:
        """Predict the density of y for every row: the pool of the models, not recalibrated.

        Parameters
        ----------
        X : array-like or DataFrame of n rows
            What `estimator` accepts.

        Returns
        -------
        Mixture
            n mixtures; of as many components as the models have together.
        """
        densities = self._densities(X)
        return Mixture.pool(densities) if len(densities) > 1 else densities[0]

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
        self._check_inputs(X)
        return np.asarray(np.mean([model.predict(X) for model in self.estimators_], axis=0))

    def predict_interval(self, X: ArrayLike, coverage: float = 0.9) -> np.ndarray:
        """Predict one interval per row that holds the outcome with the coverage asked for.

        One model: the central interval at the calibrated level. Several: from the median of their
        lower ends to the median of their upper ends (of an even number the outer of the two middle
        ends), which holds all that at least half of them contain.

        Parameters
        ----------
        X : array-like or DataFrame of n rows
            What `estimator` accepts.
        coverage : float, default=0.9
            Strictly between 0 and 1. The class notes say what is guaranteed.

        Returns
        -------
        ndarray of shape (n, 2) or (n, 2, D)
            Lower and upper ends. With several outputs each has the coverage by itself, not jointly.

        Raises
        ------
        ValueError
            If `coverage` is not as described.
        """
        coverage = check_coverage(coverage)
        intervals = [
            central_interval(density, tail_limit(tails, coverage))
            for density, tails in zip(self._densities(X), self.tail_masses_, strict=True)
        ]
        interval = median_interval(np.array(intervals))
        return interval[..., 0] if self.y_ndim_ == 1 else interval

    def predict_region(self, X: ArrayLike, coverage: float = 0.9) -> np.ndarray:
        """Predict the region that holds the outcome with the coverage asked for, as intervals.

        Parameters
        ----------
        X : array-like or DataFrame of n rows
            What `estimator` accepts.
        coverage : float, default=0.9
            Strictly between 0 and 1. The class notes say what is guaranteed.

        Returns
        -------
        ndarray of shape (n, J, 2)
            Lower and upper ends of disjoint intervals in ascending order; J is the largest number
            of any row, the others are padded with NaN. Where y was a column, (n, J, 2, 1).

        Raises
        ------
        ValueError
            If there are several outputs, or `coverage` is not as described.
        """
        coverage = check_coverage(coverage)
        check_is_fitted(self)
        if self.n_outputs_ > 1:
            raise ValueError(
                f"predict_region: expected one output, got {self.n_outputs_}, whose region is no "
                "list of intervals; use contains(X, y, coverage)."
            )
        regions = [
            marginals(density)[0].hdr(min(hdr_limit(masses, coverage), 1.0))
            for density, masses in zip(self._densities(X), self.hdr_masses_, strict=True)
        ]
        region = majority_region(regions)
        return region if self.y_ndim_ == 1 else region[..., np.newaxis]

    def contains(self, X: ArrayLike, y: ArrayLike, coverage: float = 0.9) -> np.ndarray:
        """Tell whether the regions of the rows hold given outcomes, for any number of outputs.

        Parameters
        ----------
        X : array-like or DataFrame of n rows
            What `estimator` accepts.
        y : array-like of shape (n,) or (n, D)
            Outcomes.
        coverage : float, default=0.9
            Strictly between 0 and 1. The class notes say what is guaranteed.

        Returns
        -------
        ndarray of bool of shape (n,)
            True where at least half of the models' regions hold y. With several outputs how far out
            an outcome falls is estimated from 1000 draws, whose standard error is at most 0.016:
            close to the edge the answer may depend on the rows asked for with it.

        Raises
        ------
        ValueError
            If shapes disagree or `coverage` is not as described.
        """
        coverage = check_coverage(coverage)
        densities = self._densities(X)
        outcomes = self._check_outcomes(y, len(densities[0]))
        votes = [
            hdr_masses(density, outcomes, _PREDICTION_SEED) <= hdr_limit(masses, coverage)
            for density, masses in zip(densities, self.hdr_masses_, strict=True)
        ]
        return np.asarray(2 * np.sum(votes, axis=0) >= len(votes))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _check_constructor(self) -> None:
        check_parameters(self, CONFORMAL_MDN_REGRESSOR)
        if self.cv == "prefit" and self.estimator is None:
            raise ValueError("cv='prefit' expects a fitted estimator; got None.")
        if self.estimator is not None:
            check_predicts_density(self.estimator)

    def _calibrated_models(
        self, X: Any, y: np.ndarray, weights: np.ndarray | None, groups: ArrayLike | None
    ) -> list[Calibrated]:
        """Fitted models, each with the scores of rows that it was not fitted on."""
        if self.cv == "prefit":
            check_is_fitted(self.estimator)
            return [calibrate(self.estimator, X, y, weights, np.arange(len(y)))]
        if len(y) < 2:
            raise ValueError(
                "X: expected at least 2 rows, to fit on and to calibrate on, got 1 sample."
            )
        rng = new_generator(self.random_state)
        estimator = MDNRegressor() if self.estimator is None else self.estimator
        return Parallel(n_jobs=self.n_jobs)(
            delayed(fit_and_calibrate)(
                seeded_clone(estimator, int(rng.integers(2**31))), X, y, weights, train, test
            )
            for train, test in splits(self.cv, X, y, weights, groups, rng)
        )

    def _densities(self, X: Any) -> list[Mixture]:
        """The models' densities."""
        self._check_inputs(X)
        with np.errstate(under="ignore"):
            return [density_of(model, X) for model in self.estimators_]

    def _check_inputs(self, X: Any) -> None:
        check_is_fitted(self)
        X = check_table(X)
        validate_data(self, X, reset=False, skip_check_array=True)

    def _check_outcomes(self, y: ArrayLike, n_rows: int) -> np.ndarray:
        """One outcome per row, in the form of the targets of fit."""
        outcomes, _ = check_targets(y, "y")
        expected = (n_rows,) if self.y_ndim_ == 1 else (n_rows, self.n_outputs_)
        if np.shape(y) != expected:
            raise ValueError(f"y: expected shape {expected}, got {np.shape(y)}.")
        return outcomes.reshape(expected)
