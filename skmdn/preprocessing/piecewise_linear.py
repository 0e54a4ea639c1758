"""Piecewise-linear encoding as a transformer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skmdn._estimators.atomic_fit import unchanged_on_error
from skmdn._estimators.documentation import DocumentedEstimator
from skmdn._estimators.inputs import check_inputs, relative_weights
from skmdn._estimators.observations import rows_with_weight
from skmdn._estimators.parameters import PIECEWISE_LINEAR_ENCODER, check_parameters
from skmdn._estimators.random_state import new_generator
from skmdn._network.encoding import PiecewiseLinear, bin_edges
from skmdn._network.gaps import features_with_gaps, filled
from skmdn._network.scaling import location_and_scale


class PiecewiseLinearEncoder(DocumentedEstimator, TransformerMixin, BaseEstimator):
    r"""Encode every feature by how far its value reaches into each of its quantile bins.

    With edges :math:`b_0 < \dots < b_T` at quantiles of the training data, column t of a feature is

    .. math:: \frac{x - b_t}{b_{t+1} - b_t}

    cut at 0 and 1. Beyond the data the encoding goes on for two bin widths: the first column goes
    down to -2, and the last one up to 3 [1]_. A network learns steps and bends of a feature more
    easily from these columns than from the feature itself.

    A gap in X is NaN. A feature that has gaps in `fit` gets an indicator column, which is 1 at a
    gap and else 0. At a gap all bins of the feature are 0. A feature without gaps in `fit` is taken
    at its mean if a gap comes later. A feature that is all gaps has neither bins nor indicator.
    Indicators follow after the bins of all features.

    Parameters
    ----------
    n_bins : int, default=16
        Bins per feature. Equal quantiles are merged, so a feature may have fewer: one bin if it has
        two values, and none if it is constant.
    subsample : int or None, default=200_000
        Number of random rows from which edges are computed if there are more; None takes all.
    random_state : int, RandomState instance or None, default=None
        Seeds the choice of rows.

    Attributes
    ----------
    bin_edges_ : list of ndarray
        Edges of the bins of every feature; none for a feature that is all gaps.
    center_ : ndarray of shape (p,)
        Weighted mean of every feature over its cells that are no gaps; 0 if it has none.
    gap_features_ : ndarray of int, shape (g,)
        Indices of the features that have an indicator: those with both values and gaps in rows with
        weight.
    n_features_in_ : int
        Number of features p.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had any.

    References
    ----------
    .. [1] Y. Gorishniy, I. Rubachev and A. Babenko, "On embeddings for numerical features in
       tabular deep learning", NeurIPS 2022.

    Examples
    --------
    >>> from skmdn.preprocessing import PiecewiseLinearEncoder
    >>> encoder = PiecewiseLinearEncoder(n_bins=2).fit([[0.0], [1.0], [2.0], [4.0]])
    >>> encoder.bin_edges_
    [array([0., 1., 4.])]
    >>> encoder.transform([[0.5], [2.5], [40.0]])
    array([[0.5, 0. ],
           [1. , 0.5],
           [1. , 3. ]])
    >>> with_gaps = PiecewiseLinearEncoder(n_bins=2).fit([[0.0], [1.0], [4.0], [float("nan")]])
    >>> with_gaps.transform([[0.5], [float("nan")]])
    array([[0.5, 0. , 0. ],
           [0. , 0. , 1. ]])
    """

    def __init__(
        self,
        *,
        n_bins: int = 16,
        subsample: int | None = 200_000,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_bins = n_bins
        self.subsample = subsample
        self.random_state = random_state

    def fit(
        self, X: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> PiecewiseLinearEncoder:
        """Find edges, centres and the features with gaps.

        Parameters
        ----------
        X : array-like of shape (n, p)
            Dense; gaps are NaN, infinity is refused.
        y : None
            Ignored.
        sample_weight : array-like of shape (n,), default=None
            Non-negative weights. A weight of two counts like two equal rows.

        Returns
        -------
        self : PiecewiseLinearEncoder

        Raises
        ------
        ValueError
            If a constructor value or an argument is not as described.
        """
        with unchanged_on_error(self):
            check_parameters(self, PIECEWISE_LINEAR_ENCODER)
            inputs = check_inputs(self, X, reset=True)
            weights = relative_weights(sample_weight, len(inputs), "sample_weight")
            rng = new_generator(self.random_state)
            rows = rows_with_weight(weights, len(inputs))
            self.bin_edges_ = bin_edges(inputs, weights, rows, self.n_bins, rng, self.subsample)
            with np.errstate(under="ignore"):
                self.center_, _ = location_and_scale(inputs, weights)
            self.gap_features_ = features_with_gaps(inputs, weights)
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Encode rows.

        Parameters
        ----------
        X : array-like of shape (n, p)
            Dense; gaps are NaN, infinity is refused.

        Returns
        -------
        ndarray of shape (n, q + g)
            The bins of all features, then the indicators; float32 if X is, else float64.
        """
        check_is_fitted(self)
        inputs = check_inputs(self, X)
        encoding, indicated = self._encoding(), self.gap_features_
        q = len(encoding.feature)
        out = np.zeros((len(inputs), q + len(indicated)))
        columns = inputs.T.astype(np.float64, order="C")
        with np.errstate(under="ignore"):
            gaps = filled(columns, self.center_, indicated)
            encoding.encode_into(columns, out[:, :q].T)
            if gaps is not None:
                encoding.fill_gaps(0.0, gaps, indicated, out[:, :q].T)
                out[:, q:] = gaps.T
            return out.astype(inputs.dtype, copy=False)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Names of the columns: the name of the feature and the number of the bin.

        The indicator of a feature is called `missingindicator_` and its name, as by
        `sklearn.impute.SimpleImputer`.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features. None takes those seen in fit, or x0, x1, ...

        Returns
        -------
        ndarray of str
        """
        check_is_fitted(self)
        names = OneToOneFeatureMixin.get_feature_names_out(self, input_features)
        feature = self._encoding().feature
        first = np.searchsorted(feature, feature)
        bins = np.arange(len(feature)) - first
        of_bins = [f"{names[j]}_bin{t}" for j, t in zip(feature, bins, strict=True)]
        of_indicators = [f"missingindicator_{names[j]}" for j in self.gap_features_]
        return np.array(of_bins + of_indicators, object)

    def _encoding(self) -> PiecewiseLinear:
        return PiecewiseLinear.from_edges(self.bin_edges_, min_bins=1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
