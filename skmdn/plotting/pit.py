"""Where the outcomes fall within their predictive distributions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtrik

from skmdn.metrics import pit_values
from skmdn.plotting.axes import PALE, axes_for, line_kwargs, style
from skmdn.plotting.legend import legend_inside
from skmdn.plotting.names import target_names
from skmdn.plotting.predictions import predict


class PITDisplay:
    """Histogram of the probability integral transform, with its uncertainty band.

    If the model is right, about 19 of 20 bars end within the band. A U shape means over-confident,
    a hump under-confident, a slope biased [1]_.

    Make one with :meth:`from_estimator` or :meth:`from_predictions`.

    Parameters
    ----------
    pit : array-like of shape (n,) or (n, D)
        Values of the transform, within [0, 1].
    n_bins : int, default=None
        Number of bars. None takes 5 to 20, with about ten rows or more in each where n allows.
    names : list of str, default=None
        Names of the outputs.

    Attributes
    ----------
    bin_edges : ndarray of shape (n_bins + 1,)
        Edges of the bars.
    heights : ndarray of shape (n_bins,) or (n_bins, D)
        Number of rows in each bar, divided by the number expected if the model is right.
    band : ndarray of shape (2,)
        Range of a height if the model is right, with a probability of at least 95 %: the binomial
        quantiles at 2.5 % and 97.5 %.
    ax_, figure_ : matplotlib Axes and Figure
        The axes and figure drawn into.
    bars_ : list of matplotlib artists
        The outline of every output's histogram.
    band_ : matplotlib artist
        The band.

    References
    ----------
    .. [1] T. Gneiting, F. Balabdaoui and A. E. Raftery, "Probabilistic forecasts, calibration and
       sharpness", J. R. Stat. Soc. B 69 (2007).

    Examples
    --------
    >>> import numpy as np
    >>> from skmdn.plotting import PITDisplay
    >>> display = PITDisplay(np.linspace(0, 1, 100), n_bins=4)
    >>> display.heights
    array([1., 1., 1., 1.])
    """

    def __init__(
        self, pit: ArrayLike, n_bins: int | None = None, names: list[str] | None = None
    ) -> None:
        self.pit = np.asarray(pit, dtype=np.float64)
        n = len(self.pit)
        bins = int(np.clip(n // 10, 5, 20)) if n_bins is None else n_bins
        columns = self.pit.reshape(n, -1).T
        counts = np.array([np.histogram(column, bins, (0.0, 1.0))[0] for column in columns])
        self.names = target_names(None, len(columns)) if names is None else names
        self.bin_edges = np.linspace(0.0, 1.0, bins + 1)
        self.heights = (counts * bins / n).T.reshape(bins, *self.pit.shape[1:])
        self.band = binomial_quantiles(n, 1.0 / bins) * bins / n

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        n_bins: int | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> PITDisplay:
        """Draw for rows that the estimator was not fitted on.

        Parameters
        ----------
        estimator : estimator object
            Fitted, with a `predict_proba`.
        X : array-like or DataFrame of n rows
            Features.
        y : array-like of shape (n,) or (n, D)
            Outcomes.
        n_bins : int, default=None
            As in the class.
        ax, **kwargs
            As in :meth:`plot`.

        Returns
        -------
        PITDisplay

        Raises
        ------
        ValueError
            If shapes disagree or a number is not finite.
        """
        density = predict(estimator, X)
        return cls.from_predictions(y, density, n_bins=n_bins, ax=ax, **kwargs)

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        mixture: Any,
        *,
        n_bins: int | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> PITDisplay:
        """Draw for outcomes and predictions.

        Parameters
        ----------
        y_true : array-like of shape (n,) or (n, D)
            Outcomes.
        mixture : Mixture, TargetMixture, scipy.stats distribution or SamplePrediction
            Predictive distributions of the same rows (see :mod:`skmdn.metrics`).
        n_bins : int, default=None
            As in the class.
        ax, **kwargs
            As in :meth:`plot`.

        Returns
        -------
        PITDisplay

        Raises
        ------
        ValueError
            If shapes disagree or a number is not finite.
        """
        if n_bins is not None and (not isinstance(n_bins, int | np.integer) or n_bins < 1):
            raise ValueError(f"n_bins: expected a positive integer or None, got {n_bins!r}.")
        pit = pit_values(y_true, mixture)
        names = target_names(y_true, 1 if pit.ndim == 1 else pit.shape[1])
        return cls(pit, n_bins, names).plot(ax, **kwargs)

    def plot(self, ax: Any = None, **kwargs: Any) -> PITDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw into; None makes a figure.
        **kwargs : dict
            Keywords of ``Axes.stairs``, for the outlines of the histograms.

        Returns
        -------
        PITDisplay
        """
        self.ax_ = axes_for(ax)
        self.figure_ = self.ax_.figure
        low, high = self.band
        self.band_ = self.ax_.axhspan(
            low, high, color=PALE, lw=0, label="95%, if the model is right"
        )
        self.ax_.axhline(1.0, color="0.5", lw=0.8)
        columns = self.heights.reshape(len(self.heights), -1).T
        self.bars_ = []
        for j, (column, name) in enumerate(zip(columns, self.names, strict=True)):
            line = style(j)
            defaults = {
                "color": line.color,
                "linestyle": line.linestyle,
                "lw": 1.6,
                "label": name if len(columns) > 1 else "outcomes",
            }
            self.bars_.append(
                self.ax_.stairs(column, self.bin_edges, **line_kwargs(defaults, kwargs))
            )
        unit = f" of {self.names[0]}" if len(columns) == 1 else ""
        self.ax_.set(
            xlabel=f"PIT{unit}\n(probability below the outcome)",
            ylabel="rows / rows expected",
            xlim=(0.0, 1.0),
            ylim=(0.0, max(1.1 * high, 1.1 * float(columns.max()))),
        )
        legend_inside(self.ax_)
        return self


def binomial_quantiles(n: int, p: float, level: float = 0.95) -> np.ndarray:
    """Quantiles of the binomial distribution that leave (1 - level) / 2 in each tail, ``(2,)``."""
    tails = np.array([0.5 * (1.0 - level), 0.5 * (1.0 + level)])
    found = np.ceil(bdtrik(tails, n, p))
    return np.asarray(np.clip(np.nan_to_num(found), 0.0, n))
