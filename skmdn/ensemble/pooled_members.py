"""Networks of the same kind, fitted elsewhere, whose prediction is one density."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length, gen_batches
from sklearn.utils.validation import check_is_fitted

from skmdn._calibration import calibrate
from skmdn._estimators.folds import take
from skmdn._estimators.inputs import check_fitted_table, check_targets, relative_weights
from skmdn._estimators.observations import Observations
from skmdn._estimators.parameters import POOLED_MDN_REGRESSOR, check_parameters
from skmdn._estimators.point_estimates import points, spread_method
from skmdn._estimators.r2_score import ScoredRegressor
from skmdn._estimators.target_atoms import at_atoms
from skmdn._estimators.target_maps import behind_maps
from skmdn.ensemble.mapped_targets import as_maps, base_of
from skmdn.mixture import Mixture, TargetMixture
from skmdn.mixture.arguments import as_generator
from skmdn.mixture.bounding import bounded
from skmdn.mixture.joining import Density, pool
from skmdn.mixture.sampling import CHUNK_ROWS
from skmdn.regressor import MDNRegressor


class PooledMDNRegressor(ScoredRegressor, BaseEstimator):
    """Fitted members of `DaskMDNRegressor`, pooled to one density; it needs no Dask.

    The density is the mean of the members' densities, whose covariances all become
    ``a**2 Sigma + b**2 I``, with a and b calibrated on rows that no member trained on.

    Parameters
    ----------
    point_estimate : {"mean", "median", "mode"}, default="mean"
        What `predict` returns.

    Attributes
    ----------
    estimators_ : list of MDNRegressor
        The members.
    spread_factor_ : float
        The calibration's a; 1 without one.
    spread_noise_ : ndarray of shape (D,)
        The calibration's b, in units of the targets behind their maps; 0 without one.
    target_transform_, target_atoms_
        As of `MDNRegressor`; all members have the same.
    target_range_ : ndarray of shape (D, 2) or None
        As of `MDNRegressor`, of all members together.
    n_outputs_ : int
        Number of outputs D.
    y_ndim_ : int
        1 if y was one-dimensional at fit, else 2.
    n_features_in_ : int
        Number of features p.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had any.

    Examples
    --------
    >>> import numpy as np
    >>> from skmdn import MDNRegressor
    >>> from skmdn.ensemble import PooledMDNRegressor
    >>> X = np.linspace(-1, 1, 100)[:, None]
    >>> settings = {"n_components": 2, "max_iter": 5, "alpha": 0.04, "encoding": None}
    >>> members = [MDNRegressor(random_state=m, **settings).fit(X, X[:, 0]) for m in range(3)]
    >>> PooledMDNRegressor.of(members).predict_proba(X).n_components
    6
    """

    def __init__(self, *, point_estimate: str = "mean") -> None:
        self.point_estimate = point_estimate

    @classmethod
    def of(cls, members: Sequence[MDNRegressor]) -> PooledMDNRegressor:
        """Pool fitted members of the same map and atoms, and leave spreads as they are.

        Parameters
        ----------
        members : list of MDNRegressor
            Fitted to the same features and outputs.

        Returns
        -------
        PooledMDNRegressor

        Raises
        ------
        ValueError
            If there are no members, or if they differ in their features, outputs, map or atoms.
        """
        if len(members) == 0:
            raise ValueError("members: expected at least one fitted MDNRegressor, got none.")
        for member in members:
            check_is_fitted(member)
        first = members[0]
        if any(_form(member) != _form(first) for member in members):
            raise ValueError(
                "members: expected the same features, outputs, map and atoms in all of them, got "
                f"{' and '.join(sorted({str(_form(member)) for member in members}))}."
            )
        pooled = cls(point_estimate=first.point_estimate)
        pooled.estimators_ = list(members)
        pooled.spread_factor_, pooled.spread_noise_ = 1.0, np.zeros(first.n_outputs_)
        pooled.target_transform_ = first.target_transform_
        pooled.target_atoms_ = first.target_atoms_
        pooled.target_range_ = _joint_range([member.target_range_ for member in members])
        pooled.n_outputs_, pooled.y_ndim_ = first.n_outputs_, first.y_ndim_
        pooled.n_features_in_ = first.n_features_in_
        if hasattr(first, "feature_names_in_"):
            pooled.feature_names_in_ = first.feature_names_in_
        return pooled

    @classmethod
    def calibrated(
        cls,
        members: Sequence[MDNRegressor],
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> PooledMDNRegressor:
        """Pool fitted members, and fit the spreads of the pool to rows that did not train.

        Parameters
        ----------
        members : list of MDNRegressor
            As of `of`.
        X, y, sample_weight : array-like
            The rows.

        Returns
        -------
        PooledMDNRegressor

        Raises
        ------
        ValueError
            As of `of`, or if the rows are not as the members had them in fit.
        """
        pooled = cls.of(members)
        X = check_fitted_table(pooled, X)
        targets, y_ndim = check_targets(y, "y")
        check_consistent_length(X, targets)
        if (y_ndim, targets.shape[1]) != (pooled.y_ndim_, pooled.n_outputs_):
            raise ValueError(
                f"y: expected {pooled.n_outputs_} outputs in {pooled.y_ndim_} axes, as the members "
                f"had in fit; got shape {np.shape(y)}."
            )
        weights = relative_weights(sample_weight, len(targets), "sample_weight")
        data = Observations.of(np.empty((len(targets), 0)), targets, weights, y_ndim)
        data = behind_maps(at_atoms(data, pooled.target_atoms_), as_maps(pooled.target_transform_))
        rows = data.off_atoms().rows
        if len(rows) > 0:
            mean, scale = members[0].y_mean_, members[0].y_scale_
            base = base_of(pooled._pool(take(X, rows))).affine(-mean / scale, 1 / scale)
            w = None if weights is None else weights[rows]
            found = calibrate([base], (data.y[rows] - mean) / scale, w)
            pooled.spread_factor_ = float(found.factors[0])
            pooled.spread_noise_ = found.noise * scale
        return pooled

    def fit(self, X: Any, y: Any) -> PooledMDNRegressor:
        """Refuse: members are fitted elsewhere.

        Parameters
        ----------
        X, y : object
            Anything.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError(
            "PooledMDNRegressor holds fitted members. Fit skmdn.dask.DaskMDNRegressor, or on one "
            "machine MDNRegressor or MDNEnsembleRegressor."
        )

    def predict_proba(self, X: ArrayLike) -> Density:
        """Predict the density of y for every row: the pool of all members.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, p)
            Inputs with the features of fit; gaps are allowed.

        Returns
        -------
        Mixture or TargetMixture
            Of M x K components.
        """
        return self._widened(self._pool(check_fitted_table(self, X)))

    def predict(
        self, X: ArrayLike, return_std: bool = False, return_cov: bool = False
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Predict a point for every row, as `point_estimate` says.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, p)
            Inputs with the features of fit.
        return_std, return_cov : bool, default=False
            As of `MDNRegressor.predict`.

        Returns
        -------
        point : ndarray of shape (n,) or (n, D)
        spread : ndarray
            Only with `return_std` or `return_cov`.
        """
        check_parameters(self, POOLED_MDN_REGRESSOR)
        spread = spread_method(return_std=return_std, return_cov=return_cov)
        return points(self._chunks(X), self.point_estimate, spread)

    def sample(self, X: ArrayLike, n_samples: int = 1, random_state: Any = None) -> np.ndarray:
        """Draw from the predicted density of every row.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, p)
            Inputs with the features of fit.
        n_samples : int, default=1
            Draws S per row.
        random_state : int, RandomState instance, Generator or None, default=None
            None draws fresh entropy.

        Returns
        -------
        ndarray of shape (n, S) or (n, S, D)
        """
        rng = as_generator(random_state)
        return np.concatenate([chunk.sample(n_samples, rng) for chunk in self._chunks(X)])

    def _chunks(self, X: Any) -> Iterator[Density]:
        """Densities of consecutive rows."""
        X = check_fitted_table(self, X)
        for rows in gen_batches(X.shape[0], CHUNK_ROWS):
            chunk = take(X, np.arange(rows.start, rows.stop))
            yield self._widened(self._pool(chunk))

    def _pool(self, X: Any) -> Density:
        """The pool as the members predict it."""
        check_is_fitted(self)
        return pool([member.predict_proba(X) for member in self.estimators_])

    def _widened(self, density: Density) -> Density:
        """The pool with its calibrated spreads, behind a map within the bounds of the members."""
        if self.spread_factor_ == 1.0 and not self.spread_noise_.any():
            return density
        base = base_of(density).widen(self.spread_factor_, self.spread_noise_)
        maps = as_maps(self.target_transform_)
        if maps is not None and self.target_range_ is not None:
            scale = np.max([member.y_scale_ for member in self.estimators_], axis=0)
            base = bounded(base, maps, scale, self.target_range_)
        return _of_targets(base, density)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.input_tags.allow_nan = True
        return tags


def _form(member: MDNRegressor) -> tuple[Any, ...]:
    """What all members must share."""
    atoms = member.target_atoms_
    listed = None if atoms is None else atoms.tolist()
    n_outputs = member.n_outputs_ if member.y_ndim_ == 2 else None
    return member.n_features_in_, n_outputs, member.target_transform_, listed


def _of_targets(base: Mixture, like: Density) -> Density:
    """The density of y with the map and the atoms of another one, given that of mapped targets."""
    if isinstance(like, Mixture):
        return base
    if like.atom_weights.shape[1] == 0:
        return TargetMixture(base, like.transform)
    return TargetMixture(base, like.transform, like.atoms, like.atom_weights)


def _joint_range(ranges: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """The least and the greatest of several ranges ``(D, 2)``."""
    present = [one for one in ranges if one is not None]
    if not present:
        return None
    return np.column_stack([np.min(present, axis=0)[:, 0], np.max(present, axis=0)[:, 1]])
