"""How far a score lies from what validation data without end would give, and which parts are too small to tell skill by.

docs/measuring.md, "Sampling error".
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from archsearch.errors import TaskError
from archsearch.protocol.ladder import table_of
from archsearch.protocol.plan import PlannedTask, RunPlan

LEAST_SCORED = 50
"""Scored positions of a validation below which a score is no figure, however little the spread of the floor's predictor."""

LARGEST_ERROR = 0.05
"""The largest standard error of a skill: with a larger one not even its first digit is known."""

EVEN_ODDS = 0.5
"""The largest standard deviation of right or wrong."""


def score_error(plan: RunPlan, task: PlannedTask, scored: int) -> float:
    """Return the standard error of a score of a validation.

    Positions of a stream are taken as independent, and their spread is that midway between floor and ceiling.

    Args:
        plan: The run's plan.
        task: One of its tasks.
        scored: How many positions the validation scores, at least 1.
    """
    as_published = plan.rule == "published" and task.facts.measure != "accuracy"  # its score is the accuracy
    return (EVEN_ODDS if as_published else task.facts.spread) / math.sqrt(scored)


def skill_error(plan: RunPlan, task: PlannedTask, scored: int) -> float:
    """Return the standard error of a skill.

    Args:
        plan: The run's plan.
        task: One of its tasks.
        scored: How many positions the validation scores, at least 1.
    """
    scale = 1.0 if plan.rule == "published" else abs(task.facts.ceiling - task.facts.floor)
    return score_error(plan, task, scored) / scale


def check_validation(plan: RunPlan, scored: Mapping[str, int]) -> None:
    """Refuse tasks whose validation is too small to tell skill by.

    Args:
        plan: The run's plan.
        scored: How many positions the validation of each task scores, by full name; 0 where that is not known.

    Raises:
        TaskError: Names the task, how many positions it has, and how many it takes.
    """
    for task in plan.tasks:
        count = scored.get(task.full_name, 0)
        if count and (count < LEAST_SCORED or skill_error(plan, task, count) > LARGEST_ERROR):
            error = skill_error(plan, task, count)
            needed = max(LEAST_SCORED, math.ceil(count * (error / LARGEST_ERROR) ** 2))
            table = table_of(plan.preset, task.name)
            raise TaskError(
                f"{task.described}: its validation scores {count:,} positions, too few for a figure (a skill would be "
                f"uncertain by {error:.2g}); {needed:,} are needed: more data, or more windows ([{table}] validation in "
                "the preset)"
            )
