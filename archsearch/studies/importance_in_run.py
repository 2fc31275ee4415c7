"""Which settings decide the skill of a run's trials: shares of variance, task by task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from archsearch.protocol.seeds import generator, seed_of
from archsearch.protocol.settings import Setting
from archsearch.studies.fanova import forest_of, shares_of
from archsearch.tasks.task import Numbers

MOST, TREES, DRAWS = 500, 16, 10
"""Trials of a task that are looked at, trees of a forest, and times that trials are drawn again for an interval."""

FEW, WITHIN = 10, 0.9
"""Trials below which nothing is said of a task, and the share of the draws that lies in an interval."""

Skills = Mapping[str, Sequence[tuple[Setting, float | None]]]
"""Task -> settings with their skills; None for a trial that diverged, which is left out."""


def importance_in_run(skills: Skills) -> dict[str, dict[str, tuple[float, float, float]]]:
    """Return for each task the share of the variance of skill that each setting explains by itself, with its interval.

    Tasks with too few trials, and settings with a single value, are left out.
    """
    found = {}
    for task, trials in skills.items():
        scored = [(setting, skill) for setting, skill in trials if skill is not None][:MOST]
        axes = _axes([setting for setting, _ in scored])
        if len(scored) >= FEW and axes:
            found[task] = _shares(task, _places(axes, [setting for setting, _ in scored]), scored, list(axes))
    return found


def _axes(settings: Sequence[Setting]) -> dict[str, list[object]]:
    """Return the hyper-parameters that have several values, with these in order."""
    values = {axis: sorted({getattr(each, axis) for each in settings}) for axis in Setting.__struct_fields__}
    return {axis: list(of) for axis, of in values.items() if len(of) > 1}


def _places(axes: Mapping[str, list[object]], settings: Sequence[Setting]) -> Numbers:
    """Return each setting as places from 0 to 1, shape (trials, axes): every value has an equal part of its axis."""
    return np.array(
        [[(of.index(getattr(each, axis)) + 0.5) / len(of) for axis, of in axes.items()] for each in settings]
    )


def _shares(
    task: str, places: Numbers, scored: Sequence[tuple[Setting, float]], axes: Sequence[str]
) -> dict[str, tuple[float, float, float]]:
    """Return the shares of one task.

    Args:
        task: Its name.
        places: The settings, shape (trials, axes).
        scored: The same with their skills.
        axes: What the settings are called.
    """
    scores, rng = np.array([skill for _, skill in scored]), generator("importance in run", task)
    shares = shares_of(forest_of(places, scores, seed_of("importance in run", task) % 2**32, TREES))
    drawn = []
    for _ in range(DRAWS):
        picked = rng.integers(len(scores), size=len(scores))
        drawn.append(shares_of(forest_of(places[picked], scores[picked], int(rng.integers(2**31)), TREES)))
    found = {}
    for number, axis in enumerate(axes):
        low, high = np.quantile([each[number,] for each in drawn], [(1 - WITHIN) / 2, (1 + WITHIN) / 2])
        found[axis] = (shares[number,], float(low), float(high))
    return found
