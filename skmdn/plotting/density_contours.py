"""The joint density of two outputs in chosen rows, as contours.

Axes: R rows, H points of each output, L levels.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from skmdn.mixture.joining import Density
from skmdn.plotting.axes import style
from skmdn.plotting.legend import legend_inside
from skmdn.plotting.row_choice import RowChoice

_POINTS = 160
_DRAWS = 20_000


class DensityContours(NamedTuple):
    """Joint densities of two outputs in single rows, and data.

    Parameters
    ----------
    rows : ndarray of shape (R,)
        Numbers of the rows.
    row_names : list of str
        Their names.
    y : ndarray of shape (R, 2, H)
        Grid points of each row, by output.
    density : ndarray of shape (R, H, H)
        The density, with the first output along the last axis, as in matplotlib.
    levels : ndarray of shape (L,)
        Masses of the highest-density regions whose borders are drawn.
    thresholds : ndarray of shape (R, L)
        Density at these borders.
    y_true : ndarray of shape (R, 2) or None
        Outcomes of the rows.
    y_data : ndarray of shape (n, 2) or None
        All outcomes.
    labels : pair of str
        Names of the outputs.
    """

    rows: np.ndarray
    row_names: list[str]
    y: np.ndarray
    density: np.ndarray
    levels: np.ndarray
    thresholds: np.ndarray
    y_true: np.ndarray | None
    y_data: np.ndarray | None
    labels: tuple[str, str]

    def draw(self, ax: Any, colorbar: bool, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Draw into axes, and return the artists by name; contours have no colour scale."""
        artists: dict[str, Any] = {"data_": None, "contours_": [], "truth_": None}
        if self.y_data is not None:
            artists["data_"] = ax.plot(*self.y_data.T, ".", color="0.75", ms=3, zorder=0)[0]
        for number in range(len(self.rows)):
            artists["contours_"].append(self._draw_row(ax, number, kwargs))
        if self.y_true is not None:
            artists["truth_"] = [self._draw_truth(ax, number) for number in range(len(self.rows))]
        ax.set(xlabel=self.labels[0], ylabel=self.labels[1])
        self._legend(ax)
        return artists

    def _draw_row(self, ax: Any, number: int, kwargs: dict[str, Any]) -> Any:
        """Contours of one row, the inner ones thicker."""
        line, order = style(number), np.argsort(self.thresholds[number])
        thresholds = self.thresholds[number][order]
        keep = np.append(np.diff(thresholds) > 0, True)  # contour levels must increase
        defaults = {
            "colors": line.color,
            "linestyles": [line.linestyle],
            "linewidths": np.linspace(1.0, 2.0, len(order))[keep],
            "levels": thresholds[keep],
        }
        if "cmap" in kwargs:
            del defaults["colors"]  # matplotlib takes colours or a map
        return ax.contour(*self.y[number], self.density[number], **{**defaults, **kwargs})

    def _draw_truth(self, ax: Any, number: int) -> Any:
        """The outcome of one row."""
        line, truth = style(number), np.asarray(self.y_true)[number]
        defaults = {"ms": 8, "mec": "white", "mew": 1.2, "zorder": 5}
        return ax.plot(*truth, line.marker, color=line.color, **defaults)[0]

    def _legend(self, ax: Any) -> None:
        from matplotlib.lines import Line2D

        handles = [
            Line2D([], [], color=line.color, linestyle=line.linestyle, label=name)
            for line, name in zip(map(style, range(len(self.rows))), self.row_names, strict=True)
        ]
        if self.y_true is not None:
            handles.append(Line2D([], [], color="0.4", ls="none", marker="o", label="outcomes"))
        masses = " and ".join(f"{level:.0%}" for level in self.levels)
        legend_inside(ax, handles, title=f"regions of {masses}")


def density_contours(
    mixture: Density,
    rows: RowChoice,
    levels: np.ndarray,
    y_data: np.ndarray | None,
    labels: tuple[str, str],
) -> DensityContours:
    """Compute the arrays of contours for chosen rows of a mixture with two outputs."""
    chosen = mixture[rows.numbers]
    truth = None if y_data is None else y_data[rows.numbers]
    y = _grid(chosen)
    grids = [np.stack(np.meshgrid(*of_row), axis=-1).reshape(-1, 2) for of_row in y]
    density = chosen.pdf(np.array(grids)).reshape(-1, _POINTS, _POINTS)
    return DensityContours(
        rows=rows.numbers,
        row_names=rows.names,
        y=y,
        density=density,
        levels=levels,
        thresholds=_thresholds(chosen, levels),
        y_true=truth,
        y_data=y_data,
        labels=labels,
    )


def _grid(mixture: Density) -> np.ndarray:
    """Grid points of each output, ``(R, 2, H)``, which cover nearly all of the mass of each row."""
    low, high = np.moveaxis(mixture.ppf([0.001, 0.999]), 1, 0)  # (R, 2) each
    margin = 0.03 * (high - low)
    return np.linspace(low - margin, high + margin, _POINTS, axis=-1)


def _thresholds(mixture: Density, levels: np.ndarray) -> np.ndarray:
    """Density at the borders of the highest-density regions, ``(R, L)``.

    They are quantiles of the density at draws, which find peaks that are narrower than the grid.
    """
    heights = mixture.pdf(mixture.sample(_DRAWS, random_state=0))
    return np.asarray(np.quantile(heights, 1.0 - levels, axis=1).T)
