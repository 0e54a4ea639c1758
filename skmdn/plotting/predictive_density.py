"""Densities of single rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skmdn.metrics.arguments import check_fraction, check_mixture
from skmdn.mixture.joining import Density
from skmdn.plotting.atoms import Atoms, atoms_of, density_alone
from skmdn.plotting.axes import (
    BLACK,
    BLUE,
    FARTHEST,
    VERMILLION,
    axes_for,
    check_limits,
    line_kwargs,
)
from skmdn.plotting.legend import legend_inside
from skmdn.plotting.names import output_index, target_names
from skmdn.plotting.predictions import check_outcomes, predict_mixture
from skmdn.plotting.row_choice import row_choice

_MAX_ROWS = 5  # drawn where none are chosen
_RISE = 0.85  # height of a peak above its base line; base lines are one apart


class PredictiveDensityDisplay:
    """Densities of single rows, the highest-density region shaded and the outcome marked.

    Several rows are drawn one above the other, each density scaled to its own peak.

    Make one with :meth:`from_estimator` or :meth:`from_predictions`.

    Parameters
    ----------
    y : array-like of shape (R, G)
        Points at which the densities are given, ascending in each row. They include the ends of
        the regions.
    density : array-like of shape (R, G)
        The densities at these points.
    region : array-like of shape (R, J, 2)
        Intervals of the regions, NaN-padded.
    level : float
        Mass of the regions.
    rows : array-like of shape (R,)
        Numbers of the rows.
    row_names : list of str, default=None
        Their names; None takes "row 0" and so on, by their numbers.
    y_true : array-like of shape (R,), default=None
        Outcomes.
    target_name : str, default="y"
        Label, with its unit.
    y_limits : pair of float, default=None
        Limits of the axis of y; None takes those of the points.
    atoms : array-like of shape (2, R, A), default=None
        Values with a probability of their own, and these probabilities: stems, of which one of
        probability 1 is as high as the peak of the density.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        The axes and figure drawn into.
    lines_ : list of matplotlib Line2D
        The densities.
    regions_ : list of matplotlib PolyCollection
        The shaded regions.
    atoms_ : list of matplotlib LineCollection
        The stems of atoms, by row; empty without atoms.
    truth_ : matplotlib artist or None
        The outcomes.

    Examples
    --------
    >>> from skmdn.plotting import PredictiveDensityDisplay
    >>> display = PredictiveDensityDisplay(
    ...     [[-1, 0, 1]], [[0.2, 0.4, 0.2]], [[[-1, 1]]], level=0.68, rows=[0]
    ... )
    >>> display.density.shape
    (1, 3)
    """

    def __init__(
        self,
        y: ArrayLike,
        density: ArrayLike,
        region: ArrayLike,
        *,
        level: float,
        rows: ArrayLike,
        row_names: list[str] | None = None,
        y_true: ArrayLike | None = None,
        target_name: str = "y",
        y_limits: tuple[float, float] | None = None,
        atoms: ArrayLike | None = None,
    ) -> None:
        self.y = np.asarray(y)
        self.density = np.asarray(density)
        self.region = np.asarray(region)
        self.level = level
        self.rows = np.asarray(rows)
        self.row_names = [f"row {row}" for row in self.rows] if row_names is None else row_names
        self.y_true = None if y_true is None else np.asarray(y_true)
        self.target_name = target_name
        self.y_limits = y_limits
        self.atoms = None if atoms is None else Atoms(*np.asarray(atoms))

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike | None = None,
        *,
        rows: Any = None,
        level: float = 0.9,
        output: int | None = None,
        y_limits: ArrayLike | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> PredictiveDensityDisplay:
        """Draw for rows of X, as the estimator predicts them.

        Parameters
        ----------
        estimator : estimator object
            Fitted, with a `predict_proba`.
        X : array-like or DataFrame of n rows
            Features.
        y : array-like of shape (n,) or (n, D), default=None
            Outcomes to mark.
        rows, level, output, y_limits
            As in :meth:`from_predictions`.
        ax, **kwargs
            As in :meth:`plot`.

        Returns
        -------
        PredictiveDensityDisplay

        Raises
        ------
        ValueError
            If there are no such rows or output, or `level` is not between 0 and 1.
        """
        options = {"rows": rows, "level": level, "output": output, "y_limits": y_limits}
        return cls.from_predictions(y, predict_mixture(estimator, X), **options, ax=ax, **kwargs)

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike | None,
        mixture: Density,
        *,
        rows: Any = None,
        level: float = 0.9,
        output: int | None = None,
        y_limits: ArrayLike | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> PredictiveDensityDisplay:
        """Draw for given predictions.

        Parameters
        ----------
        y_true : array-like of shape (n,) or (n, D), or None
            Outcomes to mark.
        mixture : Mixture or TargetMixture
            Predictive distributions of the same rows.
        rows : array-like of int or bool, or dict of int to str, default=None
            Numbers of the rows to draw, or a mask; None takes the first five. A dict gives them
            names too.
        level : float, default=0.9
            Mass of the highest-density regions.
        output : int, default=None
            Number of the output to draw, where there are several.
        y_limits : pair of float, default=None
            Range of y that is drawn. None takes nearly all of the mass, and the outcomes.
        ax, **kwargs
            As in :meth:`plot`.

        Returns
        -------
        PredictiveDensityDisplay

        Raises
        ------
        ValueError
            If there are no such rows or output, or `level` is not between 0 and 1.
        """
        level, mixture = check_fraction("level", level), check_mixture(mixture)
        chosen, row_names = row_choice(rows, len(mixture), _MAX_ROWS)
        limits = check_limits(y_limits, "y_limits")
        names = target_names(y_true, mixture.n_outputs)
        j = output_index(output, mixture.n_outputs, names)
        part = mixture[chosen] if mixture.univariate else mixture[chosen].marginal(j)
        truth = None
        if y_true is not None:
            truth = check_outcomes(y_true, len(mixture), mixture.n_outputs)[chosen, j]
        region = part.hdr(level)
        density, share = density_alone(part)
        y = _points(part, region, truth, limits)
        display = cls(
            y,
            share[:, np.newaxis] * density.pdf(y),
            region,
            level=level,
            rows=chosen,
            row_names=row_names,
            y_true=truth,
            target_name=names[j],
            y_limits=limits,
            atoms=atoms_of(part),
        )
        return display.plot(ax, **kwargs)

    def plot(self, ax: Any = None, **kwargs: Any) -> PredictiveDensityDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw into; None makes a figure.
        **kwargs : dict
            Keywords of ``Axes.plot``, for the densities.

        Returns
        -------
        PredictiveDensityDisplay
        """
        self.ax_ = axes_for(ax)
        self.figure_ = self.ax_.figure
        R = len(self.rows)
        base = np.arange(R)[::-1]  # the first row on top
        peaks = np.maximum(self.density.max(axis=1, keepdims=True), np.finfo(float).tiny)
        unit = 1.0 if R == 1 else peaks / _RISE
        curves = base[:, None] + self.density / unit
        self.lines_: list[Any] = []
        self.regions_: list[Any] = []
        for row in range(R):
            self._draw_row(row, curves[row], base[row], kwargs)
        rise = (float(curves.max()) or 1.0) if R == 1 else _RISE
        self.atoms_ = [] if self.atoms is None else self._draw_atoms(base, rise)
        self.truth_ = None if self.y_true is None else self._draw_truth(base)
        self.ax_.set_xlabel(self.target_name)
        if self.y_limits is not None:
            self.ax_.set_xlim(self.y_limits)
        if R == 1:
            self.ax_.set(ylabel=f"density of {self.row_names[0]}", ylim=(0.0, 1.05 * rise))
        else:
            self.ax_.set_yticks(base, self.row_names)
            self.ax_.set(ylabel="scaled density", ylim=(-0.25, R - 0.05))
            self.ax_.tick_params(axis="y", length=0)
        legend_inside(self.ax_)
        return self

    def _draw_row(self, row: int, curve: np.ndarray, base: float, kwargs: dict[str, Any]) -> None:
        """One density and its region."""
        y, first = self.y[row], row == 0
        inside = np.zeros(len(y), dtype=bool)
        for low, high in self.region[row]:
            inside |= (low <= y) & (y <= high)
        defaults = line_kwargs({"color": BLACK, "lw": 1.2}, kwargs)
        (line,) = self.ax_.plot(y, curve, **defaults)
        label = f"{self.level:.0%} highest-density region"
        shade = self.ax_.fill_between(
            y,
            base,
            curve,
            where=inside,
            color=BLUE,
            alpha=0.35,
            lw=0,
            label=label if first else None,
        )
        self.lines_.append(line)
        self.regions_.append(shade)

    def _draw_atoms(self, base: np.ndarray, rise: float) -> list[Any]:
        """Stems at the atoms of each row."""
        assert self.atoms is not None
        stems: list[Any] = []
        for foot, values, probabilities in zip(base, *self.atoms, strict=True):
            present = probabilities > 0
            if present.any():
                tops = foot + rise * probabilities[present]
                label = None if stems else "single values (full height: probability 1)"
                style = {"colors": BLUE, "lw": 3.0, "label": label}
                stems.append(self.ax_.vlines(values[present], foot, tops, **style))
        return stems

    def _draw_truth(self, base: np.ndarray) -> Any:
        """Marks on the base lines where the outcomes are."""
        low, high = self.ax_.get_xlim() if self.y_limits is None else self.y_limits
        y_true = np.asarray(self.y_true)
        return self.ax_.plot(
            np.where((low <= y_true) & (y_true <= high), y_true, np.nan),
            base,
            linestyle="none",
            marker="D",
            ms=7,
            mfc=VERMILLION,
            mec="white",
            mew=1.2,
            clip_on=False,
            zorder=5,
            label="outcome",
        )[0]


def _points(
    mixture: Density,
    region: np.ndarray,
    truth: np.ndarray | None,
    limits: tuple[float, float] | None,
) -> np.ndarray:
    """Where to evaluate the densities, ``(R, G)``, ascending.

    Quantiles are dense where a peak is narrow; equal steps cover the gaps, and reach the outcome.
    """
    quantiles = mixture.ppf(np.linspace(0.001, 0.999, 400))  # (R, 400)
    ends = region.reshape(len(mixture), -1)
    ends = np.where(np.isnan(ends), quantiles[:, :1], ends)
    points = [quantiles, ends] if truth is None else [quantiles, ends, truth[:, None]]
    known = np.clip(np.concatenate(points, axis=1), -FARTHEST, FARTHEST)
    if limits is not None:
        known = np.hstack([np.clip(known, *limits), np.tile(limits, (len(mixture), 1))])
    steps = np.linspace(known.min(axis=1), known.max(axis=1), 400, axis=1)
    return np.sort(np.concatenate([known, steps], axis=1), axis=1)
