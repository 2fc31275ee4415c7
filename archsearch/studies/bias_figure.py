"""The picture of selection bias: every score of each judged cell against the time at which the search had found it."""

from __future__ import annotations

from matplotlib.figure import Figure as Picture

from archsearch.studies.bias import SCORES, Overrated

INCHES = (7.0, 4.2)

MARKS = dict(zip(SCORES, "o^sD", strict=True))
"""Score -> its mark."""


def bias_picture(found: Overrated) -> Picture:
    """Return the picture: a mark for each score of a cell, all of a cell at its time, and a line that joins them."""
    picture = Picture(figsize=INCHES, layout="constrained")
    axes = picture.subplots()
    for cell in found.cells:
        scores = [score for name in SCORES if (score := getattr(cell, name)) is not None]
        axes.vlines(cell.seconds, min(scores), max(scores), color="lightgrey", linewidth=0.8, zorder=0)
    for name, words in SCORES.items():
        points = [(cell.seconds, score) for cell in found.cells if (score := getattr(cell, name)) is not None]
        axes.plot(*zip(*points, strict=True), MARKS[name], markersize=5, label=words) if points else None
    axes.axhline(1.0, color="grey", linewidth=0.8, linestyle=":")
    axes.set_xlabel("seconds of a core until the search had found the cell")
    axes.set_ylabel("worst task's ratio (GRU = 1)")
    axes.legend(fontsize="small")
    return picture
