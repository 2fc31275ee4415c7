"""What a report is made of, before anything is drawn: sections of sentences, a table and a chart, all plain values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Value = str | int | float | None
"""What stands in a table; None where there is nothing."""

Kind = Literal["line", "steps", "points", "ranges", "bars"]


@dataclass(frozen=True)
class ShownTable:
    """A table.

    Attributes:
        columns: Headings.
        rows: Values, row by row.
        marked: Rows that stand out, by their place.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    marked: frozenset[int] = frozenset()


@dataclass(frozen=True)
class DrawnSeries:
    """What is drawn with one mark.

    Attributes:
        name: In the legend.
        kind: A line, a line of steps that hold until the next, points, medians with their ranges, or bars.
        x: Numbers; of ranges and bars names.
        y: Numbers, as many.
        low: Of ranges: where each begins.
        high: Where it ends.
        labels: What each point is, for people who point at it; empty for nothing.
        thin: Whether it stands behind the others.
    """

    name: str
    kind: Kind
    x: tuple[float, ...] | tuple[str, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    thin: bool = False


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Attributes:
        title: Above it.
        x: What the horizontal axis is.
        y: What the vertical one is.
        series: What is drawn.
        levels: Horizontal lines, by name.
        names: Of ranges and bars: their names on the horizontal axis, in order; empty for the order in which they come.
    """

    title: str
    x: str
    y: str
    series: tuple[DrawnSeries, ...]
    levels: tuple[tuple[str, float], ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Attributes:
        key: Its name in addresses and files.
        title: Its heading.
        words: Sentences under it.
        panels: Its chart; empty for none.
        table: The same in numbers, or more; None for none.
        folded: Whether the table is folded away at first.
    """

    key: str
    title: str
    words: tuple[str, ...]
    panels: tuple[Panel, ...] = ()
    table: ShownTable | None = None
    folded: bool = False


def names_of(panel: Panel) -> list[str]:
    """Return the names on the horizontal axis of a panel of ranges or bars; none where there are numbers."""
    found = [str(x) for series in panel.series if series.kind in ("ranges", "bars") for x in series.x]
    return list(dict.fromkeys([*panel.names, *found]))


COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b0579a", "#c98a00", "#3f9fd6", "#7a7a00", "#8a8f98")
"""Told apart by people who see colours otherwise, on white and on black (after Okabe and Ito, 2008)."""


def colours_of(panels: Sequence[Panel]) -> dict[str, str]:
    """Return a colour for each name of a chart, the same on all its panels."""
    names = [series.name for panel in panels for series in panel.series]
    names += [name for panel in panels for name, _ in panel.levels]
    return {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(dict.fromkeys(names))}


def value_text(value: Value) -> str:
    """Return a value of a table for people."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    if not math.isfinite(value):
        return "–"
    return f"{value:.3f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.3g}"
