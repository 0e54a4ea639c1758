"""The conditional density: over a feature, or of two outputs in chosen rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skmdn.metrics.arguments import check_fraction, check_mixture
from skmdn.metrics.real_numbers import as_numbers
from skmdn.mixture.joining import Density
from skmdn.plotting.axes import axes_for, check_limits
from skmdn.plotting.density_band import DensityBand, density_band
from skmdn.plotting.density_contours import DensityContours, density_contours
from skmdn.plotting.feature_line import feature_line
from skmdn.plotting.names import output_index, target_names
from skmdn.plotting.predictions import check_outcomes, predict_mixture
from skmdn.plotting.row_choice import row_choice

_QUANTILES = (0.05, 0.95)
_REGIONS = (0.5, 0.9)
_MAX_ROWS = 3  # drawn as contours where none are chosen


class ConditionalDensityDisplay:
    """The density p(y | x): a shaded band over one feature, or contours for two outputs.

    On the band are drawn the data, the mean, quantiles and modes. Contours are the borders of
    highest-density regions of single rows.

    Make one with :meth:`from_estimator` or :meth:`from_predictions`.

    Parameters
    ----------
    arrays : DensityBand or DensityContours
        All that is drawn, as named arrays. A band has `x`, `y`, `density`, `mean`, `levels`,
        `quantiles`, `modes`, `mode_densities`, `x_data`, `y_data`, `labels` and `y_limits`;
        contours have `rows`, `row_names`, `y`, `density`, `levels`, `thresholds`, `y_true`,
        `y_data` and `labels`.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        The axes and figure drawn into.
    density_, mean_, quantiles_, modes_, data_, colorbar_ : matplotlib artists
        Artists of a band. `data_` is None without data; with ``colorbar=False`` there is no
        `colorbar_`.
    contours_, truth_, data_ : matplotlib artists
        Artists of contours, the first two by row. `truth_` and `data_` are None without outcomes.

    Examples
    --------
    >>> import numpy as np
    >>> from skmdn import Mixture
    >>> from skmdn.plotting import ConditionalDensityDisplay
    >>> x = np.linspace(0, 1, 5)
    >>> mixture = Mixture(np.ones((5, 1)), x[:, None], np.ones((5, 1)))
    >>> display = ConditionalDensityDisplay.from_predictions(None, mixture, x=x)
    >>> display.arrays.mean
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """

    def __init__(self, arrays: DensityBand | DensityContours) -> None:
        self.arrays = arrays

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        feature: int | str = 0,
        reference: int | None = None,
        output: int | None = None,
        rows: Any = None,
        levels: Any = None,
        y_limits: Any = None,
        grid_resolution: int = 200,
        ax: Any = None,
        **kwargs: Any,
    ) -> ConditionalDensityDisplay:
        """Draw for a fitted estimator: contours for two outputs unless one is chosen, else a band.

        Parameters
        ----------
        estimator : estimator object
            Fitted, with a `predict_proba`.
        X : array-like or DataFrame of n rows
            Features.
        y : array-like of shape (n,) or (n, D), default=None
            Outcomes to draw.
        feature : int or str, default=0
            Number or name of the feature of a band, which holds numbers or booleans.
        reference : int, default=None
            For a band: number of the row of X that gives the values of the other features. None
            takes their medians, or the most frequent value of a feature that is not numeric. Data
            whose other features have other values need not follow the band.
        output, rows, levels, y_limits
            As in :meth:`from_predictions`.
        grid_resolution : int, default=200
            Number of points along the feature.
        ax, **kwargs
            As in :meth:`plot`.

        Returns
        -------
        ConditionalDensityDisplay

        Raises
        ------
        ValueError
            If there is no such feature, output or row.
        """
        shape = (getattr(estimator, "n_outputs_", 1),) if y is None else np.shape(y)[1:]
        if output is None and shape == (2,):
            return cls.from_predictions(
                y, predict_mixture(estimator, X), rows=rows, levels=levels, ax=ax, **kwargs
            )
        line = feature_line(estimator, X, feature, grid_resolution, reference)
        density = predict_mixture(estimator, line.rows)
        n, D = len(line.observed), density.n_outputs
        names = target_names(y, D)
        j = output_index(output, D, names)
        arrays = density_band(
            line.values,
            _one_output(density, j),
            _check_levels(levels, _QUANTILES),
            None if y is None else (line.observed, check_outcomes(y, n, D)[:, j]),
            (line.label, names[j]),
            check_limits(y_limits, "y_limits"),
        )
        return cls(arrays).plot(ax, **kwargs)

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike | None,
        mixture: Density,
        *,
        x: ArrayLike | None = None,
        output: int | None = None,
        rows: Any = None,
        levels: Any = None,
        y_limits: Any = None,
        feature_name: str = "x",
        ax: Any = None,
        **kwargs: Any,
    ) -> ConditionalDensityDisplay:
        """Draw for predictions: with `x` a band, without it contours of two outputs.

        Parameters
        ----------
        y_true : array-like of shape (n,) or (n, D), or None
            Outcomes to draw.
        mixture : Mixture or TargetMixture
            Predictive distributions of the same rows.
        x : array-like of shape (n,), default=None
            Value of the feature in every row, in any order.
        output : int, default=None
            For a band: number of the output, where there are several.
        rows : array-like of int or bool, or dict of int to str, default=None
            For contours: numbers of the rows, or a mask; None takes the first three. A dict gives
            them names too.
        levels : array-like of float, default=None
            For a band: levels of the quantiles, None takes (0.05, 0.95). For contours: masses of
            the regions whose borders are drawn, None takes (0.5, 0.9).
        y_limits : pair of float, default=None
            For a band: range of y that is drawn. None takes nearly all of the mass, and the data.
        feature_name : str, default="x"
            Label of the feature, with its unit.
        ax, **kwargs
            As in :meth:`plot`.

        Returns
        -------
        ConditionalDensityDisplay

        Raises
        ------
        ValueError
            If lengths disagree, or there is no such output or row.
        """
        n, D = len(check_mixture(mixture)), mixture.n_outputs
        names = target_names(y_true, D)
        outcomes = None if y_true is None else check_outcomes(y_true, n, D)
        arrays: DensityBand | DensityContours
        if x is None and D != 2:
            raise ValueError(
                f"x: expected the feature's value in every row, as there are {D} output(s)."
            )
        if x is None:
            chosen = row_choice(rows, n, _MAX_ROWS)
            arrays = density_contours(
                mixture, chosen, _check_levels(levels, _REGIONS), outcomes, (names[0], names[1])
            )
        else:
            values, j = as_numbers(x, "x"), output_index(output, D, names)
            if values.shape != (n,):
                raise ValueError(f"x: expected shape ({n},), got {values.shape}.")
            data = None if outcomes is None else (values, outcomes[:, j])
            quantiles, labels = _check_levels(levels, _QUANTILES), (feature_name, names[j])
            limits = check_limits(y_limits, "y_limits")
            arrays = density_band(values, _one_output(mixture, j), quantiles, data, labels, limits)
        return cls(arrays).plot(ax, **kwargs)

    def plot(
        self, ax: Any = None, *, colorbar: bool = True, **kwargs: Any
    ) -> ConditionalDensityDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw into; None makes a figure.
        colorbar : bool, default=True
            For a band: whether to draw a scale of the shades beside it.
        **kwargs : dict
            Keywords of ``Axes.pcolormesh`` for a band, of ``Axes.contour`` for contours.

        Returns
        -------
        ConditionalDensityDisplay
        """
        self.ax_ = axes_for(ax)
        self.figure_ = self.ax_.figure
        for name, artist in self.arrays.draw(self.ax_, colorbar, kwargs).items():
            setattr(self, name, artist)
        return self


def _check_levels(levels: ArrayLike | None, default: tuple[float, ...]) -> np.ndarray:
    """Levels strictly between 0 and 1, or the default."""
    given = default if levels is None else np.atleast_1d(levels).tolist()
    return np.array([check_fraction("levels", level) for level in given])


def _one_output(mixture: Density, j: int) -> Density:
    """An output by itself, without an outputs axis."""
    return mixture if mixture.univariate else mixture.marginal(j)
