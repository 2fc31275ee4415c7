"""The noise statement: what clones of the GRU would score, so that luck is taken for no finding.

docs/measuring.md, "Noise and luck", says how.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from archsearch.protocol.evaluation import counted_tries
from archsearch.protocol.fitness import best_skill
from archsearch.protocol.history import History
from archsearch.protocol.plan import PlannedTask, RunPlan
from archsearch.protocol.racing import StageTrials
from archsearch.protocol.seeds import generator

CLONE_DRAWS = 10_000
"""Clones that the band is made of."""

PASS_SHARE = 0.9
"""A gate that is set by noise lets this share of clones through."""

HIGHEST_GATE = 0.9

Array = NDArray[np.float64]


def clone_ratios(plan: RunPlan, trials: Mapping[str, Sequence[StageTrials]]) -> dict[str, Array]:
    """Return for each task the ratios of every clone of the GRU against every other; a clone without a score has 0.

    Args:
        plan: The run's plan.
        trials: The noise trials of each task, draw by draw.

    Returns:
        Arrays of shape (ratios,).
    """
    return {task: _ratios([_skill(plan, task, draw) for draw in draws]) for task, draws in trials.items()}


def _skill(plan: RunPlan, task: str, draw: StageTrials) -> float:
    best = best_skill(plan, task, counted_tries(draw))
    return best[0] if best else 0.0


def _ratios(skills: list[float]) -> Array:
    pairs = itertools.permutations(skills, 2)
    return np.array([skill / other for skill, other in pairs if other > 0] or [1.0])


def gates(plan: RunPlan, ratios: Mapping[str, Array]) -> dict[str, float]:
    """Return each task's gate: the preset's, or the highest that clones pass with 90 %, in hundredths.

    Args:
        plan: The run's plan.
        ratios: Of clones, for each task of shape (ratios,).
    """
    return {task.name: _gate(task, ratios) for task in plan.tasks}


def _gate(task: PlannedTask, ratios: Mapping[str, Array]) -> float:
    if task.rules.gate != "noise":
        return float(task.rules.gate)
    quantile = float(np.quantile(ratios[task.name], 1 - PASS_SHARE, method="lower"))
    hundredths = math.floor(quantile * 100)
    while hundredths / 100 >= quantile:  # the gate itself is not passed
        hundredths -= 1
    return max(0.0, min(HIGHEST_GATE, hundredths / 100))


def pass_shares(ratios: Mapping[str, Array], gate: Mapping[str, float]) -> dict[str, float]:
    """Return for each task the share of clones, of shape (ratios,), that pass its gate."""
    return {task: float(np.mean(clones > gate[task])) for task, clones in ratios.items()}


def band(plan: RunPlan, ratios: Mapping[str, Array]) -> tuple[float, float]:
    """Return the 5 and 95 % points of a clone's fitness, the minimum over tasks of ratios of shape (ratios,)."""
    clones = _clones(ratios, generator("noise", plan.preset_name, 1), CLONE_DRAWS)
    return float(np.quantile(clones, 0.05)), float(np.quantile(clones, 0.95))


def luck(ratios: Mapping[str, Array], clones: int) -> float:
    """Return the median of the best fitness among some clones of the GRU, each with one ratio drawn per task.

    The best of N clones is at most x if all of them are, so with the chance F(x)^N. The median is the least x where that is
    one half or more.

    Args:
        plan: The run's plan.
        ratios: Of clones, for each task of shape (ratios,).
        clones: How many.
    """
    if clones < 1:
        return 1.0
    fitness = np.unique(np.concatenate(list(ratios.values())))
    above = np.prod([_shares_above(each, fitness) for each in ratios.values()], axis=0)
    with np.errstate(divide="ignore"):
        none_above = clones * np.log1p(-above)  # the logarithm of the chance that no clone is better
    return float(fitness[np.argmax(none_above >= math.log(0.5))])


def _shares_above(ratios: Array, fitness: Array) -> Array:
    """Return for each fitness, of shape (F,), the share of ratios, of shape (R,), that are above it; of shape (F,)."""
    return 1 - np.searchsorted(np.sort(ratios), fitness, side="right") / len(ratios)


def is_finding(history: History, luck: float) -> bool:
    """Whether a search has found a cell that is better than the luck of as many clones; start cells are not found."""
    best = history.best_found
    return best is not None and best.fitness > luck


def _clones(ratios: Mapping[str, Array], rng: np.random.Generator, count: int) -> Array:
    """Return the fitness of `count` clones, each with one ratio drawn per task."""
    fitness = np.full(count, np.inf)
    for clones in ratios.values():
        fitness = np.minimum(fitness, clones[rng.integers(len(clones), size=count)])
    return fitness
