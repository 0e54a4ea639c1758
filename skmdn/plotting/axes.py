"""Axes to draw into, and the styles that all pictures share."""

from __future__ import annotations

from typing import Any, NamedTuple


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
    if ax is not None:
        return ax
    return pyplot().subplots(layout="constrained")[1]


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


def legend_above(ax: Any, columns: int = 3) -> None:
    """A legend above the axes, where it hides nothing."""
    ax.legend(
        loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=columns, frameon=False, fontsize="small"
    )
