"""The roofline of a measurement: how fast native rows multiply, beside how much they compute for each byte that they move.

After Williams, Waterman and Patterson (2009).
"""

from __future__ import annotations

from math import atan2, degrees, log10
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

WIDE, LEAST_HIGH = 8.5, 4.6
LINE = 0.18
"""Inches that a name needs."""

PLACE = (0.08, 0.12, 0.6, 0.8)
"""Of the axes in the picture: left, bottom, width and height; the names stand at their right."""

COLOURS = {"compute": "#1f6feb", "calls": "#d29922"}
ELSE = "#cf222e"
"""Of rows that are held back by what they move."""

KINDS = {"rows": "o", "training_steps": "s"}
"""Part of the document -> its mark: layers, and whole training steps."""


def roofline_picture(document: dict[str, Any]) -> Picture:
    """Return the picture of a document of `archsearch bench --json`; rows without counted work are not in it."""
    machine = document["machine"]
    points = [
        (_intensity(row), row["work"]["flops"] / row["ms"] / 1e6, row, KINDS[kind])
        for kind in KINDS
        for row in document[kind]
        if row["limits"] is not None
    ]
    points.sort(key=lambda point: point[1])
    picture = Picture(figsize=(WIDE, max(LEAST_HIGH, 1.5 + LINE * len(points))))
    axes = picture.add_axes(PLACE)
    bottom = min([machine["peak_gflops"] / 10, *(rate / 1.5 for _, rate, *_ in points)])
    right = max([10.0, *(intensity for intensity, *_ in points)]) * 2
    _roofs(axes, machine, bottom, right)
    for number, (intensity, rate, row, mark) in enumerate(points):
        colour = COLOURS.get(row["limits"]["limit"], ELSE)
        axes.plot(intensity, rate, mark, color=colour, markersize=5)
        axes.annotate(
            _words(row),
            (intensity, rate),
            (1.03, (number + 0.5) / len(points)),
            textcoords="axes fraction",
            fontsize=7,
            va="center",
            arrowprops={
                "arrowstyle": "-",
                "color": "lightgrey",
                "linewidth": 0.6,
                "shrinkB": 3,
                "relpos": (0, 0.5),
            },
        )
    axes.set_xlabel("operations for each byte that moves")
    axes.set_ylabel("GFLOP/s")
    axes.set_title(f"{machine['processor']}, {machine['instructions']}, one core", fontsize=9)
    return picture


def _intensity(row: dict[str, Any]) -> float:
    work = row["work"]
    return float(work["flops"] / max(sum(one["bytes"] for one in work["traffic"]), 1))


def _words(row: dict[str, Any]) -> str:
    """Return e.g. `gru B20T35H96: compute 66 %`; a training step says its parameters."""
    limits = row["limits"]
    sizes = (
        f"{row['parameters']:,} parameters"
        if "parameters" in row
        else f"B{row['batch']}T{row['steps']}H{row['width']}"
    )
    return f"{row['cell']} {sizes}: {limits['limit']} {100 * limits['share']:.0f} %"


def _roofs(axes: Axes, machine: dict[str, Any], bottom: float, right: float) -> None:
    """Draw the peak and the slope of each level, with their names along them.

    Args:
        axes: Where.
        machine: The part of the document.
        bottom: The least rate that is seen.
        right: The largest intensity.
    """
    peak, levels = machine["peak_gflops"], machine["levels"]
    axes.set(xscale="log", yscale="log")
    axes.set_xlim(bottom / levels[0]["gbs"] / 1.5, right)
    axes.set_ylim(bottom, peak * 1.4)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    slope = _angle(axes)
    axes.plot((peak / levels[0]["gbs"], right), (peak, peak), color="black", linewidth=1)
    axes.text(right / 1.05, peak * 1.04, f"peak {peak:.0f} GFLOP/s", fontsize=7, ha="right")
    for level in levels:
        begin = bottom / level["gbs"]
        axes.plot((begin, peak / level["gbs"]), (bottom, peak), color="grey", linewidth=0.8)
        axes.text(
            begin * 1.05,
            bottom * 1.12,
            f"{level['name']} {level['gbs']:.0f} GB/s",
            fontsize=7,
            rotation=slope,
            rotation_mode="anchor",
            color="dimgrey",
        )


def _angle(axes: Axes) -> float:
    """Return at how many degrees a line rises that is ten times as high where it is ten times as far."""
    box = axes.get_window_extent()
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    return degrees(atan2(box.height / log10(top / bottom), box.width / log10(right / left)))
