"""One output's density over a feature, as a shaded band.

Axes: G points along the feature, H cells of y, Q quantile levels, K modes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from skmdn.mixture.joining import Density
from skmdn.plotting.atoms import Atoms, atoms_of, density_alone
from skmdn.plotting.axes import BLACK, BLUE, FARTHEST, VERMILLION
from skmdn.plotting.legend import draw_legend, legend_inside

_CELLS = 400
_FAINT_MODE = 0.05  # of the highest density drawn at the same x; lower modes are not marked


class DensityBand(NamedTuple):
    """The density along a feature, its summaries, and data.

    Parameters
    ----------
    x : ndarray of shape (G,)
        Values of the feature, ascending.
    y : ndarray of shape (H,)
        Centres of the cells.
    density : ndarray of shape (G, H)
        Mean density of each cell, which misses no narrow peak.
    mean : ndarray of shape (G,)
        Mean of the density.
    levels : ndarray of shape (Q,)
        Levels of the quantiles.
    quantiles : ndarray of shape (G, Q)
        The quantiles.
    modes : ndarray of shape (G, K)
        Modes, the highest first, padded with NaN.
    mode_densities : ndarray of shape (G, K)
        Density at the modes.
    x_data, y_data : ndarray of shape (n,) or None
        Observations.
    labels : pair of str
        Names of feature and target.
    y_limits : pair of float or None
        Limits of the axis of y that were asked for.
    atoms : Atoms
        Values with a probability of their own; the density is without them.
    """

    x: np.ndarray
    y: np.ndarray
    density: np.ndarray
    mean: np.ndarray
    levels: np.ndarray
    quantiles: np.ndarray
    modes: np.ndarray
    mode_densities: np.ndarray
    x_data: np.ndarray | None
    y_data: np.ndarray | None
    labels: tuple[str, str]
    y_limits: tuple[float, float] | None
    atoms: Atoms

    def draw(self, ax: Any, colorbar: bool, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Draw into axes, and return the artists by name."""
        artists = {"density_": self._shade(ax, kwargs), "data_": None}
        if colorbar:
            artists["colorbar_"] = _colorbar(ax, artists["density_"])
        if self.y_data is not None:
            artists["data_"] = ax.plot(
                self.x_data, self.y_data, "o", ms=3, mfc="white", mec="0.25", mew=0.6, label="data"
            )[0]
        artists["mean_"] = ax.plot(
            self.x, self.mean, "--", color=VERMILLION, lw=1.8, label="mean", path_effects=_halo(3.0)
        )[0]
        artists["atoms_"] = self._draw_atoms(ax)
        artists["quantiles_"] = self._draw_quantiles(ax)
        artists["modes_"] = self._draw_modes(ax)
        margin = 0.5 * (self.x[-1] - self.x[0]) if len(self.x) == 2 else 0.0
        ax.set(xlabel=self.labels[0], ylabel=self.labels[1])
        if self.x[0] < self.x[-1]:
            ax.set_xlim(self.x[0] - margin, self.x[-1] + margin)
        ax.set_ylim(self.y_limits or (self.y[0], self.y[-1]))
        if self.y_limits is None:
            legend_inside(ax)
        else:
            draw_legend(ax, loc="upper left", ncols=2)
        return artists

    def _shade(self, ax: Any, kwargs: dict[str, Any]) -> Any:
        from matplotlib.colors import PowerNorm

        # The square root shows low densities beside high ones. Half of the peaks, the higher ones,
        # have the darkest shade.
        peak = float(np.median(self.density.max(axis=1)))
        defaults = {"cmap": "Blues", "norm": PowerNorm(0.5, 0.0, peak), "shading": "nearest"}
        if kwargs.keys() & {"vmin", "vmax"}:
            del defaults["norm"]  # matplotlib takes limits or a norm
        image = ax.pcolormesh(self.x, self.y, self.density.T, **{**defaults, **kwargs})
        image.set_rasterized(True)
        return image

    def _draw_quantiles(self, ax: Any) -> list[Any]:
        names = ", ".join(f"{100 * level:g}%" for level in self.levels)
        if not self.levels.size:
            return []
        defaults = {"color": BLACK, "lw": 1.0, "path_effects": _halo(2.0)}
        lines = list(ax.plot(self.x, self.quantiles, **defaults))
        lines[0].set_label(f"quantiles {names}")
        return lines

    def _draw_atoms(self, ax: Any) -> Any:
        """Dots whose area is in proportion to the probability."""
        values, probabilities = self.atoms
        if not values.shape[1]:
            return None
        every = slice(None, None, max(1, len(self.x) // 70))
        x = np.broadcast_to(self.x[:, None], values.shape)[every]
        size = 60.0 * probabilities[every]
        return ax.scatter(
            x, values[every], size, color=BLUE, zorder=4, label="probability of single values"
        )

    def _draw_modes(self, ax: Any) -> Any:
        # A peak may be high and yet have so little mass that its cell shows none.
        cells = np.clip(np.searchsorted(self.y, self.modes), 1, len(self.y) - 1)
        nearest = cells - (self.modes - self.y[cells - 1] < self.y[cells] - self.modes)
        drawn = np.take_along_axis(self.density, nearest, axis=1)
        marked = drawn >= _FAINT_MODE * self.density.max(axis=1, keepdims=True)
        marked &= (self.y[0] <= self.modes) & (self.modes <= self.y[-1])  # False for NaN
        x = np.broadcast_to(self.x[:, None], self.modes.shape)
        every = slice(None, None, max(1, len(self.x) // 70))
        at, modes = x[every][marked[every]], self.modes[every][marked[every]]
        return ax.plot(at, modes, ".", color=BLACK, ms=6, mec="white", mew=0.5, label="modes")[0]


def density_band(
    x: np.ndarray,
    mixture: Density,
    levels: np.ndarray,
    data: tuple[np.ndarray, np.ndarray] | None,
    labels: tuple[str, str],
    y_limits: tuple[float, float] | None = None,
) -> DensityBand:
    """Compute the arrays of a band from a mixture without an outputs axis, one row per x."""
    order = np.argsort(x, kind="stable")
    mixture = mixture[order]
    edges = _edges(mixture, None if data is None else data[1], y_limits)
    alone, share = density_alone(mixture)
    mass = share[:, np.newaxis] * np.diff(alone.cdf(edges[None, :]), axis=1)  # (G, H)
    modes, heights = mixture.modes(return_density=True)
    return DensityBand(
        x=x[order],
        y=0.5 * edges[1:] + 0.5 * edges[:-1],
        density=mass / np.diff(edges),
        mean=mixture.mean(),
        levels=levels,
        quantiles=mixture.ppf(levels),
        modes=modes,
        mode_densities=heights,
        x_data=None if data is None else data[0],
        y_data=None if data is None else data[1],
        labels=labels,
        y_limits=y_limits,
        atoms=atoms_of(mixture),
    )


def _edges(
    mixture: Density, y_data: np.ndarray | None, limits: tuple[float, float] | None
) -> np.ndarray:
    """Edges of the cells of y, ``(H + 1,)``: they cover nearly all of the mass, and the data."""
    if limits is not None:
        return np.linspace(*limits, _CELLS + 1)
    known = mixture.ppf([0.005, 0.995]).ravel()
    if y_data is not None:
        known = np.concatenate([known, y_data])
    known = np.clip(known, -FARTHEST, FARTHEST)
    low, high = float(known.min()), float(known.max())
    margin = 0.03 * (high - low) or 0.5  # around one value, of atoms alone
    return np.linspace(low - margin, high + margin, _CELLS + 1)


def _halo(width: float) -> list[Any]:
    """A white outline, which keeps a line visible on a dark background."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=width, foreground="white")]


def _colorbar(ax: Any, image: Any) -> Any:
    """The scale of the shades."""
    bar = ax.figure.colorbar(image, ax=ax, pad=0.02, extend="max")
    bar.set_label("density")
    return bar
