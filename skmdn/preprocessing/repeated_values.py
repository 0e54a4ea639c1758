"""A regressor of values that a feature repeats, each with an effect of its own."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from skmdn._estimators.atomic_fit import unchanged_on_error
from skmdn._estimators.evenly_spread import evenly_spread
from skmdn._estimators.inputs import check_inputs, check_training_data
from skmdn._estimators.plain_configuration import plain_configuration
from skmdn._estimators.r2_score import ScoredRegressor

# A feature counts as repeated if it has more than so many values that come again, and at least so
# many rows a value in the mean: copies of rows, of which the value comes twice, say nothing new.
_LEAST_VALUES, _LEAST_ROWS = 50, 5
# Its effects are kept if they remove this part of the squared residuals of rows left out.
_LEAST_GAIN = 0.1
# Penalty of the polynomial, per unit of weight; with more features than this it is linear. It is
# fitted to at most so many rows, evenly spread, and evaluated for so many at a time.
_PENALTY, _MOST_SQUARED, _MOST_ROWS = 1e-3, 30, 20_000
# Columns of numbers beyond this power of two, or below its inverse, are taken in other units.
_MOST_POWER = 100
_FAR, _LARGEST = 1e60, np.finfo(np.float64).max


class Effects(NamedTuple):
    """Effects of the values of one feature."""

    feature: int
    values: np.ndarray  # (v,), ascending
    effects: np.ndarray  # (v, D)

    def of(self, column: np.ndarray) -> np.ndarray:
        """Effects ``(n, D)`` of a column; zero for new values."""
        place = np.clip(np.searchsorted(self.values, column), 0, len(self.values) - 1)
        is_known = self.values[place] == column
        return np.where(is_known[:, np.newaxis], self.effects[place], 0.0)


class RepeatedValues(ScoredRegressor, BaseEstimator):
    """A quadratic polynomial, plus an effect for every value of features whose values repeat.

    A number that comes again and again may stand for more than its size: a machine's setting, a
    day, a place. Its effect is the mean of the residuals of its rows, shrunk towards zero as in a
    model of random effects [1]_. A feature has effects if more than 50 of its values come again, it
    has at least 5 rows a value in the mean, and if its effects remove at least 10 % of the squared
    residuals of rows left out. The features are taken one after the other, that of the largest gain
    first.

    Attributes
    ----------
    polynomial_ : Pipeline
        The polynomial, fitted to at most 20,000 rows; linear with more than 30 features.
    effects_ : list of tuple
        Of every feature with effects: its position, its values ``(v,)`` and effects ``(v, D)``.
    n_features_in_ : int
        Number of features p.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X had any.

    References
    ----------
    .. [1] S. R. Searle, G. Casella and C. E. McCulloch, "Variance components", Wiley 1992.

    Examples
    --------
    >>> import numpy as np
    >>> from skmdn.preprocessing import RepeatedValues
    >>> rng = np.random.default_rng(0)
    >>> machine, effect = rng.integers(100, size=2000), rng.normal(size=100)
    >>> model = RepeatedValues().fit(machine.reshape(-1, 1), effect[machine])
    >>> bool(np.abs(model.predict([[7]])[0] - effect[7]) < 0.1)
    True
    """

    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> RepeatedValues:
        """Fit the polynomial, then the effects to its residuals.

        Parameters
        ----------
        X : array-like of shape (n, p)
            Dense. Gaps (NaN) count as the mean and have no effect; infinity is not allowed.
        y : array-like of shape (n,) or (n, D)
            Targets.
        sample_weight : array-like of shape (n,), default=None
            Non-negative weights.

        Returns
        -------
        self : RepeatedValues

        Raises
        ------
        ValueError
            If an argument is not as described.
        """
        with unchanged_on_error(self):
            data = check_training_data(self, X, y, sample_weight, reset=True)
            self.y_ndim_, rows = data.y_ndim, data.rows
            inputs, targets = np.asarray(data.X[rows], dtype=np.float64), data.y[rows]
            weights = np.ones(len(rows)) if data.weights is None else data.weights[rows]
            self.X_unit_, self.y_unit_ = _units(inputs), _units(targets)
            targets = targets / self.y_unit_
            self.X_mean_ = _means(inputs / self.X_unit_, weights)
            # The squares of many rows would need much memory, and more hardly improve the fit.
            some = evenly_spread(np.arange(len(rows)), _MOST_ROWS)
            degree = 2 if inputs.shape[1] <= _MOST_SQUARED else 1
            steps = [
                ("centre", StandardScaler()),
                ("powers", PolynomialFeatures(degree, include_bias=False)),
                ("scale", StandardScaler()),
                ("ridge", Ridge(_PENALTY * weights[some].sum())),
            ]
            names = ("centre", "scale", "ridge")
            of_steps = {f"{name}__sample_weight": weights[some] for name in names}
            # scikit-learn's variance of a constant may be -1e-17.
            with plain_configuration(), np.errstate(invalid="ignore"):
                filled = self._filled(inputs[some])
                self.polynomial_ = Pipeline(steps).fit(filled, targets[some], **of_steps)
            residuals = targets - self._polynomial(inputs)
            self.effects_ = [
                (feature, values, self.y_unit_ * effects)
                for feature, values, effects in effects_of(inputs, residuals, weights)
            ]
        return self

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Predict the targets.

        Parameters
        ----------
        X : array-like of shape (n, p)
            As in fit.

        Returns
        -------
        ndarray of shape (n,) or (n, D)
        """
        check_is_fitted(self)
        X = np.asarray(check_inputs(self, X), dtype=np.float64)
        with np.errstate(over="ignore"):
            y = self.y_unit_ * self._polynomial(X)
            for one in self.effects_:
                effects = Effects._make(one)
                y = y + effects.of(X[:, effects.feature])
        y = np.clip(y, -_LARGEST, _LARGEST)
        return y[:, 0] if self.y_ndim_ == 1 else y

    def _filled(self, X: np.ndarray) -> np.ndarray:
        """Features in their units; far ones are taken nearer, as their squares overflow."""
        with np.errstate(over="ignore"):
            X = np.clip(X / self.X_unit_, -_FAR, _FAR)
        return np.where(np.isnan(X), self.X_mean_, X)

    def _polynomial(self, X: np.ndarray) -> np.ndarray:
        with plain_configuration():
            parts = [
                np.reshape(self.polynomial_.predict(self._filled(X[rows])), (len(X[rows]), -1))
                for rows in gen_batches(len(X), _MOST_ROWS)
            ]
        return np.concatenate(parts)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.input_tags.allow_nan = True
        return tags


