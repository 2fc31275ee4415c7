"""The picture of a course: how far a model is from n-grams and n-NN of each n, against its training steps."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib import colormaps
from matplotlib.figure import Figure as Picture

from archsearch.studies.characters.course import CoursePoint

INCHES = (4.4, 3.4)
"""Of a plot."""
SHADES = "viridis"
"""The colours of the contexts, from short to long."""


def course_picture(models: Sequence[tuple[str, Sequence[CoursePoint]]]) -> Picture:
    """Return the picture: a line of plots for each model, n-grams on the left, n-NN on the right if there are any.

    Args:
        models: What each is called, and what it was like after more and more steps.
    """
    rows = []
    for title, points in models:
        rows.append((f"{title}: n-grams", [dict(enumerate(point.divergence)) for point in points]))
        if any(point.windows for point in points):
            rows.append((f"{title}: n-NN", [point.windows for point in points]))
    across = len(rows) // len(models)
    picture = Picture(figsize=(INCHES[0] * across, INCHES[1] * len(models)), layout="constrained")
    widest = max(n for _, found in rows for point in found for n in point)
    steps = [[point.step for point in points] for _, points in models for _ in range(across)]
    grid = picture.subplots(len(models), across, squeeze=False, sharey=True)
    for axes, (title, found), at in zip(grid.flat, rows, steps, strict=True):
        for n in sorted({n for point in found for n in point}):
            shade = colormaps[SHADES](0.95 * n / max(widest, 1))
            values = [point[n] for point in found]
            axes.plot(at, values, marker=".", color=shade, linewidth=1.2, label=f"n = {n}")
        axes.set(xscale="log", yscale="log", title=title)
        axes.set_xlabel("training steps")
        axes.set_ylabel("symmetric divergence, nats")
        axes.legend(fontsize="x-small", ncols=2)
    return picture
