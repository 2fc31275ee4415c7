"""The noise statement: what clones of the GRU would score, so that luck is not taken for skill.

docs/measuring.md, "Noise and luck", says how.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archsearch.protocol.evaluation import counted_tries
from archsearch.protocol.fitness import best_skill
from archsearch.protocol.history import History
from archsearch.protocol.plan import PlannedTask, RunPlan
from archsearch.protocol.racing import StageTrials
from archsearch.protocol.seeds import generator
from archsearch.referee.luck import best_of_clones

PASS_SHARE = 0.9
"""A gate that is set by noise lets this share of clones through."""

HIGHEST_GATE = 0.9

Array = NDArray[np.float64]


def clone_skills(plan: RunPlan, trials: Mapping[str, Sequence[StageTrials]]) -> dict[str, Array]:
    """Return for each task the best skill of every clone; one without a score, or below the floor, has 0.

    Args:
        plan: The run's plan.
        trials: The noise trials of each task, draw by draw.

    Returns:
        Arrays of shape (draws,).
    """
    return {
        task: np.array([max(0.0, _skill(plan, task, draw)) for draw in draws])
        for task, draws in trials.items()
    }


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


class Statement(NamedTuple):
    """What clones of the GRU would score, as fitness against the baseline of the run.

    Attributes:
        low: The 5 % point of one clone's fitness.
        high: Its 95 % point.
        luck: The median of the best fitness among N clones.
        line: Its 95 % point.
    """

    low: float
    high: float
    luck: float
    line: float


def statement(plan: RunPlan, skills: Mapping[str, Array], clones: int) -> Statement | None:
    """Return what clones would score, by a law that their draws leave possible (`referee.luck`).

    The baseline is one draw, which was lucky or not; the law is that of the draws around their mean, whose place beside the
    baseline they tell as well.

    Args:
        plan: The run's plan.
        skills: Of the draws on each task, the baseline first, of shape (draws,).
        clones: N; 0 is taken as one.

    Returns:
        None where the baseline has learned nothing under these settings, or there is no second draw.
    """
    if any(len(of) < 2 or of[0] <= 0 for of in skills.values()):
        return None
    against = {task: float(of[0]) for task, of in skills.items()}

    def quantile(share: float, of: int) -> float:
        rng = generator("noise", plan.preset_name, 1)
        return best_of_clones(skills, max(1, of), rng, share, against)

    return Statement(
        low=quantile(0.05, 1), high=quantile(0.95, 1), luck=quantile(0.5, clones), line=quantile(0.95, clones)
    )


def is_worth_confirming(history: History, line: float) -> bool:
    """Whether the best found cell has a fitness above a line; start cells are not found."""
    best = history.best_found
    return best is not None and best.fitness > line
