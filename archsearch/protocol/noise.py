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
"""Clones, or groups of clones, that the statement is made of."""

CHUNK = 2_000_000
"""Clones simulated at a time, to bound memory."""

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


def luck(plan: RunPlan, ratios: Mapping[str, Array], clones: int) -> float:
    """Return the median of the best fitness among some clones of the GRU.

    Args:
        plan: The run's plan.
        ratios: Of clones, for each task of shape (ratios,).
        clones: How many.
    """
    if clones < 1:
        return 1.0
    rng = generator("noise", plan.preset_name, clones)
    rows = max(1, CHUNK // clones)
    best = [
        _clones(ratios, rng, min(rows, CLONE_DRAWS - start) * clones).reshape(-1, clones).max(axis=1)
        for start in range(0, CLONE_DRAWS, rows)
    ]
    return float(np.median(np.concatenate(best)))


def is_finding(history: History, luck: float) -> bool:
    """Whether a search has found a cell that is better than the luck of as many clones; start cells are not found."""
    return any(candidate.fitness > luck for candidate in history.ranked if not candidate.is_start)


def _clones(ratios: Mapping[str, Array], rng: np.random.Generator, count: int) -> Array:
    """Return the fitness of `count` clones, each with one ratio drawn per task."""
    fitness = np.full(count, np.inf)
    for clones in ratios.values():
        fitness = np.minimum(fitness, clones[rng.integers(len(clones), size=count)])
    return fitness
