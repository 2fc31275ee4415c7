"""The picture of the random searches, after Greff et al. (2017): test scores of each cell, all trials and the best tenth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from archsearch.studies.odyssey import best_trials, tests_of
from archsearch.studies.random_search.training import SearchTrial

INCHES = (8.0, 4.2)


def variants_picture(trials: Mapping[str, Sequence[SearchTrial]], score: str) -> Picture:
    """Return two sets of boxes: quartiles, whiskers over all, a line at the median, a dot at the mean; grey: parameters.

    Args:
        trials: Of each cell, by name.
        score: What their scores are called.
    """
    picture = Picture(figsize=INCHES, layout="constrained")
    left, right = picture.subplots(1, 2)
    best = {name: best_trials(own) for name, own in trials.items()}
    _boxes(left, {name: tests_of(own) for name, own in trials.items()})
    _boxes(right, {name: tests_of(own) for name, own in best.items()})
    left.set_title("all trials")
    left.set_ylabel(f"test: {score}")
    right.set_title("best tenth by validation")
    _bars(
        right, [float(np.mean([trial.parameters for trial in own])) if own else 0.0 for own in best.values()]
    )
    return picture


def _boxes(axes: Axes, scores: Mapping[str, Sequence[float]]) -> None:
    axes.boxplot(
        list(scores.values()),
        whis=(0, 100),
        showmeans=True,
        meanprops={"marker": "o", "markersize": 4, "markerfacecolor": "black", "markeredgecolor": "black"},
        medianprops={"color": "C1"},
    )
    axes.set_xticks(range(1, len(scores) + 1), list(scores), rotation=45, ha="right")


def _bars(axes: Axes, heights: Sequence[float]) -> None:
    behind = axes.twinx()
    behind.bar(range(1, len(heights) + 1), heights, width=0.8, color="lightgrey")
    behind.set_ylabel("parameters, mean of the best tenth", color="grey")
    behind.tick_params(axis="y", colors="grey")
    axes.set_zorder(behind.get_zorder() + 1)
    axes.patch.set_visible(False)