def effects_of(X: np.ndarray, residuals: np.ndarray, weights: np.ndarray) -> list[Effects]:
    """Effects of features ``X (n, p)`` on the residuals ``(n, D)``, the most useful first."""
    left, found = list(repeated_features(X)), []
    while left:
        trials = [shrunk_effects(X[:, j], residuals, weights) for j in left]
        best = int(np.argmax([gain for *_, gain in trials]))
        values, effects, gain = trials[best]
        if gain < _LEAST_GAIN:
            break
        found.append(Effects(left.pop(best), values, effects))
        residuals = residuals - found[-1].of(X[:, found[-1].feature])
    return found


def repeated_features(X: np.ndarray) -> np.ndarray:
    """The features with many values that come again."""
    return np.array([j for j in range(X.shape[1]) if _is_repeated(X[:, j])], dtype=np.intp)


def _is_repeated(column: np.ndarray) -> bool:
    present = column[~np.isnan(column)]
    counts = np.unique(present, return_counts=True)[1]
    return bool(np.sum(counts > 1) > _LEAST_VALUES and len(present) >= _LEAST_ROWS * len(counts))


def shrunk_effects(
    column: np.ndarray, residuals: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Values ``(v,)`` of a column, their effects ``(v, D)``, and by how much these help.

    The last is the part of the squared residuals of rows left out that the effects remove, the mean
    over the outputs. Variances between and within values are those of an analysis of variance.
    """
    present = ~np.isnan(column)
    values, place = np.unique(column[present], return_inverse=True)
    r, w = residuals[present], weights[present]
    w = w / w.mean()
    totals = np.bincount(place, w)[:, np.newaxis]
    sums = np.column_stack([np.bincount(place, w * r[:, d]) for d in range(r.shape[1])])
    means = sums / totals
    n, v = len(r), len(values)
    within = np.sum(w[:, np.newaxis] * (r - means[place]) ** 2, axis=0) / max(n - v, 1)
    spread = np.sum(totals * (means - w @ r / n) ** 2, axis=0) / (v - 1)
    rows_of_value = (n - np.sum(totals**2) / n) / (v - 1)
    between = np.maximum(spread - within, 0.0) / rows_of_value
    effects = between * sums / np.maximum(between * totals + within, np.finfo(float).tiny)
    own = w[:, np.newaxis]
    others = np.maximum(totals[place] - own, 0.0)
    left_out = (
        between
        * (sums[place] - own * r)
        / np.maximum(between * others + within, np.finfo(float).tiny)
    )
    before, after = (w @ each**2 for each in (r, r - left_out))
    gains = 1.0 - after / np.maximum(before, np.finfo(float).tiny)
    return values, effects, float(np.mean(gains))


def _units(values: np.ndarray) -> np.ndarray:
    """Powers of two ``(p,)``, near the largest cell of a column where squares may overflow."""
    largest = np.nanmax(np.abs(values), axis=0, initial=0.0)
    power = np.clip(np.frexp(largest)[1], -1000, 1000)
    is_extreme = (np.abs(power) > _MOST_POWER) & (largest > 0)
    return np.ldexp(1.0, np.where(is_extreme, power, 0))


def _means(X: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted means ``(p,)`` of the cells that are no gaps; zero where all are."""
    present = ~np.isnan(X) * weights[:, np.newaxis]
    totals = np.maximum(present.sum(axis=0), np.finfo(float).tiny)
    return np.asarray(np.sum(np.where(np.isnan(X), 0.0, X) * present, axis=0) / totals)
