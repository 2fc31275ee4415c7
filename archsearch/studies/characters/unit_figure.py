"""The picture of units: lines of a text, each symbol on the colour of what a unit says after it."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure as Picture
from matplotlib.patches import Rectangle

from archsearch.studies.characters.page import colour, shade_of
from archsearch.studies.characters.text import Bytes
from archsearch.tasks.task import Numbers

ACROSS = 80
"""Symbols of a line."""
LINES = 16
"""Lines for each unit."""
WIDE, HIGH = 0.09, 0.19
"""Inches of a symbol."""


def units_picture(content: Bytes, units: Sequence[tuple[str, Numbers]]) -> Picture:
    """Return the picture, the first lines of the text for each unit.

    Args:
        content: The bytes of the text, shape (length,).
        units: What each unit is called, and what it says after each byte, in -1..1, shape (length,).
    """
    places = _places(content.tobytes())
    down = max((line for line, _, _ in places), default=0) + 1
    picture = Picture(figsize=(WIDE * ACROSS, (HIGH * down + 0.35) * len(units)), layout="constrained")
    for axes, (name, values) in zip(picture.subplots(len(units), squeeze=False).flat, units, strict=True):
        axes.set(xlim=(0, ACROSS), ylim=(down, 0))
        axes.axis("off")
        axes.set_title(name, loc="left", fontsize=9)
        for line, column, place in places:
            shade = colour(shade_of(values[place]))
            axes.add_patch(Rectangle((column, line), 1, 1, facecolor=shade, linewidth=0))
            letter = chr(content[place])
            if letter.isprintable() and content[place] < 128:
                where = (column + 0.5, line + 0.72)
                axes.text(*where, letter.replace("$", r"\$"), fontsize=8, family="monospace", ha="center")
    return picture


def _places(content: bytes) -> list[tuple[int, int, int]]:
    """Return line, column and number of each byte that is shown."""
    found, line, column = [], 0, 0
    for place, byte in enumerate(content):
        if byte == 13:
            continue
        if column == ACROSS:
            line, column = line + 1, 0
        if line == LINES:
            break
        found.append((line, column, place))
        line, column = (line + 1, 0) if byte == 10 else (line, column + 1)
        if line == LINES:
            break
    return found
