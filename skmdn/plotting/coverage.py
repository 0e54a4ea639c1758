"""How often regions of each level contain the outcome."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skmdn.metrics import hdr_values, pit_values
from skmdn.plotting.axes import PALE, axes_for, line_kwargs, style
from skmdn.plotting.legend import legend_inside
from skmdn.plotting.predictions import predict

_LABELS = {"central": "central intervals", "hdr": "highest-density regions"}


class CoverageDisplay:
    """Observed against nominal coverage, of central intervals and highest-density regions.

    A curve below the diagonal means over-confident, one above it too cautious. If the model is
    right, each point of the curve lies within the band with a probability of about 95 %.

    Make one with :meth:`from_estimator` or :meth:`from_predictions`.

    Parameters
    ----------
    levels : array-like of shape (Q,)
        Nominal levels within [0, 1].
    observed : dict of str to array-like of shape (Q,)
        Share of the outcomes within the regions of each level, under the keys "central", "hdr" or
        both.
    n_rows : int
        Number of rows n.

    Attributes
    ----------
    band : ndarray of shape (Q, 2)
        Level plus and minus 1.96 standard errors of a share of n rows.
    ax_, figure_ : matplotlib Axes and Figure
        The axes and figure drawn into.
    lines_ : dict of str to matplotlib Line2D
        The curves.
    band_, diagonal_ : matplotlib artists
        The band and the diagonal.

    Notes
    -----
    With several outputs, the coverage of central intervals is averaged over the marginals;
    highest-density regions are joint.

    Examples
    --------
    >>> from skmdn.plotting import CoverageDisplay
    >>> display = CoverageDisplay([0.5, 0.9], {"central": [0.45, 0.8]}, n_rows=100)
    >>> display.band.round(2)
    array([[0.4 , 0.6 ],
           [0.84, 0.96]])
    """

    def __init__(self, levels: ArrayLike, observed: dict[str, ArrayLike], n_rows: int) -> None:
        self.levels = np.asarray(levels, dtype=np.float64)
        self.observed = {name: np.asarray(share) for name, share in observed.items()}
        self.n_rows = n_rows
        error = 1.96 * np.sqrt(self.levels * (1.0 - self.levels) / n_rows)
        self.band = np.clip(self.levels[:, None] + error[:, None] * [-1.0, 1.0], 0.0, 1.0)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        regions: str | tuple[str, ...] = ("central", "hdr"),
        ax: Any = None,
        **kwargs: Any,
    ) -> CoverageDisplay:
        """Draw for rows that the estimator was not fitted on.

        Parameters
        ----------
        estimator : estimator object
            Fitted, with a `predict_proba`.
        X : array-like or DataFrame of n rows
            Features.
        y : array-like of shape (n,) or (n, D)
            Outcomes.
        regions
            As in :meth:`from_predictions`.
        ax, **kwargs
            As in :meth:`plot`.

        Returns
        -------
        CoverageDisplay

        Raises
        ------
        ValueError
            If shapes disagree, a number is not finite or a region is unknown.
        """
        density = predict(estimator, X)
        return cls.from_predictions(y, density, regions=regions, ax=ax, **kwargs)

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        mixture: Any,
        *,
        regions: str | tuple[str, ...] = ("central", "hdr"),
        ax: Any = None,
        **kwargs: Any,
    ) -> CoverageDisplay:
        """Draw for outcomes and predictions.

        Parameters
        ----------
        y_true : array-like of shape (n,) or (n, D)
            Outcomes.
        mixture : Mixture, TargetMixture, scipy.stats distribution or SamplePrediction
            Predictive distributions of the same rows (see :mod:`skmdn.metrics`). Samples have no
            density: they need ``regions="central"``.
        regions : str or tuple of str, default=("central", "hdr")
            Kinds of regions: "central" intervals, "hdr" for highest-density regions, or both.
        ax, **kwargs
            As in :meth:`plot`.

        Returns
        -------
        CoverageDisplay

        Raises
        ------
        ValueError
            If shapes disagree, a number is not finite or a region is unknown.
        """
        regions = (regions,) if isinstance(regions, str) else regions
        if not isinstance(regions, Collection) or not regions or not set(regions) <= _LABELS.keys():
            raise ValueError(f"regions: expected 'central', 'hdr' or both, got {regions!r}.")
        levels = np.linspace(0.0, 1.0, 101)
        masses = {region: _mass_inside(y_true, mixture, region) for region in regions}
        observed: dict[str, ArrayLike] = {
            region: np.mean(mass.ravel()[:, None] <= levels, axis=0)
            for region, mass in masses.items()
        }
        n_rows = len(next(iter(masses.values())))
        return cls(levels, observed, n_rows).plot(ax, **kwargs)

    def plot(self, ax: Any = None, **kwargs: Any) -> CoverageDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw into; None makes a figure.
        **kwargs : dict
            Keywords of ``Axes.plot``, for both curves.

        Returns
        -------
        CoverageDisplay
        """
        self.ax_ = axes_for(ax)
        self.figure_ = self.ax_.figure
        self.band_ = self.ax_.fill_between(
            self.levels, *self.band.T, color=PALE, lw=0, label="95%, if the model is right"
        )
        (self.diagonal_,) = self.ax_.plot([0, 1], [0, 1], color="0.5", lw=0.8)
        self.lines_ = {}
        for number, (region, share) in enumerate(self.observed.items()):
            line = style(number)
            defaults = {"color": line.color, "linestyle": line.linestyle, "label": _LABELS[region]}
            (self.lines_[region],) = self.ax_.plot(
                self.levels, share, **line_kwargs(defaults, kwargs)
            )
        self.ax_.set(
            xlabel="nominal coverage",
            ylabel=f"observed coverage\n({self.n_rows} rows)",
            xlim=(0.0, 1.0),
            ylim=(0.0, 1.0),
            yticks=np.linspace(0.0, 1.0, 6),
            aspect="equal",
        )
        legend_inside(self.ax_)
        return self


def _mass_inside(y_true: ArrayLike, mixture: Any, region: str) -> np.ndarray:
    """Smallest level whose region contains the outcome, ``(n,)`` or ``(n, D)``."""
    if region == "hdr":
        return hdr_values(y_true, mixture)
    return np.abs(2.0 * pit_values(y_true, mixture) - 1.0)
