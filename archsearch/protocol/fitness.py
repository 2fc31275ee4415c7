"""Fitness: the worst task's ratio to the baseline (Jozefowicz et al. 2015, Eq. 1), under either rule."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Try
from archsearch.protocol.settings import Setting

Tries = Mapping[str, Mapping[Setting, Try]]
"""The trials of one cell: task -> setting -> what came of it. Trials that the host ended are absent."""


class TaskResult(msgspec.Struct, frozen=True):
    """A cell's best on one task.

    Attributes:
        score: The best score, over the settings that the ratio compares.
        skill: The same as skill; the score itself under `published`.
        ratio: Against the baseline's best, over the same settings under `paired`, over its whole grid under `published`.
        setting: Where the best score was reached.
        units: The width there.
        settings: How many settings that are.
        steps: Training steps of the best trial, fewer than the task's where racing stopped it.
    """

    score: float
    skill: float
    ratio: float
    setting: Setting
    units: int
    settings: int
    steps: int


class Judgement(msgspec.Struct, frozen=True):
    """A cell's fitness and what it is made of.

    Attributes:
        fitness: The worst task's ratio.
        tasks: The cell's best on each task.
        diverged: Share of the settings that it was tried on, over all tasks, under which it diverged.
    """

    fitness: float
    tasks: dict[str, TaskResult]
    diverged: float = 0.0


def best_skill(plan: RunPlan, task: str, tries: Mapping[Setting, Try]) -> tuple[float, Setting] | None:
    """Return the best skill and its setting, the earliest of equals.

    Args:
        plan: The run's plan.
        task: What people call the task.
        tries: A cell's trials on it.

    Returns:
        None if nothing has a score.
    """
    skills = ((plan.skill(task, tried.score), setting) for setting, tried in tries.items())
    scored = [(skill, setting) for skill, setting in skills if skill is not None]
    return max(scored, key=lambda pair: pair[0]) if scored else None


def ratio(
    plan: RunPlan, task: str, tries: Mapping[Setting, Try], baseline: Mapping[Setting, Try]
) -> float | None:
    """Return best against best; over the settings that both have under `paired`.

    Args:
        plan: The run's plan.
        task: What people call the task.
        tries: The cell's.
        baseline: The GRU's.

    Returns:
        None without a score on either side, or where the GRU has learned nothing.
    """
    if plan.rule == "paired":
        tries, baseline = _shared(tries, baseline), _shared(baseline, tries)
    best, other = best_skill(plan, task, tries), best_skill(plan, task, baseline)
    if best is None or other is None or other[0] <= 0:
        return None
    return best[0] / other[0]


def _shared(tries: Mapping[Setting, Try], others: Mapping[Setting, Try]) -> dict[Setting, Try]:
    return {setting: tried for setting, tried in tries.items() if setting in others}


def judge(plan: RunPlan, tries: Tries, baseline: Tries) -> Judgement | None:
    """Return a cell's fitness.

    Args:
        plan: The run's plan.
        tries: The cell's trials.
        baseline: The GRU's.

    Returns:
        None unless it has a finite ratio on every task, and diverges under no more settings than the preset allows.
    """
    results = {}
    for task in plan.tasks:
        result = _result(plan, task.name, tries.get(task.name, {}), baseline[task.name])
        if result is None:
            return None
        results[task.name] = result
    diverged = _diverged(plan, tries)
    if diverged > plan.preset.search.stability:
        return None
    return Judgement(min(result.ratio for result in results.values()), results, diverged)


def _diverged(plan: RunPlan, tries: Tries) -> float:
    """Return the share of a cell's settings under which it diverged."""
    scores = [tried.score for task in plan.tasks for tried in tries[task.name].values()]
    return scores.count(None) / len(scores)


def _result(
    plan: RunPlan, task: str, tries: Mapping[Setting, Try], baseline: Mapping[Setting, Try]
) -> TaskResult | None:
    """Return a cell's best on one task, None without a finite ratio."""
    compared = _shared(tries, baseline) if plan.rule == "paired" else tries
    against, best = ratio(plan, task, compared, baseline), best_skill(plan, task, compared)
    if against is None or best is None or not math.isfinite(against):
        return None
    skill, setting = best
    tried = compared[setting]
    assert tried.score is not None
    return TaskResult(
        score=tried.score,
        skill=skill,
        ratio=against,
        setting=setting,
        units=tried.units,
        settings=len(compared),
        steps=tried.steps,
    )
