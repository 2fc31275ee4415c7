"""Panels as figures of plotly: a person may point at them, zoom, and hide what they do not want."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as plotly

from archsearch.reports.content import DrawnSeries, Panel, colours_of, names_of
from archsearch.words import plain

HEIGHT = 380
GRID = "rgba(128, 128, 128, 0.25)"
CLEAR = "rgba(0, 0, 0, 0)"


def shown_as_text(text: str) -> str:
    """Return a text from data that plotly shows as it is; otherwise some tags in it would be obeyed."""
    return html.escape(plain(text))


def interactive(panels: Sequence[Panel]) -> list[plotly.Figure]:
    """Return a figure for each panel of a chart."""
    colours = colours_of(panels)
    return [_figure(panel, colours) for panel in panels]


def _figure(panel: Panel, colours: dict[str, str]) -> plotly.Figure:
    figure = plotly.Figure([_trace(series, colours[series.name]) for series in panel.series])
    for name, level in panel.levels:
        figure.add_hline(
            y=level, line={"dash": "dot", "color": colours[name]}, annotation_text=shown_as_text(name)
        )
    names = list(map(shown_as_text, names_of(panel)))
    figure.update_layout(
        template=plotly.layout.Template(),
        title={"text": shown_as_text(panel.title), "font": {"size": 15}, "x": 0, "xref": "paper"},
        height=HEIGHT,
        margin={"l": 60, "r": 15, "t": 45, "b": 50},
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        legend={"orientation": "h", "y": -0.22},
        barmode="group",
        hovermode="closest",
    )
    axis: dict[str, Any] = {"gridcolor": GRID, "zeroline": False, "linecolor": GRID}
    figure.update_xaxes(title=shown_as_text(panel.x), automargin=True, **axis)
    if any(series.kind == "ranges" for series in panel.series):  # side by side; it lets the axis begin at 0
        figure.update_layout(scattermode="group")
    if names:
        figure.update_xaxes(type="category", categoryorder="array", categoryarray=names)
    figure.update_yaxes(title=shown_as_text(panel.y), automargin=True, **axis)
    return figure


def _trace(series: DrawnSeries, colour: str) -> Any:
    text = [shown_as_text(label) for label in series.labels] or None
    common: dict[str, Any] = {"name": shown_as_text(series.name), "text": text, "y": list(series.y)}
    common["x"] = [shown_as_text(each) if isinstance(each, str) else each for each in series.x]
    if series.kind == "bars":
        return plotly.Bar(**common, marker={"color": colour})
    if series.kind == "ranges":
        over = [high - y for y, high in zip(series.y, series.high, strict=True)]
        under = [y - low for y, low in zip(series.y, series.low, strict=True)]
        reach = {"type": "data", "symmetric": False, "array": over, "arrayminus": under, "color": colour}
        return plotly.Scatter(
            **common,
            mode="markers",
            marker={"color": colour, "size": 8},
            error_y=reach,
            offsetgroup=common["name"],
        )
    if series.kind == "points":
        marker = {"color": colour, "size": 4 if series.thin else 8, "opacity": 0.45 if series.thin else 0.9}
        return plotly.Scatter(**common, mode="markers", marker=marker)
    shape = "hv" if series.kind == "steps" else "linear"
    return plotly.Scatter(**common, mode="lines", line={"color": colour, "shape": shape, "width": 2})
