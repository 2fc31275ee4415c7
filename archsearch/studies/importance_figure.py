"""The picture of what each hyper-parameter does to the test score, the others averaged out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure as Picture

from archsearch.studies.fanova import curve_of
from archsearch.studies.importance import EVERY, forests
from archsearch.studies.random_search.ranges import RANGES
from archsearch.tasks.task import Numbers

INCHES, POINTS, UNITS = (10.0, 3.4), 101, (20, 50, 100, 200)


def marginals_picture(scored: Mapping[str, tuple[Numbers, Numbers]], score: str) -> Picture:
    """Return a plot for each hyper-parameter, with a curve for each cell.

    Args:
        scored: As `importance.scored_settings` returns it: places of shape (trials, 4), and scores, shape (trials,).
        score: What the scores are called.
    """
    picture = Picture(figsize=INCHES, layout="constrained")
    grown, places = forests(scored), np.linspace(0, 1, POINTS)
    every = picture.subplots(1, len(RANGES), sharey=True)
    for number, (axes, (title, given)) in enumerate(zip(every, RANGES.items(), strict=True)):
        values = [given.value(float(place)) for place in places]
        shown = [1 - value for value in values] if given.scale == "one less log" else values
        for name, forest in grown.items():
            mean, spread = curve_of(forest, number, places)
            whole = name == EVERY or len(grown) == 1
            axes.plot(
                shown, mean, color="black" if whole else None, linewidth=2 if whole else 0.8, label=name
            )
            if whole:
                axes.fill_between(shown, mean - spread, mean + spread, color="grey", alpha=0.3, linewidth=0)
        axes.set_xscale("linear" if given.scale == "linear" else "log")
        if title == "units":
            axes.set_xticks(UNITS, list(map(str, UNITS)))
            axes.minorticks_off()
        axes.set_xlabel("1 - momentum" if title == "momentum" else title)
    every[0].set_ylabel(f"test: {score}")
    every[-1].legend(fontsize="x-small", loc="center left", bbox_to_anchor=(1.0, 0.5))
    return picture
