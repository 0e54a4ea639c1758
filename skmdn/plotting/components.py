"""The Gaussian components of a density, along one feature."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skmdn.metrics.arguments import check_mixture
from skmdn.metrics.real_numbers import as_numbers
from skmdn.mixture import Mixture, TargetMixture
from skmdn.mixture.joining import Density
from skmdn.plotting.axes import is_axes, line_kwargs, pyplot, style
from skmdn.plotting.feature_line import feature_line
from skmdn.plotting.legend import legend_inside
from skmdn.plotting.names import output_index, target_names
from skmdn.plotting.predictions import check_outcomes, predict_mixture

_HEIGHTS = [1.0, 1.6, 1.0]


class ComponentsDisplay:
    """Weights, means and standard deviations of the components along one feature.

    Make one with :meth:`from_estimator` or :meth:`from_predictions`.

    Parameters
    ----------
    x : array-like of shape (G,)
        Values of the feature.
    weights, means, scales : array-like of shape (G, K)
        Parameters of the K components at these values.
    x_data, y_data : array-like of shape (n,), default=None
        Data to draw behind the means.
    feature_name, target_name : str, default="x", "y"
        Labels, with their units.

    Attributes
    ----------
    ax_ : ndarray of 3 matplotlib Axes
        For weights, means and standard deviations.
    figure_ : matplotlib Figure
        The figure drawn into.
    lines_ : list of 3 lists of matplotlib Line2D
        The curves of the components drawn, by axes.

    Examples
    --------
    >>> from skmdn.plotting import ComponentsDisplay
    >>> display = ComponentsDisplay([0, 1], [[0.5, 0.5]] * 2, [[0, 1]] * 2, [[1, 2]] * 2)
    >>> display.weights.shape
    (2, 2)
    """

    def __init__(
        self,
        x: ArrayLike,
        weights: ArrayLike,
        means: ArrayLike,
        scales: ArrayLike,
        *,
        x_data: ArrayLike | None = None,
        y_data: ArrayLike | None = None,
        feature_name: str = "x",
        target_name: str = "y",
    ) -> None:
        self.x = np.asarray(x)
        self.weights = np.asarray(weights)
        self.means = np.asarray(means)
        self.scales = np.asarray(scales)
        self.x_data = None if x_data is None else np.asarray(x_data)
        self.y_data = None if y_data is None else np.asarray(y_data)
        self.feature_name = feature_name
        self.target_name = target_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike | None = None,
        *,
        feature: int | str = 0,
        output: int | None = None,
        reference: int | None = None,
        grid_resolution: int = 200,
        ax: Any = None,
        **kwargs: Any,
    ) -> ComponentsDisplay:
        """Draw over the range of one feature.

        Parameters
        ----------
        estimator : estimator object
            Fitted, with a `predict_proba`.
        X : array-like or DataFrame of n rows
            Features.
        y : array-like of shape (n,) or (n, D), default=None
            Outcomes to draw behind the means.
        feature : int or str, default=0
            Number or name of the feature.
        output : int, default=None
            As in :meth:`from_predictions`.
        reference : int, default=None
            Number of the row of X that gives the values of the other features. None takes their
            medians, or the most frequent value of a feature that is not numeric.
        grid_resolution : int, default=200
            Number of points along the feature.
        ax, **kwargs
            As in :meth:`plot`.

        Returns
        -------
        ComponentsDisplay

        Raises
        ------
        ValueError
            If there is no such feature or output.
        """
        line = feature_line(estimator, X, feature, grid_resolution, reference)
        density, n = predict_mixture(estimator, line.rows), len(line.observed)
        names = target_names(y, density.n_outputs)
        j = output_index(output, density.n_outputs, names)
        display = cls(
            line.values,
            *_parameters(density, j),
            x_data=None if y is None else line.observed,
            y_data=None if y is None else check_outcomes(y, n, density.n_outputs)[:, j],
            feature_name=line.label,
            target_name=names[j],
        )
        return display.plot(ax, **kwargs)

    @classmethod
    def from_predictions(
        cls,
        x: ArrayLike,
        mixture: Density,
        *,
        output: int | None = None,
        feature_name: str = "x",
        target_name: str = "y",
        ax: Any = None,
        **kwargs: Any,
    ) -> ComponentsDisplay:
        """Draw for predictions along a feature.

        Parameters
        ----------
        x : array-like of shape (G,)
            Values of the feature, in any order.
        mixture : Mixture or TargetMixture
            Predictive distributions at these values.
        output : int, default=None
            Number of the output to draw, where there are several.
        feature_name, target_name
            As in the class.
        ax, **kwargs
            As in :meth:`plot`.

        Returns
        -------
        ComponentsDisplay

        Raises
        ------
        ValueError
            If lengths disagree or there is no such output.
        """
        x = as_numbers(x, "x")
        if x.shape != (len(check_mixture(mixture)),):
            raise ValueError(f"x: expected shape ({len(mixture)},), got {x.shape}.")
        order = np.argsort(x, kind="stable")
        j = output_index(output, mixture.n_outputs, target_names(None, mixture.n_outputs))
        names = {"feature_name": feature_name, "target_name": target_name}
        display = cls(x[order], *_parameters(mixture[order], j), **names)
        return display.plot(ax, **kwargs)

    def plot(self, ax: Any = None, *, min_weight: float = 0.02, **kwargs: Any) -> ComponentsDisplay:
        """Draw.

        Parameters
        ----------
        ax : array-like of 3 matplotlib Axes or one Axes, default=None
            Axes for weights, means and standard deviations. One Axes of a grid of subplots is
            divided into three. None makes a figure.
        min_weight : float, default=0.02
            A component is drawn where its weight is at least this.
        **kwargs : dict
            Keywords of ``Axes.plot``, for the curves of the components.

        Returns
        -------
        ComponentsDisplay

        Raises
        ------
        ValueError
            If `ax` is neither three Axes nor one of a grid.
        """
        self.ax_ = _three_axes(ax)
        self.figure_ = self.ax_[0].figure
        if self.x_data is not None:
            self.ax_[1].plot(self.x_data, self.y_data, ".", color="0.7", ms=3, zorder=0)
        heavy = self.weights >= min_weight
        present = [k for k in range(heavy.shape[1]) if heavy[:, k].any()]
        panels = [np.where(heavy, array, np.nan) for array in (self.means, self.scales)]
        self.lines_ = [
            [self._line(axes, array, k, number, kwargs) for number, k in enumerate(present)]
            for axes, array in zip(self.ax_, [self.weights, *panels], strict=True)
        ]
        self.ax_[0].set(ylabel="weight", yticks=[0.0, 0.5, 1.0], ylim=(-0.02, 1.02))
        self.ax_[1].set(ylabel=f"mean of\n{self.target_name}")
        self.ax_[2].set(ylabel="standard\ndeviation", ylim=(0, None), xlabel=self.feature_name)
        legend_inside(self.ax_[0], title="component")
        return self

    def _line(
        self, axes: Any, array: np.ndarray, k: int, number: int, kwargs: dict[str, Any]
    ) -> Any:
        """One curve of one component."""
        line = style(number)
        defaults = {"color": line.color, "linestyle": line.linestyle, "label": f"{k}"}
        (line,) = axes.plot(self.x, array[:, k], **line_kwargs(defaults, kwargs))
        return line


def _parameters(mixture: Density, output: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, means and standard deviations of one output, each ``(G, K)``, in units of y."""
    if isinstance(mixture, TargetMixture):
        return _target_parameters(mixture if mixture.univariate else mixture.marginal(output))
    return mixture.weights, mixture.means[..., output], mixture.scales[..., output]


