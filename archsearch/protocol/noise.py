"""The noise statement: what clones of the GRU would score, so that luck is taken for no finding.

docs/measuring.md, "Noise and luck", says how.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from archsearch.protocol.fitness import best_skill
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.racing import Outcomes
from archsearch.protocol.records import HOST_STATUSES, Try
from archsearch.protocol.references import noise_trials
from archsearch.protocol.seeds import generator

DRAWS = 10_000
CHUNK = 2_000_000
"""Clones simulated at a time, to bound memory."""

PASS_SHARE = 0.9
"""A gate that is set by noise lets this share of clones through."""

HIGHEST_GATE = 0.9

Array = NDArray[np.float64]


def clone_ratios(plan: RunPlan, outcomes: Outcomes) -> dict[str, Array]:
    """Return for each task the ratios of every clone of the GRU against every other; a clone without a score has 0."""
    ratios = {}
    for task, draws in noise_trials(plan, outcomes).items():
        skills = []
        for trials in draws:
            ended = {trial.setting: outcome for trial in trials if (outcome := outcomes(trial)) is not None}
            tries = {s: Try(o.score, o.units) for s, o in ended.items() if o.status not in HOST_STATUSES}
            best = best_skill(plan, task, tries)
            skills.append(best[0] if best else 0.0)
        ratios[task] = np.array(
            [a / b for i, a in enumerate(skills) for j, b in enumerate(skills) if i != j and b > 0] or [1.0]
        )
    return ratios


def gates(plan: RunPlan, ratios: dict[str, Array]) -> dict[str, float]:
    """Return each task's gate: the preset's, or the highest that clones pass with 90 %, in hundredths."""
    found = {}
    for course in plan.courses:
        if course.plan.gate == "noise":
            quantile = float(np.quantile(ratios[course.task], 1 - PASS_SHARE, method="lower"))
            hundredths = math.floor(quantile * 100)
            while hundredths / 100 >= quantile:  # the gate itself is not passed
                hundredths -= 1
            found[course.task] = max(0.0, min(HIGHEST_GATE, hundredths / 100))
        else:
            found[course.task] = float(course.plan.gate)
    return found


def pass_shares(ratios: dict[str, Array], gate: dict[str, float]) -> dict[str, float]:
    """Return for each task the share of clones that pass its gate."""
    return {task: float(np.mean(of > gate[task])) for task, of in ratios.items()}


def band(plan: RunPlan, ratios: dict[str, Array]) -> tuple[float, float]:
    """Return the 5 and 95 % points of a clone's fitness, the minimum over tasks."""
    clones = _clones(ratios, generator("noise", plan.preset_name, 1), DRAWS)
    return float(np.quantile(clones, 0.05)), float(np.quantile(clones, 0.95))


def luck(plan: RunPlan, ratios: dict[str, Array], clones: int) -> float:
    """Return the median of the best fitness among `clones` clones of the GRU."""
    if clones < 1:
        return 1.0
    rng = generator("noise", plan.preset_name, clones)
    rows = max(1, CHUNK // clones)
    best = [
        _clones(ratios, rng, min(rows, DRAWS - start) * clones).reshape(-1, clones).max(axis=1)
        for start in range(0, DRAWS, rows)
    ]
    return float(np.median(np.concatenate(best)))


def _clones(ratios: dict[str, Array], rng: np.random.Generator, count: int) -> Array:
    """Return the fitness of `count` clones, each with one ratio drawn per task."""
    fitness = np.full(count, np.inf)
    for of in ratios.values():
        fitness = np.minimum(fitness, of[rng.integers(len(of), size=count)])
    return fitness
