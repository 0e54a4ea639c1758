"""A legend inside the axes, where neither a title nor a neighbour collides with it."""

from __future__ import annotations

from typing import Any

_SIZE = "small"
_CHARACTER = 0.52  # mean width of a character, in font sizes
_HANDLE, _SPACE, _PAD = 2.8, 1.0, 0.8  # width of a handle, between columns, around the legend
_LINE = 1.5  # height of a line
_MOST = 0.6  # of the height of the axes


def legend_inside(ax: Any, handles: list[Any] | None = None, title: str | None = None) -> None:
    """A legend at the upper end; the upper limit of y is raised so that it hides nothing."""
    from matplotlib.font_manager import FontProperties

    if handles is None:
        handles = ax.get_legend_handles_labels()[0]
    if not handles:
        return
    labels = [str(handle.get_label()) for handle in handles]
    size = FontProperties(size=_SIZE).get_size_in_points()
    width, height = ax.bbox.size * 72.0 / (ax.figure.dpi * size)  # in font sizes
    if ax.get_aspect() != "auto":  # drawn smaller than their place
        width = height = min(width, height)
    columns = _columns(labels, float(width))
    n_lines = -(-len(labels) // columns) + sum(label.count("\n") for label in labels)
    n_lines += 0 if title is None else 1 + title.count("\n")
    share = min(_MOST, (_LINE * n_lines + 1.0) / float(height))
    low, high = ax.get_ylim()
    ax.set_ylim(low, low + (high - low) / (1.0 - share))
    draw_legend(ax, handles, title=title, loc="upper left", ncols=columns)


def draw_legend(ax: Any, handles: list[Any] | None = None, **kwargs: Any) -> None:
    """A small legend on a slightly transparent background."""
    if handles is not None:
        kwargs["handles"] = handles
    legend = ax.legend(
        fontsize=_SIZE,
        title_fontsize=_SIZE,
        alignment="left",
        framealpha=0.7,
        edgecolor="none",
        handlelength=2.0,
        columnspacing=_SPACE,
        borderaxespad=0.2,
        **kwargs,
    )
    legend.set_in_layout(False)  # in small axes it is wider than they are


def _columns(labels: list[str], width: float) -> int:
    """Number of columns that fit into a width in font sizes, at least one."""
    longest = max(len(line) for label in labels for line in label.split("\n"))
    column = _CHARACTER * longest + _HANDLE + _SPACE
    return max(1, min(len(labels), int((width - _PAD + _SPACE) / column)))