def _target_parameters(mixture: TargetMixture) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same behind a map: moments of each component; atoms take their part of the weights."""
    base = mixture.base
    parts = [
        TargetMixture(Mixture(np.ones((len(base), 1)), mean, scale), mixture.transform)
        for mean, scale in zip(base.means.swapaxes(0, 1), base.scales.swapaxes(0, 1), strict=True)
    ]
    rest = 1.0 - mixture.atom_weights.sum(axis=1, keepdims=True)
    means, scales = [part.mean() for part in parts], [part.std() for part in parts]
    return rest * base.weights, np.stack(means, axis=1), np.stack(scales, axis=1)


def _three_axes(ax: Any) -> Any:
    """The axes given, or those of a new figure, one above the other."""
    if ax is None:
        figure = pyplot().figure(figsize=(6.4, 6.4), layout="constrained")
        return figure.subplots(3, 1, sharex=True, height_ratios=_HEIGHTS)
    if is_axes(ax) and ax.get_subplotspec() is not None:
        return _divided(ax)
    axes = np.asarray(ax, dtype=object).ravel()
    if len(axes) != 3 or not all(map(is_axes, axes)):
        raise ValueError(
            "ax: expected three matplotlib Axes, or one of a grid of subplots, got "
            f"{type(ax).__name__} of shape {np.shape(ax)}."
        )
    return axes


def _divided(ax: Any) -> Any:
    """Three axes in the place of one, which stays but is not drawn."""
    ax.set_axis_off()
    grid = ax.get_subplotspec().subgridspec(3, 1, height_ratios=_HEIGHTS)
    first = ax.figure.add_subplot(grid[0])
    axes = [first, *(ax.figure.add_subplot(grid[i], sharex=first) for i in (1, 2))]
    for upper in axes[:2]:
        upper.tick_params(labelbottom=False)
    return np.array(axes, dtype=object)
