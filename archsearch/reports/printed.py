"""Panels as a picture of matplotlib: the same as the page shows, for papers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.ticker import MaxNLocator

from archsearch.reports.content import DrawnSeries, Panel, colours_of, names_of
from archsearch.words import plain

INCHES, LEGEND = (4.6, 3.0), 0.6
"""Of a panel, and the height of what is under all of them."""

LONGEST = 60
"""Letters of a text; a chart would have no room left beside more."""

CROWDED = 40
"""Letters under an axis from which on they are turned."""

ACROSS = 2
GROUP = 0.8
"""How much of the room of a name its bars or ranges take together."""


def as_written(text: str) -> str:
    """Return a text from data that matplotlib shows as it is; a dollar would begin a formula. Long ones are cut."""
    shown = plain(text)
    return (shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…").replace("$", r"\$")


def picture_inches(panels: Sequence[Panel]) -> tuple[float, float]:
    """Return how wide and how high the picture of a chart is."""
    across = min(ACROSS, len(panels))
    return INCHES[0] * across, INCHES[1] * -(-len(panels) // across) + LEGEND


def printed_panels(panels: Sequence[Panel]) -> Picture:
    """Return one picture of all panels of a chart, two beside each other, and a legend of all under them."""
    across = min(ACROSS, len(panels))
    down, colours = -(-len(panels) // across), colours_of(panels)
    picture = Picture(figsize=picture_inches(panels), layout="constrained")
    marks: dict[str, Artist] = {}
    for place, panel in enumerate(panels):
        axes = picture.add_subplot(down, across, place + 1)
        _draw(axes, panel, colours)
        handles, labels = axes.get_legend_handles_labels()
        marks |= dict(zip(labels, handles, strict=True))
    if marks:
        columns = 3 * across
        picture.legend(
            list(marks.values()), list(marks), loc="outside lower center", ncols=columns, fontsize="small"
        )
    return picture


def _draw(axes: Axes, panel: Panel, colours: dict[str, str]) -> None:
    names = names_of(panel)
    for place, series in enumerate(panel.series):
        if names:
            _draw_group(axes, series, names, colours[series.name], (place, len(panel.series)))
        else:
            _draw_series(axes, series, colours[series.name])
    for name, level in panel.levels:
        axes.axhline(level, linestyle=":", linewidth=1.0, color=colours[name], label=as_written(name))
    if names:
        turned: Any = {"rotation": 20, "ha": "right"} if sum(map(len, names)) > CROWDED else {}
        axes.set_xticks(range(len(names)), list(map(as_written, names)), **turned)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_title(as_written(panel.title), fontsize="medium")
    axes.set_xlabel(as_written(panel.x))
    axes.set_ylabel(as_written(panel.y))


def _draw_series(axes: Axes, series: DrawnSeries, colour: str) -> None:
    label = as_written(series.name)
    if series.kind == "points":
        size, alpha = (2.0, 0.45) if series.thin else (5.0, 0.9)
        axes.plot(
            series.x,
            series.y,
            "o",
            markersize=size,
            alpha=alpha,
            color=colour,
            label=label,
            markeredgewidth=0,
        )
    else:
        style = "steps-post" if series.kind == "steps" else "default"
        width, alpha = (0.6, 0.45) if series.thin else (1.4, 1.0)
        axes.plot(
            series.x, series.y, drawstyle=style, linewidth=width, alpha=alpha, color=colour, label=label
        )


def _draw_group(
    axes: Axes, series: DrawnSeries, names: Sequence[str], colour: str, of: tuple[int, int]
) -> None:
    """Draw bars or ranges beside those of the other series.

    Args:
        axes: Where.
        series: What.
        names: All names on the axis, in order.
        colour: Its colour.
        of: Its place among the series, and how many these are.
    """
    place, count = of
    width, y = GROUP / count, np.array(series.y)
    x = np.array([names.index(str(each)) for each in series.x]) + (place - (count - 1) / 2) * width
    if series.kind == "bars":
        axes.bar(x, y, width, color=colour, label=as_written(series.name))
    else:
        reach = np.maximum([y - np.array(series.low), np.array(series.high) - y], 0.0)
        axes.errorbar(
            x, y, reach, fmt="o", markersize=4, color=colour, linewidth=1.2, label=as_written(series.name)
        )
