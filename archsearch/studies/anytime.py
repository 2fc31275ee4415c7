"""The picture of a study of strategies: the best cell's fitness against trials, and against seconds of a core."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from archsearch.studies.comparison import Contest, Point

INCHES = (9.0, 3.8)


def anytime_picture(found: Contest) -> Picture:
    """Return the picture of the anytime curves, with 95 % intervals."""
    picture = Picture(figsize=INCHES, layout="constrained")
    by_trials, by_seconds = picture.subplots(1, 2, sharey=True)
    for row in found.rows:
        _curve(by_trials, row.by_trials, row.strategy)
        _curve(by_seconds, row.by_seconds, row.strategy)
    by_trials.set_xlabel("trials")
    by_seconds.set_xlabel("seconds of a core")
    by_trials.set_ylabel("best cell's fitness (GRU = 1)")
    for axes in (by_trials, by_seconds):
        axes.axhline(1.0, color="grey", linewidth=0.8, linestyle=":")
        axes.grid(alpha=0.3)
    by_seconds.legend(fontsize="small")
    return picture


def _curve(axes: Axes, points: Sequence[Point], name: str) -> None:
    spent = [point.spent for point in points]
    (line,) = axes.plot(spent, [point.best.value for point in points], label=name, drawstyle="steps-post")
    ends = [(point.best.low, point.best.high) for point in points]
    known = [(low, high) for low, high in ends if low is not None and high is not None]
    if len(known) == len(points):
        low, high = zip(*known, strict=True)
        axes.fill_between(spent, low, high, color=line.get_color(), alpha=0.15, linewidth=0, step="post")
