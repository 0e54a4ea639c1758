"""Axes to draw into, and the styles that all pictures share."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from skmdn.metrics.real_numbers import as_numbers

# Pictures end here: distances of larger numbers are beyond float64.
FARTHEST = 1e300


class Style(NamedTuple):
    """Style of one line among several: they differ in colour, dashes (for grey print), marker."""

    color: str
    linestyle: Any
    marker: str


# The colours of Okabe and Ito, which colour-blind readers can tell apart, from dark to light.
STYLES = [
    Style("#000000", "-", "o"),
    Style("#D55E00", (0, (6, 1.5)), "s"),
    Style("#0072B2", (0, (1.2, 1.2)), "^"),
    Style("#CC79A7", (0, (6, 1.5, 1.2, 1.5)), "D"),
    Style("#009E73", (0, (3, 1.2)), "v"),
    Style("#E69F00", (0, (10, 2)), "P"),
    Style("#56B4E9", (0, (1.2, 2.5)), "X"),
]

BLACK, VERMILLION, BLUE = STYLES[0].color, STYLES[1].color, STYLES[2].color
PALE = "0.85"  # a grey for bands behind black lines


def style(number: int) -> Style:
    """Style of the line with this number; after seven, styles repeat."""
    return STYLES[number % len(STYLES)]


def axes_for(ax: Any) -> Any:
    """The axes given, or the axes of a new figure."""
    if ax is None:
        return pyplot().subplots(layout="constrained")[1]
    if is_axes(ax):
        return ax
    shape = f" of shape {ax.shape}" if isinstance(ax, np.ndarray) else ""
    raise ValueError(
        f"ax: expected one matplotlib Axes, got {type(ax).__name__}{shape}; pass one of them, "
        "such as ax[0, 0]."
    )


def is_axes(ax: Any) -> bool:
    """Whether this is one matplotlib Axes."""
    return hasattr(ax, "transAxes")


def check_limits(limits: ArrayLike | None, name: str) -> tuple[float, float] | None:
    """Lower and upper limit of an axis."""
    if limits is None:
        return None
    pair = as_numbers(limits, name)
    if pair.shape != (2,) or not pair[0] < pair[1]:
        raise ValueError(f"{name}: expected two numbers, the lower one first, got {limits!r}.")
    return float(pair[0]), float(pair[1])


def pyplot() -> Any:
    """matplotlib.pyplot, imported when something is drawn."""
    try:
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise ImportError(
            "skmdn.plotting draws with matplotlib, which is not installed: "
            "pip install 'skmdn[plot]'."
        ) from error
    return plt


def line_kwargs(defaults: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Keywords of a line: the defaults, overridden by those given, short names or long."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    return {**normalize_kwargs(defaults, Line2D), **normalize_kwargs(given, Line2D)}
